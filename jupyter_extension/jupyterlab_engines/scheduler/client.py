"""The batch system at work: runs the commands of a `Dialect` and hands back what they mean."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from ..api.jobs import Job, NodeShape, Queue
from ..api.names import JobAction, JobId
from .answer import exit_status, text
from .base import (
    EMPTY,
    Command,
    Completed,
    Dialect,
    Listing,
    NoAnswer,
    Refused,
    Scheduler,
    SchedulerError,
    Submission,
    UnknownJob,
)
from .process import query_environment, run, submit_environment

T = TypeVar("T")

_JOB_ID = re.compile(r"[0-9]{1,18}(\[[0-9]{0,10}\])?(\.[A-Za-z0-9][A-Za-z0-9._-]{0,253})?", re.ASCII)
_SMALL = 1 << 16
"""Bytes that are read in well under a millisecond; more is read beside the event loop."""


@dataclass(frozen=True)
class TimeLimits:
    """How long a command may take before it is killed, in seconds.

    Attributes
    ----------
    submit : for the one that submits; when it is killed, its job may exist all the same.
    other : for all others.
    """

    submit: float = 120.0
    other: float = 30.0


DEFAULT_LIMITS = TimeLimits()


class BatchScheduler(Scheduler):
    """PBS in one of its dialects.

    One query runs at a time; whoever asks for the table while it is being read gets that reading.

    Parameters
    ----------
    dialect : its commands and what they print.
    environ : the server's environment; commands get it without the secrets in it.
    user : whose jobs are ours, the user this server runs as.
    limits : how long its commands may take.
    """

    def __init__(
        self,
        dialect: Dialect,
        environ: Mapping[str, str],
        user: str,
        limits: TimeLimits = DEFAULT_LIMITS,
    ) -> None:
        self.dialect = dialect.name
        self.rules = dialect
        self.version = dialect.version
        self.server = dialect.server
        self.actions = dialect.actions
        self.user = user
        self.submit_seconds = limits.submit
        self._limits = limits
        self._dialect = dialect
        self._query_environ = query_environment(environ)
        self._submit_environ = submit_environment(environ)
        self._one_query = asyncio.Lock()
        self._last: dict[str | None, Listing] = {}
        self._tables: dict[str | None, _Shared[Mapping[JobId, Job]]] = {}

    # --- submitting

    async def submit(self, order: Submission) -> JobId:
        """Submit; after `NoAnswer` the job may exist."""
        command = replace(self._dialect.submit(order), seconds=self._limits.submit)
        done = await run(command, self._submit_environ)
        job_id = self._dialect.read_submit(done)
        if not is_job_id(job_id):
            raise NoAnswer(
                f"The job was submitted, but its id cannot be read: {job_id!r}.",
                "It is looked for by its name.",
                text(done.stdout),
            )
        return job_id

    async def find(self, name: str) -> list[JobId]:
        """Return the ids of this user's jobs of exactly this name, newest last."""
        async with self._one_query:
            done = await self._ask(self._dialect.find(name, self.user))
            found = await _read(partial(self._dialect.read_find, done, name), done)
        if not found:
            return []
        # Some dialects list the jobs of all: another user's job of this name is none of ours.
        known = await self.query(found)
        return [job_id for job_id in found if job_id not in known or known[job_id].owner == self.user]

    # --- looking

    async def jobs(self, *, all_users: bool = False) -> Mapping[JobId, Job]:
        """Return all jobs of this user, or of all users."""
        user = None if all_users else self.user
        table = self._tables.get(user)
        if table is None or table.over:
            table = self._tables[user] = _Shared(self._read_jobs(user))
        return await table.result()

    async def query(self, ids: Sequence[JobId]) -> Mapping[JobId, Job]:
        """Return those of the jobs that the scheduler knows, and of an array its subjobs."""
        for job_id in ids:
            if not is_job_id(job_id):
                raise NoAnswer(f"{job_id!r} is not a job id: the batch system was not asked.")
        found: dict[JobId, Job] = {}
        async with self._one_query:
            for command in self._dialect.query(ids) if ids else []:
                done = await self._ask(command)
                try:
                    found.update(await _read(partial(self._dialect.read_query, done), done))
                except UnknownJob:
                    continue
        return found

    async def raw_table(self) -> tuple[str, str]:
        """Return (command line, text) of the table people watch."""
        async with self._one_query:
            command = self._dialect.raw_table(self.user)
            done = await self._ask(command)
        status = exit_status(done)
        said = text(done.stderr).strip()
        if status and said and not done.stdout:
            raise NoAnswer("The batch system does not answer.", "It is asked again.", said)
        return shlex.join(command.argv), text(done.stdout)

    async def queues(self) -> list[Queue]:
        """Return the queues and their limits; none is the default one where that cannot be learned."""
        async with self._one_query:
            done = await self._ask(self._dialect.queues())
            queues = await _read(partial(self._dialect.read_queues, done), done)
            default = await self._default_queue() if queues else None
        return [msgspec.structs.replace(queue, is_default=queue.name == default) for queue in queues]

    async def nodes(self) -> list[NodeShape]:
        """Return how many nodes of which shape there are."""
        async with self._one_query:
            done = await self._ask(self._dialect.nodes())
            return await _read(partial(self._dialect.read_nodes, done), done)

    # --- changing

    async def delete(self, job_id: JobId) -> None:
        """Ask for a job's end; it may go on for a while."""
        command = self._permitted("delete", job_id, self._dialect.delete)
        try:
            await self._change("delete", job_id, command)
        except UnknownJob as error:
            if error.output:
                raise
            await self._explain(job_id, error)

    async def hold(self, job_id: JobId) -> None:
        """Hold a job."""
        await self._change("hold", job_id, self._permitted("hold", job_id, self._dialect.hold))

    async def release(self, job_id: JobId) -> None:
        """Release a held job."""
        await self._change("release", job_id, self._permitted("release", job_id, self._dialect.release))

    async def alter_walltime(self, job_id: JobId, seconds: int) -> None:
        """Change a job's walltime."""
        alter = partial(self._dialect.alter_walltime, seconds=seconds)
        await self._change("alter_walltime", job_id, self._permitted("alter_walltime", job_id, alter))

    # --- inside

    async def _ask(self, command: Command) -> Completed:
        return await run(replace(command, seconds=self._limits.other), self._query_environ)

    async def _default_queue(self) -> str | None:
        """Return the name of the default queue; None: there is none, or it is not told."""
        try:
            return self._dialect.read_default_queue(await self._ask(self._dialect.default_queue()))
        except SchedulerError:
            # The limits of the queues are worth having without it: forms then say "the default queue".
            return None

    async def _read_jobs(self, user: str | None) -> Mapping[JobId, Job]:
        async with self._one_query:
            done = await self._ask(self._dialect.list_jobs(user))
            last = self._last.get(user, EMPTY)
            listing = await _read(partial(self._dialect.read_jobs, done, user, last), done)
            self._last[user] = listing
        return listing.jobs

    def _permitted(self, action: JobAction, job_id: JobId, make: Callable[[JobId], Command]) -> Command:
        if not is_job_id(job_id):
            raise UnknownJob(f"{job_id!r} is not a job id.", "Take it from the job table.")
        if action not in self.actions:
            raise Refused(
                "not_supported",
                f"The batch system's commands cannot do that to job {job_id}.",
                "Ask your centre how it is done there.",
            )
        return make(job_id)

    async def _change(self, action: JobAction, job_id: JobId, command: Command) -> None:
        done = await self._ask(command)
        self._dialect.read_change(done, action, job_id)

    async def _explain(self, job_id: JobId, silence: UnknownJob) -> None:
        """Find out why a change was refused without a word."""
        job = (await self.query([job_id])).get(job_id)
        if job is None:
            raise UnknownJob(f"The batch system does not know job {job_id}.", "It has ended.") from silence
        if job.state == "finished":
            raise Refused("finished", f"Job {job_id} has already ended.", "There is nothing to delete.")
        hint = "Look at it again in a moment."
        if job.owner != self.user:
            hint = f"It is a job of {job.owner}."
        raise Refused("other", f"The batch system did not delete job {job_id} and gave no reason.", hint)


def is_job_id(word: str) -> bool:
    """Tell whether this can be the id of a job in any dialect: it becomes an argument of a command."""
    return _JOB_ID.fullmatch(word) is not None


async def _read(parse: Callable[[], T], done: Completed) -> T:
    if len(done.stdout) < _SMALL:
        return parse()
    return await asyncio.to_thread(parse)


class _Shared(Generic[T]):
    """Work that several callers wait for; it is cancelled when the last of them is."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._task = asyncio.create_task(work)
        self._waiting = 0
        self._given_up = False

    @property
    def over(self) -> bool:
        """Whether it has ended or is being cancelled: who asks now needs a new one."""
        return self._given_up or self._task.done()

    async def result(self) -> T:
        """Wait for it."""
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                self._given_up = True
                self._task.cancel()
                await asyncio.wait([self._task])
