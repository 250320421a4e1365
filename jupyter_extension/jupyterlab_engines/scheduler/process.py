"""Running a command of the batch system: the only place that does.

No shell, no terminal, no input; a time limit, a limit for what it prints, and nothing left behind: whatever
happens, also when the caller is cancelled, the command is killed with its whole process group and reaped.

asyncio's own subprocesses wait until all who inherited the pipes have closed them. OpenPBS's qsub leaves a
process in the background, so here the end of the command itself decides; then what is in the pipes is read.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import IO

from pxengines.launch.process import end_group, without_secrets

from ..waiting import set_within
from .base import Command, Completed

MAX_STDOUT = 64 << 20
MAX_STDERR = 1 << 20
_CHUNK = 1 << 18
_PIPE_SIZE = 1 << 20
"""Asked of the kernel, so that 10,000 jobs arrive in few pieces; unprivileged users may have as much."""
_DRAIN = 1 << 20
"""Most bytes that can be left in a pipe when the command ends; a process in the background may go on
printing, so reading until nothing comes would have no end."""
_LOOK_AGAIN = 0.02
_KILL_SECONDS = 5.0
"""A killed process can be stuck in the kernel, e.g. in a dead file system: then a thread waits for it."""


async def run(
    command: Command,
    environ: Mapping[str, str],
    *,
    max_stdout: int = MAX_STDOUT,
    max_stderr: int = MAX_STDERR,
) -> Completed:
    """Run `command` in the environment `environ`, see `query_environment` and `submit_environment`.

    What the command answers, its silence and its absence are told by the result. If the caller is
    cancelled, the command is killed and reaped before the cancellation goes on.
    """
    try:
        child = _start(command, environ)
    except OSError as error:
        return Completed(command.argv, None, b"", _cannot_start(command, error).encode(), missing=True)
    attendant = _Attendant(child, max_stdout, max_stderr)
    try:
        in_time = await attendant.wait(command.seconds)
    finally:
        attendant.close()
        await _end(child)
    overflow = attendant.stdout.overflow or attendant.stderr.overflow
    return Completed(
        command.argv,
        child.returncode if in_time and not overflow else None,
        attendant.stdout.data,
        attendant.stderr.data,
        overflow=overflow,
    )


def query_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a command that asks or changes gets: no secrets of the server, messages in English."""
    return {**without_secrets(environ), "LC_ALL": "C"}


def submit_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a command that submits gets: no secrets of the server.

    The user's locale stays, because Slurm hands the environment of `qsub` on to the job.
    """
    return without_secrets(environ)


def _start(command: Command, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command.argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=command.cwd,
        env=dict(environ),
        start_new_session=True,
    )


def _cannot_start(command: Command, error: OSError) -> str:
    reason = error.strerror or str(error)
    if command.cwd is not None and str(error.filename) == str(command.cwd):
        return f"the folder {command.cwd} cannot be entered: {reason}"
    return f"{command.argv[0]}: {reason}"


class _Stream:
    """One pipe of a command, read whenever there is something in it.

    Attributes
    ----------
    overflow : more than `limit` bytes came.
    """

    def __init__(self, pipe: IO[bytes], limit: int, loop: asyncio.AbstractEventLoop) -> None:
        self.overflow = False
        self._pieces: list[bytes] = []
        self._room = limit
        self._pipe = pipe
        self._loop = loop
        os.set_blocking(pipe.fileno(), False)

    @property
    def data(self) -> bytes:
        """What came, at most `limit` bytes."""
        return b"".join(self._pieces)

    def watch(self, then: asyncio.Event) -> None:
        """Read from now on; sets `then` at an overflow."""
        self._loop.add_reader(self._pipe.fileno(), self._read, then)

    def drain(self) -> None:
        """Read what is there now."""
        taken = 0
        while not self._pipe.closed and not self.overflow and taken < _DRAIN:
            count = self._take()
            if not count:
                return
            taken += count

    def close(self) -> None:
        if not self._pipe.closed:
            self._loop.remove_reader(self._pipe.fileno())
            self._pipe.close()

    def _read(self, then: asyncio.Event) -> None:
        if self._take() == 0:
            self.close()  # end of file
        elif self.overflow:
            self._loop.remove_reader(self._pipe.fileno())
            then.set()

    def _take(self) -> int | None:
        """Return the number of bytes read; 0 at the end of the file, None if there is nothing now."""
        try:
            piece = os.read(self._pipe.fileno(), _CHUNK)
        except (BlockingIOError, InterruptedError):
            return None
        self._pieces.append(piece[: self._room])
        self.overflow = len(piece) > self._room
        self._room -= min(len(piece), self._room)
        return len(piece)


class _Attendant:
    """Reads what a command prints until it ends, floods us, or its time is over."""

    def __init__(self, child: subprocess.Popen[bytes], max_stdout: int, max_stderr: int) -> None:
        if child.stdout is None or child.stderr is None:
            raise ValueError("a command without pipes")
        self._child = child
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._ended = False
        self._exit_fd: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        _enlarge(child.stdout)
        self.stdout = _Stream(child.stdout, max_stdout, self._loop)
        self.stderr = _Stream(child.stderr, max_stderr, self._loop)

    async def wait(self, seconds: float) -> bool:
        """Return whether the command ended by itself within `seconds`."""
        self._watch_exit()
        for stream in (self.stdout, self.stderr):
            stream.watch(self._over)
        if not await set_within(self._over, seconds):
            return False
        if self._ended:
            self.stdout.drain()
            self.stderr.drain()
        return self._ended

    def close(self) -> None:
        """Let go of all descriptors."""
        if self._timer is not None:
            self._timer.cancel()
        if self._exit_fd is not None:
            self._loop.remove_reader(self._exit_fd)
            os.close(self._exit_fd)
            self._exit_fd = None
        self.stdout.close()
        self.stderr.close()

    def _watch_exit(self) -> None:
        try:
            self._exit_fd = os.pidfd_open(self._child.pid)
        except (AttributeError, OSError):  # not Linux, or an old kernel, or out of descriptors
            self._look()
        else:
            self._loop.add_reader(self._exit_fd, self._look)

    def _look(self) -> None:
        if self._child.poll() is not None:
            self._ended = True
            self._over.set()
        elif self._exit_fd is None:
            self._timer = self._loop.call_later(_LOOK_AGAIN, self._look)


def _enlarge(pipe: IO[bytes]) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        try:
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        except OSError:
            pass  # over the user's share: the pipe keeps its size, and works


async def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the command and reap it; also when the caller is being cancelled.

    A command that has ended by itself may have left a process in the background on purpose.
    """
    if child.poll() is not None:
        return
    end_group(child.pid, signal.SIGKILL)  # not reaped yet: the number still is its own
    give_up = asyncio.get_running_loop().time() + _KILL_SECONDS
    cancelled: asyncio.CancelledError | None = None
    while child.poll() is None:
        if asyncio.get_running_loop().time() > give_up:
            threading.Thread(target=child.wait, name=f"reap {child.pid}", daemon=True).start()
            break
        try:
            await asyncio.sleep(_LOOK_AGAIN / 10)
        except asyncio.CancelledError as error:
            cancelled = error  # once more: the command is ended first
    if cancelled is not None:
        raise cancelled
