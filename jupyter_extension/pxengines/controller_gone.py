"""Ending requests that nobody will answer: ipyparallel leaves them open when the controller is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipyparallel.error import RemoteError

from . import controller_watch
from .controller_watch import ControllerWatch
from .waiting import EnginesError

if TYPE_CHECKING:
    from ipyparallel import Client

_SURE = 2
"""So many looks in a row must say it: a file that cannot be read just now is no end of a cluster."""


class ControllerGoneError(EnginesError, RemoteError):  # type: ignore[misc] # ipyparallel has no types
    """The controller of the cluster is gone, so there will be no answer.

    Of ipyparallel's kind, which alone its results raise when several engines were asked.

    Attributes
    ----------
    why : what became of the controller.
    """

    __module__ = "pxengines"

    def __init__(self, why: str) -> None:
        words = f"{why[0].upper()}{why[1:]}, so there will be no answer."
        super().__init__(type(self).__name__, words, words)
        self.why = why

    def __str__(self) -> str:
        return str(self.evalue)


def end_requests(client: Client, why: str, but: Any = None) -> None:
    """End all that `client` waits for; in its thread, or when that has ended.

    Parameters
    ----------
    but : a future that is left open.
    """
    for output in list(client._output_futures.values()):
        if not output.done():
            output.set_result(None)
    for future in list(client._futures.values()):
        if future is but or future.done():
            continue
        if hasattr(future, "output"):
            future.set_result(ControllerGoneError(why))  # an answer of this kind is what results raise
        else:
            future.set_exception(ControllerGoneError(why))


class ControllerCare:
    """Looks after the controller of a client, in the client's thread, as long as an answer is awaited.

    So whoever waits, and however, learns that the controller is gone: by an answer.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._watch = ControllerWatch(client)
        self._gone = 0

    def start(self) -> None:
        """Look now and then, until the client is closed."""
        self._client._io_loop.call_later(controller_watch.LOOK_SECONDS, self._look)

    def _look(self) -> None:
        # What ipyparallel sends past the stream, for engines' widgets, may take note of an answer's arrival.
        self._client.take_replies()
        own = self._watch.question
        why = None
        if any(future is not own for future in list(self._client._futures.values())):
            why = self._watch.gone()
        self._gone = self._gone + 1 if why else 0
        if why and self._gone >= _SURE:
            end_requests(self._client, why, but=self._watch.question)
        self.start()
