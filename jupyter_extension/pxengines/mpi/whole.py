"""Sums and products of whole numbers over ranks: exact, or an error, never wrapped.

Where a wrap is impossible (seen from the greatest magnitude, which travels with the agreement) one
plain MPI reduction is enough; else numbers travel as two limbs of 32 bits, whose sums are exact; numbers
too large for that are gathered and added as Python integers.
"""

from __future__ import annotations

import functools
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from .dtypes import Op
from .gathering import gathered
from .moving import move
from .partial import LIMB_BITS, LIMB_MASK, Array, limbs
from .slots import NO_FACTS, pack_facts

if TYPE_CHECKING:
    from .channel import Channel
    from .recipe import Recipe

_WORD = (1 << 64) - 1
_LIMB_SUM_BITS = 62 + LIMB_BITS
"""Sums below two to this power can be added limb by limb in int64."""


def facts_of(how: Recipe, magnitude: int, ranks: int, objects: bool) -> bytes:
    """Return what the other ranks must know of a part of which no value exceeds `magnitude`."""
    if not objects and _bound(how.op, magnitude, ranks) <= np.iinfo(how.plan.result).max:
        return NO_FACTS
    # Word by word, the greatest of two-word numbers is at least the greatest number.
    low = _WORD if magnitude >> 128 else magnitude & _WORD
    return pack_facts(min(magnitude >> 64, _WORD), low, objects)


def reduce_whole(channel: Channel, how: Recipe, values: Array, greatest: list[int]) -> Array:
    """Return the exact sum or product; a step of a call that all ranks have agreed on.

    Parameters
    ----------
    greatest : greatest `facts_of` all ranks; of ranks that told none, no value needs more than 64 bits.

    Raises
    ------
    OverflowError
        If it does not fit into the result's dtype; on every rank, because all have the same numbers.
    """
    wire, op = how.plan.wire, how.op
    magnitude = greatest[0] << 64 | greatest[1]
    bound = _bound(op, max(magnitude, _WORD) if greatest[2] else magnitude, channel.size)
    if bound <= np.iinfo(wire).max:
        total = move(channel, op, values, wire)
    elif op == "sum" and bound.bit_length() <= _LIMB_SUM_BITS:
        both = np.stack(limbs(values))
        both = move(channel, op, both, both.dtype, both)
        total = _join(both[0] + (both[1] >> LIMB_BITS), both[1] & LIMB_MASK, wire)
    else:
        parts = [pickle.loads(data).astype(object) for data in gathered(channel, pickle.dumps(values))]  # noqa: S301
        total = np.asarray(functools.reduce(np.add if op == "sum" else np.multiply, parts), dtype=object)
    if total.size and bound > np.iinfo(how.plan.result).max:
        least, most = int(total.min()), int(total.max())
        limit = np.iinfo(how.plan.result)
        if least < limit.min or most > limit.max:
            channel.done()
        check_range(least, most, op, how.plan.result)
    return total


def check_range(least: int, greatest: int, op: Op, result: np.dtype[Any]) -> None:
    """Check that sums or products between `least` and `greatest` fit into dtype `result`.

    Raises
    ------
    OverflowError
        If they do not.
    """
    limit = np.iinfo(result)
    for value in (least, greatest):
        if not limit.min <= value <= limit.max:
            name = {"sum": "sum", "prod": "product"}[op]
            raise OverflowError(
                f"the {name} over all ranks is {value}, which does not fit into {result}; reduce it as "
                "float64 if rounding is acceptable, or with wrap=True if wrapping is"
            )


def _bound(op: Op, magnitude: int, ranks: int) -> int:
    return magnitude * ranks if op == "sum" else magnitude**ranks


def _join(high: Array, low: Array, wire: np.dtype[Any]) -> Array:
    """Return ``high * 2**32 + low``, of dtype `wire` if all of it fits, else Python integers."""
    limit = np.iinfo(wire)
    if high.size and (high.min() < limit.min >> LIMB_BITS or high.max() > limit.max >> LIMB_BITS):
        return np.asarray(high.astype(object) * (1 << LIMB_BITS) + low.astype(object), dtype=object)
    return np.asarray(high.astype(wire) << wire.type(LIMB_BITS) | low.astype(wire))
