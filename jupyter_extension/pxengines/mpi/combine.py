"""From one part per rank to the result: the collective half of every reduction.

Whole numbers never wrap unless asked to. Where a wrap is impossible (seen from the greatest magnitude, which
travels with the agreement) one plain MPI reduction is enough; else numbers travel as two limbs of
32 bits, whose sums are exact; numbers too large for that are gathered and added as Python integers.
"""

from __future__ import annotations

import functools
import pickle
from typing import Any

import numpy as np

from .channel import Channel
from .dtypes import TRUTH, UFUNCS, Op, datatype, operation
from .moving import contiguous, reduce_into
from .partial import LIMB_BITS, LIMB_MASK, Array, limbs
from .recipe import Recipe
from .slots import NO_FACTS, Slots, pack_facts

_WORD = (1 << 64) - 1
_LIMB_SUM_BITS = 62 + LIMB_BITS
"""Sums below two to this power can be added limb by limb in int64."""


def combine(
    channel: Channel,
    how: Recipe,
    values: Array,
    *,
    out: Array | None = None,
    timeout: float | None = None,
    magnitude: int = 0,
    has_nan: bool = False,
    wrap: bool = False,
) -> Array:
    """Return the reduction of all ranks' `values`; collective.

    Parameters
    ----------
    values : this rank's part: of the recipe's shape; dtype `object` (integers) or one that casts to its wire.
    out : where to put the result, or None; may be `values`.
    magnitude : for sums and products of integers: no value exceeds it in absolute value.
    has_nan : for least and greatest values: whether there is a not-a-number among `values`.
    wrap : integers may wrap.

    Returns
    -------
    Array of the recipe's shape and result dtype; `out` if that was given.
    """
    facts = NO_FACTS
    if magnitude and not wrap and _bound(how.op, magnitude, channel.size) > np.iinfo(how.plan.result).max:
        # Word by word, the greatest of two-word numbers is at least the greatest number.
        low = _WORD if magnitude >> 128 else magnitude & _WORD
        facts = pack_facts(min(magnitude >> 64, _WORD), low, values.dtype == object)
    elif has_nan:
        facts = pack_facts(1)
    return channel.run(functools.partial(_work, channel, how, values, facts, out), timeout)


def _work(channel: Channel, how: Recipe, values: Array, facts: bytes, out: Array | None) -> Array:
    exchange = channel.exchange
    merged = how.small and type(exchange) is Slots and values.dtype != object
    if merged:
        exchange.put(values, how.plan.wire)
    greatest = channel.agree(how.digest, facts, how.describe)
    integers = how.plan.kind == "integer" and how.op in ("sum", "prod")
    if merged and not (integers and greatest is not None):
        rows = exchange.values(how.plan.wire, how.count)
        total = UFUNCS[how.op].reduce(rows, axis=0).reshape(how.shape)
    elif integers and greatest is not None:
        total = _whole_numbers(channel, how, values, greatest)
    else:
        total = move(channel, how.op, values, how.plan.wire, out)
        if greatest is not None:  # some value is not a number, which MPI's comparisons do not care for
            somewhere = move(channel, "max", np.isnan(values).view(TRUTH), TRUTH)
            total[somewhere.view(np.bool_)] = np.nan
    channel.done()
    return _finished(total, how.plan.result, out)


def move(channel: Channel, op: Op, values: Array, wire: np.dtype[Any], out: Array | None = None) -> Array:
    """Return the reduction of `values` on the wire: in `out` if it is as the wire wants it, else in a new array.

    A step of a call that all ranks have agreed on.
    """
    target = out if out is not None and contiguous(out, wire) else np.empty(values.shape, wire)
    sent: Array | None = None
    if contiguous(values, wire) and not np.may_share_memory(values, target):
        sent = values.reshape(-1)
    elif values is not target:
        np.copyto(target, values, casting="unsafe")
    reduce_into(channel, sent, target.reshape(-1), datatype(wire), operation(op))
    return target


def _finished(total: Array, result: np.dtype[Any], out: Array | None) -> Array:
    if total is out:
        return total
    with np.errstate(over="ignore"):  # float16: infinity is the right answer
        if out is None:
            return total.astype(result, copy=False)
        np.copyto(out, total.astype(result, copy=False), casting="same_kind")
        return out


def _bound(op: Op, magnitude: int, ranks: int) -> int:
    return magnitude * ranks if op == "sum" else magnitude**ranks


def _whole_numbers(channel: Channel, how: Recipe, values: Array, greatest: list[int]) -> Array:
    """Return the exact sum or product, in range of the result's dtype.

    Raises
    ------
    OverflowError
        If it is not; on every rank, because all have the same numbers.
    """
    wire, op = how.plan.wire, how.op
    bound = _bound(op, greatest[0] << 64 | greatest[1], channel.size)
    if bound <= np.iinfo(wire).max:
        total = move(channel, op, values, wire)
    elif op == "sum" and bound.bit_length() <= _LIMB_SUM_BITS:
        both = np.stack(limbs(values))
        both = move(channel, "sum", both, both.dtype, both)
        total = _join(both[0] + (both[1] >> LIMB_BITS), both[1] & LIMB_MASK, wire)
    else:
        parts = [pickle.loads(data).astype(object) for data in channel.gather(pickle.dumps(values))]  # noqa: S301
        total = np.asarray(functools.reduce(np.add if op == "sum" else np.multiply, parts), dtype=object)
    if bound > np.iinfo(how.plan.result).max:
        _check_range(channel, total, op, how.plan.result)
    return total


def _join(high: Array, low: Array, wire: np.dtype[Any]) -> Array:
    """Return ``high * 2**32 + low``, of dtype `wire` if all of it fits, else Python integers."""
    limit = np.iinfo(wire)
    if high.size and (high.min() < limit.min >> LIMB_BITS or high.max() > limit.max >> LIMB_BITS):
        return np.asarray(high.astype(object) * (1 << LIMB_BITS) + low.astype(object), dtype=object)
    return np.asarray(high.astype(wire) << wire.type(LIMB_BITS) | low.astype(wire))


def _check_range(channel: Channel, total: Array, op: Op, result: np.dtype[Any]) -> None:
    limit = np.iinfo(result)
    for value in (total.min(), total.max()) if total.size else ():
        if not limit.min <= int(value) <= limit.max:
            name = {"sum": "sum", "prod": "product"}[op]
            channel.done()
            raise OverflowError(
                f"the {name} over all ranks is {int(value)}, which does not fit into {result}; reduce it as "
                "float64 if rounding is acceptable, or with wrap=True if wrapping is"
            )
