"""Clusters of terminals in the panel, and clusters of the panel in terminals."""

# ruff: noqa: ASYNC110 - tests look at files and wait for conditions
from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import pytest
from leftovers import processes_in, wait_until
from wire import Api, Refused

from jupyterlab_engines.api.models import Cluster
from jupyterlab_engines.app import EnginesApp

pytestmark = pytest.mark.apart

PROMISED_SECONDS = 5.0
"""What happens in a terminal is seen in the panel within this time, if the machine has time for it."""
SECONDS_TO_NOTICE = 30.0
"""The same on a machine that is busy with something else."""


@pytest.fixture
def engines_config() -> dict[str, Any]:
    """Without somebody who watches, nothing would be seen in time."""
    return {"idle_poll_seconds": 20 * SECONDS_TO_NOTICE}


def environment() -> dict[str, str]:
    """Return the environment of a terminal in which this Python's environment is active."""
    return {**os.environ, "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def ipcluster(*arguments: str, check: bool = True) -> str:
    """Run `ipcluster` to its end; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "ipyparallel.cluster", *arguments],
        capture_output=True,
        text=True,
        check=check,
        env=environment(),
        timeout=90,
    )
    return done.stdout + done.stderr


@pytest.fixture
def terminal(ipython_dir: Path) -> Iterator[Any]:
    """Start clusters as a user does in a terminal; what a test leaves is stopped."""
    started: list[subprocess.Popen[bytes]] = []

    def start(profile: str, engines: int, *options: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "ipyparallel.cluster",
            "start",
            f"--profile={profile}",
            f"-n={engines}",
        ]
        process = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(60)
    wait_until(lambda: not processes_in(ipython_dir), "the end of all processes of terminals")


async def gone(api: Api, key: str) -> None:
    while any(cluster.key == key for cluster in (await api.clusters()).clusters):
        await asyncio.sleep(0.05)


async def seen(api: Api, key: str, state: str) -> Cluster:
    while True:
        for cluster in (await api.clusters()).clusters:
            if cluster.key == key and cluster.state == state:
                return cluster
        await asyncio.sleep(0.05)


def test_who_watches_is_told_in_time() -> None:
    """What comes just after a look is seen by the next one, and told while the one after that is due."""
    assert 2 * EnginesApp.watched_poll_seconds.default_value <= PROMISED_SECONDS


async def test_a_terminals_cluster_appears_and_goes(api: Api, terminal: Any) -> None:
    terminal("mine", 2, "--engines=mpi")
    ready = await asyncio.wait_for(seen(api, "mine", "ready"), 90)
    assert (ready.origin, ready.engines_requested, ready.engines_registered) == ("terminal", 2, 2)
    told = await api.until(lambda c: c.mpi is not None or all(e.pid for e in c.engines), "pids", "mine")
    assert all(engine.host and engine.pid for engine in told.engines)
    with pytest.raises(Refused) as refused:
        await api.start(2, profile="mine")
    assert (refused.value.status, refused.value.error.code) == (409, "wrong_state")
    assert (await api.log("mine", source="controller")).source == "controller"
    await asyncio.to_thread(ipcluster, "stop", "--profile=mine")
    await asyncio.wait_for(gone(api, "mine"), SECONDS_TO_NOTICE)


async def test_a_terminals_cluster_can_be_stopped_from_the_panel(
    api: Api, terminal: Any, ipython_dir: Path
) -> None:
    process = terminal("mine", 2)
    await asyncio.wait_for(seen(api, "mine", "ready"), 90)
    assert (await api.stop("mine")).state == "stopping"
    await asyncio.wait_for(gone(api, "mine"), 60)
    await asyncio.to_thread(process.wait, 60)
    await asyncio.to_thread(wait_until, lambda: not processes_in(ipython_dir), "the end of its processes")
    assert "mine" not in await asyncio.to_thread(ipcluster, "list")


async def test_a_terminals_cluster_with_an_id(api: Api, terminal: Any) -> None:
    terminal("mine", 1, "--cluster-id=second")
    ready = await asyncio.wait_for(seen(api, "mine:second", "ready"), 90)
    assert (ready.profile, ready.cluster_id) == ("mine", "second")
    assert (await api.cluster("mine:second")).key == "mine:second"
    await api.stop("mine:second")
    await asyncio.wait_for(gone(api, "mine:second"), 60)


async def test_an_engine_that_a_terminal_loses_degrades_its_cluster(api: Api, terminal: Any) -> None:
    terminal("mine", 2)
    await asyncio.wait_for(seen(api, "mine", "ready"), 90)
    told = await api.until(lambda c: all(engine.pid for engine in c.engines), "pids", "mine")
    victim = told.engines[1].pid
    assert victim is not None
    os.kill(victim, 9)
    degraded = await api.until(lambda c: c.state == "degraded", "degraded", "mine")
    assert [engine.alive for engine in degraded.engines] == [True, False]


async def test_our_cluster_in_a_terminal(api: Api, ipython_dir: Path) -> None:
    await api.ready(2)
    listed = await asyncio.to_thread(ipcluster, "list")
    assert any(line.split() == ["local", "''", "True", "2", "MPI"] for line in listed.splitlines()), listed
    assert [c.origin for c in (await api.clusters()).clusters] == ["panel"]

    def use() -> list[int]:
        with ipp.Client(profile="local") as client:
            view = client[:]
            return list(view["mpi_size"])

    assert await asyncio.to_thread(use) == [2, 2]
    assert "already running" in await asyncio.to_thread(
        ipcluster, "start", "--profile=local", "-n=1", check=False
    )
    await asyncio.to_thread(ipcluster, "stop", "--profile=local")
    begun = time.monotonic()
    stopped = await api.until_state("stopped")
    assert time.monotonic() - begun < SECONDS_TO_NOTICE
    assert stopped.failure is None


async def test_a_stale_cluster_file_is_no_cluster(api: Api, ipython_dir: Path) -> None:
    security = ipython_dir / "profile_old" / "security"
    security.mkdir(parents=True)
    stale = security / "cluster-.json"
    stale.write_text(
        '{"cluster": {"n": 2}, "controller": {"class": "local", "state": {"pid": 1}}, '
        '"engines": {"sets": {}}}'
    )
    assert (await api.clusters()).clusters == []
    stale.write_text("garbage")
    await api.profiles()
    assert (await api.clusters()).clusters == []
    stale.unlink()
    await api.ready(1)
