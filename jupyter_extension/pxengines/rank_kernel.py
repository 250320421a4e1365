"""The kernel inside an engine: ipyparallel's, in which ``await`` works at the top of a cell.

What a cell does to its process ends with the cell, where the next one would get no answer otherwise.

ipykernel 7 looks for a thread that only kernels of notebooks have; in an engine the request then got no
answer at all. Interrupts differ too: ipykernel cancels what is awaited, which neither ends a computation
between two ``await`` nor is told apart from an error of the cell.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, TracebackType
from typing import Any

from ipyparallel.engine.kernel import IPythonParallelKernel
from traitlets import default

from .rank_shell import RankShell

_STREAMS = ("stdout", "stderr")


class _NoShellChannelThread:
    """Stands in for the thread of subshells, of which an engine has none: false, and of the main thread."""

    parent_thread = threading.main_thread()

    def __bool__(self) -> bool:
        return False


class RankKernel(IPythonParallelKernel):  # type: ignore[misc] # ipyparallel has no types
    """The kernel of a `RankEngine`."""

    _supports_kernel_subshells = False
    """ipykernel's own word for it is whether there is a thread, or what stands in for it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._interrupted = self._interrupted_early = False
        if getattr(self, "shell_channel_thread", None) is None:
            self.shell_channel_thread = _NoShellChannelThread()
        self._process = os.getpid()
        self._streams: dict[str, Any] = {}

    @default("shell_class")
    def _own_shell(self) -> type[RankShell]:
        return RankShell

    async def dispatch_shell(self, *args: Any, **kwargs: Any) -> None:
        """Handle a request. An interrupt is for what the user runs: everywhere else it would lose the answer.

        Who sends one has heard that the engine is busy with the request. What comes before the user's code
        runs ends it at its first step; what comes after it is too late.
        """
        self._interrupted_early = False
        with _handling(self._hold):
            await super().dispatch_shell(*args, **kwargs)

    def pre_handler_hook(self) -> None:
        """Leave SIGINT to `dispatch_shell`; ipykernel would have it end whatever runs now."""

    def post_handler_hook(self) -> None:
        """Leave SIGINT to `dispatch_shell`."""

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self._interrupted_early = True

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let an interrupt raise KeyboardInterrupt within the block, also one that came before it."""
        with _handling(signal.default_int_handler):
            if self._interrupted_early:
                raise KeyboardInterrupt
            yield

    def do_apply(self, *args: Any, **kwargs: Any) -> Any:
        """Call a function; as ipyparallel's."""
        self._get_ready()
        try:
            with self._interruptible():
                return super().do_apply(*args, **kwargs)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, self._hold)
            return self._no_result("apply"), []
        finally:
            self._recover()

    async def do_execute(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Run a cell; an interrupt is told as one, whatever it met."""
        self._interrupted = False
        self._get_ready()
        try:
            with self._interruptible():
                reply: dict[str, Any] = await super().do_execute(*args, **kwargs)
        except (KeyboardInterrupt, asyncio.CancelledError):
            signal.signal(signal.SIGINT, self._hold)
            return self._no_result("execute")
        finally:
            self._recover()
        if self._interrupted and reply.get("ename") == "CancelledError":
            reply.update(ename="KeyboardInterrupt", evalue="")
        return reply

    def _no_result(self, method: str) -> dict[str, Any]:
        """Return the answer to a request that was interrupted before or after the user's code ran."""
        return {
            "status": "error",
            "ename": "KeyboardInterrupt",
            "evalue": "",
            "traceback": [],
            "execution_count": self.shell.execution_count - 1,
            "user_expressions": {},
            "payload": [],
            "engine_info": self.get_engine_info(method=method),
        }

    def _get_ready(self) -> None:
        """Remember where output goes, before the first cell can change that."""
        if not self._streams:
            for name in _STREAMS:
                stream = self._streams[name] = getattr(sys, name)
                # A cell that closes it, perhaps at the end of a `with`, means its own output.
                stream.close = stream.flush

    def _recover(self) -> None:
        """Undo what would keep the answer from being sent, or the next cell from running."""
        for name, stream in self._streams.items():
            present = getattr(sys, name, None)
            if not callable(getattr(present, "flush", None)) or getattr(present, "closed", False):
                setattr(sys, name, stream)
        if os.getpid() != self._process:
            # A child that the cell has forked, and that did not end itself: it is no engine.
            for name in self._streams:
                getattr(sys, name).flush()
            os._exit(0)
        if signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []):
            while signal.sigtimedwait([signal.SIGINT], 0) is not None:
                pass  # it was meant for the cell that would not hear it, not for the next
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        for standard in range(3):  # or the next file or socket to be opened were one of them
            try:
                os.fstat(standard)
            except OSError:
                _open_null(standard)

    @contextmanager
    def _cancel_on_sigint(self, future: asyncio.Task[Any]) -> Iterator[None]:
        """Let an interrupt end the cell that is the task `future`, within the block; ipykernel calls this.

        What computes raises KeyboardInterrupt where it is. What is awaited is cancelled, and that it was is
        shown as a KeyboardInterrupt.
        """
        shell = self.shell
        show = shell.showtraceback

        def interrupt(number: int, frame: FrameType | None) -> None:
            self._interrupted = True
            computing = asyncio.current_task() if _is_in_user_code(frame, shell.user_global_ns) else None
            if computing is future:
                raise KeyboardInterrupt  # IPython catches it around the user's code
            future.get_loop().call_soon_threadsafe(future.cancel)
            if computing is not None:
                # A task that the cell has started, or an earlier one. KeyboardInterrupt would end the loop.
                raise asyncio.CancelledError

        def showtraceback(exc_tuple: Any = None, **kwargs: Any) -> None:
            error = sys.exc_info()[1] if exc_tuple is None else exc_tuple[1]
            if self._interrupted and isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
                _leave_out(interrupt.__code__, error.__traceback__)
                exc_tuple = (KeyboardInterrupt, KeyboardInterrupt(), error.__traceback__)
            show(exc_tuple, **kwargs)

        shell.showtraceback = showtraceback
        before = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
            del shell.showtraceback


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Let `handler` have SIGINT within the block."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _open_null(standard: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null == standard:  # the first that was free
        os.set_inheritable(null, True)
    else:
        os.dup2(null, standard)
        os.close(null)


def _is_in_user_code(frame: FrameType | None, namespace: dict[str, Any]) -> bool:
    """Tell whether `frame` was called, over however many, by code of the user's `namespace`."""
    while frame is not None:
        if frame.f_globals is namespace:
            return True
        frame = frame.f_back
    return False


def _leave_out(code: CodeType, trace: TracebackType | None) -> None:
    """Let `trace` end before the frame that runs `code`."""
    while trace is not None:
        if trace.tb_next is not None and trace.tb_next.tb_frame.f_code is code:
            trace.tb_next = None
        trace = trace.tb_next
