"""Reducing arrays that all ranks have agreed on: in pieces, so that it can be stopped at any time.

Memory that the caller gave is sent and received in place. After an interrupt it must not be written any
more, although nothing that MPI has started can be cancelled. So ranks that leave here tell each other
how many pieces they have started, start those that others wait for, and let these be completed.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .channel import Channel
from .dtypes import Op, datatype, operation
from .patience import MOVING_SPIN_SECONDS, Deferred, wait

if TYPE_CHECKING:
    from mpi4py import MPI

Array = npt.NDArray[Any]

PIECE_BYTES = 1 << 22
"""A rank that is interrupted has this much, twice, to complete before it is free."""
_IN_FLIGHT = 2
SETTLE_SECONDS = 0.5
"""How long to wait, after an interrupt, for the pieces in flight."""


def reduce_into(
    channel: Channel, sent: Array | None, received: Array, datatype: MPI.Datatype, op: MPI.Op
) -> None:
    """Reduce `sent` over all ranks into `received`; a step of a call that all ranks have agreed on.

    Parameters
    ----------
    sent : contiguous, one-dimensional, native; None: what `received` holds.
    received : of the same dtype and length, contiguous; overlaps `sent` nowhere.
    datatype, op : what MPI calls the dtype and the operation.
    """
    _Move(channel, sent, received, datatype, op).run()


class _Move:
    def __init__(
        self, channel: Channel, sent: Array | None, received: Array, datatype: MPI.Datatype, op: MPI.Op
    ) -> None:
        from mpi4py import MPI

        self._channel, self._comm = channel, channel.comm
        self._sent, self._received = sent, received
        self._datatype, self._op, self._in_place = datatype, op, MPI.IN_PLACE
        self._length = max(1, PIECE_BYTES // received.itemsize)
        self._pieces = -(-received.size // self._length)
        self._started = 0
        self._before = channel.steps
        self._requests: list[MPI.Request] = []

    def run(self) -> None:
        channel, epoch = self._channel, self._channel.epoch
        with Deferred() as deferred:
            look = channel.looking(deferred)
            try:
                while self._started < self._pieces:
                    if len(self._requests) >= _IN_FLIGHT:
                        self._complete_one(look)
                    self._start()
                while self._requests:
                    self._complete_one(look)
            except BaseException as error:
                channel.leave(error)
                self._settle(epoch)
                raise

    def _start(self) -> None:
        begin = self._started * self._length
        piece = slice(begin, begin + self._length)
        sent = self._in_place if self._sent is None else [self._sent[piece], self._datatype]
        received = [self._received[piece], self._datatype]
        self._requests.append(self._comm.Iallreduce(sent, received, op=self._op))
        self._started += 1
        self._channel.steps += 1

    def _complete_one(self, look: Any) -> None:
        wait(self._requests[0].Test, look, MOVING_SPIN_SECONDS)
        del self._requests[0]

    def _settle(self, epoch: int) -> None:
        """Let what is in flight be completed, after this rank has left the call."""
        end = time.monotonic() + SETTLE_SECONDS
        while self._requests and time.monotonic() < end:
            self._channel.take_notices()
            others = self._channel.news.steps_of_others(epoch)
            if others is not None:
                while self._started < min(self._pieces, max(others, default=0) - self._before):
                    self._start()
            self._requests = [request for request in self._requests if not request.Test()]
            os.sched_yield()
        for request in self._requests:
            self._channel.keep(request, self._sent, self._received)


def contiguous(array: Array, dtype: np.dtype[Any]) -> bool:
    """Tell whether `array` can be handed to MPI as it is, as `dtype`."""
    return bool(array.flags.c_contiguous and array.flags.aligned and array.dtype == dtype)


def move(channel: Channel, op: Op, values: Array, wire: np.dtype[Any], out: Array | None = None) -> Array:
    """Return the reduction of `values` as `wire`: in `out` if that is as MPI wants it, else in a new array.

    A step of a call that all ranks have agreed on.
    """
    target = out if out is not None and contiguous(out, wire) else np.empty(values.shape, wire)
    sent: Array | None = None
    if contiguous(values, wire) and not np.may_share_memory(values, target):
        sent = values.reshape(-1)
    elif values is not target:
        with np.errstate(all="ignore"):
            np.copyto(target, values, casting="unsafe")
    reduce_into(channel, sent, target.reshape(-1), datatype(wire), operation(op))
    return target


def finished(total: Array, result: np.dtype[Any], out: Array | None) -> Array:
    """Return `total` as `result`, in `out` if that is given."""
    if total is out:
        return total
    with np.errstate(over="ignore"):  # float16: infinity is the right answer
        if out is None:
            return total.astype(result, copy=False)
        np.copyto(out, total.astype(result, copy=False), casting="same_kind")
        return out
