"""A rank of the fuzz: ``fuzz_reductions_ranks.py FOLDER SEED FIRST ROUNDS FAULTS few|many FAULT``.

All ranks draw the same rounds, so each knows what must come out, for itself and for the others. The first
that sees something else writes ``FOLDER/failure-RANK.json`` and ends them all; so does one that gets stuck.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_cases import Array, Call, Round, differing, draw_round, plain_call
from fuzz_oracle import Expected, difference, expected
from mpi4py import MPI

from pxengines import mpi
from pxengines.mpi import channel, moving, relics

COMM = MPI.COMM_WORLD
REFEREE = COMM.Dup()
RANK, RANKS = COMM.rank, COMM.size
STUCK_SECONDS = 90.0
LOOP_SECONDS = 30.0
LOOP = 30_000
"""Values of the large reductions that are interrupted on their way."""
TIMEOUT_SECONDS = 0.15
DRIFT_CELLS, DRIFT_CALLS = 3, 5


class WrongError(Exception):
    """Something came out that must not."""


# --- reductions


def call_it(call: Call, mine: Array, **options: Any) -> Any:
    """Make the reduction `call` with this rank's part."""
    function: Callable[..., Any] = getattr(mpi, call.function)
    if call.function == "allreduce":
        return function(mine, call.op, mode=call.mode, wrap=call.wrap, **options)
    if call.function == "pdot":
        return function(mine, call.part(RANK, 1), mode=call.mode, wrap=call.wrap, **options)
    options |= {"axis": call.axis, "keepdims": call.keepdims}
    if not call.function.startswith("parg"):
        options["mode"] = call.mode
    if call.function == "psum":
        options["wrap"] = call.wrap
    if call.result is not None:
        options["dtype"] = call.result
    return function(mine, **options)


def check(call: Call, **options: Any) -> None:
    """Make a reduction and hold it against the oracle."""
    want = expected(call, RANKS)
    mine = call.part(RANK)
    out, in_place = _out_for(call, want, mine)
    if out is not None:
        options["out"] = out
    before = None if in_place else mine.tobytes()
    try:
        got = call_it(call, mine, **options)
    except Exception as error:
        if want.error is None or not isinstance(error, want.error):
            raise WrongError(
                f"raised {type(error).__name__}: {error}, want {_words(want)}; in {call}"
            ) from error
        return
    wrong = difference(call, want, got)
    if wrong is None and out is not None and got is not out:
        wrong = "out was given, but something else returned"
    if wrong is None and before is not None and mine.tobytes() != before:
        wrong = "the input was changed"
    if wrong is not None:
        raise WrongError(f"{wrong}; in {call}")


def _words(want: Expected) -> str:
    return want.error.__name__ if want.error is not None else f"{want.values!r}"


def _out_for(call: Call, want: Expected, mine: Array) -> tuple[Array | None, bool]:
    """Return ``out=`` of a call and whether it is the input."""
    if call.out is None or not want.values:
        return None, False
    value = want.values[0]
    if call.out == "in place" and mine.flags.writeable and mine.dtype.newbyteorder("=") == value.dtype:
        return mine, True
    if call.out == "strided":
        return np.zeros((*value.shape, 2), value.dtype)[..., 0], False
    return np.zeros(value.shape, value.dtype), False


# --- faults: each returns if this rank saw what it must see


def fault_raise(this: Round) -> None:
    """Raise on one rank instead of a reduction; the others are told."""
    words = f"round {this.number}"
    if RANK == this.odd:
        with contextlib.suppress(LookupError), mpi.guard():
            raise LookupError(words)
        return
    with _raises(mpi.PeerError, f"rank {this.odd} raised LookupError: {words}"), mpi.guard():
        call_it(this.calls[0], this.calls[0].part(RANK))


def fault_raise_later(this: Round) -> None:
    """Raise on one rank after a reduction of all."""
    words = f"round {this.number}"
    if RANK == this.odd:
        with contextlib.suppress(LookupError), mpi.guard():
            check(this.calls[0])
            raise LookupError(words)
        return
    with _raises(mpi.PeerError, f"rank {this.odd} raised LookupError: {words}"), mpi.guard():
        check(this.calls[0])
        call_it(plain_call(this.number, RANKS), np.ones(3))


def fault_mismatch(this: Round) -> None:
    """Bring something else on one rank: the same error on every rank."""
    call = plain_call(this.number, RANKS)
    if RANK == this.odd:
        call = differing(call, this.difference)
    named = 1 if RANKS == 2 else this.odd
    with mpi.guard():
        error = _caught(call)
    if f": rank {named} differs (" not in str(error):
        raise WrongError(f"the odd rank is not named: {error}")
    _all_say_the_same(str(error))


def fault_order(this: Round) -> None:
    """Make two reductions in different orders: both are the same error on every rank."""
    first = plain_call(this.number, RANKS)
    calls = [first, differing(first, "dtype")]
    for call in calls[::-1] if RANK == this.odd else calls:
        with mpi.guard():
            error = _caught(call)
        _all_say_the_same(str(error))


def fault_timeout(this: Round) -> None:
    """Give up waiting for one rank, which comes when all others have."""
    call = plain_call(this.number, RANKS)
    with _raises(TimeoutError, f"rank {this.odd}" if RANKS == 2 else "did not arrive within"), mpi.guard():
        if RANK == this.odd:
            _wait_for(rank for rank in range(RANKS) if rank != this.odd)
            call_it(call, call.part(RANK))
        else:
            try:
                call_it(call, call.part(RANK), timeout=TIMEOUT_SECONDS)
            finally:
                _tell(this.odd)


def fault_late(this: Round) -> None:
    """Come late on one rank: all is right."""
    with mpi.guard():
        if RANK == this.odd:
            time.sleep(this.seconds)
        for call in this.calls:
            check(call)


def fault_interrupt_waiting(this: Round) -> None:
    """Interrupt one rank that waits for another, which comes when all others have been told."""
    call = this.calls[0]
    kind: type[BaseException] = KeyboardInterrupt if RANK == this.other else mpi.PeerError
    words = "" if RANK == this.other else f"rank {this.other} was interrupted"
    with (
        _raises(kind, words),
        Interrupt(this.seconds if RANK == this.other else None) as interrupt,
        mpi.guard(),
    ):
        if RANK == this.odd:
            _wait_for(rank for rank in range(RANKS) if rank != this.odd)
            call_it(call, call.part(RANK))
        else:
            try:
                interrupt.start()
                call_it(call, call.part(RANK))
            finally:
                _tell(this.odd)


def fault_interrupt_moving(this: Round) -> None:
    """Interrupt one rank somewhere in many reductions."""
    _reduce_until_interrupted(this, [this.odd])


def fault_interrupt_all(this: Round) -> None:
    """Interrupt all ranks somewhere in many reductions."""
    _reduce_until_interrupted(this, list(range(RANKS)))


def fault_stale(this: Round) -> None:
    """Leave a reduction, to which one rank does not come before its next cell."""
    if RANK == this.odd:
        with mpi.guard():
            _wait_for(rank for rank in range(RANKS) if rank != this.odd)
        return
    either = (KeyboardInterrupt, mpi.PeerError)
    with _raises(either, ""), Interrupt(this.seconds) as interrupt, mpi.guard():
        try:
            interrupt.start()
            mpi.psum(100)
        finally:
            interrupt.settle()
            _tell(this.odd)


def fault_drift(this: Round) -> None:
    """Let ranks get out of step in every way: no sum may be made of what belongs to different calls.

    Some are interrupted anywhere, all go on after errors, in the same cell or only in the next one, and one
    may make a reduction too many.
    """
    rng = np.random.default_rng([*this.calls[0].seed, 1])
    interrupted = [None if rng.random() < 0.5 else int(rng.integers(DRIFT_CELLS)) for _ in range(RANKS)]
    goes_on, too_many = rng.random() < 0.5, rng.random() < 0.3
    kinds = (KeyboardInterrupt, mpi.PeerError, mpi.AgreementError)
    for cell in range(DRIFT_CELLS):
        mine = interrupted[RANK] == cell
        with (
            contextlib.suppress(*kinds),
            Interrupt(this.seconds / 3 if mine else None) as interrupt,
            mpi.guard(),
        ):
            interrupt.start()
            for number in range(DRIFT_CALLS):
                with contextlib.suppress(*kinds if goes_on else ()):
                    _check_code(100 * cell + number)
            if too_many and RANK == this.odd and cell == 0:
                _check_code(DRIFT_CALLS)


def _check_code(code: int) -> None:
    """Reduce a number that stands for a place in the program: all that are added must be the same."""
    if code % 2:
        got = mpi.psum(code)
    else:
        got = mpi.allreduce(np.full(LOOP, code)).max()
    if got != RANKS * code:
        raise WrongError(f"{got} is not {RANKS} times {code}: ranks are in different calls")


def _reduce_until_interrupted(this: Round, ranks: list[int]) -> None:
    mine, want = np.full(LOOP, RANK + 1.0), RANKS * (RANKS + 1) / 2
    kinds: list[type[BaseException]] = [] if ranks == [RANK] else [mpi.PeerError]
    if RANK in ranks:
        kinds.append(KeyboardInterrupt)
    words = f"rank {ranks[0]} was interrupted" if RANK not in ranks else ""
    with _raises(tuple(kinds), words), Interrupt(this.seconds if RANK in ranks else None) as interrupt:
        out, end = np.zeros(LOOP), time.monotonic() + LOOP_SECONDS
        with mpi.guard():
            interrupt.start()
            while time.monotonic() < end:
                if not (mpi.allreduce(mine, out=out) == want).all():
                    raise WrongError("a large sum is wrong before the interrupt")
                if mpi.psum(RANK + 1) != want:
                    raise WrongError("a small sum is wrong before the interrupt")


FAULTS: dict[str, Callable[[Round], None]] = {
    name.removeprefix("fault_").replace("_", " "): function
    for name, function in list(globals().items())
    if name.startswith("fault_")
}


class Interrupt:
    """Sends this process SIGINT, so many seconds after `start`; it has come when the block has ended."""

    def __init__(self, seconds: float | None) -> None:
        self._timer = (
            None if seconds is None else threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
        )

    def __enter__(self) -> Interrupt:
        return self

    def start(self) -> None:
        """Begin to count."""
        if self._timer is not None:
            self._timer.start()

    def settle(self) -> None:
        """Wait for it, and let it have no effect from here on."""
        with contextlib.suppress(KeyboardInterrupt):
            self.__exit__()

    def __exit__(self, *_: object) -> None:
        # If it comes here, when the block has ended otherwise, it is what the block is seen to raise.
        if self._timer is not None and self._timer.ident is not None:
            self._timer.join()


class _raises:
    """Holds that the block raises one of `kinds`, with `words` in its message."""

    def __init__(self, kinds: type[BaseException] | tuple[type[BaseException], ...], words: str) -> None:
        self._kinds, self._words = kinds, words

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if error is None:
            raise WrongError(f"nothing was raised, want {self._kinds}: {self._words}")
        if isinstance(error, WrongError):
            return False
        if not isinstance(error, self._kinds) or self._words not in str(error):
            raise WrongError(
                f"raised {type(error).__name__}: {error}, want {self._kinds}: {self._words}"
            ) from error
        return True


def _caught(call: Call) -> mpi.AgreementError:
    try:
        got = call_it(call, call.part(RANK))
    except mpi.AgreementError as error:
        return error
    raise WrongError(f"got {got!r}, want an AgreementError")


# --- the ranks among themselves, apart from what is tested


def _tell(rank: int) -> None:
    REFEREE.send(None, rank)


def _wait_for(ranks: Any) -> None:
    for rank in ranks:
        while not REFEREE.iprobe(rank):
            time.sleep(0.001)
        REFEREE.recv(None, rank)


def _all_say_the_same(text: str) -> None:
    every = REFEREE.allgather(text)
    if len(set(every)) != 1:
        raise WrongError(f"the ranks say different things: {every}")


# --- rounds


def run(this: Round) -> None:
    """Run one round; raise `WrongError` if something is wrong."""
    if this.fault == "none":
        if this.number % 2:
            with mpi.guard():
                for call in this.calls:
                    check(call)
        else:
            for call in this.calls:
                check(call)
        return
    FAULTS[this.fault](this)
    with mpi.guard():
        check(plain_call(this.number, RANKS))
        check(this.calls[-1])


def watch(now: list[Any]) -> None:
    """End this process when `now` (a round and its start) has not changed for long."""
    while True:
        time.sleep(1.0)
        this, began, folder = now
        if time.monotonic() - began > STUCK_SECONDS:
            _report(folder, this, f"no end after {STUCK_SECONDS:g} s")
            faulthandler.dump_traceback()
            os._exit(3)


def _report(folder: Path, this: Round, wrong: str) -> None:
    told = {"round": this.number, "rank": RANK, "fault": this.fault, "wrong": wrong, "drawn": repr(this)}
    unfinished = folder / f"{RANK}.new"
    unfinished.write_text(json.dumps(told), encoding="utf-8")
    unfinished.rename(folder / f"failure-{RANK}.json")


def main() -> None:
    """Run all rounds of this rank."""
    folder, seed, first, rounds = Path(sys.argv[1]), *(int(text) for text in sys.argv[2:5])
    share = float(sys.argv[5])
    # A shell that starts this in the background lets it be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.argv[6] == "many":
        channel.MOST_SLOTS = relics.MOST_SLOTS = 0
    warnings.filterwarnings("ignore", "mean of no values|overflow|invalid|divide", RuntimeWarning)
    seen: Counter[str] = Counter()
    mpi.prepare()
    now: list[Any] = [draw_round(seed, first, RANKS, share), time.monotonic(), folder]
    threading.Thread(target=watch, args=(now,), daemon=True).start()
    began = time.monotonic()
    for number in range(first, first + rounds):
        this = draw_round(seed, number, RANKS, share)
        if sys.argv[7]:
            this = replace(this, fault=sys.argv[7])
        now[:] = this, time.monotonic(), folder
        # Many pieces are more to be interrupted in, and to be brought to an end.
        moving.PIECE_BYTES = 1 << (14 if number % 3 else 21)
        try:
            run(this)
        except BaseException as error:
            _report(folder, this, f"{type(error).__name__}: {error}")
            faulthandler.dump_traceback()
            COMM.Abort(3)
        seen[f"fault: {this.fault}"] += 1
        seen.update(f"{call.function}, {call.mode}" for call in this.calls)
        if RANK == 0 and (number + 1 - first) % 1000 == 0:
            print(f"{number + 1 - first} rounds, {time.monotonic() - began:.0f} s", flush=True)
    now[:] = this, time.monotonic(), folder
    COMM.Barrier()
    if RANK == 0:
        (folder / "seen.json").write_text(json.dumps(dict(sorted(seen.items()))), encoding="utf-8")


if __name__ == "__main__":
    main()
