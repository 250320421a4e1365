"""What one rank brings to a reduction, worked out before anything is sent.

Whole numbers are kept exact: where a local sum may leave 64 bits it is a Python integer.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from .dtypes import Op, Plan, check_dtype, plan, plan_of

if TYPE_CHECKING:
    from .recipe import Recipe

Array = npt.NDArray[Any]
Axis = SupportsIndex | tuple[SupportsIndex, ...] | None

MODES = ("fast", "exact")

LIMB_BITS = 32
LIMB_MASK = (1 << LIMB_BITS) - 1
_BLOCK = 1 << 22
MAX_LIMBS_ADDED = 1 << 31
"""So many limbs of 32 bits can be added in 64 bits, signed or not, without overflow."""


@dataclass(frozen=True)
class Partial:
    """One rank's part of a sum, and how it goes on from here.

    Attributes
    ----------
    values : of a dtype that casts to the wire's; or Python integers (dtype object) that do not fit into it.
    magnitude : if they are whole numbers: no value exceeds this, in absolute value; None if not known.
    """

    values: Array
    magnitude: int | None = None


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


def check_mode(mode: object) -> None:
    """Check that `mode` is one of those known.

    Raises
    ------
    ValueError
        If it is not.
    """
    if mode not in MODES:
        raise ValueError(f"mode={mode!r} is not known; use one of {', '.join(MODES)}")


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


def plan_into(how: Plan, op: Op, mode: str, out: object) -> Plan:
    """Return `how` with the dtype of `out` as the result's, if that dtype cannot hold every result.

    As of numpy's reductions, ``out=`` then says what ``dtype=`` would: sums and products of integers must fit
    into it, and exact sums of floats are rounded once, to it.

    Raises
    ------
    TypeError
        If it is too narrow for integers that are no sums or products: nobody could tell a wrapped one.
    """
    result = how.result
    if not isinstance(out, np.ndarray) or not np.can_cast(result, out.dtype, "same_kind"):
        return how  # `check_out` says what is wrong with it
    if np.can_cast(result, out.dtype):
        return how
    given = out.dtype.newbyteorder("=")
    if result.kind in "iu" and given.kind in "iu" and op not in ("sum", "prod"):
        raise TypeError(
            f"out has dtype {out.dtype}, which cannot hold every {op} of dtype {result}; give one of "
            f"{result}, and convert it when you know that it fits"
        )
    if given.kind != result.kind and not {result.kind, given.kind} <= set("iu"):
        return how  # integers as floats: rounded, never wrapped
    if how.kind == "float" and (mode != "exact" or op != "sum"):
        return how
    return plan_of(how.given, how.wire, given, how.kind)


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
        as_wanted = plan(wanted, "sum")
        return plan_of(how.given, as_wanted.wire, as_wanted.result, as_wanted.kind)
    return plan_of(how.given, how.wire, wanted, how.kind)


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


def plan_dot(first: Array, second: Array) -> Plan:
    """Return how to take the dot product of two arrays.

    Raises
    ------
    TypeError
        If their values cannot be multiplied and added.
    ValueError
        If they are not vectors of one length, or two numbers.
    """
    check_dtype(first.dtype)
    check_dtype(second.dtype)
    if first.shape != second.shape or first.ndim > 1:
        raise ValueError(
            f"cannot take the dot product of parts of shapes {first.shape} and {second.shape}: they must be "
            "vectors of one length"
        )
    return plan(np.result_type(first, second), "sum")


def summed(array: Array, axes: tuple[int, ...], how: Recipe) -> Partial:
    """Return the local sum of `array` over `axes`: what this rank brings to the sum over all."""
    wire = how.plan.wire
    if not axes:
        return Partial(array.reshape(how.shape), None)
    if not how.whole:
        return Partial(np.asarray(np.sum(array, axis=axes, dtype=wire)).reshape(how.shape))
    bound = largest(array) * math.prod(array.shape[i] for i in axes)
    if bound <= np.iinfo(wire).max:
        return Partial(np.asarray(np.sum(array, axis=axes, dtype=wire)).reshape(how.shape), bound)
    return _exactly(exact_sum(array.astype(wire, copy=False), axes).reshape(how.shape), wire)


def dotted(first: Array, second: Array, how: Recipe) -> Partial:
    """Return the local dot product of two vectors: what this rank brings to the sum over all."""
    wire = how.plan.wire
    if how.whole:
        bound = largest(first) * largest(second) * max(first.size, 1)
        if bound > np.iinfo(wire).max:
            total = sum(
                (int((a.astype(object) * b.astype(object)).sum()) for a, b in _in_blocks(first, second)), 0
            )
            return _exactly(np.array(total, dtype=object), wire)
    else:
        bound = 0
    return Partial(np.asarray(np.dot(first.astype(wire, copy=False), second.astype(wire, copy=False))), bound)


def _in_blocks(first: Array, second: Array, most: int = 1 << 16) -> Iterator[tuple[Array, Array]]:
    first, second = first.reshape(-1), second.reshape(-1)
    for start in range(0, first.size, most):
        yield first[start : start + most], second[start : start + most]


def _exactly(total: Array, wire: np.dtype[Any]) -> Partial:
    """Return the part for Python integers, as `wire` if they fit."""
    limit = np.iinfo(wire)
    fits = total.size == 0 or (limit.min <= total.min() and total.max() <= limit.max)
    return Partial(total.astype(wire) if fits else total, largest(total))


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
    return max(max(abs(int(block.min())), abs(int(block.max()))) for block in _blocks(values))


def has_nan(values: Array, op: str) -> bool:
    """Tell whether a value is not a number; one pass, without a temporary, for `op` min or max."""
    if values.size == 0 or values.dtype.kind != "f":
        return False
    return any(bool(np.isnan(b.min() if op == "min" else b.max())) for b in _blocks(values))


def one_zero(values: Array) -> Array:
    """Make all zeros of floats positive, in place, and return `values`.

    Which of two zeros of different sign is the least is not said: MPI may give one rank -0 and another 0.
    """
    return np.add(values, 0, out=values) if values.dtype.kind == "f" else values


def _blocks(values: Array) -> Iterator[Array]:
    """Yield views of `values`, each so small that an interrupt need not wait long for the next one."""
    if values.size <= _BLOCK:
        yield values
        return
    longest = max(range(values.ndim), key=lambda i: values.shape[i])
    for half in np.array_split(values, 2, axis=longest):
        yield from _blocks(half)
