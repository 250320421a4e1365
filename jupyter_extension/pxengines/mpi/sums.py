"""``psum``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from .channels import channel_of
from .combine import combine
from .partial import Array, Axis, as_array, axes_of, check_out, plan_sum, summed
from .recipe import recipe, refuse

if TYPE_CHECKING:
    from mpi4py import MPI


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

    TODO
    """
    channel = channel_of(comm)
    try:
        array = as_array(a)
        how = plan_sum(array.dtype, dtype)
        part = summed(array, axes_of(array, axis), keepdims, how, wrap)
        what = recipe("sum", part.plan, part.values.shape, mode=mode, wrap=wrap)
        if out is not None:
            check_out(out, what.shape, how.result)
    except Exception as error:
        refuse(channel, error, timeout)
    result = combine(channel, what, part.values, out=out, timeout=timeout, magnitude=part.magnitude)
    return result if out is not None else result[()]
