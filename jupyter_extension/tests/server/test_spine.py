"""The main job: start, ready, stop, with real engines."""

from __future__ import annotations

from pathlib import Path

from wire import Api


async def test_a_cluster_starts_becomes_ready_and_stops(api: Api, ipython_dir: Path) -> None:
    accepted = await api.start(engines=2)
    assert (accepted.key, accepted.state, accepted.engines_requested) == ("local", "submitting", 2)
    ready = await api.until_state("ready")
    assert ready.run_id == accepted.run_id
    assert [engine.engine_id for engine in ready.engines] == [0, 1]
    assert [engine.rank for engine in ready.engines] == [0, 1]
    assert all(engine.alive and engine.pid and engine.host for engine in ready.engines)
    assert ready.engines_registered == 2
    assert ready.mpi is not None and ready.mpi.size == 2
    assert [stage.status for stage in ready.stages] == ["done"] * 4
    assert all(s.started_at and s.ended_at and s.started_at <= s.ended_at for s in ready.stages)
    assert (await api.stop()).state == "stopping"
    stopped = await api.until_state("stopped")
    assert stopped.engines_registered == 0
    assert not any(engine.alive for engine in stopped.engines)
