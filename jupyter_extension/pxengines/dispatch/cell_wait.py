"""Waiting for a cell on all engines as one: its end, its first error, its time limit, an interrupt."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..controller_gone import ControllerGoneError
from ..controller_watch import CLOSED
from ..interrupts import heeding_interrupts
from ..mpi.errors import ranks_in_words
from ..waiting import EnginesError, WaitingStopped
from .elsewhere import NAME_LENGTH
from .errors import LOST, CellError, CellTimeoutError, Failure, Outcome, in_words, what_became
from .feed import failure_of

if TYPE_CHECKING:
    from .result import EnginesResult

STOP, WAIT = "stop", "wait"
"""What to do when one engine raises: interrupt the others, or let them go on."""

GRACE_SECONDS = 1.0
"""Engines that fail for the same reason say so themselves within this."""
END_SECONDS = 0.9
"""With the grace, less than the 2 s after which the first error is to be shown."""
STOP_SECONDS = 5.0
"""How long to wait for engines to become idle after the user's interrupt, or when the time is over."""


@dataclass(frozen=True)
class Terms:
    """How to wait.

    Attributes
    ----------
    on_error : ``"stop"`` or ``"wait"``.
    timeout : seconds, or None.
    stop_at_timeout : whether the cell itself ends then.
    interrupt : signal for the engines when the user interrupts; None: they go on.
    tick_seconds : how often to look around.
    interrupted : the user has interrupted already.
    again : interrupt first what was interrupted before and goes on.
    """

    on_error: str = STOP
    timeout: float | None = None
    stop_at_timeout: bool = True
    interrupt: str | int | None = "SIGINT"
    tick_seconds: float = 0.1
    interrupted: bool = False
    again: bool = False


class CellInterrupted(WaitingStopped):
    """The user interrupted a cell; the message says what became of the engines."""

    __module__ = "pxengines"


@heeding_interrupts()
def wait_as_one(result: EnginesResult, terms: Terms, tick: Callable[[], None]) -> None:
    """Wait until the cell of `result` is done, calling `tick` meanwhile.

    Raises
    ------
    CellError, RemoteError
        If it failed; the latter if it was sent to one engine by its number.
    TimeoutError
        If it took longer than the time limit.
    EnginesError
        If the controller is gone.
    CellInterrupted
        If interrupted.
    """
    try:
        if terms.interrupted:
            raise KeyboardInterrupt
        if terms.again and result.let_go.intersection(result.together.pending()):
            let_go(result, STOP_SECONDS)
        late = _wait(result, terms, tick)
        _wait_for_output(result, tick)
    except KeyboardInterrupt:
        if terms.interrupt is None:
            raise
        computing = bool(result.together.pending())
        interrupted = _interrupted(result, terms.interrupt)
        if terms.interrupt != 0 and computing:
            result.run.over("interrupted", time.time())
        raise interrupted from None
    outcome = outcome_of(result)
    pending = result.together.pending()
    if late and pending and not terms.stop_at_timeout:
        still = ranks_in_words(pending)
        raise TimeoutError(f"The cell is not done after {terms.timeout:g} s; it goes on on {still}.")
    incomplete = bool(outcome.failures or outcome.stopped or outcome.withdrawn or outcome.busy)
    if late and incomplete and terms.stop_at_timeout:
        result.run.over("timeout", time.time())
        raise CellTimeoutError(terms.timeout or 0.0, outcome)
    if incomplete:
        result.run.over("failed", time.time())
        if result._single_result and result.done():
            result.get()
        raise CellError(outcome)


def outcome_of(result: EnginesResult) -> Outcome:
    """Return what became of the cell of `result` on each engine that is not simply done."""
    failures: dict[int, Failure] = {}
    stopped: list[int] = []
    withdrawn: list[int] = []
    busy: list[int] = []
    for rank, part in result.together.parts.items():
        let_go = rank in result.let_go
        if not part.done() or isinstance(part.result(), ControllerGoneError):
            # Who computes without a pause cannot even tell that it has begun.
            withdrew = result.together.has_withdrawn(rank) and not result.together.has_begun(rank)
            (withdrawn if withdrew else busy).append(rank)
            continue
        failure = failure_of(part.result())
        if failure is None:
            continue
        if let_go and failure.ename == "KeyboardInterrupt":
            stopped.append(rank)
        elif let_go and failure.ename == "TaskAborted":
            withdrawn.append(rank)
        else:
            failures[rank] = failure
    return Outcome(failures, stopped, withdrawn, busy)


def _wait(result: EnginesResult, terms: Terms, tick: Callable[[], None]) -> bool:
    """Wait for the end or the reason to end it, and see to its end; tell whether time was up."""
    together = result.together
    deadline = float("inf") if terms.timeout is None else time.monotonic() + terms.timeout
    stop = terms.on_error == STOP
    while not together.wait(min(terms.tick_seconds, deadline - time.monotonic()), until_failure=stop):
        tick()
        _raise_if_gone(result)
        if time.monotonic() >= deadline:
            if terms.stop_at_timeout:
                let_go(result, STOP_SECONDS)
            return True
    if together.pending():
        together.wait(GRACE_SECONDS)
        let_go(result, END_SECONDS)
    _raise_if_gone(result)
    return False


def _raise_if_gone(result: EnginesResult) -> None:
    if why := result.together.gone():
        result.run.over("failed", time.time())
        raise gone_error(result, why)


def _wait_for_output(result: EnginesResult, tick: Callable[[], None]) -> None:
    """Wait for the output of the engines that have answered."""
    while result.late_output():
        if not result.output_may_come():
            result.give_up_output()
            missing = ranks_in_words(result.missing_output)
            print(
                f"Note: what {missing} printed last may be missing: its end was not heard of.",
                file=sys.stderr,
            )
            return
        if not result.together.pending():
            result._output_event.wait(0.05)
        else:
            time.sleep(0.02)
        tick()


def let_go(result: EnginesResult, seconds: float) -> None:
    """Interrupt the engines that are at it, withdraw it from the others; wait for that at most `seconds`."""
    result.let_go.update(result.together.pending())
    result.together.let_go(seconds)


def stop_unseen(result: EnginesResult) -> CellInterrupted:
    """Stop a cell that was interrupted while it was sent, and nobody waits for; return what to raise."""
    result.stop()
    name = result.run.run_id[:NAME_LENGTH]
    return CellInterrupted(f"Interrupted. The engines are interrupted, too; %pxresult {name} shows the cell.")


def stopped_words(result: EnginesResult) -> str:
    """Return what became of a cell that was let go: all are idle, or who is not, and what is left to do."""
    if why := result.together.gone():
        return str(gone_error(result, why))
    outcome = outcome_of(result)
    if result.together.pending() or any(failure.ename == LOST for failure in outcome.failures.values()):
        return " ".join(what_became(outcome, again="Stop"))
    return "All engines are idle again."


def gone_error(result: EnginesResult, why: str) -> EnginesError:
    """Return the error that tells `why` there is no controller any more, and who has not answered."""
    outcome = outcome_of(result)
    ranks = ranks_in_words(result.together.abandoned())
    missing = f"{why[0].upper()}{why[1:]}, so there will be no answer from {ranks}."
    next_step = (
        f"Connect again: %pxresult {result.run.run_id[:NAME_LENGTH]} then waits for the cell and shows it."
        if why == CLOSED
        else "Look at the Engines panel for the cause; start the cluster again, then connect to it."
    )
    failed = in_words(Outcome(outcome.failures))
    return EnginesError(" ".join(filter(None, (missing, failed, next_step))))


def _interrupted(result: EnginesResult, number: str | int) -> CellInterrupted:
    together = result.together
    if not together.pending():
        return CellInterrupted("Interrupted. The engines had finished the cell.")
    print(f"Received Keyboard Interrupt. Sending signal {number} to engines...", file=sys.stderr)
    words = ["Interrupted."]
    try:
        if number in ("SIGINT", int(signal.SIGINT)):
            let_go(result, STOP_SECONDS)
        else:
            together.send_signal(number, [e for e in together.begun() if e in result._client.ids])
            if number == 0:
                return CellInterrupted("Interrupted. The cell goes on; %pxresult waits for it.")
            together.wait(STOP_SECONDS)
    except KeyboardInterrupt:
        words.append("Did not wait for all engines to stop.")  # so urgent that it is told what is left
    if why := together.gone():
        return CellInterrupted(f"Interrupted. {gone_error(result, why)}")
    outcome = outcome_of(result)
    lost = {rank: failure for rank, failure in outcome.failures.items() if failure.ename == LOST}
    if lost:
        return CellInterrupted(" ".join([*words, in_words(Outcome(lost, busy=outcome.busy))]))
    if not together.pending():
        words.append("All engines are idle again.")
        outcome.stopped.clear()
    return CellInterrupted(" ".join([*words, *what_became(outcome)]))
