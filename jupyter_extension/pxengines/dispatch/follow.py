"""Following a cell that another client sent, whose answers and output go elsewhere: by asking the hub."""

from __future__ import annotations

import time
import weakref
from concurrent.futures import Future
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..connection import key_of
from ..left_out import news
from ..task_db import OUTPUT_KEPT
from .cell_wait import WAIT
from .elsewhere import PastCell, seconds
from .errors import LOST
from .feed import Feed
from .result import EnginesResult
from .run import CellRun
from .sending import make_known

if TYPE_CHECKING:
    from ipyparallel import Client

ASK_SECONDS = 0.5
SHARE = 0.1
"""The part of the hub's and this kernel's time that asking may take."""
TAIL_SECONDS = 0.5
"""The hub may hear of the end before it has heard the last output."""


def follow(client: Client, cell: PastCell) -> EnginesResult:
    """Return the result of `cell`, with its output, as if this client had sent it.

    What the hub no longer has of it, all displays of an engine but the last one for instance, is missing.
    """
    from ipyparallel.client.client import Metadata
    from ipyparallel.client.futures import MessageFuture

    engines = _engines(cell)
    run = CellRun(
        run_id=cell.cell_id,
        code=cell.code,
        ranks=engines,
        started_at=cell.since,
        cluster=key_of(client) or "",
    )
    feed = Feed(run)
    futures = []
    for part, engine in zip(cell.parts, engines, strict=True):
        future = MessageFuture(part.msg_id, header={"msg_type": "execute_request"})
        future.output = Future()
        future.output.metadata = Metadata()
        submitted = datetime.fromtimestamp(cell.since, timezone.utc)
        future.output.metadata.update(msg_id=part.msg_id, submitted=submitted)
        feed.attach(engine, future)
        if part.msg_id not in client._futures:
            make_known(client, future)  # the answer comes from us; but it also ends with the controller
        if part.state == "running":
            _begin(run, engine, future)
        futures.append(future)
    result = EnginesResult(client, futures, engines, cell.code, feed, run)
    # Who sent it may still be there, and has said what is to happen then.
    result.on_error = WAIT
    _Follower(client, dict(zip(engines, futures, strict=True)), run, result).start()
    return result


def _engines(cell: PastCell) -> list[int]:
    """Return the ids of the engines of all parts. Nobody knows that of an engine that is gone any more."""
    there = {part.engine for part in cell.parts if part.engine is not None}
    free = (number for number in range(2 * len(cell.parts)) if number not in there)
    return [next(free) if part.engine is None else part.engine for part in cell.parts]


def _begin(run: CellRun, engine: int, future: Any) -> None:
    if future.output.metadata["engine_id"] is None:
        future.output.metadata["engine_id"] = engine
        run.began(engine, time.time())


class _Follower:
    """Asks again and again, in ipyparallel's thread, until all is known or nobody wants to know."""

    def __init__(self, client: Client, futures: dict[int, Any], run: CellRun, result: EnginesResult) -> None:
        self._client, self._run = client, run
        self._futures = {future.msg_id: (engine, future) for engine, future in futures.items()}
        self._heard: dict[tuple[str, str], Any] = {}
        self._result = weakref.ref(result)
        self._asked_at = 0.0

    def start(self) -> None:
        """Ask now, and then again."""
        self._client._io_loop.add_callback(self._ask)

    def _ask(self) -> None:
        if self._client._closed or self._result() is None or not self._futures:
            return
        self._asked_at = time.monotonic()
        query = {"msg_id": {"$in": list(self._futures)}}
        asked = self._client._send(self._client._query_stream, "db_request", content={"query": query})
        asked.add_done_callback(self._answered)

    def _answered(self, asked: Any) -> None:
        if (gone := asked.exception()) is not None:
            for msg_id in list(self._futures):
                self._give_up(msg_id, gone)
            return
        try:
            content = asked.result()["content"]
            records = {record["msg_id"]: record for record in content.get("records") or ()}
            for msg_id in list(self._futures):
                if msg_id in records:
                    self._learn(msg_id, records[msg_id])
                else:
                    words = "the controller does not remember this cell any more"
                    self._give_up(msg_id, LookupError(words))
        finally:  # whatever one answer was like
            spent = time.monotonic() - self._asked_at
            self._client._io_loop.call_later(max(ASK_SECONDS, spent / SHARE), self._ask)

    def _learn(self, msg_id: str, record: dict[str, Any]) -> None:
        engine, future = self._futures[msg_id]
        metadata = future.output.metadata
        if record.get("execute_input") or record.get("completed"):
            _begin(self._run, engine, future)
        for name in ("stdout", "stderr"):
            text = record.get(name) or ""
            came = news(metadata[name], text, OUTPUT_KEPT)
            metadata[name] = text
            if came:
                self._run.stream(engine, name, came)
        shown, result = record.get("display_data"), record.get("execute_result")
        if shown and self._is_new(msg_id, "display", shown):
            metadata["outputs"] = [shown]
            self._run.display(engine, shown["data"], shown.get("metadata", {}), shown.get("transient", {}))
        if result and self._is_new(msg_id, "result", result):
            metadata["execute_result"] = result
            self._run.result(engine, result["data"], result.get("metadata", {}))
        if record.get("completed"):
            self._end(msg_id, record)

    def _is_new(self, msg_id: str, kind: str, what: Any) -> bool:
        known = self._heard.get((msg_id, kind))
        self._heard[msg_id, kind] = what
        return bool(known != what)

    def _end(self, msg_id: str, record: dict[str, Any]) -> None:
        engine, future = self._futures[msg_id]
        if not future.done():
            if record["result_content"].get("ename") != LOST:
                self._run.ended(engine, seconds(record["completed"]))  # perhaps long ago
            future.set_result(self._answer(msg_id, record))
            self._heard[msg_id, "end"] = time.monotonic()
        elif time.monotonic() - self._heard.get((msg_id, "end"), 0.0) >= TAIL_SECONDS:
            del self._futures[msg_id]
            if not future.output.done():
                future.output.set_result(None)

    def _answer(self, msg_id: str, record: dict[str, Any]) -> Any:
        """Return what ipyparallel makes of such an answer."""
        from ipyparallel import util
        from ipyparallel.client.client import ExecuteReply
        from ipyparallel.error import TaskAborted

        content = record["result_content"]
        metadata = self._futures[msg_id][1].output.metadata
        header = record.get("result_header") or {}
        engine = metadata["engine_id"]
        metadata.update(
            self._client._extract_metadata(
                {
                    "header": util.extract_dates(header),
                    "parent_header": {**util.extract_dates(record["header"]), "msg_id": msg_id},
                    "metadata": record.get("result_metadata") or {},
                    "content": content,
                }
            )
        )
        metadata["engine_id"] = engine  # also of an engine that is no longer there
        if content["status"] == "ok":
            return ExecuteReply(msg_id, content, metadata)
        if content["status"] == "aborted":
            return TaskAborted(msg_id)
        return self._client._unwrap_exception(content)

    def _give_up(self, msg_id: str, why: BaseException) -> None:
        _, future = self._futures.pop(msg_id)
        if not future.done():
            future.set_result(why)
        if not future.output.done():
            future.output.set_result(None)
