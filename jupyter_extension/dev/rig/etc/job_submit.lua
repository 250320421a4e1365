-- What Slurm's Torque commands leave undone (job_submit/lua; see also job_submit/pbs).
-- 1. No partition can be called "default", a reserved word: `qsub -q default` means batch.
-- 2. nodes=N:ppn=P arrives as N nodes and N*P tasks, which would be placed as (N*P-1)+1: force P a node.
local UNSET_TASKS, UNSET_NODES, UNSET_TASKS_PER_NODE = 1000000, 100000, 65534

function slurm_job_submit(job, partitions, uid)
   if job.partition == "default" then
      job.partition = "batch"
   end
   local nodes, tasks = job.min_nodes, job.num_tasks
   if nodes and tasks and nodes > 1 and nodes < UNSET_NODES and tasks < UNSET_TASKS
      and tasks % nodes == 0
      and (job.ntasks_per_node == nil or job.ntasks_per_node >= UNSET_TASKS_PER_NODE) then
      job.ntasks_per_node = tasks / nodes
   end
   return slurm.SUCCESS
end

function slurm_job_modify(job, record, partitions, uid)
   return slurm.SUCCESS
end

return slurm.SUCCESS
