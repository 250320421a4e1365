"""The real scheduler, for the documents' commands that need one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

# The rig's own conftest is out of sight from here.
_spec = importlib.util.spec_from_file_location(
    "rig_fixtures", Path(__file__).parents[1] / "rig" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
rig = _fixtures.rig
