"""Many jobs that are only shown, never run: a busy machine, and benchmarks."""

from __future__ import annotations

import time
from collections.abc import Sequence

from . import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .store import Job, State


def crowd_of(state: State, first: int, count: int, owner: str) -> Sequence[Job]:
    """Return jobs that are only shown, every second one running, numbered from `first`."""
    now = time.time()
    kept = state["next"]
    state["next"] = first
    jobs = []
    for number in range(count):
        running = number % 2 == 0
        job = core.new_job(
            state,
            owner,
            now - 7200,
            name=f"crowd{number % 100}",
            queue=state["default_queue"],
            substate=42 if running else 10,
            walltime=86400,
            chunks=[{"ncpus": 4, "mpiprocs": 4}, {"ncpus": 4, "mpiprocs": 4}],
            scatter=True,
            resources={"nodes": "2:ppn=4", "walltime": "24:00:00"},
            variables=[["PBS_O_HOME", f"/home/{owner}"], ["PBS_O_HOST", state["server"]]],
            started=now - 3600 if running else None,
            exec_host=[["n1", [0, 1, 2, 3]], ["n2", [0, 1, 2, 3]]] if running else [],
            run_count=int(running),
            session=20000 + number if running else None,
            workdir=f"/home/{owner}/work",
            submit_args="job.sh",
            request={"home": f"/home/{owner}", "script_name": "job.sh"},
        )
        job["state"] = "R" if running else "Q"
        jobs.append(job)
    state["next"] = kept
    return jobs
