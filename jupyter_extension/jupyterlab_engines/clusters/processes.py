"""Processes of a run: start its job, watch it end, find and end what carries its run id.

Functions that walk all processes block for milliseconds: call them in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pxengines.launch.cluster_file import write_cluster_file
from pxengines.launch.paths import RUN_ID_VARIABLE, RunPaths
from pxengines.launch.spec import JobSpec

from .store import process_lives

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class JobProcess:
    """A job of this machine: a child of ours, or one that an earlier server started."""

    pid: int
    started: float | None
    child: bool

    async def ended(self) -> None:
        """Return when it has ended; a child is reaped."""
        with contextlib.suppress(OSError, AttributeError):  # not Linux, an old kernel, or gone already
            await _readable(os.pidfd_open(self.pid))
        while not self._gone():  # noqa: ASYNC110 - without a pidfd nothing tells
            await asyncio.sleep(_POLL_SECONDS)

    def send(self, signum: int) -> None:
        """Send a signal, if it lives and is the same process."""
        if self.child or process_lives(self.pid, self.started):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signum)

    def _gone(self) -> bool:
        if not self.child:
            return not process_lives(self.pid, self.started)
        try:
            pid, _ = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            return True  # reaped before
        return pid != 0


def spawn_job(paths: RunPaths, python: Sequence[str], environ: Mapping[str, str]) -> JobProcess:
    """Start the job of the run in `paths`, in a session of its own, its output in ``job.log``.

    Not a `subprocess`: asyncio and Popen would end or complain about a job that must survive
    this server.

    Raises
    ------
    OSError
        If it cannot be started or the log not be opened.
    """
    return spawn_detached([*python, "-m", "pxengines.job", str(paths.run_dir)], paths.log("job"), environ)


def spawn_detached(argv: Sequence[str], output: Path, environ: Mapping[str, str]) -> JobProcess:
    """Start a program that outlives this server, in a session of its own, its output in a file of mode 0600.

    Raises
    ------
    OSError
        If it cannot be started or the file not be opened.
    """
    log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        pid = os.posix_spawn(
            argv[0],
            list(argv),
            dict(environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE],
        )
    finally:
        os.close(log)
    return JobProcess(pid=pid, started=started_at(pid), child=True)


def started_at(pid: int) -> float | None:
    """Return when a process started (epoch seconds); None if it is gone."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def of_run(run_id: str) -> list[psutil.Process]:
    """Return the living processes that carry `run_id` in their environment."""
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            if process.environ().get(RUN_ID_VARIABLE) == run_id and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # gone, or another user's
    return found


def end_run(run_id: str, grace_seconds: float) -> list[int]:
    """End every process that carries `run_id`, politely for `grace_seconds`; return who still lives."""
    strays = of_run(run_id)
    if not strays:
        return []
    for process in strays:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(strays, timeout=grace_seconds)
    for _ in range(3):  # more than once: a process may have forked meanwhile
        strays = of_run(run_id)
        if not strays:
            return []
        for process in strays:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(strays, timeout=3)
    return sorted(process.pid for process in of_run(run_id))


def lock_held(path: Path) -> bool:
    """Tell whether a job holds the lock `path`.

    It shares the lock for a moment: ask only for runs whose job cannot be starting just now.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        # Shared, since two who ask are no job, and since NFS lets only writers lock exclusively.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def list_for_terminals(paths: RunPaths, log: logging.Logger) -> None:
    """Let ``ipcluster list`` and ``ipcluster stop`` find a run whose jobs know nothing of it. Blocks."""
    try:
        write_cluster_file(paths, JobSpec.read(paths.spec), None)
    except (OSError, ValueError, TypeError) as error:
        log.warning("ipcluster will not list cluster %s: %s", paths.key, error)


def remove_traces(paths: RunPaths, job_pid: int | None) -> None:
    """Remove connection files and cluster file that a killed job left; another cluster's are left alone."""
    content = read_cluster_file(paths.cluster_file)
    if content is not None:
        pid = controller_pid(content)
        if pid is not None and pid != job_pid and process_lives(pid, None):
            return
    for path in (paths.connection_file("client"), paths.connection_file("engine"), paths.cluster_file):
        path.unlink(missing_ok=True)


def read_cluster_file(path: Path) -> dict[str, Any] | None:
    """Return the content of ipyparallel's cluster file; None if it is missing or not one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and isinstance(content.get("cluster"), dict) else None


def controller_pid(content: Mapping[str, Any]) -> int | None:
    """Return the controller's process id in a cluster file; None if a batch system runs it."""
    controller = content.get("controller")
    state = controller.get("state") if isinstance(controller, dict) else None
    pid = state.get("pid") if isinstance(state, dict) else None
    return pid if isinstance(pid, int) and pid > 0 else None


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(descriptor, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


DEFAULT_PYTHON = [sys.executable]
"""The Python that runs job, controller and engines unless configured: this server's."""
