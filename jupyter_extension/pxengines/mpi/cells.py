"""Which cell this rank is running: how ranks tell a peer that gave up *this* work from older news.

A cell is whatever one request of the client runs here; in a script without cells all is one cell. Cells
that the client sent to all engines at once have the same key on each, so that an exception in one of them
ends the waiting in the others at once.
"""

from __future__ import annotations

import hashlib
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

Listener = Callable[[bool, "tuple[str, str] | None"], None]
_listeners: list[Listener] = []


def key_of_request(request: dict[str, Any], rank: int) -> int:
    """Return the key of the cell that a client's `request` to this rank starts.

    A request to all engines is a message to each, numbered one after the other in the order of ranks:
    number minus rank is the same for all of them. Where that does not hold (a request to some engines), keys
    differ; reductions are then right all the same, but take a second exchange.
    """
    header, metadata = request["header"], request.get("metadata", {})
    name = metadata.get(CELL_METADATA) or metadata.get("original_msg_id")
    if not name:
        prefix, _, number = str(header["msg_id"]).rpartition("_")
        name = f"{prefix}_{int(number) - rank}" if number.isdecimal() else header["msg_id"]
    return key_of(f"{header.get('session')} {name}")


def begin(key: int) -> None:
    """Note that a cell starts."""
    resume(key)
    for listener in _listeners:
        listener(True, None)


def end(failure: tuple[str, str] | None) -> None:
    """Note that the cell has ended; `failure` is class and message of what it raised, or None."""
    for listener in _listeners:
        listener(False, failure)
    resume(SCRIPT)


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


def resume(key: int) -> None:
    """Go on in a cell, which others need not hear of."""
    global current, current_bytes
    current, current_bytes = key, key.to_bytes(8, "little")


def key_of(name: str) -> int:
    """Return the key of the cell named `name`."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") or 1
