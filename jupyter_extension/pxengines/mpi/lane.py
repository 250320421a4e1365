"""The short way for small data: everything travels with the agreement, in one exchange.

What does not change from call to call (views of the exchange's memory, bound methods) is kept, because at
this size a reduction takes a few microseconds, and Python is most of it. For the same reason compiled code,
where there is some, does all that is usual in one step (`lane_kernel`); whatever it does not do is done here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from . import cells
from .dtypes import UFUNCS, quiet
from .lane_kernel import BEGUN, FAILED, NOT_BEGUN, REDUCED, USUAL, NativeLane, kernel
from .moving import finished
from .patience import ARRIVAL_SPIN_SECONDS, wait
from .slots import NO_FACTS, Slots, level_of
from .unusual import reduce_unusual
from .whole import check_range

if TYPE_CHECKING:
    from .channel import Channel
    from .partial import Array
    from .recipe import Recipe

_SPINS = 60
_FEW_RANKS = 4
"""Among so few ranks it is quicker to add row by row."""
_MOST_KEPT = 256
_FEW_VALUES = 64
"""So few integers are added quicker by Python, which cannot overflow."""


def lane_of(channel: Channel, how: Recipe, timeout: float | None) -> Lane | None:
    """Return the short way for `how`; None if its data do not fit into the slots that are in use."""
    if not channel.ready:
        channel.get_ready(timeout)
    exchange = channel.exchange
    if how.nbytes > exchange.room:
        return None
    lanes = cast(Slots, exchange).lanes
    lane = lanes.get(how)
    if lane is None:
        if len(lanes) >= _MOST_KEPT:
            lanes.clear()
        lane = lanes[how] = Lane(channel, how)
    return lane


def keep_quick(channel: Channel, key: Any, how: Recipe) -> None:
    """Let the next call that looks like `key` take the short way for `how` at once, if there is one."""
    exchange = channel.exchange
    if channel.ready and isinstance(exchange, Slots) and how in exchange.lanes:
        if len(exchange.quick) >= _MOST_KEPT:
            exchange.quick.clear()
        exchange.quick[key] = exchange.lanes[how]


class Lane:
    """The small reductions of one recipe, with one set of slots."""

    def __init__(self, channel: Channel, how: Recipe) -> None:
        exchange = cast(Slots, channel.exchange)
        self._channel, self._how, self._exchange = channel, how, exchange
        rows = exchange.values(how.plan.wire, how.count)
        self._rows = rows.reshape(channel.size, *how.shape)
        # 0-d views, where plain indexing would give copies.
        self._each = [self._rows[rank, ...] for rank in range(channel.size)]
        self._mine = self._each[channel.rank]
        self._head_memory = exchange.head
        # What the other ranks brought; between two ranks in one stretch of memory, which is quicker to read.
        self._other = 1 - channel.rank if channel.size == 2 else None
        heads = exchange.heads if self._other is None else memoryview(exchange.heads[self._other]).cast("B")
        self._brought = heads.tobytes
        self._start, self._test = exchange.request.Start, exchange.request.Test
        self._news, self._news_has_come = channel.news, channel.news.has_come
        self._level = level_of(how.nbytes, channel.size)
        self._ufunc, self._result = UFUNCS[how.op], how.plan.result
        self._make = how.plan.result.type
        self._overflows = how.plan.kind == "float" and how.op in ("sum", "prod")
        # By identity, which is quickest: numpy has one object for each native dtype.
        self._takes, self._gives = np.dtype(how.plan.wire.char), np.dtype(how.plan.result.char)
        self._converts = how.plan.wire != how.plan.result
        self._quietly = quiet()
        self._number = how.op == "sum" and how.count == 1 and (how.whole or how.plan.wire.char in "dD")
        if how.whole:
            limit = np.iinfo(how.plan.result)
            self._least, self._most = int(limit.min), int(limit.max)
        self._shape = how.shape
        self._native, self._reduces = self._compiled(), False
        if self._native is not None:
            self._call, self._reduces = self._native.call, self._native.reduces
        self._cell: bytes | None = None
        self._heard: list[bytes] = []
        self._head = self._filled = self._expected = b""

    def _compiled(self) -> NativeLane | None:
        code, post = kernel(), self._news.post
        if code is None or post is None:
            return None
        reduces = not self._how.whole and len(self._each) <= _FEW_RANKS
        return NativeLane(code, self._how, self._exchange, post.receive, reduces)

    def _expect(self, heard: list[bytes]) -> None:
        self._cell, self._heard = cells.current_bytes, heard
        self._head = self._how.digest + self._cell + self._channel.made_before + NO_FACTS
        self._filled = self._head + heard[self._channel.rank]
        # What the exchange looks like if nothing is out of the ordinary.
        expected = heard if self._other is None else [heard[self._other]]
        self._expected = b"".join(self._head + count for count in expected)
        if self._native is not None:
            self._native.expect(b"".join(self._head + count for count in heard))

    def takes(self, out: Array) -> bool:
        """Tell whether `out` is what it usually is; if not it has to be looked at more closely."""
        return (
            type(out) is np.ndarray
            and out.dtype == self._result
            and out.shape == self._how.shape
            and out.flags.writeable
        )

    def run(self, values: Any, out: Array | None, timeout: float | None) -> Any:
        """Return the reduction of all ranks' `values`, as `combine` does.

        Raises
        ------
        Reissue
            If it has to be made again, in the channel's new epoch.
        """
        channel = self._channel
        heard = self._news.heard_bytes
        if cells.current_bytes is not self._cell or heard is not self._heard:
            self._expect(heard)
        channel.begin(timeout)
        try:
            how_far, number = NOT_BEGUN, channel.begun + 1
            target: Any = out
            if self._native is not None and type(values) is np.ndarray and values.dtype is self._takes:
                if out is None:
                    target = np.empty(self._shape, self._gives) if self._reduces else None
                elif type(out) is not np.ndarray or out.dtype is not self._gives:
                    target = None
                channel.begun = number
                how_far = self._call(values, target)
            if how_far > USUAL:
                if how_far == NOT_BEGUN:
                    how_far = self._begin(values, number)
                if how_far == FAILED:
                    raise cast(NativeLane, self._native).error()
                if how_far == BEGUN:
                    self._wait()
                if self._news_has_come():
                    channel.heed()
                if self._brought() != self._expected:
                    channel.catch_up()
                    greatest = channel.judge(self._head, NO_FACTS, self._how.describe)
                    if greatest is not None:  # some rank's values do not fit into a slot
                        total = reduce_unusual(channel, self._how, values, greatest)
                        channel.needed(self._level)
                        channel.done()
                        return finished(total, self._result, out)
            exchange = self._exchange
            if self._level == exchange.level:
                exchange.idle = 0
            else:
                channel.needed(self._level)
        except BaseException as error:
            channel.fail(error)
            raise
        channel.done()
        if how_far != REDUCED:
            return self._total(out)
        return target if out is not None or self._shape else target[()]

    def _begin(self, values: Any, number: int) -> int:
        """Begin this epoch's exchange `number`, of `values`; return how far it has come: see `REDUCED`."""
        self._mine[...] = values
        if self._native is not None:
            self._channel.begun = number
            how_far: int = self._call(None, None)
            return how_far
        self._head_memory[:] = self._filled
        self._channel.begun = number
        self._start()
        return BEGUN

    def _wait(self) -> None:
        test = self._test
        for _ in range(_SPINS):
            if test():
                return
        wait(test, self._channel.look_around, ARRIVAL_SPIN_SECONDS)

    def _total(self, out: Array | None) -> Any:
        each = self._each
        if self._number and len(each) <= _FEW_RANKS:
            number = each[0].item()
            for other in each[1:]:
                number += other.item()
            if self._how.whole and not self._least <= number <= self._most:
                check_range(number, number, "sum", self._result)
            if out is not None:
                out.fill(number)
                return out
            return np.full(self._how.shape, number, self._result) if self._how.shape else self._make(number)
        if self._how.whole:
            total = self._exact()
        elif self._overflows:
            total = self._quietly(self._reduced, out)
        else:
            total = self._reduced(out)
        if total is not out:
            total = finished(total, self._result, out)
        return total if out is not None else total[()]

    def _reduced(self, out: Array | None) -> Any:
        each = self._each
        if len(each) == 1:
            return each[0].copy()
        if len(each) > _FEW_RANKS:
            return self._ufunc.reduce(self._rows, axis=0)
        direct = out is not None and not self._converts and out.dtype == self._result
        first = out if direct else None
        total = self._ufunc(each[0], each[1], first)
        for other in each[2:]:
            total = self._ufunc(total, other, first)
        return total

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
            total = np.asarray(self._ufunc.reduce(rows.astype(object), axis=0), dtype=object)
        if total.size:
            check_range(int(total.min()), int(total.max()), op, self._result)
        return total.astype(self._result)
