"""Sums of distributed arrays: ``psum``, ``pmean`` and ``pdot``."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import exact, exact_dot
from .channel import Channel
from .channels import channel_of
from .combine import combine
from .combine_exact import combine_exact
from .moving import finished, move
from .partial import (
    Array,
    Axis,
    as_array,
    axes_of,
    check_mode,
    check_out,
    dotted,
    kept_shape,
    plan_dot,
    plan_into,
    plan_mean,
    plan_sum,
    summed,
)
from .recipe import Recipe, recipe, refuse
from .reduce import allreduce
from .slots import pack_facts

if TYPE_CHECKING:
    from mpi4py import MPI

_WORD = (1 << 64) - 1
_NUMBERS = (int, float, np.float64)
_COUNT = np.dtype(np.int64)


def psum(
    a: npt.ArrayLike,
    axis: Axis = None,
    *,
    dtype: npt.DTypeLike | None = None,
    keepdims: bool = False,
    out: Array | None = None,
    mode: str = "fast",
    comm: MPI.Comm | None = None,
    timeout: float | None = None,
    wrap: bool = False,
) -> Any:
    """Return the sum of `a` over all ranks: ``np.sum`` of the distributed array. Collective.

    Each rank adds up its own part, then the parts are added. Parts may differ in length along the
    axes that are summed over.

    Parameters
    ----------
    a : this rank's part: a number or an array of numbers. It is not changed.
    axis, dtype, keepdims : as of ``np.sum``: which axes to sum over locally (default all), what to add
        in and the result's dtype, whether summed axes stay as axes of length one.
    out : where to put the result, or None; see `allreduce`.
    mode : ``fast``, or ``exact``: rounded once, and the same bits for every number of ranks, split and
        order of the data. Sums of integers are always exact.
    comm, timeout, wrap : see `allreduce`.

    Returns
    -------
    A numpy scalar, or an array of the shape that the other axes have; `out` if that was given. Its dtype is
    that of ``np.sum(a)``.

    Raises
    ------
    TypeError, OverflowError, AgreementError, PeerError, TimeoutError, KeyboardInterrupt
        As `allreduce`.
    ValueError
        If `a` has no such axis, `out` not the result's shape, or `mode` is not known.

    Notes
    -----
    Cost: one pass over `a` (of integers two), which adds as ``np.sum``, then that of `allreduce` for the
    result. ``exact``: one pass, at the speed of memory for sums over all axes where the C code was built, and
    one sum of some 3 to 70 64-bit words for each value of the result.

    Source: ``np.sum``. Exact sums are kept as integers: Rump, Ogita and Oishi, "Accurate floating-point
    summation" (SIAM J. Sci. Comput. 31, 2008); Neal, "Fast exact summation using small and large
    superaccumulators" (2015).
    """
    if type(a) in _NUMBERS and axis is None and dtype is None:
        return allreduce(a, comm=comm, mode=mode, out=out, timeout=timeout, wrap=wrap)
    channel = channel_of(comm)
    try:
        check_mode(mode)
        array = as_array(a)
        axes = axes_of(array, axis)
        how = plan_into(plan_sum(array.dtype, dtype), "sum", mode, out)
        what = recipe("sum", how, kept_shape(array, axes, keepdims), mode=mode, wrap=wrap)
        if out is not None:
            check_out(out, what.shape, how.result)
        precise = mode == "exact" and how.kind == "float"
        if precise:
            sums = exact.accumulate(array, axes)
        else:
            part = summed(array, axes, what)
    except Exception as error:
        refuse(channel, error, timeout)
    if precise:
        total = combine_exact(channel, what, sums, timeout).total(_read_as(how.result, array))
        result = finished(total.reshape(what.shape), how.result, out)
    else:
        result = combine(channel, what, part.values, out=out, timeout=timeout, magnitude=part.magnitude)
    return result if out is not None else result[()]


def pmean(
    a: npt.ArrayLike,
    axis: Axis = None,
    *,
    dtype: npt.DTypeLike | None = None,
    keepdims: bool = False,
    out: Array | None = None,
    mode: str = "fast",
    comm: MPI.Comm | None = None,
    timeout: float | None = None,
) -> Any:
    """Return the mean of `a` over all ranks: ``np.mean`` of the distributed array. Collective.

    Parameters
    ----------
    a, axis, keepdims, out, comm, timeout : as of `psum`. Parts may differ in length along the axes that
        are averaged over: every value counts the same, not every rank.
    dtype : as of ``np.mean``: what to add in, and the result's dtype; default float64 for integers.
    mode : as of `psum`; ``exact`` rounds the exact mean once.

    Returns
    -------
    A numpy scalar or array, as of `psum`; its dtype is that of ``np.mean(a)``: float64 of integers and bools.
    Not-a-number, with a RuntimeWarning, if no rank has a value.

    Raises
    ------
    TypeError
        As `psum`; and if `dtype` is not one of floats.
    ValueError, AgreementError, PeerError, TimeoutError, KeyboardInterrupt
        As `psum`.

    Notes
    -----
    Cost: as of `psum`, and the count travels with the agreement: no second reduction if all parts are of one
    length. Source: ``np.mean``.
    """
    channel = channel_of(comm)
    try:
        check_mode(mode)
        array = as_array(a)
        axes = axes_of(array, axis)
        how = plan_into(plan_mean(array.dtype, dtype), "sum", mode, out)
        what = recipe("sum", how, kept_shape(array, axes, keepdims), function="mean", mode=mode)
        if out is not None:
            check_out(out, what.shape, how.result)
        count = math.prod(array.shape[i] for i in axes)
        if mode == "exact":
            sums = exact.accumulate(array, axes)
        else:
            part = summed(array, axes, what)
    except Exception as error:
        refuse(channel, error, timeout)
    if mode == "exact":
        everything = combine_exact(channel, what, sums, timeout)
        count, mean = everything.count, everything.mean(_read_as(how.result, array)).reshape(what.shape)
    else:
        total, count = channel.run(lambda: _total_and_count(channel, what, part.values, count), timeout)
        with np.errstate(all="ignore"):
            mean = np.asarray(np.true_divide(total, np.intp(count)))
    if count == 0 and mean.size:
        warnings.warn("mean of no values", RuntimeWarning, stacklevel=2)
    result = finished(mean, how.result, out)
    return result if out is not None else result[()]


def pdot(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    *,
    mode: str = "fast",
    comm: MPI.Comm | None = None,
    timeout: float | None = None,
    wrap: bool = False,
) -> Any:
    """Return the dot product of two vectors that are distributed alike over the ranks. Collective.

    Parameters
    ----------
    a, b : this rank's part of each: one-dimensional and of the same length, or two numbers. Parts may
        differ in length between ranks. They are not changed, and not conjugated.
    mode : as of `psum`; ``exact`` rounds the exact sum of the exact products once.
    comm, timeout, wrap : as of `psum`.

    Returns
    -------
    A numpy scalar, of the dtype of ``np.sum(a * b)``.

    Raises
    ------
    TypeError
        As `psum`; of long doubles also with ``exact``.
    OverflowError, AgreementError, PeerError, TimeoutError, KeyboardInterrupt
        As `psum`.
    ValueError
        If the two parts are not vectors of one length.

    Notes
    -----
    Cost: one pass over `a` and `b`, by ``np.dot`` or exactly, then one `allreduce` of one value.

    Source: ``np.dot``. Exact products are two float64: Dekker, "A floating-point technique for extending the
    available precision" (Numer. Math. 18, 1971); for their sum see `psum`.
    """
    channel = channel_of(comm)
    try:
        check_mode(mode)
        first, second = as_array(a), as_array(b)
        how = plan_dot(first, second)
        what = recipe("sum", how, (), function="dot", mode=mode, wrap=wrap)
        precise = mode == "exact" and how.kind == "float"
        if precise:
            floats = [x if x.dtype.kind in "fc" else x.astype(how.result) for x in (first, second)]
            sums = exact_dot.accumulate_dot(*floats)
        else:
            part = dotted(first, second, what)
    except Exception as error:
        refuse(channel, error, timeout)
    if precise:
        return combine_exact(channel, what, sums, timeout).total(how.result)[()]
    return combine(channel, what, part.values, timeout=timeout, magnitude=part.magnitude)[()]


def _read_as(result: np.dtype[Any], array: Array) -> np.dtype[Any]:
    """Return as what the exact sums of `array` are read, on their way to dtype `result`."""
    return np.dtype(result.char.lower()) if result.kind == "c" and array.dtype.kind != "c" else result


def _total_and_count(channel: Channel, how: Recipe, values: Array, count: int) -> tuple[Array, int]:
    """Return the sum of the ranks' `values` on the wire, and of their counts."""
    greatest = channel.agree(how.digest, pack_facts(count, _WORD - count), how.describe)
    total = move(channel, "sum", values, how.plan.wire)
    if greatest is not None and greatest[0] == _WORD - greatest[1]:
        return total, count * channel.size
    return total, int(move(channel, "sum", np.array(count, _COUNT), _COUNT))
