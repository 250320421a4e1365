"""How the wait for a cell ends, with engines that are played: faults of any kind, at any moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ipyparallel.client.client import Metadata
from ipyparallel.error import TaskAborted
from playedcluster import Cluster

from pxengines import EnginesError, controller_watch
from pxengines.controller_watch import ControllerWatch
from pxengines.dispatch import cell_wait, result
from pxengines.dispatch.cell_wait import CellInterrupted
from pxengines.dispatch.errors import CellError, CellTimeoutError

SOON = 0.2
"""Seconds in place of those that people wait."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shorten what people wait."""
    for name in ("GRACE_SECONDS", "END_SECONDS", "STOP_SECONDS"):
        monkeypatch.setattr(cell_wait, name, SOON)
    monkeypatch.setattr(result, "QUIET_SECONDS", SOON)
    monkeypatch.setattr("pxengines.together.SETTLE_SECONDS", SOON / 2)
    monkeypatch.setattr(controller_watch, "LOOK_SECONDS", 0.0)
    yield


def pressed() -> None:
    raise KeyboardInterrupt


# --- the end ------------------------------------------------------------------------------------


def test_returns_when_all_have_answered() -> None:
    cluster = Cluster(3).begin()
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(len(ticks))
        if len(ticks) <= 3:
            cluster.answer(len(ticks) - 1)

    cluster.wait(tick)
    assert cluster.result.get() == ["reply"] * 3
    assert cluster.result.run.state == "done"
    assert cluster.signals == []


def test_the_first_error_interrupts_the_others() -> None:
    cluster = Cluster(3).begin()
    cluster.answer(0)
    cluster.fail(1)
    with pytest.raises(CellError) as raised:
        cluster.wait()
    assert str(raised.value) == "Rank 1: ValueError: bad. Rank 2 was interrupted and is idle again."
    assert cluster.signals == [(signal.SIGINT, [2])]
    assert cluster.result.run.state == "failed"


def test_engines_that_fail_for_the_same_reason_are_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_wait, "GRACE_SECONDS", 10.0)  # their answers end it
    cluster = Cluster(3).begin()
    cluster.fail(0)
    threading.Timer(SOON / 4, lambda: [cluster.fail(1), cluster.fail(2)]).start()
    with pytest.raises(CellError, match=r"^Ranks 0-2: ValueError: bad\.$"):
        cluster.wait()
    assert cluster.signals == []


def test_an_engine_that_heeds_no_interrupt_does_not_hold_the_wait() -> None:
    cluster = Cluster(3).begin()
    cluster.deaf = {2}
    cluster.fail(0)
    with pytest.raises(
        CellError, match=r"Rank 1 was interrupted and is idle again\. Rank 2 is still busy"
    ) as raised:
        cluster.wait()
    assert raised.value.outcome.busy == [2]
    assert not cluster.result.done()
    cluster.answer(2)  # it is there for who asks later
    assert cluster.result.done()


def test_it_is_taken_out_of_the_queue_of_who_has_not_begun() -> None:
    cluster = Cluster(3).begin(0, 1)
    cluster.fail(0)
    with pytest.raises(CellError, match=r"Rank 2 was busy with something else and will not run it\.$"):
        cluster.wait()
    assert cluster.withdrawn == [[2]]
    assert cluster.signals == [(signal.SIGINT, [1])]


def test_who_withdraws_in_time_says_so() -> None:
    cluster = Cluster(2).begin(0)
    cluster.fail(0)
    abort = cluster.abort
    cluster.abort = lambda *a, **k: (abort(*a, **k), cluster.answer(1, TaskAborted("x_1")))  # type: ignore[method-assign]
    with pytest.raises(CellError) as raised:
        cluster.wait()
    assert raised.value.outcome.withdrawn == [1]


def test_an_engine_that_ends_just_when_it_is_signalled() -> None:
    cluster = Cluster(3).begin()
    cluster.fail_once = KeyError("gone")
    cluster.fail(0)
    with pytest.raises(CellError, match="Ranks 1-2 were interrupted"):
        cluster.wait()


def test_engines_go_on_if_they_may() -> None:
    cluster = Cluster(2).begin()
    cluster.fail(0)
    threading.Timer(SOON, cluster.answer, [1]).start()
    with pytest.raises(CellError, match=r"^Rank 0: ValueError: bad\.$"):
        cluster.wait(on_error="wait")
    assert cluster.signals == []


def test_an_engine_that_did_not_run_it_because_of_an_earlier_cell() -> None:
    cluster = Cluster(1).begin()
    cluster.answer(0, TaskAborted("x_0"))
    with pytest.raises(CellError, match="an earlier cell failed there"):
        cluster.wait()


def test_a_time_limit_interrupts() -> None:
    cluster = Cluster(2).begin()
    cluster.answer(0)
    with pytest.raises(
        CellTimeoutError, match=r"longer than 0\.1 s\. Rank 1 was interrupted and is idle again\."
    ):
        cluster.wait(timeout=0.1)
    assert cluster.result.run.state == "timeout"


def test_the_limit_of_a_wait_lets_the_cell_go_on() -> None:
    cluster = Cluster(2).begin()
    with pytest.raises(TimeoutError, match=r"not done after 0\.1 s; it goes on on ranks 0-1\."):
        cluster.wait(timeout=0.1, stop_at_timeout=False)
    assert cluster.signals == []


# --- interrupts ---------------------------------------------------------------------------------


def test_an_interrupt_reaches_the_engines(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster(3).begin()
    cluster.answer(0)
    with pytest.raises(CellInterrupted, match=r"^Interrupted\. All engines are idle again\.$"):
        cluster.wait(pressed)
    assert cluster.signals == [(signal.SIGINT, [1, 2])]
    assert cluster.result.run.state == "interrupted"
    assert "Received Keyboard Interrupt" in capsys.readouterr().err


def test_what_ended_a_cell_stays_so_for_who_waits_for_it_again() -> None:
    cluster = Cluster(2).begin()
    with pytest.raises(CellInterrupted):
        cluster.wait(pressed)
    ended = cluster.result.run.ended_at
    with pytest.raises(CellError):
        cluster.wait()
    assert (cluster.result.run.state, cluster.result.run.ended_at) == ("interrupted", ended)


def test_an_interrupt_after_the_end_is_no_end_of_it() -> None:
    cluster = Cluster(2).begin()
    cluster.answer(0)
    cluster.answer(1)
    with pytest.raises(CellInterrupted, match="had finished"):
        cluster.wait(interrupted=True)
    assert cluster.result.run.state == "done"


def test_an_interrupt_that_came_while_it_was_sent() -> None:
    cluster = Cluster(2).begin()
    with pytest.raises(CellInterrupted, match="All engines are idle again"):
        cluster.wait(interrupted=True)


def test_who_is_not_stopped_by_it_is_named() -> None:
    cluster = Cluster(3).begin(0, 1)
    cluster.deaf = {1}
    with pytest.raises(CellInterrupted) as raised:
        cluster.wait(pressed)
    assert "Rank 1 is still busy" in str(raised.value)
    assert "Rank 2 was busy with something else and will not run it." in str(raised.value)


def test_the_signal_can_be_chosen() -> None:
    cluster = Cluster(2).begin()
    with pytest.raises(CellInterrupted, match=r"The cell goes on; %pxresult waits for it\."):
        cluster.wait(pressed, interrupt=0)
    assert cluster.signals == [(0, [0, 1])]
    assert cluster.result.run.state == "running"
    with pytest.raises(KeyboardInterrupt) as raised:
        cluster.wait(pressed, interrupt=None)
    assert type(raised.value) is KeyboardInterrupt
    with pytest.raises(CellInterrupted, match="Ranks 0-1 are still busy"):
        cluster.wait(pressed, interrupt="SIGUSR1")


def test_an_interrupt_that_kills() -> None:
    cluster = Cluster(2).begin()
    send = cluster.send_signal

    def kill(*arguments: Any, **named: Any) -> None:
        send(*arguments, **named)
        for engine in (0, 1):
            cluster.fail(engine, "EngineError", "died")

    cluster.send_signal = kill  # type: ignore[method-assign]
    with pytest.raises(
        CellInterrupted, match=r"Ranks 0-1 have ended: .* Stop the cluster and start it again\."
    ):
        cluster.wait(pressed, interrupt="SIGKILL")


def stopped(cluster: Cluster) -> str:
    """Stop it as the button does, and return what is told in the end."""
    cluster.result.stop()
    assert cluster.result._stopper is not None
    cluster.result._stopper.join(10)
    return cluster.result.run.notice


def test_stopping_from_elsewhere_tells_that_all_are_idle() -> None:
    cluster = Cluster(2).begin()
    assert stopped(cluster) == "All engines are idle again."
    assert cluster.signals == [(signal.SIGINT, [0, 1])]
    assert cluster.result.run.state == "interrupted"


def test_stopping_from_elsewhere_takes_it_out_of_queues() -> None:
    cluster = Cluster(3).begin(0, 1)
    assert stopped(cluster) == (
        "Ranks 0-1 were interrupted and are idle again. "
        "Rank 2 was busy with something else and will not run it."
    )
    assert (cluster.signals, cluster.withdrawn) == ([(signal.SIGINT, [0, 1])], [[2]])
    assert cluster.result.run.state == "interrupted"


def test_stopping_from_elsewhere_reaches_who_is_heard_of_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_wait, "STOP_SECONDS", 5.0)
    cluster = Cluster(2).begin(0)
    cluster.deaf = {0}
    threading.Timer(SOON, cluster.begin, [1]).start()
    threading.Timer(2 * SOON, cluster.answer, [0]).start()
    assert stopped(cluster) == "All engines are idle again."
    assert cluster.signals == [(signal.SIGINT, [0]), (signal.SIGINT, [1])]


def test_each_engine_is_interrupted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a cell does in its `finally` may take a while: a second interrupt would end it in the middle."""
    monkeypatch.setattr(cell_wait, "STOP_SECONDS", 6 * SOON)
    cluster = Cluster(2).begin()
    cluster.deaf = {1}
    threading.Timer(4 * SOON, cluster.answer, [1]).start()
    assert stopped(cluster) == "All engines are idle again."
    assert cluster.signals == [(signal.SIGINT, [0, 1])]


def test_stopping_from_elsewhere_tells_who_heeds_no_interrupt() -> None:
    cluster = Cluster(2).begin()
    cluster.deaf = {1}
    told = stopped(cluster)
    assert "Rank 1 is still busy" in told
    assert "Stop interrupts again; Restart engines in the Engines panel" in told
    assert cluster.result.run.state == "running"
    assert stopped(cluster) == told
    cluster.answer(1)
    assert cluster.result.run.notice == "All engines are idle again."
    cluster.result.stop()  # nothing is left to be stopped
    assert len(cluster.signals) == 2


def test_stopping_what_has_lost_its_connection_does_nothing() -> None:
    cluster = Cluster(2).begin()
    cluster.fail_once = OSError("Connections have been closed.")
    assert stopped(cluster) == "All engines are idle again."  # at the second try


def test_what_heeded_no_interrupt_is_interrupted_again() -> None:
    cluster = Cluster(2).begin()
    cluster.deaf = {0, 1}
    with pytest.raises(CellInterrupted, match=r"are still busy.*%pxresult interrupts again"):
        cluster.wait(pressed)
    cluster.deaf.clear()
    with pytest.raises(CellError, match=r"^Ranks 0-1 were interrupted and are idle again\.$"):
        cluster.wait(again=True)
    assert len(cluster.signals) == 2


# --- output -------------------------------------------------------------------------------------


def test_output_whose_end_is_not_heard_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster(2).begin()
    cluster.answer(0)
    cluster.answer(1, heard=False)
    cluster.wait()
    assert cluster.result.missing_output == [1]
    assert "what rank 1 printed last may be missing" in capsys.readouterr().err
    assert cluster.result.wait_for_output()


def test_output_that_still_comes_is_waited_for() -> None:
    cluster = Cluster(1).begin()
    cluster.answer(0, heard=False)
    message = {"header": {"msg_type": "stream"}, "content": {"name": "stdout", "text": "x"}}
    left = [5]

    def tick() -> None:
        if not left[0]:
            return
        left[0] -= 1
        for callback in cluster.parts[0].iopub_callbacks:
            callback(message)
        if not left[0]:
            cluster.parts[0].output.set_result(None)

    cluster.wait(tick)
    assert cluster.result.missing_output == []


def test_who_is_still_heard_does_not_prolong_the_wait_for_another() -> None:
    cluster = Cluster(2).begin()
    cluster.deaf = {1}
    cluster.fail(0)
    cluster.parts[0].output = type(cluster.parts[0].output)()
    cluster.parts[0].output.metadata = Metadata()
    (hear,) = cluster.parts[1].iopub_callbacks
    message = {"header": {"msg_type": "stream"}, "content": {"name": "stdout", "text": "on and on"}}
    with pytest.raises(CellError, match="Rank 1 is still busy"):
        cluster.wait(lambda: hear(message))
    assert cluster.result.missing_output == [0]


def test_what_was_done_in_time_is_no_failure() -> None:
    cluster = Cluster(1).begin()
    cluster.send_signal = lambda *a, **k: cluster.answer(0)  # type: ignore[method-assign]
    cluster.wait(timeout=0.05)
    assert cluster.result.successful()


def test_endless_output_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pxengines.dispatch.feed._TEXT_OF_AN_ENGINE", (100, 100))
    monkeypatch.setattr("pxengines.dispatch.feed.DISPLAYS_KEPT", 3)
    cluster = Cluster(1).begin()
    (hear,) = cluster.parts[0].iopub_callbacks
    record = cluster.parts[0].output.metadata
    for number in range(1000):  # what ipyparallel does with a message before it tells us
        record["stdout"] += f"{number:04}\n"
        hear({"header": {"msg_type": "stream"}, "content": {"name": "stdout", "text": f"{number:04}\n"}})
        record["outputs"].append({"data": {"text/plain": str(number)}})
        hear({"header": {"msg_type": "display_data"}, "content": {"data": {"text/plain": "x"}}})
    assert len(record["stdout"]) < 300
    assert record["stdout"].startswith("0000\n0001\n")
    assert record["stdout"].endswith("0998\n0999\n")
    assert "characters left out …]" in record["stdout"]
    assert [output["data"]["text/plain"] for output in record["outputs"]] == ["997", "998", "999"]


def test_waiting_for_output_as_ipyparallel_does_it_ends_too() -> None:
    cluster = Cluster(2).begin()
    assert not cluster.result.wait_for_output(0)
    assert not cluster.result.wait_for_output(0.01)
    cluster.answer(0)
    cluster.answer(1, heard=False)
    assert not cluster.result.wait_for_output(0)
    assert cluster.result.wait_for_output()
    assert cluster.result.missing_output == [1]


# --- the controller -----------------------------------------------------------------------------


def test_a_hub_that_is_silent_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller_watch, "SILENT_SECONDS", SOON)
    cluster = Cluster(3).begin()
    cluster.hub_answers = False
    cluster.answer(0)
    with pytest.raises(
        EnginesError, match=r"has not answered for 0 s, so there will be no answer from ranks 1-2\. "
    ):
        cluster.wait()
    assert cluster.result.run.state == "failed"


def test_a_hub_that_answers_is_asked_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(1)
    asked: list[str] = []
    send = cluster._send
    cluster._send = lambda stream, kind: (asked.append(kind), send(stream, kind))[1]  # type: ignore[method-assign]
    watch = ControllerWatch(cluster)
    assert [watch.gone() for _ in range(5)] == [None] * 5
    assert asked == ["connection_request"]
    monkeypatch.setattr(controller_watch, "ASK_SECONDS", 0.0)
    assert watch.gone() is None
    assert len(asked) == 2


def test_the_silence_before_an_answer_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(controller_watch, "time", SimpleNamespace(monotonic=lambda: now[0]))
    cluster = Cluster(1)
    cluster.hub_answers = False
    watch = ControllerWatch(cluster)

    def silence(seconds: int) -> str | None:
        for _ in range(seconds):
            now[0] += 1
            watch.gone()
        return watch.gone()

    assert "has not answered for 25 s" in (silence(26) or "")
    watch.question.set_result({})
    assert silence(25) is None  # it was asked again
    assert silence(1) is not None


def test_a_connection_that_was_closed_ends_the_wait() -> None:
    cluster = Cluster(2).begin()
    cluster._closed = True
    with pytest.raises(
        EnginesError, match=r"^The connection was closed, so there will be no answer from ranks 0-1\."
    ):
        cluster.wait()
