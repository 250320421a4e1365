"""Least and greatest values of distributed arrays: ``pmin``, ``pmax``, ``pargmin`` and ``pargmax``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .channel import Channel
from .channels import channel_of
from .combine import combine
from .dtypes import LOCATION, TRUTH, Op, plan
from .moving import move
from .partial import (
    Array,
    Axis,
    as_array,
    axes_of,
    check_mode,
    check_out,
    has_nan,
    kept_shape,
    one_zero,
    plan_into,
)
from .recipe import Recipe, recipe, refuse
from .slots import pack_facts

if TYPE_CHECKING:
    from mpi4py import MPI

_RANK = np.dtype(np.int32)


class Location(NamedTuple):
    """Where a least or greatest value is.

    Attributes
    ----------
    rank : which rank's part it is in; the lowest, if several have it.
    index : where in that part: as ``np.argmin`` of the part, with the same axis. The first one.
    value : the value itself.
    """

    rank: Any
    index: Any
    value: Any


def pmin(
    a: npt.ArrayLike,
    axis: Axis = None,
    *,
    keepdims: bool = False,
    out: Array | None = None,
    mode: str = "fast",
    comm: MPI.Comm | None = None,
    timeout: float | None = None,
) -> Any:
    """Return the least value of `a` over all ranks: ``np.min`` of the distributed array. Collective.

    Parameters
    ----------
    a, axis, keepdims, out, comm, timeout : as of `psum`. Parts may differ in length along the axes that
        are reduced; empty ones do not count.
    mode : ``fast`` or ``exact``, which are the same here: a least value is never rounded.

    Returns
    -------
    A numpy scalar or array, as of `psum`, of the dtype of `a`. Not-a-number if some value is. Which of the
    two zeros, if both are least, is not said; but it is the same on every rank.

    Raises
    ------
    TypeError
        As `psum`; complex numbers have no order, and `out` must hold every value of `a`.
    ValueError
        As `psum`; and on every rank if no rank has a value.
    AgreementError, PeerError, TimeoutError, KeyboardInterrupt
        As `psum`.

    Notes
    -----
    Cost: one pass over `a`, then that of `allreduce` for the result. Source: ``np.min``.
    """
    return _extreme("min", a, axis, keepdims, out, mode, comm, timeout)


def pmax(
    a: npt.ArrayLike,
    axis: Axis = None,
    *,
    keepdims: bool = False,
    out: Array | None = None,
    mode: str = "fast",
    comm: MPI.Comm | None = None,
    timeout: float | None = None,
) -> Any:
    """Return the greatest value of `a` over all ranks: ``np.max`` of the distributed array. Collective.

    Parameters, result, errors and cost are as of `pmin`.
    """
    return _extreme("max", a, axis, keepdims, out, mode, comm, timeout)


def pargmin(
    a: npt.ArrayLike,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    comm: MPI.Comm | None = None,
    timeout: float | None = None,
) -> Location:
    """Return where the least value of `a` is: on which rank, and where in its part. Collective.

    Parameters
    ----------
    a : this rank's part, as of `pmin`.
    axis : as of ``np.argmin``: along which axis to look; None for the whole part, flattened.
    keepdims : as of ``np.argmin``.
    comm, timeout : as of `psum`.

    Returns
    -------
    Rank, index and value: three numpy scalars, or three arrays of the shape that the other axes have. The
    first not-a-number counts as the least value, as for numpy.

    Raises
    ------
    TypeError, ValueError, AgreementError, PeerError, TimeoutError, KeyboardInterrupt
        As `pmin`.

    Notes
    -----
    Cost: one pass over `a`, one exchange, and three reductions of the size of the result: values, ranks,
    indices. Source: ``np.argmin``.
    """
    return _where("min", a, axis, keepdims, comm, timeout)


def pargmax(
    a: npt.ArrayLike,
    axis: int | None = None,
    *,
    keepdims: bool = False,
    comm: MPI.Comm | None = None,
    timeout: float | None = None,
) -> Location:
    """Return where the greatest value of `a` is: on which rank, and where in its part. Collective.

    Parameters, result, errors and cost are as of `pargmin`.
    """
    return _where("max", a, axis, keepdims, comm, timeout)


def _extreme(
    op: Op,
    a: npt.ArrayLike,
    axis: Axis,
    keepdims: bool,
    out: Array | None,
    mode: str,
    comm: MPI.Comm | None,
    timeout: float | None,
) -> Any:
    channel = channel_of(comm)
    try:
        check_mode(mode)
        array = as_array(a)
        axes = axes_of(array, axis)
        into = plan_into(plan(array.dtype, op), op, mode, out)
        how = recipe(op, into, kept_shape(array, axes, keepdims))
        if out is not None:
            check_out(out, how.shape, how.plan.result)
        empty = _is_empty(array, axes)
        if empty:
            values = np.full(how.shape, _identity(op, how.plan.wire))
        else:
            values = np.asarray(array.min(axes) if op == "min" else array.max(axes)).reshape(how.shape)
        if values.dtype == np.bool_:
            values = values.view(TRUTH)
    except Exception as error:
        refuse(channel, error, timeout)
    result = combine(channel, how, values, out=out, timeout=timeout, empty=empty)
    return result if out is not None else result[()]


def _where(
    op: Op,
    a: npt.ArrayLike,
    axis: int | None,
    keepdims: bool,
    comm: MPI.Comm | None,
    timeout: float | None,
) -> Location:
    channel = channel_of(comm)
    try:
        array = as_array(a)
        axes = axes_of(array, axis)
        how = recipe(op, plan(array.dtype, op), kept_shape(array, axes, keepdims), function="location")
        empty = _is_empty(array, axes)
        if empty:
            indices = np.zeros(how.shape, LOCATION)
            values = np.full(how.shape, _identity(op, how.plan.wire))
        else:
            find = np.argmin if op == "min" else np.argmax
            found = np.asarray(find(array, axis, keepdims=True))
            values = array.reshape(-1)[found] if axis is None else np.take_along_axis(array, found, axis)
            indices, values = found.reshape(how.shape), values.reshape(how.shape)
        if values.dtype == np.bool_:
            values = values.view(TRUTH)
    except Exception as error:
        refuse(channel, error, timeout)
    rank, index, best = channel.run(lambda: locate(channel, op, how, values, indices, empty), timeout)
    return Location(rank[()], index[()], best.astype(how.plan.result)[()])


def locate(
    channel: Channel, op: Op, how: Recipe, values: Array, indices: Array | None, empty: bool = False
) -> tuple[Array, Array, Array]:
    """Return the ranks that have the least or greatest of their `values`, their `indices`, and the values.

    Steps of a call. Without `indices` (None) those are not exchanged.

    Raises
    ------
    ValueError
        On every rank, if all are empty.
    """
    greatest = channel.agree(how.digest, pack_facts(empty, has_nan(values, op)), how.describe)
    if greatest is not None and empty and channel.all_alike:
        channel.done()
        raise ValueError(f"cannot find the {op} of no values: the parts of all ranks are empty")
    best = one_zero(move(channel, op, values, how.plan.wire))
    mine = np.asarray(values == best)
    if greatest is not None and greatest[1]:
        nan = np.isnan(values)
        nan_anywhere = move(channel, "max", nan.view(TRUTH), TRUTH).view(np.bool_)
        best[nan_anywhere] = np.nan
        mine = np.where(nan_anywhere, nan, mine)
    ranks = np.where(mine & (not empty), channel.rank, channel.size).astype(_RANK)
    ranks = move(channel, "min", ranks, _RANK, ranks)
    if indices is not None:
        indices = np.where(ranks == channel.rank, indices, -1).astype(LOCATION)
        indices = move(channel, "max", indices, LOCATION, indices)
    else:
        indices = ranks
    return ranks.astype(LOCATION), indices, best


def _is_empty(array: Array, axes: tuple[int, ...]) -> bool:
    return 0 in (array.shape[i] for i in axes)


def _identity(op: Op, wire: np.dtype[Any]) -> Any:
    """Return the value that loses against all others, as `wire`."""
    if wire.kind == "f":
        return wire.type(np.inf if op == "min" else -np.inf)
    limit = np.iinfo(wire)
    return wire.type(limit.max if op == "min" else limit.min)
