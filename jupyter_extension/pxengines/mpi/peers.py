"""Which processes the other ranks are, and whether those on this host still live."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

WORDS = 34
"""Length of a rank's facts, in 64-bit words: pid, start, and 256 bytes of host name."""
_LOOK_SECONDS = 0.25


def my_facts() -> npt.NDArray[np.uint64]:
    """Return who this process is, for the other ranks."""
    host = socket.gethostname().encode()[:255]
    facts = np.zeros(WORDS, np.uint64)
    facts[:2] = os.getpid(), _started(os.getpid()) or 0
    facts[2:].view(np.uint8)[: len(host)] = np.frombuffer(host, np.uint8)
    return facts


class Peers:
    """The other ranks' processes."""

    def __init__(self, facts: npt.NDArray[np.uint64], rank: int) -> None:
        self.hosts = [row[2:].tobytes().rstrip(b"\0").decode(errors="replace") for row in facts]
        self.pids = [int(pid) for pid in facts[:, 0]]
        # Containers may share a host's name but not its process numbers: our own must fit.
        self._near = [
            (other, self.pids[other], int(start))
            for other, start in enumerate(facts[:, 1])
            if other != rank
            and self.hosts[other] == self.hosts[rank]
            and start
            and _started(self.pids[other])
        ]
        self._looked = time.monotonic()

    def find_dead(self) -> tuple[int, str] | None:
        """Return a rank on this host whose process has ended, and how to say so; looks now and then."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return None
        self._looked = now
        for rank, pid, start in self._near:
            if _started(pid) != start:
                return rank, f"has ended (process {pid} on {self.hosts[rank]})"
        return None


def _started(pid: int) -> int | None:
    """Return when process `pid` started, in ticks since boot; None if it has ended or cannot be seen."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
