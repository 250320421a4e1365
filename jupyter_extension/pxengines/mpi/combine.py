"""From one part per rank to the result: the collective half of every reduction."""

from __future__ import annotations

from typing import Any

import numpy as np

from .channel import Channel
from .dtypes import TRUTH
from .lane import Lane
from .moving import finished, move
from .news import Reissue
from .partial import Array, largest
from .recipe import Recipe
from .slots import MOST_SLOTS, NO_FACTS, pack_facts
from .whole import facts_of, reduce_whole


def combine(
    channel: Channel,
    how: Recipe,
    values: Array,
    *,
    out: Array | None = None,
    timeout: float | None = None,
    magnitude: int | None = None,
) -> Any:
    """Return the reduction of all ranks' `values`; collective.

    Parameters
    ----------
    values : this rank's part: of the recipe's shape; of dtype `object` (integers) or one that casts to its wire.
    out : where to put the result, or None; may be `values`.
    magnitude : for sums and products of integers: no value exceeds it, in absolute value; None if not known.

    Returns
    -------
    Array of the recipe's shape and result dtype, or a scalar if that is ``()``; `out` if that was given.
    """
    objects = values.dtype == object
    if how.small and not objects:
        while channel.size <= MOST_SLOTS:
            lane = channel.lanes.get(how)
            if lane is None:
                channel.get_ready(timeout)
                lane = channel.lanes[how] = Lane(channel, how)
            try:
                return lane.run(values, out, timeout)
            except Reissue:
                pass
    facts = NO_FACTS
    if how.whole:
        facts = facts_of(how, largest(values) if magnitude is None else magnitude, channel.size, objects)
    elif how.op in ("min", "max") and how.plan.kind == "float" and values.size:
        facts = pack_facts(bool(np.isnan(values.min() if how.op == "min" else values.max())))

    def work() -> Array:
        greatest = channel.agree(how.digest, facts, how.describe)
        if greatest is None:
            return move(channel, how.op, values, how.plan.wire, out)
        if how.whole:
            return reduce_whole(channel, how, values, greatest, out)
        total = move(channel, how.op, values, how.plan.wire, out)
        # Some value is not a number, which MPI's comparisons do not care for.
        somewhere = move(channel, "max", np.isnan(values).view(TRUTH), TRUTH)
        total[somewhere.view(np.bool_)] = np.nan
        return total

    return finished(channel.run(work, timeout), how.plan.result, out)
