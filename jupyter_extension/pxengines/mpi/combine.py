"""From one part per rank to the result: the collective half of every reduction."""

from __future__ import annotations

from typing import Any

from .channel import Channel
from .lane import lane_of
from .moving import Move, finished
from .news import Reissue
from .partial import Array, has_nan, largest, one_zero
from .recipe import Recipe
from .slots import NO_FACTS, level_of, pack_facts
from .unusual import reduce_unusual
from .whole import facts_of


def combine(
    channel: Channel,
    how: Recipe,
    values: Array,
    *,
    out: Array | None = None,
    timeout: float | None = None,
    magnitude: int | None = None,
    empty: bool = False,
) -> Any:
    """Return the reduction of all ranks' `values`; collective.

    Parameters
    ----------
    values : this rank's part: of the recipe's shape, and of dtype `object` (integers) or one that casts to
        the recipe's wire.
    out : where to put the result, or None; may be `values`.
    magnitude : for sums and products of integers: no value exceeds it, in absolute value; None if not known.
    empty : for least and greatest values: whether `values` stand for none at all; any value wins over them.

    Returns
    -------
    Array of the recipe's shape and result dtype, or a scalar if that is ``()``; `out` if that was given.

    Raises
    ------
    ValueError
        On every rank, if all are empty.
    """
    objects = values.dtype == object
    if not objects and not empty:
        while True:
            lane = lane_of(channel, how, timeout)
            if lane is None:
                break
            try:
                return lane.run(values, out, timeout)
            except Reissue:
                pass
    facts = NO_FACTS
    if how.whole:
        facts = facts_of(how, largest(values) if magnitude is None else magnitude, channel.size, objects)
    elif how.op in ("min", "max"):
        facts = pack_facts(empty, has_nan(values, how.op))

    def work() -> Array:
        channel.moving = Move(how.op, values, how.plan.wire, out) if not objects else None
        greatest = channel.agree(how.digest, facts, how.describe)
        if greatest is None and channel.moving is not None:
            total = channel.moving.run(channel)
            if how.op in ("min", "max"):
                one_zero(total)
        else:
            channel.moving = None
            total = reduce_unusual(channel, how, values, greatest or [], empty)
        channel.needed(level_of(how.nbytes, channel.size))
        return total

    return finished(channel.run(work, timeout), how.plan.result, out)
