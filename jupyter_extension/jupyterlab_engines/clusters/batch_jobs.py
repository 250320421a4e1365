"""The jobs of one batch run under watch: what was last seen of each, and what that says of the cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from pxengines.launch.paths import RunPaths

from ..api.models import Batch, Job, JobRole, JobState
from ..jobs.follow import Followed, Gone, Present, Sighting
from ..jobs.watch import JobWatch
from .processes import lock_held

WAITING: frozenset[JobState] = frozenset({"queued", "held", "waiting"})
ACTIVE: frozenset[JobState] = frozenset({"running", "suspended", "exiting"})

_RESTART_SECONDS = 1.5
"""A job whose start moved by more than this was started anew; schedulers tell it in whole seconds."""
_LAST_SECONDS = 40.0
"""How long processes may outlive their job's end: Slurm says C at once, and kills 30 s later (KillWait)."""
_LOOK_SECONDS = 0.1


class RunJobs:
    """The jobs of one run, as the scheduler last told.

    Parameters
    ----------
    tell : called with each reading of a job.
    """

    def __init__(self, watch: JobWatch, paths: RunPaths, tell: Callable[[JobRole, Sighting], None]) -> None:
        self._watch = watch
        self._paths = paths
        self._tell = tell
        self._followed: dict[JobRole, Followed] = {}
        self._seen: dict[JobRole, Sighting] = {}
        self._over_at: dict[JobRole, float] = {}

    def follow(self, role: JobRole, job_id: str) -> None:
        """Follow the job of a role; again changes nothing."""
        if role not in self._followed:
            self._followed[role] = self._watch.follow(job_id, lambda seen: self._saw(role, seen))

    def hurry(self) -> None:
        """Ask soon and often: they are about to change."""
        for followed in self._followed.values():
            followed.hurry(time.monotonic())

    def calm(self) -> None:
        """Ask rarely: nothing is expected of them."""
        for followed in self._followed.values():
            followed.calm()

    def close(self) -> None:
        """Follow them no more."""
        for followed in self._followed.values():
            followed.close()

    def seen(self, role: JobRole) -> Sighting | None:
        """Return what was last seen of a job; None: nothing yet."""
        return self._seen.get(role)

    def over(self, role: JobRole) -> bool:
        """Tell whether the scheduler says that a job has ended, or does not know it any more."""
        seen = self._seen.get(role)
        return isinstance(seen, Gone) or (isinstance(seen, Present) and seen.job.state == "finished")

    async def ended(self, role: JobRole) -> None:
        """Return when a job that is over has ended itself, as its lock tells.

        Slurm calls a job completed as soon as its end begins. What lives on then is waited for, but not
        for ever: the lock of a node that is lost is free only when the file server gives it up.
        """
        if role not in self._over_at:
            return
        deadline = self._over_at[role] + _LAST_SECONDS
        lock = self._paths.lock_of(role)
        while (  # noqa: ASYNC110 - nothing tells that a lock is free
            time.monotonic() < deadline
            and isinstance(self._seen.get(role), Present)
            and await asyncio.to_thread(_locked, lock)
        ):
            await asyncio.sleep(_LOOK_SECONDS)

    def _saw(self, role: JobRole, seen: Sighting) -> None:
        self._seen[role] = seen
        if self.over(role):
            self._over_at.setdefault(role, time.monotonic())
        self._tell(role, seen)


def _locked(lock: Path) -> bool:
    try:
        return lock_held(lock)
    except OSError:  # a file system without locks: there the scheduler alone knows whether a job lives
        return False


def started_anew(before: float | None, job: Job) -> bool:
    """Tell whether a running job is not in the run any more that began at `before` (epoch seconds)."""
    return (
        job.state == "running"
        and before is not None
        and job.started_at is not None
        and job.started_at - before > _RESTART_SECONDS
    )


def with_reading(
    batch: Batch, role: JobRole, job: Job, *, main: bool, anew: bool, notice: str | None, at: float
) -> Batch:
    """Return what is known of a cluster's jobs after a reading of one of them.

    Parameters
    ----------
    main : whether this job runs the engines.
    anew : whether it was started again, though it was never seen waiting.
    notice : what is to be told of a cluster whose job runs.
    at : now, in epoch seconds.
    """
    jobs = [
        msgspec.structs.replace(
            known,
            state=job.state,
            outcome=job.outcome,
            since=at if anew or known.state != job.state else known.since,
        )
        if known.role == role
        else known
        for known in batch.jobs
    ]
    batch = msgspec.structs.replace(batch, jobs=jobs)
    waits = job.state in WAITING
    if not main and not waits:
        return batch
    ends_at = batch.ends_at
    if main and waits:
        ends_at = None  # also of one that ran before: it gets its whole walltime again
    elif main and job.state in ACTIVE and job.started_at is not None and job.walltime_seconds is not None:
        ends_at = job.started_at + job.walltime_seconds
    return msgspec.structs.replace(
        batch,
        reason=job.comment if waits else notice if job.state in ACTIVE else None,
        estimated_start_at=job.estimated_start_at if waits else None,
        ends_at=ends_at,
    )
