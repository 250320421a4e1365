"""Calls every reduction as one MPI rank and compares it with numpy; see test_mpi.py, test_mpi_functions.py.

``mpi_functions_worker.py HOW``: rank 0 prints what it ``checked`` and what was ``wrong``. HOW is a limit to
lower: ``pieces`` (bytes that MPI gets at a time), ``slots`` (ranks that gather each other's small data); or
``communicators``, to check these only, many of them; ``memory``, that of large arrays; or ``huge``: more
values than 32 bits can count. test_mpi.py has all checked ``as it is``, too.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tracemalloc
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from mpi4py import MPI

from pxengines import mpi
from pxengines.mpi import channel, channels, combine, moving, slots

COMM = MPI.COMM_WORLD
RANK, RANKS = COMM.rank, COMM.size
WRONG: list[str] = []
CHECKED = 0
DTYPES = ["?", "i1", "i8", "u1", "f8", "u8", "f2", "f4", "c16", "g", "c8", "G", ">f8", ">i4"]
_MANY = 8
"""From so many ranks on only some dtypes are tried: each compares with all data, and they share the cores."""
Array = np.ndarray[Any, Any]


def same(got: Any, want: Any, what: Any) -> None:
    """Note if `got` is not `want`, to the bit, the dtype and the type of a scalar."""
    global CHECKED
    CHECKED += 1
    wanted = np.asarray(want)
    given = np.asarray(got)
    right = (
        isinstance(got, np.ndarray) == bool(wanted.ndim)
        and given.dtype == wanted.dtype
        and given.shape == wanted.shape
        and np.array_equal(given, wanted, equal_nan=wanted.dtype.kind in "fc")
    )
    if not right:
        WRONG.append(f"rank {RANK}, {what}: got {got!r}, want {want!r}")


def refuses(kind: type[Exception], words: str, call: Callable[[], Any]) -> None:
    """Note if `call` does not raise `kind` with `words` in its message."""
    global CHECKED
    CHECKED += 1
    try:
        got: Any = call()
    except kind as error:
        got = error
        if words in str(error):
            return
    WRONG.append(f"rank {RANK}: got {got!r}, want {kind.__name__} with {words!r}")


def parts(dtype: str, shape: tuple[int, ...]) -> list[Array]:
    """Return every rank's part: whole numbers so small that sums of them are exact in any float."""
    rng = np.random.default_rng(len(shape))
    return [rng.integers(0, 4, shape).astype(dtype) for _ in range(RANKS)]


def check_sums(dtype: str) -> None:
    every = parts(dtype, (3, 4))
    mine, joined, stacked = every[RANK], np.concatenate(every), np.stack(every)
    for mode in ("fast", "exact"):
        what = (dtype, mode)
        same(mpi.psum(mine, mode=mode), np.sum(joined), ("psum", what))
        same(mpi.psum(mine, 0, mode=mode), np.sum(joined, 0), ("psum axis 0", what))
        same(
            mpi.psum(mine, -1, keepdims=True, mode=mode),
            np.sum(stacked, (0, 2))[:, None],
            ("psum keepdims", what),
        )
        same(mpi.psum(mine, (), mode=mode), np.sum(stacked, 0), ("psum no axes", what))
        same(mpi.allreduce(mine, mode=mode), np.sum(stacked, 0), ("allreduce", what))
        mean = np.mean(joined, 0, dtype=np.float64 if dtype in ("f2", "f4") else None)
        if mode == "exact" and mine.dtype.kind == "c":  # numpy divides complex numbers less well
            mean = np.mean(joined.real, 0) + 1j * np.mean(joined.imag, 0)
        same(mpi.pmean(mine, 0, mode=mode), mean.astype(np.mean(mine).dtype), ("pmean", what))
        flat = mine.reshape(-1)
        if dtype not in ("g", "G") or mode == "fast":
            dot = mpi.pdot(flat, flat, mode=mode)
            want = np.sum(joined.astype(dot.dtype) * joined.astype(dot.dtype), dtype=dot.dtype)
            same(dot, want.astype(np.sum(joined).dtype), ("pdot", what))
    out = np.zeros((3, 4, 2), np.sum(joined).dtype)[..., 1]
    if mpi.allreduce(mine, out=out) is not out:
        WRONG.append("out is not returned")
    same(out.copy(), np.sum(stacked, 0), ("strided out", dtype))
    if mine.dtype == out.dtype:
        there = mine.copy()
        mpi.allreduce(there, out=there)
        same(there, np.sum(stacked, 0), ("in place", dtype))


def check_order(dtype: str) -> None:
    every = parts(dtype, (3, 4))
    mine, joined, stacked = every[RANK], np.concatenate(every), np.stack(every)
    for function, numpys in ((mpi.pmin, np.min), (mpi.pmax, np.max)):
        same(function(mine), numpys(joined), (function.__name__, dtype))
        same(function(mine, 0, keepdims=True), numpys(joined, 0, keepdims=True), (function.__name__, dtype))
    for find, arg, value in ((mpi.pargmin, np.argmin, np.min), (mpi.pargmax, np.argmax, np.max)):
        place = arg(joined)
        found = find(mine)
        same(found.rank, np.intp(place // 12), (find.__name__, "rank", dtype))
        same(found.index, np.intp(place % 12), (find.__name__, "index", dtype))
        same(found.value, value(joined), (find.__name__, "value", dtype))
        found = find(mine, 0)
        same(found.rank, arg(joined, 0) // 3, (find.__name__, "ranks", dtype))
        same(found.index, arg(joined, 0) % 3, (find.__name__, "indices", dtype))
    same(mpi.allreduce(mine, "argmin"), np.argmin(stacked, 0), ("argmin", dtype))
    same(mpi.allreduce(mine, "argmax"), np.argmax(stacked, 0), ("argmax", dtype))
    for op in ("logical_and", "logical_or", "logical_xor"):
        same(mpi.allreduce(mine, op), getattr(np, op).reduce(stacked), (op, dtype))
    if mine.dtype.kind in "biu":
        for op in ("bitwise_and", "bitwise_or", "bitwise_xor"):
            same(mpi.allreduce(mine, op), getattr(np, op).reduce(stacked), (op, dtype))


def check_sizes() -> None:
    """Reduce data of all sizes, one after the other: from what fits into a slot to many pieces."""
    rng = np.random.default_rng(1)
    for size in [1, 500, 0, 20, 30_000, 30, 1000, 1000, 7000, 7000, *[1] * 12, 20, 300_000, 2, 2]:
        every = [rng.integers(-9, 9, size).astype(float) for _ in range(RANKS)]
        # MPI's "in place" must not be meant by some ranks only.
        mine = every[RANK][::-1].copy()[::-1] if RANK % 2 else every[RANK]
        same(mpi.allreduce(mine), np.sum(every, 0), ("size", size))
        same(mpi.allreduce(every[RANK].astype(int)), np.sum(every, 0).astype(int), ("ints", size))
        same(mpi.allreduce(every[RANK], "max"), np.max(every, 0), ("max", size))


def check_specials() -> None:
    """Reduce what is unusual on one rank only."""
    nan, odd = np.nan, RANKS - 1
    for size in (3, 30_000):
        mine = np.resize([1.0, nan, 3.0] if RANK == odd else [0.0, 2.0, -3.0], size)
        least = np.resize([1.0 if RANKS == 1 else 0.0, nan, 3.0 if RANKS == 1 else -3.0], size)
        same(mpi.allreduce(mine, "min"), least, ("nan", size))
        same(mpi.allreduce(mine, "argmin"), np.resize([0, odd, 0], size), ("argmin nan", size))
        same(mpi.pmin(mine), np.float64(nan), ("pmin nan", size))
        same(mpi.pargmax(mine).rank, np.intp(odd), ("pargmax nan", size))
    empty = np.zeros((0, 2)) if RANK == odd else np.full((1, 2), float(RANK))
    if RANKS > 1:
        same(mpi.pmin(empty, 0), np.zeros(2), "empty")
        same(mpi.pmax(empty), np.float64(RANKS - 2), "empty")
        same(mpi.pargmin(empty, 0).rank, np.zeros(2, np.intp), "empty")
        same(mpi.psum(empty, 0), np.full(2, sum(range(RANKS - 1)), float), "empty")
        same(mpi.pmean(empty), np.float64((RANKS - 2) / 2), "empty")
    most = (1 << 63) - 1
    big = [[most, most, 0], [-most, 1 - most, 0], [5, 0, 0], [-1, 0, 0]]
    values = np.array(big[RANK] if RANK < 4 else [0, 0, 0])
    total = sum(sum(each) for each in big[:RANKS])
    if abs(total) <= most:
        same(mpi.psum(values), np.int64(total), "sums that do not fit on a rank")
    else:
        refuses(OverflowError, str(total), lambda: mpi.psum(values))
    same(mpi.psum(np.full(4, 1 << 62), wrap=True), np.int64(0), "wrapped")
    same(mpi.allreduce(np.full(9, 100, np.int8), wrap=True), np.full(9, 100 * RANKS), "small integers widen")
    refuses(OverflowError, "does not fit into int8", lambda: mpi.psum(np.full(9, 100), dtype=np.int8))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        same(mpi.pmean(np.zeros(0)), np.float64(nan), "mean of nothing")
    if [str(warning.message) for warning in told] != ["mean of no values"]:
        WRONG.append(f"warned of {told}")


def check_exact() -> None:
    """Add up what cancels: only the exact sum is right, and it is so however the data are split."""
    rng = np.random.default_rng(5)
    usual = rng.normal(size=500) * 10.0 ** rng.integers(-30, 30, 500)
    data = np.concatenate([usual, [1e300, -1e300]])
    want = np.float64(float(sum(map(Fraction, data))))
    mean = np.float64(float(sum(map(Fraction, data)) / len(data)))
    for _ in range(3):
        data = rng.permutation(data)
        cuts = np.sort(rng.integers(0, len(data), RANKS - 1))
        mine = np.split(data, cuts)[RANK]
        same(mpi.psum(mine, mode="exact"), want, "exact sum")
        same(mpi.pmean(mine, mode="exact"), mean, "exact mean")
    squares = np.float64(float(sum(Fraction(value) * Fraction(value) for value in usual)))
    mine = np.array_split(usual, RANKS)[RANK]
    same(mpi.pdot(mine, mine, mode="exact"), squares, "exact dot")


def check_refusals() -> None:
    refuses(ValueError, "of no values", lambda: mpi.pmin(np.zeros((0, 3)), 0))
    refuses(ValueError, "of no values", lambda: mpi.pargmin(np.zeros(0)))
    refuses(ValueError, "product is rounded", lambda: mpi.allreduce(1.0, "prod", mode="exact"))
    refuses(ValueError, "mode='x' is not known", lambda: mpi.psum([1.0], mode="x"))
    refuses(ValueError, "op='median' is not known", lambda: mpi.allreduce(1.0, "median"))
    refuses(ValueError, "vectors of one length", lambda: mpi.pdot([1, 2], [1]))
    refuses(ValueError, "out has shape (2,)", lambda: mpi.allreduce(np.ones(3), out=np.ones(2)))
    refuses(TypeError, "out has dtype int64", lambda: mpi.allreduce(np.ones(3), out=np.ones(3, int)))
    refuses(TypeError, "complex numbers have no order", lambda: mpi.pmax(1j))
    refuses(TypeError, "only integers and bools have bits", lambda: mpi.allreduce(1.0, "bitwise_or"))
    refuses(TypeError, "a mean is no whole number", lambda: mpi.pmean(1, dtype=int))
    refuses(TypeError, "intracommunicator", lambda: mpi.psum(1, comm=3))  # type: ignore[arg-type]
    if RANKS > 1:
        odd = RANK == RANKS - 1
        refuses(mpi.AgreementError, "mode exact", lambda: mpi.psum(1.0, mode="exact" if odd else "fast"))
        refuses(mpi.AgreementError, "wrap", lambda: mpi.psum(1, wrap=odd))
        refuses(mpi.AgreementError, "mean", lambda: mpi.pmean(1.0) if odd else mpi.psum(1.0))


def check_communicators(times: int = 3) -> None:
    """Reduce on communicators of the user's, made and freed."""
    for _ in range(times):
        halves = COMM.Split(RANK % 2, -RANK)
        members = [rank for rank in range(RANKS) if rank % 2 == RANK % 2]
        same(mpi.psum(RANK, comm=halves), np.int64(sum(members)), "half of the ranks")
        same(mpi.psum(RANK), np.int64(sum(range(RANKS))), "all ranks")
        halves.Free()


def check_narrow_outs(size: int) -> None:
    """Give an ``out=`` that cannot hold every result: its dtype is then the result's, as of numpy."""
    mine = np.full(size, RANK, np.int32)
    mpi.allreduce(mine, out=mine)
    same(mine, np.full(size, sum(range(RANKS)), np.int32), ("in place, int32", size))
    small = np.zeros(size, np.int8)
    mpi.psum(np.full((2, size), 1 - RANK % 3), 0, out=small)
    same(small, np.full(size, 2 * sum(1 - rank % 3 for rank in range(RANKS)), np.int8), ("int8 out", size))
    much = np.full(size, 200)
    before = small.copy()
    refuses(OverflowError, "does not fit into int8", lambda: mpi.allreduce(much, out=small))
    refuses(OverflowError, "does not fit into int8", lambda: mpi.psum(much[None], 0, out=small))
    refuses(OverflowError, "product", lambda: mpi.allreduce(much, "prod", out=small))
    same(small, before, "untouched")
    mpi.allreduce(much, out=small, wrap=True)
    same(small, np.full(size, 200 * RANKS).astype(np.int8), ("wrapped out", size))
    signed = np.zeros(size, np.int64)
    mpi.allreduce(np.full(size, 7, np.uint8), out=signed)
    same(signed, np.full(size, 7 * RANKS), ("unsigned into signed", size))
    most = np.full(size, (1 << 63) // RANKS + 1, np.uint64)
    refuses(OverflowError, "does not fit into int64", lambda: mpi.allreduce(most, out=signed))
    for op in ("max", "argmin", "bitwise_or"):
        words = f"out has dtype int8, which cannot hold every {op}"
        refuses(TypeError, words, lambda op=op: mpi.allreduce(much, op, out=small))
    refuses(TypeError, "out has dtype int16", lambda: mpi.pmin(much, out=np.zeros((), np.int16)))
    if RANKS > 1:
        here = small if RANK == 0 else None
        refuses(mpi.AgreementError, "as int8", lambda: mpi.allreduce(much, out=here))
    wide = np.zeros(size)
    mpi.allreduce(np.full(size, RANK), out=wide)
    same(wide, np.full(size, float(sum(range(RANKS)))), ("integers as floats", size))
    # Rounded to float64 first, this would be a tie, and come out even.
    close = [1.0, 2.0**-24, 2.0**-60][RANK] if RANK < 3 else 0.0
    once = np.zeros(size, np.float32)
    mpi.allreduce(np.full(size, close), mode="exact", out=once)
    above = np.nextafter(1, 2, dtype="f4")
    total = np.full(size, above if RANKS > 2 else 1, "f4")
    same(once, total, ("rounded once", size))
    mpi.psum(np.full((1, size), close), 0, mode="exact", out=once)
    same(once, total, ("rounded once", size))
    mpi.pmean(np.full((1, size), close * RANKS), 0, mode="exact", out=once)
    if RANKS in (4, 8, 16):
        same(once, np.full(size, above), ("mean rounded once", size))


def check_exchanges() -> None:
    """Count what goes over MPI: one exchange, with which small data travel; large ones are moved once."""
    own = channels.channel_of(None)
    moved: list[moving.Move] = []
    run = moving.Move.run

    def counted(move: moving.Move, channel: Any) -> Array:
        moved.append(move)
        return run(move, channel)

    moving.Move.run = counted  # type: ignore[method-assign]
    try:
        for what, call, moves in (
            ("one float", lambda: mpi.psum(1.5), 0),
            ("few integers", lambda: mpi.allreduce(np.arange(10)), 0),
            ("least value", lambda: mpi.pmin(np.arange(5.0)), 0),
            ("many floats", lambda: mpi.allreduce(np.ones(30_000)), 1),
            ("many integers", lambda: mpi.allreduce(np.ones(30_000, int)), 1),
            ("exact", lambda: mpi.psum(np.arange(100.0) / 3, mode="exact"), 1),
            ("exact mean", lambda: mpi.pmean(np.arange(100.0) / 3, mode="exact"), 1),
            ("exact dot", lambda: mpi.pdot([0.1] * 3, [0.2] * 3, mode="exact"), 1),
        ):
            moved.clear()
            before = own.begun
            call()
            same(np.array([own.begun - before, len(moved)]), np.array([1, moves]), ("exchanges", what))
    finally:
        moving.Move.run = run  # type: ignore[method-assign]


def check_memory() -> None:
    """Reduce large arrays: what numpy allocates beside input and output is bounded."""
    count = 4 << 20
    whole, out = np.ones(count), np.empty(count)
    little = 4 * moving.PIECE_BYTES
    once = whole.nbytes + little
    inputs: dict[str, tuple[Array, Array | None, float]] = {
        "contiguous": (whole, out, little),
        "fortran": (np.asfortranarray(np.ones((1024, count // 1024))), out.reshape(-1, count // 1024), once),
        "in place": (whole.copy(), None, little),
        "integers": (np.ones(count, np.int64), np.empty(count, np.int64), little),
        "widened": (np.ones(count, np.int32), np.empty(count, np.int64), little),
        "strided": (np.ones(2 * count)[::2], out, once),
        "swapped": (np.ones(count, ">f8"), out, once),
        "new result": (np.ones(count), None, once),
    }
    mpi.allreduce(whole[:100_000])  # what is allocated once and for all
    for name, (mine, there, most) in inputs.items():
        if name == "in place":
            there = mine
        tracemalloc.start()
        got = mpi.allreduce(mine, out=there)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        same(np.array([got.min(), got.max()]), np.full(2, RANKS, got.dtype), ("memory", name))
        if peak > most:
            WRONG.append(f"rank {RANK}, {name}: {peak / 1e6:.1f} MB for {mine.nbytes / 1e6:.1f} MB")
    tracemalloc.start()
    mpi.psum(whole)
    mpi.psum(whole, mode="exact")
    mpi.pmax(whole)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if peak > little:
        WRONG.append(f"rank {RANK}, psum: {peak / 1e6:.1f} MB")


def check_huge() -> None:
    """Reduce more than 2**31 - 1 values: nothing on the way may count them in 32 bits."""
    count = (1 << 31) + 9
    places = [0, 1 << 30, (1 << 31) - 1, 1 << 31, count - 1]
    mine = np.zeros(count, np.int8)
    mine[places] = [RANK + 1, -RANK - 1, 100 - RANK, RANK, 1 if RANK else -1]
    want = {0: RANKS, 1 << 30: -1, (1 << 31) - 1: 100, 1 << 31: RANKS - 1, count - 1: 1}
    out = np.zeros(count, np.int8)
    mpi.allreduce(mine, "max", out=out)
    # Nothing but zeros elsewhere; without an array of that size to compare with.
    same(np.array([out[place] for place in want]), np.array(list(want.values()), np.int8), "huge max")
    found = np.array([mpi.psum(out), np.count_nonzero(out)])
    same(found, np.array([RANKS * sum(want.values()), np.count_nonzero(list(want.values()))]), "huge sum")
    out[:] = 1
    same(mpi.psum(out), np.int64(RANKS * count), "huge sum")
    same(mpi.pmean(out), np.float64(1), "huge mean")
    same(mpi.pargmax(mine).index, np.intp((1 << 31) - 1), "huge argmax")
    mpi.allreduce(out, "bitwise_xor", out=out)
    same(np.array([out.min(), out.max()]), np.full(2, RANKS % 2, np.int8), "huge, in place")
    if RANK:
        refuses(mpi.AgreementError, f"shape ({count},)", lambda: mpi.allreduce(mine[1:], "max", out=out[1:]))
    else:
        refuses(mpi.AgreementError, f"shape ({count},)", lambda: mpi.allreduce(mine, "max", out=out))


def check_all(how: str) -> tuple[int, list[str]]:
    """Check everything; return how much that was, and what was wrong."""
    if how == "pieces":
        moving.PIECE_BYTES = 1 << 12
    elif how == "slots":
        slots._RANKS_OF_LEVEL = (0,) * len(slots._RANKS_OF_LEVEL)
        channel.MOST_SLOTS = 0
    assert combine.level_of is slots.level_of
    if how == "communicators":
        check_communicators(500)
        return CHECKED, WRONG
    if how in ("huge", "memory"):
        {"huge": check_huge, "memory": check_memory}[how]()
        return CHECKED, WRONG
    for dtype in DTYPES if RANKS < _MANY else DTYPES[::4]:
        check_sums(dtype)
        if dtype not in ("c8", "c16", "G"):
            check_order(dtype)
    for check in (
        check_sizes, check_specials, check_exact, check_refusals, check_communicators
    ):  # fmt: skip
        check()
    for size in (3, 30_000):
        check_narrow_outs(size)
    if how == "as it is":
        check_exchanges()
    return CHECKED, WRONG


def main() -> None:
    """Check and report."""
    check_all(sys.argv[1])
    world = dataclasses.asdict(mpi.check())
    wrong = [words for told in COMM.allgather(WRONG) for words in told]
    if RANK == 0:
        print(json.dumps({"checked": CHECKED, "wrong": wrong, "world": world}))


if __name__ == "__main__":
    main()
