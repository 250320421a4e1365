"""The table of faults, row by row."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import pytest
from batchsite import SETTINGS, BatchSite, jobs_of
from table import ALL, JOBS, QDEL, QSTAT, QSUB, Deletion, Row, Silence

from jupyterlab_engines.api.models import Cluster


class Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def dialects(self) -> tuple[str, ...]: ...


def rows(table: Iterable[Named]) -> pytest.MarkDecorator:
    """Run a test with each row, in each of its dialects."""
    found = [(row, dialect) for row in table for dialect in row.dialects]
    found.sort(key=lambda pair: ("openpbs", "torque", "slurm").index(pair[1]))
    return pytest.mark.parametrize(
        ("row", "dialect"), found, ids=[f"{row.name}-{dialect}" for row, dialect in found]
    )


def states(cluster: Cluster) -> list[str]:
    """Return the states a cluster went through."""
    return [step.state for step in cluster.history]


def judge(site: BatchSite, row: Row) -> None:
    """Compare the card with the row."""
    cluster = site.until_state(row.state, "failed")
    assert cluster.state == row.state, cluster.failure
    if row.state == "failed":
        assert cluster.failure is not None
        assert row.code in (None, cluster.failure.code), cluster.failure
        assert re.search(row.says, cluster.failure.message + cluster.failure.log_tail, re.IGNORECASE)


@rows(QSUB)
def test_qsub(site: BatchSite, row: Row) -> None:
    site.pbs.pause()
    before = {job.job_id for job in site.pbs.jobs()}
    assert row.fault is not None
    name, options = row.fault
    site.pbs.set_fault("qsub", name, times=1, **options)
    site.start()
    judge(site, row)
    new = [job for job in site.pbs.jobs() if job.job_id not in before]
    assert len(new) == row.jobs
    assert [job.job_id for job in jobs_of(site.cluster())] == ([job.job_id for job in new] or [None])
    site.check()
    site.end()


@rows(QSTAT)
def test_qstat(site: BatchSite, row: Silence) -> None:
    site.pbs.pause()
    site.start()
    started = site.until_state("queued")
    site.until(lambda c: jobs_of(c)[0].state == "queued", "the first reading")
    asked = len(site.pbs.calls("qstat"))
    site.pbs.set_fault("qstat", row.fault, times=row.times, **row.options)
    if row.unknown:
        told = site.until(lambda c: c.batch and c.batch.unknown_since is not None, "the silence to be told")
        assert told.batch is not None
        assert told.state == "queued"
        assert told.batch.unknown_why
        assert told.batch.unknown_since is not None
        assert told.batch.unknown_since <= time.time()
    else:
        least = asked + (row.times or 1)
        site.server.until(lambda: len(site.pbs.calls("qstat")) > least, "the faulty answers")
    site.pbs.clear_faults()
    known = site.until(
        lambda c: c.batch and c.batch.unknown_since is None and jobs_of(c)[0].state == "queued",
        "the next answer",
    )
    assert known.run_id == started.run_id
    assert states(known) == ["submitting", "queued"]
    site.check()
    site.end()


@rows(QDEL)
def test_qdel(site: BatchSite, row: Deletion) -> None:
    site.pbs.pause()
    site.start()
    site.until_state("queued")
    site.pbs.set_fault("qdel", row.fault, times=row.times)
    before = len(site.pbs.calls("qdel"))
    site.server.stop("pbs")
    site.until_state("stopped")
    assert site.alive() == []
    assert len(site.pbs.calls("qdel")) - before > row.times
    site.check()


@rows(JOBS)
def test_job(site: BatchSite, row: Row) -> None:
    if row.profile:
        site.put_profile(**row.profile)
    before = {job.job_id for job in site.pbs.jobs()}
    site.start()
    if row.act is not None:
        row.act(site)
    if row.state == "ready" and row.act is not None:
        again = site.until(lambda c: states(c).count("ready") == 2, "ready again")
        assert states(again)[-4:] == ["ready", "queued", "starting", "ready"]
        assert site.pbs.job(site.job_id()).run_count == 2
    judge(site, row)
    assert len({job.job_id for job in site.pbs.jobs()} - before) <= row.jobs
    site.check()
    site.end()


# --- what does not fit into a table


def test_held_released_and_run(site: BatchSite) -> None:
    site.pbs.pause()
    site.start()
    site.until_state("queued")
    job_id = site.job_id()
    site.pbs.hold(job_id)
    held = site.until(lambda c: jobs_of(c)[0].state == "held", "the hold to be told")
    assert held.state == "queued"
    site.pbs.pause(False)
    site.check()
    site.pbs.release(job_id)
    assert site.until_state("ready", "failed").state == "ready"
    site.end()


def test_five_thousand_jobs_of_others(site: BatchSite) -> None:
    site.pbs.pause()
    site.start()
    site.until_state("queued")
    site.pbs.let_others_be_seen()
    others = site.pbs.add_foreign_jobs(5000)
    site.crowded = True  # they stay: the next row gets another site
    site.until(lambda c: jobs_of(c)[0].state == "queued", "the first reading")
    site.server.call("POST", "jobs", "refresh")
    mine = site.job_id()

    def listed() -> set[str]:
        return {job["job_id"] for job in site.server.call("GET", "jobs").json()["jobs"]}

    site.server.until(lambda: mine in listed(), "the table")
    assert not listed() & set(others)
    # A job of somebody else cannot be deleted from here, and that is said.
    refused = site.server.call("POST", "jobs", others[0], "delete")
    assert refused.json()["code"] == "scheduler_refused", refused.text
    assert others[0] in refused.json()["message"]
    site.check()
    site.end()


def test_a_job_that_lives_on_after_qdel(site: BatchSite) -> None:
    site.start()
    site.until_state("ready")
    job_id = site.job_id()
    site.pbs.set_fault("qdel", "ignored", times=1, seconds=4)
    calls = len(site.pbs.calls("qdel"))
    site.server.stop("pbs")
    site.server.until(lambda: len(site.pbs.calls("qdel")) > calls, "qdel")
    assert site.cluster().state == "stopping"
    assert site.pbs.job(job_id).state == "R"
    site.until_state("stopped")
    assert site.pbs.job(job_id).state == "F"
    assert len(site.pbs.calls("qdel")) == calls + 1
    site.check()


@pytest.mark.parametrize("prologue", ["module load mpi\r", "echo a\r\necho b", "\x00"])
def test_a_script_with_carriage_returns_is_never_written(site: BatchSite, prologue: str) -> None:
    settings = {**SETTINGS, "prologue": [prologue]}
    response = site.server.call("PUT", "profiles", "pbs", body={"create": False, "settings": settings})
    assert response.status_code == 400, response.text
    assert response.json()["message"]


@pytest.mark.parametrize("dialect", ALL)
def test_commands_of_a_start(site: BatchSite) -> None:
    """One qsub, no search for the job; besides that, at most one question a second."""
    before = len(site.pbs.calls())
    began = time.monotonic()
    site.start()
    site.until_state("ready")
    seconds = time.monotonic() - began
    start = Counter(call.command for call in site.pbs.calls()[before:])
    site.end()
    whole = Counter(call.command for call in site.pbs.calls()[before:])
    assert start["qsub"] == whole["qsub"] == 1
    assert start["qselect"] == start["qdel"] == 0
    assert start["pbsnodes"] <= 1
    # The job at most once a second; the table, and the queues when their limits are not known yet.
    assert start["qstat"] <= seconds + 4
    assert whole["qdel"] == 1
    print(f"{site.dialect}: {dict(start)} in {seconds:.1f} s to ready, {dict(whole)} to stopped")
