"""The processes of this machine as a batch system: for tests and laptops that have none.

Jobs start at once, live on without the server, and are found again by a later one: each has a file in a
folder, with the process's number and when it began. Once a job has ended and that was told, its file goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import psutil

from ..api.jobs import Job, JobHost, JobOutcome, NodeShape, Queue
from ..api.names import JobId, JobState
from . import local_process as processes
from .answer import exit_status, text
from .base import Command, Refused, Scheduler, Submission, UnknownJob
from .outcome import UNKNOWN, torque_outcome
from .process import query_environment, run, submit_environment

_JOB_ID = re.compile(r"local-[1-9][0-9]{0,9}-[0-9]{1,20}", re.ASCII)
_REMEMBERED = 1000
"""How many jobs that ended are told of again when asked."""
_BY_THE_SHELL = 128
_log = logging.getLogger(__name__)


class _Record(msgspec.Struct, frozen=True):
    """What a job's file holds; `boot`, `birth` and `pid` name its process for good."""

    name: str
    boot: str
    pid: int
    birth: int
    submitted_at: float
    deleted: bool = False

    @property
    def job_id(self) -> JobId:
        return f"local-{self.pid}-{self.birth}"


class LocalScheduler(Scheduler):
    """Jobs are sessions of processes on this machine, run by the server's user.

    There are no queues, nothing waits, and no limit is held to. How a job ended is known if it was started
    by this object.

    Parameters
    ----------
    folder : for the jobs' files; made when it is needed.
    environ : the server's environment; jobs get it without its secrets.
    user : the user this server runs as.
    """

    dialect = None
    version = ""
    actions = frozenset({"hold", "release", "delete"})

    def __init__(self, folder: Path, environ: Mapping[str, str], user: str) -> None:
        self.server = os.uname().nodename
        self.user = user
        self._folder = folder
        self._environ = submit_environment(environ)
        self._query_environ = query_environment(environ)
        self._lock = threading.Lock()
        self._children: dict[JobId, subprocess.Popen[bytes]] = {}
        self._ended: dict[JobId, Job] = {}

    # --- submitting

    async def submit(self, order: Submission) -> JobId:
        """Start the script."""
        return await asyncio.to_thread(self._submit, order)

    def _submit(self, order: Submission) -> JobId:
        if not os.access(order.script, os.X_OK):
            raise Refused(
                "bad_script", f"{order.script} is not a script that can be run.", "Make it executable."
            )
        name = order.name or order.script.name
        environ = {**self._environ, "PBS_JOBNAME": name, "PBS_O_WORKDIR": str(order.work_dir)}
        with self._lock:
            return self._begin(order, name, environ)

    def _begin(self, order: Submission, name: str, environ: Mapping[str, str]) -> JobId:
        try:
            child = processes.start(order.script, order.work_dir, order.output, environ)
        except OSError as error:
            raise Refused("other", f"The job could not be started: {error}.", "", str(error)) from error
        birth = processes.birth(child.pid)  # there even if it has ended: it has not been reaped
        record = _Record(name, processes.boot(), child.pid, birth or 0, time.time())
        try:
            self._write(record)
            processes.begin(child, record.job_id)
        except OSError as error:
            processes.abandon(child)
            with contextlib.suppress(OSError):  # told already: the folder cannot be written to
                self._path(record.job_id).unlink()
            raise Refused("other", f"The job could not be recorded: {error}.", "", str(error)) from error
        self._children[record.job_id] = child
        # Reaps it whenever it ends, also if nobody ever asks again.
        threading.Thread(target=child.wait, name=f"wait {child.pid}", daemon=True).start()
        return record.job_id

    async def find(self, name: str) -> list[JobId]:
        """Return the ids of the jobs of exactly this name, newest last."""
        found = [job for job in (await self.jobs()).values() if job.name == name]
        return [job.job_id for job in sorted(found, key=lambda job: job.submitted_at or 0.0)]

    # --- looking

    async def jobs(self, *, all_users: bool = False) -> Mapping[JobId, Job]:
        """Return the jobs that live, and the last that have ended; of others nothing is known."""
        return await asyncio.to_thread(self._jobs)

    async def query(self, ids: Sequence[JobId]) -> Mapping[JobId, Job]:
        """Return those of the jobs that are known."""
        jobs = await self.jobs()
        return {job_id: jobs[job_id] for job_id in ids if job_id in jobs}

    def _jobs(self) -> dict[JobId, Job]:
        with self._lock:
            living = {}
            for record in self._records():
                letter = self._letter(record)
                if letter is None:
                    self._see_end(record)
                else:
                    living[record.job_id] = self._job(record, letter)
            while len(self._ended) > _REMEMBERED:
                del self._ended[next(iter(self._ended))]
            return {**self._ended, **living}

    async def raw_table(self) -> tuple[str, str]:
        """Return (command line, text) of ``ps`` for the jobs' sessions."""
        records = await asyncio.to_thread(self._records)
        sessions = ",".join(str(record.pid) for record in records)
        command = Command(("ps", "-o", "pid,stat,etime,args", "-s", sessions))
        if not sessions:
            return shlex.join(command.argv[:-1]), ""
        done = await run(command, self._query_environ)
        exit_status(done)  # 1: they have ended
        return shlex.join(command.argv), text(done.stdout)

    async def queues(self) -> list[Queue]:
        """Return nothing: there are no queues."""
        return []

    async def nodes(self) -> list[NodeShape]:
        """Return this machine."""
        return [
            NodeShape(count=1, up=1, cores=os.cpu_count() or 1, memory_bytes=psutil.virtual_memory().total)
        ]

    # --- changing

    async def delete(self, job_id: JobId) -> None:
        """Send SIGTERM to the job's processes; asked again, SIGKILL."""
        await asyncio.to_thread(self._delete, job_id)

    def _delete(self, job_id: JobId) -> None:
        with self._lock:
            record = self._living(job_id)
            if record.deleted:
                processes.signal_session(record.pid, signal.SIGKILL)
                return
            self._write(msgspec.structs.replace(record, deleted=True))
            # A stopped process takes no other signal before it is continued.
            processes.signal_session(record.pid, signal.SIGTERM, signal.SIGCONT)

    async def hold(self, job_id: JobId) -> None:
        """Stop the job's processes where they are."""
        await asyncio.to_thread(self._signal, job_id, signal.SIGSTOP)

    async def release(self, job_id: JobId) -> None:
        """Let the job's processes go on."""
        await asyncio.to_thread(self._signal, job_id, signal.SIGCONT)

    def _signal(self, job_id: JobId, signum: int) -> None:
        with self._lock:
            processes.signal_session(self._living(job_id).pid, signum)

    async def alter_walltime(self, job_id: JobId, seconds: int) -> None:
        """Raise `Refused`: there is no walltime here."""
        raise Refused("not_supported", f"Job {job_id} runs on this machine and has no walltime.")

    # --- inside

    def _path(self, job_id: JobId) -> Path:
        return self._folder / f"{job_id}.json"

    def _write(self, record: _Record) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(record.job_id)
        fresh = path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(record))
        fresh.replace(path)

    def _records(self) -> list[_Record]:
        records = []
        for path in sorted(self._folder.glob("local-*.json")):
            try:
                records.append(msgspec.json.decode(path.read_bytes(), type=_Record))
            except FileNotFoundError:
                continue  # another server has just seen its end
            except msgspec.DecodeError as error:
                _log.warning("The record %s of a local job cannot be read: %s", path, error)
        return sorted(records, key=lambda record: record.submitted_at)

    def _letter(self, record: _Record) -> str | None:
        if record.boot != processes.boot() or record.birth != processes.birth(record.pid):
            return None
        return processes.letter(record.pid)

    def _living(self, job_id: JobId) -> _Record:
        for record in self._records() if _JOB_ID.fullmatch(job_id) else []:
            if record.job_id == job_id:
                if self._letter(record) is not None:
                    return record
                self._see_end(record)
        if job_id in self._ended:
            raise Refused("finished", f"Job {job_id} has already ended.", "There is nothing to do.")
        raise UnknownJob(f"There is no job {job_id} on this machine.", "It has ended.", job_id)

    def _see_end(self, record: _Record) -> None:
        if record.boot == processes.boot():
            processes.end_session(record.pid)
        child = self._children.pop(record.job_id, None)
        self._ended[record.job_id] = self._job(record, None, None if child is None else child.wait())
        self._path(record.job_id).unlink(missing_ok=True)

    def _job(self, record: _Record, letter: str | None, status: int | None = None) -> Job:
        now = time.time()
        ended = letter is None
        state: JobState = "finished" if ended else "suspended" if letter == "T" else "running"
        return Job(
            job_id=record.job_id,
            name=record.name,
            owner=self.user,
            queue="",
            state=state,
            letter=letter or "F",
            array_id=None,
            nodes=1,
            cores=None,
            memory_bytes=None,
            walltime_seconds=None,
            elapsed_seconds=int(max(0.0, now - record.submitted_at)) if ended else None,
            submitted_at=record.submitted_at,
            started_at=record.submitted_at,
            ended_at=now if ended else None,
            estimated_start_at=None,
            hosts=[JobHost(name=self.server, cores=None)],
            comment=None,
            never_runs=False,
            outcome=_outcome(record, status) if ended else None,
            cluster=None,
            role=None,
            orphan=False,
        )


def _outcome(record: _Record, status: int | None) -> JobOutcome:
    """Return how a job ended; `status` as `Popen` has it, None: it was not our child."""
    if status is None:
        return UNKNOWN
    shell = status if status >= 0 else _BY_THE_SHELL - status
    found = torque_outcome(shell)
    if record.deleted and status != 0:
        return JobOutcome(code="deleted", exit_status=found.exit_status, signal=found.signal)
    return found
