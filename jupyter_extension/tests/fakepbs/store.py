"""What the simulated batch system keeps on disk: one JSON file under a lock, and a log of commands."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    State = dict[str, Any]
    Job = dict[str, Any]


BULK_START = 5_000_000
"""Sequence number of the first job that is only shown, never run."""


class Store:
    """The folder of a simulated batch system.

    Attributes
    ----------
    root : the folder.
    spool : copies of scripts, node files, and output until a job has ended.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self.spool = os.path.join(root, "spool")
        self._state_path = os.path.join(root, "state.json")
        self._bulk_path = os.path.join(root, "bulk.json")
        self._calls_path = os.path.join(root, "calls.jsonl")
        self._owner_path = os.path.join(root, "owner")
        self._bulk: dict[str, Job] | None = None

    @contextmanager
    def locked(self) -> Iterator[State]:
        """Hold the lock and give the state; call `save` inside to keep changes."""
        handle = os.open(os.path.join(self.root, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield self.load()
        finally:
            os.close(handle)

    def load(self) -> State:
        """Return the state as of now; without the lock it may be changed by others afterwards."""
        with open(self._state_path, encoding="utf-8", errors="surrogateescape") as file:
            state: State = json.load(file)
        return state

    def save(self, state: State) -> None:
        """Replace the state."""
        self._replace(self._state_path, state)

    def stamp(self) -> tuple[int, int]:
        """Return what differs after every `save`."""
        found = os.stat(self._state_path)
        return (found.st_ino, found.st_mtime_ns)

    def bulk(self) -> dict[str, Job]:
        """Return the jobs that are only shown."""
        if self._bulk is None:
            try:
                with open(self._bulk_path, encoding="utf-8", errors="surrogateescape") as file:
                    self._bulk = json.load(file)
            except FileNotFoundError:
                self._bulk = {}
        return self._bulk

    def save_bulk(self, jobs: dict[str, Job]) -> None:
        """Replace the jobs that are only shown."""
        self._bulk = jobs
        self._replace(self._bulk_path, jobs)

    def _replace(self, path: str, what: Any) -> None:
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
            # Not json.dump: it would write in thousands of small pieces.
            file.write(json.dumps(what, ensure_ascii=False, separators=(",", ":")))
        os.replace(temporary, path)

    # --- whose it is

    def take_ownership(self) -> None:
        """Note this process: what runs for the fake ends when it has."""
        with open(self._owner_path, "w", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {began(os.getpid())}")

    def owned(self) -> bool:
        """Tell whether the process that made this fake still lives and has not put it away."""
        try:
            with open(self._owner_path, encoding="utf-8") as file:
                pid, start = file.read().split()
        except FileNotFoundError:
            return False
        return began(int(pid)) == start

    # --- log of commands

    def log(self, **fields: Any) -> None:
        """Add a line to the log of commands."""
        line = json.dumps(fields) + "\n"
        handle = os.open(self._calls_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def log_lines(self) -> list[dict[str, Any]]:
        """Return the lines of the log."""
        try:
            with open(self._calls_path, encoding="utf-8") as file:
                return [json.loads(line) for line in file]
        except FileNotFoundError:
            return []


def began(pid: int) -> str:
    """Return when a process began, as the kernel counts; empty if there is none: pids are used again."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command's name is in parentheses and may hold anything.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    # One that has ended may not have been waited for yet.
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


def prune(state: State, now: float | None = None) -> bool:
    """Forget jobs that ended too long ago; tell whether there were any."""
    now = time.time() if now is None else now
    keep = state["options"]["keep_finished"]
    old = [
        job_id for job_id, job in state["jobs"].items() if job["state"] == "F" and now - job["ended"] > keep
    ]
    for job_id in old:
        del state["jobs"][job_id]
    return bool(old)
