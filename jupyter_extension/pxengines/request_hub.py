"""ipyparallel's hub, which notes what is asked of the engines: with less work for each message, and bounded.

For each request and engine five messages come by the hub, and in a cluster of hundreds of engines its one
thread is what a ``%px`` waits for. In a cluster that lives for weeks, what it keeps of each is what fills the
node's memory.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import traitlets.log
from ipyparallel.controller import hub
from ipyparallel.controller.hub import Hub
from jupyter_client.session import DELIM

from .quick_messages import parse_date, receive_many, use_quick_unpacker
from .task_db import TaskDB

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


ANSWERED_KEPT = 1_000
"""So many of the requests that an engine has answered are listed to who asks for them by name."""


class Answered(list[str]):
    """The last requests that an engine has answered, by id; and as its length, how many there were in all."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def append(self, msg_id: str) -> None:
        """Add one; the oldest are forgotten."""
        super().append(msg_id)
        self._count += 1
        if super().__len__() >= 2 * ANSWERED_KEPT:
            del self[:ANSWERED_KEPT]

    def __len__(self) -> int:
        return self._count


class _FewWords(_Adapter):
    """Writes no line for each request or question, of which a log would have millions; at debug it does."""

    def info(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """As a logger's."""
        level = logging.DEBUG if str(msg).startswith(("queue::", "client::")) else logging.INFO
        if self.logger.isEnabledFor(level):
            super().log(level, msg, *args, **kwargs)


_extract_dates = hub.extract_dates


def extract_dates(value: Any) -> Any:
    """Return `value` with its dates as datetimes; as ipyparallel's."""
    return parse_date(value) if isinstance(value, str) else _extract_dates(value)


class RequestHub(Hub):  # type: ignore[misc] # ipyparallel has no types
    """The hub of our controller."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # A third of its time goes into reading three dates of each request; these are the same, ten times as
        # fast.
        hub.parse_date, hub.extract_dates = parse_date, extract_dates
        log: Any = kwargs.get("log") or traitlets.log.get_logger()
        self.log: Any = _FewWords(log, {})
        use_quick_unpacker(self.session)
        receive_many(self.monitor, self.dispatch_monitor_traffic, copy=True)
        if isinstance(self.db, TaskDB):
            self.db.on_drop = self._forget

    def dispatch_monitor_traffic(self, msg: list[bytes]) -> None:
        """Note a message that passed by; ipyparallel's takes the greeting of each engine for an error."""
        if msg[1:2] == [DELIM] and b'"iopub_welcome"' in msg[3]:
            return
        super().dispatch_monitor_traffic(msg)

    def save_queue_request(self, idents: list[bytes], msg: list[bytes]) -> None:
        """Note a request to one engine.

        A message of a widget is none: nobody answers it, and the engine would be said to be busy for ever.
        """
        if b'"comm_' in msg[1] and self.session.unpack(msg[1])["msg_type"].startswith("comm_"):
            return
        super().save_queue_request(idents, msg)

    def finish_registration(self, heart: bytes) -> None:
        """Count an engine in, once its heart beats."""
        super().finish_registration(heart)
        if heart in self.hearts:
            self.completed[self.hearts[heart]] = Answered()

    def _forget(self, msg_id: str) -> None:
        self.all_completed.discard(msg_id)
        self.pending.discard(msg_id)
