"""Every rank's bytes, of any length, for every rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..interrupts import Deferred

if TYPE_CHECKING:
    from .channel import Channel


def gathered(channel: Channel, data: bytes) -> list[bytes]:
    """Return every rank's `data`, by rank; a step of a call to which all ranks have come."""
    from mpi4py import MPI

    with Deferred() as deferred:
        lengths = np.zeros(channel.size, np.int64)
        lengths[channel.rank] = len(data)
        request = channel.comm.Iallgather(MPI.IN_PLACE, [lengths, 1, MPI.INT64_T])
        channel.wait(request, deferred, lengths)
        ends = np.cumsum(lengths)
        everything = np.zeros(int(ends[-1]), np.uint8)
        starts = ends - lengths
        everything[starts[channel.rank] : ends[channel.rank]] = np.frombuffer(data, np.uint8)
        layout = [everything, (lengths.tolist(), starts.tolist()), MPI.BYTE]
        channel.wait(channel.comm.Iallgatherv(MPI.IN_PLACE, layout), deferred, everything)
    return [everything[start:end].tobytes() for start, end in zip(starts, ends, strict=True)]
