"""The journal: what this server knows of each run, on disk before it acts on it.

``record.json`` is replaced atomically, so that a reader (the next server, or another one of
the same user) sees the old record or the new one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import pwd
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec
import psutil

from pxengines.launch.files import make_private_dir, write_atomic
from pxengines.launch.paths import RUNS_FOLDER, RunPaths, profile_names, profile_path, split_key
from pxengines.launch.spec import JobSpec

from ..api.models import Cluster, Failure, JobId, JobRole

_RETRY_SECONDS = 2.0


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The Jupyter server that looks after a run: a process cannot be mistaken for a later one."""

    host: str
    pid: int
    started: float

    @classmethod
    def this_process(cls) -> Owner:
        """Return this server."""
        pid = os.getpid()
        return cls(host=socket.gethostname(), pid=pid, started=psutil.Process(pid).create_time())

    def elsewhere(self) -> bool:
        """Tell whether it runs on another host, where its life cannot be seen from here."""
        return self.host != socket.gethostname()

    def lives(self) -> bool:
        """Tell whether it may still live: yes if it is on another host."""
        return self.elsewhere() or process_lives(self.pid, self.started)


class BatchOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to submit a run's jobs, and to find them again.

    Attributes
    ----------
    roles : the jobs of the run, in the order of their submission.
    began : when qsub was begun for a role (epoch seconds): from then on its job may exist.
    before : for a role whose name is not unique (legacy templates): the jobs of that name there were before.
    legacy : whether the jobs run ipyparallel's own programs from templates of the user.
    controller : command line of the controller that runs beside Jupyter; empty: it runs in a job.
    """

    controller: list[str]
    roles: list[JobRole]
    began: dict[str, float]
    before: dict[str, list[JobId]]
    legacy: bool


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``record.json``: the cluster as last known, and who looks after it."""

    cluster: Cluster
    idempotency_key: str
    owner: Owner
    job_pid: int | None
    job_started: float | None
    batch: BatchOrder | None = None
    verdict: Failure | None = None
    """Why a run whose last jobs are being deleted has failed; None: it was asked to stop, or goes on."""


def user_name() -> str:
    """Return the name of the user this server runs as, as the batch system knows it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container without an entry for it
        return str(os.getuid())


def process_lives(pid: int, started: float | None) -> bool:
    """Tell whether process `pid`, started at `started` (epoch seconds), lives here; zombies do not."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and (
            started is None or abs(process.create_time() - started) < 1.0
        )
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def read_record(path: Path) -> RunRecord | None:
    """Return the record in `path`; None if it is missing, cut off or not a record."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunRecord)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_record(paths: RunPaths, record: RunRecord) -> None:
    """Replace the record of a run; its folder must exist.

    Raises
    ------
    OSError
        If it cannot be written; the old record is then unchanged.
    """
    write_atomic(paths.record, msgspec.json.encode(record))


def open_run(
    paths: RunPaths, record: RunRecord, spec: JobSpec, scripts: Mapping[Path, str] | None = None
) -> None:
    """Put a new run on disk, in place of the last one of its cluster; the record is what makes it count.

    `scripts` are the batch scripts by their path.

    Raises
    ------
    OSError
        If it cannot be written. What was made here is then removed again, and the last run of
        this cluster, if there was one, is as it was.
    """
    made = _make_folders(paths)
    first = not paths.record.exists()
    try:
        spec.write(paths.spec)
        for path, text in (scripts or {}).items():
            write_atomic(path, text.encode())
            path.chmod(0o700)
        write_record(paths, record)
    except OSError:
        if first:
            paths.spec.unlink(missing_ok=True)
        for folder in reversed(made):
            _remove_if_empty(folder)
        raise
    told = (*paths.run_dir.glob("events*.jsonl"), *paths.run_dir.glob("*.log"))
    for leftover in (*told, paths.stop_request):
        leftover.unlink(missing_ok=True)


def remove_unfinished(paths: RunPaths) -> None:
    """Remove what a server that was killed while it wrote a record left; no other may be writing."""
    for file in (
        *paths.run_dir.glob(f".{paths.record.name}.*"),
        *paths.run_dir.glob(f".{paths.spec.name}.*"),
    ):
        file.unlink(missing_ok=True)


def forget_run(paths: RunPaths) -> None:
    """Remove everything of a run that has ended: its card will not come back."""
    shutil.rmtree(paths.run_dir, ignore_errors=False)


def run_folders() -> list[RunPaths]:
    """Return the runs that left a folder in any profile, sorted by key."""
    found = []
    for name in profile_names():
        try:
            entries = sorted(os.listdir(profile_path(name) / RUNS_FOLDER))
        except OSError:
            continue
        for entry in entries:
            paths = RunPaths.of_run_dir(profile_path(name) / RUNS_FOLDER / entry)
            try:
                split_key(paths.key)
            except ValueError:
                continue
            if paths.run_dir.is_dir():
                found.append(paths)
    return found


class Journal:
    """Writes one run's record in the background: the newest one wins, and none is lost.

    A disk that is full when a running cluster changes does not end the cluster: the record is
    written as soon as there is room.
    """

    def __init__(self, paths: RunPaths, log: logging.Logger) -> None:
        self._paths = paths
        self._log = log
        self._next: RunRecord | None = None
        self._writer: asyncio.Task[None] | None = None

    def put(self, record: RunRecord) -> None:
        """Write `record` soon; returns at once."""
        self._next = record
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write())

    @property
    def idle(self) -> bool:
        """Whether all is written."""
        return self._writer is None or self._writer.done()

    async def flushed(self, timeout: float) -> bool:
        """Wait until all is written, `timeout` seconds at most; tell whether it is."""
        if self._writer is None:
            return True
        done, _ = await asyncio.wait({self._writer}, timeout=timeout)
        return bool(done)

    async def close(self, timeout: float = 5.0) -> None:
        """Write what is left, then stop trying."""
        if not await self.flushed(timeout) and self._writer is not None:
            self._writer.cancel()
            await asyncio.wait({self._writer})
            self._log.error("The record of cluster %s could not be written", self._paths.key)

    async def _write(self) -> None:
        complained = False
        while self._next is not None:
            record, self._next = self._next, None
            try:
                await asyncio.to_thread(write_record, self._paths, record)
            except FileNotFoundError:
                self._log.warning("The folder of cluster %s is gone", self._paths.key)
                return
            except OSError as error:
                if not complained:
                    self._log.error(
                        "Cannot write the record of cluster %s (%s); trying again until it works",
                        self._paths.key,
                        error,
                    )
                    complained = True
                if self._next is None:
                    self._next = record
                await asyncio.sleep(_RETRY_SECONDS)


def is_disk_full(error: OSError) -> bool:
    """Tell whether `error` means that there is no room."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _make_folders(paths: RunPaths) -> list[Path]:
    """Make the folders of a run; return those that were not there, outermost first."""
    made: list[Path] = []
    try:
        for folder in (*reversed(paths.run_dir.parents), paths.run_dir, paths.security_dir):
            if not folder.is_dir():
                make_private_dir(folder)
                made.append(folder)
    except OSError:
        for folder in reversed(made):
            _remove_if_empty(folder)
        raise
    return made


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
