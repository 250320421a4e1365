"""Who asked the batch system to change what, when, and with what outcome: a JSON object a line.

Fields: ``at`` (epoch seconds), ``who`` (the Jupyter user, ``terminal`` for
``ipcluster``, ``server`` if nobody asked), ``user`` (of the
operating system), ``host``, ``pid``, ``action`` (``submit``, ``delete``, ``hold``, ``release``,
``alter_walltime``), ``job_id``, ``name``, ``outcome`` (``accepted``, ``refused``, ``unknown_job``,
``no_answer``, ``interrupted``), ``detail`` (the scheduler's words), ``seconds`` (how long it took).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from pxengines.launch.files import make_private_dir

from .api.jobs import Job, NodeShape, Queue
from .api.names import JobId
from .scheduler.base import Refused, Scheduler, SchedulerError, Submission, UnknownJob

T = TypeVar("T")

WHO_TERMINAL = "terminal"
"""Who acts when ``ipcluster`` does."""

WHO: ContextVar[str] = ContextVar("who", default="server")
"""The Jupyter user for whom the present task acts."""

MAX_BYTES = 10 * 2**20
"""A file longer than this becomes ``NAME.1``, in place of the one before."""


class Audit:
    """Appends to one file, mode 0600; a full disk is logged, and stops nothing.

    Parameters
    ----------
    path : the file; its folder is made when first needed.
    user : the operating system's user.
    """

    def __init__(self, path: Path, user: str, log: logging.Logger) -> None:
        self.path = path
        self._user = user
        self._log = log

    async def note(self, action: str, outcome: str, **fields: Any) -> None:
        """Append one line."""
        line = {
            "at": time.time(),
            "who": WHO.get(),
            "user": self._user,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "action": action,
            "outcome": outcome,
            **fields,
        }
        try:
            await asyncio.to_thread(self._append, json.dumps(line) + "\n")
        except OSError as error:
            self._log.error("The audit file %s cannot be written: %s", self.path, error)

    def _append(self, line: str) -> None:
        make_private_dir(self.path.parent)
        try:
            if self.path.stat().st_size > MAX_BYTES:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
        except FileNotFoundError:
            pass
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


class AuditedScheduler(Scheduler):
    """A scheduler whose every change is noted, whatever came of it."""

    def __init__(self, scheduler: Scheduler, audit: Audit) -> None:
        self._scheduler = scheduler
        self._audit = audit
        self.dialect = scheduler.dialect
        self.rules = scheduler.rules
        self.version = scheduler.version
        self.server = scheduler.server
        self.actions = scheduler.actions
        self.submit_seconds = scheduler.submit_seconds

    async def submit(self, order: Submission) -> JobId:
        """Submit; after `NoAnswer` the job may exist."""
        return await self._noted(
            self._scheduler.submit(order), "submit", name=order.name, script=str(order.script)
        )

    async def delete(self, job_id: JobId) -> None:
        """Ask for a job's end; it may go on for a while."""
        await self._noted(self._scheduler.delete(job_id), "delete", job_id=job_id)

    async def hold(self, job_id: JobId) -> None:
        """Hold a job."""
        await self._noted(self._scheduler.hold(job_id), "hold", job_id=job_id)

    async def release(self, job_id: JobId) -> None:
        """Release a held job."""
        await self._noted(self._scheduler.release(job_id), "release", job_id=job_id)

    async def alter_walltime(self, job_id: JobId, seconds: int) -> None:
        """Change a job's walltime."""
        await self._noted(
            self._scheduler.alter_walltime(job_id, seconds),
            "alter_walltime",
            job_id=job_id,
            walltime_seconds=seconds,
        )

    async def find(self, name: str) -> list[JobId]:
        """Return the ids of this user's jobs of exactly this name, newest last."""
        return await self._scheduler.find(name)

    async def jobs(self, *, all_users: bool = False) -> Mapping[JobId, Job]:
        """Return all jobs of this user, or of all users."""
        return await self._scheduler.jobs(all_users=all_users)

    async def query(self, ids: Sequence[JobId]) -> Mapping[JobId, Job]:
        """Return those of the jobs that the scheduler knows, finished ones too where there is a history."""
        return await self._scheduler.query(ids)

    async def raw_table(self) -> tuple[str, str]:
        """Return (command line, text) of the table people watch."""
        return await self._scheduler.raw_table()

    async def queues(self) -> list[Queue]:
        """Return the queues and their limits."""
        return await self._scheduler.queues()

    async def nodes(self) -> list[NodeShape]:
        """Return how many nodes of which shape there are."""
        return await self._scheduler.nodes()

    async def _noted(self, work: Awaitable[T], action: str, **fields: Any) -> T:
        began = time.monotonic()
        outcome, detail = "interrupted", ""
        try:
            result = await work
            outcome = "accepted"
            if action == "submit":
                fields["job_id"] = result
            return result
        except UnknownJob as error:
            outcome, detail = "unknown_job", error.output or error.message
            raise
        except Refused as error:
            outcome, detail = "refused", error.output or error.message
            raise
        except SchedulerError as error:
            outcome, detail = "no_answer", error.output or error.message
            raise
        finally:
            seconds = round(time.monotonic() - began, 3)
            note = self._audit.note(action, outcome, detail=detail, seconds=seconds, **fields)
            await asyncio.shield(asyncio.ensure_future(note))
