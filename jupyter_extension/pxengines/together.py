"""Requests to several engines that end as one: all answer, or all are let go.

ipyparallel leaves a request that is interrupted, or that fails on some engines, running on the others. In
collective work that is a wait without end.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .controller_watch import ControllerWatch

if TYPE_CHECKING:
    from ipyparallel import Client

SETTLE_SECONDS = 0.5
"""An engine that has not said by then that it has begun is busy with something else."""
_POLL_SECONDS = 0.05


class Together:
    """One request on its way to some engines, a message to each.

    Parameters
    ----------
    client : open client.
    parts : by engine the future of its message (ipyparallel's MessageFuture, whose result is an exception if
        the request failed).

    Attributes
    ----------
    parts : as given.
    """

    def __init__(self, client: Client, parts: Mapping[int, Any]) -> None:
        self._client = client
        self.parts = dict(parts)
        # Our client ends what waits in vain; ipyparallel's own does not.
        self._watch = None if hasattr(client, "care") else ControllerWatch(client)
        self._lock = threading.Lock()
        self._open = len(self.parts)
        self._withdrawn: dict[int, Any] = {}
        self._all = threading.Event()
        self._decided = threading.Event()
        for part in self.parts.values():
            part.add_done_callback(self._answered)

    def _answered(self, part: Any) -> None:
        """Count an answer; in ipyparallel's thread."""
        with self._lock:
            self._open -= 1
            last = self._open == 0
        if last:
            self._all.set()
        if last or isinstance(part.result(), Exception):
            self._decided.set()

    def wait(self, seconds: float, until_failure: bool = False) -> bool:
        """Wait until all have answered, or one has failed if that is enough; tell whether it is so."""
        return (self._decided if until_failure else self._all).wait(max(0.0, seconds))

    def failed(self) -> list[int]:
        """Return the engines that have answered with an exception."""
        return [e for e, part in self.parts.items() if part.done() and isinstance(part.result(), Exception)]

    def pending(self) -> list[int]:
        """Return the engines that have not answered."""
        return [engine for engine, part in self.parts.items() if not part.done()]

    def abandoned(self) -> dict[int, str]:
        """Return the engines that will not answer any more, each with what became of the controller."""
        from .controller_gone import ControllerGoneError  # with ipyparallel

        answers = {engine: part.result() for engine, part in self.parts.items() if part.done()}
        found = {e: answer.why for e, answer in answers.items() if isinstance(answer, ControllerGoneError)}
        if self._watch is not None and len(answers) < len(self.parts) and (why := self._watch.gone()):
            found |= dict.fromkeys(self.pending(), why)
        return found

    def gone(self) -> str | None:
        """Return why engines will not answer any more: the controller is gone. None: they may."""
        return next(iter(self.abandoned().values()), None)

    def begun(self) -> list[int]:
        """Return the engines that are at it."""
        return [engine for engine in self.pending() if self.has_begun(engine)]

    def has_begun(self, engine: int) -> bool:
        """Tell whether `engine` has begun."""
        # The first that is heard of a request is that its engine is busy with it; this tells the engine's id.
        return self.parts[engine].output.metadata["engine_id"] is not None

    def has_withdrawn(self, engine: int) -> bool:
        """Tell whether `engine` has confirmed that it will not begin, unless it had begun."""
        asked = self._withdrawn.get(engine)
        return asked is not None and asked.done() and asked.exception() is None

    def let_go(self, seconds: float) -> None:
        """Interrupt the engines that are at it, and take it out of the queues of the others.

        Returns when all have answered, or nothing more can be done, or after `seconds`.
        """
        began = time.monotonic()
        signalled: set[int] = set()
        withdrawn = False
        while (pending := self.pending()) and (elapsed := time.monotonic() - began) < seconds:
            if self.gone():
                return
            alive = set(self._client.ids)
            begun = [engine for engine in self.begun() if engine in alive]
            queued = sorted(alive.intersection(pending).difference(begun))
            if not begun and elapsed > SETTLE_SECONDS:
                return
            if queued and not withdrawn:
                withdrawn = self._withdraw(queued)
            # Each once: a second one would end what a cell does to leave things in order.
            unasked = [engine for engine in begun if engine not in signalled]
            if unasked and self.send_signal(signal.SIGINT, unasked):
                signalled.update(unasked)
            self._all.wait(_POLL_SECONDS)

    def send_signal(self, number: int | str, engines: list[int]) -> bool:
        """Send a signal to `engines`; False if one of them ended just now, so that none was signalled.

        Nor is one if the connection was closed.
        """
        sent = int(number) if isinstance(number, signal.Signals) else number
        try:
            self._client.send_signal(sent, targets=engines, block=False)
        except (KeyError, IndexError, OSError):
            return False
        return True

    def _withdraw(self, engines: list[int]) -> bool:
        for engine in engines:
            jobs = [self.parts[engine].msg_id]
            try:
                self._withdrawn[engine] = self._client.abort(jobs, targets=[engine], block=False)
            except (KeyError, IndexError, OSError):
                return False  # an engine ended just now, or all; the next look leaves it out
        return True
