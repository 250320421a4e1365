"""Reducing arrays that all ranks have agreed on: in pieces, so that it can be stopped at any time.

Two ranks exchange halves (see `halves`), more leave it to MPI. Memory that the caller gave is sent and
received in place. After an interrupt it must not be written any more, although nothing that MPI has started
can be relied on to be cancelled. So ranks that leave here tell each other how many pieces they have started,
start those that others wait for, and let these be completed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from itertools import starmap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .dtypes import Op, datatype, operation
from .halves import Halves
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
        self._op, self._wire, self._sent = op, wire, sent
        self._received = [received[start : start + length] for start in starts]
        self._way: Whole | Halves | None = None

    def _begin(self, comm: MPI.Intracomm) -> Whole | Halves:
        if self._way is None:
            two = comm.Get_size() == 2
            self._way = (Halves if two else Whole)(comm, self._op, self._sent, self._received, self._wire)
        return self._way

    @property
    def started(self) -> int:
        """How many pieces have been started."""
        return self._way.started if self._way is not None else 0

    def run(self, channel: Channel) -> Array:
        """Return the result; a step of a call that all ranks have agreed on."""
        way = self._begin(channel.comm)

        def until(test: Callable[[], bool]) -> None:
            wait(test, channel.look_around, MOVING_SPIN_SECONDS)

        for number in range(len(self._sent)):
            last = number + _IN_FLIGHT
            for buffer, part in self._staged[way.started : last]:
                with np.errstate(all="ignore"):
                    np.copyto(buffer, part, casting="unsafe")
            way.start(last)
            way.finish(number, until)
        way.end(until)
        return self.target

    def settle(self, channel: Channel, epoch: int, comm: MPI.Intracomm) -> None:
        """Let what is in flight be completed, after this rank has left the call in `epoch`."""
        end = time.monotonic() + SETTLE_SECONDS
        way = self._begin(comm)
        complete, others = False, None
        while not (complete and others is not None) and time.monotonic() < end:
            channel.take_notices()
            others = channel.news.steps_of_others(epoch)
            complete = way.advance(max((way.started, *(others or ()))))
            os.sched_yield()
        self.abandon(channel)

    def abandon(self, channel: Channel) -> None:
        """Keep the memory of what cannot be completed."""
        way = self._way
        if way is not None and way.pending():
            way.cancel()
            pending = way.pending()
            channel.keep(pending, way.memory)


class Whole:
    """The reduction of pieces of memory by MPI; see `Halves`."""

    def __init__(
        self,
        comm: MPI.Intracomm,
        op: Op,
        sent: Sequence[Array],
        received: Sequence[Array],
        wire: np.dtype[Any],
    ) -> None:
        kind, operator = datatype(wire), operation(op)
        self.memory = sent, received
        self._start = comm.Iallreduce
        self._pieces = [
            ([ours, kind], [total, kind], operator) for ours, total in zip(sent, received, strict=True)
        ]
        self._requests: list[MPI.Request] = []

    @property
    def started(self) -> int:
        """How many pieces have been started."""
        return len(self._requests)

    def start(self, last: int) -> None:
        """Start the pieces before `last`."""
        # In C from the start of a piece to the note of it: no interrupt can get between.
        self._requests.extend(starmap(self._start, self._pieces[len(self._requests) : last]))

    def finish(self, number: int, until: Callable[[Callable[[], bool]], None]) -> None:
        """Wait for a piece, by `until`."""
        until(self._requests[number].Test)

    def end(self, until: Callable[[Callable[[], bool]], None]) -> None:
        """Do nothing: what is finished is complete."""

    def advance(self, last: int) -> bool:
        """Start the pieces before `last`; return whether all are complete."""
        self.start(last)
        return not self.pending()

    def pending(self) -> list[MPI.Request]:
        """Return the requests that are not complete."""
        return [request for request in self._requests if not request.Test()]

    def cancel(self) -> None:
        """Do nothing: MPI cannot cancel them."""


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
