"""Ports that a controller has chosen and nobody else gets, until a part of it listens there.

ipyparallel asks the system for a free port, gives it back, writes it into the connection files and lets
another process listen there a second later. On a busy host any connection may have taken it by then, and
a part of the controller (the heart monitor, a scheduler) dies at its start.

Here the port stays bound meanwhile. Linux lets a second socket listen on a port that is only bound, when
both say SO_REUSEADDR, as ZeroMQ's listeners do; and gives a bound port to nobody who asks for any. Other
systems do not all allow that.
"""

from __future__ import annotations

import socket


class ReservedPorts:
    """TCP ports that are ours as long as this object lives, and in processes forked meanwhile; for Linux."""

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def select(self, count: int) -> list[int]:
        """Return ports on which only who names them can listen; raises OSError if there are not so many."""
        return [self._reserve() for _ in range(count)]

    def _reserve(self) -> int:
        held = socket.socket()
        try:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(("", 0))
        except OSError:
            held.close()
            raise
        self._held.append(held)
        port: int = held.getsockname()[1]
        return port

    def release(self) -> None:
        """Give all of them back; listeners keep theirs."""
        while self._held:
            self._held.pop().close()
