"""What a batch run asks of its scheduler when an answer was missed, or matters more than when it comes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import psutil

from ..api.models import Failure
from ..api.names import JobId
from ..scheduler.base import CommandMissing, Refused, Scheduler, SchedulerError, Submission, UnknownJob
from .words import failure

_LONGEST_SECONDS = 60.0
_DELETE_AGAIN_SECONDS = 30.0
"""After how long a job is deleted again whose end was accepted: nodes may take their time."""
_NOT_FOUND = 2
"""So many answers without a job mean that there is none."""


@dataclass(frozen=True)
class Unheard:
    """A qsub that did not answer: its job may exist.

    Attributes
    ----------
    seconds : how long it was waited for.
    words : what it said all the same.
    """

    seconds: float
    words: str


class Asking:
    """Asks until there is an answer, for one run.

    Parameters
    ----------
    retry_seconds : pause after the first failure; doubled with each further one, up to a minute.
    silent : told since when (epoch seconds) the scheduler does not answer, and why; None, None: it does.
    refused : told the scheduler's words when it will not delete a job.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        retry_seconds: float,
        silent: Callable[[float | None, str | None], None],
        refused: Callable[[str], None],
        log: logging.Logger,
    ) -> None:
        self._scheduler = scheduler
        self._retry_seconds = retry_seconds
        self._silent = silent
        self._refused = refused
        self._log = log

    async def submit(self, submission: Submission, queue: str) -> JobId | Failure | Unheard:
        """Return the id of a new job, or why there is none, or that nobody said; `queue` is for words."""
        asked_at = time.monotonic()
        try:
            return await self._scheduler.submit(submission)
        except Refused as error:
            params = {"queue": queue, "detail": error.message, "hint": error.hint}
            return failure("job_refused", params, error.output)
        except CommandMissing as error:
            return failure("scheduler_missing", {"command": error.command}, error.output)
        except SchedulerError as error:
            return Unheard(time.monotonic() - asked_at, error.output or error.message)

    async def find(self, name: str) -> list[JobId]:
        """Return the jobs of this name, newest last, however long the scheduler takes to answer."""
        failures, since = 0, time.time()
        while True:
            try:
                ids = await self._scheduler.find(name)
            except SchedulerError as error:
                self._silent(since, error.output.strip() or error.message)
                await asyncio.sleep(self._pause(failures))
                failures += 1
                continue
            self._silent(None, None)
            return ids

    async def recover(self, name: str, script: Path, before: Collection[JobId]) -> JobId | None:
        """Return the job of a qsub whose answer was never heard; None if it made none.

        Parameters
        ----------
        name : the job's.
        script : what was submitted.
        before : jobs of that name that are older.
        """
        misses = 0
        while True:
            new = [job_id for job_id in await self.find(name) if job_id not in before]
            if new:
                return new[-1]
            if await asyncio.to_thread(qsub_runs, script, self._scheduler.submit_seconds):
                misses = 0  # a qsub of ours still runs: its job may come yet
            else:
                misses += 1
            if misses >= _NOT_FOUND:
                return None
            await asyncio.sleep(self._retry_seconds)

    async def delete(self, job_id: JobId, tries: int) -> float:
        """Ask for the end of a job; return after how many seconds to ask again, if it still lives.

        `tries` is how often that was asked before.
        """
        try:
            await self._scheduler.delete(job_id)
        except UnknownJob:
            return self._retry_seconds  # the next reading says whether it is gone
        except Refused as error:
            if error.code not in ("finished", "wrong_state"):
                self._refused(error.output.strip() or error.message)
            return self._pause(tries)
        except SchedulerError as error:
            self._log.warning("qdel %s did not answer: %s", job_id, error.message)
            return self._pause(tries)
        return _DELETE_AGAIN_SECONDS

    def _pause(self, failures: int) -> float:
        return float(min(self._retry_seconds * 2 ** min(failures, 10), _LONGEST_SECONDS))


def qsub_runs(script: Path, seconds: float) -> bool:
    """Tell whether a qsub of this script runs on this machine; one older than `seconds` is killed.

    A server that is killed leaves its qsub behind, and one that hangs would be waited for for ever. Blocks.
    """
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if str(script) not in words or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if time.time() - process.create_time() > seconds and any(Path(w).name == "qsub" for w in words):
                process.kill()
            return True
        except (psutil.Error, OSError):
            continue  # gone, or another user's
    return False
