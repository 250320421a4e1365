"""Slurm's Torque commands never say how a job ended; whom this server deleted, it knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from fakepbs import FakePBS
from simulated_job import a_job
from test_orphans import Submit, desk

from jupyterlab_engines.api.jobs import Job, JobOutcome
from jupyterlab_engines.jobs.deletions import DeletionsKnown
from jupyterlab_engines.scheduler.local import LocalScheduler

pytestmark = pytest.mark.asyncio


@pytest.fixture
def dialect() -> str:
    return "slurm"


@pytest.mark.parametrize("runs", [True, False])
async def test_a_job_that_was_deleted_here_is_told_as_deleted(
    pbs: FakePBS, submit: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: bool
) -> None:
    pbs.pause(not runs)
    mine, other = submit(pbs, "mine"), submit(pbs, "other")
    if runs:
        pbs.wait(lambda: all(job.pid for job in pbs.jobs()))
    async with desk(tmp_path, pbs, monkeypatch) as service:
        await service.read()
        await service.service.change(mine, "delete")
        pbs.delete(other)
        pbs.wait(lambda: {job.state for job in pbs.jobs()} == {"F"})
        jobs = await service.read()
        ends = [(jobs[i].state, jobs[i].outcome and jobs[i].outcome.code) for i in (mine, other)]
        assert ends == [("finished", "deleted"), ("finished", "unknown" if runs else "never_ran")]


class Known(LocalScheduler):
    """Tells the same jobs again and again, and takes every deletion."""

    told: Mapping[str, Job]

    async def delete(self, job_id: str) -> None:
        return None

    async def jobs(self, *, all_users: bool = False) -> Mapping[str, Job]:
        return self.told


async def test_an_end_that_is_told_stays_and_so_does_a_table_without_changes(tmp_path: Path) -> None:
    known = Known(tmp_path, {}, "somebody")
    unknown = JobOutcome(code="unknown", exit_status=None, signal=None)
    failed = JobOutcome(code="exit_status", exit_status=3, signal=None)
    known.told = {
        "1": a_job("1", state="finished", outcome=unknown),
        "2": a_job("2", state="finished", outcome=failed),
        "3": a_job("3", state="running"),
    }
    scheduler = DeletionsKnown(known)
    assert await scheduler.jobs() is known.told
    for job_id in known.told:
        await scheduler.delete(job_id)
    marked = await scheduler.jobs()
    assert [job.outcome and job.outcome.code for job in marked.values()] == ["deleted", "exit_status", None]
    assert await scheduler.jobs() is marked  # or the whole table would be compared at each reading
