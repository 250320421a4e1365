"""The stream: hello, snapshot, deltas, to all who listen, also to slow ones."""

# ruff: noqa: ASYNC110 - tests look at files and wait for conditions
from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from tornado.websocket import WebSocketClientConnection
from wire import BASE, Api

from jupyterlab_engines import __version__
from jupyterlab_engines.api.models import (
    API_VERSION,
    Cluster,
    Delta,
    Hello,
    ServerMessage,
    Snapshot,
)
from jupyterlab_engines.clusters.broadcast import Broadcast
from jupyterlab_engines.clusters.state import new_cluster
from jupyterlab_engines.clusters.table import ClusterTable
from jupyterlab_engines.jobs.status import no_scheduler

WAIT_SECONDS = 90


class Browser:
    """The other end of a stream: applies what it gets, and checks that nothing is missing."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket
        self.clusters: dict[str, Cluster] = {}
        self.revision = -1
        self.states: list[str] = []

    async def next(self) -> ServerMessage:
        text = await asyncio.wait_for(self.socket.read_message(), WAIT_SECONDS)
        assert text is not None, f"closed: {self.socket.close_code} {self.socket.close_reason}"
        message: ServerMessage = msgspec.json.decode(text, type=ServerMessage)
        if isinstance(message, Snapshot):
            self.clusters = {cluster.key: cluster for cluster in message.clusters}
            self.revision = message.revision
        elif isinstance(message, Delta):
            assert message.base == self.revision, "a delta is missing"
            self.revision = message.revision
            self.clusters.update({cluster.key: cluster for cluster in message.changed})
            for key in message.removed:
                del self.clusters[key]
        for cluster in getattr(message, "changed", []):
            if not self.states or self.states[-1] != cluster.state:
                self.states.append(cluster.state)
        return message

    async def closed(self) -> None:
        while await asyncio.wait_for(self.socket.read_message(), WAIT_SECONDS) is not None:
            pass
        self.socket.close()

    async def until(self, condition: Callable[[dict[str, Cluster]], bool]) -> None:
        """Apply what comes until `condition` holds; fail, telling the clusters, if it never does."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition(self.clusters):
            assert time.monotonic() < deadline, f"waited in vain: {self.states} {self.clusters}"
            await self.next()


@pytest.fixture
def browse(api: Api, jp_ws_fetch: Any) -> Iterator[Callable[[], Any]]:
    opened: list[Browser] = []

    async def open_stream() -> Browser:
        browser = Browser(await jp_ws_fetch(BASE, "stream"))
        opened.append(browser)
        hello = await browser.next()
        assert isinstance(hello, Hello)
        assert (hello.api_version, hello.server.version) == (API_VERSION, __version__)
        assert isinstance(await browser.next(), Snapshot)
        return browser

    yield open_stream
    for browser in opened:
        browser.socket.close()


def state_is(state: str) -> Callable[[dict[str, Cluster]], bool]:
    return lambda clusters: "local" in clusters and clusters["local"].state == state


async def test_two_browsers_see_the_whole_life(api: Api, browse: Any) -> None:
    one, two = await browse(), await browse()
    await api.start(2)
    for browser in (one, two):
        await browser.until(state_is("ready"))
        assert browser.clusters["local"].engines_registered == 2
        assert browser.states[-2:] == ["starting", "ready"]
    late = await browse()
    assert late.clusters == one.clusters
    await api.stop()
    for browser in (one, two, late):
        await browser.until(state_is("stopped"))
        assert browser.states[-2:] == ["stopping", "stopped"]
    await api.call("clusters", "local", method="DELETE")
    await one.until(lambda clusters: not clusters)
    assert one.revision == (await api.clusters()).revision


async def test_a_snapshot_can_be_asked_for_again(api: Api, browse: Any) -> None:
    browser = await browse()
    await browser.socket.write_message(json.dumps({"type": "resync"}))
    while not isinstance(await browser.next(), Snapshot):
        pass


@pytest.mark.parametrize(
    "message",
    ["hello", "{}", '{"type": "snapshot"}', '{"type": "resync", "more": 1}', b"\xff\x00", "[]"],
    ids=repr,
)
async def test_a_message_that_makes_no_sense_ends_the_stream(
    api: Api, browse: Any, message: str | bytes
) -> None:
    browser = await browse()
    await browser.socket.write_message(message, binary=isinstance(message, bytes))
    await browser.closed()
    assert browser.socket.close_code == 1003
    assert "unknown message" in (browser.socket.close_reason or "")


async def test_a_message_that_is_too_long_ends_the_stream(api: Api, browse: Any) -> None:
    browser = await browse()
    await browser.socket.write_message("x" * 100_000)
    await browser.closed()


async def test_a_browser_that_leaves_is_forgotten(api: Api, browse: Any, manager: Any) -> None:
    browser = await browse()
    assert manager.broadcast.watched
    browser.socket.close()

    async def forgotten() -> None:
        while manager.broadcast.watched:
            await asyncio.sleep(0.01)

    await asyncio.wait_for(forgotten(), WAIT_SECONDS)


async def test_the_stream_is_compressed(api: Api, browse: Any, jp_ws_fetch: Any) -> None:
    socket = await jp_ws_fetch(BASE, "stream", compression_options={})
    assert "permessage-deflate" in socket.headers["Sec-Websocket-Extensions"]
    socket.close()


async def test_profiles_that_appear_are_told(api: Api, browse: Any, ipython_dir: Any) -> None:
    browser = await browse()
    (ipython_dir / "profile_mine").mkdir(parents=True)
    while True:
        message = await browser.next()
        if isinstance(message, Delta) and message.profiles is not None:
            break
    assert [profile.name for profile in message.profiles] == ["local", "mine"]


class Slow:
    """A subscriber that takes a message only when told to."""

    def __init__(self) -> None:
        self.turn = asyncio.Semaphore(0)
        self.got: list[ServerMessage] = []

    async def send(self, message: bytes) -> None:
        self.got.append(msgspec.json.decode(message, type=ServerMessage))
        await self.turn.acquire()


def cluster(number: int) -> Cluster:
    return new_cluster(
        key=f"c{number % 3}", profile="p", cluster_id="", run_id=str(number), engines=1, at=1.0
    )


async def test_a_slow_browser_gets_the_newest_snapshot_not_a_longer_queue() -> None:
    table = ClusterTable(no_scheduler("user", 0.0))
    sender, slow = Broadcast(table), Slow()
    sender.subscribe(slow.send)
    await asyncio.sleep(0)
    for number in range(1000):
        table.put(cluster(number))
        sender.flush()
    for _ in range(20):
        slow.turn.release()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(slow.got) <= 10
    last = next(message for message in reversed(slow.got) if isinstance(message, Snapshot))
    assert last.revision == 1000
    assert {c.run_id for c in last.clusters} == {"997", "998", "999"}
    sender.close()


async def test_changes_in_one_moment_are_one_delta() -> None:
    table = ClusterTable(no_scheduler("user", 0.0))
    sender, quick = Broadcast(table), Slow()
    quick.turn = asyncio.Semaphore(100)
    sender.subscribe(quick.send)
    await asyncio.sleep(0)
    for number in range(50):
        table.put(cluster(number))
        sender.touch()

    async def two() -> None:
        while len(quick.got) < 2:
            await asyncio.sleep(0.01)

    await asyncio.wait_for(two(), WAIT_SECONDS)
    first, delta = quick.got
    assert isinstance(first, Snapshot) and isinstance(delta, Delta)
    assert [c.run_id for c in delta.changed] == ["48", "49", "47"]
    sender.close()
