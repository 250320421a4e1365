"""``allreduce``: element by element over all ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .channels import channel_of
from .combine import combine
from .dtypes import TRUTH, Op, check_op, plan
from .partial import Array, as_array, check_out
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
        if how.plan.wire == TRUTH:
            array = as_truth(array, known)
    except Exception as error:
        refuse(channel, error, timeout)
    result = combine(channel, how, array, out=out, timeout=timeout)
    return result if out is not None else result[()]


def as_truth(array: Array, op: Op) -> Array:
    """Return truth values as bytes of 0 and 1; bytes that are numbers to `op` as they are."""
    if array.dtype == np.bool_:
        return array.view(TRUTH)
    return (array != 0).view(TRUTH) if op.startswith("logical") else array
