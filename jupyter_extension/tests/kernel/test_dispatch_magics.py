"""The options of the magics, what they hand on, and what they refuse; the engines are played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ipyparallel.error import AlreadyDisplayedError
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from playedcluster import Cluster

from pxengines import EnginesError
from pxengines.dispatch import cell_wait
from pxengines.dispatch import magics as ours
from pxengines.dispatch import result as results
from pxengines.dispatch.errors import CellError, CellTimeoutError
from pxengines.dispatch.magics import EnginesParallelMagics


class View:
    """A view of all played engines."""

    def __init__(self) -> None:
        self.client = Cluster(3)
        self.targets: Any = [0, 1, 2]
        self.block = False


class Sent:
    """Takes the place of `submit`: keeps what was sent, and plays the engines."""

    def __init__(self) -> None:
        self.cells: list[tuple[str, Any, dict[str, Any]]] = []
        self.clusters: list[Cluster] = []
        self.answers: Any = "reply"

    def __call__(self, view: View, code: str, **options: Any) -> Any:
        self.cells.append((code, view.targets, options))
        cluster = Cluster(3).begin()
        self.clusters.append(cluster)
        for engine in cluster.ids if self.answers is not None else ():
            if self.answers == "fail":
                cluster.fail(engine, evalue=str(engine))
            else:
                cluster.answer(engine, self.answers)
        cluster.result.on_error = options["on_error"]
        cluster.result.display_outputs = lambda groupby: None
        return cluster.result


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    sent = Sent()
    monkeypatch.setattr(results, "submit", sent)
    monkeypatch.setattr(cell_wait, "END_SECONDS", 0.1)
    monkeypatch.setattr(cell_wait, "GRACE_SECONDS", 0.1)
    return sent


@pytest.fixture
def magics(sent: Sent) -> Iterator[EnginesParallelMagics]:
    magics = EnginesParallelMagics(InteractiveShell(), View())
    magics.shell.user_ns.clear()
    yield magics
    magics.shell.history_manager.end_session()


def test_a_cell_that_does_not_block_returns_its_result(magics: EnginesParallelMagics, sent: Sent) -> None:
    result = magics.cell_px("-o status", "x = 1")
    assert result is sent.clusters[0].result is magics.last_result is magics.shell.user_ns["status"]
    assert sent.cells == [("x = 1", [0, 1, 2], {"on_error": "stop", "group": "type"})]
    assert magics.px("y") is sent.clusters[1].result


def test_a_cell_that_blocks_returns_nothing(magics: EnginesParallelMagics, sent: Sent) -> None:
    assert magics.cell_px("--block", "x = 1") is None
    magics.view.block = True
    assert magics.px("x = 1") is None
    assert magics.cell_px("--noblock", "x = 1") is sent.clusters[-1].result


def test_targets_of_a_cell_are_for_it_alone(magics: EnginesParallelMagics, sent: Sent) -> None:
    magics.cell_px("--targets 0-1", "x")
    assert sent.cells[-1][1] == [0, 1]
    assert magics.view.targets == [0, 1, 2]
    with pytest.raises(EnginesError, match="there is no engine 7"):
        magics.cell_px("--targets 7", "x")
    assert magics.view.targets == [0, 1, 2]


def test_what_is_set_for_all_cells(magics: EnginesParallelMagics, sent: Sent) -> None:
    magics.pxconfig(
        "--targets -1 --block --on-error wait --timeout 5 --verbose --no-stream --progress-after 7"
    )
    assert (magics.view.targets, magics.view.block) == (2, True)
    assert (magics.on_error, magics.timeout, magics.verbose) == ("wait", 5, True)
    assert (magics.stream_output, magics.progress_after_seconds) == (False, 7)
    magics.cell_px("", "x")
    assert sent.cells[-1][2]["on_error"] == "wait"
    magics.cell_px("--on-error stop", "x")
    assert sent.cells[-1][2]["on_error"] == "stop"
    magics.pxconfig("--timeout 0 --signal-on-interrupt 9")
    assert (magics.timeout, magics.signal_on_interrupt) == (None, 9)
    for unknown in ("SIGFOO", "999"):
        with pytest.raises(UsageError, match=rf"--signal-on-interrupt {unknown}: there is no such signal"):
            magics.pxconfig(f"--signal-on-interrupt {unknown}")
    assert magics.signal_on_interrupt == 9


def test_a_time_limit(magics: EnginesParallelMagics, sent: Sent) -> None:
    sent.answers = None
    with pytest.raises(CellTimeoutError, match=r"longer than 0\.1 s\. Ranks 0-2 were interrupted"):
        magics.cell_px("--block --timeout 0.1", "x")
    magics.pxconfig("--timeout 0.1 --block")
    with pytest.raises(CellTimeoutError):
        magics.px("x")


@pytest.mark.parametrize("value", ["-1", "nan", "inf"])
def test_time_limits_that_are_none(magics: EnginesParallelMagics, sent: Sent, value: str) -> None:
    for call in (
        lambda: magics.cell_px(f"--block --timeout={value}", "x"),
        lambda: magics.pxconfig(f"--timeout={value}"),
    ):
        with pytest.raises(EnginesError, match="--timeout needs a number of seconds"):
            call()
    assert sent.cells == []


def test_options_that_are_refused(magics: EnginesParallelMagics, sent: Sent) -> None:
    for line in ("--on-error never", "--timeout soon", "--nothing", "--noblock --timeout 3"):
        with pytest.raises(UsageError):
            magics.cell_px(line, "x")
    assert sent.cells == []


def test_errors_are_shown_once_in_a_terminal(
    magics: EnginesParallelMagics, sent: Sent, capsys: pytest.CaptureFixture[str]
) -> None:
    sent.answers = "fail"
    with pytest.raises(AlreadyDisplayedError) as raised:
        magics.cell_px("--block --stream", "x")
    assert raised.value.render_traceback() == ["3 errors"]
    with pytest.raises(CellError) as collected:
        magics.cell_px("--block --no-stream", "x")
    assert str(collected.value) == "Rank 0: ValueError: 0. Rank 1: ValueError: 1. Rank 2: ValueError: 2."


def test_a_terminal_says_what_an_interrupt_did_and_goes_on(
    magics: EnginesParallelMagics,
    sent: Sent,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent.answers = None

    def press(result: Any, terms: Any, tick: Any) -> None:
        cell_wait.wait_as_one(result, cell_wait.Terms(interrupted=True), tick)

    monkeypatch.setattr(ours, "wait_as_one", press)
    assert magics.cell_px("--block", "x") is None
    assert "Interrupted. All engines are idle again." in capsys.readouterr().err


def test_past_cells_are_counted_back_or_named(magics: EnginesParallelMagics, sent: Sent) -> None:
    with pytest.raises(UsageError, match="no cell on engines yet"):
        magics.result("")
    first, second = magics.px("first"), magics.px("second")
    for which, want in (("", second), ("1", second), ("2", first), ("-2", first), (first.msg_ids[1], second)):
        magics.result(f"{which} -o found")
        found = magics.shell.user_ns["found"]
        assert found is want or found.msg_ids == want.msg_ids  # played engines number each cell alike
    with pytest.raises(UsageError, match="there are 2 past cells, counted back from 1; no 3"):
        magics.result("3")
    with pytest.raises(UsageError, match="no 0"):
        magics.result("0")


def test_a_past_cell_that_failed_raises_again(magics: EnginesParallelMagics, sent: Sent) -> None:
    sent.answers = "fail"
    magics.px("x")
    with pytest.raises(CellError, match="Rank 0: ValueError: 0"):
        magics.result("")


def test_many_past_cells_are_not_all_kept(magics: EnginesParallelMagics, sent: Sent) -> None:
    for _ in range(ours._KEPT + 5):
        magics.px("x")
    assert len(magics._results) == ours._KEPT


def test_past_cells_of_much_output_are_not_all_kept(magics: EnginesParallelMagics, sent: Sent) -> None:
    """The last one is there whatever it holds, as ipyparallel's `last_result`."""
    for _ in range(5):
        cell = magics.px("x")
        cell.together.parts[0].output.metadata["stdout"] = "x" * 100_000_000
    assert len(magics._results) == 3
    magics.result("-o found")
    assert magics.shell.user_ns["found"] is cell
    with pytest.raises(UsageError, match="Older ones, and those before much output, are not kept"):
        magics.result("4")
