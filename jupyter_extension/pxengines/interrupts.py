"""When the user's interrupt (SIGINT) is heeded: at once, or after what must not be left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


@contextmanager
def heeding_interrupts() -> Iterator[None]:
    """Have an interrupt raise KeyboardInterrupt at once, also in a cell with a top-level ``await``.

    There ipykernel only tells its event loop of it, which cannot listen as long as it waits for us.
    """
    before = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread() and callable(before)
    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)


class Deferred:
    """Holds back the user's interrupt (SIGINT) while it would leave half of something: sent, shown, or noted.

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
