"""Interrupting engines, and restarting them under the controller and in the job that they had."""

from __future__ import annotations

import asyncio
import os
import signal

import ipyparallel as ipp
import psutil
import pytest
from wire import Api, Refused

from jupyterlab_engines.api.models import Cluster
from pxengines.launch.paths import RunPaths

WAIT_SECONDS = 60


def pids(cluster: Cluster) -> list[int]:
    """Return the processes of the engines by rank."""
    return [engine.pid for engine in cluster.engines if engine.pid is not None]


async def test_engines_are_interrupted_and_restarted(api: Api) -> None:
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
        await asyncio.to_thread(view.execute, "x = 1", block=True)
        running = view.execute("import time\nwhile True: time.sleep(0.05)", block=False)
        await until_busy(view, first)
        assert (await api.call("clusters", "local", "interrupt", method="POST")).code == 204
        with pytest.raises(ipp.error.CompositeError, match="KeyboardInterrupt"):
            await asyncio.to_thread(running.get, WAIT_SECONDS)

        old = [psutil.Process(pid) for pid in pids(first)]
        # One call in C that no signal ends before it is over.
        running = view.execute("sum(range(10**11))", block=False)
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
        await asyncio.to_thread(told.execute, "told = ('x' in globals(), mpi_size)", block=True)
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


async def until_busy(view: ipp.DirectView, cluster: Cluster) -> None:
    """Return when the hub counts a request on each engine."""
    for _ in range(200):
        status = await asyncio.to_thread(view.queue_status)
        if all(status[engine.engine_id]["queue"] for engine in cluster.engines):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the engines never began")
