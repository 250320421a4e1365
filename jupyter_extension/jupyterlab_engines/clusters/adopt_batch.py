"""What an interrupted server leaves of a batch cluster, as the one that takes over shows it."""

from __future__ import annotations

import msgspec

from pxengines.launch.paths import RunPaths
from pxengines.launch.spec import JobSpec

from ..api.models import Batch, Cluster, ClusterJob, Dialect, Resources
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


def rebuild_batch(paths: RunPaths, owner: Owner, dialect: Dialect) -> RunRecord | None:
    """Return a record in place of one that cannot be read, made from the order and the scripts; or None.

    Its jobs may exist, and are found by their names. None if those are not unique (legacy templates), if
    there is no order, or if the controller ran beside the lost server. Blocks.
    """
    try:
        spec = JobSpec.read(paths.spec)
        at = paths.spec.stat().st_mtime
        if spec.placement == "local" or spec.placement == "server":
            return None
        order = roles(spec.placement)
        names = {role: job_name(spec.run_id, role) for role in order}
        scripts = [script_path(paths, role).read_text(encoding="utf-8").split() for role in order]
    except (OSError, ValueError, TypeError):
        return None
    if any(name not in words for name, words in zip(names.values(), scripts, strict=True)):
        return None
    batch = Batch(
        dialect=dialect,
        placement=spec.placement,
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
            for role, name in names.items()
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
            controller=[], roles=list(order), began=dict.fromkeys(order, at), before={}, legacy=False
        ),
    )
