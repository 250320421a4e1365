"""What the hub's log keeps and tells, without a hub; what percent is made of; ids that are used again."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterlab_engines.clusters.activity import UsageBook
from pxengines.activity import ActivityLog, first_line
from pxengines.rejoining import Rejoining

pytestmark = pytest.mark.apart


def played_hub(*uuids: str) -> Any:
    """Return what these parts use of ipyparallel's hub, with these engines."""
    engines = {i: SimpleNamespace(uuid=uuid) for i, uuid in enumerate(uuids)}
    return SimpleNamespace(
        engines=engines,
        queues={i: [] for i in engines},
        tasks={i: [] for i in engines},
        query_handlers={},
        log=logging.getLogger("hub"),
    )


def request(code: str, **more: Any) -> dict[str, Any]:
    return {"header": {"msg_type": "execute_request"}, "content": {"code": code}, "metadata": {}, **more}


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("", ""),
        ("\n# only a comment\n", ""),
        ("\n# why\n  a = 1\nb = 2", "a = 1"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_the_first_line_that_says_something(code: str, line: str) -> None:
    assert first_line(code) == line


def test_a_log_tells_what_changed_since_it_was_asked() -> None:
    hub = played_hub("a", "b")
    log = ActivityLog(hub, clock=lambda: 100.0)
    idle = {"busy_since": None, "what": None, "queued": 0, "silent_since": None}
    assert log.changes(0)["engines"] == {"0": idle, "1": idle}
    # The news that an engine has begun can be faster than the request itself.
    log.note_status(0, "busy", "m1")
    told = log.changes(0)
    assert told["engines"]["0"] == {**idle, "busy_since": 100.0}
    log.note_request("m1", request("go()"))
    later = log.changes(told["revision"])
    assert later["engines"] == {"0": {**idle, "busy_since": 100.0, "what": "go()"}}
    hub.queues[0] = ["m1", "m2", "m3"]
    log.note_status(1, "idle", "never begun")
    last = log.changes(later["revision"])
    assert last["engines"] == {"0": {**idle, "busy_since": 100.0, "what": "go()", "queued": 2}}
    log.note_status(0, "idle", "another")
    assert log.changes(last["revision"])["engines"] == {}
    log.note_beat(103.0, {1, None})  # type: ignore[arg-type]
    log.note_beat(106.0, {1})
    assert log.changes(last["revision"])["engines"] == {"1": {**idle, "silent_since": 103.0}}
    assert log.changes(0)["heard_at"] == 106.0
    del hub.engines[1]
    assert set(log.changes(0)["engines"]) == {"0"}
    # Restarted in the middle of a cell: who has the id now does nothing.
    hub.engines[0], hub.queues[0] = SimpleNamespace(uuid="new"), []
    assert log.changes(last["revision"])["engines"]["0"] == idle


def test_a_label_says_more_than_code_and_other_messages_say_nothing() -> None:
    log = ActivityLog(played_hub("a"), clock=lambda: 100.0)
    log.note_request("m1", request("code", metadata={"label": "psum(a)"}))
    log.note_request("m2", {"header": {"msg_type": "clear_request"}, "content": {"code": "no"}})
    log.note_request("m3", {"header": {"msg_type": "apply_request"}, "content": {}})
    for msg_id, what in (("m1", "psum(a)"), ("m2", None), ("m3", None)):
        log.note_status(0, "busy", msg_id)
        assert log.changes(0)["engines"]["0"]["what"] == what


def test_percent_of_a_core_between_two_readings() -> None:
    book = UsageBook()
    assert book.note(10.0, {1: (5.0, 3 * 2**20)}) == {1: (None, 3)}
    assert book.note(15.0, {1: (9.0, 2**20), 2: (1.0, 0)}) == {1: (80, 1), 2: (None, 0)}
    assert book.note(15.0, {1: (9.5, 0)}) == {1: (None, 0)}, "no time has passed"
    assert book.note(99.0, {1: (10.0, 0)}) == {1: (None, 0)}, "too long ago to say anything of now"
    assert book.note(100.0, {1: (9.0, 0)}) == {1: (0, 0)}, "another process has its number"


def test_late_news_of_an_engine_do_not_hit_who_has_its_id_now() -> None:
    hub = played_hub("old")
    unregistered: list[int] = []
    given_up: list[list[str]] = []

    def unregister(ident: Any, message: dict[str, Any]) -> None:
        unregistered.append(message["content"]["id"])
        hub.engines.pop(message["content"]["id"], None)

    hub.unregister_engine = unregister
    hub._handle_stranded_msgs = lambda engine_id, uuid: given_up.append(list(hub.queues[engine_id]))
    Rejoining(hub).attach()
    tell = hub.query_handlers["unregistration_request"]
    hub.queues[0] = ["left"]
    tell([b"c"], {"content": {"id": 0, "uuid": "old"}})
    assert unregistered == [0]
    hub.engines[0], hub.queues[0] = SimpleNamespace(uuid="new"), ["mine"]
    tell([b"c"], {"content": {"id": 0, "uuid": "old"}})
    assert unregistered == [0], "the old one's nanny was late"
    hub._handle_stranded_msgs(0, "old")
    assert (given_up, hub.queues[0]) == ([["left"]], ["mine"])
    tell([b"c"], {"content": {"id": 0}})
    assert unregistered == [0, 0]
