"""The one query loop of this server: whatever the number of browsers, one query at a time.

The table of the user's jobs is read while somebody watches; jobs of clusters are followed whether or not.
A query that fails changes nothing but the status: the last table stays, and is told to be old.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

import msgspec

from ..api.jobs import Job, SchedulerStatus
from ..api.names import JobId
from ..scheduler.base import NoAnswer, Scheduler, SchedulerError
from .clock import Clock
from .follow import Followed, Pace, Sighting

_GLANCES = 20
"""Most jobs that are asked for one by one after they left the table, at one reading."""
_KEPT = 500
"""Most finished jobs that are remembered after the scheduler stopped listing them."""
_KEPT_SECONDS = 24 * 3600.0
_LOOK_AGAIN = (0.3, 2.0, 5.0)
"""When to ask for a job that somebody changed, after the change."""


class JobWatch:
    """Keeps the user's jobs as the scheduler last told them.

    Parameters
    ----------
    scheduler : the batch system.
    status : what is known of it so far.
    put : called with all jobs, finished ones that are remembered included, after each change.
    put_status : called with each new status.
    watched : whether somebody looks at the table.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        status: SchedulerStatus,
        *,
        pace: Pace,
        put: Callable[[Mapping[JobId, Job]], None],
        put_status: Callable[[SchedulerStatus], None],
        watched: Callable[[], bool],
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self.scheduler = scheduler
        self._status = status
        self._pace = pace
        self._put = put
        self._put_status = put_status
        self._watched = watched
        self._clock = clock
        self._log = log
        self._listed: Mapping[JobId, Job] = {}
        self._kept: dict[JobId, Job] = {}
        self._followed: list[Followed] = []
        self._glances: dict[JobId, list[float]] = {}
        self._table_at: float | None = None
        self._table_due = clock.monotonic()
        self._failures = 0
        self._asked = False
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    @property
    def pace(self) -> Pace:
        """How often jobs are asked for."""
        return self._pace

    @property
    def status(self) -> SchedulerStatus:
        """Whether the scheduler answers, and since when."""
        return self._status

    def begin(self) -> None:
        """Begin to look."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop().create_task(self._keep_looking())

    async def close(self) -> None:
        """End; a query under way is killed."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait({self._loop})

    def follow(self, job_id: JobId, tell: Callable[[Sighting], None]) -> Followed:
        """Follow a job closely: `tell` is called with what each reading says, until the result is closed."""
        followed = Followed(job_id, tell, self._pace, self._wake.set, self._clock.monotonic())
        self._followed.append(followed)
        self._wake.set()
        return followed

    def poke(self) -> None:
        """Take note that somebody began to watch."""
        self._wake.set()

    def refresh(self) -> None:
        """Read the table as soon as that is polite."""
        self._asked = True
        self._wake.set()

    def look_again(self, job_id: JobId) -> None:
        """Ask for a job that somebody changed, soon and twice more."""
        now = self._clock.monotonic()
        self._glances[job_id] = [now + seconds for seconds in _LOOK_AGAIN]
        self._wake.set()

    # --- the loop

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self._look()
            except Exception:
                self._log.exception("Looking at the jobs failed; trying again")
                self._table_due = self._clock.monotonic() + self._pace.table
            self._wake.clear()
            due = self._next()
            if due is None or due > self._clock.monotonic():
                await self._clock.wait(self._wake, None if due is None else due - self._clock.monotonic())

    def _next(self) -> float | None:
        """Return when something is due; None: not until somebody comes."""
        times = [followed.due for followed in self._followed]
        times += [glance[0] for glance in self._glances.values()]
        if self._asked:
            times.append(self._refresh_at())
        if self._watched():
            times.append(self._table_due)
        return min(times, default=None)

    def _refresh_at(self) -> float:
        return 0.0 if self._table_at is None else self._table_at + self._pace.refresh

    async def _look(self) -> None:
        self._followed = [followed for followed in self._followed if not followed.closed]
        now = self._clock.monotonic()
        asked = self._asked and self._refresh_at() <= now
        if asked or (self._watched() and self._table_due <= now):
            self._asked = False
            await self._read_table()
        await self._read_single()

    async def _read_table(self) -> None:
        began = self._clock.monotonic()
        try:
            jobs = await self.scheduler.jobs()
        except SchedulerError as error:
            self._silent(error)
            now = self._clock.monotonic()
            self._table_due = now + self._retry_seconds()
            # What is unknown is unknown for the cards as well, whoever asked.
            for followed in self._followed:
                followed.unknown(now, self._status.since, self._status.problem or str(error))
            return
        now = self._clock.monotonic()
        self._table_at = now
        # A slow scheduler is asked less often: never more than a tenth of its time.
        self._table_due = max(began + self._pace.table, now + 10 * (now - began))
        self._answered(read=True)
        self._take_table(jobs, now)

    def _take_table(self, jobs: Mapping[JobId, Job], now: float) -> None:
        left = [job_id for job_id in self._listed if job_id not in jobs]
        for job_id in left[:_GLANCES]:
            if self._listed[job_id].state != "finished":
                self._glances.setdefault(job_id, [now])
            else:
                self._keep(self._listed[job_id])
        self._listed = jobs
        watched = self._watched()
        for followed in self._followed:
            job = jobs.get(followed.job_id)
            if job is not None:
                followed.present(job, now, watched=watched)
            else:
                followed.due = min(followed.due, now)
        self._publish()

    async def _read_single(self) -> None:
        """Ask for the jobs that are due one by one."""
        now = self._clock.monotonic()
        glances = [job_id for job_id, times in self._glances.items() if times[0] <= now]
        due = [followed for followed in self._followed if followed.due <= now and not followed.closed]
        ids = list(dict.fromkeys([*glances, *(followed.job_id for followed in due)]))
        if not ids:
            return
        for job_id in glances:
            self._glances[job_id].pop(0)
            if not self._glances[job_id]:
                del self._glances[job_id]
        try:
            found = await self.scheduler.query(ids)
        except SchedulerError as error:
            self._silent(error)
            now = self._clock.monotonic()
            for followed in due:
                followed.unknown(now, self._status.since, self._status.problem or str(error))
            return
        self._answered(read=False)
        self._take_single(ids, found)

    def _take_single(self, ids: Sequence[JobId], found: Mapping[JobId, Job]) -> None:
        now = self._clock.monotonic()
        watched = self._watched()
        listed = dict(self._listed)
        for job_id in ids:
            job = found.get(job_id)
            if job is None:
                listed.pop(job_id, None)
            elif job.state == "finished":
                listed.pop(job_id, None)
                self._keep(job)
            else:
                listed[job_id] = job
        self._listed = listed
        for followed in list(self._followed):
            if followed.job_id not in ids or followed.closed:
                continue
            job = found.get(followed.job_id)
            if job is not None:
                followed.present(job, now, watched=watched)
            else:
                followed.missing(now)
        self._publish()

    # --- what is known

    def _keep(self, job: Job) -> None:
        if job.ended_at is None:
            job = msgspec.structs.replace(job, ended_at=self._clock.now())
        self._kept.setdefault(job.job_id, job)
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]

    def _publish(self) -> None:
        limit = self._clock.now() - _KEPT_SECONDS
        for job_id in [i for i, job in self._kept.items() if (job.ended_at or 0) < limit]:
            del self._kept[job_id]
        kept = {job_id: job for job_id, job in self._kept.items() if job_id not in self._listed}
        self._put({**self._listed, **kept} if kept else self._listed)

    def _retry_seconds(self) -> float:
        doubled = self._pace.retry * 2.0 ** min(self._failures - 1, 10)
        return float(min(doubled, 5 * self._pace.table))

    def _silent(self, error: SchedulerError) -> None:
        if not isinstance(error, NoAnswer):
            self._log.warning("The scheduler refused to list jobs: %s", error.message)
        self._failures += 1
        since = self._status.since if not self._status.answering else self._clock.now()
        self._set(answering=False, since=since, problem=error.output.strip() or error.message)

    def _answered(self, *, read: bool) -> None:
        self._failures = 0
        now = self._clock.now()
        since = self._status.since if self._status.answering else now
        self._set(answering=True, since=since, problem=None, read_at=now if read else self._status.read_at)

    def _set(self, **changes: object) -> None:
        status = msgspec.structs.replace(self._status, **changes)
        if status != self._status:
            self._status = status
            self._put_status(status)
