"""Sums without any rounding but the last: the same bits for every number of ranks, split and order.

A sum is held as limbs, int64 multiples of powers of two to the 32. Ranks add their limbs, in any order,
with plain integer sums (one MPI collective), and then round the same exact number to the same result.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .exact_accumulator import (
    MOST_RANKS,
    OTHERS_ONLY,
    Accumulator,
    Words,
    agreed,
    combine,
    finished,
    pack,
    stacked,
)
from .exact_blocks import BLOCK, Array, Scratch, add_block
from .exact_kernel import Kernel, KernelSum, evenly_spaced, kernel, takes
from .exact_sinks import ManySums, OneSum

__all__ = ["MOST_RANKS", "Accumulator", "Words", "accumulate", "agreed", "check_dtype", "combine"]

_STREAM = 1 << 12  # values; sums of fewer are made side by side


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Check that values of `dtype` can be added exactly.

    Raises
    ------
    TypeError
        If they cannot; the message says why and what to do.
    """
    if dtype.kind not in "biufc":
        raise TypeError(f"cannot add values of dtype {dtype} exactly: they are not numbers of a fixed size")
    if dtype.char in "gG" and np.finfo(dtype).nmant not in (52, 63):
        raise TypeError(
            f"cannot add values of dtype {dtype} exactly: this machine's long double is not that of x86; "
            "convert them to float64, or use mode='fast'"
        )


def accumulate(array: Array, axes: tuple[int, ...] | None = None) -> Accumulator:
    """Return the exact sums of `array` over `axes`.

    Parameters
    ----------
    array : of any bool, integer, float or complex dtype, memory layout and byte order. Not changed.
    axes : axes to sum over, from 0 on; all if None. None at all, ``()``, makes each value a sum of its own.

    Raises
    ------
    TypeError
        As `check_dtype`.

    Notes
    -----
    Needs memory for a few blocks of 2**14 values, and for the limbs of the sums.
    """
    check_dtype(array.dtype)
    if axes is None:
        axes = tuple(range(array.ndim))
    if array.dtype.kind == "c":
        return stacked([accumulate(array.real, axes), accumulate(array.imag, axes)])
    kept = tuple(i for i in range(array.ndim) if i not in axes)
    shape = tuple(array.shape[i] for i in kept)
    count = math.prod(array.shape[i] for i in axes)
    size = math.prod(shape)
    moved = array.transpose(kept + tuple(axes))
    with np.errstate(all="ignore"):
        if array.size == 0:
            return Accumulator(np.zeros((0, *shape), np.int64), 0, None, count)
        if size == 1 or (count >= _STREAM and (size <= 4 or _runs_along(moved, len(kept)))):
            return _one_by_one(moved.reshape(shape + moved.shape[len(kept) :]), len(kept), count)
        return _side_by_side(moved, len(kept), count)


def blocks(values: Array) -> Iterator[Array]:
    """Return `values` as contiguous native blocks for `add_block`, of one dimension, in memory order."""
    iterate: Any = np.nditer  # whose stub does not know "contig"
    yield from iterate(
        values,
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[["readonly", "nbo", "aligned", "contig"]],
        op_dtypes=[_added_as(values.dtype)],
        casting="safe",
        buffersize=BLOCK,
        order="K",
    )


def _added_as(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype that blocks are converted to, without loss."""
    native: np.dtype[Any] = dtype.newbyteorder("=")
    if native.kind in "iu" and native.itemsize == 8:
        return native
    if native.char == "g" and np.finfo(native).nmant > 52:
        return native
    return np.dtype(np.float64)


def _one_by_one(moved: Array, kept: int, count: int) -> Accumulator:
    shape = moved.shape[:kept]
    compiled = kernel() if _added_as(moved.dtype) == np.float64 else None
    add: Callable[[Array, OneSum], bool]
    if compiled is not None:
        add = functools.partial(_add_compiled, compiled)
    else:
        add = functools.partial(_add_blocks, Scratch(min(BLOCK, count)))
    sums, others = [], []
    for place in np.ndindex(*shape):
        sums.append(OneSum())
        others.append(add(np.asarray(moved[place]), sums[-1]))
    return finished(sums, np.array(others), count, shape)


def _add_compiled(compiled: Kernel, values: Array, sink: OneSum) -> bool:
    """Add `values` to `sink`; return whether there is anything but negative zeros."""
    adder = KernelSum(compiled, sink)
    run = evenly_spaced(values) if takes(values.dtype) else None
    if run is not None:
        adder.add(*run)
    else:
        for block in blocks(values):
            adder.add(block, block.itemsize)
    return adder.other


def _add_blocks(scratch: Scratch, values: Array, sink: OneSum) -> bool:
    """As `_add_compiled`, in numpy."""
    other = False
    for block in blocks(values):
        other = other or not _negative_zero(block[:1]).all() or not _negative_zero(block).all()
        add_block(block, sink, scratch)
    return other


def _side_by_side(moved: Array, kept: int, count: int) -> Accumulator:
    shape = moved.shape[:kept]
    along = _runs_along(moved, kept)
    side = _Side(min(BLOCK, moved.size), _added_as(moved.dtype))
    # So many sums at a time that one block has several values of each, in runs that are long in memory.
    most = max(BLOCK // count, 16 if along else 1024)
    index = np.arange(math.prod(shape)).reshape(shape)
    found = []
    for part, where in _pieces(moved, range(kept), most):
        found.append((index[where].reshape(-1), side.add(part, kept)))
    filled = [(low, len(limbs)) for _, (low, limbs, _) in found if len(limbs)]
    low = min((low for low, _ in filled), default=0)
    high = max((low + bins for low, bins in filled), default=low)
    planes = np.zeros((high - low, index.size), np.int64)
    special = None
    for at, (start, limbs, packed) in found:
        # One slice if there is only one axis: much quicker than a list of places.
        place: Any = slice(at[0], at[-1] + 1) if at[-1] - at[0] == at.size - 1 else at
        planes[start - low : start - low + len(limbs), place] = limbs
        if packed is not None:
            if special is None:
                special = np.zeros((2, index.size), np.int64)
                special[1] = OTHERS_ONLY
            special[:, place] = packed
    return Accumulator(
        planes.reshape(len(planes), *shape),
        low,
        None if special is None else special.reshape(2, *shape),
        count,
    )


class _Side:
    """Adds up pieces of an array, each with all values of some sums."""

    def __init__(self, size: int, dtype: np.dtype[Any]) -> None:
        self._scratch = Scratch(size)
        self._buffer = np.empty(size, dtype)

    def add(self, piece: Array, kept: int) -> tuple[int, Array, Array | None]:
        """Return the lowest bin, the limbs and what is special, of the sums over all but `kept` axes."""
        size = math.prod(piece.shape[:kept])
        sums, others = ManySums(size), np.zeros(size, bool)
        for part, _ in _pieces(piece, range(kept, piece.ndim), BLOCK // size):
            columns = part.size // size
            block = self._buffer[: part.size]
            # The longer side last: numpy works along it.
            if size >= columns:
                by_place = block.reshape(part.shape[kept:] + part.shape[:kept])
                np.copyto(by_place, np.moveaxis(part, range(kept), range(-kept, 0)))
                block, sums.axis = block.reshape(columns, size), 0
            else:
                np.copyto(block.reshape(part.shape), part)
                block, sums.axis = block.reshape(size, columns), 1
            if not others.all():
                others |= ~_negative_zero(block).all(axis=sums.axis)
            add_block(block, sums, self._scratch)
        low, limbs = sums.limbs()
        return low, limbs, pack(sums.positive, sums.negative, others)


def _pieces(array: Array, axes: Iterable[int], most: int) -> Iterator[tuple[Array, tuple[slice, ...]]]:
    """Split `array` along `axes` into pieces of at most `most` places there; with each comes where it was."""
    axes = tuple(axes)
    pending = [(array, tuple(slice(0, array.shape[i]) for i in axes))]
    while pending:
        part, where = pending.pop()
        if math.prod(part.shape[i] for i in axes) <= most:
            yield part, where
            continue
        axis = max(axes, key=lambda i: part.shape[i])
        at = axes.index(axis)
        start, middle = where[at].start, part.shape[axis] // 2
        for half in (slice(middle, part.shape[axis]), slice(0, middle)):
            there = (*where[:at], slice(start + half.start, start + half.stop), *where[at + 1 :])
            pending.append((part[(slice(None),) * axis + (half,)], there))


def _runs_along(moved: Array, kept: int) -> bool:
    """Say whether values of one sum are nearer in memory than those of different sums."""
    strides = [abs(stride) for stride in moved.strides]
    return min(strides[kept:], default=0) <= min(strides[:kept], default=0)


def _negative_zero(block: Array) -> Array:
    return np.asarray((block == 0) & np.signbit(block))
