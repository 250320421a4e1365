"""What an interrupted server leaves of a batch cluster, as the one that takes over shows it. Pure."""

from __future__ import annotations

import msgspec

from ..api.models import Cluster
from . import state
from .store import RunRecord
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
