"""A question to several engines, and what each of them answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .interrupts import Deferred, heeding_interrupts
from .mpi.errors import ranks_in_words
from .together import Together
from .waiting import WaitingStopped

if TYPE_CHECKING:
    from ipyparallel import Client

LATE_SECONDS = 3.0
"""How much later than the first failure, or than the time limit, the other engines' answers may come."""
STOP_SECONDS = 10.0
"""How long to wait for engines that were interrupted."""
_LOOK_SECONDS = 1.0

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
        self._together = Together(client, {})

    @heeding_interrupts()
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
                self._together = self._send()
            self._wait_for_all_or_a_failure(timeout)
            if self._together.pending() and not self._together.gone():
                self._together.wait(LATE_SECONDS)
                self._together.let_go(STOP_SECONDS)
        except KeyboardInterrupt:
            raise self._stopped() from None
        return {engine: self._answer(engine) for engine in self._engines}

    def _answer(self, engine: int) -> Any:
        from ipyparallel.error import TaskAborted

        from .controller_gone import ControllerGoneError

        part = self._together.parts[engine]
        if not part.done():
            gone = self._together.gone()
            begun = self._together.has_begun(engine)
            return NoAnswerError(gone or ("has not answered" if begun else _BUSY))
        answer = part.result()
        if isinstance(answer, ControllerGoneError):
            return NoAnswerError(answer.why)
        return NoAnswerError(_BUSY) if isinstance(answer, TaskAborted) else answer

    def _send(self) -> Together:
        view = self._client.direct_view(self._engines)
        parts: dict[int, Any] = {}
        for engine in self._engines:
            with view.temp_flags(targets=engine, label=self._label):
                (parts[engine],) = view.apply_async(self._question)._children
        return Together(self._client, parts)

    def _wait_for_all_or_a_failure(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout + LATE_SECONDS
        while not self._together.wait(_LOOK_SECONDS, until_failure=True):
            if self._together.gone():
                return
            # Engines that have begun keep the time themselves, from when they wait for each other.
            if deadline is not None and time.monotonic() > deadline and not self._together.begun():
                return

    def _stopped(self) -> WaitingStopped:
        try:
            self._together.let_go(STOP_SECONDS)
        except KeyboardInterrupt:
            pass  # so urgent that it is told what is left
        begun = self._together.begun()
        waiting = sorted(set(self._together.pending()) - set(begun))
        words = f"Interrupted {self._label}."
        if begun:
            words += f" {_names(begun)} not stopped yet."
        if waiting:
            words += f" {_names(waiting)} not begun it, being busy with something else, and will not."
        if not begun and not waiting:
            words += " All engines have stopped it."
        return WaitingStopped(words)


def _names(ranks: list[int]) -> str:
    text = ranks_in_words(ranks)
    return f"{text[0].upper()}{text[1:]} {'has' if len(ranks) == 1 else 'have'}"
