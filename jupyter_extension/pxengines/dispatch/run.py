"""What is known of one cell that runs, or ran, on engines: it is told what happens, and asked what to show.

Knows neither IPython nor ipyparallel nor a clock. What an event costs depends on the event alone, and what is
kept is bounded, so that neither many engines nor endless output fill the kernel.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from .rich import Rich
from .screen_text import ScreenText, encodable

State = Literal["running", "done", "failed", "interrupted", "timeout"]
Group = Literal["type", "engine", "order"]

TEXT_KEPT = 16_000_000
"""Characters kept of all ranks together, roughly; a rank has its share, within `_TEXT_OF_A_RANK`."""
RICH_KEPT = 64_000_000
"""Bytes of displays and of results kept of all ranks together; shared out in the same way."""
DISPLAYS_KEPT = 64
"""Displays kept of one rank; more are counted."""
_TEXT_OF_A_RANK = (16_000, 1_000_000)
_RICH_OF_A_RANK = (512_000, 16_000_000)
_LABEL = 120
_STOPPED = ("KeyboardInterrupt", "TaskAborted")
_LIVING = "wr"
_PLACES = re.compile(r"0x[0-9a-fA-F]{6,}|ipykernel_\d+|In\s?\[\d+\]")
"""What differs between tracebacks of one and the same error: addresses, files and numbers of cells."""


@dataclass
class Part:
    """What a rank printed up to one of its displays, and that display; the last part has none."""

    texts: dict[str, ScreenText] = field(default_factory=dict)
    display: Rich | None = None


@dataclass(frozen=True)
class Failure:
    """What a rank raised, or what became of it.

    Attributes
    ----------
    traceback : as the engine rendered it, in lines with ANSI colours; may be empty.
    """

    ename: str
    evalue: str
    traceback: tuple[str, ...] = ()

    @cached_property
    def same(self) -> Hashable:
        """Equal for failures whose tracebacks are shown once: those that differ in the message at most."""
        if not self.traceback:
            return (self.ename, self.evalue)
        text = "\n".join(self.traceback).rstrip()
        return (self.ename, _PLACES.sub("", text.removesuffix(self.evalue.rstrip())))


class RankRun:
    """What is known of one rank.

    Attributes
    ----------
    state : w waiting, r running, d done, f failed, l lost, i interrupted.
    parts : what it put out, in order; never empty.
    dropped : displays that were not kept, as (how many, bytes).
    """

    def __init__(self, text_room: int, rich_room: int) -> None:
        self.state = "w"
        self.began_at: float | None = None
        self.ended_at: float | None = None
        self.result: Rich | None = None
        self.failure: Failure | None = None
        self._text_room, self._rich_room = text_room, rich_room
        self.clear()

    def clear(self) -> None:
        """Forget what was put out, as ``clear_output`` does."""
        self.parts = [Part()]
        self.dropped = (0, 0)
        self.clear_next = False
        self._by_id: dict[str, list[Rich]] = {}
        self._head_left = self._tail_left = self._text_room // 2
        self._rich_left = self._rich_room

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing of it to show."""
        nothing = self.result is None and self.failure is None and len(self.parts) == 1
        return nothing and not any(self.parts[0].texts.values())

    @property
    def size(self) -> int:
        """Bytes kept of it, about."""
        texts = sum(text.size for part in self.parts for text in part.texts.values())
        result = 0 if self.result is None or self.result.refused else self.result.size
        return texts + self._rich_room - self._rich_left + result

    def write(self, name: str, text: str) -> None:
        """Add to the stream `name`."""
        self._before_output()
        texts = self.parts[-1].texts
        if name not in texts:
            texts[name] = ScreenText(self._head_left, self._tail_left)
        texts[name].write(text)

    def display(self, rich: Rich, display_id: str | None) -> None:
        """Add a display, or count it if there are too many."""
        self._before_output()
        if len(self.parts) > DISPLAYS_KEPT:
            self.dropped = (self.dropped[0] + 1, self.dropped[1] + rich.size)
            return
        self._afford(rich)
        part = self.parts[-1]
        part.display = rich
        for text in part.texts.values():
            self._head_left = max(0, self._head_left - text.used)
            self._tail_left = max(0, self._tail_left - text.tail_cost)
        self.parts.append(Part())
        if display_id is not None:
            self._by_id.setdefault(display_id, []).append(rich)

    def update(self, display_id: str, rich: Rich) -> None:
        """Put `rich` in place of the displays of that id, if they are still there."""
        for shown in self._by_id.get(display_id, ()):
            self._rich_left += 0 if shown.refused else shown.size
            shown.become(rich)
            self._afford(shown)

    def knows(self, display_id: str | None) -> bool:
        """Tell whether something of that id was displayed."""
        return display_id in self._by_id

    def _afford(self, rich: Rich) -> None:
        if rich.size > self._rich_left:
            rich.refuse()
        else:
            self._rich_left -= rich.size

    def _before_output(self) -> None:
        if self.clear_next:
            self.clear()


class CellRun:
    """One cell on its way through some engines.

    All its methods may be called in any thread; who reads several things that must fit holds `lock`.

    Parameters
    ----------
    run_id : what the run is called, for instance in ``%pxresult``.
    code : what runs; its first line is the `label`.
    ranks : the engines, each once.
    started_at : when it was sent; Unix seconds, as all times here.
    cluster : key of the cluster, or empty.
    group : order of what is shown, as ``--group-outputs`` has it.

    Attributes
    ----------
    by_rank : `RankRun` by rank, in the order of ranks.
    version : grows with each event.
    notice : what became of a wish to stop it, in words, or empty.
    listeners : called after each event, in the thread that told it; must return at once.
    """

    def __init__(
        self,
        *,
        run_id: str,
        code: str,
        ranks: Sequence[int],
        started_at: float,
        cluster: str = "",
        group: Group = "type",
    ) -> None:
        self.run_id = run_id
        self.label = first_line(encodable(code))
        self.cluster = cluster
        self.group: Group = group
        self.started_at = started_at
        share = max(1, len(ranks))
        text_room = _within(TEXT_KEPT // share, _TEXT_OF_A_RANK)
        rich_room = _within(RICH_KEPT // share, _RICH_OF_A_RANK)
        self.by_rank = {rank: RankRun(text_room, rich_room) for rank in sorted(set(ranks))}
        self.lock = threading.RLock()
        self.version = 0
        self.notice = ""
        self.listeners: tuple[Callable[[], None], ...] = ()
        self._alive = len(self.by_rank)
        self._over: State | None = None
        self._over_at: float | None = None

    @property
    def ranks(self) -> list[int]:
        """The engines, in order."""
        return list(self.by_rank)

    @property
    def states(self) -> str:
        """One letter a rank, in order; see `RankRun`."""
        return "".join(rank.state for rank in self.by_rank.values())

    @property
    def state(self) -> State:
        """How it goes: running until each rank has ended or somebody called `over`."""
        if self._over is not None:
            return self._over
        if self._alive:
            return "running"
        states = set(self.states)
        if states & set("fl"):
            return "failed"
        return "interrupted" if "i" in states else "done"

    @property
    def is_silent(self) -> bool:
        """Whether no rank has put out, returned or raised anything."""
        with self.lock:
            return all(rank.is_silent for rank in self.by_rank.values())

    @property
    def size(self) -> int:
        """Bytes kept of all ranks, about."""
        with self.lock:
            return sum(rank.size for rank in self.by_rank.values())

    @property
    def ended_at(self) -> float | None:
        """When it was over; None while it runs."""
        if self.state == "running":
            return None
        ends = [rank.ended_at for rank in self.by_rank.values() if rank.ended_at is not None]
        if self._alive or not ends:
            return self._over_at if self._over_at is not None else max(ends, default=self.started_at)
        return max(ends)

    def began(self, rank: int, at: float) -> None:
        """`rank` has begun."""
        with self._event(rank) as of:
            of.began_at = at
            if of.state == "w":
                of.state = "r"

    def stream(self, rank: int, name: str, text: str) -> None:
        """`rank` printed `text` to stdout or stderr."""
        with self._event(rank) as of:
            of.write("stderr" if name == "stderr" else "stdout", text)

    def display(
        self,
        rank: int,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        transient: Mapping[str, Any] | None = None,
        *,
        update: bool | None = None,
    ) -> None:
        """`rank` displayed a mime bundle.

        Parameters
        ----------
        transient : may hold a ``display_id``.
        update : whether this takes the place of what has that id. None: it does if there is such a thing.
        """
        display_id = (transient or {}).get("display_id")
        rich = Rich(data, metadata)
        with self._event(rank) as of:
            known = isinstance(display_id, str) and of.knows(display_id)
            if known and update is not False:
                of.update(display_id, rich)  # type: ignore[arg-type]
            elif not update:
                of.display(rich, display_id if isinstance(display_id, str) else None)

    def result(self, rank: int, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        """Note the value of the last expression of the cell on `rank`."""
        rich = Rich(data, metadata)
        if rich.size > _within(RICH_KEPT // len(self.by_rank), _RICH_OF_A_RANK):
            rich.refuse()
        with self._event(rank) as of:
            of.result = rich

    def failed(self, rank: int, ename: str, evalue: str, traceback: Sequence[str]) -> None:
        """`rank` raised something."""
        failure = Failure(encodable(ename), encodable(evalue), tuple(map(encodable, traceback)))
        with self._event(rank) as of:
            of.failure = failure
            self._leave(of, "i" if ename in _STOPPED else "f")

    def lost(self, rank: int, why: str) -> None:
        """Note that the engine is gone; that matters if it had not ended."""
        with self._event(rank) as of:
            if of.state in _LIVING:
                of.failure = Failure("EngineLost", encodable(why))
                self._leave(of, "l")

    def ended(self, rank: int, at: float) -> None:
        """`rank` has ended, in whatever way it did."""
        with self._event(rank) as of:
            if of.ended_at is None:
                of.ended_at = at
            self._leave(of, "d")

    def clear(self, rank: int, wait: bool = False) -> None:
        """`rank` called ``clear_output``; with `wait` it counts when something new comes."""
        with self._event(rank) as of:
            if wait:
                of.clear_next = True
            else:
                of.clear()

    def over(self, state: State, at: float) -> None:
        """Nobody waits for it any more; what still comes is shown all the same.

        What ended it stays so: who waits for it again later only sees more of it.
        """
        with self.lock:
            if self._over is not None:
                return
            self._over, self._over_at = state, at
            self.version += 1
        self._tell()

    def tell(self, notice: str) -> None:
        """Have `notice` shown with it, in place of what was told before."""
        with self.lock:
            self.notice = notice
            self.version += 1
        self._tell()

    def _event(self, rank: int) -> _Event:
        return _Event(self, self.by_rank[rank])

    def _leave(self, of: RankRun, state: str) -> None:
        if of.state in _LIVING:
            self._alive -= 1
            of.state = state
        elif of.state == "d":
            of.state = state  # the news of the end and of the exception come in either order

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()


class _Event:
    """Holds the lock while one rank changes, then tells."""

    __slots__ = ("_of", "_run")

    def __init__(self, run: CellRun, of: RankRun) -> None:
        self._run, self._of = run, of

    def __enter__(self) -> RankRun:
        self._run.lock.acquire()
        return self._of

    def __exit__(self, *_: object) -> None:
        self._run.version += 1
        self._run.lock.release()
        self._run._tell()


def first_line(code: str) -> str:
    """Return the first line of `code` that says something, shortened."""
    lines: Iterator[str] = (line.strip() for line in code.splitlines())
    line = next((line for line in lines if line), "")
    return line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"


def _within(amount: int, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(bounds[1], amount))
