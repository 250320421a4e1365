"""The query loop in simulated time, asking with the real commands of the simulated batch system."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fakepbs import FakePBS
from simulated import HOUR, SimulatedClock, Told, make_watch, scheduler_of

from jupyterlab_engines.jobs.follow import Followed, Gone, Present, Sighting, Unknown
from jupyterlab_engines.jobs.watch import JobWatch
from jupyterlab_engines.scheduler.base import NoAnswer, Scheduler

pytestmark = pytest.mark.asyncio
ALL = ("openpbs", "torque", "slurm")
Submit = Callable[[FakePBS, str], str]
STEADY = 75
"""Most commands of an hour in steady state, whatever the number of browsers."""


@asynccontextmanager
async def watching(
    scheduler: Scheduler, clock: SimulatedClock, *, watched: bool
) -> AsyncIterator[tuple[JobWatch, Told]]:
    """Give a watch at work."""
    watch, told = await make_watch(scheduler, clock, watched=watched)
    watch.begin()
    try:
        yield watch, told
    finally:
        await watch.close()


def follow(watch: JobWatch, job_id: str) -> tuple[Followed, list[Sighting]]:
    seen: list[Sighting] = []
    return watch.follow(job_id, seen.append), seen


@pytest.mark.parametrize("dialect", ALL)
async def test_an_hour_with_five_watchers_and_a_ready_cluster(pbs: FakePBS, submit: Submit) -> None:
    job_id = submit(pbs, "pxe0123456789a")
    pbs.wait(lambda: pbs.job(job_id).state == "R")
    clock = SimulatedClock(HOUR)
    clock.step = 20.0
    scheduler = await scheduler_of(pbs)
    before = len(pbs.calls())
    async with watching(scheduler, clock, watched=True) as (watch, told):
        followed, seen = follow(watch, job_id)
        followed.calm()

        def five_tabs() -> None:
            for _ in range(5):
                watch.poke()

        clock.each_step = five_tabs
        await clock.over.wait()
    asked = [call.command for call in pbs.calls()[before:]]
    assert set(asked) == {"qstat"}
    assert 55 <= len(asked) <= STEADY, Counter(asked)
    assert job_id in told.jobs
    assert all(isinstance(sighting, Present) for sighting in seen)


@pytest.mark.parametrize("dialect", ALL)
async def test_an_hour_with_nobody_watching(pbs: FakePBS, submit: Submit) -> None:
    job_id = submit(pbs, "pxe0123456789a")
    clock = SimulatedClock(HOUR)
    scheduler = await scheduler_of(pbs)
    before = len(pbs.calls())
    async with watching(scheduler, clock, watched=False) as (watch, _):
        followed, seen = follow(watch, job_id)
        followed.calm()
        await clock.over.wait()
    assert len(pbs.calls()[before:]) <= 13
    assert len(seen) >= 12


async def test_an_hour_without_clusters_and_watchers_asks_nothing(pbs: FakePBS) -> None:
    clock = SimulatedClock(HOUR)
    scheduler = await scheduler_of(pbs)
    before = len(pbs.calls())
    async with watching(scheduler, clock, watched=False):
        await clock.over.wait()
    assert len(pbs.calls()) == before


async def test_an_hour_in_the_queue(pbs: FakePBS, submit: Submit) -> None:
    """A start that waits for an hour: often for two minutes, then as rarely as the table."""
    pbs.pause()
    job_id = submit(pbs, "pxe0123456789a")
    clock = SimulatedClock(HOUR)
    scheduler = await scheduler_of(pbs)
    before = len(pbs.calls())
    async with watching(scheduler, clock, watched=True) as (watch, _):
        _, seen = follow(watch, job_id)
        await clock.over.wait()
    asked = len(pbs.calls()) - before
    # 60 at two seconds, then the table, and the job while its own pace is still faster than the table's.
    assert asked <= 60 + 60 + 12
    assert len(seen) >= 60


async def test_silence_for_an_hour(pbs: FakePBS, submit: Submit) -> None:
    job_id = submit(pbs, "pxe0123456789a")
    clock = SimulatedClock(HOUR)
    scheduler = await scheduler_of(pbs)
    async with watching(scheduler, clock, watched=True) as (watch, told):
        _, seen = follow(watch, job_id)
        while not told.jobs:  # noqa: ASYNC110 - what it tells comes from outside
            await asyncio.sleep(0.01)
        pbs.down()
        silent_from = clock.elapsed
        before = len(pbs.calls())
        clock.run_on(HOUR)
        watch.poke()
        await clock.over.wait()
        unknown = [sighting for sighting in seen if isinstance(sighting, Unknown)]
        assert unknown
        assert {sighting.since for sighting in unknown} == {unknown[0].since}
        assert unknown[0].since >= 1_700_000_000.0 + silent_from
        assert not any(isinstance(sighting, Gone) for sighting in seen)
        assert job_id in told.jobs, "the last table stays"
        assert not told.status[-1].answering
        assert told.status[-1].problem
        assert len(pbs.calls()) - before <= 130
        pbs.up()
        clock.run_on(HOUR / 4)
        watch.poke()
        await clock.over.wait()
        assert isinstance(seen[-1], Present)
        assert told.status[-1].answering


class Slow(Scheduler):
    """A scheduler that takes its time, as the simulated clock has it."""

    user = "somebody"
    version = server = ""
    actions = frozenset()
    dialect = "openpbs"

    def __init__(self, clock: SimulatedClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self.asked: list[float] = []

    async def jobs(self, *, all_users: bool = False) -> dict[str, object]:  # type: ignore[override]
        self.asked.append(self._clock.elapsed)
        self._clock.elapsed += self._seconds
        return {}

    async def query(self, ids: object) -> dict[str, object]:  # type: ignore[override]
        raise NoAnswer("not asked")

    submit = find = delete = hold = release = alter_walltime = raw_table = queues = nodes = query  # type: ignore[assignment]


@pytest.mark.parametrize(("seconds", "most"), [(0.1, 61), (5.0, 61), (20.0, 18), (60.0, 6)])
async def test_a_slow_scheduler_is_asked_less_often(seconds: float, most: int) -> None:
    clock = SimulatedClock(HOUR)
    slow = Slow(clock, seconds)
    async with watching(slow, clock, watched=True):  # type: ignore[abstract]
        await clock.over.wait()
    assert 3 <= len(slow.asked) <= most
    assert len(slow.asked) * seconds <= HOUR / 8


@pytest.mark.parametrize("skew", [-7200.0, 7200.0])
async def test_the_clock_of_the_wall_jumps(pbs: FakePBS, submit: Submit, skew: float) -> None:
    job_id = submit(pbs, "pxe0123456789a")
    clock = SimulatedClock(600.0)
    scheduler = await scheduler_of(pbs)
    async with watching(scheduler, clock, watched=True) as (watch, told):
        followed, seen = follow(watch, job_id)
        followed.calm()
        await clock.over.wait()
        before, count = len(pbs.calls()), len(seen)
        clock.skew = skew
        clock.run_on(600.0)
        watch.poke()
        await clock.over.wait()
        assert 9 <= len(pbs.calls()) - before <= 13, "the pace is the same"
        assert len(seen) > count
        assert all(isinstance(sighting, Present) for sighting in seen)
        assert told.status[-1].answering


async def test_the_table_is_read_when_somebody_comes(pbs: FakePBS, submit: Submit) -> None:
    job_id = submit(pbs, "mine")
    clock = SimulatedClock(HOUR)
    scheduler = await scheduler_of(pbs)
    async with watching(scheduler, clock, watched=False) as (watch, told):
        await clock.over.wait()
        assert told.jobs == {}
        watch.refresh()
        clock.run_on(10.0)
        await clock.over.wait()
        while not told.jobs:  # noqa: ASYNC110 - what it tells comes from outside
            await asyncio.sleep(0.01)
        assert job_id in told.jobs
        before = len(pbs.calls())
        for _ in range(20):
            watch.refresh()
        clock.run_on(10.0)
        await clock.over.wait()
        assert len(pbs.calls()) - before <= 2
