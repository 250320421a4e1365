"""Small messages between the ranks of a channel, outside of any reduction.

They tell what no collective call can: that a rank will not come. They travel on a communicator of their
own, where nothing else does, and are looked for in every wait.
"""

from __future__ import annotations

import enum
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpi4py import MPI

_TAG = 1
_SIZE = 512
"""Bytes of a notice: sent eagerly by every MPI, so that the sender never waits for the receiver."""
_FAREWELL_SECONDS = 0.1
_HEAD = struct.Struct("<BBqqqqqQH")


class Kind(enum.IntEnum):
    """What a notice tells about its sender."""

    LEFT = 1
    """It has left call `call` of `epoch`, which therefore will never be complete."""
    RAISED = 2
    """Its cell ended with an exception: it will not come to call `call` of `epoch` in that cell."""
    STARTED = 3
    """It has started another cell after one that raised."""
    WAITING = 4
    """It has been waiting in call `call` of `epoch` for a while."""
    ENDED = 5
    """Its process ends before call `call` of `epoch`."""
    MISSED = 6
    """It has ended the cell `cell`, in which others wait, without call `call` of `epoch`."""


class Why(enum.IntEnum):
    """Why a rank left a call."""

    ERROR = 1
    INTERRUPT = 2
    TIMEOUT = 3


@dataclass(frozen=True)
class Notice:
    """One message.

    Attributes
    ----------
    kind : what it tells.
    sender : rank that it is about and from.
    epoch, call : the place in the order of all reductions.
    steps : how many pieces of data the sender has started to send in that call.
    cell : key of the sender's cell.
    why : for LEFT.
    origin : rank with which the trouble began.
    text : what happened at `origin`, in words.
    """

    kind: Kind
    sender: int
    epoch: int
    call: int
    cell: int
    steps: int = 0
    why: Why = Why.ERROR
    origin: int = -1
    text: str = ""

    def encode(self) -> bytearray:
        """Return the message's bytes."""
        text = self.text.encode()[: _SIZE - _HEAD.size]
        head = _HEAD.pack(
            self.kind,
            self.why,
            self.sender,
            self.epoch,
            self.call,
            self.steps,
            self.origin,
            self.cell,
            len(text),
        )
        return bytearray((head + text).ljust(_SIZE, b"\0"))

    @classmethod
    def decode(cls, data: bytearray) -> Notice:
        """Return the notice in `data`."""
        kind, why, sender, epoch, call, steps, origin, cell, length = _HEAD.unpack_from(data)
        text = data[_HEAD.size : _HEAD.size + length].decode(errors="replace")
        return cls(Kind(kind), sender, epoch, call, cell, steps, Why(why), origin, text)


class Post:
    """Sends and fetches the notices of one channel; nothing here waits.

    Attributes
    ----------
    receive : persistent request that is complete when a notice has come.
    """

    def __init__(self, comm: MPI.Intracomm) -> None:
        from mpi4py import MPI

        self._comm = comm
        self._bytes = MPI.BYTE
        self._sent: list[tuple[MPI.Request, bytearray]] = []
        self._fetched: list[Notice] = []
        self._others = [rank for rank in range(comm.Get_size()) if rank != comm.Get_rank()]
        # A receive that is always posted: unlike a probe, its first test sees what has come already.
        self._data = bytearray(_SIZE)
        self.receive = comm.Recv_init([self._data, MPI.BYTE], MPI.ANY_SOURCE, _TAG)
        self.receive.Start()

    def send(self, notice: Notice) -> None:
        """Send `notice` to all other ranks."""
        data = notice.encode()
        self._sent = [(request, kept) for request, kept in self._sent if not request.Test()]
        for rank in self._others:
            self._sent.append((self._comm.Isend([data, self._bytes], rank, _TAG), data))

    def has_come(self) -> bool:
        """Tell whether a notice is there to be fetched; quick."""
        if self.receive.Test():
            self._fetched.append(Notice.decode(self._data))
            self.receive.Start()
            return True
        return False

    def fetch(self) -> list[Notice]:
        """Return the notices that have come, each sender's in the order in which it sent them."""
        while self.has_come():
            pass
        if self._sent:
            self._sent = [(request, kept) for request, kept in self._sent if not request.Test()]
        notices, self._fetched = self._fetched, []
        return notices

    def farewell(self) -> None:
        """See to it that what was sent gets out, before MPI is finalized."""
        end = time.monotonic() + _FAREWELL_SECONDS
        while self._sent and time.monotonic() < end:
            self._fetched = self.fetch()

    def free(self) -> None:
        """Stop listening."""
        self.receive.Cancel()
        self.receive.Wait()
        self.receive.Free()
        if not self._sent:
            self._comm.Free()
