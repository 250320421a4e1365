"""Exact dot products: each product as two float64 that add up to it exactly, then an exact sum of these."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .exact_accumulator import Accumulator, combine, finished, stacked
from .exact_blocks import BLOCK, Array, Scratch, add_block, add_scaled
from .exact_kernel import DOT_BLOCK, KernelDot, kernel
from .exact_sinks import OneSum

_SPLITTER = 2.0**27 + 1  # Veltkamp's: multiplying by it parts a value into two halves of 26 bits
_SMALL, _LARGE = 2.0**-960, 2.0**960  # products between these have an exact error
_FACTOR = 2.0**990  # factors up to here can be parted
_NARROW = 24  # bits; products of so narrow values are float64


def check_dot_dtype(dtype: np.dtype[Any]) -> None:
    """Check that products of values of `dtype` can be added exactly.

    Raises
    ------
    TypeError
        If they cannot; the message says why and what to do.
    """
    if dtype.kind not in "fc" or dtype.char in "gG":
        raise TypeError(
            f"cannot take an exact dot product of values of dtype {dtype}: only of float16, float32, "
            "float64, complex64 and complex128; convert them to one of these"
        )


def accumulate_dot(first: Array, second: Array) -> Accumulator:
    """Return the exact sum of the products of two arrays' values, without conjugation.

    Parameters
    ----------
    first, second : of the same shape; float16, float32, float64, complex64 or complex128.

    Returns
    -------
    A sum of shape ``()``, or ``(2,)`` if one of the arrays is complex.

    Raises
    ------
    TypeError
        As `check_dot_dtype`.
    ValueError
        If the shapes differ.
    """
    check_dot_dtype(first.dtype)
    check_dot_dtype(second.dtype)
    if first.shape != second.shape:
        raise ValueError(
            f"cannot take the dot product of shapes {first.shape} and {second.shape}: they differ"
        )
    if first.dtype.kind != "c" and second.dtype.kind != "c":
        return _accumulate_real([(first, second, 1.0)])
    a, b, c, d = first.real, first.imag, second.real, second.imag
    return stacked(
        [_accumulate_real([(a, c, 1.0), (b, d, -1.0)]), _accumulate_real([(a, d, 1.0), (b, c, 1.0)])]
    )


def _accumulate_real(terms: list[tuple[Array, Array, float]]) -> Accumulator:
    if not terms[0][0].size:
        return Accumulator(np.zeros(0, np.int64), 0, None, 0)
    parts = []
    compiled = kernel()
    for first, second, sign in terms:
        sink, scratch = OneSum(), Scratch(min(BLOCK, first.size))
        narrow = max(np.finfo(each.dtype).nmant for each in (first, second)) < _NARROW
        quick = None if compiled is None else KernelDot(compiled, sink)
        other = False
        with np.errstate(all="ignore"):
            for a, b in _pairs(first, second):
                if not other:
                    product = a * (b * sign)
                    other = not ((product == 0) & np.signbit(product) & ((a == 0) | (b == 0))).all()
                start, most = 0, a.size
                while start < a.size:
                    if quick is not None:
                        start, most = start + quick.add(a[start:], b[start:], sign), DOT_BLOCK
                    # All of them, or the block that compiled code cannot take.
                    here = slice(start, start + most)
                    if start < a.size:
                        _add_products(a[here], b[here] * sign, narrow, sink, scratch)
                    start += most
        parts.append(finished([sink], np.array([other]), first.size, ()))
    if len(parts) == 1:
        return parts[0]
    together = combine(parts)
    # Each value of the sum is a sum of two products; it counts once.
    return Accumulator(together.limbs, together.low, together.special, terms[0][0].size)


def _pairs(first: Array, second: Array) -> Iterator[tuple[Array, Array]]:
    flags = ["readonly", "nbo", "aligned", "contig"]
    iterate: Any = np.nditer  # whose stub does not know "contig"
    yield from iterate(
        [first, second],
        flags=["external_loop", "buffered", "zerosize_ok"],
        op_flags=[flags, flags],
        op_dtypes=[np.dtype(np.float64)] * 2,
        casting="safe",
        buffersize=BLOCK,
        order="K",
    )


def _add_products(a: Array, b: Array, narrow: bool, sink: OneSum, scratch: Scratch) -> None:
    product = a * b
    if narrow:
        add_block(product, sink, scratch)
        return
    sizes, greatest = np.abs(product), max(float(np.abs(a).max()), float(np.abs(b).max()))
    usual = (sizes >= _SMALL) | (a == 0) | (b == 0)
    if greatest <= _FACTOR and float(sizes.max()) <= _LARGE and usual.all():
        add_block(product, sink, scratch)
        add_block(_error(a, b, product), sink, scratch)
        return
    finite = np.isfinite(a) & np.isfinite(b)
    if not finite.all():
        # Their products are as IEEE says; those of the others do not matter any more, but are no infinities.
        add_block(np.where(finite, 0.0, product), sink, scratch)
        a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
    (a, first), (b, second) = np.frexp(a), np.frexp(b)
    product = a * b
    add_scaled((product, _error(a, b, product)), first + second, sink, scratch)


def _error(a: Array, b: Array, product: Array) -> Array:
    """Return ``a * b - product`` exactly, where product is the rounded one: Dekker's."""
    high_a, low_a = _parted(a)
    high_b, low_b = _parted(b)
    return np.asarray(low_a * low_b - (((product - high_a * high_b) - low_a * high_b) - high_a * low_b))


def _parted(values: Array) -> tuple[Array, Array]:
    scaled = values * _SPLITTER
    high = scaled - (scaled - values)
    return high, values - high
