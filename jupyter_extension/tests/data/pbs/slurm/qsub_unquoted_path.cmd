qsub -j oe -o 'a;b' -N x job.sh
