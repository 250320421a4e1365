"""What an interrupted server leaves of a batch cluster, as the one that takes over shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from pxengines.launch.paths import RunPaths
from pxengines.launch.spec import JobSpec

from ..api.models import Batch, Cluster, ClusterJob, Dialect, JobRole, Resources
from ..api.names import Placement
from ..profiles.script import roles
from . import state
from .batch_run import script_path
from .opening import job_name
from .store import BatchOrder, Owner, RunRecord
from .words import failure


def interrupted(record: RunRecord, at: float) -> Cluster:
    """Return the cluster of a record whose server is gone: one that was never submitted has failed."""
    cluster = record.cluster
    if record.batch is None or record.batch.began:
        return cluster
    if cluster.state == "stopping":
        return state.advance(cluster, state.Ended(at))
    return state.advance(cluster, state.Failed(at, failure("start_interrupted")))


def without_scheduler(cluster: Cluster, at: float) -> Cluster:
    """Return the cluster as it was last seen, saying that nothing can be known of its jobs here."""
    if cluster.batch is None:
        return cluster
    since = cluster.batch.unknown_since or at
    why = "No batch system was found on this machine: there is no qstat in PATH."
    return msgspec.structs.replace(
        cluster, batch=msgspec.structs.replace(cluster.batch, unknown_since=since, unknown_why=why)
    )


@dataclass(frozen=True)
class SpoiledOrder:
    """What is left of a batch run whose record cannot be read.

    Attributes
    ----------
    names : of its jobs, by role, in the order of their submission.
    at : when it was started (epoch seconds).
    """

    spec: JobSpec
    placement: Placement
    names: Mapping[JobRole, str]
    at: float


def spoiled_order(paths: RunPaths) -> SpoiledOrder | None:
    """Return the order of a batch run whose record cannot be read, so that its jobs can be found by name.

    None if there is no record or no order, if the names are not unique (legacy templates), or if the
    controller ran beside the lost server. Blocks.
    """
    if not paths.record.exists():
        return None
    try:
        spec = JobSpec.read(paths.spec)
        at = paths.spec.stat().st_mtime
        if spec.placement == "local" or spec.placement == "server":
            return None
        names = {role: job_name(spec.run_id, role) for role in roles(spec.placement)}
        scripts = [script_path(paths, role).read_text(encoding="utf-8").split() for role in names]
    except (OSError, ValueError, TypeError):
        return None
    if any(name not in words for name, words in zip(names.values(), scripts, strict=True)):
        return None
    return SpoiledOrder(spec, spec.placement, names, at)


def rebuilt(paths: RunPaths, order: SpoiledOrder, owner: Owner, dialect: Dialect) -> RunRecord:
    """Return a record in place of the spoiled one: all its jobs may exist, and none is known."""
    spec, at = order.spec, order.at
    batch = Batch(
        dialect=dialect,
        placement=order.placement,
        resources=Resources(
            queue=None,
            walltime_seconds=None,
            nodes=None,
            engines_per_node=None,
            cores_per_engine=None,
            memory_bytes=None,
            account=None,
        ),
        jobs=[
            ClusterJob(role=role, name=name, job_id=None, state=None, since=at, outcome=None)
            for role, name in order.names.items()
        ],
        reason=None,
        estimated_start_at=None,
        ends_at=None,
        unknown_since=None,
        unknown_why=None,
    )
    cluster = state.new_cluster(
        key=paths.key,
        profile=paths.profile,
        cluster_id=paths.cluster_id,
        run_id=spec.run_id,
        engines=spec.engines,
        at=at,
        batch=batch,
    )
    return RunRecord(
        cluster=cluster,
        idempotency_key="",
        owner=owner,
        job_pid=None,
        job_started=None,
        batch=BatchOrder(
            controller=[],
            roles=list(order.names),
            began=dict.fromkeys(order.names, at),
            before={},
            legacy=False,
        ),
    )
