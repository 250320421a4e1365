"""Jupyter servers with our extension, real ones, and the promise that no test leaves anything behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from leftovers import assert_nothing_left
from realserver import RealServer
from traitlets.config import Config
from wire import Api

from jupyterlab_engines.clusters.manager import ClusterManager
from jupyterlab_engines.handlers.base import MANAGER


@pytest.fixture
def ipython_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An IPython folder of the test's own, not made yet; afterwards nothing of a cluster may be left."""
    folder = tmp_path / "ipython"
    monkeypatch.setenv("IPYTHONDIR", str(folder))
    yield folder
    assert_nothing_left(folder)


@pytest.fixture
def engines_config() -> dict[str, Any]:
    """Traits of EnginesApp; tests override it."""
    return {}


@pytest.fixture
def jp_server_config(engines_config: dict[str, Any]) -> Config:
    """The server's configuration."""
    return Config(
        {
            "ServerApp": {"jpserver_extensions": {"jupyterlab_engines": True}},
            "EnginesApp": engines_config,
        }
    )


@pytest.fixture
def api(
    ipython_dir: Path,
    jp_serverapp: Any,
    jp_fetch: Any,
    jp_asyncio_loop: asyncio.AbstractEventLoop,
) -> Iterator[Api]:
    """Our REST API on a Jupyter server in this process."""
    yield Api(jp_fetch)
    manager: ClusterManager = jp_serverapp.web_app.settings[MANAGER]
    jp_asyncio_loop.run_until_complete(manager.close(stop_clusters=True))


@pytest.fixture
def manager(api: Api, jp_serverapp: Any) -> ClusterManager:
    """The manager behind `api`."""
    found: ClusterManager = jp_serverapp.web_app.settings[MANAGER]
    return found


@pytest.fixture
def real_server(tmp_path: Path) -> Iterator[RealServer]:
    """A Jupyter server in a process of its own, not started yet."""
    server = RealServer(tmp_path)
    yield server
    server.end()
    assert_nothing_left(server.ipython_dir)
