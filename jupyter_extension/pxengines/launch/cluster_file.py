"""What ``ipcluster list`` and ``ipcluster stop`` read (ipyparallel's Cluster.to_dict)."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from .files import write_atomic
from .paths import RunPaths
from .spec import JobSpec

CONTROLLER_LAUNCHER = "jupyterlab_engines.launchers.EngineJobControllerLauncher"
ENGINES_LAUNCHER = "jupyterlab_engines.launchers.EngineJobEngineSetLauncher"
"""Those that know of batch jobs. Named, not imported: nodes need not have them."""


def write_cluster_file(paths: RunPaths, spec: JobSpec, mpiexec_pid: int | None) -> None:
    """Write the cluster file of a run that this process, its job, has started.

    Parameters
    ----------
    mpiexec_pid : of a local run's mpiexec; None under a batch system, where launchers find the jobs'
        ids in the run directory.
    """

    def state(**more: Any) -> dict[str, Any]:
        common = {
            "profile_dir": str(paths.profile_dir),
            "cluster_id": paths.cluster_id,
            "state": "running",
        }
        return {**common, **more}

    def process(pid: int) -> dict[str, Any]:
        # No output_file: ipyparallel would remove it when it stops the cluster, and the log is ours.
        return {"pid": pid, "output_file": ""}

    if mpiexec_pid is not None:
        # `ipcluster stop` signals these two: this process, which ends everything, and mpiexec.
        controller = {"class": "local", "state": state(**process(os.getpid()))}
        engines_class, engines = "mpi", state(**process(mpiexec_pid), n=spec.engines)
    else:
        controller = {"class": CONTROLLER_LAUNCHER, "state": state(run_id=spec.run_id)}
        engines_class, engines = ENGINES_LAUNCHER, state(run_id=spec.run_id, n=spec.engines)
    content = {
        "cluster": {
            "class": "ipyparallel.cluster.cluster.Cluster",
            "cluster_id": paths.cluster_id,
            "profile_dir": str(paths.profile_dir),
            "controller_args": [],
            "controller_ip": "",
            "controller_location": "",
            "delay": 0.0,
            "n": spec.engines,
        },
        "controller": controller,
        "engines": {"class": engines_class, "sets": {str(int(time.time())): engines}},
    }
    write_atomic(paths.cluster_file, json.dumps(content).encode())
