"""``allreduce``: element by element over all ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import exact
from .channels import channel_of
from .combine import combine
from .combine_exact import combine_exact
from .dtypes import TRUTH, Op, check_op, plan
from .extremes import locate
from .lane import keep_quick
from .moving import finished
from .news import Reissue
from .partial import Array, as_array, check_mode, check_out, plan_into
from .recipe import Recipe, recipe, refuse

if TYPE_CHECKING:
    from mpi4py import MPI

_known: dict[Any, tuple[Op, Recipe]] = {}
_MOST_KNOWN = 1024
_FAR = 1 << 63


def allreduce(
    x: npt.ArrayLike,
    op: str = "sum",
    *,
    comm: MPI.Comm | None = None,
    mode: str = "fast",
    out: Array | None = None,
    timeout: float | None = None,
    wrap: bool = False,
) -> Any:
    """Reduce `x` over all ranks, element by element; every rank gets the result. Collective.

    Parameters
    ----------
    x : a number or an array of numbers, of the same dtype and shape on every rank; any memory
        layout and byte order. It is not changed, unless it is `out`.
    op : ``sum``, ``prod``, ``min``, ``max``, ``logical_and``, ``logical_or``, ``logical_xor``,
        ``bitwise_and``, ``bitwise_or``, ``bitwise_xor``; or ``argmin``, ``argmax``: which rank has the
        least or greatest value, the lowest if several have. Also by numpy's and MPI's other names, such as
        ``add``, ``any``, ``lor``.
    comm : the ranks; default ``MPI.COMM_WORLD``.
    mode : ``fast``; or ``exact``: sums are rounded once, and the same bits for every number of ranks.
        Integers are always exact.
    out : array of the shape of `x`, in which the result is put; may be `x`. If it is contiguous and of the
        result's dtype, no other memory of that size is used. One of a narrower dtype sets the result's, as
        of numpy's reductions: integers that do not fit raise, and exact sums are rounded once. After an
        exception its content is undefined, but nothing writes into it any more.
    timeout : seconds to wait for ranks that do not come; default without end.
    wrap : let sums and products of integers wrap, as numpy does, instead of raising.

    Returns
    -------
    A new array of the shape of `x`, or a numpy scalar if that is ``()``; `out` if that was given. Its dtype
    is that of numpy's own reduction: sums and products of small integers are int64 or uint64, sums of bools
    are counts, float16 stays float16 (reduced in float32). Not-a-number in any rank's value makes the
    element's ``min`` and ``max`` not-a-number. Sums of floats depend, in the last digits, on the
    number of ranks, unless `mode` is ``exact``.

    Raises
    ------
    TypeError
        If values of this dtype cannot be reduced, or not into `out`; the message says why, and what to do.
    ValueError
        If `op` or `mode` is not known, or `out` does not have the right shape.
    OverflowError
        If a sum or product of integers does not fit into the result's dtype; on every rank.
    AgreementError
        If the ranks differ in dtype, shape, `op`, `mode` or `wrap`, in the order of their calls, or if only
        some can take part; on every rank, before any data has moved.
    PeerError
        If another rank cannot take part any more: its cell raised or was interrupted, or it has ended.
    TimeoutError
        If some rank has not come within `timeout`; on every rank that waits, and on that one when it comes.
    KeyboardInterrupt
        If interrupted, at any time; the next reduction is right.

    Notes
    -----
    Cost: one exchange in O(log(ranks)) steps, of 256 bytes a rank or, of small data that come again and
    again, as many as hold them; these are then reduced. Larger ones follow in pieces, by MPI's own
    non-blocking allreduce, or between two ranks in halves: time and traffic of O(x.nbytes). Integer sums
    and products read `x` once more; exact sums of floats send several times as much. No memory of the size
    of `x` is used beside the result's if `x` is contiguous and in native byte order, and once that size if
    not.

    Source: dtypes and values are those of numpy's ``ufunc.reduce`` over the stacked parts; on the way are
    ``MPI_Allgather_init`` and ``MPI_Iallreduce`` (MPI 4.0, chapter 6), between two ranks messages. For exact
    sums see `psum`.
    """
    channel = channel_of(comm)
    key = _key(x, op, mode, wrap)
    lane = channel.quick.get(key)  # most calls are like an earlier one
    if lane is not None and (out is None or lane.takes(out)):
        try:
            return lane.run(x, out, timeout)
        except Reissue:
            pass
    sums, special = None, False
    try:
        array = x if type(x) is np.ndarray else as_array(x)
        signature = (op, array.dtype, array.shape, mode, wrap, None if out is None else _dtype_of(out))
        found = _known.get(signature)
        if found is None:
            known = check_op(op)
            check_mode(mode)
            if mode == "exact" and known == "prod":
                raise ValueError(
                    "mode='exact' is for sums: a product is rounded at every step; use mode='fast'"
                )
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            into = plan_into(plan(array.dtype, known), known, mode, out)
            made = recipe(known, into, array.shape, mode=mode, wrap=wrap)
            found = _known[signature] = known, made
        known, how = found
        special = known in ("argmin", "argmax")
        if out is not None:
            check_out(out, how.shape, how.plan.result)
        if how.plan.wire == TRUTH:
            array = as_truth(array, known)
        if mode == "exact" and how.plan.kind == "float" and known == "sum":
            sums = exact.accumulate(array, ())
            special = True
    except Exception as error:
        refuse(channel, error, timeout)
    if not special:
        result = combine(channel, how, array, out=out, timeout=timeout)
        if key is not None and how.plan.wire != TRUTH and how.usual:
            keep_quick(channel, key, how)
    elif sums is not None:
        result = finished(
            combine_exact(channel, how, sums, timeout).total(how.plan.result), how.plan.result, out
        )
    else:
        extreme: Op = "min" if known == "argmin" else "max"
        ranks, _, _ = channel.run(lambda: locate(channel, extreme, how, array, None), timeout)
        result = finished(ranks, how.plan.result, out)
    return result if out is not None else result[()]


def _key(x: Any, op: str, mode: str, wrap: bool) -> Any:
    """Return what of a call decides how it is made; None if that has to be looked at more closely."""
    kind = type(x)
    if kind is np.ndarray:
        return op, x.dtype, x.shape, mode, wrap
    if kind is float or kind is np.float64 or (kind is int and -_FAR <= x < _FAR):
        return op, kind, mode, wrap
    return None


def _dtype_of(out: object) -> Any:
    return out.dtype if isinstance(out, np.ndarray) else None


def as_truth(array: Array, op: Op) -> Array:
    """Return truth values as bytes of 0 and 1; bytes that are numbers to `op` as they are."""
    if array.dtype == np.bool_:
        return array.view(TRUTH)
    return (array != 0).view(TRUTH) if op.startswith("logical") else array
