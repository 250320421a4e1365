"""Processor time and memory of engines, read from outside: also while they compute and hold the GIL.

An engine's nanny is a process of its own, and answers for all engines of its host at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import psutil

from .launch.paths import RUN_ID_VARIABLE

_MOST = 4096
"""So many engines no host has."""


class UsageReader:
    """Reads what processes of this run on this host use."""

    def __init__(self) -> None:
        self._run_id = os.environ.get(RUN_ID_VARIABLE)
        self._known: dict[int, psutil.Process] = {}

    def read(self, pids: Sequence[int]) -> dict[str, Any]:
        """Return the use of each process of `pids` that lives and is of this run.

        Keys: ``at``, seconds of a clock that never jumps; ``processes``: by pid (as text) a list of
        processor time in seconds (all threads, user and system) and resident memory in bytes.
        """
        used: dict[str, list[float]] = {}
        for pid in list(pids)[:_MOST]:
            try:
                process = self._process(int(pid))
                if process is not None:
                    with process.oneshot():
                        times, memory = process.cpu_times(), process.memory_info()
                    used[str(pid)] = [round(times.user + times.system, 2), memory.rss]
            except psutil.Error:
                self._known.pop(int(pid), None)  # it ended
        return {"status": "ok", "at": time.monotonic(), "processes": used}

    def _process(self, pid: int) -> psutil.Process | None:
        known = self._known.get(pid)
        if known is not None and known.is_running():
            return known
        process = psutil.Process(pid)
        # What else of this user has, or got, such a number is nobody's business.
        if process.environ().get(RUN_ID_VARIABLE) != self._run_id:
            return None
        self._known[pid] = process
        return process
