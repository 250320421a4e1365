"""The clusters that terminals started, as long as their cluster files are there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container

from ..api.models import Cluster
from .discovery import TerminalSighting
from .terminal import TerminalCluster


class Terminals:
    """Watches each of them.

    Parameters
    ----------
    show : called with a cluster after each change.
    drop : called with the key of one that is gone.
    wake : called when a controller says that it ends.
    """

    def __init__(
        self,
        show: Callable[[Cluster], None],
        drop: Callable[[str], None],
        wake: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        self._show = show
        self._drop = drop
        self._wake = wake
        self._log = log
        self._known: dict[str, TerminalCluster] = {}
        self._closing: list[asyncio.Task[None]] = []

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def get(self, key: str) -> TerminalCluster | None:
        """Return the cluster of this key; None if no terminal started one."""
        return self._known.get(key)

    def note(self, key: str, sighting: TerminalSighting) -> None:
        """Take note of a cluster file."""
        known = self._known.get(key)
        if known is not None:
            if known.same_as(sighting):
                known.seen_again(sighting)
                return
            self._lose(key)
        terminal = TerminalCluster(sighting, self._show, self._wake, self._log)
        self._known[key] = terminal
        if sighting.controller_pid is not None:  # else it shows when its hub answers: the file may be old
            self._show(terminal.cluster)

    def keep(self, keys: Container[str]) -> None:
        """Drop those whose keys are not among `keys`."""
        for key in [known for known in self._known if known not in keys]:
            self._lose(key)

    async def close(self) -> None:
        """Watch none any more."""
        await asyncio.gather(*(terminal.close() for terminal in self._known.values()))
        if self._closing:
            await asyncio.wait(self._closing)

    def _lose(self, key: str) -> None:
        terminal = self._known.pop(key)
        self._closing = [task for task in self._closing if not task.done()]
        self._closing.append(asyncio.get_running_loop().create_task(terminal.close()))
        self._drop(key)
