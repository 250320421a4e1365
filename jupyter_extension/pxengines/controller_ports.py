"""Ports that a controller has chosen and nobody else gets, until a part of it listens there.

ipyparallel asks the system for a free port, gives it back, writes it into the connection files and lets
another process listen there a second later. On a busy host any connection may have taken it by then, and
a part of the controller (the heart monitor, a scheduler) dies at its start.

Here the port stays bound meanwhile. Linux lets a second socket listen on a port that is only bound, when
both say SO_REUSEADDR, as ZeroMQ's listeners do; and gives a bound port to nobody who asks for any. Other
systems do not all allow that.

Not even that helps against who was given the port a moment earlier, has given it back, too, and names it now,
as Jupyter does for its kernels. What stays on this host therefore goes through ports that the system gives to
nobody: those above its range, which are for private use like the range itself. Between hosts a firewall may
know the range only.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_HIGHEST = 65535
_ENOUGH = 1000
_TRIES = 100


class ReservedPorts:
    """TCP ports that are ours as long as this object lives, and in processes forked meanwhile; for Linux.

    Parameters
    ----------
    on_this_host : nobody connects to them from elsewhere.
    """

    def __init__(self, *, on_this_host: bool = False) -> None:
        self._on_this_host = on_this_host
        self._held: list[socket.socket] = []

    def select(self, count: int) -> list[int]:
        """Return ports on which only who names them can listen; raises OSError if there are not so many."""
        return [self._reserve() for _ in range(count)]

    def _reserve(self) -> int:
        for wanted in self._candidates():
            held = socket.socket()
            try:
                held.bind(("", wanted))
            except OSError:
                held.close()
                if wanted == 0:
                    raise
                continue
            # Not before: two controllers could hold the same one.
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._held.append(held)
            port: int = held.getsockname()[1]
            return port
        raise AssertionError("the last candidate is any port")

    def _candidates(self) -> Iterator[int]:
        above = _above_the_range() if self._on_this_host else range(0)
        if len(above) >= _ENOUGH:
            yield from (secrets.choice(above) for _ in range(_TRIES))
        yield 0

    def release(self) -> None:
        """Give all of them back; listeners keep theirs."""
        while self._held:
            self._held.pop().close()


def _above_the_range() -> range:
    """Return the ports above those that the system gives to anybody; none where it does not tell."""
    try:
        return range(int(_RANGE.read_text(encoding="ascii").split()[1]) + 1, _HIGHEST + 1)
    except (OSError, ValueError, IndexError):
        return range(0)
