"""ipyparallel's connection files, and how to tell the one of this run from what an earlier one left."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

RUN_ID_FIELD = "pxengines_run_id"
"""Our addition to the file: ipyparallel ignores it."""


def connection_of_run(path: Path, run_id: str | None) -> dict[str, Any] | None:
    """Return the content of a connection file once it is there and whole; None before.

    With a `run_id`, a file that the controller of another run wrote does not count.
    """
    try:
        # A network file system remembers for up to a minute that a file was missing; opening the folder
        # makes it look again.
        os.listdir(path.parent)
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or "registration" not in content:
        return None
    if run_id and content.get(RUN_ID_FIELD) not in (None, run_id):
        return None
    return content
