"""Reducing arrays that all ranks have agreed on: in pieces, so that it can be stopped at any time.

Memory that the caller gave is sent and received in place. After an interrupt it must not be written any
more, although nothing that MPI has started can be cancelled. So ranks that leave here tell each other
how many pieces they have started, start those that others wait for, and let these be completed.
"""

from __future__ import annotations

import os
import time
from functools import cache
from itertools import starmap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .dtypes import Op, datatype, operation
from .patience import MOVING_SPIN_SECONDS, wait

if TYPE_CHECKING:
    from mpi4py import MPI

    from .channel import Channel

Array = npt.NDArray[Any]

PIECE_BYTES = 1 << 21
"""A rank that is interrupted has this much, twice, to complete before it is free."""
_IN_FLIGHT = 2
SETTLE_SECONDS = 0.5
"""How long to wait, after an interrupt, for the pieces in flight."""


class Move:
    """The reduction of one array of each rank, element by element.

    Attributes
    ----------
    target : where the result is put: `out`, if that is as MPI wants it, or else new memory.
    """

    def __init__(self, op: Op, values: Array, wire: np.dtype[Any], out: Array | None = None) -> None:
        self.target = out if out is not None and _fits(out, wire) else np.empty(values.shape, wire)
        self._values = values
        sent: Array | None = None
        self._copies = False
        if _fits(values, wire) and not np.may_share_memory(values, self.target):
            sent = values.reshape(-1)
        else:
            self._copies = values is not self.target
        self._pieces = _pieces(sent, self.target.reshape(-1), datatype(wire), operation(op))
        self._requests: list[MPI.Request] = []

    @property
    def started(self) -> int:
        """How many pieces have been started."""
        return len(self._requests)

    def run(self, channel: Channel) -> Array:
        """Return the result; a step of a call that all ranks have agreed on."""
        if self._copies:
            self._copies = False
            with np.errstate(all="ignore"):
                np.copyto(self.target, self._values, casting="unsafe")
        pieces, requests, start = self._pieces, self._requests, channel.comm.Iallreduce
        for completed in range(len(pieces)):
            # In C from the start of a piece to the note of it: no interrupt can get between.
            requests.extend(starmap(start, pieces[len(requests) : completed + _IN_FLIGHT]))
            wait(requests[completed].Test, channel.look_around, MOVING_SPIN_SECONDS)
        return self.target

    def settle(self, channel: Channel, epoch: int, comm: MPI.Intracomm) -> None:
        """Let what is in flight be completed, after this rank has left the call in `epoch`."""
        end = time.monotonic() + SETTLE_SECONDS
        pending, others = self._requests, None
        while (pending or others is None) and time.monotonic() < end:
            channel.take_notices()
            others = channel.news.steps_of_others(epoch)
            if others:
                more = list(starmap(comm.Iallreduce, self._pieces[len(self._requests) : max(others)]))
                self._requests = self._requests + more
                pending = pending + more
            pending = [request for request in pending if not request.Test()]
            os.sched_yield()
        self.abandon(channel)

    def abandon(self, channel: Channel) -> None:
        """Keep the memory of what cannot be completed."""
        pending = [request for request in self._requests if not request.Test()]
        if pending:
            channel.keep(pending, self._pieces)


def move(channel: Channel, op: Op, values: Array, wire: np.dtype[Any], out: Array | None = None) -> Array:
    """Return the reduction of `values` as `wire`: in `out` if that is as MPI wants it, else in a new array.

    A step of a call that all ranks have agreed on. Neither is memory of the caller's: see `Move` for that.
    """
    mine = Move(op, values, wire, out)
    try:
        return mine.run(channel)
    except BaseException:
        mine.abandon(channel)
        raise


def finished(total: Array, result: np.dtype[Any], out: Array | None) -> Array:
    """Return `total` as `result`, in `out` if that is given."""
    if total is out:
        return total
    with np.errstate(over="ignore"):  # float16: infinity is the right answer
        if out is None:
            return total.astype(result, copy=False)
        np.copyto(out, total.astype(result, copy=False), casting="same_kind")
        return out


def _fits(array: Array, dtype: np.dtype[Any]) -> bool:
    """Tell whether `array` can be handed to MPI as it is, as `dtype`."""
    flags = array.flags
    return bool(flags.c_contiguous and flags.aligned and array.dtype == dtype)


def _pieces(sent: Array | None, received: Array, datatype: MPI.Datatype, op: MPI.Op) -> list[Any]:
    """Return the arguments of MPI's call for each piece."""
    length = max(1, PIECE_BYTES // received.itemsize)
    if received.size <= length:
        if received.size == 0:
            return []
        return [(_in_place() if sent is None else [sent, datatype], [received, datatype], op)]
    parts = [slice(start, start + length) for start in range(0, received.size, length)]
    return [
        (_in_place() if sent is None else [sent[part], datatype], [received[part], datatype], op)
        for part in parts
    ]


@cache
def _in_place() -> Any:
    from mpi4py import MPI

    return MPI.IN_PLACE
