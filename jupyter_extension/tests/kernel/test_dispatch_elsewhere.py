"""What is made of the hub's records of other clients' cells, and how the hub keeps them; without engines."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

import pytest
from ipyparallel.client.futures import MessageFuture

from pxengines import EnginesError
from pxengines.dispatch import elsewhere
from pxengines.dispatch.elsewhere import NAME_LENGTH, PastCells, cells_of
from pxengines.left_out import news, shortened
from pxengines.task_db import OUTPUT_KEPT, TaskDB

pytestmark = pytest.mark.apart

ENGINES = {"uuid0": 0, "uuid1": 1}
NOON = "2026-11-22T12:00:00Z"


def record(number: int, engine: int, cell: str | None = "c" * 32, code: str = "x = 1", **fields: Any) -> dict:
    """Return a record as it comes from the hub."""
    return {
        "msg_id": f"{fields.pop('session', 'abcdefgh')}_{number}",
        "header": {"msg_type": fields.pop("kind", "execute_request")},
        "metadata": {"pxengines_cell": cell} if cell else {},
        "content": {"code": code},
        "engine_uuid": f"uuid{engine}",
        "submitted": NOON,
        "completed": None,
        "result_content": None,
        **fields,
    }


def done(status: str = "ok") -> dict[str, Any]:
    return {"completed": NOON, "result_content": {"status": status}}


def test_parts_with_one_name_are_one_cell() -> None:
    (cell,) = cells_of([record(1, 0), record(2, 1)], ENGINES)
    assert (cell.name, cell.state, cell.ranks) == ("c" * NAME_LENGTH, "running", "0\N{EN DASH}1")
    assert [part.msg_id for part in cell.parts] == ["abcdefgh_1", "abcdefgh_2"]
    assert cell.since == datetime(2026, 11, 22, 12, tzinfo=timezone.utc).timestamp()


def test_who_comes_second_waits_also_behind_what_is_no_cell() -> None:
    running, waiting = cells_of([record(1, 0), record(2, 0, "d" * 32)], ENGINES)
    assert (running.state, waiting.state) == ("running", "waiting")
    (waiting,) = cells_of([record(1, 0, kind="apply_request"), record(2, 0)], ENGINES)
    assert waiting.state == "waiting"


def test_cells_that_ended() -> None:
    for status, state in (("ok", "done"), ("error", "failed"), ("aborted", "failed")):
        (cell,) = cells_of([record(1, 0, **done(status))], ENGINES)
        assert (cell.state, cell.is_open) == (state, False)
    (half,) = cells_of([record(1, 0, **done()), record(2, 1)], ENGINES)
    assert (half.state, half.is_open) == ("running", True)


def test_an_engine_that_is_gone_runs_nothing() -> None:
    (cell,) = cells_of([record(1, 7)], ENGINES)
    assert (cell.state, cell.ranks) == ("failed", "")


def test_stock_clients_number_the_parts_of_a_cell() -> None:
    records = [
        record(4, 0, None),
        record(5, 1, None),
        record(6, 0, None, code="y"),
        record(8, 1, None, code="y"),
    ]
    assert [len(cell.parts) for cell in cells_of(records, ENGINES)] == [2, 1, 1]


def test_records_that_say_nothing() -> None:
    empty = {"msg_id": "x_1", "header": None, "metadata": None, "content": None, "completed": None}
    assert cells_of([empty, record(1, 0, engine_uuid=None)], ENGINES)[0].state == "failed"


def test_the_table() -> None:
    cells = cells_of([record(1, 0, code="<b>long</b>" + "x" * 100)], ENGINES)
    table = PastCells(cells, cells[0].since)
    assert "cccccc  running" in repr(table)
    assert "&lt;b&gt;long" in table._repr_html_()
    assert "…" in repr(table)
    assert repr(PastCells([])) == "There was no cell on engines yet."


# --- a hub that does not tell ---


class Hub:
    """A client whose hub gives one answer; None: none."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        self._answer = answer
        self._closed = False
        self._query_stream = None
        self._engines: dict[int, str] = {}
        self.ids = [0]
        self.session = type("Session", (), {"session": "mine"})

    def _send(self, stream: None, kind: str, content: dict[str, Any]) -> MessageFuture:
        asked = MessageFuture("ask")
        if self._answer is not None:
            asked.set_result({"content": self._answer})
        return asked


@pytest.mark.parametrize(
    ("hub", "words"),
    [
        (Hub(None), r"^The controller has not answered for 0 s"),
        (
            Hub({"status": "error", "ename": "NoData", "evalue": "none"}),
            r"cannot tell which .* says NoData: none\.$",
        ),
    ],
)
def test_what_is_not_known_is_not_taken_for_nothing(
    hub: Hub, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "ANSWER_SECONDS", 0.01)
    for ask in (
        lambda: elsewhere.past_cells(hub),
        lambda: elsewhere.running_cells(hub),
        lambda: elsewhere.find(hub, "abcdef"),
        lambda: elsewhere.find(hub, "abcdefgh_1"),
        lambda: elsewhere.is_known(hub, "abcdefgh_1"),
    ):
        with pytest.raises(EnginesError, match=words):
            ask()
    assert elsewhere.greeting(hub) == []  # nobody has asked


class RememberingHub(Hub):
    """A client whose hub has records."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        super().__init__(None)
        self._db = TaskDB()
        for each in records:
            ended = None if each["completed"] is None else datetime.now(timezone.utc)
            times = {"submitted": datetime.now(timezone.utc), "completed": ended}
            self._db.add_record(each["msg_id"], {**each, **times})
        self._engines = {0: "uuid0", 1: "uuid1"}

    def _send(self, stream: None, kind: str, content: dict[str, Any]) -> MessageFuture:
        if kind == "history_request":
            self._answer = {"status": "ok", "history": list(self._db._records)}
        else:
            found = self._db.find_records(content["query"], content["keys"])
            self._answer = {"status": "ok", "records": found}
        return super()._send(stream, kind, content)


@pytest.mark.parametrize("asked", [1, 3, 4, 2000])
def test_any_past_cell_is_found_whole_however_long_ago(asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "MOST_ASKED", asked)
    names = [f"{number:02d}{'c' * 30}" for number in range(20)]
    records = [
        record(2 * number + engine, engine, name, code=f"x = {number}", **done(), session="mine")
        for number, name in enumerate(names)
        for engine in (0, 1)
    ]
    # One that waits behind a request which is no cell.
    records.append(record(40, 0, None, kind="apply_request"))
    records += [record(41, 0, "f" * 32), record(42, 1, "f" * 32)]
    hub = RememberingHub(records)
    for number in (0, 7, 19):
        cell = elsewhere.find(hub, names[number][:NAME_LENGTH])
        assert cell is not None
        assert (cell.code, cell.state, len(cell.parts)) == (f"x = {number}", "done", 2)
    waiting = elsewhere.find(hub, "ffffff")
    assert waiting is not None
    assert [part.state for part in waiting.parts] == ["waiting", "running"]
    assert elsewhere.find(hub, "nobody") is None


def test_a_closed_connection_asks_nobody() -> None:
    hub = Hub(None)
    hub._closed = True
    with pytest.raises(EnginesError, match="connection is closed"):
        elsewhere.past_cells(hub)


# --- bounds -------------------------------------------------------------------------------------


def test_long_output_loses_its_middle() -> None:
    assert shortened("x" * 200, 100) == "x" * 200
    assert shortened("a" * 150 + "b" * 100, 100) == f"{'a' * 50}\n[… 150 characters left out …]\n{'b' * 50}"


def test_what_is_new_is_told_once_whatever_was_left_out() -> None:
    kept = seen = told = ""
    first, early = "line 0\n", "".join(f"line {number}\n" for number in range(10))
    for number in range(400):
        kept = shortened(kept + f"line {number}\n", 100)
        if number % 5 == 0:
            told += news(seen, kept, 100)
            seen = kept
    assert told == "".join(f"line {number}\n" for number in range(396))
    assert re.fullmatch(
        r"line 1\n.*\n\[… \d+ characters left out …\]\n.*line 399\n", news(first, kept, 100), re.S
    )
    assert re.fullmatch(r"\n\[… \d+ characters left out …\]\n.*line 399\n", news(early, kept, 100), re.S)


@pytest.fixture
def db() -> TaskDB:
    return TaskDB(record_limit=10)


def hub_record(number: int, completed: datetime | None = None) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    return {
        "msg_id": str(number),
        "header": {},
        "submitted": now,
        "completed": completed,
        "queue": "mux",
        "stdout": "",
        "buffers": [b"xx"],
    }


def test_what_runs_is_not_forgotten(db: TaskDB) -> None:
    db.add_record("0", hub_record(0))
    for number in range(1, 50):
        db.add_record(str(number), hub_record(number, datetime.now(timezone.utc)))
    assert db.get_record("0")["completed"] is None
    assert len(db._records) <= 10
    assert [each["msg_id"] for each in db.find_records({"completed": None})] == ["0"]
    with pytest.raises(KeyError):
        db.get_record("1")


def test_what_is_never_told_to_end_is_forgotten_in_its_turn(db: TaskDB) -> None:
    """A broadcast is answered under other names; output may come when its request is long forgotten."""
    db.add_record("0", hub_record(0))
    dropped: list[str] = []
    db.on_drop = dropped.append
    for number in range(1, 100):
        late = {"submitted": None} if number % 2 else {}
        db.add_record(str(number), {**hub_record(number), "queue": None, **late})
    assert len(db._records) <= 10
    assert db.get_record("0")["completed"] is None
    assert dropped == [str(number) for number in range(1, len(dropped) + 1)]


def test_requests_that_all_wait_are_not_searched_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search looks at all: with tens of thousands of tasks waiting the hub would do nothing else."""
    db = TaskDB(record_limit=100, size_limit=1_000)
    searches: list[int] = []
    cull = db._cull
    monkeypatch.setattr(db, "_cull", lambda n: searches.append(0) or cull(n))  # type: ignore[func-returns-value]
    for number in range(2_000):
        db.add_record(str(number), hub_record(number))
    assert len(db._records) == 2_000
    assert len(searches) < 250
    # When they have ended they are forgotten as always.
    for number in range(2_000):
        db.update_record(str(number), {"completed": datetime.now(timezone.utc)})
    for number in range(2_000, 2_500):
        db.add_record(str(number), hub_record(number, datetime.now(timezone.utc)))
    assert len(db._records) <= 110
    assert db._buffer_bytes <= 1_100


def test_large_records_go_first_come_first(db: TaskDB) -> None:
    db.size_limit = 100
    for number in range(8):
        db.add_record(str(number), {**hub_record(number, datetime.now(timezone.utc)), "buffers": [b"x" * 30]})
    assert db._buffer_bytes <= 100
    assert list(db._records) == ["5", "6", "7"]


def test_what_is_asked_for_is_a_copy(db: TaskDB) -> None:
    db.add_record("0", hub_record(0))
    for found in (db.get_record("0"), *db.find_records({"msg_id": {"$in": ["0", "none"]}})):
        found.pop("buffers")
        found["header"]["date"] = "changed"
    assert db.get_record("0")["header"] == {}
    assert db.find_records({"msg_id": "0"}, ["buffers"]) == [{"msg_id": "0", "buffers": [b"xx"]}]
    assert [each["msg_id"] for each in db.find_records({"submitted": {"$ne": None}})] == ["0"]


def test_endless_output_is_bounded(db: TaskDB) -> None:
    db.add_record("0", hub_record(0))
    for _ in range(10):
        db.update_record("0", {"stdout": db.get_record("0")["stdout"] + "x" * OUTPUT_KEPT})
    assert len(db.get_record("0")["stdout"]) <= 2 * OUTPUT_KEPT
    assert "characters left out" in db.get_record("0")["stdout"]
    assert db._buffer_bytes <= 2 * OUTPUT_KEPT + 2
