"""What ranks bring to the reductions of test_mpi.py: drawn by hypothesis, laid out in memory in many ways."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

MOST_RANKS = 16
DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g", "c8", "c16", "G"]
LAYOUTS = [
    "c",
    "fortran",
    "strided",
    "reversed",
    "broadcast",
    "read-only",
    "subclass",
    "swapped",
    "offset",
    "plain",
]
NUMPY = {"sum": np.add, "prod": np.multiply, "min": np.minimum, "max": np.maximum}
Array = np.ndarray[Any, Any]


class Tagged(np.ndarray[Any, Any]):
    """A subclass of arrays that changes nothing."""


def layout_of(case: dict[str, Any], rank: int) -> str:
    """Return the layout of a rank's part: ranks of one reduction have different ones."""
    return LAYOUTS[(case["layout"] + rank) % len(LAYOUTS)]


def part_of(case: dict[str, Any], rank: int) -> Any:
    """Return what `rank` brings to a drawn case, in its layout."""
    return laid_out(case["parts"][rank], layout_of(case, rank))


def laid_out(array: Array, layout: str) -> Any:
    """Return the same values (of `broadcast`: the first along the first axis) in another layout in memory."""
    if layout == "fortran":
        return np.array(array, order="F")
    if layout == "strided":
        wide = np.zeros((*array.shape, 2), array.dtype)
        wide[..., 1] = array
        return wide[..., 1]
    if layout == "reversed" and array.ndim:
        every = (slice(None, None, -1),) * array.ndim
        return array[every].copy()[every]
    if layout == "broadcast" and array.ndim and array.shape[0]:
        return np.broadcast_to(array[:1].copy(), array.shape)
    if layout == "subclass":
        return array.copy().view(Tagged)
    if layout == "swapped":
        return array.astype(array.dtype.newbyteorder())
    if layout == "offset":  # at an address at which the processor would rather not read such values
        raw = np.empty(array.nbytes + 1, np.uint8)[1:]
        odd = np.ndarray(array.shape, array.dtype, raw.data)
        odd[...] = array
        return odd
    if layout == "plain":  # numbers and lists of Python, if these are as wide
        plain = array.tolist()
        return plain if np.asarray(plain).dtype == array.dtype and array.size else array[()]
    array = array.copy()
    if layout == "read-only":
        array.flags.writeable = False
    return array


def expected(case: dict[str, Any], ranks: int) -> tuple[Array, Any]:
    """Return what numpy makes of all ranks' parts together, and the scale of its error.

    Raises
    ------
    OverflowError
        If there is no such number in the result's dtype.
    """
    parts = [np.asarray(part_of(case, rank)) for rank in range(ranks)]
    parts = [part.astype(part.dtype.newbyteorder("=")) for part in parts]
    op, wide = case["op"], exact_dtype(parts[0].dtype)
    dtype = getattr(np, op)(np.ones(1, parts[0].dtype)).dtype
    exact = [part.astype(wide) for part in parts]
    sizes = [np.abs(part) for part in exact] if wide is not object else []
    with np.errstate(all="ignore"):
        if case["function"] == "psum":
            exact, sizes = (
                [np.asarray(np.sum(part, axis=case["axis"]), wide) for part in each]
                for each in (exact, sizes)
            )
        total = np.asarray(functools.reduce(NUMPY[op], exact), wide)
        if dtype.kind in "iu":
            limit = np.iinfo(dtype)
            if total.size and (total.min() < limit.min or total.max() > limit.max):
                raise OverflowError
        if not sizes or op in ("min", "max"):
            return total.astype(dtype), 0.0
        # Sums that cancel lose digits honestly.
        return total.astype(dtype), functools.reduce(NUMPY[op], sizes)


def exact_dtype(dtype: np.dtype[Any]) -> Any:
    """Return a dtype in which the oracle's own rounding does not count."""
    if dtype.kind in "iub":
        return object
    return np.clongdouble if dtype.kind == "c" else np.longdouble


def wrong(got: Any, want: Array, scale: Any) -> str | None:
    """Say in what `got` differs from `want`, but for the last digits of sums of sizes `scale`."""
    if type(got) is not (np.ndarray if want.ndim else want.dtype.type):
        return f"got {got!r}, a {type(got)}"
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"got {got.dtype} {got.shape}, want {want.dtype} {want.shape}"
    if want.dtype.kind not in "fc":
        return None if np.array_equal(got, want) else f"got {got!r}, want {want!r}"
    about = np.finfo(want.dtype)
    with np.errstate(all="ignore"):
        close = np.abs(got.astype(np.clongdouble) - want) <= about.eps * 64 * scale + about.tiny
        right = np.all(close | (got == want) | (np.isnan(got) & np.isnan(want)))
    return None if right else f"got {got!r}, want {want!r}"


def same_bits(one: Any, other: Any) -> bool:
    """Tell whether two ranks have the same: values to the bit, but for the payload of nans."""
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same_bits, one, other))
    if not isinstance(one, (np.ndarray, np.generic)) or not isinstance(other, (np.ndarray, np.generic)):
        return bool(one == other)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):  # as `out`, of different subclasses
        one, other = np.asarray(one), np.asarray(other)
    if type(one) is not type(other) or one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.kind == "c":
        return same_bits(one.real, other.real) and same_bits(one.imag, other.imag)
    if one.dtype.kind != "f":
        return np.array_equal(one, other)
    signs = np.isnan(one) | (np.signbit(one) == np.signbit(other))
    return np.array_equal(one, other, equal_nan=True) and bool(np.all(signs))
