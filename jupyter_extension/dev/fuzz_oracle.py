"""What a reduction of ``fuzz_cases.py`` must give, by numpy and by exact fractions on all ranks' parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from fuzz_cases import BITWISE, LOGICAL, Array, Call, reduced_axes

_UFUNCS = {"sum": np.add, "prod": np.multiply, "min": np.minimum, "max": np.maximum}


@dataclass(frozen=True)
class Expected:
    """One outcome.

    Attributes
    ----------
    values : what is returned: one array, or three of a location.
    error : what is raised instead, on every rank; None if nothing is.
    slack : largest absolute error; None if bits count, and the sign of zero.
    may_be_empty : whether `error` is only raised if the result has elements.
    """

    values: tuple[Array, ...] = ()
    error: type[Exception] | None = None
    slack: Array | None = None
    may_be_empty: bool = False


def expected(call: Call, ranks: int) -> Expected:
    """Return what `call` gives on all ranks."""
    parts = [_native(np.asarray(call.part(rank))) for rank in range(ranks)]
    with np.errstate(all="ignore"):
        if call.function == "pdot":
            return _dot(call, parts, [_native(np.asarray(call.part(rank, 1))) for rank in range(ranks)])
        if call.function in ("pargmin", "pargmax"):
            return _location(call, parts)
        if call.function in ("pmin", "pmax"):
            return _extreme(call, parts)
        if call.function == "pmean":
            return _mean(call, parts)
        axes = reduced_axes(call.shapes[0], call.axis) if call.function == "psum" else ()
        if call.op == "sum":
            dtype = _result(call, parts[0])
            return _sum(
                call, [_moved(part, axes) for part in parts], dtype, _kept(call, parts[0].shape, axes)
            )
        return _elementwise(call, np.stack(parts))


def difference(call: Call, want: Expected, got: Any) -> str | None:
    """Return in words in what `got` differs from what is wanted; None if it does not."""
    found = tuple(got) if call.function in ("pargmin", "pargmax") else (got,)
    if want.error is not None:
        if want.may_be_empty and all(np.asarray(each).size == 0 for each in found):
            return None
        return f"got {got!r}, want {want.error.__name__}"
    for have, value in zip(found, want.values, strict=True):
        if call.out is None and type(have) is not (np.ndarray if value.ndim else value.dtype.type):
            return f"got a {type(have)}, want shape {value.shape} of {value.dtype}"
        have = np.asarray(have)
        if have.dtype.newbyteorder("=") != value.dtype or have.shape != value.shape:
            return f"got {have.dtype} {have.shape}, want {value.dtype} {value.shape}"
        wrong = ~_same(have, value, want.slack)
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.ndim else ()
            many = f"{np.count_nonzero(wrong)} of {wrong.size} wrong, at {place}: " if wrong.size > 1 else ""
            return f"{many}got {have[place]!r}, want {value[place]!r}"
    return None


def _same(have: Array, want: Array, slack: Array | None) -> Array:
    if want.dtype.kind == "c":
        if slack is None:
            return _same(have.real, want.real, None) & _same(have.imag, want.imag, None)
    elif want.dtype.kind != "f":
        return np.asarray(have == want)
    nan = np.asarray(np.isnan(have) & np.isnan(want))
    if slack is None:
        signs = (want != 0) | (np.signbit(have) == np.signbit(want))
        return np.asarray(nan | ((have == want) & signs))
    with np.errstate(all="ignore"):
        wide = np.clongdouble if want.dtype.kind == "c" else np.longdouble
        close = np.abs(have.astype(wide) - want.astype(wide)) <= slack
        return np.asarray(nan | (have == want) | close)


# --- shapes and dtypes


def _native(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("="))


def _moved(part: Array, axes: tuple[int, ...]) -> Array:
    """Return `part` with the axes that are reduced in one, in front."""
    kept = [i for i in range(part.ndim) if i not in axes]
    count = math.prod(part.shape[i] for i in axes)
    moved: Array = part.transpose([*axes, *kept]).reshape(count, *(part.shape[i] for i in kept))
    return moved


def _kept(call: Call, shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    if call.keepdims:
        return tuple(1 if i in axes else length for i, length in enumerate(shape))
    return tuple(length for i, length in enumerate(shape) if i not in axes)


def _result(call: Call, part: Array) -> np.dtype[Any]:
    if call.result is not None:
        return np.dtype(call.result)
    ones = np.ones(1, part.dtype)
    reduced: Any = {"pmean": np.mean, "pdot": np.sum}.get(call.function) or getattr(np, call.op)
    dtype: np.dtype[Any] = reduced(ones).dtype
    return dtype


# --- sums


def _sum(call: Call, moved: list[Array], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Expected:
    values = np.concatenate(moved)
    if dtype.kind in "iu":
        return _whole(call, np.add.reduce(values.astype(object), axis=0), dtype, shape)
    if call.mode == "exact":
        return Expected((_rounded_columns(values, 1, dtype).reshape(shape),))
    total, slack = _rough(values, dtype)
    return Expected((_cast(total, dtype).reshape(shape),), slack=slack.reshape(shape))


def _mean(call: Call, parts: list[Array]) -> Expected:
    axes = reduced_axes(call.shapes[0], call.axis)
    shape, dtype = _kept(call, parts[0].shape, axes), _result(call, parts[0])
    values = np.concatenate([_moved(part, axes) for part in parts])
    count = len(values)
    if count == 0:
        return Expected((np.full(shape, complex(np.nan, np.nan) if dtype.kind == "c" else np.nan, dtype),))
    if call.mode == "exact":
        return Expected((_rounded_columns(values, count, dtype).reshape(shape),))
    total, slack = _rough(values, dtype)
    mean = _cast(total / count, dtype)
    slack = slack / count + np.abs(mean).astype(slack.dtype) * np.finfo(dtype).eps
    return Expected((mean.reshape(shape),), slack=slack.reshape(shape))


def _whole(call: Call, totals: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Expected:
    """Return exact integers as `dtype`, or that they do not fit."""
    totals = np.asarray(totals, dtype=object).reshape(shape)
    limit = np.iinfo(dtype)
    if call.wrap:
        bits = limit.bits
        totals = totals & ((1 << bits) - 1)
        unsigned = np.asarray(totals, dtype=object).astype(f"u{bits // 8}")
        return Expected((unsigned.view(dtype).reshape(shape),))
    if totals.size and (totals.min() < limit.min or totals.max() > limit.max):
        return Expected(error=OverflowError)
    return Expected((totals.astype(dtype).reshape(shape),))


def _rough(values: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Return sums along the first axis in long double, and how far sums as `dtype` may be from them."""
    wide = values.astype(np.clongdouble if dtype.kind == "c" else np.longdouble)
    total = np.add.reduce(wide, axis=0)
    finite = np.where(np.isfinite(wide), wide, 0)
    steps = min(len(values), 64) + 8  # numpy adds in pairs, MPI rank by rank
    slack = np.add.reduce(np.abs(finite), axis=0) * np.finfo(dtype).eps * steps + np.finfo(dtype).tiny
    return np.asarray(total), np.asarray(slack)


def _cast(values: Array, dtype: np.dtype[Any]) -> Array:
    return np.asarray(values).astype(dtype)


# --- exactly rounded


def _rounded_columns(values: Array, divisor: int, dtype: np.dtype[Any]) -> Array:
    """Return sums along the first axis, divided by `divisor`, each rounded once."""
    shape = values.shape[1:]
    columns = values.reshape(len(values), math.prod(shape))
    result = np.zeros(columns.shape[1], dtype)
    for i in range(columns.shape[1]):
        result[i] = rounded_sum(columns[:, i], divisor, dtype)
    return np.asarray(result.reshape(shape))


def rounded_sum(values: Array, divisor: int, dtype: np.dtype[Any]) -> Any:
    """Return the sum of `values` over `divisor` as `dtype`, rounded once; as IEEE if they are not finite."""
    if dtype.kind == "c":
        real = np.dtype(dtype.char.lower())
        parts = [rounded_sum(each, divisor, real) for each in (values.real, values.imag)]
        return _complex(parts, dtype)
    if values.dtype.kind in "biu":
        return rounded(Fraction(sum(int(value) for value in values), divisor), dtype)
    return _rounded_terms([(float_value, None) for float_value in values], divisor, dtype)


def _complex(parts: list[Any], dtype: np.dtype[Any]) -> Any:
    both = np.zeros((), dtype)
    both.real, both.imag = parts
    return both[()]


def _rounded_terms(terms: list[tuple[Any, Any]], divisor: int, dtype: np.dtype[Any]) -> Any:
    """Return the rounded sum of the products of each pair of terms (None counts as 1)."""
    specials = [a * (1.0 if b is None else b) for a, b in terms if not _finite(a, b)]
    if specials:
        return dtype.type(sum(specials))  # infinities and nans add up the same in any order
    total = sum((_fraction(a) * (1 if b is None else _fraction(b)) for a, b in terms), Fraction(0))
    if total == 0:
        negative = bool(terms) and all(_is_negative_zero(a, b) for a, b in terms)
        return dtype.type(-0.0 if negative else 0.0)
    return rounded(total / divisor, dtype)


def _finite(*values: Any) -> bool:
    return all(value is None or bool(np.isfinite(value)) for value in values)


def _is_negative_zero(a: Any, b: Any) -> bool:
    if b is None:
        return bool(a == 0 and np.signbit(a))
    return bool((a == 0 or b == 0) and np.signbit(a) != np.signbit(b))


def _fraction(value: Any) -> Fraction:
    return Fraction(*value.as_integer_ratio())


def rounded(value: Fraction, dtype: np.dtype[Any]) -> Any:
    """Return the number of `dtype` that is nearest to `value`, of two such the even one."""
    about = np.finfo(dtype)
    digits, lowest = int(about.nmant), int(about.minexp) - int(about.nmant)
    if value == 0:
        return dtype.type(0.0)
    size = abs(value)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if size < Fraction(2) ** exponent:
        exponent -= 1
    unit = max(exponent - digits, lowest)
    mantissa = round(size / Fraction(2) ** unit)  # half to even
    if mantissa and mantissa.bit_length() - 1 + unit >= int(about.maxexp):
        number = dtype.type(np.inf)
    elif dtype.itemsize > 8:
        number = np.ldexp(np.longdouble(mantissa), unit)
    else:
        number = dtype.type(math.ldexp(float(mantissa), unit))
    return -number if value < 0 else number


# --- everything else


def _elementwise(call: Call, stacked: Array) -> Expected:
    op, shape = call.op, stacked.shape[1:]
    if op in LOGICAL or op in BITWISE:
        return Expected((np.asarray(getattr(np, op).reduce(stacked, axis=0)),))
    if op in ("argmin", "argmax"):
        return Expected((np.asarray(getattr(np, op)(stacked, axis=0)),))
    if op in ("min", "max"):
        return Expected((np.asarray(_UFUNCS[op].reduce(stacked, axis=0)),), slack=np.zeros(shape))
    dtype = _result(call, stacked[0])
    if dtype.kind in "iu":
        return _whole(call, np.multiply.reduce(stacked.astype(object), axis=0), dtype, shape)
    wide = stacked.astype(np.clongdouble if dtype.kind == "c" else np.longdouble)
    total = np.asarray(np.multiply.reduce(wide, axis=0))
    slack = np.where(np.isfinite(total), np.abs(total), 0) * np.finfo(dtype).eps * 8 * len(stacked)
    tiny = np.finfo(dtype).tiny
    return Expected((_cast(total, dtype),), slack=np.asarray(slack + tiny))


def _extreme(call: Call, parts: list[Array]) -> Expected:
    axes = reduced_axes(call.shapes[0], call.axis)
    values = np.concatenate([_moved(part, axes) for part in parts])
    shape = _kept(call, parts[0].shape, axes)
    if not len(values):
        return Expected(error=ValueError, may_be_empty=True)
    best = np.asarray(_UFUNCS[call.op].reduce(values, axis=0)).reshape(shape)
    return Expected((best,), slack=np.zeros(shape))


def _location(call: Call, parts: list[Array]) -> Expected:
    axes = reduced_axes(call.shapes[0], call.axis)
    find: Callable[..., Any] = getattr(np, call.op)
    moved = [_moved(part, axes) for part in parts]
    lengths = [len(each) for each in moved]
    if not sum(lengths):
        return Expected(error=ValueError, may_be_empty=True)
    values = np.concatenate(moved)
    place = np.asarray(find(values, axis=0))
    ends = np.cumsum(lengths)
    ranks = np.searchsorted(ends, place, side="right")
    index = place - (ends - lengths)[ranks]
    best = np.take_along_axis(values, place[None], axis=0)[0]
    shape = _kept(call, parts[0].shape, axes)
    told = (ranks.astype(np.intp), np.asarray(index).astype(np.intp), np.asarray(best))
    return Expected(tuple(np.asarray(each).reshape(shape) for each in told), slack=np.zeros(shape))


def _dot(call: Call, first: list[Array], second: list[Array]) -> Expected:
    a, b = (np.concatenate([part.reshape(-1) for part in parts]) for parts in (first, second))
    dtype = _result(call, a)
    if dtype.kind in "iu":
        total = sum(int(x) * int(y) for x, y in zip(a, b, strict=True))
        return _whole(call, total, dtype, ())
    if call.mode == "exact":
        return Expected((np.asarray(_rounded_dot(a, b, dtype)),))
    wide = np.clongdouble if dtype.kind == "c" else np.longdouble
    # numpy multiplies complex numbers of which one part is infinite in its own way.
    about, slack = _rough(a.astype(wide) * b.astype(wide), dtype)
    return Expected((_cast(about, dtype),), slack=slack)


def _rounded_dot(a: Array, b: Array, dtype: np.dtype[Any]) -> Any:
    if dtype.kind != "c":
        return _rounded_terms(_pairs((a, b)), 1, dtype)
    real = _rounded_terms(_pairs((a.real, b.real), (-a.imag, b.imag)), 1, np.dtype(dtype.char.lower()))
    imaginary = _rounded_terms(_pairs((a.real, b.imag), (a.imag, b.real)), 1, np.dtype(dtype.char.lower()))
    return _complex([real, imaginary], dtype)


def _pairs(*columns: Iterable[Array]) -> list[tuple[Any, Any]]:
    return [pair for first, second in columns for pair in zip(first, second, strict=True)]
