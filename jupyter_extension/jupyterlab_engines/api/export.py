"""Write ``api.schema.json`` from the wire models: ``python -m jupyterlab_engines.api.export``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from . import models

SCHEMA_PATH = Path(__file__).resolve().with_name("api.schema.json")

_ROOTS: tuple[Any, ...] = (
    models.ServerInfo,
    models.ProfileList,
    models.ClusterList,
    models.Cluster,
    models.ClusterLog,
    models.SchedulerInfo,
    models.JobList,
    models.RawJobs,
    models.AlterWalltime,
    models.ProfileDetail,
    models.Preview,
    models.SaveProfile,
    models.PreviewProfile,
    models.AdoptProfile,
    models.DoctorReport,
    models.Error,
    models.StartCluster,
    models.ServerMessage,
    models.ClientMessage,
)


def schema() -> dict[str, Any]:
    """Return one JSON Schema that defines every type of the wire under ``$defs``.

    Requests forbid unknown fields. Responses do too in the schema, so that the
    generated TypeScript has no index signatures: the server sends exactly these fields.
    """
    refs, definitions = msgspec.json.schema_components(_ROOTS, ref_template="#/$defs/{name}")
    for definition in definitions.values():
        if definition.get("type") == "object":
            definition["additionalProperties"] = False
    definitions["ServerMessage"] = {
        "description": "What the server sends on the stream.",
        **refs[_ROOTS.index(models.ServerMessage)],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "jupyterlab-engines/api.schema.json",
        "title": "JupyterLabEnginesApi",
        "description": f"Wire types of jupyterlab-engines, API version {models.API_VERSION}.",
        "type": "object",
        "properties": {},
        "additionalProperties": False,
        "x-api-version": models.API_VERSION,
        "$defs": dict(sorted(definitions.items())),
    }


def render() -> str:
    """Return the text of ``api.schema.json``."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Write the schema, or with ``--check`` only tell (exit status 1) whether it is stale."""
    arguments = sys.argv[1:] if argv is None else argv
    text = render()
    if "--check" in arguments:
        current = SCHEMA_PATH.read_text(encoding="utf-8") if SCHEMA_PATH.exists() else ""
        if current != text:
            sys.stderr.write("api.schema.json is stale: run `npm run api` and commit the result\n")
            return 1
        return 0
    SCHEMA_PATH.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
