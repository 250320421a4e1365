"""The short way for small data: everything travels with the agreement, in one exchange.

What does not change from call to call (views of the exchange's memory, bound methods) is kept, because at
this size a reduction takes a few microseconds, and Python is most of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from . import cells
from .dtypes import UFUNCS
from .moving import finished
from .patience import ARRIVAL_SPIN_SECONDS, wait
from .slots import NO_FACTS, Slots
from .unusual import reduce_unusual
from .whole import check_range

if TYPE_CHECKING:
    from .channel import Channel
    from .partial import Array
    from .recipe import Recipe

_SPINS = 60
_FEW_RANKS = 4
"""Among so few ranks it is quicker to add row by row."""
_FEW_VALUES = 64
"""So few integers are added quicker by Python, which cannot overflow."""


class Lane:
    """The small reductions of one recipe, in one epoch of a channel."""

    def __init__(self, channel: Channel, how: Recipe) -> None:
        exchange = cast(Slots, channel.exchange)
        self._channel, self._how = channel, how
        rows = exchange.values(how.plan.wire, how.count)
        self._rows = rows.reshape(channel.size, *how.shape)
        # 0-d views, where plain indexing would give copies.
        self._each = [self._rows[rank, ...] for rank in range(channel.size)]
        self._mine = self._each[channel.rank]
        self._head_memory, self._heads = exchange.head, exchange.heads
        self._start, self._test = exchange.request.Start, exchange.request.Test
        self._ufunc, self._result = UFUNCS[how.op], how.plan.result
        self._converts = how.plan.wire != how.plan.result
        self._cell: bytes | None = None
        self._head = self._expected = b""

    def run(self, values: Array, out: Array | None, timeout: float | None) -> Any:
        """Return the reduction of all ranks' `values`, as `combine` does.

        Raises
        ------
        Reissue
            If it has to be made again, in the channel's new epoch.
        """
        channel = self._channel
        if cells.current_bytes is not self._cell:
            self._cell = cells.current_bytes
            self._head = self._how.digest + self._cell + NO_FACTS
            self._expected = self._head * channel.size
        channel.begin(timeout)
        try:
            self._mine[...] = values
            self._head_memory[:] = self._head
            self._start()
            test = self._test
            for _ in range(_SPINS):
                if test():
                    break
            else:
                wait(test, channel.look_around, ARRIVAL_SPIN_SECONDS)
            if channel.take_notices():
                channel.heed()
            if self._heads.tobytes() != self._expected:
                greatest = channel.judge(self._head, NO_FACTS, self._how.describe)
                if greatest is not None:  # some rank's values do not fit into a slot
                    total = reduce_unusual(channel, self._how, values, greatest)
                    channel.done()
                    return finished(total, self._result, out)
        except BaseException as error:
            channel.fail(error)
            raise
        channel.done()
        with np.errstate(all="ignore"):  # as in MPI: what overflows is infinite
            return self._total(out)

    def _total(self, out: Array | None) -> Any:
        each = self._each
        if self._how.whole:
            total = self._exact()
        elif len(each) == 1:
            total = each[0].copy()
        elif len(each) > _FEW_RANKS:
            total = self._ufunc.reduce(self._rows, axis=0)
        else:
            if out is not None and not self._converts:
                total = self._ufunc(each[0], each[1], out)
            else:
                total = self._ufunc(each[0], each[1])
            for other in each[2:]:
                total = self._ufunc(total, other, out if total is out else None)
        if total is out:
            return out
        if self._converts:
            total = total.astype(self._result)
        if out is None:
            return total
        np.copyto(out, total, casting="same_kind")
        return out

    def _exact(self) -> Any:
        op, shape, rows = self._how.op, self._how.shape, self._rows
        if rows.size <= _FEW_VALUES:
            add = sum if op == "sum" else math.prod
            values, count = rows.reshape(-1).tolist(), self._how.count
            totals = [add(values[place::count]) for place in range(count)]
            if totals:
                check_range(min(totals), max(totals), op, self._result)
            return np.array(totals, self._result).reshape(shape) if shape else self._result.type(totals[0])
        magnitude, ranks = max(abs(int(rows.min())), abs(int(rows.max()))), len(rows)
        if (magnitude * ranks if op == "sum" else magnitude**ranks) <= np.iinfo(rows.dtype).max:
            total = self._ufunc.reduce(rows, axis=0)
        else:
            total = self._ufunc.reduce(rows.astype(object), axis=0)
        if total.size:
            check_range(int(total.min()), int(total.max()), op, self._result)
        return total.astype(self._result)
