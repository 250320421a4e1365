"""The reductions themselves: ``allreduce`` and ``psum``.

Whole numbers never wrap. Where a wrap is impossible (seen from the greatest magnitude, which travels
with the agreement) one plain MPI reduction is enough; else numbers travel as two limbs of
32 bits, whose sums are exact; numbers too large for that are gathered and added as Python integers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .agree import Agreement, Proposal, agree
from .dtypes import Op, check_op, datatype, operation, plan
from .partial import LIMB_BITS, LIMB_MASK, Array, Axis, Partial, as_array, limbs, summed_part, whole_part

if TYPE_CHECKING:
    from mpi4py import MPI

MAX_COUNT = 1 << 30
"""Elements in one MPI call: libraries older than MPI 4 count with 32 bits."""

_LIMB_SUM_BITS = 62 + LIMB_BITS
"""Sums below two to this power can be added limb by limb in int64."""


def allreduce(x: npt.ArrayLike, op: str = "sum", *, comm: MPI.Comm | None = None) -> Any:
    """Reduce `x` over all ranks, element by element; every rank gets the result. Collective.

    Parameters
    ----------
    x : a number or an array of numbers, of the same dtype and shape on every rank; any memory
        layout and byte order. It is not changed.
    op : ``sum``, ``prod``, ``min`` or ``max``.
    comm : the ranks; default ``MPI.COMM_WORLD``.

    Returns
    -------
    A new array of the shape of `x`, or a numpy scalar if that is ``()``. Its dtype is that of
    numpy's own reduction: sums and products of small integers are int64 or uint64, sums of bools are
    counts, float16 stays float16 (reduced in float32). Not-a-number in any rank's value makes the
    element's ``min`` and ``max`` not-a-number. Sums of floats depend, in the last digits, on the
    number of ranks.

    Raises
    ------
    TypeError
        If values of this dtype cannot be reduced; the message says why.
    ValueError
        If `op` is not known.
    OverflowError
        If a sum or product of integers does not fit into the result's dtype; on every rank.
    AgreementError
        If the ranks differ in dtype, shape or `op`, or if only some can take part; on every
        rank, before any data has moved.
    """
    return _reduce(op, lambda known: whole_part(as_array(x), known), comm)


def psum(
    a: npt.ArrayLike,
    axis: Axis = None,
    *,
    dtype: npt.DTypeLike | None = None,
    comm: MPI.Comm | None = None,
) -> Any:
    """Return the sum of `a` over all ranks: ``np.sum`` of the distributed array. Collective.

    Each rank adds up its own part, then the parts are added. Parts may differ in length along the
    axes that are summed over.

    Parameters
    ----------
    a : this rank's part: a number or an array of numbers. It is not changed.
    axis : as of ``np.sum``: which axes to sum over locally; default all of them.
    dtype : as of ``np.sum``: what to add in, and the result's dtype. It must be able to hold the values.
    comm : the ranks; default ``MPI.COMM_WORLD``.

    Returns
    -------
    A numpy scalar, or an array of the shape that the other axes have. Its dtype is that of ``np.sum(a)``.

    Raises
    ------
    TypeError, OverflowError, AgreementError
        As `allreduce`.
    ValueError
        If `a` has no such axis.
    """
    return _reduce("sum", lambda _: summed_part(as_array(a), axis, dtype), comm)


def _reduce(op: str, prepare: Callable[[Op], Partial], comm: MPI.Comm | None) -> Any:
    if comm is None:
        from mpi4py import MPI

        comm = MPI.COMM_WORLD
    try:
        known = check_op(op)
        part = prepare(known)
    except Exception as error:
        # The other ranks are waiting to hear from this one: it tells them before it raises.
        agree(Proposal(str(error), refusal=error), comm)
        raise
    how = part.plan
    usual = how == plan(how.given, known)
    proposal = Proposal(
        f"{known} of {how.given}{'' if usual else f' as {how.result}'}, shape {part.values.shape}",
        magnitude=part.magnitude,
        has_nan=part.has_nan,
    )
    agreement = agree(proposal, comm)
    if how.kind == "integer" and known in ("sum", "prod"):
        total = _whole_numbers(part, known, agreement, comm)
    else:
        total = _exchange(part.values, known, comm)
        if agreement.has_nan:
            somewhere = _exchange(np.isnan(part.values).astype(np.uint8), "max", comm)
            total[somewhere.astype(bool)] = np.nan
    with np.errstate(over="ignore"):  # float16: infinity is the right answer
        result = total.astype(how.result, copy=False)
    return result[()]


def _exchange(values: Array, op: Op, comm: MPI.Comm) -> Array:
    """Return the reduction of `values` (native, C order) in the same dtype."""
    total = np.empty(values.shape, values.dtype)
    sent, received, kind = values.reshape(-1), total.reshape(-1), datatype(values.dtype)
    for start in range(0, values.size, MAX_COUNT):
        part = slice(start, start + MAX_COUNT)
        comm.Allreduce([sent[part], kind], [received[part], kind], op=operation(op))
    return total


def _whole_numbers(part: Partial, op: Op, agreement: Agreement, comm: MPI.Comm) -> Array:
    """Return the exact sum or product, in range of the result's dtype.

    Raises
    ------
    OverflowError
        If it is not; on every rank, because all have the same numbers.
    """
    ranks, result = comm.Get_size(), part.plan.result
    bound = agreement.magnitude * ranks if op == "sum" else agreement.magnitude**ranks
    if bound <= np.iinfo(part.plan.wire).max:
        total = _exchange(part.values.astype(part.plan.wire, copy=False), op, comm)
    elif op == "sum" and bound.bit_length() <= _LIMB_SUM_BITS:
        both = _exchange(np.stack(limbs(part.values)), "sum", comm)
        total = _join(both[0] + (both[1] >> LIMB_BITS), both[1] & LIMB_MASK, part.plan.wire)
    else:
        parts = [values.astype(object) for values in comm.allgather(part.values)]
        total = np.asarray(functools.reduce(np.add if op == "sum" else np.multiply, parts), dtype=object)
    if bound > np.iinfo(result).max:
        _check_range(total, op, result)
    return total


def _join(high: Array, low: Array, wire: np.dtype[Any]) -> Array:
    """Return ``high * 2**32 + low``, of dtype `wire` if all of it fits, else Python integers."""
    limit = np.iinfo(wire)
    if high.size and (high.min() < limit.min >> LIMB_BITS or high.max() > limit.max >> LIMB_BITS):
        return np.asarray(high.astype(object) * (1 << LIMB_BITS) + low.astype(object), dtype=object)
    return np.asarray(high.astype(wire) << wire.type(LIMB_BITS) | low.astype(wire))


def _check_range(total: Array, op: Op, result: np.dtype[Any]) -> None:
    limit = np.iinfo(result)
    for value in (total.min(), total.max()) if total.size else ():
        if not limit.min <= int(value) <= limit.max:
            name = {"sum": "sum", "prod": "product"}[op]
            raise OverflowError(
                f"the {name} over all ranks is {int(value)}, which does not fit into {result}; "
                "reduce it as float64 if rounding is acceptable"
            )
