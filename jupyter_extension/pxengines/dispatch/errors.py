"""One error for a cell that failed on some engines: which ranks, and each distinct traceback once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ipyparallel.error import AlreadyDisplayedError, CompositeError

from ..mpi.errors import ranks_in_words
from ..waiting import EnginesError

_MESSAGE_LENGTH = 200
_KINDS_IN_WORDS = 4
_DIFFERS = re.compile(
    r"\x1b\[[0-9;]*m|0x[0-9a-fA-F]+|(?<=In\[)\d+(?=\])|(?<=In \[)\d+(?=\])|ipykernel_\d+|(?<=\[)\d+:\w+(?=\])"
)
"""What differs between engines in what is the same error: colours, addresses, counters, process ids."""

LOST = "EngineError"
NOT_RUN = "TaskAborted"
_TOLD = {
    LOST: "its process died during the cell",
    NOT_RUN: "an earlier cell failed there or was interrupted, so this one did not run",
}


@dataclass(frozen=True)
class Failure:
    """What one engine's cell ended with: class name, message and traceback (lines in one text) of it."""

    ename: str
    evalue: str
    traceback: str = ""

    @property
    def words(self) -> str:
        """What happened, in one line."""
        if self.ename in _TOLD:
            return _TOLD[self.ename]
        text = " ".join(self.evalue.split())
        if len(text) > _MESSAGE_LENGTH:
            text = f"{text[:_MESSAGE_LENGTH].rstrip()} …"
        return f"{self.ename}: {text}" if text else self.ename


@dataclass
class Outcome:
    """What became of a cell: ranks, each in one of these.

    Attributes
    ----------
    failures : what ended with an exception of its own.
    stopped : interrupted by us, and idle again.
    withdrawn : had not begun when the cell was given up, and will not.
    busy : interrupted, and still at it.
    """

    failures: Mapping[int, Failure] = field(default_factory=dict)
    stopped: list[int] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)


def same_failures(failures: Mapping[int, Failure]) -> list[tuple[list[int], Failure]]:
    """Return the distinct failures with the ranks that have them, by least rank."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for rank in sorted(failures):
        failure = failures[rank]
        key = tuple(_DIFFERS.sub("", text) for text in (failure.ename, failure.evalue, failure.traceback))
        groups.setdefault(key, []).append(rank)
    return [(ranks, failures[ranks[0]]) for ranks in groups.values()]


def causes(failures: Mapping[int, Failure]) -> dict[int, Failure]:
    """Return `failures` without those that only tell of a peer's which is there itself."""
    own = {rank: failure for rank, failure in failures.items() if failure.ename != "PeerError"}
    return own or dict(failures)


def in_words(outcome: Outcome) -> str:
    """Return `outcome` in a few sentences that name the ranks, and what to do next."""
    groups = same_failures(causes(outcome.failures))
    sentences = [_failed(ranks, failure) for ranks, failure in groups[:_KINDS_IN_WORDS]]
    if more := [rank for ranks, _ in groups[_KINDS_IN_WORDS:] for rank in ranks]:
        sentences.append(f"{_names(more)} raised other errors")
    peers = sorted(set(outcome.failures) - {rank for ranks, _ in groups for rank in ranks})
    if peers:
        sentences.append(f"{_names(peers)} {_was(peers)} waiting for {_them(groups)}")
    return " ".join([". ".join(sentences) + "." if sentences else "", *what_became(outcome)]).strip()


def what_became(outcome: Outcome, again: str = "%pxresult") -> list[str]:
    """Return in sentences what became of the engines that were let go.

    Parameters
    ----------
    again : what interrupts those that are still busy once more.
    """
    sentences = []
    if outcome.stopped:
        sentences.append(f"{_names(outcome.stopped)} {_was(outcome.stopped)} interrupted and {_is(outcome)}.")
    if outcome.withdrawn:
        one = len(outcome.withdrawn) == 1
        sentences.append(
            f"{_names(outcome.withdrawn)} {'was' if one else 'were'} busy with something else and will not "
            "run it."
        )
    if outcome.busy:
        one = len(outcome.busy) == 1
        sentences.append(
            f"{_names(outcome.busy)} {'is' if one else 'are'} still busy, perhaps in a call that heeds no "
            f"interrupt, such as a collective call of raw MPI. {again} interrupts again; Restart engines in "
            "the Engines panel, or stopping the cluster, ends all engines, and what their variables hold is "
            "lost."
        )
    if any(failure.ename == LOST for failure in outcome.failures.values()):
        sentences.append("Stop the cluster and start it again.")
    return sentences


class CellError(CompositeError):
    """A cell failed on some engines; the message names the ranks, the traceback shows each distinct one once.

    Attributes
    ----------
    outcome : what became of the cell on each rank.
    """

    __module__ = "pxengines"

    def __init__(self, outcome: Outcome, message: str | None = None) -> None:
        self.outcome = outcome
        failures = outcome.failures
        # What ipyparallel's users look at: class, message, traceback, engine.
        super().__init__(
            message or in_words(outcome),
            [
                (failure.ename, failure.evalue, failure.traceback, {"engine_id": rank, "method": "execute"})
                for rank, failure in sorted(failures.items())
            ],
        )

    def __str__(self) -> str:
        return str(self.msg)

    def render_traceback(self, excid: int | None = None) -> list[str]:
        """Return each distinct traceback under the ranks that have it, up to `tb_limit`, or one."""
        if excid is not None:
            return list(super().render_traceback(excid))
        lines = [str(self.msg)]
        groups = same_failures(causes(self.outcome.failures))
        shown = [(ranks, failure) for ranks, failure in groups if failure.ename not in (LOST, NOT_RUN)]
        for ranks, failure in shown[: self.tb_limit]:
            lines += ["", f"{_names(ranks)}:", *(failure.traceback or failure.words).splitlines()]
        if more := shown[self.tb_limit :]:
            ranks = [rank for ranks, _ in more for rank in ranks]
            lines += ["", f"… and {len(more)} more kinds of errors, on {ranks_in_words(ranks)}"]
        return lines


class ShownCellError(CellError, AlreadyDisplayedError):
    """As `CellError`, when its tracebacks are to be seen already: it shows `brief` alone.

    Attributes
    ----------
    original_error : with the tracebacks.
    """

    __module__ = "pxengines"

    def __init__(self, original: CellError, brief: str) -> None:
        CellError.__init__(self, original.outcome, brief)
        self.original_error = original
        self.n = len(original.elist)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self.n} errors)>"

    def render_traceback(self, excid: int | None = None) -> list[str]:
        """Return the message, or the traceback of one rank."""
        return [str(self)] if excid is None else super().render_traceback(excid)


class CellTimeoutError(EnginesError, TimeoutError):
    """A cell took longer than its ``--timeout``; the engines were interrupted.

    Attributes
    ----------
    outcome : what became of the cell on each rank.
    """

    __module__ = "pxengines"

    def __init__(self, seconds: float, outcome: Outcome) -> None:
        super().__init__(f"This cell took longer than {seconds:g} s. {in_words(outcome)}".strip())
        self.outcome = outcome


def _failed(ranks: list[int], failure: Failure) -> str:
    if failure.ename == LOST:
        what = "has ended: its process" if len(ranks) == 1 else "have ended: the process of each"
        return f"{_names(ranks)} {what} died during the cell"
    return f"{_names(ranks)}: {failure.words.rstrip('.')}"


def _names(ranks: Iterable[int]) -> str:
    text = ranks_in_words(ranks)
    return f"{text[0].upper()}{text[1:]}"


def _was(ranks: list[int]) -> str:
    return "was" if len(ranks) == 1 else "were"


def _is(outcome: Outcome) -> str:
    return "is idle again" if len(outcome.stopped) == 1 else "are idle again"


def _them(groups: list[tuple[list[int], Failure]]) -> str:
    ranks = [rank for same, _ in groups for rank in same]
    return "it" if len(ranks) == 1 else "them"
