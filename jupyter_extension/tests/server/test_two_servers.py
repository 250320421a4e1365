"""Two Jupyter servers of one user: both see the same clusters, one looks after each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from realserver import RealServer

from jupyterlab_engines.clusters.store import read_record

pytestmark = pytest.mark.apart


@pytest.fixture
def other_server(real_server: RealServer, tmp_path: Path) -> Iterator[RealServer]:
    server = RealServer(tmp_path / "other", base_url="/", IPYTHONDIR=str(real_server.ipython_dir))
    yield server
    server.end()


def test_a_cluster_of_one_is_seen_by_the_other_and_survives_its_owner(
    real_server: RealServer, other_server: RealServer
) -> None:
    real_server.begin()
    other_server.begin()
    started = real_server.start(2)
    real_server.until_state("ready")
    seen = other_server.until_state("ready")
    assert seen.run_id == started.run_id
    assert [engine.pid for engine in seen.engines]
    record = real_server.ipython_dir / "profile_local" / "pxengines" / "default" / "record.json"
    owner = read_record(record)
    assert owner is not None and owner.owner.pid == real_server.pid

    refused = other_server.call(
        "POST", "clusters", body={"profile": "local", "engines": 2, "idempotency_key": "from-the-other"}
    )
    assert refused.status_code == 409
    assert refused.json()["code"] == "wrong_state"

    real_server.kill()
    other_server.until(
        lambda: (r := read_record(record)) is not None and r.owner.pid == other_server.pid, "its adoption"
    )
    adopted = other_server.until_state("ready")
    assert adopted.run_id == started.run_id
    other_server.stop()
    other_server.until_state("stopped")


def test_the_other_may_stop_it(real_server: RealServer, other_server: RealServer) -> None:
    real_server.begin()
    other_server.begin()
    real_server.start(2)
    real_server.until_state("ready")
    other_server.until_state("ready")
    other_server.stop()
    assert real_server.until_state("stopped").failure is None
    assert other_server.until_state("stopped").failure is None
    assert other_server.call("DELETE", "clusters", "local").status_code == 204
    real_server.until(lambda: real_server.clusters() == [], "that it is forgotten")
