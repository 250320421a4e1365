"""Exact sums as limbs, as what goes over the wire, and as the number they round to."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .exact_blocks import Array
from .exact_round import rounded
from .exact_sinks import OneSum

MOST_RANKS = (1 << 31) - 1
"""So many ranks' wires can be added in int64 without overflow."""

_NOTHING = -(1 << 20)  # a bin far below all others
FIELD = 32  # bits of each of the two counts in one word
OTHERS_ONLY = 1 << FIELD  # second word of a sum with values other than negative zero
_COUNT = (1 << FIELD) - 1

Words = tuple[int, int, int]


@dataclass(frozen=True)
class Accumulator:
    """Exact sums, of one rank or of all.

    Attributes
    ----------
    limbs : int64 of shape (bins, *shape); the sums are those of ``limbs[i] * 2**(32 * (low + i))``. Between
        -2**31 and 2**31 - 1 after `accumulate`, and at most `MOST_RANKS` times that after a sum over ranks.
        `shape` is that of the sums; sums of complex numbers have a last axis of two, real and imaginary.
    low : bin of the first limb.
    special : int64 of shape (2, *shape), None if there is nothing special; see `pack`.
    count : how many values each sum has.
    """

    limbs: Array
    low: int
    special: Array | None
    count: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the sums."""
        return self.limbs.shape[1:]

    def words(self) -> Words:
        """Return what the ranks must agree on first: the greatest of each of these integers is `to_wire`'s.

        They are minus the lowest bin, the highest bin, and whether there is anything special.
        """
        special = int(self.special is not None)
        if not len(self.limbs):
            return (_NOTHING, _NOTHING, special)
        return (-self.low, self.low + len(self.limbs) - 1, special)

    def to_wire(self, words: Words) -> Array:
        """Return what the ranks add up: contiguous int64 of one dimension, as long on every rank."""
        bins = _bins(words)
        size = math.prod(self.shape)
        wire = np.zeros((bins + 2 * words[2]) * size + 1, np.int64)
        planes = wire[:-1].reshape(bins + 2 * words[2], size)
        if len(self.limbs):
            start = self.low + words[0]
            planes[start : start + len(self.limbs)] = self.limbs.reshape(len(self.limbs), size)
        if words[2]:
            planes[bins:] = self._special_words().reshape(2, size)
        wire[-1] = self.count
        return wire

    @classmethod
    def from_wire(cls, wire: Array, words: Words, shape: tuple[int, ...]) -> Accumulator:
        """Return the sums over all ranks, from the sum of their wires. `wire` is kept, not copied."""
        bins = _bins(words)
        planes = wire[:-1].reshape(bins + 2 * words[2], *shape)
        return cls(
            planes[:bins], -words[0] if bins else 0, planes[bins:] if words[2] else None, int(wire[-1])
        )

    def total(self, dtype: np.dtype[Any], divisor: int = 1) -> Array:
        """Return the sums, divided by `divisor`, as `dtype` (real or complex), rounded once.

        Returns
        -------
        Array of `shape`, without its last axis if `dtype` is complex. As IEEE sums: infinite if an
        infinity was added, not-a-number if one was, or both infinities; negative zero if nothing else was.
        """
        real = np.dtype(dtype.char.lower()) if dtype.kind == "c" else dtype
        result = rounded(self.limbs, self.low, real, divisor)
        if self.special is not None:
            positive, negative = self.special[0] & _COUNT, self.special[0] >> FIELD
            zero, other = self.special[1] & _COUNT, self.special[1] >> FIELD
            result[(zero > 0) & (other == 0)] = -0.0
            result[positive > 0] = np.inf
            result[negative > 0] = -np.inf
            result[(positive > 0) & (negative > 0)] = np.nan
        return np.ascontiguousarray(result).view(dtype)[..., 0] if dtype.kind == "c" else result

    def mean(self, dtype: np.dtype[Any]) -> Array:
        """Return the means as `dtype`, rounded once; see `total`. Not-a-number of no values."""
        if self.count:
            return self.total(dtype, self.count)
        if dtype.kind == "c":
            return np.full(self.shape[:-1], complex(np.nan, np.nan), dtype)
        return np.full(self.shape, np.nan, dtype)

    def _special_words(self) -> Array:
        if self.special is not None:
            return self.special
        packed = np.zeros((2, *self.shape), np.int64)
        packed[1] = int(self.count > 0) << FIELD
        return packed


def combine(parts: Iterable[Accumulator]) -> Accumulator:
    """Return the sums of all `parts`, of one shape: what the ranks do by `to_wire` and one collective."""
    parts = list(parts)
    words = agreed(part.words() for part in parts)
    wire = np.add.reduce([part.to_wire(words) for part in parts])
    return Accumulator.from_wire(wire, words, parts[0].shape)


def agreed(words: Iterable[Words]) -> Words:
    """Return the greatest of each word."""
    first, second, third = (max(each) for each in zip(*words, strict=True))
    return (first, second, third)


def stacked(parts: list[Accumulator]) -> Accumulator:
    """Return `parts`, of one shape and count, side by side along a new last axis."""
    words = agreed(part.words() for part in parts)
    wires = np.stack([part.to_wire(words)[:-1] for part in parts], axis=-1)
    wire = np.append(wires.reshape(-1), parts[0].count)
    return Accumulator.from_wire(wire, words, (*parts[0].shape, len(parts)))


def finished(sums: list[OneSum], others: Array, count: int, shape: tuple[int, ...]) -> Accumulator:
    """Return the accumulator of `sums`; `others` says which have a value that is not negative zero."""
    found = [each.limbs() for each in sums]
    low = min((start for start, limbs in found if limbs), default=0)
    high = max((start + len(limbs) for start, limbs in found if limbs), default=low)
    planes = np.zeros((high - low, len(sums)), np.int64)
    for i, (start, limbs) in enumerate(found):
        planes[start - low : start - low + len(limbs), i] = limbs
    positive = np.array([each.positive for each in sums])
    negative = np.array([each.negative for each in sums])
    special = pack(positive, negative, others)
    return Accumulator(
        planes.reshape(len(planes), *shape),
        low,
        None if special is None else special.reshape(2, *shape),
        count,
    )


def pack(positive: Array, negative: Array, others: Array) -> Array | None:
    """Return two words for each sum, None if nothing is special.

    The first counts ranks with a positive infinity below, and with a negative one above (not-a-number
    counts as both); the second those with negative zeros only below, and with other values above.
    """
    if not positive.any() and not negative.any() and others.all():
        return None
    packed = np.empty((2, *others.shape), np.int64)
    packed[0] = positive | negative.astype(np.int64) << FIELD
    packed[1] = ~others | others.astype(np.int64) << FIELD
    return packed


def _bins(words: Words) -> int:
    return 0 if words[1] == _NOTHING else words[1] + words[0] + 1
