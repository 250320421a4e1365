"""Starting and stopping at the wrong moment, or twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from leftovers import run_ids
from wire import Api, Refused, new_key

from jupyterlab_engines.api.models import Cluster

pytestmark = pytest.mark.apart


async def test_two_tabs_that_start_at_once_get_one_cluster(api: Api, ipython_dir: Path) -> None:
    results = await asyncio.gather(api.start(2), api.start(3), return_exceptions=True)
    accepted = [result for result in results if isinstance(result, Cluster)]
    refused = [result for result in results if isinstance(result, Refused)]
    assert len(accepted) == 1 and len(refused) == 1
    assert refused[0].status == 409
    assert refused[0].error.code == "wrong_state"
    assert "local" in refused[0].error.message
    assert refused[0].error.next_step
    assert run_ids(ipython_dir) == [accepted[0].run_id]


async def test_the_same_start_again_is_the_same_cluster(api: Api) -> None:
    key = new_key()
    first, second = await asyncio.gather(api.start(2, key=key), api.start(2, key=key))
    assert first.run_id == second.run_id
    await api.until_state("ready")
    assert (await api.start(2, key=key)).run_id == first.run_id
    await api.stop()
    await api.until_state("stopped")
    again = await api.start(2, key=key)
    assert (again.run_id, again.state) == (first.run_id, "stopped")


async def test_stopping_twice_is_stopping_once(api: Api) -> None:
    await api.ready()
    first, second = await asyncio.gather(api.stop(), api.stop())
    assert (first.state, second.state) == ("stopping", "stopping")
    assert first.state_since == second.state_since
    stopped = await api.until_state("stopped")
    assert await api.stop() == stopped


async def test_stopping_at_once_after_the_start(api: Api) -> None:
    await api.start(2)
    assert (await api.stop()).state == "stopping"
    stopped = await api.until_state("stopped")
    assert stopped.failure is None


async def test_stopping_while_the_engines_start(api: Api) -> None:
    await api.start(2)
    await api.until(lambda c: c.stages[1].status == "done", "the controller")
    await api.stop()
    await api.until_state("stopped")


async def test_starting_while_stopping_is_refused_in_words(api: Api) -> None:
    await api.ready()
    await api.stop()
    with pytest.raises(Refused) as refused:
        await api.start(2)
    assert refused.value.status == 409
    assert "stopping" in refused.value.error.message
    assert (await api.until_state("stopped")).failure is None


async def test_starting_again_after_a_stop_is_a_new_run(api: Api) -> None:
    first = await api.ready()
    await api.stop()
    await api.until_state("stopped")
    second = await api.ready()
    assert second.run_id != first.run_id
    assert {e.pid for e in second.engines}.isdisjoint({e.pid for e in first.engines})


async def test_a_stopped_cluster_is_forgotten_with_its_files(api: Api, ipython_dir: Path) -> None:
    await api.ready()
    with pytest.raises(Refused) as refused:
        await api.call("clusters", "local", method="DELETE")
    assert (refused.value.status, refused.value.error.code) == (409, "wrong_state")
    await api.stop()
    await api.until_state("stopped")
    assert (await api.call("clusters", "local", method="DELETE")).code == 204
    assert (await api.clusters()).clusters == []
    assert not (ipython_dir / "profile_local" / "pxengines" / "default").exists()
    with pytest.raises(Refused) as gone:
        await api.cluster()
    assert (gone.value.status, gone.value.error.code) == (404, "unknown_cluster")


async def test_stopping_what_never_was(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        await api.stop("nobody")
    assert (refused.value.status, refused.value.error.code) == (404, "unknown_cluster")
    assert "nobody" in refused.value.error.message
