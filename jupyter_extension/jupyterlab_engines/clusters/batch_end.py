"""Why the jobs of a batch cluster ended: what the scheduler says of them, and what they told themselves."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

from pxengines.launch.files import read_tail
from pxengines.launch.paths import RunPaths

from ..api.models import ClusterJob, Failure, JobOutcome, JobRole
from .batch_jobs import WAITING
from .care import read_run_events, why_run_ended
from .store import RunRecord
from .words import failure

_LINES = 200
_OUTPUT_SECONDS = 5.0
_NEAR_SECONDS = 15.0
"""A job that ended this close to the end of its walltime, for no known reason, was ended by it."""
_VAGUE = frozenset({"job_killed", "internal"})
_TIME_IS_OVER = re.compile(
    r"^(?:=>> PBS: job killed: walltime \d+ exceeded limit|slurmstepd.*CANCELLED AT .*DUE TO TIME LIMIT)",
    re.MULTILINE,
)
"""What schedulers write into the output of a job that they end; Slurm's commands tell no exit status."""


def why_batch_ended(
    paths: RunPaths, record: RunRecord, *, python: str, registered_most: int, now: float
) -> Failure | None:
    """Return why a run is over whose job ended unasked; None if it ended in order. Blocks."""
    batch = record.cluster.batch
    if batch is None:
        raise ValueError("not a cluster of a batch system")
    jobs = {job.role: job for job in batch.jobs}
    main = jobs.get("cluster") or jobs["engines"]
    ended = _first_ended(jobs, main)
    job_id = ended.job_id or ""
    outcome = ended.outcome
    code = outcome.code if outcome is not None else None
    if code != "never_ran":
        _wait_for_output(paths, ended.role)
    log, _ = read_tail(paths.job_log(ended.role), _LINES)
    told_by_scheduler = _TIME_IS_OVER.search(log) is not None
    if (
        code == "walltime"
        or (code != "succeeded" and told_by_scheduler)
        or (
            code in (None, "unknown", "deleted", "signal")
            and batch.ends_at is not None
            and now > batch.ends_at - _NEAR_SECONDS
        )
    ):
        walltime = clock_time(batch.resources.walltime_seconds)
        return failure("job_walltime", {"job_id": job_id, "walltime": walltime}, log)
    if code == "memory":
        return failure("job_memory", {"job_id": job_id, "memory": _size(batch.resources.memory_bytes)}, log)
    told = read_run_events(paths)
    own = why_run_ended(paths, record, python=python, registered_most=registered_most, stop_asked=False)
    if told and own is not None and own.code not in _VAGUE:
        return own
    if (
        code == "deleted"
        or _taken_from_the_queue(ended, told=bool(told or log))
        or (told and own is None and code in (None, "unknown", "signal", "exit_status"))
    ):
        return failure("job_deleted", {"job_id": job_id}, log)
    if code == "succeeded" and told and own is None:
        return None
    if outcome is None or (code == "unknown" and told):
        return failure("job_lost", {"job_id": job_id}, log)
    return failure("job_exited", {"job_id": job_id, "status": outcome_words(outcome)}, log)


def outcome_words(outcome: JobOutcome) -> str:
    """Return how a job ended in English words, e.g. ``exit status 127: command not found``."""
    status = outcome.exit_status
    if outcome.code == "signal":
        return f"ended by {outcome.signal or 'a signal'}"
    if outcome.code == "command_not_found":
        return f"exit status {status}: command not found"
    if outcome.code == "shell_missing":
        return f"exit status {status}: the shell of the script could not be started"
    if outcome.code == "never_ran":
        return "it never ran"
    if outcome.code == "cpu_time":
        return "its CPU time was used up"
    if status is None:
        return ""
    return f"exit status {status}"


def clock_time(seconds: int | None) -> str:
    """Return seconds as qstat prints them, ``01:30:00``; empty if not known."""
    if seconds is None:
        return ""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _first_ended(jobs: Mapping[JobRole, ClusterJob], main: ClusterJob) -> ClusterJob:
    over = [job for job in jobs.values() if job.state == "finished" or job.outcome is not None]
    return main if main in over or not over else over[0]


def _taken_from_the_queue(job: ClusterJob, *, told: bool) -> bool:
    """Tell whether a job was deleted before it ran: schedulers then have no exit status, or forget it.

    A node that cannot start a job leaves a status, and a job that ran leaves an output.
    """
    if job.outcome is None:
        return job.state in WAITING and not told
    return job.outcome.code == "never_ran" and job.outcome.exit_status is None


def _wait_for_output(paths: RunPaths, role: JobRole) -> None:
    """Wait a little for the job's output: OpenPBS delivers it when the job has ended."""
    deadline = time.monotonic() + _OUTPUT_SECONDS
    while not read_run_events(paths) and not paths.job_log(role).exists() and time.monotonic() < deadline:
        time.sleep(0.2)


def _size(memory_bytes: int | None) -> str:
    return "" if memory_bytes is None else f"{memory_bytes / 2**30:.3g} GiB"
