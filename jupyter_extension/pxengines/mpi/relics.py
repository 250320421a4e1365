"""Giving back the communicators of epochs that were given up.

MPI has only so many (MPICH: some 2000). One can be freed when all that any rank has begun on it is complete,
for which all ranks must have begun the same. That is mostly one exchange, to which some rank did not
come: as soon as all are together again, in a later epoch, it makes up for that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..interrupts import Deferred
from .slots import MOST_SLOTS, Greatest, Slots

if TYPE_CHECKING:
    from mpi4py import MPI

    from .channel import Channel

WINDOW = 8
"""So many epochs are looked back. Those given up earlier in a row of failures are never given back."""
COMPLETE_SECONDS = 0.1
"""So long it may take until all is complete. It is at once, unless an interrupt has made a count wrong."""


@dataclass
class Relic:
    """What this rank has of an epoch that was given up.

    Attributes
    ----------
    comm : its communicator.
    exchanges : by level.
    begun : how many exchanges this rank has begun on it.
    level : of the last one.
    clean : whether it has begun nothing else that is not complete, and has the communicator.
    """

    comm: MPI.Intracomm
    exchanges: dict[int, Slots | Greatest]
    begun: int
    level: int
    clean: bool

    def exchange(self, level: int) -> Slots | Greatest:
        """Return the exchange of that level."""
        if level not in self.exchanges:
            few = self.comm.Get_size() <= MOST_SLOTS
            self.exchanges[level] = Slots(self.comm, level) if few else Greatest(self.comm)
        return self.exchanges[level]

    def make_up(self, most: int, level: int, look: Callable[[], None]) -> bool:
        """Begin the exchange that others have begun, the last of `most`; return whether all is complete."""
        end = time.monotonic() + COMPLETE_SECONDS
        last = self.begun
        while True:
            # This rank may have left before it saw its last one, to which all came, complete.
            if last and not _complete(self.exchange(self.level), end, look):
                return False
            if last == most:
                return True
            last, self.level = most, level
            self.exchange(level).request.Start()

    def free(self) -> None:
        """Give everything back."""
        for exchange in self.exchanges.values():
            exchange.request.Free()
        self.comm.Free()


def bury(channel: Channel, relics: dict[int, Relic]) -> list[Relic]:
    """Free what can be freed of `relics` (by epoch), and return the others.

    A step of a call in a later epoch. `relics` is empty after it, even if it raises: nobody tries twice.
    """
    from mpi4py import MPI

    epochs = range(max(0, channel.epoch - WINDOW), channel.epoch)
    states = np.zeros((WINDOW, 4), np.int64)
    for state, epoch in zip(states, epochs, strict=False):
        relic = relics.get(epoch)
        state[3] = relic is None or not relic.clean
        if relic is not None:
            state[:3] = relic.begun, -relic.begun, relic.level
    mine = dict(relics)
    relics.clear()
    with Deferred() as deferred:
        request = channel.comm.Iallreduce(MPI.IN_PLACE, [states, MPI.INT64_T], op=MPI.MAX)
        channel.wait(request, deferred, states)
        for (most, minus_least, level, unclean), epoch in zip(states.tolist(), epochs, strict=False):
            least = -minus_least
            if unclean or most - least > 1:
                continue
            if mine[epoch].make_up(most, level, deferred.check):
                mine.pop(epoch).free()
    return list(mine.values())


def _complete(exchange: Slots | Greatest, end: float, look: Callable[[], None]) -> bool:
    while not exchange.request.Test():
        look()
        if time.monotonic() > end:
            return False
        os.sched_yield()
    return True
