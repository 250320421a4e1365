"""A cell on engines, shown in a notebook while it runs and when it is over.

Where the kernel has ipywidgets and the frontend our labextension, a live view; everywhere else HTML that is
shown anew. The output of the cell holds the HTML and plain text in either case, for saved notebooks.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import msgspec

from ..interrupts import Deferred
from . import static, widget
from .blocks import LIVE_BYTES, shown, whole
from .careful import Careful
from .kept import Kept
from .run import CellRun
from .where import where

MIME = "application/vnd.jupyterlab-engines.run+json"
"""Names the model to the labextension, which shows the HTML beside it where that is not to be had."""

SLOT_SECONDS = 0.25
"""No two updates are closer to each other."""
BYTES_A_SECOND = 400_000
"""What updates may send on average."""
SHARE = 0.1
"""The part of a processor that updates may take on average."""
PATIENCE_SECONDS = 0.3
"""A cell that is over before is shown once, and not at all if there is nothing to see."""
_HTML_SECONDS = 5.0
"""How old the HTML beside a live view may be: it is for a notebook that is saved while the cell runs."""
_WIDGETS_KEPT = 50
_LIVE_AT_ONCE = 4
"""Displays of one run that go with it; older ones are brought up to date when it ends."""
_ALL_BLOCKS = 20_000
_ALL_BYTES = 4_000_000


class Watched(Protocol):
    """What is shown: an `EnginesResult`."""

    run: CellRun

    @property
    def size(self) -> int:
        """Bytes that are kept of it, about."""

    def stop(self) -> None:
        """Interrupt the engines; returns at once, and tells the run what came of it."""


Publish = Callable[[dict[str, Any], str, bool], None]
"""Takes a mime bundle, the id of the display, and whether it takes the place of what has that id."""
Later = Callable[[float, Callable[[], None]], None]


class Pace:
    """When the next update may be: not too soon, not too much, not too dear.

    Parameters
    ----------
    slot : least seconds between two updates.
    """

    def __init__(self, slot: float = SLOT_SECONDS) -> None:
        self._slot = slot
        self._next = float("-inf")

    def wait(self, now: float) -> float:
        """Return the seconds until the next one may be; 0 if it may be now."""
        return max(0.0, self._next - now)

    def spent(self, began: float, now: float, size: int) -> None:
        """Note an update of `size` bytes that took from `began` to `now`."""
        self._next = now + max(self._slot, size / BYTES_A_SECOND, (now - began) / SHARE)


class Showing:
    """One run in one output of a notebook.

    Parameters
    ----------
    result : whose run is shown.
    blocking : `update` and `finish` are called while the cell runs; else it looks after itself.
    always : show it even if it was quick and has nothing to show.
    publish, make_widget, clock, wall_clock, later : the notebook, widgets and times, for tests.

    Attributes
    ----------
    shows_errors : who sees this sees the tracebacks.
    """

    shows_errors = True

    def __init__(
        self,
        result: Watched,
        *,
        blocking: bool,
        always: bool = False,
        publish: Publish | None = None,
        make_widget: Callable[[dict[str, Any], widget.OnMessage], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        later: Later | None = None,
    ) -> None:
        self._result, self._run = result, result.run
        self._blocking, self._always = blocking, always
        self._publish = publish or Output()
        self._make_widget = make_widget
        self._clock, self._wall_clock = clock, wall_clock
        self._later = later or _later
        self._id = uuid.uuid4().hex
        self._widget: Any = None
        self._lock = threading.RLock()  # one update at a time; never taken by who tells the run something
        self._gate = threading.Lock()
        self._armed = False
        self._visible = False
        self._pace, self._heavy, self._html = Pace(), Pace(), Pace(_HTML_SECONDS)
        self._seen = self._seen_html = -1
        self._final = False
        self._careful = Careful()
        self._began = clock()
        self._waiting = blocking
        self._retired = False
        self._run.listeners = (*self._run.listeners, self._poke)

    def update(self) -> None:
        """Show what is new, if it is time; call it often from the thread of the cell."""
        if self._visible:
            if self._seen != self._run.version and self._pace.wait(self._clock()) <= 0:
                with Deferred():  # what is noted as sent is sent
                    self._refresh()
        elif self._clock() - self._began >= PATIENCE_SECONDS and self._pace.wait(self._clock()) <= 0:
            self.show()

    def finish(self) -> None:
        """Show the end; what comes after it is shown when it comes."""
        self._waiting = False
        with Deferred(), self._lock:
            if self._visible:
                self._refresh(now=True)
            elif self._always or self._worth_showing():
                self.show()

    def show(self) -> None:
        """Show it for the first time, in the output of the cell that runs now."""
        with Deferred(), self._lock:  # shown and known, or neither: it would be shown twice
            if self._visible:
                return
            began, at = self._clock(), self._wall_clock()
            size = 0
            try:
                self._seen = self._seen_html = self._run.version
                self._final = self._run.state != "running"
                bundle: dict[str, Any] = static.bundle(self._run, at)
                size = sum(map(len, bundle.values()))
                if self._make_widget is not None and self._widget is None:
                    state = {**self._light(at), **self._blocks(), "blocking": self._waiting}
                    self._widget = self._make_widget(state, self._message)
                    _kept.add(self)
                self._publish(self._named(bundle), self._id, False)
                self._visible = True
                _retire_others(self._run)
            finally:  # what fails is tried again no sooner
                now = self._clock()
                for pace in (self._pace, self._heavy, self._html):
                    pace.spent(began, now, size)

    def retire(self) -> None:
        """Show nothing new before the end of the run: others show it."""
        self._retired = True

    def close(self) -> None:
        """Show it live no more; what is shown of it otherwise stays."""
        if self._widget is not None:
            self._widget.close()

    @property
    def size(self) -> int:
        """Bytes that are kept for it, about."""
        return self._result.size

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self._run.state != "running"

    @property
    def _is_live(self) -> bool:
        return self._widget is not None and self._widget.comm is not None

    def _worth_showing(self) -> bool:
        return self._run.state != "done" or not self._run.is_silent

    def _poke(self) -> None:
        """Something has changed: called often, in any thread, with nothing to wait for."""
        if self._waiting or (self._retired and not self.is_over):
            return
        with self._gate:
            if self._armed:
                return
            self._armed = True
        self._later(self._pace.wait(self._clock()), self._tick)

    def _tick(self) -> None:
        with self._gate:
            self._armed = False
        self._careful(self._look_after)

    def _look_after(self) -> None:
        with self._lock:
            if not self._visible:
                if not self._blocking or self._worth_showing():
                    self.show()
                return
            self._refresh()
            if self._seen != self._run.version:
                self._again()

    def _again(self) -> None:
        with self._gate:
            if self._armed:
                return
            self._armed = True
        self._later(SLOT_SECONDS, self._tick)

    def _refresh(self, now: bool = False) -> None:
        """Send what has changed: the states of ranks each time, their output in its own time."""
        with self._lock:
            began, at, version = self._clock(), self._wall_clock(), self._run.version
            over = self._run.state != "running"
            at_once = now or (over and not self._final)
            heavy = at_once or self._heavy.wait(began) <= 0
            try:
                if at_once or (heavy and version != self._seen):
                    self._seen = version
                    sent = self._send_widget(at, heavy=True)
                    sent += self._send_html(at, version, at_once)
                    self._final = over
                    self._heavy.spent(began, self._clock(), sent)
                else:
                    self._send_widget(at, heavy=False)
            finally:  # what fails is tried again no sooner
                self._pace.spent(began, self._clock(), 0)

    def _send_widget(self, at: float, *, heavy: bool) -> int:
        if not self._is_live:
            return 0
        state = self._light(at)
        size = 0
        if heavy:
            state |= {**self._blocks(), "blocking": self._waiting}
            size = self._size
        with self._widget.hold_sync():
            for name, value in state.items():
                setattr(self._widget, name, value)
        return size

    def _send_html(self, at: float, version: int, at_once: bool) -> int:
        began = self._clock()
        if version == self._seen_html and not at_once:
            return 0
        if self._widget is not None and not at_once and self._html.wait(began) > 0:
            return 0
        self._seen_html = version
        bundle: dict[str, Any] = static.bundle(self._run, at)
        size = sum(map(len, bundle.values()))
        self._publish(self._named(bundle), self._id, True)
        self._html.spent(began, self._clock(), size)
        return size

    def _named(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Add which model shows it live, if one does, and where it ran: that stays in the saved notebook."""
        # A model that was closed is nowhere any more.
        model = {"model_id": self._widget.model_id} if self._is_live else {}
        return {MIME: {**model, **where(self._run)}, **bundle}

    def _light(self, at: float) -> dict[str, Any]:
        run = self._run
        with run.lock:
            return {
                "label": run.label,
                "cluster": run.cluster,
                "ranks": run.ranks,
                "states": run.states,
                "state": run.state,
                "started_at": run.started_at,
                "ended_at": run.ended_at,
                "now": at,
                "notice": run.notice,
            }

    def _blocks(self) -> dict[str, Any]:
        content = (
            shown(self._run, text_bytes=LIVE_BYTES) if self._run.state == "running" else shown(self._run)
        )
        self._size = content.bytes
        return {"blocks": msgspec.to_builtins(content.blocks), "dropped_blocks": content.dropped_blocks}

    def _message(self, content: dict[str, Any]) -> None:
        """Do what the view asks for."""
        asked = content.get("do")
        if asked == "stop":
            self._result.stop()
        elif asked == "whole":
            key = str(content.get("key"))
            block = whole(self._run, key)
            answer: dict[str, Any] = {"text": None, "data": None, "metadata": None}
            if block is not None:
                answer = {"text": block.text, "data": block.data, "metadata": block.metadata}
            self._widget.send({"whole": key, **answer})
        elif asked == "all":
            everything = shown(self._run, text_bytes=_ALL_BYTES, most_blocks=_ALL_BLOCKS)
            blocks = msgspec.to_builtins(everything.blocks)
            self._widget.send({"all": blocks, "dropped_blocks": everything.dropped_blocks})


def showing(result: Watched, *, blocking: bool, always: bool = False) -> Showing:
    """Show `result` in the output of the cell that runs now; see `Showing`."""
    make = widget.new_widget if widget.available() else None
    made = Showing(result, blocking=blocking, always=always, make_widget=make)
    if not blocking:
        made.show()
    return made


def _retire_others(run: CellRun) -> None:
    """Retire all but the last displays of `run`: a cell that shows it is often run again."""
    listeners = [getattr(listener, "__self__", None) for listener in run.listeners]
    for older in [each for each in listeners if isinstance(each, Showing)][:-_LIVE_AT_ONCE]:
        older.retire()


_kept: Kept[Showing] = Kept(_WIDGETS_KEPT, may_go=lambda shown: shown.is_over, drop=Showing.close)
"""Those with a widget: each keeps its run alive, here and in the page."""


class Output:
    """The output of the cell in which it was made."""

    def __init__(self) -> None:
        from IPython import get_ipython

        self._publisher: Any = getattr(get_ipython(), "display_pub")  # noqa: B009 # IPython types it as None
        self._parent = getattr(self._publisher, "parent_header", None)

    def __call__(self, bundle: dict[str, Any], display_id: str, update: bool) -> None:
        """Show `bundle`, in any thread; see `Publish`."""
        publisher = self._publisher
        send = partial(publisher.publish, bundle, {}, transient={"display_id": display_id}, update=update)
        # Other threads speak for the cell that runs now (ipykernel). What is there has an id.
        if update or not self._parent or not hasattr(publisher, "set_thread_parent"):
            send()
            return
        token = publisher.set_thread_parent({"header": self._parent})
        try:
            send()
        finally:
            publisher.reset_thread_parent(token)


def _later(seconds: float, what: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, what)
    timer.daemon = True
    timer.start()
