"""One block of float64 values, taken apart exactly into integers times powers of two.

Adding 1.5 * 2**(52 + k) to a value rounds it to a multiple of 2**k, and the bits of the sum, read
as an integer, then count these multiples. So one addition and one sum of integers add up the top of a
whole block without an error; what the rounding left is exact too, and goes through the same at a lower k.
Two such levels hold all bits of usual data. Data whose exponents spread further are sorted by
exponent instead. exact_kernel.c does the same for one sum, faster; exact_kernel.py says why it is C.
See Rump, Ogita and Oishi, "Accurate floating-point summation" (SIAM J. Sci.
Comput. 31, 2008), and Neal, "Fast exact summation using small and large superaccumulators" (2015).
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BLOCK = 1 << 14
"""Values in one block, at most: with two scratch arrays it stays in a core's second-level cache."""

_LOWEST = -1074  # the least positive float64 is 2 to this power
_TOP_BITS = 51  # 1.5 * 2**52 units plus or minus 2**51 of them stays between 2**52 and 2**53
_STEP = 48  # a rest is at most 2**47 units of the next level: BLOCK of them add up to less than 2**63
_LEVELS = 3  # so many levels are quicker than sorting by exponent
_CAREFUL = BLOCK.bit_length() - 1 - (62 - _TOP_BITS)  # see `_bound`
_HUGE = 2.0**998  # values from here on are scaled down first: sums of them may overflow
_LARGE = 2.0**500  # values from here on stay exact when they are scaled down by a band
_BAND = 512  # bits; a multiple of the 32 of a limb
_DOT = 1 << 13  # a BLAS starts threads for longer ones
_SQUARE_MIN, _SQUARE_MAX = 2.0**-900, 2.0**1000
_HIGH_BITS = np.int64(-1 << 26)  # sign, exponent and the top half of the fraction


class Sink(Protocol):
    """Where the integers that a block was taken apart into are added up.

    Attributes
    ----------
    axis : axis of the block that is summed over; None if it is one-dimensional.
    expected : levels that the last block needed.
    sorts : whether `sort` may be used.
    """

    expected: int

    @property
    def axis(self) -> int | None:
        """See above."""

    @property
    def sorts(self) -> bool:
        """See above."""

    def add(self, sums: Any, bias: int, bit: int) -> None:
        """Add ``(sums - bias) * 2**bit``; the difference is meant modulo 2**64, and signed."""

    def sort(self, block: Array, scratch: Scratch) -> None:
        """Add a one-dimensional block of any exponents, all values below 2**998."""

    def infinite(self, positive: Array, negative: Array) -> None:
        """Take note of positive and negative infinities; not-a-number counts as both."""


class Scratch:
    """Buffers for blocks of up to `size` values, allocated once."""

    def __init__(self, size: int) -> None:
        self.sums = np.empty(size)
        self.rest = np.empty(size)
        self.index = np.empty(size, np.int64)
        self.differs = np.empty(size, bool)


def add_block(block: Array, sink: Sink, scratch: Scratch) -> None:
    """Add all values of `block` to `sink`.

    Parameters
    ----------
    block : float64, int64, uint64 or long double, C-contiguous, native, aligned, at most `BLOCK` values.
    """
    if block.dtype.kind in "iu":
        _add_floats((block >> 32).astype(np.float64), sink, scratch, 32)
        _add_floats((block & 0xFFFFFFFF).astype(np.float64), sink, scratch, 0)
    elif block.dtype == np.float64:
        _add_floats(block.view(np.float64), sink, scratch, 0)
    else:
        block = _finite(block, sink)
        _add_bands(*np.frexp(block), sink, scratch)


def add_scaled(parts: tuple[Array, ...], exponents: Array, sink: Sink, scratch: Scratch) -> None:
    """Add ``part * 2**exponents`` for each of `parts`: float64, of magnitude 0 or 2**-110 to 1."""
    for part in parts:
        _add_bands(part, exponents, sink, scratch)


def _add_floats(block: Array, sink: Sink, scratch: Scratch, shift: int) -> None:
    flat = block.reshape(-1)
    bound = _bound(flat)
    if bound is None:
        largest = max(float(flat.max()), -float(flat.min())) if flat.size else 0.0
        if not math.isfinite(largest):
            block = _finite(block, sink)
            flat = block.reshape(-1)
            largest = max(float(flat.max()), -float(flat.min()))
        if largest == 0:
            return
        if largest >= _HUGE:
            large = np.abs(block) >= _LARGE
            _add_levels_of(np.where(large, block * 2.0**-_BAND, 0.0), sink, scratch, shift + _BAND)
            _add_floats(np.where(large, 0.0, block), sink, scratch, shift)
            return
        bound = math.frexp(largest)[1] + _CAREFUL
    if sink.sorts and sink.expected > _LEVELS and shift == 0:
        sink.sort(flat, scratch)
    else:
        _add_levels(block, bound, sink, scratch, shift)


def _bound(flat: Array) -> int | None:
    """Return b so that no magnitude exceeds 2**b, nor their sum 2**(b + 11); None if unknown.

    The sum of the squares bounds both, the sum through the Cauchy-Schwarz inequality, in one pass.
    It says nothing if squares overflow or underflow, or if there are infinities or nans.
    """
    square = float(np.dot(flat[:_DOT], flat[:_DOT]))
    if flat.size > _DOT:
        square += float(np.dot(flat[_DOT:], flat[_DOT:]))
    if _SQUARE_MIN < square < _SQUARE_MAX:
        # One more than the square root, as the squares were rounded.
        return (math.frexp(square)[1] + 1) // 2 + 1
    return None


def _finite(block: Array, sink: Sink) -> Array:
    """Return `block` with zeros instead of infinities and nans, which `sink` is told."""
    finite = np.isfinite(block)
    if finite.all():
        return block
    nan = np.isnan(block)
    axis = sink.axis
    sink.infinite((nan | (block == np.inf)).any(axis=axis), (nan | (block == -np.inf)).any(axis=axis))
    return np.where(finite, block, block.dtype.type(0))


def _add_levels(block: Array, bound: int, sink: Sink, scratch: Scratch, shift: int) -> None:
    shape, size = block.shape, block.size
    sums = scratch.sums[:size].reshape(shape)
    rest = scratch.rest[:size].reshape(shape)
    differs = scratch.differs[:size].reshape(shape)
    bits = sums.view(np.int64)
    axis = sink.axis
    added = size if axis is None else shape[axis]
    values, bit, level = block, max(bound - _TOP_BITS, _LOWEST), 1
    while True:
        unit = math.ldexp(1.5, 52 + bit)
        np.add(values, unit, out=sums)
        sink.add(np.add.reduce(bits, axis=axis), added * ((bit + 52 + 1023 << 52) | 1 << 51), bit + shift)
        np.subtract(sums, unit, out=sums)
        # Looking whether something is left costs two passes: not before it may be so.
        if level >= sink.expected or level >= _LEVELS or bit == _LOWEST:
            np.not_equal(values, sums, out=differs)
            if not np.logical_or.reduce(differs, axis=None):
                sink.expected = level
                return
        np.subtract(values, sums, out=rest)
        values, bit, level = rest, max(bit - _STEP, _LOWEST), level + 1
        if level > _LEVELS:
            if sink.sorts and shift == 0:
                sink.expected = level
                sink.sort(rest.reshape(-1), scratch)
                return
            largest = max(float(rest.max()), -float(rest.min()))
            bit = max(min(bit, math.frexp(largest)[1] + _CAREFUL - _TOP_BITS), _LOWEST)


def _add_bands(fractions: Array, exponents: Array, sink: Sink, scratch: Scratch) -> None:
    """Add ``fractions * 2**exponents``; a fraction (float64 or long double) is 0 or 2**-110 to 1 large."""
    bands = exponents // _BAND
    for band in np.unique(bands[fractions != 0]).tolist():
        here = np.where(bands == band, fractions, fractions.dtype.type(0))
        scaled = np.ldexp(here, exponents - band * _BAND)
        high = scaled.astype(np.float64)
        _add_levels_of(high, sink, scratch, band * _BAND)
        if scaled.dtype != np.float64:
            _add_levels_of((scaled - high).astype(np.float64), sink, scratch, band * _BAND)


def _add_levels_of(block: Array, sink: Sink, scratch: Scratch, shift: int) -> None:
    largest = max(float(block.max()), -float(block.min()))
    if largest:
        _add_levels(block, math.frexp(largest)[1] + _CAREFUL, sink, scratch, shift)


def halves_by_exponent(block: Array, scratch: Scratch) -> tuple[Array, Array]:
    """Return, for each of the 2048 exponent fields, the exact sums of the upper and lower halves.

    The upper half of a value has 27 bits and the lower one 26; so 2**25 of either, of one exponent,
    add up without rounding in float64.
    """
    size = block.size
    upper, lower, index = scratch.sums[:size], scratch.rest[:size], scratch.index[:size]
    np.right_shift(block.view(np.int64), 52, out=index)
    np.bitwise_and(index, 2047, out=index)
    np.bitwise_and(block.view(np.int64), _HIGH_BITS, out=upper.view(np.int64))
    np.subtract(block, upper, out=lower)
    return (
        np.bincount(index, weights=upper, minlength=2048),
        np.bincount(index, weights=lower, minlength=2048),
    )
