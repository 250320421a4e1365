"""Makes small reductions as one MPI rank, in compiled code and in Python; see test_lane_kernel.py.

Prints ``right`` if both give the same, to the bit, and compiled code has done what it should.
"""

from __future__ import annotations

import collections
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from mpi4py import MPI

from pxengines.mpi import AgreementError, PeerError, allreduce, guard, lane_kernel
from pxengines.mpi.channels import channel_of
from pxengines.mpi.lane import Lane
from pxengines.mpi.lane_kernel import BEGUN, COMPLETE, NOT_BEGUN, REDUCED, USUAL

COMM = MPI.COMM_WORLD
RANK, RANKS = COMM.rank, COMM.size
Array = np.ndarray[Any, Any]
OPS = ("sum", "prod", "min", "max", "logical_and", "bitwise_or")
SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (7,), (0,), (3, 5), (1000,))


class Special(np.ndarray[Any, Any]):
    """An array of another class."""


@contextmanager
def only_python() -> Iterator[None]:
    """Let all lanes do without compiled code."""
    make = Lane._compiled
    lanes = [lane for slots in channel_of(None)._exchanges.values() for lane in slots.lanes.values()]
    natives = [lane._native for lane in lanes]
    try:
        Lane._compiled = lambda self: None  # type: ignore[method-assign]
        for lane in lanes:
            lane._native = None
        yield
    finally:
        Lane._compiled = make  # type: ignore[method-assign]
        for lane, native in zip(lanes, natives, strict=True):
            lane._native = native
        for slots in channel_of(None)._exchanges.values():
            for recipe, lane in [*slots.lanes.items()]:
                if lane not in lanes:
                    del slots.lanes[recipe]
            slots.quick.clear()


@contextmanager
def counted(tests: int = 200) -> Iterator[collections.Counter[int]]:
    """Count how far compiled code, in so many `tests`, brings the reductions of the lanes that are there."""
    counts: collections.Counter[int] = collections.Counter()
    lanes = [lane for slots in channel_of(None)._exchanges.values() for lane in slots.lanes.values()]
    calls = [lane._call for lane in lanes]

    def counting(call: Callable[..., int]) -> Callable[..., int]:
        def count(values: Any, out: Any) -> int:
            how_far = call(values, out)
            counts[how_far] += 1
            return how_far

        return count

    try:
        for lane in lanes:
            lane._call = counting(lane._call)
            lane._native._state.tests = tests
        yield counts
    finally:
        for lane, call in zip(lanes, calls, strict=True):
            lane._call = call


def values(dtype: str, shape: tuple[int, ...], kind: str) -> Array:
    """Return this rank's part."""
    rng = np.random.default_rng([RANK, len(shape)])
    mine: Array = np.array(rng.integers(1, 4, shape)).astype(dtype)
    if kind == "special" and mine.size and mine.dtype.kind == "f":
        tiny, huge = np.finfo(mine.dtype).smallest_subnormal, np.finfo(mine.dtype).max
        some = np.array([0.0, -0.0, np.inf, -np.inf, tiny, -tiny, huge, -huge], mine.dtype)
        mine = np.array(rng.choice(some, shape))
    if kind == "nan" and mine.size and mine.dtype.kind == "f":
        bits = mine.reshape(-1).view(f"u{mine.itemsize}")
        bits[RANK % mine.size] = np.array(np.nan, mine.dtype).view(bits.dtype) + 3 + RANK
        bits[-1] = np.array(-np.nan, mine.dtype).view(bits.dtype) + 9 + RANK
    return mine


def targets(mine: Array, dtype: Any) -> dict[str, Callable[[], tuple[Array, Array | None]]]:
    """Return by kind what makes values, as they are in `mine`, and `out`."""

    def overlapping() -> tuple[Array, Array]:
        memory = np.zeros(mine.size + 1, mine.dtype)
        memory[:-1] = mine.reshape(-1)
        return memory[:-1].reshape(mine.shape), memory[1:].reshape(mine.shape)

    found: dict[str, Callable[[], tuple[Array, Array | None]]] = {
        "none": lambda: (mine.copy(), None),
        "new": lambda: (mine.copy(), np.zeros(mine.shape, dtype)),
        "strided": lambda: (mine.copy(), np.zeros((*mine.shape, 2), dtype)[..., 0]),
        "from strided": lambda: (np.stack([mine, mine], -1)[..., 0], np.zeros(mine.shape, dtype)),
        "swapped": lambda: (mine.copy(), np.zeros(mine.shape, np.dtype(dtype).newbyteorder())),
        "from swapped": lambda: (
            mine.astype(mine.dtype.newbyteorder()),
            np.zeros(mine.shape, dtype),
        ),
        "subclass": lambda: (mine.copy(), np.zeros(mine.shape, dtype).view(Special)),
        "from subclass": lambda: (mine.copy().view(Special), None),
    }
    if mine.dtype == dtype:
        found["in place"] = lambda: (mine_again := mine.copy(), mine_again)
        found["overlapping"] = overlapping
    return found


def check_bits() -> None:
    """Compare both ways on all ops, dtypes, shapes and results."""
    for op in OPS:
        for dtype in ("f8", "f4", "i8", "u1", "c16"):
            if (op.startswith("bitwise") and dtype[0] in "fc") or (op in ("min", "max") and dtype[0] == "c"):
                continue
            for shape in SHAPES:
                for kind in ("usual", "special", "nan") if dtype[0] == "f" else ("usual",):
                    mine = values(dtype, shape, kind)
                    result = np.asarray(allreduce(mine, op)).dtype
                    for name, make in targets(mine, result).items():
                        compare(op, name, make)


def compare(op: str, name: str, make: Callable[[], tuple[Array, Array | None]]) -> None:
    """Compare both ways of one reduction, twice each: the second is the short one."""
    found = []
    for _ in range(2):
        given, out = make()
        found.append((allreduce(given, op, out=out), given, out))
    with only_python():
        given, out = make()
        found.append((allreduce(given, op, out=out), given, out))
    (got, given, out), (again, _, _), (wanted, left, _) = found
    what = op, name, given.dtype, given.shape
    assert out is None or got is out, what
    assert type(got) is type(wanted) and got.dtype == wanted.dtype, (what, type(got), type(wanted))
    assert got.tobytes() == wanted.tobytes() == again.tobytes(), (what, got, wanted)
    assert given.tobytes() == left.tobytes(), what


def check_taken(shape: tuple[int, ...]) -> None:
    """Check how far compiled code brings what is usual, and what is not."""
    mine, out = np.full(shape, RANK + 1.0), np.zeros(shape)
    whole, whole_out, strided = mine.astype(int), out.astype(int), np.stack([mine, mine], -1)[..., 0]
    apart = {USUAL, NOT_BEGUN} if mine.size > 1 else {REDUCED}
    cases: list[tuple[Callable[[], Any], set[int]]] = [
        (lambda: allreduce(mine, out=out), {REDUCED}),
        (lambda: allreduce(mine, out=mine), {REDUCED}),
        (lambda: allreduce(mine), {REDUCED}),
        (lambda: allreduce(mine, "prod", out=out), {REDUCED}),
        (lambda: allreduce(mine, "max", out=out), {USUAL}),
        (lambda: allreduce(whole, out=whole_out), {USUAL}),
        (lambda: allreduce(strided, out=out), apart),
    ]
    for call, wanted in cases:
        for _ in range(12):
            mine[...] = 0  # in place it grows
            call()
        with counted(tests=1 << 40) as counts:
            for _ in range(10):
                mine[...] = 0
                call()
        assert set(counts) == wanted, counts


def check_disagreement() -> None:
    """Let ranks disagree once the short way is known."""
    mine, out = np.ones(10), np.zeros(10)
    for _ in range(3):
        allreduce(mine, out=out)
        allreduce(mine, "max", out=out)
    with counted() as counts:
        try:
            allreduce(mine, "max" if RANK else "sum", out=out)
        except AgreementError as error:
            assert "max of float64" in str(error)
        else:
            assert RANKS == 1
    assert RANKS == 1 or counts[COMPLETE] + counts[BEGUN] == 1, counts
    assert (allreduce(mine, out=out) == RANKS).all()


def check_interrupt() -> None:
    """Interrupt ranks that wait for one that does not come; then reduce again, in the next epoch."""
    if RANKS == 1:
        return
    mine, out = np.ones(1000), np.zeros(1000)
    for _ in range(3):
        allreduce(mine, out=out)
    epoch = channel_of(None).epoch
    COMM.Barrier()  # a rank that comes to it only after the interrupt has nothing to begin
    with counted() as counts:
        try:
            with guard():
                if RANK == 1:
                    COMM.recv(source=0)  # when that was interrupted; else this would be the cause
                    raise ValueError("does not come")
                if RANK == 0:
                    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
                allreduce(mine, out=out)
        except (KeyboardInterrupt, PeerError, ValueError) as error:
            seen = type(error)
    if RANK == 0:
        COMM.send(None, 1)
    assert seen is ((KeyboardInterrupt, ValueError, PeerError)[min(RANK, 2)]), seen
    assert RANK == 1 or counts == {BEGUN: 1}, counts
    mine += RANK
    with guard():
        for _ in range(20):
            assert (allreduce(mine, out=out) == RANKS * (RANKS + 1) // 2).all()
    assert channel_of(None).epoch > epoch


def check_given_back() -> None:
    """Check that what compiled code used of a communicator is gone with it."""
    lanes = []
    for _ in range(3):
        comm = COMM.Dup()
        allreduce(np.ones(3), comm=comm)
        allreduce(np.ones(3), comm=comm)
        (lane,) = channel_of(comm).exchange.lanes.values()
        lanes.append(sys.getrefcount(lane._call.__self__))
        comm.Free()
    assert len(set(lanes)) == 1, lanes


def main() -> None:
    """Check all."""
    assert lane_kernel.kernel() is not None
    check_bits()
    for shape in ((), (5,), (1000,)):
        check_taken(shape)
    check_disagreement()
    check_interrupt()
    check_given_back()
    sys.stdout.write("right\n")


if __name__ == "__main__":
    main()
