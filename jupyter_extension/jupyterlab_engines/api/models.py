"""Every type that crosses the wire between the server and the browser.

This module, with `names`, `activity`, `jobs` and `profiles` whose types it passes on, is the contract.
``python -m jupyterlab_engines.api.export`` writes
``api.schema.json`` from it, and ``npm run api`` turns that into
``src/api/generated.ts``; both are committed and a test fails when they are stale.

Rules (ARCHITECTURE.md, "The contract"): responses have no defaults, so every
field is always sent; requests forbid unknown fields; closed sets are ``Literal``;
times are epoch seconds in UTC; units are in the names.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .activity import ActivityPoint as ActivityPoint
from .activity import ActivityProblem as ActivityProblem
from .activity import ClusterActivity as ClusterActivity
from .activity import EngineActivity as EngineActivity
from .jobs import AlterWalltime as AlterWalltime
from .jobs import Job as Job
from .jobs import JobHost as JobHost
from .jobs import JobList as JobList
from .jobs import JobOutcome as JobOutcome
from .jobs import NodeShape as NodeShape
from .jobs import Queue as Queue
from .jobs import RawJobs as RawJobs
from .jobs import SchedulerInfo as SchedulerInfo
from .jobs import SchedulerStatus as SchedulerStatus
from .names import ClusterKey as ClusterKey
from .names import Dialect as Dialect
from .names import EpochSeconds as EpochSeconds
from .names import JobAction as JobAction
from .names import JobId as JobId
from .names import JobRole as JobRole
from .names import JobState as JobState
from .names import OutcomeCode as OutcomeCode
from .names import Placement as Placement
from .names import ProfileName as ProfileName
from .profiles import AdoptProfile as AdoptProfile
from .profiles import FieldProblem as FieldProblem
from .profiles import Preview as Preview
from .profiles import PreviewProfile as PreviewProfile
from .profiles import Profile as Profile
from .profiles import ProfileDetail as ProfileDetail
from .profiles import ProfileList as ProfileList
from .profiles import ProfileSettings as ProfileSettings
from .profiles import Resources as Resources
from .profiles import SaveProfile as SaveProfile
from .profiles import Script as Script

API_VERSION = 1
"""Raised when a browser built against an older contract could misread a message."""


ClusterState = Literal[
    "submitting",
    "queued",
    "starting",
    "ready",
    "degraded",
    "stopping",
    "stopped",
    "failed",
]
StageName = Literal["submitted", "queued", "controller", "engines", "mpi_check"]
StageStatus = Literal["waiting", "active", "done", "failed"]

FailureCode = Literal[
    "mpiexec_missing",
    "mpi4py_missing",
    "mpi_library_missing",
    "mpi_world_split",
    "mpi_world_mixed",
    "ipyparallel_missing",
    "engines_exited",
    "engine_died",
    "controller_exited",
    "job_killed",
    "start_interrupted",
    "profile_unwritable",
    "stop_incomplete",
    "job_refused",
    "job_never_runs",
    "job_walltime",
    "job_memory",
    "job_deleted",
    "job_exited",
    "job_lost",
    "submit_unknown",
    "scheduler_missing",
    "internal",
]

ErrorCode = Literal[
    "bad_request",
    "unknown_profile",
    "unknown_cluster",
    "unknown_job",
    "wrong_state",
    "bad_settings",
    "over_limit",
    "scheduler_refused",
    "scheduler_silent",
    "not_writable",
    "disk_full",
    "forbidden",
    "internal",
]

LogSource = Literal["engines", "controller", "job"]


# --- resources ---------------------------------------------------------------


class Stage(Struct, frozen=True, kw_only=True):
    """One step of a start, in the order they are shown on the card."""

    name: StageName
    status: StageStatus
    started_at: EpochSeconds | None
    ended_at: EpochSeconds | None


class Engine(Struct, frozen=True, kw_only=True):
    """One engine, as the controller and the engine itself know it."""

    engine_id: Annotated[int, Meta(description="The id clients use; equals the MPI rank in our clusters.")]
    rank: Annotated[int | None, Meta(description="Rank in MPI.COMM_WORLD; null before the engine told it.")]
    host: str | None
    pid: int | None
    alive: Annotated[bool, Meta(description="False once the controller has lost it.")]


class MpiWorld(Struct, frozen=True, kw_only=True):
    """What the world check found: one world, one library, one Python."""

    size: int
    library: Annotated[str, Meta(description="First line of MPI.Get_library_version().")]
    mpi4py_version: str
    python_version: str


class Failure(Struct, frozen=True, kw_only=True):
    """Why a cluster is not usable: the cause, the next step, and the evidence.

    The browser words the cause from ``code`` and ``params`` in the user's language;
    ``message`` and ``next_step`` are the same in English, for terminals and logs.
    """

    code: FailureCode
    params: Annotated[dict[str, str], Meta(description="Values that the sentence of `code` needs.")]
    message: str
    next_step: str
    log_tail: Annotated[str, Meta(description="Last lines of the log that shows it; may be empty.")]


class ClusterJob(Struct, frozen=True, kw_only=True):
    """A batch job of a cluster, as the scheduler last told."""

    role: JobRole
    name: Annotated[str, Meta(description="The unique name it was submitted with.")]
    job_id: Annotated[JobId | None, Meta(description="Null until qsub has answered.")]
    state: Annotated[JobState | None, Meta(description="Null before the scheduler was asked.")]
    since: EpochSeconds
    outcome: JobOutcome | None


class Batch(Struct, frozen=True, kw_only=True):
    """What a cluster that runs under a batch system adds to one of this machine."""

    dialect: Dialect
    placement: Placement
    resources: Resources
    jobs: list[ClusterJob]
    reason: Annotated[
        str | None,
        Meta(description="Why it is queued, in the scheduler's words; once ready: its controller is silent."),
    ]
    estimated_start_at: EpochSeconds | None
    ends_at: Annotated[EpochSeconds | None, Meta(description="When the walltime of the engines ends.")]
    unknown_since: Annotated[
        EpochSeconds | None,
        Meta(description="Since when the scheduler does not answer: the states are the last known."),
    ]
    unknown_why: Annotated[str | None, Meta(description="The scheduler's own words.")]


class Transition(Struct, frozen=True, kw_only=True):
    """A cluster entered a state."""

    at: EpochSeconds
    state: ClusterState


class Cluster(Struct, frozen=True, kw_only=True):
    """A controller and its engines, from the moment Start is accepted."""

    key: ClusterKey
    profile: ProfileName
    cluster_id: Annotated[
        str, Meta(description="ipyparallel's cluster id; empty for a profile's default cluster.")
    ]
    run_id: Annotated[str, Meta(description="Unique for each start; a restarted cluster has a new one.")]
    origin: Annotated[
        Literal["panel", "terminal"],
        Meta(description="`terminal`: started by `ipcluster`, found by its cluster file."),
    ]
    state: ClusterState
    state_since: EpochSeconds
    created_at: EpochSeconds
    stages: list[Stage]
    engines_requested: Annotated[int | None, Meta(description="Null when a terminal did not record it.")]
    engines_registered: Annotated[int, Meta(description="Engines the controller counts right now.")]
    engines: list[Engine]
    mpi: Annotated[MpiWorld | None, Meta(description="Null until the world check has passed.")]
    failure: Failure | None
    batch: Annotated[Batch | None, Meta(description="Null for a cluster of this machine.")]
    history: Annotated[list[Transition], Meta(description="The states it was in, oldest first.")]


class ServerInfo(Struct, frozen=True, kw_only=True):
    """Who answers: for the version check on first contact."""

    version: Annotated[str, Meta(description="Version of the Python package.")]
    api_version: int
    host: str


class ClusterList(Struct, frozen=True, kw_only=True):
    """Reply of `GET clusters`; `revision` is the stream's."""

    revision: int
    clusters: list[Cluster]


class ClusterLog(Struct, frozen=True, kw_only=True):
    """The end of one log of a cluster."""

    source: LogSource
    text: str
    truncated: Annotated[bool, Meta(description="True if older lines were left out.")]


class DoctorReport(Struct, frozen=True, kw_only=True):
    """Reply of `GET doctor`: ready to paste, without secrets."""

    text: str


class Error(Struct, frozen=True, kw_only=True):
    """The body of every reply with a status of 400 or above."""

    code: ErrorCode
    message: Annotated[str, Meta(description="What is wrong, naming the thing.")]
    next_step: Annotated[str, Meta(description="What to do about it; may be empty.")]
    detail: Annotated[str | None, Meta(description="The system's own words, if any.")]


# --- requests ----------------------------------------------------------------


class StartCluster(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST clusters`."""

    profile: ProfileName
    engines: Annotated[int, Meta(ge=1, description="How many engines, one MPI rank each.")]
    resources: Annotated[
        Resources | None, Meta(description="For this start only; null or absent: as the profile proposes.")
    ] = None
    idempotency_key: Annotated[
        str,
        Meta(
            min_length=8,
            max_length=64,
            pattern="^[A-Za-z0-9_-]+$",
            description="Same key, same start: a retry or a double click never starts twice.",
        ),
    ]


# --- stream ------------------------------------------------------------------


class Hello(Struct, frozen=True, kw_only=True, tag="hello", tag_field="type"):
    """First message on every connection."""

    api_version: int
    server: ServerInfo
    now: Annotated[EpochSeconds, Meta(description="The server's clock, to correct elapsed times.")]


class Snapshot(Struct, frozen=True, kw_only=True, tag="snapshot", tag_field="type"):
    """Everything, at one revision."""

    revision: int
    profiles: list[Profile]
    clusters: list[Cluster]
    scheduler: SchedulerStatus
    jobs: list[Job]
    activity: list[ClusterActivity]


class Delta(Struct, frozen=True, kw_only=True, tag="delta", tag_field="type"):
    """What changed from revision `base` to `revision`; ask for a snapshot if `base` is not yours."""

    base: int
    revision: int
    changed: list[Cluster]
    removed: list[ClusterKey]
    profiles: Annotated[list[Profile] | None, Meta(description="The whole list if it changed, else null.")]
    scheduler: Annotated[SchedulerStatus | None, Meta(description="Null if it did not change.")]
    jobs_changed: list[Job]
    jobs_removed: list[JobId]
    activity: list[ClusterActivity]


class Resync(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="resync", tag_field="type"):
    """From the browser: send me a snapshot."""


ServerMessage = Hello | Snapshot | Delta
"""What the server sends on the stream."""
ClientMessage = Resync
"""What the server accepts on the stream."""
