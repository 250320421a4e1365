"""Jobs with our tag that no cluster knows: told, and left alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fakepbs import FakePBS

from jupyterlab_engines.api.jobs import Job
from jupyterlab_engines.audit import Audit
from jupyterlab_engines.clusters.opening import job_name, new_run_id
from jupyterlab_engines.jobs.follow import Pace
from jupyterlab_engines.jobs.service import TAG, JobService, JobSettings, KnownJobs

pytestmark = pytest.mark.asyncio
Submit = Callable[[FakePBS, str], str]
LOG = logging.getLogger("test.orphans")
PACE = Pace(refresh=0.0)


class Desk:
    """A job service, what it shows, and which jobs it is told to be known."""

    def __init__(self, folder: Path, pbs: FakePBS) -> None:
        self.jobs: Mapping[str, Job] = {}
        self.known = KnownJobs({}, frozenset())
        self.service = JobService(
            JobSettings(pace=PACE, all_users=False, use_scheduler=True),
            user=pbs.user,
            audit=Audit(folder / "audit.jsonl", pbs.user, LOG),
            put_jobs=self._put,
            put_status=lambda status: None,
            watched=lambda: False,
            known=lambda: self.known,
            log=LOG,
        )
        self._put_count = 0

    def _put(self, jobs: Mapping[str, Job]) -> None:
        self.jobs = jobs
        self._put_count += 1

    async def read(self) -> Mapping[str, Job]:
        """Return the jobs as they are shown after a new reading."""
        await self.service.ready()
        count = self._put_count
        await self.service.refresh()
        while self._put_count == count:  # noqa: ASYNC110 - what it tells comes from outside
            await asyncio.sleep(0.01)
        return self.jobs


@asynccontextmanager
async def desk(folder: Path, pbs: FakePBS, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setenv("PATH", pbs.environ["PATH"])
    found = Desk(folder, pbs)
    try:
        yield found
    finally:
        await found.service.close()


def tag() -> str:
    return job_name(new_run_id(), "cluster")


async def test_a_job_with_our_tag_and_no_cluster_is_marked_and_not_killed(
    pbs: FakePBS, submit: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan, other = submit(pbs, tag()), submit(pbs, "mine")
    async with desk(tmp_path, pbs, monkeypatch) as service:
        jobs = await service.read()
        assert (jobs[orphan].orphan, jobs[orphan].cluster) == (True, None)
        assert not jobs[other].orphan
    pbs.wait(lambda: {job.state for job in pbs.jobs()} == {"R"})
    assert {call.command for call in pbs.calls()} <= {"qsub", "qstat"}


async def test_a_job_that_is_being_submitted_is_none(
    pbs: FakePBS, submit: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = tag()
    job_id = submit(pbs, name)
    async with desk(tmp_path, pbs, monkeypatch) as service:
        service.known = KnownJobs({}, frozenset({name}))
        assert not (await service.read())[job_id].orphan
        # qsub has answered: now it is the cluster's.
        service.known = KnownJobs({job_id: ("pbs", "engines")}, frozenset({name}))
        service.service.clusters_changed()
        assert (service.jobs[job_id].orphan, service.jobs[job_id].cluster) == (False, "pbs")


async def test_a_job_that_outlives_its_cluster_is_one(
    pbs: FakePBS, submit: Submit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = submit(pbs, tag())
    async with desk(tmp_path, pbs, monkeypatch) as service:
        service.known = KnownJobs({job_id: ("pbs", "engines")}, frozenset())
        shown = (await service.read())[job_id]
        assert (shown.orphan, shown.cluster) == (True, "pbs")
        await service.service.change(job_id, "delete")
        pbs.wait(lambda: pbs.job(job_id).state == "F")


@pytest.mark.parametrize("name", ["pxe", "pxe0123456789", "pxe0123456789ab", "PXE0123456789a", "mypxe12345"])
async def test_names_that_only_look_like_ours(name: str) -> None:
    assert TAG.fullmatch(name) is None


async def test_all_our_names_carry_the_tag() -> None:
    names = [job_name(new_run_id(), role) for role in ("cluster", "controller", "engines")]
    assert all(TAG.fullmatch(name) and len(name) <= 15 for name in names)
    assert len(set(names)) == 3
