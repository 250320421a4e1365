"""What engines' messages say of a cell, told to its `CellRun` as they arrive."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from .errors import LOST, NOT_RUN, Failure
from .run import CellRun


def failure_of(answer: Any) -> Failure | None:
    """Return what `answer`, the result of ipyparallel's message future, failed with; None if it did not."""
    from ipyparallel.error import RemoteError, TaskAborted

    if isinstance(answer, RemoteError):
        return Failure(str(answer.ename), str(answer.evalue), answer.traceback or "")
    if isinstance(answer, TaskAborted):
        return Failure(NOT_RUN, str(answer))
    return Failure(type(answer).__name__, str(answer)) if isinstance(answer, Exception) else None


class Feed:
    """Hears all that engines say of one cell; all in ipyparallel's thread.

    Attributes
    ----------
    heard_at : when anything was heard last, by the monotonic clock.
    """

    def __init__(self, run: CellRun) -> None:
        self._run = run
        self._failed: set[int] = set()
        self.heard_at = time.monotonic()

    def attach(self, rank: int, future: Any) -> None:
        """Listen to the messages of `rank` whose request `future` stands for; call it before that is sent."""
        future.iopub_callbacks.append(partial(self._heard, rank))
        future.add_done_callback(partial(self._answered, rank))

    def _heard(self, rank: int, message: dict[str, Any]) -> None:
        self.heard_at = time.monotonic()
        run, content = self._run, message["content"]
        kind = message["header"]["msg_type"]
        if kind == "stream":
            run.stream(rank, content["name"], content["text"])
        elif kind in ("display_data", "update_display_data"):
            update = kind == "update_display_data"
            transient = content.get("transient", {})
            run.display(rank, content["data"], content.get("metadata", {}), transient, update=update)
        elif kind == "execute_result":
            run.result(rank, content["data"], content.get("metadata", {}))
        elif kind == "error":
            self._fail(rank, content["ename"], content["evalue"], content["traceback"])
        elif kind == "clear_output":
            run.clear(rank, bool(content.get("wait")))
        elif kind == "status" and content["execution_state"] == "busy":
            run.began(rank, time.time())

    def _answered(self, rank: int, future: Any) -> None:
        self.heard_at = time.monotonic()
        run, failure = self._run, failure_of(future.result())
        if failure is not None and failure.ename == LOST:
            run.lost(rank, failure.words)
        elif failure is not None:
            self._fail(rank, failure.ename, failure.evalue or failure.words, failure.traceback.splitlines())
        run.ended(rank, time.time())

    def _fail(self, rank: int, ename: str, evalue: str, traceback: list[str]) -> None:
        if rank not in self._failed:  # both output and answer tell it
            self._failed.add(rank)
            self._run.failed(rank, ename, evalue, traceback)
