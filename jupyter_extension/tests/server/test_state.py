"""The state machine: every edge there is, and every one there is not."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from jupyterlab_engines.api.models import Cluster, ClusterState, Engine, MpiWorld
from jupyterlab_engines.clusters import state
from jupyterlab_engines.clusters.words import failure

WORLD = MpiWorld(size=2, library="MPICH Version: 5.0.2", mpi4py_version="4.1.2", python_version="3.11.7")
STATES: tuple[ClusterState, ...] = get_args(ClusterState)


def engines(*alive: bool) -> tuple[Engine, ...]:
    return tuple(Engine(engine_id=i, rank=i, host="vm", pid=100 + i, alive=a) for i, a in enumerate(alive))


def fresh() -> Cluster:
    return state.new_cluster(key="local", profile="local", cluster_id="", run_id="r", engines=2, at=1.0)


TO: dict[ClusterState, list[state.Event]] = {
    "submitting": [],
    "queued": [state.JobQueued(2.0)],
    "starting": [state.JobStarted(3.0)],
    "ready": [
        state.JobStarted(3.0),
        state.ControllerUp(4.0),
        state.EnginesChanged(5.0, engines(True, True)),
        state.WorldPassed(6.0, WORLD, engines(True, True)),
    ],
    "degraded": [
        state.JobStarted(3.0),
        state.ControllerUp(4.0),
        state.EnginesChanged(5.0, engines(True, True)),
        state.WorldPassed(6.0, WORLD, engines(True, True)),
        state.EnginesChanged(7.0, engines(True, False)),
    ],
    "stopping": [state.StopAsked(7.0)],
    "stopped": [state.StopAsked(7.0), state.Ended(8.0)],
    "failed": [state.Failed(7.0, failure("job_killed"))],
}


def cluster_in(wanted: ClusterState) -> Cluster:
    cluster = fresh()
    for event in TO[wanted]:
        cluster = state.advance(cluster, event)
    assert cluster.state == wanted
    return cluster


EVENTS: dict[str, state.Event] = {
    "queued": state.JobQueued(20.0),
    "started": state.JobStarted(20.0),
    "controller": state.ControllerUp(20.0),
    "one": state.EnginesChanged(20.0, engines(True)),
    "both": state.EnginesChanged(20.0, engines(True, True)),
    "lost": state.EnginesChanged(20.0, engines(True, False)),
    "restarted": state.EnginesRestarted(20.0),
    "passed": state.WorldPassed(20.0, WORLD, engines(True, True)),
    "stop": state.StopAsked(20.0),
    "ended": state.Ended(20.0),
    "failed": state.Failed(20.0, failure("job_killed")),
}

# What every event makes of every state; what is not here is illegal.
LEGAL: dict[tuple[str, str], str] = {
    ("submitting", "queued"): "queued",
    ("submitting", "started"): "starting",
    ("submitting", "stop"): "stopping",
    ("submitting", "failed"): "failed",
    ("queued", "queued"): "queued",
    ("queued", "started"): "starting",
    ("queued", "stop"): "stopping",
    ("queued", "failed"): "failed",
    ("starting", "queued"): "queued",
    ("starting", "started"): "starting",
    ("starting", "controller"): "starting",
    ("starting", "one"): "starting",
    ("starting", "both"): "starting",
    ("starting", "lost"): "starting",
    ("starting", "passed"): "ready",
    ("starting", "stop"): "stopping",
    ("starting", "failed"): "failed",
    ("ready", "queued"): "queued",
    ("ready", "one"): "degraded",
    ("ready", "both"): "ready",
    ("ready", "lost"): "degraded",
    ("ready", "restarted"): "starting",
    ("ready", "stop"): "stopping",
    ("ready", "failed"): "failed",
    ("degraded", "queued"): "queued",
    ("degraded", "one"): "degraded",
    ("degraded", "both"): "ready",
    ("degraded", "lost"): "degraded",
    ("degraded", "restarted"): "starting",
    ("degraded", "stop"): "stopping",
    ("degraded", "failed"): "failed",
    ("stopping", "queued"): "stopping",
    ("stopping", "started"): "stopping",
    ("stopping", "controller"): "stopping",
    ("stopping", "one"): "stopping",
    ("stopping", "both"): "stopping",
    ("stopping", "lost"): "stopping",
    ("stopping", "restarted"): "stopping",
    ("stopping", "passed"): "stopping",
    ("stopping", "stop"): "stopping",
    ("stopping", "ended"): "stopped",
    ("stopping", "failed"): "failed",
}


@pytest.mark.parametrize(("before", "event"), list(product(STATES, EVENTS)))
def test_every_event_in_every_state(before: ClusterState, event: str) -> None:
    cluster = cluster_in(before)
    after = LEGAL.get((before, event))
    if after is None:
        with pytest.raises(state.IllegalTransition, match=before):
            state.advance(cluster, EVENTS[event])
        return
    result = state.advance(cluster, EVENTS[event])
    assert result.state == after
    assert (result.state_since == 20.0) == (after != before) or event == "started"
    assert cluster == cluster_in(before), "the old value is unchanged"
    assert (result.run_id, result.created_at) == (cluster.run_id, cluster.created_at)


def test_a_restart_of_the_engines_goes_through_their_stages_again() -> None:
    again = state.advance(cluster_in("ready"), state.EnginesRestarted(20.0))
    assert (again.engines, again.engines_registered, again.mpi) == ([], 0, None)
    assert [(stage.name, stage.status) for stage in again.stages] == [
        ("submitted", "done"),
        ("controller", "done"),
        ("engines", "active"),
        ("mpi_check", "waiting"),
    ]
    both = state.advance(again, state.EnginesChanged(21.0, engines(True, True)))
    assert state.advance(both, state.WorldPassed(22.0, WORLD, tuple(both.engines))).state == "ready"


def test_the_stages_of_a_start() -> None:
    cluster = fresh()
    seen = [[stage.status for stage in cluster.stages]]
    for event in TO["ready"]:
        cluster = state.advance(cluster, event)
        seen.append([stage.status for stage in cluster.stages])
    assert seen == [
        ["active", "waiting", "waiting", "waiting"],
        ["done", "active", "waiting", "waiting"],
        ["done", "done", "active", "waiting"],
        ["done", "done", "done", "active"],
        ["done", "done", "done", "done"],
    ]
    assert [(s.started_at, s.ended_at) for s in cluster.stages] == [(1, 3), (3, 4), (4, 5), (5, 6)]
    assert cluster.mpi == WORLD


def test_a_failure_marks_the_stage_it_came_in() -> None:
    cluster = state.advance(cluster_in("starting"), state.Failed(9.0, failure("mpiexec_missing")))
    assert [stage.status for stage in cluster.stages] == ["done", "failed", "waiting", "waiting"]
    assert cluster.stages[1].ended_at == 9.0
    assert cluster.failure is not None and cluster.failure.code == "mpiexec_missing"


def test_a_requeued_cluster_goes_through_the_later_stages_again() -> None:
    cluster = state.advance(cluster_in("ready"), state.JobQueued(9.0))
    assert (cluster.engines, cluster.engines_registered, cluster.mpi) == ([], 0, None)
    assert [s.status for s in cluster.stages] == ["done", "waiting", "waiting", "waiting"]
    for event in TO["ready"]:
        cluster = state.advance(cluster, event)
    assert cluster.state == "ready"
    assert [t.state for t in cluster.history][-3:] == ["queued", "starting", "ready"]


@pytest.mark.parametrize("event", [state.Ended(9.0), state.Failed(9.0, failure("job_killed"))])
def test_no_engine_outlives_the_cluster(event: state.Event) -> None:
    cluster = state.advance(cluster_in("ready"), state.StopAsked(8.0))
    ended = state.advance(cluster, event)
    assert ended.engines_registered == 0
    assert [engine.alive for engine in ended.engines] == [False, False]


def test_a_terminals_cluster_has_no_stages_and_needs_no_check() -> None:
    cluster = state.found_cluster(
        key="t", profile="t", cluster_id="", run_id="r", engines=2, created_at=1.0, at=2.0
    )
    assert (cluster.origin, cluster.stages) == ("terminal", [])
    cluster = state.advance(cluster, state.EnginesChanged(3.0, engines(True)))
    assert cluster.state == "starting"
    cluster = state.advance(cluster, state.EnginesChanged(4.0, engines(True, True)))
    assert (cluster.state, cluster.mpi) == ("ready", None)
    cluster = state.advance(cluster, state.WorldPassed(5.0, WORLD, engines(True, True)))
    assert (cluster.state, cluster.mpi) == ("ready", WORLD)
    cluster = state.advance(cluster, state.EnginesChanged(6.0, engines(True, False)))
    assert cluster.state == "degraded"


def test_a_run_of_ours_that_a_terminal_started_is_checked_like_any() -> None:
    cluster = state.new_cluster(
        key="t", profile="t", cluster_id="", run_id="r", engines=2, at=1.0, origin="terminal"
    )
    for event in TO["ready"][:3]:
        cluster = state.advance(cluster, event)
    assert (cluster.origin, cluster.state) == ("terminal", "starting")
    cluster = state.advance(cluster, state.WorldPassed(6.0, WORLD, engines(True, True)))
    assert (cluster.state, cluster.mpi) == ("ready", WORLD)


def test_a_terminals_cluster_of_unknown_size_is_ready_with_its_first_engine() -> None:
    cluster = state.found_cluster(
        key="t", profile="t", cluster_id="", run_id="r", engines=None, created_at=1.0, at=2.0
    )
    assert state.advance(cluster, state.EnginesChanged(3.0, ())).state == "starting"
    assert state.advance(cluster, state.EnginesChanged(3.0, engines(True))).state == "ready"


def test_the_table_of_edges_is_what_the_events_do() -> None:
    done = {(before, after) for (before, _), after in LEGAL.items() if before != after}
    assert done == {(a, b) for a, followers in state.EDGES.items() for b in followers if a != b}
