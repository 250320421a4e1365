"""Reductions of which some rank has told unusual facts with the agreement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .dtypes import TRUTH
from .moving import move
from .partial import Array, one_zero
from .whole import reduce_whole

if TYPE_CHECKING:
    from .channel import Channel
    from .recipe import Recipe


def reduce_unusual(
    channel: Channel,
    how: Recipe,
    values: Array,
    greatest: list[int],
    empty: bool = False,
) -> Array:
    """Return the reduction of all ranks' `values`; a step of a call that all have agreed on.

    Parameters
    ----------
    greatest : greatest facts of all ranks: of whole numbers see `reduce_whole`; of least and greatest values
        whether a rank is empty, and whether one has a not-a-number.
    empty : whether this rank has no values.

    Raises
    ------
    OverflowError, ValueError
        On every rank, if there is no result.
    """
    if how.whole:
        return reduce_whole(channel, how, values, greatest)
    if empty and channel.all_alike:
        channel.done()
        raise ValueError(f"cannot take the {how.op} of no values: the parts of all ranks are empty")
    total = one_zero(move(channel, how.op, values, how.plan.wire))
    if how.plan.kind == "float":  # MPI's comparisons do not care for not-a-number
        somewhere = move(channel, "max", np.isnan(values).view(TRUTH), TRUTH)
        total[somewhere.view(np.bool_)] = np.nan
    return total
