"""Settings, resources and schedulers' answers for tests of profiles."""

from __future__ import annotations

from typing import Any

import msgspec

from jupyterlab_engines.api.models import (
    NodeShape,
    ProfileSettings,
    Queue,
    Resources,
    SchedulerInfo,
    SchedulerStatus,
)
from jupyterlab_engines.profiles.settings import defaults
from jupyterlab_engines.scheduler.base import Dialect
from jupyterlab_engines.scheduler.openpbs import OpenPbs
from jupyterlab_engines.scheduler.slurm_torque import SlurmTorque
from jupyterlab_engines.scheduler.torque import Torque

DIALECTS: list[Dialect] = [OpenPbs("23.06", "pbshead"), Torque("6.1.3", "head"), SlurmTorque("23.11", "head")]
GIB = 1024**3


def resources(**given: Any) -> Resources:
    """Return resources of which only `given` is asked for."""
    return msgspec.structs.replace(defaults().resources, **given)


def settings(**given: Any) -> ProfileSettings:
    """Return the settings of a new profile, with `given` instead; fields of resources too."""
    asked = {name: given.pop(name) for name in list(given) if name in Resources.__struct_fields__}
    return msgspec.structs.replace(defaults(), resources=resources(**asked), **given)


def queue(name: str, **given: Any) -> Queue:
    """Return an open queue without limits, with `given` instead."""
    known: dict[str, Any] = {
        "enabled": True,
        "started": True,
        "is_default": False,
        "max_walltime_seconds": None,
        "default_walltime_seconds": None,
        "max_nodes": None,
        "max_cores": None,
    }
    return Queue(name=name, **{**known, **given})


def info(queues: list[Queue] | None = None, nodes: list[NodeShape] | None = None) -> SchedulerInfo:
    """Return what a batch system with these queues and nodes tells."""
    status = SchedulerStatus(
        dialect="openpbs",
        version="23.06",
        server="pbshead",
        user="alice",
        actions=[],
        all_users=False,
        answering=True,
        since=0.0,
        read_at=None,
        problem=None,
    )
    if queues is None:
        queues = [
            queue("default", is_default=True),
            queue("debug", max_walltime_seconds=1800, max_nodes=1, max_cores=8),
        ]
    if nodes is None:
        nodes = [NodeShape(count=2, up=1, cores=16, memory_bytes=64 * GIB)]
    return SchedulerInfo(status=status, queues=queues, nodes=nodes)
