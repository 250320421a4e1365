"""Types of the wire about the batch system: jobs, queues, nodes."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from .names import ClusterKey, Dialect, EpochSeconds, JobAction, JobId, JobRole, JobState, OutcomeCode


class JobOutcome(Struct, frozen=True, kw_only=True):
    """How a job ended, as far as the scheduler told."""

    code: OutcomeCode
    exit_status: Annotated[int | None, Meta(description="As the scheduler gave it.")]
    signal: Annotated[str | None, Meta(description="E.g. SIGKILL, where a signal ended it.")]


class JobHost(Struct, frozen=True, kw_only=True):
    """A node of a job."""

    name: str
    cores: int | None


class Job(Struct, frozen=True, kw_only=True):
    """A job in the scheduler's queue, as `qstat` knows it; null: the scheduler does not say."""

    job_id: JobId
    name: str
    owner: Annotated[str, Meta(description="The user's name, without a host.")]
    queue: str
    state: JobState
    letter: Annotated[str, Meta(description="The state as the scheduler prints it.")]
    array_id: Annotated[JobId | None, Meta(description="The array that this subjob belongs to.")]
    nodes: int | None
    cores: int | None
    memory_bytes: int | None
    walltime_seconds: Annotated[int | None, Meta(description="Requested.")]
    elapsed_seconds: Annotated[
        int | None, Meta(description="Walltime used, when it has ended; a running job: now - started_at.")
    ]
    submitted_at: EpochSeconds | None
    started_at: EpochSeconds | None
    ended_at: EpochSeconds | None
    estimated_start_at: EpochSeconds | None
    hosts: list[JobHost]
    comment: Annotated[str | None, Meta(description="The scheduler's own words, e.g. why it waits.")]
    never_runs: Annotated[bool, Meta(description="The scheduler says that it can never run as asked.")]
    outcome: Annotated[JobOutcome | None, Meta(description="Null until it has finished.")]
    cluster: Annotated[ClusterKey | None, Meta(description="The cluster of ours that it belongs to.")]
    role: Annotated[JobRole | None, Meta(description="What it holds of that cluster.")]
    orphan: Annotated[bool, Meta(description="Carries our tag, but no cluster of ours knows it.")]


class SchedulerStatus(Struct, frozen=True, kw_only=True):
    """Which batch system this server talks to, and whether it answers."""

    dialect: Annotated[Dialect | None, Meta(description="Null: no batch system was found.")]
    version: str
    server: Annotated[str, Meta(description="The scheduler's host as it names itself; may be empty.")]
    user: str
    actions: Annotated[list[JobAction], Meta(description="What can be done to a job here.")]
    all_users: Annotated[bool, Meta(description="Whether jobs of other users may be shown.")]
    answering: bool
    since: Annotated[EpochSeconds, Meta(description="Since when it answers, or does not.")]
    read_at: Annotated[EpochSeconds | None, Meta(description="When the table was last read.")]
    problem: Annotated[str | None, Meta(description="Its own words, if it does not answer.")]


class Queue(Struct, frozen=True, kw_only=True):
    """A queue and what it allows; null: no limit known."""

    name: str
    enabled: Annotated[bool, Meta(description="Takes jobs.")]
    started: Annotated[bool, Meta(description="Runs jobs.")]
    is_default: bool
    max_walltime_seconds: int | None
    default_walltime_seconds: int | None
    max_nodes: int | None
    max_cores: int | None


class NodeShape(Struct, frozen=True, kw_only=True):
    """Nodes of one kind."""

    count: int
    up: Annotated[int, Meta(description="How many of them are neither down nor offline.")]
    cores: int
    memory_bytes: int | None


class SchedulerInfo(Struct, frozen=True, kw_only=True):
    """Reply of `GET scheduler`: what may be asked for."""

    status: SchedulerStatus
    queues: list[Queue]
    nodes: list[NodeShape]


class JobList(Struct, frozen=True, kw_only=True):
    """Reply of `GET jobs`."""

    status: SchedulerStatus
    jobs: list[Job]


class RawJobs(Struct, frozen=True, kw_only=True):
    """Reply of `GET jobs/raw`: the scheduler's own table."""

    command: Annotated[str, Meta(description="The command line as a person would type it.")]
    text: str
    read_at: EpochSeconds


class AlterWalltime(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST jobs/{id}/walltime`."""

    walltime_seconds: Annotated[int, Meta(ge=60, le=366 * 86400)]
