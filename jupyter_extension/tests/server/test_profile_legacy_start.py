"""The centre's legacy profile, started for real on a simulated OpenPBS."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakepbs import FakePBS
from test_interop import ipcluster
from wire import Api

LEGACY = Path(__file__).parents[1] / "data" / "profiles" / "profile_pbs_legacy"


@pytest.fixture
def pbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePBS]:
    """A simulated OpenPBS, first in PATH."""
    fake = FakePBS(tmp_path / "pbs", "openpbs")
    for name, value in fake.environ.items():
        monkeypatch.setenv(name, value)
    yield fake
    fake.shutdown()


async def test_it_starts_and_a_terminal_stops_it(pbs: FakePBS, api: Api, ipython_dir: Path) -> None:
    folder = shutil.copytree(LEGACY, ipython_dir / "profile_pbs")
    programs = Path(sys.executable).parent
    for name in ("pbs.controller.template", "pbs.engine.template"):
        # A login shell would find the programs; the simulated one has no profile files.
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("cd $PBS", f"PATH={programs}:$PATH\ncd $PBS"))
    await api.call("scheduler")
    await api.start(8, profile="pbs")
    ready = await api.until(lambda c: c.state in ("ready", "failed"), "ready", key="pbs")
    assert ready.state == "ready", ready.failure
    listed = await asyncio.to_thread(ipcluster, "list")
    assert any(line.split()[:4] == ["pbs", "''", "True", "8"] for line in listed.splitlines()), listed
    await asyncio.to_thread(ipcluster, "stop", "--profile=pbs")
    ended = await api.until(lambda c: c.state in ("stopped", "failed"), "the end", key="pbs")
    assert ended.state == "stopped", ended.failure
    assert list((folder / "security").glob("cluster-*.json")) == []
