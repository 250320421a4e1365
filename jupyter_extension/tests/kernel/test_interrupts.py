"""When an interrupt is heeded (interrupts.py), and that what is shown is shown whole or not at all."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace
from typing import Any

import pytest

from pxengines.dispatch.live import Showing
from pxengines.dispatch.run import CellRun
from pxengines.interrupts import Deferred
from pxengines.waiting import StatusLine


def press_stop() -> None:
    """Interrupt this process, as the stop button does."""
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_is_held_back_until_it_is_asked_for() -> None:
    with Deferred() as deferred:
        deferred.check()
        press_stop()
        after = "still here"
        with pytest.raises(KeyboardInterrupt):
            deferred.check()
        deferred.check()
    assert after


def test_an_interrupt_that_was_held_back_comes_at_the_end() -> None:
    with pytest.raises(KeyboardInterrupt), Deferred(), Deferred():
        press_stop()
        after = "still here"
    assert after


def test_a_line_of_progress_that_is_interrupted_when_it_appears_is_replaced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = []

    def display(data: dict[str, str], **_: Any) -> Any:
        shown.append(data["text/plain"])
        press_stop()
        return SimpleNamespace(update=lambda data, raw: shown.append(f"instead: {data['text/plain']}"))

    monkeypatch.setattr("IPython.display.display", display)
    line = StatusLine(SimpleNamespace(kernel=object()), quiet=False)
    with pytest.raises(KeyboardInterrupt):
        line.show("waiting")
    line.finish("stopped waiting")
    assert shown == ["waiting", "instead: stopped waiting"]
    assert capsys.readouterr().out == ""


def test_a_cell_that_is_interrupted_when_it_appears_is_shown_once() -> None:
    updates = []

    def publish(bundle: dict[str, Any], display_id: str, update: bool) -> None:
        updates.append(update)
        if not update:
            press_stop()

    run = CellRun(run_id="1", code="a = 3", ranks=range(2), started_at=time.time())
    result: Any = SimpleNamespace(run=run)
    showing = Showing(result, blocking=True, always=True, publish=publish)
    with pytest.raises(KeyboardInterrupt):
        showing.show()
    showing.finish()
    assert updates == [False, True]


def test_the_end_of_a_cell_is_shown_also_if_stop_is_pressed_again() -> None:
    updates = []
    run = CellRun(run_id="1", code="a = 3", ranks=range(2), started_at=time.time())
    result: Any = SimpleNamespace(run=run)
    times: list[float] = []

    def look_at_the_clock() -> float:
        times.append(time.time())
        if run.state != "running":
            press_stop()
        return times[-1]

    showing = Showing(
        result,
        blocking=True,
        always=True,
        publish=lambda bundle, display_id, update: updates.append(bundle["text/plain"]),
        wall_clock=look_at_the_clock,
    )
    showing.show()
    run.over("interrupted", time.time())
    with pytest.raises(KeyboardInterrupt):
        showing.finish()
    assert "interrupted" in updates[-1].lower()
