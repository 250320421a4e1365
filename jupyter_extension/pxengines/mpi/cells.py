"""Which cell this rank is running: how ranks tell a peer that gave up *this* work from older news.

A cell is whatever one request of the client runs here; in a script without cells all is one cell. Cells
that the client sent to all engines at once have the same key on each, so that an exception in one of them
ends the waiting in the others at once.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any

CELL_METADATA = "pxengines_cell"
"""A client may put a name of its own, the same for all engines, under this key of a request's metadata."""

SCRIPT = 0
"""Key of what runs outside of any cell."""

current = SCRIPT
"""Key of the cell that runs now; 64 bits."""

current_bytes = bytes(8)
"""The same, as it travels."""

_MOST_ENDED = 1024
_ended: dict[int, None] = {}
_outer: list[int] = []
_thread = 0

Listener = Callable[[bool, "tuple[str, str] | None"], None]
_listeners: list[Listener] = []


def key_of_request(request: dict[str, Any], rank: int) -> int:
    """Return the key of the cell that a client's `request` to this rank starts.

    A request to all engines is a message to each, numbered one after the other in the order of ranks:
    number minus rank is the same for all of them, and so is the code. Where that does not hold (a request to
    some engines), keys differ; reductions are then right all the same, but take a second exchange.
    """
    header, metadata = request["header"], request.get("metadata", {})
    name = metadata.get(CELL_METADATA) or metadata.get("original_msg_id")
    if not name:
        prefix, _, number = str(header["msg_id"]).rpartition("_")
        name = f"{prefix}_{int(number) - rank}" if number.isdecimal() else header["msg_id"]
    return key_of(f"{header.get('session')} {name} {request.get('content', {}).get('code', '')}")


def begin(key: int, within: bool = False) -> None:
    """Note that a cell starts; `within` the one that runs, which goes on after it."""
    global _thread
    _outer[:] = [*_outer, current] if within else []
    _ended.pop(key, None)
    _thread = threading.get_ident()
    _go_on_in(key)
    for listener in _listeners:
        listener(True, None)


def end(failure: tuple[str, str] | None) -> None:
    """Note that the cell has ended; `failure` is class and message of what it raised, or None."""
    for listener in _listeners:
        listener(False, failure)
    _ended[current] = None
    if len(_ended) > _MOST_ENDED:
        del _ended[next(iter(_ended))]
    _go_on_in(_outer.pop() if _outer else SCRIPT)


def has_ended(key: int) -> bool:
    """Tell whether this rank has ended the cell of `key`, and not begun it again."""
    return key in _ended


def straggler(keys: set[int]) -> tuple[int, bool] | None:
    """Return which of `keys` is a cell that this rank has gone on from, and whether it has ended it.

    What is reduced there can have no part here any more. None if there is none; or if a thread asks that goes
    on while cells come and go, so that its cell is a matter of chance.
    """
    if threading.get_ident() != _thread:
        return None
    for gone, ended in ((_ended, True), (_outer, False)):
        for key in sorted(keys):
            if key in gone:
                return key, ended
    return None


def listen(listener: Listener) -> None:
    """Let `listener` hear of every cell's start (True, None) and end (False, failure)."""
    _listeners.append(listener)


def failure_words(kind: str, text: str) -> str:
    """Return what an exception of the class named `kind`, with message `text`, is for the other ranks."""
    if kind == "KeyboardInterrupt":
        return "was interrupted"
    if kind == "SystemExit":
        return "has exited"
    line = " ".join(text.split())
    return f"raised {kind}: {line}" if line else f"raised {kind}"


def _go_on_in(key: int) -> None:
    global current, current_bytes
    current, current_bytes = key, key.to_bytes(8, "little")


def key_of(name: str) -> int:
    """Return the key of the cell named `name`."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") or 1
