"""Which jobs this server deleted, beside a batch system that does not say how jobs ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ..api.jobs import Job, JobOutcome, NodeShape, Queue
from ..api.names import JobId
from ..scheduler.base import Scheduler, Submission

_KEPT = 1000
"""Most deletions that are remembered: schedulers forget ended jobs sooner than that."""


class DeletionsKnown(Scheduler):
    """Says *deleted* of the jobs that this server deleted, where the scheduler knows no end of them.

    Slurm's Torque commands never do. An end that the scheduler tells is never replaced.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._deleted: dict[JobId, None] = {}
        self._told: Mapping[JobId, Job] = {}
        self._answer: Mapping[JobId, Job] = {}
        self._marked = 0
        self.dialect = scheduler.dialect
        self.rules = scheduler.rules
        self.version = scheduler.version
        self.server = scheduler.server
        self.actions = scheduler.actions
        self.submit_seconds = scheduler.submit_seconds

    async def delete(self, job_id: JobId) -> None:
        """Ask for a job's end; it may go on for a while."""
        await self._scheduler.delete(job_id)
        self._deleted[job_id] = None
        while len(self._deleted) > _KEPT:
            del self._deleted[next(iter(self._deleted))]

    async def jobs(self, *, all_users: bool = False) -> Mapping[JobId, Job]:
        """Return all jobs of this user, or of all users."""
        told = await self._scheduler.jobs(all_users=all_users)
        if all_users:
            return self._with_ends(told)
        # While nothing changes the scheduler hands on the very same jobs, and so does this.
        if told is not self._told or len(self._deleted) != self._marked:
            self._told, self._marked = told, len(self._deleted)
            self._answer = self._with_ends(told)
        return self._answer

    async def query(self, ids: Sequence[JobId]) -> Mapping[JobId, Job]:
        """Return those of the jobs that the scheduler knows, finished ones too where there is a history."""
        return self._with_ends(await self._scheduler.query(ids))

    def _with_ends(self, jobs: Mapping[JobId, Job]) -> Mapping[JobId, Job]:
        ends = {
            job_id: msgspec.structs.replace(jobs[job_id], outcome=_DELETED)
            for job_id in self._deleted
            if job_id in jobs and _no_end_is_told(jobs[job_id])
        }
        return {**jobs, **ends} if ends else jobs

    # --- passed on

    async def submit(self, order: Submission) -> JobId:
        """Submit; after `NoAnswer` the job may exist."""
        return await self._scheduler.submit(order)

    async def find(self, name: str) -> list[JobId]:
        """Return the ids of this user's jobs of exactly this name, newest last."""
        return await self._scheduler.find(name)

    async def hold(self, job_id: JobId) -> None:
        """Hold a job."""
        await self._scheduler.hold(job_id)

    async def release(self, job_id: JobId) -> None:
        """Release a held job."""
        await self._scheduler.release(job_id)

    async def alter_walltime(self, job_id: JobId, seconds: int) -> None:
        """Change a job's walltime."""
        await self._scheduler.alter_walltime(job_id, seconds)

    async def raw_table(self) -> tuple[str, str]:
        """Return (command line, text) of the table people watch."""
        return await self._scheduler.raw_table()

    async def queues(self) -> list[Queue]:
        """Return the queues and their limits."""
        return await self._scheduler.queues()

    async def nodes(self) -> list[NodeShape]:
        """Return how many nodes of which shape there are."""
        return await self._scheduler.nodes()


_DELETED = JobOutcome(code="deleted", exit_status=None, signal=None)


def _no_end_is_told(job: Job) -> bool:
    end = job.outcome
    return (
        job.state == "finished"
        and end is not None
        and end.exit_status is None
        and end.code in ("unknown", "never_ran")
    )
