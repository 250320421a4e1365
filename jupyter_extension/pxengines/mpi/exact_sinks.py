"""Where the integers of exact sums are added up: for one sum, or for many side by side."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .exact_blocks import Array, Scratch, halves_by_exponent

LIMB_BITS = 32
_MASK = (1 << LIMB_BITS) - 1
_HALF = 1 << LIMB_BITS - 1
_WRAP, _SIGN = 1 << 64, 1 << 63
_SORTED_MOST = 1 << 25  # see `halves_by_exponent`; half of them below 2**998 do not overflow either


class OneSum:
    """One sum, held in Python integers: they have any length, and one addition a block costs nothing."""

    axis = None
    sorts = True

    def __init__(self) -> None:
        self.expected = 1
        self.positive = False
        self.negative = False
        self._by_bit: dict[int, int] = {}
        self._upper: Array | None = None
        self._lower: Array | None = None
        self._sorted = 0
        self._until_retry = 0

    def add(self, sums: Any, bias: int, bit: int) -> None:
        """See `Sink`."""
        value = (int(sums) - bias + _SIGN) % _WRAP - _SIGN
        self._by_bit[bit] = self._by_bit.get(bit, 0) + value

    def sort(self, block: Array, scratch: Scratch) -> None:
        """See `Sink`."""
        upper, lower = halves_by_exponent(block, scratch)
        if self._upper is None or self._lower is None:
            self._upper, self._lower = upper, lower
        else:
            self._upper += upper
            self._lower += lower
        self._sorted += block.size
        if self._sorted > _SORTED_MOST // 2:
            self._unsort()
        # Spread-out data tend to stay so; but look again now and then.
        self._until_retry += 1
        if self._until_retry == 64:
            self._until_retry, self.expected = 0, 1

    def infinite(self, positive: Array, negative: Array) -> None:
        """See `Sink`."""
        self.positive |= bool(positive)
        self.negative |= bool(negative)

    def limbs(self) -> tuple[int, list[int]]:
        """Return (lowest bin, limbs from there on, none of them beyond 2**31 in magnitude)."""
        self._unsort()
        low = min(self._by_bit, default=0) // LIMB_BITS
        total = sum(value << bit - low * LIMB_BITS for bit, value in self._by_bit.items())
        found = []
        while total:
            limb = (total + _HALF & _MASK) - _HALF
            found.append(limb)
            total = total - limb >> LIMB_BITS
        zeros = next((i for i, limb in enumerate(found) if limb), 0)
        return low + zeros, found[zeros:]

    def _unsort(self) -> None:
        for sums in (self._upper, self._lower):
            if sums is None:
                continue
            for value in sums[sums != 0].tolist():
                fraction, exponent = math.frexp(value)
                bit = exponent - 53
                self._by_bit[bit] = self._by_bit.get(bit, 0) + int(math.ldexp(fraction, 53))
        self._upper = self._lower = None
        self._sorted = 0


class ManySums:
    """Many sums side by side: planes of int64 limbs, made for those bins only that occur."""

    sorts = False

    def __init__(self, size: int) -> None:
        self.axis: int | None = 0
        self.expected = 1
        self.positive = np.zeros(size, bool)
        self.negative = np.zeros(size, bool)
        self._size = size
        self._planes: dict[int, Array] = {}

    def add(self, sums: Any, bias: int, bit: int) -> None:
        """See `Sink`. One call changes a limb by less than 2**34."""
        values = sums - np.int64((bias + _SIGN) % _WRAP - _SIGN)
        start, shift = divmod(bit, LIMB_BITS)
        self._add_shifted(values & _MASK, start, shift)
        self._add_shifted(values >> LIMB_BITS, start + 1, shift)

    def sort(self, block: Array, scratch: Scratch) -> None:
        """Never called."""
        raise NotImplementedError("only one sum at a time is sorted by exponent")

    def infinite(self, positive: Array, negative: Array) -> None:
        """See `Sink`."""
        self.positive |= positive
        self.negative |= negative

    def limbs(self) -> tuple[int, Array]:
        """Return (lowest bin, limbs of shape (bins, size), none beyond 2**31 in magnitude). Only once."""
        if not self._planes:
            return 0, np.zeros((0, self._size), np.int64)
        low, high = min(self._planes), max(self._planes)
        found = np.zeros((high - low + 3, self._size), np.int64)
        for start in sorted(self._planes):
            found[start - low] = self._planes.pop(start)
        carry(found)
        return trimmed(low, found)

    def _add_shifted(self, values: Array, start: int, shift: int) -> None:
        """Add ``values * 2**shift`` to the bins from `start` on; `values` have up to 32 bits and a sign."""
        if shift == 0:
            plane = self._plane(start)
            plane += values
            return
        values = values << shift
        plane = self._plane(start)
        plane += values & _MASK
        values >>= LIMB_BITS
        plane = self._plane(start + 1)
        plane += values

    def _plane(self, start: int) -> Array:
        plane = self._planes.get(start)
        if plane is None:
            plane = self._planes[start] = np.zeros(self._size, np.int64)
        return plane


def carry(limbs: Array) -> None:
    """Bring `limbs`, lowest first, to -2**31 to 2**31 - 1 each, in place; the last keeps what is beyond."""
    for i in range(len(limbs) - 1):
        beyond = limbs[i] + _HALF
        beyond >>= LIMB_BITS
        limbs[i + 1] += beyond
        beyond <<= LIMB_BITS
        limbs[i] -= beyond


def trimmed(low: int, limbs: Array) -> tuple[int, Array]:
    """Return `limbs` and the lowest bin without the bins at either end that are zero everywhere."""
    used = [i for i in range(len(limbs)) if limbs[i].any()]
    if not used:
        return 0, limbs[:0]
    return low + used[0], limbs[used[0] : used[-1] + 1]
