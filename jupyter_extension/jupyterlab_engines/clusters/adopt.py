"""What to do with a run whose server is gone: look after it again, or clean it up.

Blocks: call it in a thread.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from pxengines.launch.events import read_events
from pxengines.launch.paths import RunPaths
from pxengines.launch.spec import JobSpec

from ..api.models import Failure
from . import state
from .care import why_run_ended
from .processes import JobProcess, end_run, lock_held, of_run, remove_traces, started_at
from .store import Owner, RunRecord, process_lives, remove_unfinished
from .words import failure


@dataclass(frozen=True)
class Adopted:
    """A run to look after: its record, and its job if that lives; else the record says how it ended."""

    record: RunRecord
    job: JobProcess | None


def take_over(paths: RunPaths, record: RunRecord | None, owner: Owner, python: str) -> Adopted | None:
    """Return what becomes of the run in `paths`; None if there is nothing to show.

    Parameters
    ----------
    record : its record; None if there is none or it cannot be read: then the order and the
        job's events stand in for it.
    owner : this server, from now on the one that looks after it.
    python : the engines' Python, for words.
    """
    remove_unfinished(paths)
    alive = lock_held(paths.lock)
    unreadable = record is None and paths.record.exists()
    if record is None:
        record = rebuild(paths, owner)
        if record is None or not (alive or unreadable):
            return None
    record = msgspec.structs.replace(record, owner=owner)
    if alive:
        job = _find_job(paths, record)
        if job is not None:
            record = msgspec.structs.replace(record, job_pid=job.pid, job_started=job.started)
            return Adopted(record, job)
    # Its job is gone, or was about to begin when its server died.
    events = {event["event"] for event in read_events(paths.events)}
    left = end_run(record.cluster.run_id, 2.0)
    remove_traces(paths, record.job_pid)
    cluster, at = record.cluster, time.time()
    why: Failure | None
    if left:
        pids = ", ".join(str(pid) for pid in left)
        why = failure("stop_incomplete", {"pids": pids, "host": owner.host})
    elif unreadable:
        why = failure("internal", {"detail": f"the record of the last run could not be read: {paths.record}"})
    elif cluster.state == "stopping":
        why = None
    elif cluster.state in ("submitting", "queued", "starting") and "job_ended" not in events:
        why = failure("start_interrupted")
    else:
        why = why_run_ended(
            paths,
            record,
            python=python,
            registered_most=cluster.engines_registered,
            stop_asked=False,
        )
    if why is not None:
        cluster = state.advance(cluster, state.Failed(at, why))
    else:
        if cluster.state != "stopping":
            cluster = state.advance(cluster, state.StopAsked(at))
        cluster = state.advance(cluster, state.Ended(at))
    return Adopted(msgspec.structs.replace(record, cluster=cluster), None)


def rebuild(paths: RunPaths, owner: Owner) -> RunRecord | None:
    """Return a record made from the order and the job's events; None without an order."""
    try:
        spec = JobSpec.read(paths.spec)
        created_at = paths.spec.stat().st_mtime
    except (OSError, ValueError, TypeError):
        return None
    cluster = state.new_cluster(
        key=paths.key,
        profile=paths.profile,
        cluster_id=paths.cluster_id,
        run_id=spec.run_id,
        engines=spec.engines,
        at=created_at,
    )
    return RunRecord(cluster=cluster, idempotency_key="", owner=owner, job_pid=None, job_started=None)


def _find_job(paths: RunPaths, record: RunRecord) -> JobProcess | None:
    """Return the job that holds the lock: the one recorded, or the one that its events or its run id name."""
    if record.job_pid is not None and process_lives(record.job_pid, record.job_started):
        return JobProcess(pid=record.job_pid, started=record.job_started, child=False)
    ours = {process.pid for process in of_run(record.cluster.run_id)}
    for event in reversed(read_events(paths.events)):
        pid = event.get("pid")
        if event["event"] == "job_started" and isinstance(pid, int) and pid in ours:
            return JobProcess(pid=pid, started=started_at(pid), child=False)
    return None
