"""Waiting for MPI without giving up the processor's other users, nor the user's interrupt."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

_SPINS = 60
"""Tests before the first look around: some 20 us, within which peers that are there answer."""
_TESTS_PER_LOOK = 16
_FIRST_PAUSE = 50e-6
_LONGEST_PAUSE = 1e-3
ARRIVAL_SPIN_SECONDS = 1e-3
"""So long a rank burns its core while it waits for peers to arrive; then it sleeps between looks."""
MOVING_SPIN_SECONDS = 0.2
"""As above, while data are on their way: their progress needs this rank's processor."""


def wait(test: Callable[[], bool], look: Callable[[], None], spin_seconds: float) -> None:
    """Return when `test` is true. Between tests `look` is called, which raises to end the waiting."""
    for _ in range(_SPINS):
        if test():
            return
    began = time.perf_counter()
    pause = _FIRST_PAUSE
    while True:
        look()
        for _ in range(_TESTS_PER_LOOK):
            if test():
                return
        os.sched_yield()
        if time.perf_counter() - began > spin_seconds:
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
