"""``GET doctor`` on a real Jupyter server, and what it remembers of its log."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config

from jupyterlab_engines.doctor.ring import RECENT, RecentTrouble
from jupyterlab_engines.handlers.base import MANAGER
from jupyterlab_engines.handlers.doctor import DoctorHandler
from jupyterlab_engines.routes import ROUTES


@pytest.fixture
def jp_server_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return Config(
        {
            "ServerApp": {"jpserver_extensions": {"jupyterlab_engines": True}},
            "EnginesApp": {"use_scheduler": False},
        }
    )


@pytest.fixture
def server(jp_serverapp: Any, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    """A Jupyter server with our extension."""
    yield jp_serverapp
    manager = jp_serverapp.web_app.settings[MANAGER]
    jp_asyncio_loop.run_until_complete(manager.close(stop_clusters=True))


def test_the_walk_of_the_routes_sees_it() -> None:
    assert DoctorHandler in [handler for path, handler in ROUTES if path.endswith("/doctor")]


async def test_the_report_has_no_token_of_the_server(server: Any, jp_fetch: Any) -> None:
    token = server.identity_provider.token
    log = logging.getLogger("jupyterlab_engines.tests.doctor")
    settings = server.web_app.settings
    recent = settings[RECENT] = RecentTrouble.of(log)
    try:
        log.warning("the hub at ?token=%s did not answer", token)
        first, second = await asyncio.gather(
            *(jp_fetch("jupyterlab-engines", "doctor", request_timeout=120) for _ in range(2))
        )
    finally:
        recent.close()
    text = json.loads(first.body)["text"]
    assert json.loads(second.body)["text"] == text  # one examination for both
    assert "did not answer" in text
    assert token not in text
    assert "one world of 2" in text
    assert "not looked for: EnginesApp.use_scheduler is false" in text
    assert len(text.splitlines()) < 200


def test_only_the_last_warnings_are_kept() -> None:
    log = logging.Logger("engines")
    recent = RecentTrouble.of(logging.LoggerAdapter(log, {}))
    log.info("nothing")
    for number in range(60):
        log.error("trouble %d", number)
    assert len(recent.lines) == 50
    recent.close()
    log.error("too late")
    assert recent.lines[-1].endswith("ERROR trouble 59")
    assert recent.lines[0].endswith("ERROR trouble 10")
