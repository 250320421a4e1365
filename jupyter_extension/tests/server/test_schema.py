"""What crosses the wire is written down, and what is written down is current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jupyter_events import EventLogger

from jupyterlab_engines.api import export, models
from jupyterlab_engines.app import EVENT_SCHEMA_ID, EVENT_SCHEMA_PATH


def test_the_committed_schema_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert export.main(["--check"]) == 0
    stale = tmp_path / "api.schema.json"
    stale.write_text("{}")
    monkeypatch.setattr(export, "SCHEMA_PATH", stale)
    assert export.main(["--check"]) == 1
    assert export.main([]) == 0
    assert export.main(["--check"]) == 0


def test_it_can_be_run_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "jupyterlab_engines.api.export", "--check"], check=False)
    assert done.returncode == 0


def structs() -> list[type[msgspec.Struct]]:
    found = [value for value in vars(models).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, msgspec.Struct) and value is not msgspec.Struct]


@pytest.mark.parametrize("struct", structs(), ids=lambda struct: struct.__name__)
def test_every_type_is_in_it_with_all_fields_required(struct: type[msgspec.Struct]) -> None:
    definition: dict[str, Any] = export.schema()["$defs"][struct.__name__]
    fields = set(struct.__struct_fields__) | ({"type"} if struct.__struct_config__.tag else set())
    assert set(definition["properties"]) == fields
    optional = set()
    if struct.__struct_config__.forbid_unknown_fields:  # a request may leave fields out
        optional = {field.name for field in msgspec.structs.fields(struct) if not field.required}
    assert set(definition.get("required", [])) == fields - optional
    assert definition["additionalProperties"] is False
    assert definition["description"]


def test_the_streams_messages_are_told_apart_by_their_type() -> None:
    message = export.schema()["$defs"]["ServerMessage"]
    assert message["discriminator"]["propertyName"] == "type"
    assert len(message["anyOf"]) == len(get_args(models.ServerMessage))


def test_the_event_schema_takes_every_state() -> None:
    logger = EventLogger()
    logger.register_event_schema(EVENT_SCHEMA_PATH)

    schema = logger.schemas.get(EVENT_SCHEMA_ID)
    for state in get_args(models.ClusterState):
        schema.validate(
            {
                "key": "local",
                "run_id": "r",
                "origin": "panel",
                "state": state,
                "previous_state": None,
                "engines_requested": None,
                "engines_registered": 0,
                "failure_code": None,
            }
        )
