"""The messages of a cell: sent, received and noted with less work than ipyparallel's, to the same effect."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
from ipyparallel import util
from ipyparallel.client.client import Metadata
from ipyparallel.controller import hub
from ipyparallel.controller.dictdb import DictDB
from jupyter_client.session import Session
from tornado.ioloop import IOLoop
from zmq.eventloop.zmqstream import ZMQStream

from pxengines import quick_messages, request_hub
from pxengines.dispatch.sending import PartFuture, send_cell
from pxengines.task_db import TaskDB

KEY = b"a key of the cluster"
IDENTS = [f"engine-{number}".encode() for number in range(20)]


class Sockets:
    """Makes sockets, and closes them."""

    def __init__(self) -> None:
        self._context: Sockets = zmq.Context()
        self._made: list[Any] = []

    def socket(self, kind: int) -> Any:
        """Return a new one."""
        self._made.append(self._context.socket(kind))
        return self._made[-1]

    def close(self) -> None:
        """Close them all."""
        for socket in self._made:
            socket.close(linger=0)
        self._context.term()


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """Return a loop that runs when a test lets it."""
    loop = IOLoop(make_current=False)
    yield loop
    loop.close()


@pytest.fixture
def context() -> Iterator[Sockets]:
    sockets = Sockets()
    yield sockets
    sockets.close()


class Loop:
    """The loop of the client's thread: does at once what it is told."""

    def __init__(self) -> None:
        self.calls = 0

    def add_callback(self, what: Any, *args: Any) -> None:
        """Do it."""
        self.calls += 1
        what(*args)


def a_client() -> Any:
    """Return what `send_cell` needs of a client."""
    return SimpleNamespace(
        _closed=False,
        session=Session(key=KEY),
        metadata=defaultdict(Metadata),
        outstanding=set(),
        history=[],
        results={},
        _futures={},
        _output_futures={},
        _outstanding_dict=defaultdict(set),
        _engines={number: ident.decode() for number, ident in enumerate(IDENTS)},
        _io_loop=Loop(),
        _mux_stream=SimpleNamespace(flush=lambda flag: None),
    )


def test_each_engine_gets_the_request_that_ipyparallel_would_send(context: Sockets, io_loop: IOLoop) -> None:
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    dealer.connect(f"tcp://127.0.0.1:{port}")
    client = a_client()
    attached = []
    futures = send_cell(
        client,
        ZMQStream(dealer, io_loop),
        "print('ü')",
        list(enumerate(IDENTS)),
        silent=False,
        metadata={"label": "mine", "cell": "abc"},
        attach=lambda engine, future: attached.append((engine, future)),
    )
    engine = Session(key=KEY)
    like = client.session.msg(
        "execute_request",
        content={"code": "print('ü')", "silent": False, "user_expressions": {}},
        metadata={"label": "mine", "cell": "abc"},
    )
    for ident, future in zip(IDENTS, futures, strict=True):
        assert router.poll(5000)
        frames = router.recv_multipart()
        idents, parts = engine.feed_identities(frames)  # type: ignore[no-untyped-call]
        message = engine.deserialize(parts)
        assert idents[1:] == [ident]
        assert message["msg_id"] == future.msg_id
        assert message["header"].keys() == like["header"].keys()
        same = ("msg_type", "username", "session", "version")
        assert [message["header"][name] for name in same] == [like["header"][name] for name in same]
        for part in ("parent_header", "metadata", "content"):
            assert message[part] == like[part]
        assert client._outstanding_dict[ident.decode()] == {future.msg_id}
        assert future.output.metadata["label"] == "mine"
    assert attached == list(enumerate(futures))
    sent = [future.msg_id for future in futures]
    assert len(set(sent)) == len(IDENTS)
    assert client.history == sent
    assert client.outstanding == set(sent)
    assert client._io_loop.calls == 1


def send_some(client: Any, stream: Any, idents: list[bytes]) -> list[Any]:
    """Send a cell that is of no matter."""
    engines = list(enumerate(idents))
    return send_cell(client, stream, "1", engines, silent=True, metadata={}, attach=lambda *_: None)


def test_what_finds_no_room_waits_and_goes_out_in_order(context: Sockets, io_loop: IOLoop) -> None:
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    stream = ZMQStream(dealer, io_loop)
    quick_messages.receive_many(stream, lambda message: None, copy=True)
    send_some(a_client(), stream, IDENTS)
    assert stream.sending()
    dealer.connect(f"tcp://127.0.0.1:{port}")
    send_some(a_client(), stream, IDENTS)
    received = []

    async def receive() -> None:
        while len(received) < 2 * len(IDENTS):
            await asyncio.sleep(0.005)
            while router.poll(0):
                received.append(router.recv_multipart()[1])

    io_loop.run_sync(receive, timeout=10)
    assert received == [*IDENTS, *IDENTS]


def test_a_client_forgets_a_message_when_answer_and_output_are_there(
    context: Sockets, io_loop: IOLoop
) -> None:
    client = a_client()
    (future,) = send_some(client, ZMQStream(context.socket(zmq.DEALER), io_loop), IDENTS[:1])
    future.set_result("an answer")
    assert client._futures == {future.msg_id: future}
    future.output.set_result(None)
    assert not client._futures
    assert not client._output_futures
    assert future.msg_id not in client.metadata


def test_the_future_of_a_part_can_be_waited_for() -> None:
    future = PartFuture("id", {"msg_type": "execute_request"})
    assert not future.wait(0)
    assert future.tracker.done()
    future.set_result(3)
    assert future.wait(0)
    assert future.wait()


@pytest.mark.parametrize(
    "text",
    ['{"a": [1, 2.5, null, true]}', '{"a": NaN}', '"\\ud800"', "1e400", "123456789012345678901234567890"],
)
def test_json_is_read_as_the_standard_library_reads_it(text: str) -> None:
    assert repr(quick_messages.unpack(text.encode())) == repr(json.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T20:00:00.123456Z",
        "2026-11-22T20:00:00.5+05:30",
        "2026-11-22T20:00:00Z",
        "2026-11-22T20:00Z",
        "2026-11-22",
        "soon",
        None,
    ],
)
def test_dates_are_read_as_ipyparallel_reads_them(text: str | None) -> None:
    expected = util._parse_date(text)
    found = quick_messages.parse_date(text)
    assert found == expected
    if isinstance(expected, datetime):
        assert found.utcoffset() == expected.utcoffset()


def test_what_has_arrived_is_taken_in_one_go_and_an_error_stops_nothing(
    context: Sockets, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[bytes] = []

    def handle(message: list[bytes]) -> None:
        taken.append(message[0])
        if message[0] == b"3":
            raise ValueError("a bad one")

    async def receive() -> None:
        push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
        pull.bind("inproc://all")
        push.connect("inproc://all")
        for number in range(150):
            push.send(str(number).encode())
        stream = ZMQStream(pull)
        quick_messages.receive_many(stream, handle, copy=True)
        for _ in range(100):
            await asyncio.sleep(0.01)
            if len(taken) == 150:
                break
        stream.close()

    asyncio.run(receive())
    assert taken == [str(number).encode() for number in range(150)]
    assert "a bad one" in caplog.text


def traffic(cells: int) -> list[list[bytes]]:
    """Return what passes a hub for some cells on one engine."""
    client, engine = Session(key=KEY), Session(key=KEY)
    frames = []
    for number in range(cells):
        request = client.msg(
            "execute_request", content={"code": f"x = {number}"}, metadata={"label": "mine", "cell": "abc"}
        )
        frames.append([b"in", b"engine", b"client", *client.serialize(request)])
        for kind, content in (
            ("status", {"execution_state": "busy"}),
            ("execute_input", {"code": f"x = {number}", "execution_count": number}),
            ("stream", {"name": "stdout", "text": "some "}),
            ("stream", {"name": "stdout", "text": "words"}),
            ("execute_result", {"data": {"text/plain": "3"}, "metadata": {}}),
            ("status", {"execution_state": "idle"}),
        ):
            said = engine.msg(kind, content=content, parent=request["header"], metadata={"engine": "engine"})
            frames.append([b"iopub", f"engine.0.{kind}".encode(), *engine.serialize(said)])
        reply = engine.msg(
            "execute_reply",
            content={"status": "ok", "execution_count": number},
            parent=request["header"],
            metadata={"started": "2026-11-22T20:00:00.000001Z", "engine": "engine", "status": "ok"},
        )
        frames.append([b"out", b"client", b"engine", *engine.serialize(reply)])
    return frames


def a_hub(hub_class: Any, db: Any, context: Sockets) -> Any:
    """Return a hub with one engine; made within an event loop."""

    def stream() -> Any:
        return ZMQStream(context.socket(zmq.SUB))

    made = hub_class(
        session=Session(key=KEY),
        monitor=stream(),
        query=stream(),
        resubmit=stream(),
        db=db,
        registration_timeout=5,
    )
    made.ids.add(0)
    made.by_ident[b"engine"] = 0
    made.queues[0], made.completed[0], made.tasks[0] = [], [], []
    return made


def test_our_hub_notes_the_same_as_ipyparallels(
    context: Sockets, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("parse_date", "extract_dates"):  # which ours changes in its process
        monkeypatch.setattr(hub, name, getattr(hub, name))
    frames = traffic(3)

    async def records_of(hub_class: Any, db_class: Any) -> Any:
        made = a_hub(hub_class, db_class(session="hub"), context)
        for message in frames:
            made.dispatch_monitor_traffic(list(message))
        assert not made.queues[0]
        records = [made.db.get_record(msg_id) for msg_id in made.completed[0]]
        for record in records:
            assert record.pop("received") is not None
        return records

    theirs = asyncio.run(records_of(hub.Hub, DictDB))
    lines = len(caplog.records)
    ours = asyncio.run(records_of(request_hub.RequestHub, TaskDB))
    assert ours == theirs
    assert [record["stdout"] for record in ours] == ["some words"] * 3
    assert lines >= 6
    told = [record.getMessage() for record in caplog.records[lines:]]
    assert not [line for line in told if line.startswith("queue::")]


def test_a_message_of_a_widget_is_no_request(context: Sockets) -> None:
    """Nobody answers it: the engine would be said to have something to do for ever."""

    async def body() -> None:
        made = a_hub(request_hub.RequestHub, TaskDB(session="hub"), context)
        client = Session(key=KEY)
        for kind in ("comm_open", "comm_msg", "comm_close", "execute_request"):
            message = client.msg(kind, content={"comm_id": '"comm_', "code": '"comm_'})
            made.dispatch_monitor_traffic([b"in", b"engine", b"client", *client.serialize(message)])
        (only,) = made.queues[0]
        assert made.db.get_history() == [only] == [message["header"]["msg_id"]]

    asyncio.run(body())


def test_what_a_hub_remembers_of_requests_is_bounded(
    context: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_hub, "ANSWERED_KEPT", 10)

    async def body() -> None:
        made = a_hub(request_hub.RequestHub, TaskDB(session="hub", record_limit=20), context)
        made.completed[0] = request_hub.Answered()
        for message in traffic(100):
            made.dispatch_monitor_traffic(list(message))
        assert len(made.completed[0]) == 100  # as who asks for the length of queues is told
        listed = json.loads(json.dumps(made.completed[0]))
        assert 10 <= len(listed) <= 20
        assert made.all_completed == set(made.db._records) >= set(listed[-1:])
        assert len(made.all_completed) <= 20
        assert not made.pending

    asyncio.run(body())


def test_the_greeting_of_an_engine_is_no_error(context: Sockets, caplog: pytest.LogCaptureFixture) -> None:
    """ipykernel sends it without a topic, to everybody who listens."""

    async def body() -> None:
        made = a_hub(request_hub.RequestHub, TaskDB(session="hub"), context)
        engine = Session(key=KEY)
        for kind in ("iopub_welcome", "status"):
            made.dispatch_monitor_traffic([b"iopub", *engine.serialize(engine.msg(kind))])

    asyncio.run(body())
    (error,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert "iopub_welcome" not in error
