"""Processes of this machine as the local scheduler needs them: sessions, and who is who after a restart."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

_GATE = 'IFS= read -r PBS_JOBID && export PBS_JOBID && exec "$0" </dev/null'
"""The job begins when it is told its id; if we die before it is recorded, its input ends and so does it."""


def start(script: Path, folder: Path, output: Path, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `script` in a session of its own, waiting for `begin`; its output goes to `output` (0600)."""
    into = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            ("/bin/sh", "-c", _GATE, str(script)),
            stdin=subprocess.PIPE,
            stdout=into,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environ),
            start_new_session=True,
        )
    finally:
        os.close(into)


def begin(child: subprocess.Popen[bytes], job_id: str) -> None:
    """Let a started job run, under this id."""
    if child.stdin is None:
        raise ValueError("not a job started here")
    with child.stdin as gate:
        gate.write(f"{job_id}\n".encode())


def abandon(child: subprocess.Popen[bytes]) -> None:
    """End a job that was started and has not begun."""
    child.kill()
    child.wait()
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # the id that it never read
            child.stdin.close()


def boot() -> str:
    """Return what names this start of the machine: processes of another one are gone. May be empty."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def birth(pid: int) -> int | None:
    """Return when the process began, in the kernel's or psutil's own units; None: there is none.

    With its number it names a process: numbers are used again. Unlike psutil's time of creation the
    kernel's ticks do not change when the clock is set.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return _birth_elsewhere(pid)
    except ProcessLookupError:
        return None
    return int(stat.rpartition(b")")[2].split()[19])


def _birth_elsewhere(pid: int) -> int | None:
    if os.path.exists("/proc/self/stat"):
        return None
    try:
        return int(psutil.Process(pid).create_time() * 1000)
    except psutil.NoSuchProcess:
        return None


def letter(pid: int) -> str | None:
    """Return R or T (stopped) for a process that lives, None if it has ended."""
    try:
        status = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return None
    if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
        return None
    return "T" if status == psutil.STATUS_STOPPED else "R"


def signal_session(session: int, *signals: int) -> None:
    """Send signals, in order, to every process of a session, whatever process groups it has."""
    members = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == session:
                members.append(pid)
        except (ProcessLookupError, PermissionError):
            continue
    for signum in signals:
        for pid in members:
            try:
                os.kill(pid, signum)
            except (ProcessLookupError, PermissionError):
                continue


def end_session(session: int) -> None:
    """Kill what an ended job has left behind, as a batch system does.

    While it has left anything, its number is not given to another process.
    """
    if letter(session) is None:
        signal_session(session, signal.SIGKILL)
