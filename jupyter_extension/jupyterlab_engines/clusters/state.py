"""The life of a cluster as a pure state machine: an event goes in, a new `Cluster` comes out.

Knows no clock, process or file: every event carries the time it happened at. An event
that cannot happen in a state raises `IllegalTransition`, so that a bug shows where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from ..api.models import (
    Batch,
    Cluster,
    ClusterState,
    Engine,
    Failure,
    MpiWorld,
    Stage,
    StageName,
    StageStatus,
    Transition,
)

LIVE: frozenset[ClusterState] = frozenset(
    {"submitting", "queued", "starting", "ready", "degraded", "stopping"}
)
"""States in which something of the cluster may run."""

IN_MOTION: frozenset[ClusterState] = frozenset({"submitting", "queued", "starting", "stopping"})
"""States that will change without anybody asking."""

EDGES: dict[ClusterState, frozenset[ClusterState]] = {
    "submitting": frozenset({"queued", "starting", "stopping", "failed"}),
    "queued": frozenset({"starting", "stopping", "failed"}),
    "starting": frozenset({"starting", "ready", "queued", "stopping", "failed"}),
    "ready": frozenset({"ready", "degraded", "starting", "queued", "stopping", "failed"}),
    "degraded": frozenset({"degraded", "ready", "starting", "queued", "stopping", "failed"}),
    "stopping": frozenset({"stopping", "stopped", "failed"}),
    "stopped": frozenset(),
    "failed": frozenset(),
}
"""Which state may follow which; a state that lists itself takes events without leaving."""

HISTORY_LENGTH = 50
"""Most transitions a cluster remembers: one that goes on and on between ready and degraded stays small."""

_STAGES: tuple[StageName, ...] = ("submitted", "queued", "controller", "engines", "mpi_check")
"""All stages; a cluster of this machine is never queued and lacks that one."""


class IllegalTransition(Exception):
    """An event came that cannot happen in the cluster's state."""


@dataclass(frozen=True)
class JobQueued:
    """The batch system has the job and does not run it: not yet, or not any more (requeued)."""

    at: float


@dataclass(frozen=True)
class BatchChanged:
    """The batch system told something else of the cluster's jobs than before."""

    at: float
    batch: Batch


@dataclass(frozen=True)
class JobStarted:
    """The job runs."""

    at: float


@dataclass(frozen=True)
class ControllerUp:
    """The controller answers."""

    at: float


@dataclass(frozen=True)
class EnginesChanged:
    """The engines the controller counts, or what is known of them, changed; `engines` are all of them."""

    at: float
    engines: tuple[Engine, ...]


@dataclass(frozen=True)
class EnginesRestarted:
    """All engines end, because somebody asked for it, and others start; the controller stays."""

    at: float


@dataclass(frozen=True)
class WorldPassed:
    """The world check found one MPI world with every engine in it."""

    at: float
    mpi: MpiWorld
    engines: tuple[Engine, ...]


@dataclass(frozen=True)
class StopAsked:
    """Somebody asked for the end of the cluster."""

    at: float


@dataclass(frozen=True)
class Ended:
    """Nothing of the cluster is left."""

    at: float


@dataclass(frozen=True)
class Failed:
    """The cluster is not usable, and why."""

    at: float
    failure: Failure


Event = (
    JobQueued
    | BatchChanged
    | JobStarted
    | ControllerUp
    | EnginesChanged
    | EnginesRestarted
    | WorldPassed
    | StopAsked
    | Ended
    | Failed
)


def new_cluster(
    *,
    key: str,
    profile: str,
    cluster_id: str,
    run_id: str,
    engines: int,
    at: float,
    batch: Batch | None = None,
    origin: Literal["panel", "terminal"] = "panel",
) -> Cluster:
    """Return a cluster of ours whose Start was just accepted; `batch` if it goes through a scheduler."""
    stages = [_stage(name) for name in _STAGES if batch is not None or name != "queued"]
    stages[0] = _stage("submitted", "active", at)
    return Cluster(
        key=key,
        profile=profile,
        cluster_id=cluster_id,
        run_id=run_id,
        origin=origin,
        state="submitting",
        state_since=at,
        created_at=at,
        stages=stages,
        engines_requested=engines,
        engines_registered=0,
        engines=[],
        mpi=None,
        failure=None,
        batch=batch,
        history=[Transition(at=at, state="submitting")],
    )


def found_cluster(
    *, key: str, profile: str, cluster_id: str, run_id: str, engines: int | None, created_at: float, at: float
) -> Cluster:
    """Return a cluster that a terminal started without us, as it is before its controller was asked.

    It has no stages: nobody watched them, and nobody promised that it is one MPI world.
    """
    return Cluster(
        key=key,
        profile=profile,
        cluster_id=cluster_id,
        run_id=run_id,
        origin="terminal",
        state="starting",
        state_since=at,
        created_at=created_at,
        stages=[],
        engines_requested=engines,
        engines_registered=0,
        engines=[],
        mpi=None,
        failure=None,
        batch=None,
        history=[Transition(at=at, state="starting")],
    )


def advance(cluster: Cluster, event: Event) -> Cluster:
    """Return what `cluster` becomes by `event`.

    Raises
    ------
    IllegalTransition
        If `event` cannot happen in the cluster's state.
    """
    if isinstance(event, JobQueued):
        return _queued(cluster, event)
    if isinstance(event, BatchChanged):
        return msgspec.structs.replace(cluster, batch=event.batch)
    if isinstance(event, JobStarted):
        if cluster.state == "stopping":
            return cluster  # asked to stop in the moment of its start
        _require(cluster, event, "submitting", "queued", "starting")
        begun = _enter(cluster, "starting", event.at)
        return _move(begun, event.at, done=("submitted", "queued"), active="controller")
    if isinstance(event, ControllerUp):
        return _controller_up(cluster, event)
    if isinstance(event, EnginesChanged):
        return _engines_changed(cluster, event)
    if isinstance(event, EnginesRestarted):
        return _engines_restarted(cluster, event)
    if isinstance(event, WorldPassed):
        return _world_passed(cluster, event)
    if isinstance(event, StopAsked):
        return cluster if cluster.state == "stopping" else _enter(cluster, "stopping", event.at)
    if isinstance(event, Ended):
        return _without_engines(_enter(cluster, "stopped", event.at))
    return _failed(cluster, event)


def _queued(cluster: Cluster, event: JobQueued) -> Cluster:
    if cluster.state in ("queued", "stopping"):
        return cluster
    if cluster.state == "submitting":
        return _move(_enter(cluster, "queued", event.at), event.at, done=("submitted",), active="queued")
    # Requeued: what it had is lost, and it goes through the later stages again.
    again = msgspec.structs.replace(
        _enter(cluster, "queued", event.at),
        stages=[stage if stage.name == "submitted" else _stage(stage.name) for stage in cluster.stages],
        engines=[],
        engines_registered=0,
        mpi=None,
    )
    return _move(again, event.at, done=(), active="queued")


def _controller_up(cluster: Cluster, event: ControllerUp) -> Cluster:
    if cluster.state == "stopping":
        return cluster
    _require(cluster, event, "starting")
    return _move(cluster, event.at, done=("controller",), active="engines")


def _engines_changed(cluster: Cluster, event: EnginesChanged) -> Cluster:
    alive = sum(engine.alive for engine in event.engines)
    changed = msgspec.structs.replace(cluster, engines=list(event.engines), engines_registered=alive)
    if cluster.state == "stopping":
        return changed
    _require(cluster, event, "starting", "ready", "degraded")
    requested = cluster.engines_requested
    complete = alive > 0 if requested is None else alive >= requested
    if cluster.state == "starting":
        if not cluster.stages:
            return _enter(changed, "ready", event.at) if complete else changed
        if complete:
            return _move(changed, event.at, done=("controller", "engines"), active="mpi_check")
        return changed
    state: ClusterState = "ready" if complete and all(e.alive for e in event.engines) else "degraded"
    return changed if state == cluster.state else _enter(changed, state, event.at)


def _engines_restarted(cluster: Cluster, event: EnginesRestarted) -> Cluster:
    if cluster.state == "stopping":
        return cluster
    _require(cluster, event, "ready", "degraded")
    kept = ("submitted", "queued", "controller")
    again = msgspec.structs.replace(
        _enter(cluster, "starting", event.at),
        stages=[stage if stage.name in kept else _stage(stage.name) for stage in cluster.stages],
        engines=[],
        engines_registered=0,
        mpi=None,
    )
    return _move(again, event.at, done=(), active="engines")


def _world_passed(cluster: Cluster, event: WorldPassed) -> Cluster:
    if cluster.state == "stopping":
        return cluster
    passed = msgspec.structs.replace(cluster, mpi=event.mpi, engines=list(event.engines))
    if not cluster.stages:
        _require(cluster, event, "starting", "ready", "degraded")
        return passed
    _require(cluster, event, "starting")
    return _move(_enter(passed, "ready", event.at), event.at, done=_STAGES, active=None)


def _failed(cluster: Cluster, event: Failed) -> Cluster:
    failed = _enter(cluster, "failed", event.at)
    stages = [
        msgspec.structs.replace(stage, status="failed", ended_at=event.at)
        if stage.status == "active"
        else stage
        for stage in cluster.stages
    ]
    return _without_engines(msgspec.structs.replace(failed, stages=stages, failure=event.failure))


def _without_engines(cluster: Cluster) -> Cluster:
    dead = [msgspec.structs.replace(engine, alive=False) for engine in cluster.engines]
    return msgspec.structs.replace(cluster, engines=dead, engines_registered=0)


def _require(cluster: Cluster, event: Event, *states: ClusterState) -> None:
    if cluster.state not in states:
        raise IllegalTransition(f"{type(event).__name__} cannot happen to a {cluster.state} cluster")


def _enter(cluster: Cluster, state: ClusterState, at: float) -> Cluster:
    if state not in EDGES[cluster.state]:
        raise IllegalTransition(f"{cluster.key} cannot go from {cluster.state} to {state}")
    history = [*cluster.history, Transition(at=at, state=state)][-HISTORY_LENGTH:]
    return msgspec.structs.replace(cluster, state=state, state_since=at, history=history)


def _stage(name: StageName, status: StageStatus = "waiting", started_at: float | None = None) -> Stage:
    return Stage(name=name, status=status, started_at=started_at, ended_at=None)


def _move(cluster: Cluster, at: float, *, done: tuple[StageName, ...], active: StageName | None) -> Cluster:
    """Mark the stages in `done` as done and `active` as active, each unless it already is."""
    stages = []
    for stage in cluster.stages:
        if stage.name in done and stage.status != "done":
            started = at if stage.started_at is None else stage.started_at
            stage = Stage(name=stage.name, status="done", started_at=started, ended_at=at)
        elif stage.name == active and stage.status == "waiting":
            stage = _stage(stage.name, "active", at)
        stages.append(stage)
    return msgspec.structs.replace(cluster, stages=stages)
