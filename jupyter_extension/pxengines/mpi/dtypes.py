"""Which numpy types can be reduced, as what they travel, and what comes out.

The result has the type that numpy's own reduction of the same data would have: ``np.sum`` of
int8 is int64, of bool a count, of float16 a float16 (added in float32, rounded once).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from mpi4py import MPI

Op = Literal["sum", "prod", "min", "max"]
OPS: tuple[Op, ...] = get_args(Op)

# Which limbs a reduction needs besides the plain one (reduce.py) depends on the kind only.
Kind = Literal["integer", "float"]

_SUM_LIKE = ("sum", "prod")
_REASONS = {
    "O": "an array of Python objects has no fixed size in memory; convert it to a number type first",
    "S": "bytes are not numbers",
    "U": "text is not numbers",
    "T": "text is not numbers",
    "M": "adding dates has no meaning; subtract a common start and reduce the difference as a number",
    "m": "MPI knows no time spans; reduce a.view('int64') and keep the unit yourself",
    "V": "a structured array is several arrays; reduce its fields one by one",
}


@dataclass(frozen=True)
class Plan:
    """How values of one dtype are reduced with one operation.

    Attributes
    ----------
    given : the caller's dtype, in native byte order.
    wire : what is added up and sent; native.
    result : what the caller gets; native.
    kind : ``integer`` results are exact or an error, ``float`` ones are rounded.
    """

    given: np.dtype[Any]
    wire: np.dtype[Any]
    result: np.dtype[Any]
    kind: Kind


def check_op(op: object) -> Op:
    """Return `op` if it names a known operation.

    Raises
    ------
    ValueError
        If it does not; the message names those that are known.
    """
    for known in OPS:
        if op == known:
            return known
    raise ValueError(f"op={op!r} is not known; use one of {', '.join(OPS)}")


def plan(dtype: np.dtype[Any], op: Op) -> Plan:
    """Return how to reduce values of `dtype` with `op`.

    Raises
    ------
    TypeError
        If they cannot be reduced; the message says why.
    """
    native = dtype.newbyteorder("=")
    if dtype.kind in _REASONS:
        raise TypeError(f"cannot reduce values of dtype {dtype}: {_REASONS[dtype.kind]}")
    if dtype.kind == "b":
        if op in _SUM_LIKE:
            count = np.dtype(np.int64)
            return Plan(native, count, count, "integer")
        return Plan(native, np.dtype(np.uint8), native, "integer")
    if dtype.kind in "iu":
        if op in _SUM_LIKE:
            wide = np.dtype(np.int64 if dtype.kind == "i" else np.uint64)
            return Plan(native, wide, wide, "integer")
        return Plan(native, native, native, "integer")
    if dtype.kind == "f":
        wire = np.dtype(np.float32) if dtype.itemsize == 2 else native
        return Plan(native, wire, native, "float")
    if dtype.kind == "c":
        if op not in _SUM_LIKE:
            raise TypeError(f"cannot take the {op} of values of dtype {dtype}: complex numbers have no order")
        return Plan(native, native, native, "float")
    raise TypeError(f"cannot reduce values of dtype {dtype}: MPI knows no such type")


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
    """Return MPI's operation for `op`."""
    from mpi4py import MPI

    operations: dict[Op, MPI.Op] = {"sum": MPI.SUM, "prod": MPI.PROD, "min": MPI.MIN, "max": MPI.MAX}
    return operations[op]
