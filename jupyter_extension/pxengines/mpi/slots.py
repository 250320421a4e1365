"""The fixed-size exchange with which every reduction begins.

Among few ranks everybody sees everybody's slot: what is reduced (a digest), in which cell, a few facts, and
small data themselves. Among many, only greatest values are exchanged: equal are the ranks' digests whose
greatest value and greatest complement belong together.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mpi4py import MPI

FACTS = 3
"""Words of a slot that tell of the rank's values: 0 unless something is unusual."""
_FACTS = 4
_HEAD_WORDS = _FACTS + FACTS
_TOLD = _HEAD_WORDS
_HEAD_BYTES = -(-8 * (_TOLD + 1) // 16) * 16  # keeps data aligned for every dtype
NO_FACTS = bytes(8 * FACTS)
_RANKS_OF_LEVEL = (64, 64, 32, 16, 16, 8, 4, 4, 2)
"""Among more ranks than this, slots of a level would cost more than MPI's own reduction."""
SLOT_BYTES = (256, *((256 << level) - 128 for level in range(1, len(_RANKS_OF_LEVEL))))
"""Sizes of a slot, by level. A little less than what MPI libraries send without asking first: 4 or 8 kB."""
_AT_ONCE = 4016
"""Open MPI sends so much through shared memory at once, and more only after asking."""
_IN_PIECES = 8192
"""To send more than this in pieces takes longer than to ask."""
_TAG = 2
MOST_SLOTS = _RANKS_OF_LEVEL[0]
"""Among more ranks than this, slots are not gathered."""
PATIENCE = 8
"""So many reductions in a row that need only small slots make slots small again."""


def level_of(data_bytes: int, ranks: int) -> int:
    """Return the level of slots in which that much data of each rank fits; 0 also if in none."""
    for level, (slot, most) in enumerate(zip(SLOT_BYTES, _RANKS_OF_LEVEL, strict=True)):
        if data_bytes <= slot - _HEAD_BYTES and ranks <= most:
            return level
    return 0


class Slots:
    """Everybody's slot on every rank.

    A head is what a rank brings: digest (16 bytes), cell (8), how many calls it had made in that cell before
    this epoch (8), facts (24). Behind it is how many notices the rank had told before (8).

    Attributes
    ----------
    head : memory of this rank's head and count of notices.
    heads : everybody's, a row for each.
    level : of the slots' size.
    room : bytes of data that fit into a slot.
    idle : how many reductions in a row needed less.
    requests : the persistent ones that `request` consists of.
    lanes : short ways that use these slots, by recipe.
    quick : the same, by what the caller gives.
    """

    def __init__(self, comm: MPI.Intracomm, level: int = 0) -> None:
        size, self._rank = comm.Get_size(), comm.Get_rank()
        self._size = size
        self.level, self.idle = level, 0
        self.room = SLOT_BYTES[level] - _HEAD_BYTES
        self.lanes: dict[Any, Any] = {}
        self.quick: dict[Any, Any] = {}
        self._words = np.zeros((size, SLOT_BYTES[level] // 8), np.uint64)
        self.heads = self._words[:, : _TOLD + 1]
        mine = self._words[self._rank]
        self.head = memoryview(mine[: _TOLD + 1].view(np.uint8))
        self._payloads = self._words.view(np.uint8)[:, _HEAD_BYTES:]
        self.request: Any = self._request(comm, SLOT_BYTES[level])
        self.requests: list[Any] = getattr(self.request, "requests", [self.request])

    @property
    def layout(self) -> tuple[npt.NDArray[np.uint64], int, int, int]:
        """The slots, a row for each rank; bytes of a head; where data begin, in bytes; this rank."""
        return self._words, 8 * (_TOLD + 1), _HEAD_BYTES, self._rank

    def _request(self, comm: MPI.Intracomm, slot: int) -> Any:
        from mpi4py import MPI

        if _AT_ONCE < slot <= _IN_PIECES and MPI.get_vendor()[0] == "Open MPI":
            return _Pieces(comm, self._words.view(np.uint8), -(-slot // _AT_ONCE))
        return comm.Allgather_init(MPI.IN_PLACE, [self._words, slot, MPI.BYTE])

    def fill(self, head: bytes) -> None:
        """Put in this rank's head and count of notices."""
        self.head[:] = head

    def as_expected(self, head: bytes, heard: Sequence[bytes]) -> bool:
        """Tell whether all ranks brought `head` and have told no more than was `heard` of each."""
        return self.heads.tobytes() == b"".join(head + count for count in heard)

    def all_heard(self, heard: Sequence[int]) -> bool:
        """Tell whether this rank has `heard` of each rank all that it had told before this exchange."""
        return all(int(told) <= count for told, count in zip(self._words[:, _TOLD], heard, strict=True))

    def alike(self, head: bytes) -> bool:
        """Tell whether all ranks brought `head`, which this one has."""
        return self._words[:, :_HEAD_WORDS].tobytes() == head[: 8 * _HEAD_WORDS] * self._size

    def same_digest(self) -> bool:
        """Tell whether all ranks brought the same digest."""
        return bool((self._words[:, :2] == self._words[0, :2]).all())

    def same_cell(self) -> bool:
        """Tell whether all ranks are in the same cell."""
        return bool((self._words[:, 2] == self._words[0, 2]).all())

    def same_count(self) -> bool:
        """Tell whether all ranks had made as many calls in their cells."""
        return bool((self._words[:, 3] == self._words[0, 3]).all())

    def cells(self) -> set[int]:
        """Return the cells of the ranks."""
        return {int(cell) for cell in self._words[:, 2]}

    def facts(self) -> list[int]:
        """Return the greatest of each of the ranks' facts."""
        return [int(word) for word in self._words[:, _FACTS:_HEAD_WORDS].max(axis=0)]

    def values(self, dtype: np.dtype[Any], count: int) -> npt.NDArray[Any]:
        """Return the memory of the ranks' payloads as (ranks, count) of `dtype`; write into this one's."""
        whole = self.room // dtype.itemsize * dtype.itemsize
        return self._payloads[:, :whole].view(dtype)[:, :count]


class Greatest:
    """The greatest of each of the ranks' words, and of their complements."""

    room = -1
    level = 0

    def __init__(self, comm: MPI.Intracomm) -> None:
        from mpi4py import MPI

        self._words = np.zeros((2, _HEAD_WORDS), np.uint64)
        # By rank: of a sum, what one rank has told since could make up for what another's is missing.
        self._told, self._rank = np.zeros(comm.Get_size(), np.uint64), comm.Get_rank()
        self.request: Any = _Both(
            comm.Allreduce_init(MPI.IN_PLACE, [self._words, MPI.UINT64_T], op=MPI.MAX),
            comm.Allgather_init(MPI.IN_PLACE, [self._told, 1, MPI.UINT64_T]),
        )

    def fill(self, head: bytes) -> None:
        """Put in this rank's head and count of notices."""
        words = np.frombuffer(head, np.uint64)
        self._words[0], self._told[self._rank] = words[:_TOLD], words[_TOLD]
        np.invert(self._words[0], out=self._words[1])

    def as_expected(self, head: bytes, heard: Sequence[bytes]) -> bool:
        """Tell whether all ranks brought `head` and have told no more than was `heard` of each."""
        return self.alike(head) and self._told.tobytes() == b"".join(heard)

    def all_heard(self, heard: Sequence[int]) -> bool:
        """Tell whether this rank has `heard` of each rank all that it had told before this exchange."""
        return all(int(told) <= count for told, count in zip(self._told, heard, strict=True))

    def alike(self, head: bytes) -> bool:
        """Tell whether all ranks brought `head`, which this one has."""
        return self._same(0, _HEAD_WORDS)

    def same_digest(self) -> bool:
        """Tell whether all ranks brought the same digest."""
        return self._same(0, 2)

    def same_cell(self) -> bool:
        """Tell whether all ranks are in the same cell."""
        return self._same(2, 3)

    def same_count(self) -> bool:
        """Tell whether all ranks had made as many calls in their cells."""
        return self._same(3, 4)

    def cells(self) -> set[int]:
        """Return the cells of some ranks: at least two, if there are two."""
        return {int(self._words[0, 2]), int(~self._words[1, 2])}

    def facts(self) -> list[int]:
        """Return the greatest of each of the ranks' facts."""
        return [int(word) for word in self._words[0, _FACTS:]]

    def _same(self, first: int, end: int) -> bool:
        greatest, complements = self._words[:, first:end]
        return bool((greatest == ~complements).all())


class _Both:
    """Two persistent requests as one."""

    def __init__(self, first: MPI.Prequest, second: MPI.Prequest) -> None:
        self._first, self._second = first, second

    def Start(self) -> None:
        self._first.Start()
        self._second.Start()

    def Test(self) -> bool:
        return self._first.Test() and self._second.Test()

    def Free(self) -> None:
        self._first.Free()
        self._second.Free()


class _Pieces:
    """Each rank's row of bytes to every other rank, in so many messages, as one persistent request."""

    def __init__(self, comm: MPI.Intracomm, rows: npt.NDArray[np.uint8], count: int) -> None:
        from mpi4py import MPI

        me = comm.Get_rank()
        others = [rank for rank in range(len(rows)) if rank != me]
        pieces = [[piece, MPI.BYTE] for piece in np.split(rows[me], count)]
        self.requests = [
            comm.Recv_init([piece, MPI.BYTE], rank, _TAG)
            for rank in others
            for piece in np.split(rows[rank], count)
        ]
        self.requests += [comm.Send_init(piece, rank, _TAG) for piece in pieces for rank in others]
        self.Start = functools.partial(MPI.Prequest.Startall, self.requests)
        self.Test = functools.partial(MPI.Request.Testall, self.requests)

    def Free(self) -> None:
        for request in self.requests:
            request.Free()


def pack_facts(*facts: int) -> bytes:
    """Return up to `FACTS` words as bytes."""
    return struct.pack(f"={FACTS}Q", *facts, *([0] * (FACTS - len(facts))))
