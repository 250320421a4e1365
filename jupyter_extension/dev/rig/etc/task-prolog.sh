#!/bin/bash
# Slurm's Torque commands set no PBS_NODEFILE. Slurm runs this as the user before each task and puts each
# printed "export NAME=VALUE" into the task's environment. Once a job: its steps inherit the variable.
[ -z "$PBS_NODEFILE" ] && [ -n "$SLURM_JOB_NODELIST" ] || exit 0
file=@NODEFILES@/$SLURM_JOB_ID
if [ ! -s "$file" ]; then
  written=$(SLURM_NODELIST=$SLURM_JOB_NODELIST /usr/bin/generate_pbs_nodefile) && mv "$written" "$file"
fi
echo "export PBS_NODEFILE=$file"
