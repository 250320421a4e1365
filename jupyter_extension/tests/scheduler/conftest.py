"""The rig, for the contract of the schedulers."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

# The rig's own conftest is out of sight from here.
_RIG = Path(__file__).parents[1] / "rig"
if str(_RIG) not in sys.path:
    sys.path.append(str(_RIG))
_spec = importlib.util.spec_from_file_location("rig_fixtures_of_schedulers", _RIG / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
rig = _fixtures.rig
