"""Receiving messages in numbers: as ipyparallel does it, with less work for each.

Its streams take one message at a time from a socket and go round the event loop in between.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import zmq
from ipyparallel.util import ISO8601_PAT, _parse_date
from jupyter_client.session import json_unpacker

_TURN_SECONDS = 0.003
"""After so long it is the turn of other messages: endless output must not keep them waiting."""

_log = logging.getLogger(__name__)


def unpack(data: bytes) -> Any:
    """Return what the JSON text `data` stands for; as ``json.loads``, several times as fast."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        return json_unpacker(data)  # it takes NaN, lone surrogates and the like


def use_quick_unpacker(session: Any) -> None:
    """Let `session` (of jupyter_client) read JSON by `unpack`, if JSON is what it reads."""
    if session.unpacker == "json":
        session.unpack = unpack


def parse_date(text: Any) -> Any:
    """Return the datetime of an ISO 8601 text, and anything else as it is; as ipyparallel's, but fast."""
    if not isinstance(text, str) or ISO8601_PAT.match(text) is None:
        return text
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return _parse_date(text)  # fractions and zones that older Pythons do not know
    return found if found.tzinfo is not None else _parse_date(text)


def receive_many(stream: Any, handle: Callable[[list[Any]], None], *, copy: bool) -> Callable[[], None]:
    """Let `handle` have the messages that arrive on `stream` as ``on_recv`` does, but all that are there.

    Called in the thread of the stream's loop, or before that runs.

    Parameters
    ----------
    stream : zmq's ZMQStream.
    handle : what it raises is logged, and the next message is taken.
    copy : whether it gets bytes, not zmq's frames.

    Returns
    -------
    To be called after sending on the same socket: that takes note of what has arrived, of which the loop is
    then not told any more.
    """
    socket, loop = stream.socket, stream.io_loop

    def handle_one(message: list[Any]) -> None:
        try:
            handle(message)
        except Exception:
            _log.exception("a message could not be handled")

    def take(_: Any = None, events: int = 0) -> None:
        end = time.monotonic() + _TURN_SECONDS
        while True:
            if socket.closed:
                return
            try:
                message = socket.recv_multipart(zmq.NOBLOCK, copy=copy)
            except zmq.Again:  # zmq tells of the next one
                if stream.sending():
                    stream.flush(zmq.POLLOUT)
                return
            handle_one(message)
            if time.monotonic() >= end:
                break
        loop.add_callback(take)  # of those that are there already zmq does not tell again

    stream.on_recv(handle_one, copy=copy)  # for those who flush it
    loop.remove_handler(socket)
    loop.add_handler(socket, take, loop.READ)
    return take
