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

from .dtypes import Op, Plan, plan

Array = npt.NDArray[Any]
Axis = SupportsIndex | tuple[SupportsIndex, ...] | None

LIMB_BITS = 32
LIMB_MASK = (1 << LIMB_BITS) - 1
MAX_LIMBS_ADDED = 1 << 31
"""So many limbs of 32 bits can be added in 64 bits, signed or not, without overflow."""


@dataclass(frozen=True)
class Partial:
    """One rank's part: native, C order, and how it goes on from here.

    Attributes
    ----------
    plan : types on the wire and of the result.
    values : of the wire dtype; or Python integers (dtype object) if they may not fit into it.
    magnitude : no value exceeds this, in absolute value; 0 unless the sum or product of whole numbers.
    has_nan : whether a least or greatest value is wanted and some value is not a number.
    """

    plan: Plan
    values: Array
    magnitude: int
    has_nan: bool


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


def whole_part(array: Array, op: Op) -> Partial:
    """Return `array` itself as the part: what `allreduce` sends.

    Raises
    ------
    TypeError
        If its values cannot be reduced.
    """
    how = plan(array.dtype, op)
    values = np.asarray(array, dtype=how.wire, order="C")
    exact = how.kind == "integer" and op in ("sum", "prod")
    has_nan = how.kind == "float" and op in ("min", "max") and bool(np.isnan(values).any())
    return Partial(how, values, _largest(values) if exact else 0, has_nan)


def summed_part(array: Array, axis: Axis, dtype: npt.DTypeLike | None) -> Partial:
    """Return the local sum of `array` as the part: what `psum` sends.

    Raises
    ------
    TypeError
        If its values cannot be added, or not as `dtype`.
    ValueError
        If it has no such axis.
    """
    how = plan(array.dtype, "sum")
    if dtype is not None:
        wanted = np.dtype(dtype).newbyteorder("=")
        if wanted.kind not in "iufc" or not np.can_cast(how.given, wanted, "same_kind"):
            raise TypeError(f"cannot add values of dtype {array.dtype} as {wanted}: values would be lost")
        if how.kind == "float" or wanted.kind in "fc":
            given, how = how.given, plan(wanted, "sum")
            how = replace(how, given=given)
        else:
            how = replace(how, result=wanted)
    if how.kind == "float":
        total = np.asarray(np.sum(array, axis=axis, dtype=how.wire))
        return Partial(how, np.asarray(total, order="C"), 0, False)
    axes = _axes(array, axis)
    count = math.prod(array.shape[i] for i in axes)
    bound = _largest(array) * count
    if bound <= np.iinfo(how.wire).max:
        total = np.asarray(np.sum(array, axis=axes, dtype=how.wire))
        return Partial(how, np.asarray(total, order="C"), bound, False)
    exact = exact_sum(array.astype(how.wire, copy=False), axes)
    return Partial(how, exact, _largest(exact), False)


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


def _axes(array: Array, axis: Axis) -> tuple[int, ...]:
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


def _largest(values: Array) -> int:
    """Return the greatest absolute value, exactly; 0 of nothing."""
    if values.size == 0:
        return 0
    return max(abs(int(values.min())), abs(int(values.max())))
