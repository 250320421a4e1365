"""Exact sums rounded once to a floating-point type: to nearest, ties to even, as IEEE 754 asks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .exact_blocks import Array
from .exact_sinks import LIMB_BITS, carry

_CHUNK = 1 << 13  # sums rounded at a time; the work arrays then stay in the cache
_FEW = 16  # so few are rounded one by one with Python integers
_MASK = (1 << LIMB_BITS) - 1
_LARGEST_DIVISOR = 1 << LIMB_BITS


def rounded(limbs: Array, low: int, dtype: np.dtype[Any], divisor: int = 1) -> Array:
    """Return the sums divided by `divisor`, rounded once.

    Parameters
    ----------
    limbs : int64 of shape (bins, *shape), lowest first: a sum is that of ``limbs[i] * 2**(32 * (low + i))``.
        Each may have up to 62 bits and a sign.
    dtype : float16, float32, float64 or long double of 80 bits.
    divisor : at least 1.

    Returns
    -------
    Array of `shape`. Sums beyond the greatest number are infinite; a sum of zero is positive.
    """
    shape = limbs.shape[1:]
    flat = limbs.reshape(len(limbs), math.prod(shape))
    result = np.zeros(flat.shape[1], dtype)
    if len(limbs) and (divisor >= _LARGEST_DIVISOR or (flat.shape[1] <= _FEW and dtype == np.float64)):
        for i in range(flat.shape[1]):
            result[i] = _round_one(flat[:, i].tolist(), low, dtype, divisor)
    elif len(limbs):
        for start in range(0, flat.shape[1], _CHUNK):
            chunk = slice(start, start + _CHUNK)
            result[chunk] = _round_many(flat[:, chunk], low, dtype, divisor)
    return result.reshape(shape)


def _round_one(limbs: list[int], low: int, dtype: np.dtype[Any], divisor: int) -> Any:
    total = sum(limb << LIMB_BITS * i for i, limb in enumerate(limbs))
    if dtype == np.float64:
        top, bottom = total << max(low, 0) * LIMB_BITS, divisor << max(-low, 0) * LIMB_BITS
        try:
            return top / bottom  # of integers: Python rounds the exact quotient
        except OverflowError:
            return math.inf if total > 0 else -math.inf
    # A quotient of more bits than any type has, its last bit set if the division left a rest.
    extra = 4
    quotient, rest = divmod(abs(total) << LIMB_BITS * extra + divisor.bit_length(), divisor)
    # So many bits lower; a multiple of a limb.
    lower = -(-divisor.bit_length() // LIMB_BITS) * LIMB_BITS
    quotient = quotient << lower - divisor.bit_length() | (rest != 0)
    found = []
    while quotient:
        found.append(quotient & _MASK)
        quotient >>= LIMB_BITS
    digits = np.array([[limb] for limb in found] or [[0]], np.int64) * (1 if total >= 0 else -1)
    return _round_many(digits, low - extra - lower // LIMB_BITS, dtype, 1)[0]


def _round_many(limbs: Array, low: int, dtype: np.dtype[Any], divisor: int) -> Array:
    digits, negative = _digits(limbs)
    below = np.zeros(digits.shape[1], bool)
    if divisor > 1:
        digits, below = _divided(digits, divisor)
        low -= len(digits) - len(limbs) - 2
    # Two zeros below, for sums of one digit.
    digits = np.concatenate([np.zeros((2, digits.shape[1]), np.uint64), digits])
    low -= 2
    used = digits != 0
    # Row by row: much quicker than argmax down the columns.
    top, lowest = np.full(digits.shape[1], 2), np.full(digits.shape[1], len(digits))
    for i in range(3, len(digits)):
        np.copyto(top, i, where=used[i])
    for i in reversed(range(len(digits))):
        np.copyto(lowest, i, where=used[i])
    # Anything non-zero below the three highest digits?
    below |= lowest < top - 2
    first, second, third = (np.take_along_axis(digits, (top - i)[None], axis=0)[0] for i in range(3))
    return _assembled((first, second, third), below, negative, (low + top) * LIMB_BITS, dtype)


def _digits(limbs: Array) -> tuple[Array, Array]:
    """Return magnitudes as uint64 digits below 2**32, two more than limbs, and which are negative."""
    signed = np.concatenate([limbs, np.zeros((2, limbs.shape[1]), np.int64)])
    carry(signed)
    # The balanced digit that is highest and not zero has the sign of the whole.
    negative = np.zeros(signed.shape[1], bool)
    for row in signed:
        np.copyto(negative, row < 0, where=row != 0)
    np.negative(signed, out=signed, where=negative)
    for i in range(len(signed) - 1):
        signed[i + 1] += signed[i] >> LIMB_BITS
        signed[i] &= _MASK
    return signed.view(np.uint64), negative


def _divided(digits: Array, divisor: int) -> tuple[Array, Array]:
    """Return the digits of the quotient, four more below, and where the division left a rest."""
    number = np.uint64(divisor)
    longer = np.concatenate([np.zeros((4, digits.shape[1]), np.uint64), digits])
    rest = np.zeros(digits.shape[1], np.uint64)
    for i in reversed(range(len(longer))):
        longer[i] |= rest << np.uint64(LIMB_BITS)
        longer[i], rest = np.divmod(longer[i], number)
    return longer, rest != 0


def _assembled(
    digits: tuple[Array, Array, Array], below: Array, negative: Array, bit: Array, dtype: np.dtype[Any]
) -> Array:
    """Return the rounded numbers whose three highest digits these are, the first worth ``2**bit`` each.

    `below` says where something smaller follows. The first digit is not zero unless the number is
    below ``2**(bit - 32)``, in which case that number is zero or the second and third hold it all.
    """
    first, second, third = digits
    one = np.uint64(1)
    info = np.finfo(dtype)
    precision, least = int(info.nmant) + 1, int(info.minexp) - int(info.nmant)
    if precision == 65:  # the long double of x86 writes its leading bit
        precision, least = 64, least + 1
    # 64 bits from the highest one on, worth 2**bit each; what is cut off goes on in `after` and `below`.
    for _ in range(2):
        empty = first == 0
        first = np.where(empty, second, first)
        second, third = np.where(empty, third, second), np.where(empty, np.uint64(0), third)
        bit = np.where(empty, bit - LIMB_BITS, bit)
    length = np.frexp(first.astype(np.float64))[1].astype(np.uint64)
    head = (first << np.uint64(32) | second) << (np.uint64(32) - length) | third >> length
    after = third & ((one << length) - one)
    bit = bit - 64 + length.astype(np.int64)
    cut = np.clip(np.maximum(64 - precision, least - bit), 0, 65)
    cutting = cut.astype(np.uint64)
    some = np.minimum(np.maximum(cutting, one), np.uint64(64)) - one  # bits below the one that decides
    half = np.where(cut == 0, after >> (np.maximum(length, one) - one), np.where(cut == 65, 0, head >> some))
    half = half.astype(np.uint64) & one
    after_half = np.where(cut == 0, after & ((one << (np.maximum(length, one) - one)) - one), after)
    dropped = np.where(cut == 0, np.uint64(0), head & ((one << some) - one))
    dropped = np.where(cut == 65, head, dropped)
    kept = np.where(cut >= 64, np.uint64(0), head >> np.minimum(cutting, np.uint64(63)))
    odd = (dropped != 0) | (after_half != 0) | below | (kept & one).astype(bool)
    kept = kept + (half & odd.astype(np.uint64))
    # All 64 bits were ones: the next power of two.
    over = (kept == 0) & (half != 0) & (cut == 0)
    kept = np.where(over, one << np.uint64(63), kept)
    bit = bit + cut + over
    wide = np.dtype(np.longdouble) if precision > 53 else np.dtype(np.float64)
    # Exact: no more bits than the type has, nor below its least; or infinite.
    with np.errstate(over="ignore"):
        exponents = np.clip(bit, -32000, 32000).astype(np.int32)
        values = np.ldexp(kept.astype(wide), exponents).astype(dtype)
    return np.asarray(np.where(negative, -values, values))
