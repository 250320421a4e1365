"""Drops ranks out of reductions, one kind of fault after the other; see test_mpi_faults.py.

``mpi_fault_worker.py FAULT...``: rank 0 prints ``{"FAULT": [what each rank saw], ...}``. After each fault
all ranks reduce again, and that must be right.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from mpi4py import MPI

from pxengines.mpi import AgreementError, PeerError, allreduce, guard, psum
from pxengines.mpi.channels import channel_of

COMM = MPI.COMM_WORLD
ODD = 1 % COMM.size
LATE_SECONDS = 1 if COMM.size == 2 else 4
"""In this time the ranks that do come are there, also on a busy machine; of two ranks it is one alone."""
BIG = 24 << 20


def raising() -> Any:
    """Raise on one rank, in a cell in which the others reduce."""
    with guard():
        if COMM.rank == ODD:
            raise ValueError("bad input")
        return psum(1)


def raising_later() -> Any:
    """Raise on one rank after a reduction that all others complete."""
    with guard():
        first = psum(1)
        if COMM.rank == ODD:
            raise ValueError("bad input")
        return [first, psum(2)]


def late() -> Any:
    """Let one rank come when the others have given up."""
    others = [rank for rank in range(COMM.size) if rank != ODD]
    COMM.Barrier()
    if COMM.rank == ODD:
        for rank in others:
            COMM.recv(source=rank)
        return psum(1, timeout=10 * LATE_SECONDS)  # what it is told comes sooner, and is what it raises
    try:
        return psum(1, timeout=LATE_SECONDS)
    finally:
        COMM.send(None, ODD)


def interrupted_waiting() -> Any:
    """Interrupt all ranks that wait for one that does not come."""
    with guard(), interruptible():
        if COMM.rank == ODD:
            time.sleep(0.6)
            raise KeyboardInterrupt
        interrupt_me(0.3)
        return psum(1)


def stale() -> Any:
    """Leave a reduction behind that another rank comes to only in its next cell."""
    if COMM.rank != ODD:
        try:
            with guard(), interruptible():
                interrupt_me(0.2)
                psum(100)
        except (KeyboardInterrupt, PeerError):
            late_interrupt()
    else:
        with guard():
            time.sleep(0.5)
    with guard():
        return int(psum(1))


def interrupted_moving() -> Any:
    """Interrupt all ranks while much data is on its way."""
    mine = np.full(BIG // 8, 1.0)
    out = np.zeros(BIG // 8)
    began = time.monotonic()
    try:
        with guard(), interruptible():
            interrupt_me(0.05)
            while time.monotonic() - began < 20:
                allreduce(mine, out=out)
    finally:
        free = time.monotonic()
        late_interrupt()
        took.append(free - interrupted[-1])
        out[:] = 7
        time.sleep(0.1)
        with guard():
            assert psum(1) == COMM.size
        assert (out == 7).all(), "a reduction that was interrupted wrote into out"


def one_interrupted_moving() -> Any:
    """Interrupt one rank while much data is on its way: the others hear of it."""
    mine = np.full(BIG // 8, 1.0)
    out = np.zeros(BIG // 8)
    began = time.monotonic()
    with guard(), interruptible():
        if COMM.rank == ODD:
            interrupt_me(0.05)
        while time.monotonic() - began < 20:
            allreduce(mine, out=out)
    raise AssertionError("nobody was told")


def interrupted_gigabyte() -> Any:
    """Interrupt one rank as soon as it has the first values of a gigabyte: the last are never sent."""
    values = np.broadcast_to(1.0, (1 << 30) // 8)
    out = np.zeros(values.shape)  # only what is written takes memory
    if COMM.rank == ODD:

        def watch() -> None:
            while not out[0]:
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGINT)

        timer[:] = [threading.Thread(target=watch)]
    try:
        with guard(), interruptible():
            for thread in timer:
                thread.start()
            allreduce(values, out=out)
    except (KeyboardInterrupt, PeerError):
        # Of the first values nothing is promised: they may be parts of sums.
        assert out[-1] == 0.0, "all of it was sent, in spite of the interrupt"
        raise


def one_too_many() -> Any:
    """Reduce on one rank what the others do not, which go on to the next cell."""
    saw = "nothing"
    with guard():
        psum(1)
        if COMM.rank == ODD:
            try:
                psum(1000)
            except PeerError as error:
                saw = str(error).partition(" ")[2].partition(" ")[2]
    with guard():
        return saw, int(psum(1))


def between_lines() -> Any:
    """Interrupt one rank right after it has noted that a call begins."""
    channel = channel_of(None)
    with guard():
        for _ in range(3):
            psum(1)
        COMM.Barrier()
        if COMM.rank == ODD:
            channel.begin(None)
    with guard():
        return int(psum(1))


def one_behind() -> Any:
    """Leave a reduction on one rank that the others complete: in that cell it is one behind them."""
    saw = []
    channel = channel_of(None)
    with guard():
        psum(1)
        COMM.Barrier()  # the others have seen, too, that it is complete
        if COMM.rank == ODD:
            channel.begin(None)
            channel.call -= 1
            channel.leave(KeyboardInterrupt())
        for code in (2, 3):
            try:
                saw.append(str(psum(code)))
            except (AgreementError, PeerError) as error:
                saw.append(str(error))
    return saw


def out_of_order() -> Any:
    """Call two reductions in different orders."""
    if COMM.rank == ODD:
        return [psum(1.0), allreduce(1, "max")]
    return [allreduce(1, "max"), psum(1.0)]


def many_times() -> Any:
    """Give up more often than MPI has communicators, in a row and with successes between."""
    failures = 0
    for turn in range(2500):
        try:
            with guard():
                if COMM.rank == ODD:
                    raise ValueError
                psum(1000)
        except (ValueError, PeerError):
            failures += 1
        if turn % 5 == 0:
            with guard():
                assert psum(turn) == turn * COMM.size
    return failures


took: list[float] = []
interrupted: list[float] = []


def interrupt_me(seconds: float) -> None:
    """Send this process SIGINT after so many seconds."""

    def later() -> None:
        interrupted.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer[:] = [threading.Timer(seconds, later)]
    timer[0].start()


def late_interrupt() -> None:
    """Let the interrupt that has not come yet come now, and to nothing."""
    while timer:
        timer.pop().join()


timer: list[threading.Thread] = []
armed = False


def heed(number: int, frame: Any) -> None:
    """Raise KeyboardInterrupt, once and where that is meant to end something."""
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """Heed an interrupt within the block: who has left it for another rank's fault is not to meet its own."""
    global armed
    armed = True
    try:
        yield
    finally:
        armed = False


FAULTS: dict[str, Callable[[], Any]] = {
    each.__name__: each
    for each in (
        raising, raising_later, late, interrupted_waiting, stale, interrupted_moving,
        one_interrupted_moving, out_of_order, many_times, interrupted_gigabyte, one_too_many, one_behind,
        between_lines,
    )
}  # fmt: skip


def main() -> None:
    """Let the faults happen and report."""
    signal.signal(signal.SIGINT, heed)
    seen = {}
    for name in sys.argv[1:]:
        COMM.Barrier()
        try:
            saw = f"returned {FAULTS[name]()}"
        except BaseException as error:
            saw = f"{type(error).__name__}: {error}"
        late_interrupt()
        try:
            time.sleep(0.05)
            with guard():
                right = psum(COMM.rank + 1, timeout=20) == COMM.size * (COMM.size + 1) // 2
                whole = allreduce(np.arange(100_000.0), timeout=20)
                right = right and bool((whole == COMM.size * np.arange(100_000.0)).all())
            after = "right" if right else "wrong"
        except BaseException as error:
            after = f"{type(error).__name__}: {error}"
        seen[name] = COMM.gather((saw, after))
    if COMM.rank == 0:
        print(json.dumps({"seen": seen, "took": took}))


if __name__ == "__main__":
    main()
