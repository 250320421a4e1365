"""What one rank brings to a reduction, worked out before anything is sent.

Whole numbers are kept exact: where a local sum may leave 64 bits it is a Python integer.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass, replace
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from .dtypes import Plan, check_dtype, plan

Array = npt.NDArray[Any]
Axis = SupportsIndex | tuple[SupportsIndex, ...] | None

LIMB_BITS = 32
LIMB_MASK = (1 << LIMB_BITS) - 1
MAX_LIMBS_ADDED = 1 << 31
"""So many limbs of 32 bits can be added in 64 bits, signed or not, without overflow."""


@dataclass(frozen=True)
class Partial:
    """One rank's part of a sum, and how it goes on from here.

    Attributes
    ----------
    plan : types on the wire and of the result.
    values : of the wire dtype; or Python integers (dtype object) if they may not fit into it.
    magnitude : no value exceeds this, in absolute value; 0 unless they are whole numbers.
    """

    plan: Plan
    values: Array
    magnitude: int = 0


def as_array(x: object) -> Array:
    """Return `x` as an array, without copying one.

    Raises
    ------
    TypeError
        If it is no array of numbers in the making.
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            "cannot reduce a masked array: the mask would be lost; use .filled() or .compressed()"
        )
    if isinstance(x, int) and not isinstance(x, (bool, np.generic)) and not -(1 << 63) <= x < 1 << 64:
        raise TypeError(f"cannot reduce the integer {x}: it has more than 64 bits")
    return np.asarray(x)


def check_out(out: object, shape: tuple[int, ...], result: np.dtype[Any]) -> None:
    """Check that a result can be put in `out`.

    Raises
    ------
    TypeError, ValueError
        If it cannot; as numpy's own reductions.
    """
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out must be an array, not {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}, but the result has shape {shape}")
    if not np.can_cast(result, out.dtype, "same_kind"):
        raise TypeError(f"out has dtype {out.dtype}, which cannot hold a result of dtype {result}")
    if not out.flags.writeable:
        raise ValueError("out is read-only")


def axes_of(array: Array, axis: Axis) -> tuple[int, ...]:
    """Return the axes that `axis` names, from 0 on.

    Raises
    ------
    ValueError
        If `array` has no such axis, or one is named twice.
    """
    if axis is None:
        return tuple(range(array.ndim))
    asked = axis if isinstance(axis, tuple) else (axis,)
    for i in asked:
        if not -array.ndim <= operator.index(i) < array.ndim:
            raise ValueError(f"axis {operator.index(i)} is out of bounds for array of dimension {array.ndim}")
    axes = tuple(operator.index(i) % array.ndim for i in asked)
    if len(set(axes)) < len(axes):
        raise ValueError(f"axis {axis} names an axis twice")
    return axes


def kept_shape(array: Array, axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """Return the shape that a reduction of `array` over `axes` has."""
    if keepdims:
        return tuple(1 if i in axes else length for i, length in enumerate(array.shape))
    return tuple(length for i, length in enumerate(array.shape) if i not in axes)


def plan_sum(given: np.dtype[Any], dtype: npt.DTypeLike | None) -> Plan:
    """Return how to add up values of dtype `given` as ``np.sum(…, dtype=dtype)`` does.

    Raises
    ------
    TypeError
        If they cannot be added, or not as `dtype`.
    """
    how = plan(given, "sum")
    if dtype is None:
        return how
    wanted = np.dtype(dtype).newbyteorder("=")
    if wanted.kind not in "iufc" or not np.can_cast(how.given, wanted, "same_kind"):
        raise TypeError(f"cannot add values of dtype {given} as {wanted}: values would be lost")
    if how.kind == "float" or wanted.kind in "fc":
        return replace(plan(wanted, "sum"), given=how.given)
    return replace(how, result=wanted)


def plan_mean(given: np.dtype[Any], dtype: npt.DTypeLike | None) -> Plan:
    """Return how to take the mean of values of dtype `given` as ``np.mean(…, dtype=dtype)`` does.

    Raises
    ------
    TypeError
        If they have none, or not as `dtype`.
    """
    check_dtype(given)
    if dtype is None:
        dtype = np.float64 if given.kind in "biu" else given
    if np.dtype(dtype).kind not in "fc":
        raise TypeError(f"a mean is no whole number: dtype must be of floats, not {np.dtype(dtype)}")
    return plan_sum(given, dtype)


def summed(array: Array, axes: tuple[int, ...], keepdims: bool, how: Plan, wrap: bool) -> Partial:
    """Return the local sum of `array` over `axes`: what this rank brings to the sum over all."""
    if how.kind == "float" or wrap:
        return Partial(how, np.asarray(np.sum(array, axis=axes, dtype=how.wire, keepdims=keepdims)))
    bound = largest(array) * math.prod(array.shape[i] for i in axes)
    if bound <= np.iinfo(how.wire).max:
        total = np.asarray(np.sum(array, axis=axes, dtype=how.wire, keepdims=keepdims))
        return Partial(how, total, bound)
    exact = exact_sum(array.astype(how.wire, copy=False), axes)
    exact = exact.reshape(kept_shape(array, axes, keepdims))
    magnitude = largest(exact)
    fits = magnitude <= np.iinfo(how.wire).max
    return Partial(how, exact.astype(how.wire) if fits else exact, magnitude)


def exact_sum(array: Array, axes: tuple[int, ...], most: int = MAX_LIMBS_ADDED) -> Array:
    """Return the sum of 64-bit `array` over `axes` as Python integers (dtype object), never wrapped.

    `most` is how many values are added at a time.
    """
    if math.prod(array.shape[i] for i in axes) > most:
        longest = max(axes, key=lambda i: array.shape[i])
        first, second = np.array_split(array, 2, axis=longest)
        return np.asarray(exact_sum(first, axes, most) + exact_sum(second, axes, most), dtype=object)
    high, low = limbs(array)
    highs = np.asarray(high.sum(axis=axes, dtype=np.int64)).astype(object)
    lows = np.asarray(low.sum(axis=axes, dtype=np.uint64)).astype(object)
    return np.asarray(highs * (1 << LIMB_BITS) + lows, dtype=object)


def limbs(values: Array) -> tuple[Array, Array]:
    """Return (high, low) int64 with ``values == high * 2**32 + low`` and ``0 <= low < 2**32``."""
    if values.dtype == object:
        high, low = values >> LIMB_BITS, values & LIMB_MASK
    else:
        high, low = values >> values.dtype.type(LIMB_BITS), values & values.dtype.type(LIMB_MASK)
    return np.asarray(high).astype(np.int64), np.asarray(low).astype(np.int64)


def largest(values: Array) -> int:
    """Return the greatest absolute value, exactly; 0 of nothing."""
    if values.size == 0:
        return 0
    if values.size == 1:
        return abs(int(values.reshape(-1)[0]))
    return max(abs(int(values.min())), abs(int(values.max())))
