"""The batch system as the rest of the server uses it: found at start, watched, asked, changed."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from ..api.jobs import Job, JobList, NodeShape, Queue, RawJobs, SchedulerInfo, SchedulerStatus
from ..api.names import ClusterKey, JobAction, JobId, JobRole
from ..audit import Audit, AuditedScheduler
from ..errors import ApiError, NotAllowed, SchedulerRefused, SchedulerSilent, UnknownJobId, WrongState
from ..scheduler.base import Dialect, NoAnswer, Refused, Scheduler, SchedulerError, UnknownJob
from ..scheduler.client import DEFAULT_LIMITS, TimeLimits
from ..scheduler.detect import detect
from ..waiting import set_within
from .clock import Clock
from .deletions import DeletionsKnown
from .follow import Pace
from .status import no_scheduler
from .unlike import unlike
from .watch import JobWatch

T = TypeVar("T")

TAG = re.compile(r"pxe[0-9a-f]{11}")
"""What the names of all our jobs look like; at most 15 characters, as old versions of PBS allow."""

_LIMITS_SECONDS = 600.0
"""How long queues and nodes are taken to be as they were read."""
_DETECT_AGAIN_SECONDS = 60.0


@dataclass(frozen=True)
class JobSettings:
    """What the administrator set.

    Attributes
    ----------
    pace : how often to ask.
    all_users : whether jobs of other users may be shown.
    use_scheduler : whether to look for a batch system at all.
    limits : how long its commands may take.
    """

    pace: Pace
    all_users: bool
    use_scheduler: bool
    limits: TimeLimits = DEFAULT_LIMITS


@dataclass(frozen=True)
class KnownJobs:
    """Which jobs belong to which cluster of this user.

    Attributes
    ----------
    by_id : the cluster of each job and what the job holds of it, also of clusters that have ended.
    live : names of the jobs of clusters that live: one of them is no orphan, even while its id is not known.
    """

    by_id: Mapping[JobId, tuple[ClusterKey, JobRole]]
    live: frozenset[str]


class JobService:
    """Finds the batch system and keeps its jobs before the browsers.

    Parameters
    ----------
    put_jobs, put_status : take what is new, for the stream.
    watched : whether somebody looks.
    known : which jobs are of clusters, asked at each reading.
    """

    def __init__(
        self,
        settings: JobSettings,
        *,
        user: str,
        audit: Audit,
        put_jobs: Callable[[Mapping[JobId, Job]], None],
        put_status: Callable[[SchedulerStatus], None],
        watched: Callable[[], bool],
        known: Callable[[], KnownJobs],
        log: logging.Logger,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._user = user
        self._audit = audit
        self._put_jobs = put_jobs
        self._put_status = put_status
        self._watched = watched
        self._known = known
        self._log = log
        self._clock = clock or Clock()
        self._status = no_scheduler(user, self._clock.now())
        self._read: Mapping[JobId, Job] = {}
        self._marked_by = KnownJobs({}, frozenset())
        self._marks: dict[JobId, Job] = {}
        self._shown: Mapping[JobId, Job] = {}
        self._detected = asyncio.Event()
        self._detect_again = asyncio.Event()
        self._detecting: asyncio.Task[None] | None = None
        self._limits: tuple[list[Queue], list[NodeShape]] | None = None
        self._limits_at = 0.0
        self.watch: JobWatch | None = None

    # --- life

    def begin(self) -> None:
        """Begin to look for a batch system."""
        if self._detecting is None:
            self._detecting = asyncio.get_running_loop().create_task(self._detect())

    async def ready(self, at_most: float | None = None) -> None:
        """Return when it is known whether there is a batch system, or `at_most` seconds have passed."""
        self.begin()
        await set_within(self._detected, at_most)

    async def close(self) -> None:
        """End with the server."""
        if self._detecting is not None:
            self._detecting.cancel()
            await asyncio.wait({self._detecting})
        if self.watch is not None:
            await self.watch.close()

    async def _detect(self) -> None:
        while self._settings.use_scheduler:
            self._detect_again.clear()
            try:
                scheduler = await detect(os.environ, self._settings.limits)
            except NoAnswer as error:
                self._log.warning("%s %s", error.message, error.output)
                scheduler = None
                self._set_status(
                    msgspec.structs.replace(self._status, answering=False, problem=error.message)
                )
            except Exception:
                self._log.exception("Looking for a batch system failed")
                scheduler = None
            if scheduler is not None:
                self._found(scheduler)
                break
            self._detected.set()
            await set_within(self._detect_again, _DETECT_AGAIN_SECONDS)
        self._detected.set()

    def _found(self, scheduler: Scheduler) -> None:
        self._log.info("Batch system: %s %s %s", scheduler.dialect, scheduler.version, scheduler.server)
        status = SchedulerStatus(
            dialect=scheduler.dialect,
            version=scheduler.version,
            server=scheduler.server,
            user=self._user,
            actions=sorted(scheduler.actions),
            all_users=self._settings.all_users,
            answering=True,
            since=self._clock.now(),
            read_at=None,
            problem=None,
        )
        self._set_status(status)
        self.watch = JobWatch(
            DeletionsKnown(AuditedScheduler(scheduler, self._audit)),
            status,
            pace=self._settings.pace,
            put=self._take,
            put_status=self._set_status,
            watched=self._watched,
            clock=self._clock,
            log=self._log,
        )
        self.watch.begin()

    # --- what is known

    @property
    def status(self) -> SchedulerStatus:
        """What is known of the batch system."""
        return self._status

    @property
    def scheduler(self) -> Scheduler | None:
        """The batch system; None if there is none."""
        return None if self.watch is None else self.watch.scheduler

    @property
    def rules(self) -> Dialect | None:
        """What the batch system's scripts look like; None if there is none."""
        return None if self.watch is None else self.watch.scheduler.rules

    def poke(self) -> None:
        """Take note that somebody watches."""
        if self.watch is not None:
            self.watch.poke()

    def clusters_changed(self) -> None:
        """Take note that jobs may belong to other clusters than before."""
        self._take(self._read)

    def _take(self, jobs: Mapping[JobId, Job]) -> None:
        known = self._known()
        if jobs is self._read and known == self._marked_by:
            return  # the scheduler hands on the very same jobs while nothing changes
        read = self._read if known == self._marked_by else {}
        self._read, self._marked_by = jobs, known
        marks = {job_id: job for job_id, job in self._marks.items() if job_id in jobs}
        for job_id in unlike(jobs, read):
            job = jobs[job_id]
            cluster, role = known.by_id.get(job_id, (None, None))
            tagged = job.name.startswith("pxe") and TAG.fullmatch(job.name) is not None
            orphan = tagged and job.name not in known.live and job.state != "finished"
            if cluster is None and not orphan:
                marks.pop(job_id, None)
                continue
            before = marks.get(job_id)
            marked = msgspec.structs.replace(job, cluster=cluster, role=role, orphan=orphan)
            marks[job_id] = before if before is not None and before == marked else marked
        self._marks = marks
        shown = {**jobs, **marks}
        self._shown = shown
        self._put_jobs(shown)

    def _set_status(self, status: SchedulerStatus) -> None:
        self._status = status
        self._put_status(status)

    # --- what handlers ask for

    async def refresh(self) -> SchedulerStatus:
        """Read the table as soon as that is polite; look for a batch system if there was none."""
        if self.watch is not None:
            self.watch.refresh()
        else:
            self._detect_again.set()
        return self._status

    async def info(self) -> SchedulerInfo:
        """Return the queues and nodes, as read at most ten minutes ago; none if it does not answer."""
        await self.ready()
        queues, nodes = await self.limits()
        return SchedulerInfo(status=self._status, queues=queues, nodes=nodes)

    async def info_if_answering(self) -> SchedulerInfo | None:
        """Return the queues and nodes; None if they are not known."""
        info = await self.info()
        return info if info.queues else None

    async def limits(self) -> tuple[list[Queue], list[NodeShape]]:
        """Return the queues and nodes; the last known ones, or none, if the scheduler does not answer."""
        scheduler = self.scheduler
        if scheduler is None:
            return [], []
        if self._limits is None or time.monotonic() - self._limits_at > _LIMITS_SECONDS:
            try:
                self._limits = (await scheduler.queues(), await scheduler.nodes())
                self._limits_at = time.monotonic()
            except SchedulerError as error:
                self._log.warning("The queues could not be read: %s %s", error.message, error.output)
        return self._limits or ([], [])

    async def list_jobs(self, *, everybody: bool) -> JobList:
        """Return the jobs: this user's from the table, or everybody's, asked for now."""
        await self.ready()
        if not everybody:
            return JobList(status=self._status, jobs=list(self._shown.values()))
        if not self._settings.all_users:
            raise NotAllowed(
                "This server does not show jobs of other users.",
                "Ask your administrator to set EnginesApp.show_all_users.",
            )
        jobs = await self._asked(self._need().jobs(all_users=True))
        return JobList(status=self._status, jobs=[self._shown.get(i, job) for i, job in jobs.items()])

    async def raw(self) -> RawJobs:
        """Return the scheduler's own table, asked for now."""
        await self.ready()
        command, text = await self._asked(self._need().raw_table())
        return RawJobs(command=command, text=text, read_at=self._clock.now())

    async def job(self, job_id: JobId) -> Job:
        """Return a job of this user as it was last read; one that the table does not have is asked for.

        Raises
        ------
        ApiError
            If there is no such job, or the scheduler does not answer.
        """
        await self.ready()
        scheduler = self._need()
        job = self._shown.get(job_id)
        if job is None:
            found = await self._asked(scheduler.query([job_id]))
            job = found.get(job_id)
        if job is None:
            raise UnknownJobId(f"The scheduler does not know the job {job_id}.", "It may have ended.")
        return job

    async def change(self, job_id: JobId, action: JobAction, seconds: int = 0) -> Job:
        """Hold, release, delete or alter a job of this user; return it as it was last read.

        Raises
        ------
        ApiError
            If there is no such job, the scheduler refuses or does not answer.
        """
        job = await self.job(job_id)
        scheduler = self._need()
        if action not in scheduler.actions:
            raise WrongState(f"This batch system cannot {_VERBS[action]} a job.", "")
        if action == "alter_walltime":
            await self._asked(scheduler.alter_walltime(job_id, seconds))
        else:
            changes = {"delete": scheduler.delete, "hold": scheduler.hold, "release": scheduler.release}
            await self._asked(changes[action](job_id))
        if self.watch is not None:
            self.watch.look_again(job_id)
        return job

    def _need(self) -> Scheduler:
        if self.scheduler is None:
            raise WrongState(
                "No batch system was found on this machine: there is no qstat in PATH.",
                "Start Jupyter where qsub and qstat work, or load the module that has them first.",
            )
        return self.scheduler

    async def _asked(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except SchedulerError as error:
            raise as_api_error(error) from error


_VERBS: Mapping[JobAction, str] = {
    "hold": "hold",
    "release": "release",
    "delete": "delete",
    "alter_walltime": "change the walltime of",
}


def as_api_error(error: SchedulerError) -> ApiError:
    """Return a scheduler's error with the HTTP status that says whose fault it is."""
    kind: type[ApiError] = SchedulerSilent
    if isinstance(error, UnknownJob):
        kind = UnknownJobId
    elif isinstance(error, Refused):
        kind = SchedulerRefused
    return kind(error.message, error.hint, error.output or None)
