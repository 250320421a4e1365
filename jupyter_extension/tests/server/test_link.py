"""The line to the hub: what it says when the hub or an engine does not do as it should."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from jupyter_client.session import Session
from wire import Api

from jupyterlab_engines.clusters.link import HubLink, LinkError, read_connection_file
from jupyterlab_engines.clusters.roster import ANY_FACTS
from pxengines.launch.paths import RunPaths


def link_to(info: dict[str, Any]) -> HubLink:
    return HubLink(info, changed=lambda _: None, shut_down=lambda: None, log=logging.getLogger("link"))


def hub_file() -> dict[str, Any]:
    info = read_connection_file(RunPaths.of_key("local").connection_file("client"))
    assert info is not None
    return info


async def test_questions_and_their_answers(api: Api) -> None:
    await api.ready(2)
    link = link_to(hub_file())
    try:
        await link.connect(20)
        assert sorted(link.engines) == [0, 1]
        uuids = [link.engines[i] for i in (0, 1)]
        rank = "str(MPI.COMM_WORLD.Get_rank())"
        assert await asyncio.gather(*(link.evaluate(u, rank, 20) for u in uuids)) == ["0", "1"]
        facts = json.loads(await link.evaluate(uuids[1], ANY_FACTS, 20))
        assert (facts["rank"], facts["size"], facts["host"]) == (1, 2, (await api.cluster()).engines[1].host)
        assert facts["pid"] == (await api.cluster()).engines[1].pid
        long = "'x' * 100_000"
        assert await link.evaluate(uuids[0], long, 20) == "x" * 100_000
        with pytest.raises(LinkError, match="ZeroDivisionError"):
            await link.evaluate(uuids[0], "1 / 0", 20)
        with pytest.raises(LinkError, match="SyntaxError"):
            await link.evaluate(uuids[0], "1 +", 20)
        with pytest.raises(LinkError, match="a int"):
            await link.evaluate(uuids[0], "1", 20)
        with pytest.raises(LinkError, match="no text"):
            await link.evaluate(uuids[0], "object()", 20)
        with pytest.raises(LinkError, match="no answer to execute_request within"):
            await link.evaluate("no-such-engine", "'x'", 0.2)
    finally:
        await link.close()


async def test_with_a_wrong_key_the_hub_is_silent(api: Api) -> None:
    await api.ready(1)
    link = link_to({**hub_file(), "key": "wrong"})
    try:
        with pytest.raises(LinkError, match="no answer to connection_request"):
            await link.connect(0.5)
    finally:
        await link.close()


async def test_a_hub_that_is_not_there(jp_asyncio_loop: Any) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as silent:
        port = silent.bind_to_random_port("tcp://127.0.0.1")
        ports = dict.fromkeys(("registration", "mux", "control", "notification"), port)
        info = {
            "interface": "tcp://127.0.0.1",
            "location": "localhost",
            "key": "k",
            "signature_scheme": "hmac-sha256",
            "pack": "json",
            "unpack": "json",
            **ports,
        }
        link = link_to(info)
        with pytest.raises(LinkError, match="no answer to connection_request within"):
            await link.connect(0.2)
        await link.close()


async def test_an_engine_that_comes_while_the_answer_travels_is_kept(jp_asyncio_loop: Any) -> None:
    session = Session(key=b"k")

    def sends(kind: str, content: dict[str, Any], parent: dict[str, Any] | None = None) -> list[bytes]:
        return session.serialize(session.msg(kind, content, parent=parent), ident=b"topic")

    with (
        zmq.asyncio.Context() as context,
        context.socket(zmq.ROUTER) as query,
        context.socket(zmq.XPUB) as told,
    ):
        ask = query.bind_to_random_port("tcp://127.0.0.1")
        info = {
            "interface": "tcp://127.0.0.1",
            "location": "localhost",
            "key": "k",
            "signature_scheme": "hmac-sha256",
            "pack": "json",
            "unpack": "json",
            "registration": ask,
            "mux": ask,
            "control": ask,
            "notification": told.bind_to_random_port("tcp://127.0.0.1"),
        }
        heard = asyncio.Event()
        link = HubLink(
            info, changed=lambda _: heard.set(), shut_down=lambda: None, log=logging.getLogger("link")
        )
        connecting = asyncio.create_task(link.connect(20))
        try:
            await told.recv()  # the subscription
            identity, *frames = await query.recv_multipart()
            question = session.deserialize(session.feed_identities(frames)[1])
            await told.send_multipart(sends("registration_notification", {"id": 1, "uuid": "one"}))
            await told.send_multipart(sends("unregistration_notification", {"id": 2}))
            await asyncio.wait_for(heard.wait(), 20)
            old = {"status": "ok", "engines": {"0": "zero", "2": "two"}}
            answer = session.msg("connection_reply", old, parent=question)
            await query.send_multipart([identity, *session.serialize(answer)])
            await connecting
            assert link.engines == {0: "zero", 1: "one"}
        finally:
            connecting.cancel()
            await link.close()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"interface": "tcp://127.0.0.1"}', "\ufffe"])
def test_a_connection_file_that_is_not_whole(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ipcontroller-client.json"
    assert read_connection_file(file) is None
    file.write_text(text)
    assert read_connection_file(file) is None
