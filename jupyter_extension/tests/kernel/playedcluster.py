"""A client of engines that are played: they do what a test says, at the moment it says."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ipyparallel.client.client import Metadata
from ipyparallel.client.futures import MessageFuture
from ipyparallel.error import RemoteError

from pxengines.dispatch.cell_wait import Terms, wait_as_one
from pxengines.dispatch.feed import Feed
from pxengines.dispatch.result import EnginesResult
from pxengines.dispatch.run import CellRun


class Loop:
    """The loop of ipyparallel's thread: does at once what it is given."""

    def add_callback(self, what: Callable[..., None], *arguments: Any) -> None:
        what(*arguments)


class Cluster:
    """A client of engines that do what a test says."""

    def __init__(self, engines: int) -> None:
        self.ids = list(range(engines))
        self.signals: list[tuple[Any, list[int]]] = []
        self.withdrawn: list[list[int]] = []
        self.deaf: set[int] = set()
        self.fail_once: Exception | None = None
        self.hub_answers = True
        self.holds_back_answers = False
        self._io_thread = None
        self._closed = False
        self._io_loop = Loop()
        self._query_stream = None
        self._engines: dict[int, str] = {}
        self.results: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.parts = [MessageFuture(f"x_{engine}") for engine in self.ids]
        run = CellRun(run_id="x", code="cell", ranks=self.ids, started_at=0.0)
        feed = Feed(run)
        for engine, part in enumerate(self.parts):
            part.output = Future()
            part.output.metadata = Metadata()
            feed.attach(engine, part)
        self.result = EnginesResult(self, self.parts, self.ids, "cell", feed, run)

    def begin(self, *engines: int) -> Cluster:
        for engine in engines or self.ids:
            self.parts[engine].output.metadata["engine_id"] = engine
        return self

    def answer(self, engine: int, value: Any = "reply", heard: bool = True) -> None:
        self.parts[engine].set_result(value)
        if heard:
            self.parts[engine].output.set_result(None)

    def fail(self, engine: int, ename: str = "ValueError", evalue: str = "bad") -> None:
        self.answer(engine, RemoteError(ename, evalue, f"{ename}: {evalue}", {"engine_id": engine}))

    def send_signal(self, number: Any, targets: list[int], block: bool) -> None:
        assert not block
        if self.fail_once is not None:
            error, self.fail_once = self.fail_once, None
            raise error
        self.signals.append((number, list(targets)))
        for engine in set(targets) - self.deaf:
            if not self.parts[engine].done() and number in (2, "SIGINT"):
                self.fail(engine, "KeyboardInterrupt", "")

    def abort(self, jobs: list[str], targets: list[int], block: bool) -> Future[Any]:
        assert not block
        self.withdrawn.append(list(targets))
        assert jobs == [f"x_{engine}" for engine in targets]
        answer: Future[Any] = Future()
        if not self.holds_back_answers:
            answer.set_result(None)
        return answer

    def _send(self, stream: Any, kind: str, content: Any = None) -> Any:
        asked = MessageFuture("ask")
        if self.hub_answers:
            asked.set_result({"content": {"status": "ok"}})  # and remembers nothing
        return asked

    def wait(self, tick: Callable[[], None] = lambda: None, **terms: Any) -> None:
        wait_as_one(self.result, Terms(**{"tick_seconds": 0.01, **terms}), tick)
