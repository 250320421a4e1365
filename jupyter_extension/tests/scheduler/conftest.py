"""The rig, for the contract of the schedulers."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

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


@pytest.fixture
def new_children() -> Callable[[], list[psutil.Process]]:
    """Return the children that the test has started: servers that other tests share live on beside them."""
    before = set(psutil.Process().children())
    return lambda: [child for child in psutil.Process().children() if child not in before]
