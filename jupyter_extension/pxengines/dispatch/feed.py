"""What engines' messages say of a cell, told to its `CellRun` as they arrive."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from .errors import LOST, NOT_RUN, Failure
from .rich import size_of
from .run import CellRun


def failure_of(answer: Any) -> Failure | None:
    """Return what `answer`, the result of ipyparallel's message future, failed with; None if it did not."""
    from ipyparallel.error import RemoteError, TaskAborted

    if isinstance(answer, RemoteError):
        return Failure(str(answer.ename), str(answer.evalue), answer.traceback or "")
    if isinstance(answer, TaskAborted):
        return Failure(NOT_RUN, "")  # its message is the id of the request
    return Failure(type(answer).__name__, str(answer)) if isinstance(answer, Exception) else None


TEXT_KEPT = 256_000_000
"""Characters of a stream, or bytes of displays, that ipyparallel's record of a cell holds of all engines."""
_TEXT_OF_AN_ENGINE = (200_000, 10_000_000)
DISPLAYS_KEPT = 1000
"""Displays of one engine that it may hold."""


class Feed:
    """Hears all that engines say of one cell; all in ipyparallel's thread.

    Attributes
    ----------
    heard_at : when anything of a rank was heard last, by the monotonic clock.
    """

    def __init__(self, run: CellRun) -> None:
        least, most = _TEXT_OF_AN_ENGINE
        self._room = max(least, min(most, TEXT_KEPT // max(1, len(run.ranks))))
        self._left_out: dict[tuple[int, str], int] = {}
        self._displays: dict[int, int] = {}  # their bytes
        self._clear_next: set[int] = set()
        self._run = run
        self._failed: set[int] = set()
        self.heard_at: dict[int, float] = {}

    def attach(self, rank: int, future: Any) -> None:
        """Listen to the messages of `rank` whose request `future` stands for; call it before that is sent."""
        future.iopub_callbacks.append(partial(self._heard, rank, future.output.metadata))
        future.add_done_callback(partial(self._answered, rank))

    def _heard(self, rank: int, record: dict[str, Any], message: dict[str, Any]) -> None:
        self.heard_at[rank] = time.monotonic()
        run, content = self._run, message["content"]
        kind = message["header"]["msg_type"]
        if kind == "stream":
            self._clear_if_due(rank, record, 0)
            run.stream(rank, content["name"], content["text"])
            self._shorten(rank, record, content["name"])
        elif kind in ("display_data", "update_display_data"):
            update = kind == "update_display_data"
            transient = content.get("transient", {})
            if not update:  # ipyparallel keeps these only
                self._clear_if_due(rank, record, 1)
                self._bound_displays(rank, record["outputs"])
            run.display(rank, content["data"], content.get("metadata", {}), transient, update=update)
        elif kind == "execute_result":
            run.result(rank, content["data"], content.get("metadata", {}))
        elif kind == "error":
            self._fail(rank, content["ename"], content["evalue"], content["traceback"])
        elif kind == "clear_output":
            self._clear_next.add(rank)
            if not content.get("wait"):
                self._clear_if_due(rank, record, 0)
            run.clear(rank, bool(content.get("wait")))
        elif kind == "status" and content["execution_state"] == "busy":
            run.began(rank, time.time())

    def _answered(self, rank: int, future: Any) -> None:
        self.heard_at[rank] = time.monotonic()
        run, failure = self._run, failure_of(future.result())
        if failure is not None and failure.ename == LOST:
            run.lost(rank, failure.words)
        elif failure is not None:
            self._fail(rank, failure.ename, failure.evalue or failure.words, failure.traceback.splitlines())
        run.ended(rank, time.time())

    def _shorten(self, rank: int, record: dict[str, Any], name: str) -> None:
        """Take out the middle of what ipyparallel keeps of an endless output: `status.stdout`."""
        text = record[name]
        if len(text) <= 2 * self._room:
            return
        half = self._room // 2
        # The head is always the same; what was left out before is left out again, and its note with it.
        left_out = self._left_out.get((rank, name), 0) + len(text) - 2 * half
        self._left_out[rank, name] = left_out
        record[name] = f"{text[:half]}\n[… {left_out} characters left out …]\n{text[-half:]}"

    def _bound_displays(self, rank: int, outputs: list[dict[str, Any]]) -> None:
        """Let old displays go for the last one, which stays whatever its size."""
        size = self._displays.get(rank, 0) + size_of(outputs[-1]["data"])
        gone = max(0, len(outputs) - DISPLAYS_KEPT)
        size -= sum(size_of(output["data"]) for output in outputs[:gone])
        while size > self._room and gone < len(outputs) - 1:
            size -= size_of(outputs[gone]["data"])
            gone += 1
        del outputs[:gone]
        self._displays[rank] = size

    def _clear_if_due(self, rank: int, record: dict[str, Any], new: int) -> None:
        """Do to the displays but the `new` last ones what ``clear_output`` has asked for."""
        if rank in self._clear_next:
            self._clear_next.discard(rank)
            outputs = record["outputs"]
            del outputs[: len(outputs) - new]
            self._displays[rank] = 0

    def _fail(self, rank: int, ename: str, evalue: str, traceback: list[str]) -> None:
        if rank not in self._failed:  # both output and answer tell it
            self._failed.add(rank)
            self._run.failed(rank, ename, evalue, traceback)


def size_of_record(record: dict[str, Any]) -> int:
    """Return the bytes of what ipyparallel's record of a message holds of output and result, about."""
    texts = sum(len(record[name] or "") for name in ("stdout", "stderr"))
    bundles = [*record["outputs"], record["execute_result"] or {}]
    return texts + sum(size_of(bundle.get("data") or {}) for bundle in bundles)
