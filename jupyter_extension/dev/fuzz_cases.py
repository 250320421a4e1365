"""What the ranks of ``fuzz_reductions.py`` do, drawn from a seed: every rank draws the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Rng = np.random.Generator

WHOLE = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i2", ">i4", ">u8"]
REAL = ["f2", "f4", "f8", "g", ">f2", ">f4", ">f8"]
COMPLEX = ["c8", "c16", "G", ">c16"]
LAYOUTS = ["c", "fortran", "strided", "reversed", "broadcast", "read-only", "subclass"]

NUMERIC = ["sum", "prod"]
ORDERED = ["min", "max", "argmin", "argmax"]
LOGICAL = ["logical_and", "logical_or", "logical_xor"]
BITWISE = ["bitwise_and", "bitwise_or", "bitwise_xor"]
FUNCTIONS = ["allreduce", "psum", "pmean", "pmin", "pmax", "pargmin", "pargmax", "pdot"]

FAULTS = [
    "raise", "raise later", "mismatch", "order", "timeout", "late", "interrupt waiting",
    "interrupt moving", "interrupt all", "stale", "drift",
]  # fmt: skip
DIFFERENCES = ["dtype", "shape", "op", "mode", "refused"]


_RANKS_OF_FULL = 4
"""Products of so many full values of floats do not overflow, in no order."""


class Tagged(np.ndarray[Any, Any]):
    """A subclass of arrays that changes nothing."""


@dataclass(frozen=True)
class Call:
    """One reduction.

    Attributes
    ----------
    function, op, axis, keepdims, mode, wrap : what is called, and how.
    dtype : of the parts.
    result : ``dtype=`` of the call; None if it is not given.
    shapes, layouts : of each rank's part.
    values : which values: ``small``, ``full``, ``special``, ``wide`` or ``huge``.
    out : None, ``new``, ``in place``, or ``strided``.
    seed : of the values.
    """

    function: str
    op: str
    dtype: str
    shapes: tuple[tuple[int, ...], ...]
    layouts: tuple[str, ...]
    values: str
    seed: tuple[int, ...]
    axis: Any = None
    keepdims: bool = False
    mode: str = "fast"
    wrap: bool = False
    result: str | None = None
    out: str | None = None

    def part(self, rank: int, which: int = 0) -> Array:
        """Return the part of `rank` (of `pdot` the first or second), in its layout."""
        rng = np.random.default_rng([*self.seed, rank, which])
        shape = self.shapes[rank]
        return laid_out(draw_values(rng, np.dtype(self.dtype), shape, self.values), self.layouts[rank])


@dataclass(frozen=True)
class Round:
    """What happens between two blocks that a guard ends.

    Attributes
    ----------
    fault : one of `FAULTS`, or ``none``.
    odd : the rank that behaves otherwise.
    other : of the interrupts, the rank that is interrupted while it waits.
    seconds : time of whatever comes late.
    """

    number: int
    calls: tuple[Call, ...]
    fault: str = "none"
    odd: int = 0
    other: int = 0
    seconds: float = 0.0
    difference: str = ""


def draw_round(seed: int, number: int, ranks: int, share_of_faults: float) -> Round:
    """Return round `number`: the same for the same arguments, whatever came before."""
    rng = np.random.default_rng([seed, number])
    calls = tuple(_draw_call(rng, (seed, number, i), ranks) for i in range(int(rng.integers(1, 4))))
    if ranks == 1 or rng.random() >= share_of_faults:
        return Round(number, calls)
    odd = int(rng.integers(ranks))
    other = int((odd + rng.integers(1, ranks)) % ranks)
    return Round(
        number,
        calls,
        str(rng.choice(FAULTS)),
        odd,
        other,
        float(rng.uniform(0.0, 0.03)),
        str(rng.choice(DIFFERENCES)),
    )


def plain_call(number: int, ranks: int) -> Call:
    """Return the reduction with which every fault ends: right, or something was left behind."""
    return Call("allreduce", "sum", "f8", ((40,),) * ranks, ("c",) * ranks, "small", (number, 99))


def differing(call: Call, difference: str) -> Call:
    """Return `call` (a `plain_call`) as the odd rank makes it, which does not fit the others'."""
    changes: dict[str, dict[str, Any]] = {
        "dtype": {"dtype": "f4"},
        "shape": {"shapes": tuple((41,) for _ in call.shapes)},
        "op": {"op": "max"},
        "mode": {"mode": "exact"},
        "refused": {"op": "median"},
    }
    return replace(call, **changes[difference])


# --- reductions


def _draw_call(rng: Rng, seed: tuple[int, ...], ranks: int) -> Call:
    function = str(rng.choice(FUNCTIONS, p=[0.34, 0.26, 0.1, 0.05, 0.05, 0.05, 0.05, 0.1]))
    mode = "exact" if rng.random() < 0.3 else "fast"
    op = {"pmin": "min", "pmax": "max", "pargmin": "argmin", "pargmax": "argmax"}.get(function, "sum")
    if function == "allreduce":
        op = str(rng.choice(NUMERIC + ORDERED + LOGICAL + BITWISE))
        op = "sum" if rng.random() < 0.3 else op
    dtype = str(rng.choice(_dtypes(function, op, mode)))
    if op == "prod":
        mode = "fast"
    shape = _draw_shape(rng, function, dtype, mode)
    axis = None
    shapes = [shape] * ranks
    if function not in ("allreduce", "pdot") and shape:
        axis = _draw_axis(rng, function, len(shape))
        shapes = [_uneven(rng, shape, axis) for _ in range(ranks)]
    if function == "pdot":
        shapes = [(int(rng.integers(0, shape[0] + 1)),) for _ in range(ranks)] if shape else [()] * ranks
    has_axis = function not in ("allreduce", "pdot")
    call = Call(
        function=function,
        op=op,
        dtype=dtype,
        shapes=tuple(shapes),
        layouts=tuple(str(rng.choice(LAYOUTS)) for _ in range(ranks)),
        values=_draw_kind(rng, np.dtype(dtype), op, mode, ranks),
        seed=seed,
        axis=axis,
        keepdims=has_axis and bool(rng.random() < 0.3),
        mode="fast" if function in ("pargmin", "pargmax") else mode,
        wrap=function in ("allreduce", "psum", "pdot") and bool(rng.random() < 0.2),
    )
    if function in ("psum", "pmean") and rng.random() < 0.2:
        call = replace(call, result=_wider(rng, call))
    return replace(call, out=_draw_out(rng, call))


def _dtypes(function: str, op: str, mode: str) -> list[str]:
    if op in BITWISE:
        return WHOLE
    if op in ORDERED:
        return WHOLE + REAL
    if function == "pdot" and mode == "exact":
        return [name for name in WHOLE + REAL + COMPLEX if name not in "gG"]
    return WHOLE + REAL + COMPLEX


def _draw_shape(rng: Rng, function: str, dtype: str, mode: str) -> tuple[int, ...]:
    most = 6 if mode == "exact" else 9
    if mode == "fast" and rng.random() < 0.1 and np.dtype(dtype).kind in "biufc":
        return (int(rng.integers(1_000, 100_000)),)
    dimensions = 1 if function == "pdot" else int(rng.integers(0, 4))
    return tuple(int(length) for length in rng.integers(0 if rng.random() < 0.1 else 1, most, dimensions))


def _draw_axis(rng: Rng, function: str, dimensions: int) -> Any:
    kind = rng.random()
    if kind < 0.3:
        return None
    one = int(rng.integers(-dimensions, dimensions))
    if kind < 0.7 or function.startswith("parg"):
        return one
    count = int(rng.integers(0, dimensions + 1))
    return tuple(int(i) for i in rng.permutation(dimensions)[:count])


def reduced_axes(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """Return the axes, from 0 on, that `axis` names."""
    if axis is None:
        return tuple(range(len(shape)))
    return tuple(i % len(shape) for i in (axis if isinstance(axis, tuple) else (axis,)))


def _uneven(rng: Rng, shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    """Return `shape` with other lengths along the axes that are reduced; sometimes zero."""
    lengths = list(shape)
    for i in reduced_axes(shape, axis):
        if rng.random() < 0.3:
            lengths[i] = int(rng.integers(0, lengths[i] + 3))
    return tuple(lengths)


def _draw_kind(rng: Rng, dtype: np.dtype[Any], op: str, mode: str, ranks: int) -> str:
    if op == "prod" and dtype.kind in "fc" and ranks > _RANKS_OF_FULL:
        return "small"
    kinds = ["small", "small", "full"]
    if dtype.kind == "f":
        kinds.append("special")
    if dtype.kind == "c" and op == "sum" and mode == "exact":
        kinds.append("special")
    if dtype.kind in "fc" and mode == "exact" and op == "sum":
        kinds += ["wide", "wide"]
    return str(rng.choice(kinds))


def _wider(rng: Rng, call: Call) -> str | None:
    kind = np.dtype(call.dtype).kind
    if kind == "c":
        return "c16" if call.dtype == "c8" else None
    if kind == "f":
        choice = {"f2": ["f4", "f8"], "f4": ["f8", "c16"], "f8": ["g", "c16"]}.get(call.dtype)
        return str(rng.choice(choice)) if choice else None
    if call.function == "pmean" or kind == "b":
        return "f8"
    return str(rng.choice(["f8", "u8" if kind == "u" else "i8", "u4" if kind == "u" else "i4"]))


def _draw_out(rng: Rng, call: Call) -> str | None:
    if call.function.startswith("parg") or call.function == "pdot" or rng.random() < 0.6:
        return None
    return str(
        rng.choice(["new", "strided", "in place"] if call.function == "allreduce" else ["new", "strided"])
    )


# --- values


def draw_values(rng: Rng, dtype: np.dtype[Any], shape: tuple[int, ...], kind: str) -> Array:
    """Return values of `dtype`: no order of adding or multiplying overflows, unless `kind` is ``wide``."""
    if dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5).astype(dtype)
    if dtype.kind in "iu":
        limit = np.iinfo(dtype)
        if kind == "small":
            return np.asarray(rng.integers(max(limit.min, -3), 4, shape)).astype(dtype)
        edges = np.array([limit.min, limit.max, 0, 1, limit.max // 2], dtype)
        return np.where(rng.random(shape) < 0.8, _bits(rng, dtype, shape), rng.choice(edges, shape)).astype(
            dtype
        )
    if dtype.kind == "c":
        real = np.dtype({"c8": "f4", "c16": "f8"}.get(dtype.str[1:], "g"))
        values = np.zeros(shape, dtype.newbyteorder("="))
        values.real, values.imag = (draw_values(rng, real, shape, kind) for _ in range(2))
        return np.asarray(values.astype(dtype))
    return _reals(rng, dtype, shape, kind)


def _bits(rng: Rng, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    count = int(np.prod(shape, dtype=int))
    data = np.frombuffer(rng.bytes(count * dtype.itemsize), dtype)
    # Some of any size: a sum of full ones overflows nearly always.
    shift = rng.integers(0, 8 * dtype.itemsize - 1)
    return np.asarray(data.reshape(shape) >> dtype.type(shift))


def _reals(rng: Rng, dtype: np.dtype[Any], shape: tuple[int, ...], kind: str) -> Array:
    if kind == "small":
        return np.asarray(rng.integers(-3, 4, shape)).astype(dtype)
    native = dtype.newbyteorder("=")
    decades = {2: 0.4, 4: 8.0}.get(dtype.itemsize, 60.0)
    values = rng.standard_normal(shape).astype(native)
    if kind == "wide":
        about = np.finfo(native)
        # Up to infinity and down to nothing; half of the time nearly cancelling.
        exponents = rng.integers(int(about.minexp) - int(about.nmant) + 2, int(about.maxexp) - 2, shape)
        values = np.ldexp(rng.uniform(1, 2, shape).astype(native), np.asarray(exponents).astype(np.intc))
        values = np.where(rng.random(shape) < 0.5, values, -values).astype(native)
    else:
        values = (values * native.type(10) ** rng.uniform(-decades, decades, shape).astype(native)).astype(
            native
        )
        values = np.clip(
            values, -(native.type(10) ** native.type(decades)), native.type(10) ** native.type(decades)
        )
    if kind == "special":
        extra = rng.choice(np.array([np.inf, -np.inf, np.nan, -0.0, 0.0, -0.0]), shape)
        values = np.where(rng.random(shape) < rng.choice([0.02, 0.5, 1.0]), extra, values)
    return np.asarray(values).astype(dtype)


def laid_out(array: Array, layout: str) -> Array:
    """Return the same values in another layout in memory."""
    if layout == "fortran":
        return np.array(array, order="F")
    if layout == "strided":
        wide = np.zeros((*array.shape, 2), array.dtype)
        wide[..., 1] = array
        return wide[..., 1]
    if layout == "reversed" and array.ndim:
        return np.array(array[::-1])[::-1]
    if layout == "broadcast" and array.ndim and array.shape[0]:
        # The same values along the first axis, from one copy in memory.
        return np.broadcast_to(array[:1].copy(), array.shape)
    if layout == "read-only":
        array = array.copy()
        array.flags.writeable = False
        return array
    if layout == "subclass":
        return array.view(Tagged)
    return array
