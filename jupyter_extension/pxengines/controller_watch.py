"""Noticing that a controller has ended, or answers no more: nobody tells a client."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .connection import has_ended

if TYPE_CHECKING:
    from ipyparallel import Client

LOOK_SECONDS = 1.0
"""How often to look whether the controller's connection file is still there."""
ASK_SECONDS = 5.0
"""How often to ask the hub for an answer, of whatever kind."""
SILENT_SECONDS = 25.0
"""A hub that has not answered for so long is gone: its host is down, or the network between."""

_LISTENED_SECONDS = 2.0
"""A look counts for no more silence: who does not look for longer, being busy, has not listened either."""

ENDED = "the cluster has ended"
CLOSED = "the connection was closed"


class ControllerWatch:
    """Tells a waiting client whether there is still a controller that could bring an answer.

    A controller that ended takes its connection file with it. One whose host went down cannot; its hub
    does not answer any more.

    Attributes
    ----------
    question : future of what the hub was asked last; None: nothing yet.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._looked = self._asked_at = float("-inf")
        self._silent = 0.0
        self.question: Any = None
        self._gone: str | None = None

    def gone(self) -> str | None:
        """Return why there will be no answer any more, or None. It may be asked often."""
        now = time.monotonic()
        if (since := now - self._looked) >= LOOK_SECONDS:
            self._looked = now
            self._gone = self._look(now, min(since, _LISTENED_SECONDS))
        return self._gone

    def _look(self, now: float, listened: float) -> str | None:
        if self._client._closed:
            return CLOSED
        if has_ended(self._client):
            return ENDED
        answered = self.question is None or self.question.done()
        if answered and now - self._asked_at >= ASK_SECONDS:
            self._asked_at, self._silent = now, 0.0
            # What a client asks when it connects: the one question that a hub of any kind knows.
            self.question = self._client._send(self._client._query_stream, "connection_request")
        elif not answered:
            self._silent += listened
            if self._silent >= SILENT_SECONDS:
                return f"the controller of the cluster has not answered for {SILENT_SECONDS:.0f} s"
        return None
