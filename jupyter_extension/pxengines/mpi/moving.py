"""Reducing arrays that all ranks have agreed on: in pieces, so that it can be stopped at any time.

Memory that the caller gave is sent and received in place. After an interrupt it must not be written any
more, although nothing that MPI has started can be cancelled. So ranks that leave here tell each other
how many pieces they have started, start those that others wait for, and let these be completed.
"""

from __future__ import annotations

import os
import time
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

    What MPI can send as it is, it sends so; else each piece is first copied to a small buffer. (Not MPI's
    ``IN_PLACE``: that has to be meant by all ranks or by none, and memory may be laid out differently.)

    Attributes
    ----------
    target : where the result is put: `out`, if that is as MPI wants it, or else new memory.
    """

    def __init__(self, op: Op, values: Array, wire: np.dtype[Any], out: Array | None = None) -> None:
        self.target = out if out is not None and _fits(out, wire) else np.empty(values.shape, wire)
        received = self.target.reshape(-1)
        length = max(1, PIECE_BYTES // wire.itemsize)
        starts = range(0, received.size, length)
        self._staged: list[tuple[Array, Array]] = []
        if _fits(values, wire) and not np.may_share_memory(values, self.target):
            source = values.reshape(-1)
            sent = [source[start : start + length] for start in starts]
        else:
            source = _flat(values, self.target)
            room = min(length, received.size)
            buffers = [np.empty(room, wire) for _ in range(min(_IN_FLIGHT, len(starts)))]
            parts = [source[start : start + length] for start in starts]
            # A buffer is used again when the piece before that is complete.
            sent = [buffers[number % _IN_FLIGHT][: part.size] for number, part in enumerate(parts)]
            self._staged = list(zip(sent, parts, strict=True))
        kind, operator = datatype(wire), operation(op)
        self._pieces = [
            ([piece, kind], [received[start : start + length], kind], operator)
            for piece, start in zip(sent, starts, strict=True)
        ]
        self._requests: list[MPI.Request] = []

    @property
    def started(self) -> int:
        """How many pieces have been started."""
        return len(self._requests)

    def run(self, channel: Channel) -> Array:
        """Return the result; a step of a call that all ranks have agreed on."""
        pieces, requests, start = self._pieces, self._requests, channel.comm.Iallreduce
        for completed in range(len(pieces)):
            last = completed + _IN_FLIGHT
            for buffer, part in self._staged[len(requests) : last]:
                with np.errstate(all="ignore"):
                    np.copyto(buffer, part, casting="unsafe")
            # In C from the start of a piece to the note of it: no interrupt can get between.
            requests.extend(starmap(start, pieces[len(requests) : last]))
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


def _flat(values: Array, target: Array) -> Array:
    """Return `values` in one dimension, in C order: a view of them, unless that is impossible or unsafe."""
    same = values.shape == target.shape and (
        values.__array_interface__["data"] == target.__array_interface__["data"]
        and values.strides == target.strides
    )
    if same or not np.may_share_memory(values, target):
        return values.reshape(-1)
    return values.flatten()
