"""Which numpy types can be reduced how, as what they travel, and what comes out.

The result has the type that numpy's own reduction of the same data would have: ``np.sum`` of
int8 is int64, of bool a count, of float16 a float16 (added in float32, rounded once).
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from mpi4py import MPI

Op = Literal[
    "sum", "prod", "min", "max", "argmin", "argmax",
    "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor",
]  # fmt: skip
OPS: tuple[Op, ...] = get_args(Op)

_ALIASES: dict[str, Op] = {
    "add": "sum", "multiply": "prod", "product": "prod", "minimum": "min", "maximum": "max",
    "amin": "min", "amax": "max", "all": "logical_and", "any": "logical_or",
    "land": "logical_and", "lor": "logical_or", "lxor": "logical_xor",
    "band": "bitwise_and", "bor": "bitwise_or", "bxor": "bitwise_xor",
}  # fmt: skip

# `integer` results are exact or an error, `float` ones are rounded.
Kind = Literal["integer", "float"]

_REASONS = {
    "O": "an array of Python objects has no fixed size in memory; convert it to a number type first",
    "S": "bytes are not numbers",
    "U": "text is not numbers",
    "T": "text is not numbers",
    "M": "adding dates has no meaning; subtract a common start and reduce the difference as a number",
    "m": "MPI knows no time spans; reduce a.view('int64') and keep the unit yourself",
    "V": "a structured array is several arrays; reduce its fields one by one",
}

TRUTH = np.dtype(np.uint8)
"""On the wire, truth values are bytes of 0 and 1."""
LOCATION = np.dtype(np.intp)


@dataclass(frozen=True, eq=False)  # `plan_of` makes each once: compared and hashed by identity
class Plan:
    """How values of one dtype are reduced with one operation.

    Attributes
    ----------
    given : the caller's dtype, in native byte order.
    wire : what is reduced and sent; native.
    result : what the caller gets; native.
    kind : ``integer`` results are exact or an error, ``float`` ones are rounded.
    """

    given: np.dtype[Any]
    wire: np.dtype[Any]
    result: np.dtype[Any]
    kind: Kind


@cache
def plan_of(given: np.dtype[Any], wire: np.dtype[Any], result: np.dtype[Any], kind: Kind) -> Plan:
    """Return the plan with these attributes."""
    return Plan(given, wire, result, kind)


def check_op(op: object) -> Op:
    """Return the operation that `op` names.

    Raises
    ------
    ValueError
        If it names none; the message names those that are known.
    """
    for known in OPS:
        if op == known:
            return known
    if isinstance(op, str) and op in _ALIASES:
        return _ALIASES[op]
    raise ValueError(f"op={op!r} is not known; use one of {', '.join(OPS)}")


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Check that values of `dtype` are numbers.

    Raises
    ------
    TypeError
        If they are not; the message says why and what to do.
    """
    if dtype.kind in _REASONS:
        raise TypeError(f"cannot reduce values of dtype {dtype}: {_REASONS[dtype.kind]}")
    if dtype.kind not in "biufc":
        raise TypeError(f"cannot reduce values of dtype {dtype}: MPI knows no such type")


@cache
def plan(dtype: np.dtype[Any], op: Op) -> Plan:
    """Return how to reduce values of `dtype` with `op`.

    Raises
    ------
    TypeError
        If they cannot be reduced; the message says why.
    """
    check_dtype(dtype)
    native = dtype.newbyteorder("=")
    kind = dtype.kind
    if op.startswith("logical"):
        return plan_of(native, TRUTH, np.dtype(np.bool_), "integer")
    if op.startswith("bitwise"):
        if kind not in "biu":
            raise TypeError(
                f"cannot take the {op} of values of dtype {dtype}: only integers and bools have bits"
            )
        return plan_of(native, TRUTH if kind == "b" else native, native, "integer")
    if op in ("sum", "prod"):
        if kind in "biu":
            wide = np.dtype(np.uint64 if kind == "u" else np.int64)
            return plan_of(native, wide, wide, "integer")
    elif kind == "c":
        raise TypeError(f"cannot take the {op} of values of dtype {dtype}: complex numbers have no order")
    wire = native
    if kind == "b":
        wire = TRUTH
    elif kind == "f" and dtype.itemsize == 2:
        wire = np.dtype(np.float32)
    result = LOCATION if op.startswith("arg") else native
    return plan_of(native, wire, result, "integer" if kind in "biu" else "float")


@cache
def datatype(wire: np.dtype[Any]) -> MPI.Datatype:
    """Return the MPI datatype of a `Plan`'s wire dtype."""
    return _datatypes()[wire.char if wire.char in "gG" else f"{wire.kind}{wire.itemsize}"]


@cache
def _datatypes() -> dict[str, MPI.Datatype]:
    # By kind and size, not by character: int64 is 'l' on one platform and 'q' on another. Long double
    # is the exception: where it is 8 bytes, 'g' and 'd' differ in name only, but MPI has both.
    from mpi4py import MPI

    return {
        "i1": MPI.INT8_T,
        "i2": MPI.INT16_T,
        "i4": MPI.INT32_T,
        "i8": MPI.INT64_T,
        "u1": MPI.UINT8_T,
        "u2": MPI.UINT16_T,
        "u4": MPI.UINT32_T,
        "u8": MPI.UINT64_T,
        "f4": MPI.FLOAT,
        "f8": MPI.DOUBLE,
        "g": MPI.LONG_DOUBLE,
        "c8": MPI.C_FLOAT_COMPLEX,
        "c16": MPI.C_DOUBLE_COMPLEX,
        "G": MPI.C_LONG_DOUBLE_COMPLEX,
    }


@cache
def operation(op: Op) -> MPI.Op:
    """Return MPI's operation for `op` on the wire."""
    from mpi4py import MPI

    operations: dict[Op, MPI.Op] = {
        "sum": MPI.SUM,
        "prod": MPI.PROD,
        "min": MPI.MIN,
        "max": MPI.MAX,
        "logical_and": MPI.BAND,
        "logical_or": MPI.BOR,
        "logical_xor": MPI.BXOR,
        "bitwise_and": MPI.BAND,
        "bitwise_or": MPI.BOR,
        "bitwise_xor": MPI.BXOR,
    }
    return operations[op]


UFUNCS: dict[Op, np.ufunc] = {
    "sum": np.add,
    "prod": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
    "logical_and": np.bitwise_and,
    "logical_or": np.bitwise_or,
    "logical_xor": np.bitwise_xor,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
}
"""What does to two ranks' values on the wire, in numpy, what `operation` does in MPI."""


def quiet() -> Callable[..., Any]:
    """Return a function that calls another with numpy's warnings off, as MPI has none.

    ``np.errstate`` takes longer than to add a thousand numbers.
    """
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":  # there the setting is the thread's, not the context's

        def call(function: Callable[..., Any], *given: Any) -> Any:
            with np.errstate(all="ignore"):
                return function(*given)

        return call
    context = contextvars.Context()
    context.run(np.seterr, all="ignore")
    return context.run
