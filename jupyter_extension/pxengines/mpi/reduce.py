"""``allreduce``: element by element over all ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .channels import channel_of
from .combine import combine
from .dtypes import TRUTH, Op, Plan, check_op, plan
from .partial import Array, as_array, check_out, largest
from .recipe import Recipe, recipe, refuse

if TYPE_CHECKING:
    from mpi4py import MPI

_MODES = ("fast", "exact")
_known: dict[Any, tuple[Op, Recipe]] = {}
_MOST_KNOWN = 1024


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

    TODO docstring
    """
    channel = channel_of(comm)
    try:
        array = x if type(x) is np.ndarray else as_array(x)
        key = (op, array.dtype, array.shape, mode, wrap)
        found = _known.get(key)
        if found is None:
            known = check_op(op)
            if mode not in _MODES:
                raise ValueError(f"mode={mode!r} is not known; use one of {', '.join(_MODES)}")
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            made = recipe(known, plan(array.dtype, known), array.shape, mode=mode, wrap=wrap)
            found = _known[key] = known, made
        known, how = found
        if out is not None:
            check_out(out, how.shape, how.plan.result)
        magnitude, has_nan = 0, False
        if how.plan.kind == "integer":
            if known in ("sum", "prod"):
                magnitude = largest(array)
            elif how.plan.wire is TRUTH:
                array = as_truth(array, how.plan)
        elif known in ("min", "max") and not how.small:
            has_nan = array.size > 0 and bool(np.isnan(array.min() if known == "min" else array.max()))
    except Exception as error:
        refuse(channel, error, timeout)
    result = combine(
        channel, how, array, out=out, timeout=timeout, magnitude=magnitude, has_nan=has_nan, wrap=wrap
    )
    return result if out is not None else result[()]


def as_truth(array: Array, how: Plan) -> Array:
    """Return `array` as bytes of 0 and 1."""
    return array.view(TRUTH) if array.dtype == np.bool_ else (array != 0).view(TRUTH)
