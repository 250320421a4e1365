"""What the engines are doing, as the hub hears it: which request, since when, how many wait, and the hearts.

The hub hears all requests, and each engine tell when it begins and ends one. ipyparallel's keeps count of
the requests only; here it also remembers the rest, and answers ``activity_request``. Nothing is sent for it.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .launch.questions import ACTIVITY

HEARTBEATS = b"heartbeats"
"""Topic on which the heart monitor tells of each beat."""

LINE_LENGTH = 80
_MOST_REQUESTS = 20_000
"""So many requests are remembered by their first line: what waits, at most, in all queues."""
_CODE = {"execute_request", "apply_request"}


def first_line(code: str) -> str:
    """Return the first line of `code` that says something, cut to what a table has room for."""
    for line in code.splitlines():
        words = line.strip()
        if words and not words.startswith("#"):
            return words if len(words) <= LINE_LENGTH else f"{words[: LINE_LENGTH - 1]}…"
    return ""


@dataclass
class _Doing:
    """What one engine does; `what` is None until the request itself was heard, or if it has no words."""

    uuid: str
    msg_id: str | None = None
    since: float = 0.0
    what: str | None = None
    silent_since: float | None = None
    changed: int = 0
    queued: int = 0


class ActivityLog:
    """Keeps what `hub` (ipyparallel's) hears, and answers who asks it.

    Parameters
    ----------
    hub : its handlers of iopub messages and of questions are replaced and added to.
    clock : epoch seconds.
    """

    def __init__(self, hub: Any, clock: Callable[[], float] = time.time) -> None:
        self._hub = hub
        self._clock = clock
        self._doing: dict[int, _Doing] = {}
        self._requests: OrderedDict[str, str | None] = OrderedDict()
        self._unheard: dict[str, list[int]] = {}
        self._revision = 0
        self._heard_at: float | None = None

    def attach(self) -> None:
        """Listen along with the hub."""
        hub = self._hub
        hub.monitor_handlers[b"iopub"] = self._on_iopub
        hub.monitor_handlers[HEARTBEATS] = self._on_beat
        hub.query_handlers[ACTIVITY] = self._on_question
        # The log of our hub is an adapter, which has no filters of its own.
        getattr(hub.log, "logger", hub.log).addFilter(_not_ours)
        for name in ("add_record", "update_record"):
            setattr(hub.db, name, self._listening(getattr(hub.db, name)))

    # --- what is heard

    def note_request(self, msg_id: str, record: Mapping[str, Any]) -> None:
        """Take note of a request as the hub stores it."""
        header = record.get("header")
        if not header or header.get("msg_type") not in _CODE:
            return
        label = (record.get("metadata") or {}).get("label")
        code = (record.get("content") or {}).get("code")
        words = first_line(str(label or code or "")) or None
        self._requests[msg_id] = words
        while len(self._requests) > _MOST_REQUESTS:
            self._requests.popitem(last=False)
        for engine_id in self._unheard.pop(msg_id, ()):
            doing = self._doing.get(engine_id)
            if doing is not None and doing.msg_id == msg_id:
                doing.what = words
                self._touch(doing)

    def note_status(self, engine_id: int, state: str, msg_id: str) -> None:
        """Take note that an engine has begun (``busy``) or ended (``idle``) the request `msg_id`."""
        doing = self._of(engine_id)
        if state == "busy":
            doing.msg_id, doing.since = msg_id, self._clock()
            doing.what = self._requests.get(msg_id)
            if msg_id not in self._requests:
                self._unheard.setdefault(msg_id, []).append(engine_id)
        elif state == "idle" and doing.msg_id == msg_id:
            doing.msg_id = doing.what = None
            self._unheard.pop(msg_id, None)
        else:
            return
        self._touch(doing)

    def note_beat(self, at: float, missed: set[int]) -> None:
        """Take note of a beat of all hearts, sent at `at`, that the engines `missed` did not answer."""
        self._heard_at = at
        for engine_id in self._hub.engines:
            doing = self._of(engine_id)
            if (engine_id in missed) != (doing.silent_since is not None):
                doing.silent_since = at if engine_id in missed else None
                self._touch(doing)

    def changes(self, since: int) -> dict[str, Any]:
        """Return what changed after revision `since`; 0 for all. The clock is this host's."""
        hub = self._hub
        engines: dict[str, dict[str, Any]] = {}
        for engine_id in [known for known in self._doing if known not in hub.engines]:
            del self._doing[engine_id]
        for engine_id in hub.engines:
            doing = self._of(engine_id)
            accepted = len(hub.queues.get(engine_id, ())) + len(hub.tasks.get(engine_id, ()))
            queued = max(0, accepted - (doing.msg_id is not None))
            if queued != doing.queued:
                doing.queued = queued
                self._touch(doing)
            if doing.changed > since or since == 0:
                engines[str(engine_id)] = {
                    "busy_since": doing.since if doing.msg_id is not None else None,
                    "what": doing.what,
                    "queued": queued,
                    "silent_since": doing.silent_since,
                }
        return {
            "status": "ok",
            "revision": self._revision,
            "now": self._clock(),
            "heard_at": self._heard_at,
            "engines": engines,
        }

    def _of(self, engine_id: int) -> _Doing:
        """Return what the engine does that has this id now: after a restart it is another one."""
        uuid = self._hub.engines[engine_id].uuid
        doing = self._doing.get(engine_id)
        if doing is None or doing.uuid != uuid:
            doing = self._doing[engine_id] = _Doing(uuid)
            self._touch(doing)
        return doing

    def _touch(self, doing: _Doing) -> None:
        self._revision += 1
        doing.changed = self._revision

    # --- the hub's messages

    def _on_iopub(self, topics: list[bytes], frames: list[bytes]) -> None:
        """Do what the hub does with a message of an engine, and take note of its state."""
        hub = self._hub
        try:
            message = hub.session.deserialize(frames, content=True)
        except Exception:
            hub.log.exception("iopub::invalid IOPub message")
            return
        kind = message["header"]["msg_type"]
        engine_id = hub.by_ident.get(message["header"]["session"].encode("utf-8", "replace"))
        if kind == "status":
            parent = message["parent_header"] or {}
            if engine_id is not None and parent.get("msg_type") in _CODE:
                self.note_status(engine_id, message["content"].get("execution_state", ""), parent["msg_id"])
        elif kind != "shutdown_reply":
            hub.save_iopub_message(topics, message)
        elif engine_id is not None:
            uuid = hub.engines[engine_id].uuid
            hub.unregister_engine("shutdown_reply", {"content": {"id": engine_id, "queue": uuid}})

    def _on_beat(self, topics: list[bytes], frames: list[bytes]) -> None:
        content = self._hub.session.deserialize(frames, content=True)["content"]
        missed = {self._hub.hearts.get(heart.encode("utf-8")) for heart in content["missed"]}
        self.note_beat(float(content["at"]), missed)

    def _on_question(self, client_id: list[bytes], message: dict[str, Any]) -> None:
        hub = self._hub
        since = message["content"].get("since")
        content = self.changes(since if isinstance(since, int) else 0)
        hub.session.send(hub.query, "activity_reply", content, parent=message, ident=client_id)

    def _listening(self, store: Callable[..., Any]) -> Callable[..., Any]:
        def note_and_store(msg_id: str, record: dict[str, Any]) -> Any:
            self.note_request(msg_id, record)
            return store(msg_id, record)

        return note_and_store


def _not_ours(record: logging.LogRecord) -> bool:
    """Keep a question that comes every second out of the controller's log."""
    return not (isinstance(record.args, tuple) and ACTIVITY in record.args)
