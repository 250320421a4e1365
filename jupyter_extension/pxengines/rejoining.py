"""A hub whose engines may be restarted: an id is used again, and late news must not hit who has it now.

ipyparallel's hub takes an id for an engine. Told late that the old engine of an id has ended, it would drop
the new one; and what it does 15 s after an engine was lost to the requests that it left, it would do to the
new one's.
"""

from __future__ import annotations

from typing import Any


class Rejoining:
    """Lets `hub` (ipyparallel's) tell engines of one id apart, by their uuids."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self._unregister = hub.unregister_engine
        self._give_up = hub._handle_stranded_msgs
        self._left: dict[str, list[str]] = {}

    def attach(self) -> None:
        """Take the place of the hub's own functions."""
        self._hub.unregister_engine = self.unregister_engine
        self._hub.query_handlers["unregistration_request"] = self.unregister_engine
        self._hub._handle_stranded_msgs = self.give_up

    def unregister_engine(self, ident: Any, message: dict[str, Any]) -> None:
        """Drop an engine; one that the message names by its uuid only if it has this id still."""
        content = message["content"]
        known = self._hub.engines.get(content.get("id"))
        if known is not None:
            if content.get("uuid") not in (None, known.uuid):
                return
            self._left[known.uuid] = self._hub.queues[content["id"]]
        self._unregister(ident, message)

    def give_up(self, engine_id: int, uuid: str) -> None:
        """End the requests that the engine `uuid` left, not those of who has its id now."""
        now = self._hub.queues[engine_id]
        self._hub.queues[engine_id] = left = self._left.pop(uuid, now)
        try:
            self._give_up(engine_id, uuid)
        finally:
            left.clear()
            self._hub.queues[engine_id] = now
