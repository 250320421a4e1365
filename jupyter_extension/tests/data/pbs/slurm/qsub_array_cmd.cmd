qsub -t 1-4 arr.sh | tee /home/user/jobs/jid.arr
