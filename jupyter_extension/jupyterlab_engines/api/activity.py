"""What engines are doing: part of the wire contract (see `models`)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .names import ClusterKey, EpochSeconds

ActivityProblem = Literal["foreign", "silent"]
"""Why it is not known: a controller that is not ours cannot tell, or one of ours does not answer."""


class EngineActivity(Struct, frozen=True, kw_only=True):
    """What one engine does, as the controller and its nanny tell."""

    engine_id: int
    busy_since: Annotated[EpochSeconds | None, Meta(description="Null while it is idle.")]
    what: Annotated[
        str | None, Meta(description="First line of the cell or name of the call; null if it has no words.")
    ]
    queued: Annotated[int, Meta(description="Requests that wait for it, without the one it works on.")]
    silent_since: Annotated[
        EpochSeconds | None, Meta(description="The first heartbeat it did not answer; null: it answers.")
    ]
    cpu_percent: Annotated[
        int | None, Meta(description="Of one core, mean since the last sample; null: not measured.")
    ]
    memory_mib: Annotated[int | None, Meta(description="Resident memory; null: not measured.")]


class ActivityPoint(Struct, frozen=True, kw_only=True):
    """All engines of a cluster at one time, for charts."""

    at: EpochSeconds
    busy: int
    cpu_percent: Annotated[int | None, Meta(description="Mean over the engines that were measured.")]
    memory_mib: Annotated[int | None, Meta(description="Of all engines that were measured, together.")]


class ClusterActivity(Struct, frozen=True, kw_only=True):
    """What the engines of a cluster do; in a delta, only the engines that changed and the new points."""

    key: ClusterKey
    run_id: str
    engines: list[EngineActivity]
    points: list[ActivityPoint]
    heard_at: Annotated[EpochSeconds | None, Meta(description="The last heartbeat that engines answered.")]
    problem: ActivityProblem | None
