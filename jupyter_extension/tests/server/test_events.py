"""Life cycle events on Jupyter's event bus, for logs and other extensions."""

from __future__ import annotations

from typing import Any

from wire import Api

from jupyterlab_engines.app import EVENT_SCHEMA_ID


async def test_every_state_is_told_once(api: Api, jp_serverapp: Any) -> None:
    heard: list[dict[str, Any]] = []

    async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        heard.append(data)

    jp_serverapp.event_logger.add_listener(schema_id=EVENT_SCHEMA_ID, listener=listen)
    await api.ready(1)
    await api.stop()
    await api.until_state("stopped")
    await jp_serverapp.event_logger.gather_listeners()
    states = ["submitting", "starting", "ready", "stopping", "stopped"]
    assert [event["state"] for event in heard] == states
    assert [event["previous_state"] for event in heard] == [None, *states[:-1]]
    assert {event["key"] for event in heard} == {"local"}
    assert len({event["run_id"] for event in heard}) == 1
    assert heard[2]["engines_registered"] == 1
