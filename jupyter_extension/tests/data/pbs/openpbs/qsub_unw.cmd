[pbsuser] qsub -N unw -o /admin/x.out -e /admin/x.err -l walltime=00:01:00 exit0.sh
