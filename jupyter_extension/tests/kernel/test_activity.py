"""What engines do, as the hub tells, and what they use, as their nannies tell: real engines."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import ipyparallel as ipp
import psutil
import pytest
from kernelside import PanelCluster, wait_for

from jupyterlab_engines.api.models import ClusterActivity
from jupyterlab_engines.clusters import activity
from jupyterlab_engines.clusters.activity import ActivityWatch, Observer
from jupyterlab_engines.clusters.activity_book import ActivityBook
from jupyterlab_engines.clusters.link import HubLink, LinkError, read_connection_file
from jupyterlab_engines.clusters.roster import OUR_FACTS, Roster

WAIT_SECONDS = 60
_T = TypeVar("_T")


@pytest.fixture
def client(ready: PanelCluster) -> Iterator[ipp.Client]:
    with ipp.Client(str(ready.paths.connection_file("client"))) as connected:
        connected.wait_for_engines(2, timeout=WAIT_SECONDS)
        yield connected
        # What a failed test left behind must not keep the next ones waiting.
        connected.send_signal("SIGINT", block=True)
        connected.direct_view().execute("", block=False).wait(WAIT_SECONDS)


def linked(cluster: PanelCluster, body: Callable[[HubLink, Roster], Awaitable[_T]]) -> _T:
    """Return what `body` does with a line to the hub, as a server has it."""

    async def run() -> _T:
        info = read_connection_file(cluster.paths.connection_file("client"))
        assert info is not None
        log = logging.getLogger("activity")
        link = HubLink(info, changed=lambda e: roster.update(e), shut_down=lambda: None, log=log)
        roster = Roster(link, OUR_FACTS, lambda: None)
        try:
            await link.connect(20)
            return await body(link, roster)
        finally:
            await roster.close()
            await link.close()

    return asyncio.run(run())


async def until(condition: Callable[[], Any], what: str) -> None:
    """Return when `condition` holds; fail, naming `what`, if it never does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.05)


def test_the_hub_tells_what_engines_do(ready: PanelCluster, client: ipp.Client) -> None:
    view = client.direct_view()
    cell = "# a comment\n\nimport time; go = False  # first\nwhile not go: time.sleep(0.05)"

    async def body(link: HubLink, roster: Roster) -> None:
        await until(lambda: roster.complete(2), "the facts of the engines")
        began = time.time()
        running = view.execute(cell, silent=False, block=False)
        waiting = client[1].execute("later = 1", block=False)
        told: dict[str, Any] = {}

        async def ask() -> dict[str, Any]:
            answer = await link.activity(told.get("revision", 0), 20)
            told["revision"] = answer["revision"]
            told.setdefault("rows", {}).update(answer["engines"])
            return answer

        deadline = time.monotonic() + WAIT_SECONDS
        await ask()
        rows = told["rows"]
        while not (all(row["busy_since"] for row in rows.values()) and rows["1"]["queued"]):
            assert time.monotonic() < deadline, told
            await asyncio.sleep(0.05)
            await ask()
        assert [rows[i]["what"] for i in "01"] == ["import time; go = False  # first"] * 2
        assert [rows[i]["queued"] for i in "01"] == [0, 1]
        assert all(began - 1 < rows[i]["busy_since"] < time.time() + 1 for i in "01")
        assert all(rows[i]["silent_since"] is None for i in "01")
        assert (await ask())["engines"] == {}  # nothing has changed since
        for uuid in roster.uuids().values():
            await link.interrupt(uuid, 20)
        with pytest.raises(ipp.error.CompositeError, match="KeyboardInterrupt"):
            await asyncio.to_thread(running.get, WAIT_SECONDS)
        await asyncio.to_thread(waiting.wait, WAIT_SECONDS)
        while any(rows[i]["busy_since"] or rows[i]["queued"] for i in "01"):
            assert time.monotonic() < deadline, told
            await ask()
        assert [rows[i]["what"] for i in "01"] == [None, None]

    linked(ready, body)


def wait_on_engine(go_on: str) -> None:
    """Wait, on an engine, until there is a file `go_on`."""
    import os
    import time

    while not os.path.exists(go_on):
        time.sleep(0.02)


wait_on_engine.__module__ = "__main__"  # travels by its code: engines cannot import this file


def test_a_call_is_named_by_its_label(ready: PanelCluster, client: ipp.Client, tmp_path: Path) -> None:
    view, go_on = client.direct_view([0]), tmp_path / "go-on"

    async def body(link: HubLink, roster: Roster) -> None:
        with view.temp_flags(label="psum(a)"):
            running = view.apply_async(wait_on_engine, str(go_on))
        deadline = time.monotonic() + WAIT_SECONDS
        while (row := (await link.activity(0, 20))["engines"]["0"])["what"] != "psum(a)":
            assert time.monotonic() < deadline, row
            await asyncio.sleep(0.02)
        assert row["busy_since"] is not None
        go_on.touch()
        await asyncio.to_thread(running.get, WAIT_SECONDS)

    linked(ready, body)


def test_an_engine_that_holds_the_gil_is_measured(ready: PanelCluster, client: ipp.Client) -> None:
    pids = client.direct_view().apply_sync(__import__("os").getpid)

    async def body(link: HubLink, roster: Roster) -> None:
        await until(lambda: len(roster.uuids()) == 2, "the engines")
        uuid = roster.uuids()[0]
        process = psutil.Process(pids[0])

        async def measured(numbers: int) -> tuple[Any, Any, Any]:
            before = process.cpu_times().user
            # One call in C that never lets another thread run: the engine itself can answer nothing.
            running = client[0].execute(f"sum(range({numbers}))", block=False)
            await until(lambda: process.cpu_times().user > before + 0.3, "the engine to compute")
            first = await link.usage(uuid, [*pids, 1], 20)
            await asyncio.sleep(0.5)
            return running, first, await link.usage(uuid, pids, 20)

        for numbers in (150_000_000, 600_000_000):  # the latter if this process was held up
            running, first, second = await measured(numbers)
            if not running.done():
                break
        else:
            pytest.fail("it has ended too early to prove anything")
        assert set(first["processes"]) == {str(pid) for pid in pids}  # not of process 1: no engine of ours
        cpu, memory = second["processes"][str(pids[0])]
        assert cpu > first["processes"][str(pids[0])][0]
        assert memory > 10 * 2**20
        assert second["at"] > first["at"]
        await asyncio.to_thread(running.wait, WAIT_SECONDS)

    linked(ready, body)


def test_a_watch_tells_only_what_changed_and_only_while_somebody_looks(
    ready: PanelCluster, client: ipp.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    monkeypatch.setattr(activity, "SAMPLE_SECONDS", 1.0)
    told: list[ClusterActivity] = []
    looks = False
    book = ActivityBook("shared", "run")

    def tell(changes: ClusterActivity) -> None:
        told.append(changes)
        book.put(changes)

    async def body(link: HubLink, roster: Roster) -> None:
        nonlocal looks
        await until(lambda: roster.complete(2), "the facts of the engines")
        watch = ActivityWatch("shared", "run", link, roster, Observer(lambda: looks, tell))
        task = asyncio.create_task(watch.run())
        try:
            await asyncio.sleep(1.2)
            assert told == []
            looks = True
            await until(lambda: len(book.whole().points) >= 2, "two samples")
            whole = book.whole()
            assert [row.engine_id for row in whole.engines] == [0, 1]
            assert all(row.memory_mib and row.cpu_percent is not None for row in whole.engines)
            assert whole.problem is None and whole.heard_at is not None
            assert whole.points[-1].memory_mib == sum(row.memory_mib or 0 for row in whole.engines)
            quiet = len(told)
            running = client[1].apply_async(wait_on_engine, str(go_on))
            await until(lambda: book.whole().engines[1].busy_since, "the engine to be busy")
            go_on.touch()
            await asyncio.to_thread(running.get, WAIT_SECONDS)
            await until(
                lambda: any([row.engine_id for row in changes.engines] == [1] for changes in told[quiet:]),
                "a change of this engine alone",
            )
        finally:
            task.cancel()
            await asyncio.wait({task})

    linked(ready, body)


def test_a_nanny_of_an_unknown_engine_does_not_answer(ready: PanelCluster, client: ipp.Client) -> None:
    async def body(link: HubLink, roster: Roster) -> None:
        with pytest.raises(LinkError, match="no answer to usage_request"):
            await link.usage("no-such-engine", [1], 0.3)

    linked(ready, body)


def test_the_questions_leave_no_trace_in_the_log(ready: PanelCluster) -> None:
    """They come every few seconds, as long as the cluster lives."""
    log = ready.paths.log("controller")
    wait_for(lambda: "Engine Connected: 1" in log.read_text(), "what it tells of the engines")
    before = log.read_text()

    async def body(link: HubLink, roster: Roster) -> None:
        for _ in range(3):
            await link.activity(0, 20)
            await link.ask(20)

    linked(ready, body)
    assert log.read_text() == before
