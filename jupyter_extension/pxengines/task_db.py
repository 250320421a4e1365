"""What the hub remembers of requests, for notebooks that ask later: bounded by what it takes.

ipyparallel's keeps the last 1,024 requests, four cells of 256 engines, whether they still run or not; it
copies each record whenever it looks at it, and lets the output of a cell grow without end.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from ipyparallel.controller.dictdb import DictDB
from traitlets import Integer

from .left_out import shortened

OUTPUT_KEPT = 200_000
"""Characters of each stream of one engine, at head and tail together; twice that for a while."""


class TaskDB(DictDB):  # type: ignore[misc] # ipyparallel has no types
    """ipyparallel's database in memory; what still runs stays in it."""

    record_limit = Integer(
        20_000, config=True, help="How many requests to remember; those that run are not forgotten."
    )

    on_drop: Callable[[str], None] = staticmethod(lambda msg_id: None)
    """Is told the id of each request that is forgotten."""

    _tried_records = _tried_bytes = 0
    """Up to here nothing is looked for, which sorts all: the last time all that had ended was dropped."""

    def get_record(self, msg_id: str) -> dict[str, Any]:
        """Return the record of a request.

        Raises
        ------
        KeyError
            If it is not known, or not any more.
        """
        return _copy(self._records[msg_id])

    def update_record(self, msg_id: str, rec: dict[str, Any]) -> None:
        """Change some fields of a record; long output loses its middle."""
        for name in ("stdout", "stderr"):
            if rec.get(name):
                rec[name] = shortened(rec[name], OUTPUT_KEPT)
        super().update_record(msg_id, rec)

    def _match(self, check: dict[str, Any]) -> list[dict[str, Any]]:
        asked = check.get("msg_id")
        wanted = [asked] if isinstance(asked, str) else None
        if isinstance(asked, dict) and set(asked) == {"$in"}:
            wanted = asked["$in"]
        if wanted is not None and len(check) == 1:
            return [_copy(self._records[i]) for i in dict.fromkeys(wanted) if i in self._records]
        if check == {"completed": None}:
            return [_copy(rec) for rec in self._records.values() if rec["completed"] is None]
        return list(super()._match(check))

    def drop_record(self, msg_id: str) -> None:
        """Forget a request."""
        super().drop_record(msg_id)
        self.on_drop(msg_id)

    def _cull_oldest(self, n: int = 1) -> None:
        ended = (msg_id for msg_id, record in self._records.items() if not _is_open(record))
        for msg_id in list(islice(ended, n)):
            self.drop_record(msg_id)

    def _maybe_cull(self) -> None:
        if len(self._records) > max(self.record_limit, self._tried_records):
            step = int(self.cull_fraction * self.record_limit)
            enough = self._cull(step)
            self._tried_records = 0 if enough else len(self._records) + step
        if self._buffer_bytes > max(self.size_limit, self._tried_bytes):
            enough = self._cull(max(1, int(self.cull_fraction * len(self._records))))
            step = int(self.cull_fraction * self.size_limit)
            self._tried_bytes = 0 if enough else self._buffer_bytes + step

    def _cull(self, n: int) -> bool:
        """Drop the `n` oldest records of what has ended; tell whether there were so many."""
        before = len(self._records)
        self._cull_oldest(n)
        return before - len(self._records) == n

    def _add_bytes(self, rec: dict[str, Any]) -> None:
        self._buffer_bytes += _size(rec)
        self._maybe_cull()

    def _drop_bytes(self, rec: dict[str, Any]) -> None:
        self._buffer_bytes -= _size(rec)


def _is_open(record: dict[str, Any]) -> bool:
    """Tell whether an engine has yet to answer.

    Only what was sent to an engine by itself, or as a task, is told to end: a broadcast is noted as one
    request and answered as others, and output that comes when its request is forgotten makes a record.
    """
    return record["completed"] is None and record["queue"] is not None


def _copy(record: dict[str, Any]) -> dict[str, Any]:
    # The hub changes fields and headers of what it got, and nothing below.
    return {key: dict(value) if isinstance(value, dict) else value for key, value in record.items()}


def _size(record: dict[str, Any]) -> int:
    """Return the bytes of what may be large in a record; asked several times for each request."""
    size = len(record.get("stdout") or "") + len(record.get("stderr") or "")
    for key in ("buffers", "result_buffers"):
        if buffers := record.get(key):
            size += sum(map(len, buffers))
    for key in ("execute_result", "display_data"):
        if shown := record.get(key):
            data = shown.get("data") or {}
            size += sum(len(value) for value in data.values() if isinstance(value, str))
    return size
