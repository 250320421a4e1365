"""What a reading of a job says of its cluster, and the signs that come before it."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyterlab_engines.api.jobs import Job, JobOutcome
from jupyterlab_engines.api.models import Batch, ClusterJob, Resources
from jupyterlab_engines.clusters import state
from jupyterlab_engines.clusters.batch_end import why_batch_ended
from jupyterlab_engines.clusters.batch_jobs import RunJobs, started_anew, with_reading
from jupyterlab_engines.clusters.batch_signs import Pulse, Signs
from jupyterlab_engines.clusters.processes import lock_held
from jupyterlab_engines.clusters.store import Owner, RunRecord
from jupyterlab_engines.jobs.clock import Clock
from jupyterlab_engines.jobs.follow import Gone, Pace, Present, Sighting
from jupyterlab_engines.jobs.status import no_scheduler
from jupyterlab_engines.jobs.watch import JobWatch
from jupyterlab_engines.scheduler.local import LocalScheduler
from pxengines.launch.events import append_event
from pxengines.launch.paths import RunPaths

RUNNING = Job(
    job_id="7.head",
    name="pxe0123456789a",
    owner="anna",
    queue="batch",
    state="running",
    letter="R",
    array_id=None,
    nodes=1,
    cores=2,
    memory_bytes=None,
    walltime_seconds=600,
    elapsed_seconds=None,
    submitted_at=50.0,
    started_at=100.0,
    ended_at=None,
    estimated_start_at=None,
    hosts=[],
    comment="Job run at noon",
    never_runs=False,
    outcome=None,
    cluster=None,
    role=None,
    orphan=False,
)
NEW = Batch(
    dialect="openpbs",
    placement="in_job",
    resources=Resources(
        queue=None,
        walltime_seconds=600,
        nodes=None,
        engines_per_node=None,
        cores_per_engine=None,
        memory_bytes=None,
        account=None,
    ),
    jobs=[
        ClusterJob(
            role="cluster", name=RUNNING.name, job_id=RUNNING.job_id, state="queued", since=50.0, outcome=None
        )
    ],
    reason=None,
    estimated_start_at=None,
    ends_at=None,
    unknown_since=None,
    unknown_why=None,
)
UNKNOWN = JobOutcome(code="unknown", exit_status=None, signal=None)
NEVER_RAN = JobOutcome(code="never_ran", exit_status=None, signal=None)
DEAD_NODE = JobOutcome(code="never_ran", exit_status=-2, signal=None)


def seen(job: Job, **changes: Any) -> Job:
    return msgspec.structs.replace(job, **changes)


def reading(batch: Batch, job: Job, at: float, anew: bool = False, notice: str | None = None) -> Batch:
    return with_reading(batch, "cluster", job, main=True, anew=anew, notice=notice, at=at)


# --- readings


def test_a_job_that_runs_has_an_end_and_no_reason() -> None:
    ready = reading(NEW, RUNNING, 101.0)
    assert (ready.reason, ready.ends_at) == (None, 700.0)
    assert (ready.jobs[0].state, ready.jobs[0].since) == ("running", 101.0)
    assert reading(ready, RUNNING, 150.0) == ready


def test_a_requeued_job_begins_its_time_anew() -> None:
    ready = reading(NEW, RUNNING, 101.0)
    waits = seen(RUNNING, state="held", started_at=None, comment="Job held by anna")
    again = reading(ready, waits, 200.0)
    assert (again.jobs[0].state, again.jobs[0].since) == ("held", 200.0)
    assert (again.reason, again.ends_at) == ("Job held by anna", None)


def test_one_that_was_never_seen_waiting_does_so_too() -> None:
    ready = reading(NEW, RUNNING, 101.0)
    later = seen(RUNNING, started_at=300.0)
    assert not started_anew(None, RUNNING) and not started_anew(100.0, seen(RUNNING, started_at=101.0))
    assert started_anew(100.0, later)
    again = reading(ready, later, 310.0, anew=True)
    assert (again.jobs[0].since, again.ends_at) == (310.0, 900.0)


def test_a_notice_is_told_while_the_job_runs() -> None:
    silent = reading(NEW, RUNNING, 101.0, notice="nobody answers")
    assert silent.reason == "nobody answers"
    ended = reading(silent, seen(RUNNING, state="finished", outcome=UNKNOWN), 150.0, notice="nobody answers")
    assert (ended.reason, ended.ends_at, ended.jobs[0].outcome) == (None, 700.0, UNKNOWN)


# --- signs


def test_a_sign_counts_once() -> None:
    signs, started = Signs(), {"event": "job_started", "at": 1.0}
    quiet: dict[str, Any] = {"asked": False, "degraded": False, "time_over": False, "silent": False}
    assert not signs.new([started], **quiet)
    assert signs.calm
    assert signs.new([started, {"event": "stopping", "at": 2.0}], **quiet)
    assert not signs.calm
    assert not signs.new([started, {"event": "stopping", "at": 2.0}], **quiet)
    assert signs.new([{"event": "job_started", "at": 3.0}], **quiet)
    assert signs.new([{"event": "job_started", "at": 3.0}], **{**quiet, "silent": True})
    assert not signs.new([{"event": "job_started", "at": 3.0}], **quiet)
    assert signs.new([{"event": "job_started", "at": 3.0}], **{**quiet, "asked": True})


def test_one_answer_that_is_missed_is_no_news() -> None:
    told: list[bool] = []
    pulse = Pulse(1.0, lambda: told.append(pulse.lost))
    for answered in (False, True, False, False, False, True, True):
        pulse.heard(answered)
    assert told == [True, False]


# --- ends


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    found = RunPaths.of_key("pbs")
    found.run_dir.mkdir(parents=True)
    return found


def ended(paths: RunPaths, batch: Batch) -> str:
    """Return the code of the failure of a run whose job ended unasked."""
    cluster = state.new_cluster(
        key="pbs", profile="pbs", cluster_id="", run_id="r", engines=2, at=0.0, batch=batch
    )
    record = RunRecord(
        cluster=cluster, idempotency_key="", owner=Owner.this_process(), job_pid=None, job_started=None
    )
    found = why_batch_ended(paths, record, python="python", registered_most=0, now=100.0)
    assert found is not None
    return found.code


@pytest.mark.parametrize(
    ("outcome", "code"), [(NEVER_RAN, "job_deleted"), (DEAD_NODE, "job_exited")], ids=["qdel", "no-node"]
)
def test_a_job_that_never_ran_was_deleted_unless_a_node_refused_it(
    paths: RunPaths, outcome: JobOutcome, code: str
) -> None:
    gone = reading(NEW, seen(RUNNING, state="finished", started_at=None, outcome=outcome), 60.0)
    assert ended(paths, gone) == code


def test_a_job_that_vanished_from_the_queue_was_deleted_unless_it_ran(
    paths: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyterlab_engines.clusters.batch_end._OUTPUT_SECONDS", 0.0)
    assert ended(paths, NEW) == "job_deleted"
    append_event(paths.events, "job_started", run_id="r", pid=1)
    assert ended(paths, NEW) == "job_lost"


@contextmanager
def locked(paths: RunPaths) -> Iterator[None]:
    """Hold the lock as a job does."""
    with open(paths.lock, "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def followed(paths: RunPaths, told: list[Sighting]) -> tuple[RunJobs, Any]:
    """Return the jobs of a run, and what tells them what the scheduler says of the only one."""
    watch = JobWatch(
        LocalScheduler(paths.run_dir / "jobs", {}, "anna"),
        no_scheduler("anna", 0.0),
        pace=Pace(),
        put=lambda jobs: None,
        put_status=lambda status: None,
        watched=lambda: False,
        clock=Clock(),
        log=logging.getLogger("test"),
    )
    jobs = RunJobs(watch, paths, lambda role, sighting: told.append(sighting))
    jobs.follow("cluster", RUNNING.job_id)
    (one,) = watch._followed
    return jobs, one


async def test_a_job_that_is_over_has_ended_when_its_lock_is_free(paths: RunPaths) -> None:
    told: list[Sighting] = []
    jobs, one = followed(paths, told)
    await jobs.ended("cluster")  # nothing is known of it: nothing is waited for
    over = seen(RUNNING, state="finished", outcome=UNKNOWN)
    with locked(paths):
        one.present(over, time.monotonic(), watched=False)
        assert jobs.over("cluster") and told == [Present(over)]
        waiting = asyncio.create_task(jobs.ended("cluster"))
        done, _ = await asyncio.wait({waiting}, timeout=0.5)
        assert not done
    await waiting


async def test_a_job_that_the_scheduler_forgot_is_not_waited_for(paths: RunPaths) -> None:
    jobs, one = followed(paths, [])
    with locked(paths):
        one.missing(0.0)
        one.missing(0.0)
        assert isinstance(jobs.seen("cluster"), Gone)
        await jobs.ended("cluster")


async def test_a_lock_that_is_never_free_is_not_waited_for_for_ever(
    paths: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyterlab_engines.clusters.batch_jobs._LAST_SECONDS", 0.3)
    jobs, one = followed(paths, [])
    with locked(paths):
        one.present(seen(RUNNING, state="finished", outcome=UNKNOWN), time.monotonic(), watched=False)
        await jobs.ended("cluster")


def test_who_only_asks_for_a_lock_is_no_job(paths: RunPaths) -> None:
    paths.lock.touch()
    with open(paths.lock) as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not lock_held(paths.lock)
