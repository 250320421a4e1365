"""Interrupting engines, and restarting them under the controller and in the job that they had."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import ipyparallel as ipp
import psutil
import pytest
from leftovers import wait_until
from wire import Api, Refused

from jupyterlab_engines.api.models import Cluster
from pxengines.launch.paths import RunPaths

WAIT_SECONDS = 60


def pids(cluster: Cluster) -> list[int]:
    """Return the processes of the engines by rank."""
    return [engine.pid for engine in cluster.engines if engine.pid is not None]


async def test_engines_are_interrupted_and_restarted(api: Api, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        await api.call("clusters", "local", "restart", method="POST")
    assert (refused.value.status, refused.value.error.code) == (404, "unknown_cluster")
    first = await api.ready(2)
    file = str(RunPaths.of_key("local").connection_file("client"))

    def connect() -> ipp.Client:
        return ipp.Client(file, timeout=WAIT_SECONDS)

    client = await asyncio.to_thread(connect)
    try:
        view = client[:]
        # Not block=True: that also waits for output, without limit, and a new client may miss it.
        await asyncio.to_thread(view.execute("x = 1", block=False).get, WAIT_SECONDS)
        busy = tmp_path / "busy"
        running = view.execute(f"{told_by(busy)}import time\nwhile True: time.sleep(0.05)", block=False)
        await until_told(busy)
        assert (await api.call("clusters", "local", "interrupt", method="POST")).code == 204
        with pytest.raises(ipp.error.CompositeError, match="KeyboardInterrupt"):
            await asyncio.to_thread(running.get, WAIT_SECONDS)

        old = [psutil.Process(pid) for pid in pids(first)]
        # One call in C that no signal ends before it is over.
        stuck = tmp_path / "stuck"
        running = view.execute(f"{told_by(stuck)}sum(range(10**11))", block=False)
        await until_told(stuck)
        response = await api.call("clusters", "local", "restart", method="POST")
        assert response.code == 202
        with pytest.raises(ipp.error.CompositeError, match="EngineError"):
            await asyncio.to_thread(running.get, WAIT_SECONDS)
        second = await api.until_state("ready")
        assert second.run_id == first.run_id
        assert [(e.engine_id, e.rank, e.alive) for e in second.engines] == [(0, 0, True), (1, 1, True)]
        assert not set(pids(first)) & set(pids(second))
        _, left = await asyncio.to_thread(psutil.wait_procs, old, WAIT_SECONDS)
        assert left == []
        assert second.mpi is not None and second.mpi.size == 2
        assert [step.state for step in second.history][-3:] == ["ready", "starting", "ready"]
        # The client of before goes on with the new ones.
        await asyncio.to_thread(client.wait_for_engines, 2, timeout=WAIT_SECONDS)
        told = client[:]
        telling = told.execute("told = ('x' in globals(), mpi_size)", block=False)
        await asyncio.to_thread(telling.get, WAIT_SECONDS)
        assert await asyncio.to_thread(told.pull, "told", block=True) == [(False, 2)] * 2
        # Who dies in the second world is seen as in the first.
        os.kill(pids(second)[1], signal.SIGKILL)
        failed = await api.until(lambda c: c.state == "failed", "the loss")
        assert failed.failure is not None
        assert (failed.failure.code, failed.failure.params["rank"]) == ("engine_died", "1")
    finally:
        client.close()
    with pytest.raises(Refused) as refused:
        await api.call("clusters", "local", "interrupt", method="POST")
    assert (refused.value.status, refused.value.error.code) == (409, "wrong_state")


def told_by(flag: Path) -> str:
    """Return the begin of a cell that makes a file on each rank: what the hub counts may not have begun."""
    return f"import pathlib\npathlib.Path('{flag}-%i' % mpi_rank).touch()\n"


async def until_told(flag: Path) -> None:
    """Return when both engines have begun the cell of `told_by`."""
    await asyncio.to_thread(
        wait_until, lambda: all(Path(f"{flag}-{rank}").exists() for rank in range(2)), "the engines to begin"
    )
