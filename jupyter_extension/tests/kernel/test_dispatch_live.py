"""How a cell on engines is shown while it runs: what is sent, and how often, by a clock of our own."""

from __future__ import annotations

import heapq
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from pxengines.dispatch import live, showing
from pxengines.dispatch.blocks import FINAL_BYTES, LIVE_BYTES
from pxengines.dispatch.kept import Kept
from pxengines.dispatch.live import MIME, PATIENCE_SECONDS, SLOT_SECONDS, Pace, Showing
from pxengines.dispatch.run import CellRun

pytestmark = pytest.mark.apart


class FakeWidget:
    """A model that notes what would be sent to the page."""

    model_id = "m1"
    comm: Any = object()

    def __init__(self, notebook: Notebook, state: dict[str, Any], on_message: Callable[[Any], None]) -> None:
        self.__dict__.update(_notebook=notebook, _state=dict(state), _held=None, view_says=on_message)
        self.sent: list[dict[str, Any]] = []
        notebook.note("open", state)

    def __setattr__(self, name: str, value: Any) -> None:
        if self.__dict__.get("_held") is None:
            super().__setattr__(name, value)
        elif self._state.get(name) != value:
            self._state[name] = self._held[name] = value

    def hold_sync(self) -> FakeWidget:
        return self

    def __enter__(self) -> None:
        self.__dict__["_held"] = {}

    def __exit__(self, *_: object) -> None:
        held, self.__dict__["_held"] = self._held, None
        self._notebook.note("update", held)

    def send(self, content: dict[str, Any]) -> None:
        self.sent.append(content)

    def close(self) -> None:
        self.__dict__["comm"] = None

    @property
    def state(self) -> dict[str, Any]:
        return self._state


class Notebook:
    """What is sent to the page, when by a clock that stands still unless told, and timers of that clock."""

    def __init__(self, ranks: int = 2, *, blocking: bool, widgets: bool = True, always: bool = False) -> None:
        self.now = 1_000.0
        self.sent: list[tuple[float, str, Any]] = []
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.widget: FakeWidget | None = None
        self.stopped = 0
        self.run = CellRun(run_id="1", code="a = 3", ranks=range(ranks), started_at=self.now)
        self.showing = Showing(
            self,
            blocking=blocking,
            always=always,
            publish=lambda bundle, name, update: self.note("update_display" if update else "display", bundle),
            make_widget=self._make if widgets else None,
            clock=lambda: self.now,
            wall_clock=lambda: self.now,
            later=self._later,
        )

    size = 0

    def stop(self) -> None:
        self.stopped += 1

    def _make(self, state: dict[str, Any], on_message: Callable[[Any], None]) -> FakeWidget:
        self.widget = FakeWidget(self, state, on_message)
        return self.widget

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self.timers, (self.now + seconds, len(self.sent), what))
        assert len(self.timers) == 1  # however much happens

    def note(self, kind: str, what: Any) -> None:
        self.sent.append((self.now, kind, what))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.timers and self.timers[0][0] <= end:
            self.now, _, what = heapq.heappop(self.timers)
            what()
        self.now = end

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.sent]

    def blocks(self) -> list[tuple[str, str]]:
        assert self.widget is not None
        return [(block["ranks"], block["text"]) for block in self.widget.state["blocks"]]


def size(what: Any) -> int:
    """Return the bytes of what is sent."""
    return len(msgspec.json.encode(what))


def end(run: CellRun, at: float) -> None:
    """End all ranks."""
    for rank in run.ranks:
        run.ended(rank, at)


def test_a_quick_cell_without_output_shows_nothing() -> None:
    notebook = Notebook(blocking=True)
    notebook.showing.update()
    end(notebook.run, notebook.now)
    notebook.showing.finish()
    notebook.wait(10)
    assert notebook.sent == []
    assert notebook.timers == []


@pytest.mark.parametrize("always", [False, True])
def test_a_quick_cell_is_shown_once(always: bool) -> None:
    notebook = Notebook(blocking=True, always=always)
    if not always:
        notebook.run.result(0, {"text/plain": "1"})
    end(notebook.run, notebook.now)
    notebook.showing.finish()
    assert notebook.kinds() == ["open", "display"]
    _, (_, _, state), (_, _, bundle) = None, *notebook.sent
    assert (state["state"], state["states"], state["blocking"]) == ("done", "dd", False)
    assert list(bundle) == [MIME, "text/plain", "text/html"]
    assert bundle[MIME] == {"model_id": "m1", "cluster": "", "ranks": "0\N{EN DASH}1"}
    assert bundle["text/plain"].startswith("a = 3: done on 2 engines, 0.00 s")


def test_a_cell_that_failed_is_shown_though_it_put_out_nothing() -> None:
    notebook = Notebook(blocking=True)
    notebook.run.over("timeout", notebook.now)
    notebook.showing.finish()
    assert notebook.kinds() == ["open", "display"]


def test_a_blocking_cell_is_shown_as_it_goes() -> None:
    notebook = Notebook(blocking=True)
    notebook.run.began(0, notebook.now)
    for _ in range(3):
        notebook.showing.update()
        notebook.wait(PATIENCE_SECONDS / 3)
    assert notebook.sent == []
    notebook.showing.update()
    assert notebook.kinds() == ["open", "display"]
    assert notebook.widget is not None
    assert (notebook.widget.state["states"], notebook.widget.state["blocking"]) == ("rw", True)
    notebook.run.stream(0, "stdout", "one\n")
    notebook.showing.update()
    assert len(notebook.sent) == 2  # not so soon
    notebook.wait(SLOT_SECONDS)
    notebook.showing.update()
    notebook.showing.update()
    assert notebook.kinds()[2:] == ["update"]
    assert notebook.blocks() == [("0", "one\n")]
    notebook.run.stream(1, "stdout", "one\n")
    end(notebook.run, notebook.now)
    notebook.showing.finish()
    assert notebook.kinds()[3:] == ["update", "update_display"]
    assert notebook.widget.state["state"] == "done"
    assert notebook.widget.state["blocking"] is False
    assert notebook.blocks() == [("0\N{EN DASH}1", "one\n")]
    html = notebook.sent[-1][2]["text/html"]
    assert "done on 2 engines" in html
    assert "one" in html


def test_what_became_of_a_stop_is_shown() -> None:
    notebook = Notebook(blocking=False)
    notebook.showing.show()
    assert notebook.widget is not None
    notebook.widget.view_says({"do": "stop"})
    assert notebook.stopped == 1
    notebook.run.tell("Rank 1 is still busy.")
    notebook.wait(live._HTML_SECONDS)
    assert notebook.widget.state["notice"] == "Rank 1 is still busy."
    end(notebook.run, notebook.now)
    notebook.run.tell("All engines are idle again.")
    notebook.wait(1)
    assert "All engines are idle again." in notebook.sent[-1][2]["text/html"]


def test_output_after_the_end_is_shown_when_it_comes() -> None:
    notebook = Notebook(blocking=True, always=True)
    end(notebook.run, notebook.now)
    notebook.showing.finish()
    notebook.run.stream(0, "stdout", "late")
    notebook.wait(1)
    assert notebook.blocks() == [("0", "late")]
    assert notebook.kinds() == ["open", "display", "update"]
    notebook.run.result(0, {"text/plain": "7"})
    notebook.wait(live._HTML_SECONDS)
    notebook.run.result(1, {"text/plain": "7"})
    notebook.wait(1)
    assert notebook.blocks() == [("0", "late"), ("0\N{EN DASH}1", "7")]
    assert "[0\N{EN DASH}1] 7" in notebook.sent[-1][2]["text/plain"]
    assert notebook.timers == []


def test_late_output_of_a_cell_that_showed_nothing() -> None:
    notebook = Notebook(blocking=True)
    end(notebook.run, notebook.now)
    notebook.showing.finish()
    notebook.run.stream(0, "stdout", "late")
    notebook.wait(1)
    assert notebook.kinds() == ["open", "display"]
    assert notebook.blocks() == [("0", "late")]


def test_without_anybody_waiting_it_looks_after_itself() -> None:
    notebook = Notebook(blocking=False)
    notebook.showing.show()
    notebook.showing.show()
    assert notebook.kinds() == ["open", "display"]
    for number in range(10):
        notebook.run.stream(0, "stdout", f"{number}\n")
        notebook.wait(1.0)
    end(notebook.run, notebook.now)
    notebook.wait(1.0)
    assert notebook.widget is not None
    assert notebook.widget.state["state"] == "done"
    assert "done on 2 engines" in notebook.sent[-1][2]["text/plain"]
    count = len(notebook.sent)
    notebook.wait(1_000)
    assert len(notebook.sent) == count
    assert notebook.timers == []


def test_many_displays_of_one_run_take_no_more_than_a_few() -> None:
    notebook = Notebook(blocking=False)
    notebook.showing.show()
    others = [Notebook(blocking=False) for _ in range(6)]
    for other in others:
        make = other._make
        other.showing = Showing(
            notebook, blocking=False, publish=lambda *_: None, make_widget=make, later=other._later
        )
        other.showing.show()
    notebook.run.stream(0, "stdout", "line\n")
    assert [len(each.timers) for each in (notebook, *others)] == [0, 0, 0, 1, 1, 1, 1]
    end(notebook.run, notebook.now)  # how it ends is shown by all
    assert all(other.timers for other in others)
    notebook.wait(10)
    assert notebook.blocks() == [("0", "line\n")]


def test_without_widgets_the_html_is_shown_anew() -> None:
    notebook = Notebook(blocking=False, widgets=False)
    notebook.showing.show()
    notebook.run.stream(0, "stdout", "one")
    notebook.wait(1)
    notebook.run.stream(0, "stdout", " two")
    end(notebook.run, notebook.now)
    notebook.wait(5)
    assert set(notebook.kinds()) == {"display", "update_display"}
    assert notebook.sent[-1][2][MIME] == {"cluster": "", "ranks": "0\N{EN DASH}1"}
    assert "one two" in notebook.sent[-1][2]["text/html"]


@pytest.mark.parametrize("widgets", [True, False])
@pytest.mark.parametrize("blocking", [True, False])
def test_many_ranks_and_lines_freeze_nothing(blocking: bool, widgets: bool) -> None:
    """Counts messages and bytes: 1,000 ranks print 10,000 lines each, over 100 s."""
    notebook = Notebook(1_000, blocking=blocking, widgets=widgets)
    if not blocking:
        notebook.showing.show()
    lines = [f"line {number} of these\n" * 500 for number in range(20)]
    for text in lines:
        for rank in range(1_000):
            notebook.run.stream(rank, "stdout", text if rank % 100 else f"{rank} {text}")
        for _ in range(50):
            if blocking:
                notebook.showing.update()
            notebook.wait(0.1)
    end(notebook.run, notebook.now)
    if blocking:
        notebook.showing.finish()
    notebook.wait(10)
    times = sorted({at for at, _, _ in notebook.sent})
    assert len(times) <= 110 / SLOT_SECONDS
    slots = [b - a for a, b in pairwise(times)]
    assert min(slots[:-1]) >= SLOT_SECONDS - 0.01
    assert max(size(what) for _, _, what in notebook.sent[:-3]) <= 2 * LIVE_BYTES + 20_000
    assert max(size(what) for _, _, what in notebook.sent) <= 1.3 * FINAL_BYTES
    assert sum(size(what) for _, _, what in notebook.sent) <= 110 * live.BYTES_A_SECOND
    if widgets:
        assert len(notebook.blocks()) == 11


def test_pace() -> None:
    pace = Pace()
    assert pace.wait(0.0) == 0
    pace.spent(10.0, 10.0, 0)
    assert pace.wait(10.1) == pytest.approx(SLOT_SECONDS - 0.1)
    assert pace.wait(11.0) == 0
    pace.spent(20.0, 20.0, 4_000_000)
    assert pace.wait(20.0) == 10.0
    pace.spent(30.0, 30.5, 0)
    assert pace.wait(30.5) == pytest.approx(5.0)


def test_what_the_view_asks_for() -> None:
    notebook = Notebook(1, blocking=False)
    notebook.run.result(0, {"text/plain": "x" * 500_000})
    notebook.showing.show()
    widget = notebook.widget
    assert widget is not None
    view_says = widget.__dict__["view_says"]
    view_says({"do": "stop"})
    assert notebook.stopped == 1
    key = widget.state["blocks"][0]["key"]
    view_says({"do": "whole", "key": key})
    view_says({"do": "whole", "key": "stdout:0:0"})
    view_says({"do": "all"})
    view_says({"do": "something else"})
    whole, gone, everything = widget.sent
    assert whole == {"whole": key, "text": "x" * 500_000, "data": None, "metadata": None}
    assert gone == {"whole": "stdout:0:0", "text": None, "data": None, "metadata": None}
    assert [block["key"] for block in everything["all"]] == [key]
    assert everything["dropped_blocks"] == 0


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept[Showing]:
    """Return what keeps the widgets; it has room for 3, and for 100 bytes."""
    small: Kept[Showing] = Kept(3, 100, may_go=live._kept._may_go, drop=live._kept._drop)
    monkeypatch.setattr(live, "_kept", small)
    return small


def show_some(count: int, running: int = 0, size: int = 0) -> list[Notebook]:
    """Show so many runs one after the other; the first `running` of them do not end."""
    notebooks = [Notebook(blocking=False) for _ in range(count)]
    for number, notebook in enumerate(notebooks):
        notebook.size = size
        notebook.showing.show()
        if number >= running:
            end(notebook.run, notebook.now)
            notebook.wait(10)
    return notebooks


def are_live(notebooks: list[Notebook]) -> list[bool]:
    return [notebook.widget is not None and notebook.widget.comm is not None for notebook in notebooks]


def test_old_widgets_are_closed(kept: Kept[Showing]) -> None:
    notebooks = show_some(5)
    assert are_live(notebooks) == [False, False, True, True, True]
    count = len(notebooks[0].sent)
    notebooks[0].run.stream(0, "stdout", "late")
    notebooks[0].wait(10)
    ((_, kind, bundle),) = notebooks[0].sent[count:]
    assert (kind, bundle[MIME]) == ("update_display", {"cluster": "", "ranks": "0\N{EN DASH}1"})
    assert "late" in bundle["text/html"]


def test_the_widget_of_a_run_that_goes_on_is_not_closed(kept: Kept[Showing]) -> None:
    notebooks = show_some(6, running=2)
    assert are_live(notebooks) == [True, True, False, False, False, True]
    notebooks[0].run.stream(0, "stdout", "still there")
    notebooks[0].wait(10)
    assert notebooks[0].blocks() == [("0", "still there")]
    end(notebooks[0].run, notebooks[0].now)
    show_some(1)
    assert are_live(notebooks) == [False, True, False, False, False, True]


def test_widgets_of_much_output_are_closed_sooner(kept: Kept[Showing]) -> None:
    assert are_live(show_some(4, size=60)) == [False, False, True, True]


# --- what fails ---------------------------------------------------------------------------------


def failing(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let nothing be shown of it; return when that was tried."""
    tries: list[float] = []

    def fail(*_: Any, **__: Any) -> Any:
        tries.append(notebook.now)
        raise AssertionError("unknown status keyword 'x'")

    monkeypatch.setattr(live.static, "bundle", fail)
    return tries


def test_a_display_that_fails_does_not_end_the_wait_and_is_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = Notebook(blocking=True)
    tries = failing(notebook, monkeypatch)
    monkeypatch.setattr(showing, "in_kernel", lambda: True)
    monkeypatch.setattr(live, "showing", lambda *_, **__: notebook.showing)
    result: Any = notebook
    with showing.output(result, stream=True, groupby="type", progress_after=0) as shown:
        for _ in range(200):
            notebook.run.stream(0, "stdout", "x")
            shown.update()
            notebook.wait(0.01)
    assert len(tries) > 2
    assert min(b - a for a, b in pairwise(tries[:-1])) >= SLOT_SECONDS - 0.01
    told = capsys.readouterr().err
    assert told.count("Note: ") == 1
    assert "AssertionError: unknown status keyword 'x'" in told
    assert len([kind for kind in notebook.kinds() if kind == "open"]) <= 1


def test_a_view_that_looks_after_itself_goes_on_when_it_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = Notebook(blocking=False)
    notebook.showing.show()
    with monkeypatch.context() as patch:
        tries = failing(notebook, patch)
        for _ in range(10):
            notebook.run.stream(0, "stdout", "x")
            notebook.wait(live._HTML_SECONDS)
        assert len(tries) > 2
    assert capsys.readouterr().err.count("Note: ") == 1
    end(notebook.run, notebook.now)
    notebook.wait(10)
    assert "done on 2 engines" in notebook.sent[-1][2]["text/plain"]


def test_the_real_widget_has_the_traits_of_the_contract() -> None:
    from pxengines.dispatch.widget import new_widget

    notebook = Notebook(2, blocking=False)
    notebook.run.result(0, {"text/plain": "1", "text/html": "<b>1</b>"})
    notebook.showing.show()
    assert notebook.widget is not None
    said: list[Any] = []
    widget = new_widget(notebook.widget.state, said.append)
    try:
        began = time.time()
        state = widget.get_state()
        # A page that is loaded in the middle of a silent run counts from the moment it is loaded.
        assert began <= state["now"] <= time.time()
        state["now"] = notebook.widget.state["now"]
        assert {name: value for name, value in state.items() if not name.startswith("_")} == {
            **notebook.widget.state,
            "ended_at": None,
        }
        assert {
            name: value for name, value in state.items() if name.startswith("_") and value is not None
        } == {
            "_model_module": "jupyterlab-engines",
            "_model_module_version": "^0.1.0",
            "_model_name": "CellRunModel",
            "_view_module": "jupyterlab-engines",
            "_view_module_version": "^0.1.0",
            "_view_name": "CellRunView",
        }
        widget.state = "done"
        assert widget.get_state()["now"] == widget.now == state["now"]
        widget._handle_custom_msg({"do": "stop"}, [])
        assert said == [{"do": "stop"}]
    finally:
        widget.close()


def test_ipywidgets_is_needed_by_widgets_only() -> None:
    """Neither importing the package nor showing a run without widgets imports it."""
    program = (
        "import sys; sys.modules['ipywidgets'] = None\n"
        "from pxengines.dispatch import live, widget\n"
        "from pxengines.dispatch.run import CellRun\n"
        "run = CellRun(run_id='1', code='a', ranks=[0], started_at=0.0)\n"
        "class Result: pass\n"
        "result = Result(); result.run = run\n"
        "sent = []\n"
        "live.Showing(result, blocking=False, publish=lambda *what: sent.append(what)).show()\n"
        "print(widget.available(), len(sent))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False 1\n"
