"""Time that passes only when the watch waits, and a batch system asked by real commands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fakepbs import FakePBS

from jupyterlab_engines.api.jobs import Job, SchedulerStatus
from jupyterlab_engines.jobs.clock import Clock
from jupyterlab_engines.jobs.follow import Pace
from jupyterlab_engines.jobs.status import no_scheduler
from jupyterlab_engines.jobs.watch import JobWatch
from jupyterlab_engines.scheduler.base import Scheduler
from jupyterlab_engines.scheduler.detect import detect

HOUR = 3600.0
LOG = logging.getLogger("test.jobs")


class SimulatedClock(Clock):
    """Jumps to the end of every wait; stands still at `until`, and says so.

    Attributes
    ----------
    step : longest jump in seconds; `each_step` is called after each, as browsers do things meanwhile.
    skew : added to the time for people: a clock that was set.
    """

    def __init__(self, until: float) -> None:
        self.elapsed = 0.0
        self.skew = 0.0
        self.step = 600.0
        self.each_step: Callable[[], None] = lambda: None
        self.over = asyncio.Event()
        self._until = until

    def run_on(self, seconds: float) -> None:
        """Let more time pass."""
        self._until = self.elapsed + seconds
        self.over.clear()

    def now(self) -> float:
        """Return epoch seconds."""
        return 1_700_000_000.0 + self.elapsed + self.skew

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return 5000.0 + self.elapsed

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Let the time pass at once."""
        await asyncio.sleep(0)
        if event.is_set():
            return
        left = self._until - self.elapsed
        if seconds is None or seconds > left or left <= 0:
            if seconds is None or left <= self.step:
                self.elapsed = max(self.elapsed, self._until)
                self.over.set()
                await event.wait()
                return
            seconds = left
        self.elapsed += min(seconds, self.step)
        self.each_step()


@dataclass
class Told:
    """What a watch has told."""

    jobs: Mapping[str, Job] = field(default_factory=dict)
    status: list[SchedulerStatus] = field(default_factory=list)


async def make_watch(
    scheduler: Scheduler, clock: Clock, *, watched: bool, pace: Pace | None = None
) -> tuple[JobWatch, Told]:
    """Return a watch that has not begun, and what it will tell."""
    told = Told()

    def put(jobs: Mapping[str, Job]) -> None:
        told.jobs = jobs

    watch = JobWatch(
        scheduler,
        no_scheduler("somebody", clock.now()),
        pace=pace or Pace(),
        put=put,
        put_status=told.status.append,
        watched=lambda: watched,
        clock=clock,
        log=LOG,
    )
    return watch, told


async def scheduler_of(pbs: FakePBS) -> Scheduler:
    """Return the batch system as our server finds it."""
    scheduler = await detect(pbs.environ)
    assert scheduler is not None
    return scheduler
