"""The wire contract: generated files are fresh, and both sides read the same examples.

The browser's half of the examples is in ``src/__tests__/api``; it reads the same file.
"""

from __future__ import annotations

import inspect
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from jupyterlab_engines.api import export, models

REPO = Path(__file__).resolve().parents[2]
EXAMPLES: dict[str, list[Any]] = json.loads(
    (Path(__file__).parent / "data" / "wire_examples.json").read_text(encoding="utf-8")
)
WIRE_TYPES: dict[str, type[msgspec.Struct]] = {
    name: value
    for name, value in vars(models).items()
    if inspect.isclass(value) and issubclass(value, msgspec.Struct) and value is not msgspec.Struct
    if value.__name__ == name  # not an alias, such as a union of one
}
REQUESTS = {"StartCluster", "Resync", "AlterWalltime", "SaveProfile", "PreviewProfile", "AdoptProfile"}


def test_schema_is_fresh() -> None:
    assert export.main(["--check"]) == 0


def test_typescript_is_fresh() -> None:
    node = shutil.which("node")
    assert node, "node is needed to generate TypeScript"
    script = REPO / "jupyter_extension" / "dev" / "generate-api.mjs"
    done = subprocess.run([node, script, "--check"], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_wire_type_has_an_example() -> None:
    assert set(EXAMPLES) == set(WIRE_TYPES)
    assert all(EXAMPLES.values())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_example_survives_the_round_trip(name: str) -> None:
    for example in EXAMPLES[name]:
        decoded = msgspec.json.decode(json.dumps(example).encode(), type=WIRE_TYPES[name])
        assert json.loads(msgspec.json.encode(decoded)) == example


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - REQUESTS))
def test_every_field_of_a_response_is_sent(name: str) -> None:
    for field in msgspec.structs.fields(WIRE_TYPES[name]):
        assert field.required, f"{name}.{field.name} has a default, so TypeScript would see it as optional"


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_requests_refuse_what_they_do_not_know(name: str) -> None:
    example = {**EXAMPLES[name][0], "engine": 8}
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(json.dumps(example).encode(), type=WIRE_TYPES[name])


def test_stream_messages_are_told_apart_by_their_type() -> None:
    for name in (member.__name__ for member in get_args(models.ServerMessage)):
        for example in EXAMPLES[name]:
            decoded = msgspec.json.decode(json.dumps(example).encode(), type=models.ServerMessage)
            assert type(decoded) is WIRE_TYPES[name]


def test_schema_knows_every_type() -> None:
    definitions = export.schema()["$defs"]
    assert set(WIRE_TYPES) <= set(definitions)
    for name in WIRE_TYPES:
        assert definitions[name]["additionalProperties"] is False
