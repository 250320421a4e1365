"""The fixtures of the job's tests, and their promise that nothing of a job is left."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from realjob import WAIT_SECONDS, RealJob

from pxengines.launch.paths import RunPaths

# The rig's own conftest is out of sight from here.
_RIG = Path(__file__).parents[1] / "rig"
sys.path.append(str(_RIG))
_spec = importlib.util.spec_from_file_location("rig_fixtures", _RIG / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
rig = _fixtures.rig


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealJob]:
    """A job in an IPython folder of its own; after the test nothing of it may live."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    real = RealJob(RunPaths.of_key("local"), dict(os.environ))
    yield real
    for process in real.processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in real.processes:
        process.wait(timeout=WAIT_SECONDS)
    if real.processes:
        real.wait_until_nothing_lives()
        leftovers = list(real.paths.security_dir.glob("*.json"))
        assert leftovers == [], "connection or cluster files were left"
