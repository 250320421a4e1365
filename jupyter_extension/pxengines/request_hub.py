"""ipyparallel's hub, which notes what is asked of the engines: with less work for each message.

For each request and engine five messages come by the hub, and in a cluster of hundreds of engines its one
thread is what a ``%px`` waits for.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import traitlets.log
from ipyparallel.controller import hub
from ipyparallel.controller.hub import Hub

from .quick_messages import parse_date, receive_many, use_quick_unpacker

if TYPE_CHECKING:
    _Adapter = logging.LoggerAdapter[logging.Logger]
else:
    _Adapter = logging.LoggerAdapter


class _FewWords(_Adapter):
    """Writes no line for each request, of which a log would have millions; at level debug it does."""

    def info(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """As a logger's."""
        level = logging.DEBUG if str(msg).startswith("queue::") else logging.INFO
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
