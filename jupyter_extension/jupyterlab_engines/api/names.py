"""Names and closed sets that several types of the wire share."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

ProfileName = Annotated[
    str,
    Meta(description="Name of an IPython profile, without the `profile_` prefix."),
]
ClusterKey = Annotated[
    str,
    Meta(
        description=(
            "Names a cluster for people and in URLs: `PROFILE`, or `PROFILE:CLUSTER_ID` "
            "when ipyparallel's cluster id is not empty."
        )
    ),
]
EpochSeconds = Annotated[float, Meta(description="Seconds since 1970-01-01 UTC.")]

Dialect = Literal["openpbs", "torque", "slurm_torque"]
"""Whose commands `qsub` and `qstat` are; `openpbs` is PBS Pro too."""
Placement = Literal["in_job", "own_job", "server"]
"""Where the controller runs: in the job of the engines, in a job of its own, beside Jupyter."""
JobId = Annotated[str, Meta(description="As the scheduler prints it, whole: opaque.")]
JobState = Literal[
    "queued", "held", "waiting", "running", "suspended", "exiting", "array", "finished", "unknown"
]
JobAction = Literal["hold", "release", "delete", "alter_walltime"]
JobRole = Literal["cluster", "controller", "engines"]
"""What a job of ours runs; `cluster`: controller and engines in one."""
OutcomeCode = Literal[
    "succeeded",
    "exit_status",
    "signal",
    "walltime",
    "cpu_time",
    "memory",
    "deleted",
    "command_not_found",
    "shell_missing",
    "never_ran",
    "unknown",
]
