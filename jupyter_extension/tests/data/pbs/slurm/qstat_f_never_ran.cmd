qstat -f 2
