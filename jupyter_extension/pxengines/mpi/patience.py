"""Waiting for MPI without giving up the processor's other users, nor the user's interrupt."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

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


class Deferred:
    """Holds back the user's interrupt (SIGINT) while it would leave MPI and our books apart.

    An interrupt that came meanwhile is raised by `check`, or at the end. Elsewhere than in the main
    thread there is nothing to hold back: Python runs handlers of signals there only.
    """

    def __init__(self) -> None:
        self._held = False
        self._handler: Any = None

    def __enter__(self) -> Deferred:
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                self._handler = handler
                signal.signal(signal.SIGINT, self._hold)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handler is None:
            return
        handler, self._handler = self._handler, None
        signal.signal(signal.SIGINT, handler)
        if self._held and kind is None:
            handler(signal.SIGINT, None)

    def check(self) -> None:
        """Raise what the held interrupt would have raised."""
        if self._held:
            self._held = False
            self._handler(signal.SIGINT, None)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self._held = True
