"""A request to several engines that ends as one: all answer, or all are let go.

ipyparallel leaves a request that is interrupted, or that fails on some engines, running on the others. In
collective work that is a wait without end.
"""

from __future__ import annotations

import concurrent.futures
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .connection import has_ended
from .mpi.errors import ranks_in_words
from .mpi.patience import Deferred
from .waiting import WaitingStopped

if TYPE_CHECKING:
    from ipyparallel import AsyncResult, Client

LATE_SECONDS = 3.0
"""How much later than the first failure, or than the time limit, the other engines' answers may come."""
SETTLE_SECONDS = 0.5
"""An engine that has not said by then that it has begun is busy with something else."""
STOP_SECONDS = 10.0
"""How long to wait for engines that were interrupted."""
_SIGNAL_SECONDS = 1.0
_POLL_SECONDS = 0.05
_LOOK_SECONDS = 1.0
"""How often to look whether the cluster is still there: nobody tells a client of its controller's end."""

_BUSY = "busy with something else; has not begun this, and will not"


class NoAnswerError(Exception):
    """An engine has not answered; the message says what it did instead."""


class Asked:
    """One request on its way to some engines.

    Parameters
    ----------
    client : open client.
    engines : ids, each in `client.ids`.
    question : callable that travels by name.
    label : what the request is called, for the user.
    """

    def __init__(self, client: Client, engines: list[int], question: Callable[[], Any], label: str) -> None:
        self._client = client
        self._engines = sorted(engines)  # in the order of ranks all engines see one and the same cell
        self._question = question
        self._label = label
        self._parts: dict[int, AsyncResult] = {}

    def answers(self, timeout: float | None) -> dict[int, Any]:
        """Send the request and return what each engine answered: a value, an exception, or None.

        Parameters
        ----------
        timeout : seconds that the engines themselves allow, or None.

        Returns
        -------
        By engine. An engine that has not answered when the others have failed, or time is up, is let go: its
        answer is then `NoAnswerError`.

        Raises
        ------
        WaitingStopped
            If interrupted. The engines have been interrupted too, and are idle but for those it names.
        """
        try:
            with Deferred():  # half a request would leave half of the engines waiting
                self._send()
            self._wait_for_all_or_a_failure(timeout)
            if self._pending() and not has_ended(self._client):
                concurrent.futures.wait(self._parts.values(), LATE_SECONDS)
                self._let_go()
        except KeyboardInterrupt:
            raise self._stopped() from None
        return {engine: self._answer(engine) for engine in self._engines}

    def _answer(self, engine: int) -> Any:
        from ipyparallel.error import TaskAborted

        part = self._parts[engine]
        if not part.done() and has_ended(self._client):
            return NoAnswerError("the cluster has ended")
        if not part.done():
            if _has_begun(part):
                return NoAnswerError("has not answered")
            return NoAnswerError(_BUSY)
        error = part.exception()
        if isinstance(error, TaskAborted):
            return NoAnswerError(_BUSY)
        return part.result() if error is None else error

    def _send(self) -> None:
        view = self._client.direct_view(self._engines)
        for engine in self._engines:  # one by one: AsyncResult.split keeps results alive in a cache
            with view.temp_flags(targets=engine, label=self._label):
                self._parts[engine] = view.apply_async(self._question)

    def _wait_for_all_or_a_failure(self, timeout: float | None) -> None:
        first = concurrent.futures.FIRST_EXCEPTION
        deadline = None if timeout is None else time.monotonic() + timeout + LATE_SECONDS
        while not has_ended(self._client):
            done, pending = concurrent.futures.wait(self._parts.values(), _LOOK_SECONDS, return_when=first)
            if not pending or any(part.exception() is not None for part in done):
                return
            # Engines that have begun keep the time themselves, from when they wait for each other.
            if deadline is not None and time.monotonic() > deadline and not self._begun():
                return

    def _pending(self) -> list[int]:
        return [engine for engine, part in self._parts.items() if not part.done()]

    def _begun(self) -> list[int]:
        return [engine for engine in self._pending() if _has_begun(self._parts[engine])]

    def _let_go(self) -> None:
        """Interrupt the engines that are at it, and take it out of the queues of the others."""
        began = time.monotonic()
        signalled = -_SIGNAL_SECONDS
        withdrawn = False
        while (pending := self._pending()) and (elapsed := time.monotonic() - began) < STOP_SECONDS:
            if has_ended(self._client):
                return
            alive = set(self._client.ids)
            begun = [engine for engine in self._begun() if engine in alive]
            queued = [engine for engine in pending if engine in alive and engine not in begun]
            if not begun and elapsed > SETTLE_SECONDS:
                return
            if queued and not withdrawn:
                withdrawn = True
                jobs = [job for engine in queued for job in self._parts[engine].msg_ids]
                self._client.abort(jobs, targets=queued, block=False)
            if begun and elapsed - signalled >= _SIGNAL_SECONDS:
                signalled = elapsed
                self._client.send_signal(int(signal.SIGINT), targets=begun, block=False)
            concurrent.futures.wait([self._parts[engine] for engine in pending], _POLL_SECONDS)

    def _stopped(self) -> WaitingStopped:
        try:
            self._let_go()
        except KeyboardInterrupt:
            pass  # so urgent that it is told what is left
        begun = self._begun()
        waiting = sorted(set(self._pending()) - set(begun))
        words = f"Interrupted {self._label}."
        if begun:
            words += f" {_names(begun)} not stopped yet."
        if waiting:
            words += f" {_names(waiting)} not begun it, being busy with something else, and will not."
        if not begun and not waiting:
            words += " All engines have stopped it."
        return WaitingStopped(words)


def _has_begun(part: AsyncResult) -> bool:
    # The first that is heard of a request is that its engine is busy with it; this tells the engine's id.
    return part["engine_id"] is not None


def _names(ranks: list[int]) -> str:
    text = ranks_in_words(ranks)
    return f"{text[0].upper()}{text[1:]} {'has' if len(ranks) == 1 else 'have'}"
