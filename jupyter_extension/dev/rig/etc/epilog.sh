#!/bin/bash
# Runs as root on each node of a job that has ended.
rm -f "@NODEFILES@/$SLURM_JOB_ID"
exit 0
