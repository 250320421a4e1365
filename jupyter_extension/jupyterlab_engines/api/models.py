"""Every type that crosses the wire between the server and the browser.

This module is the contract. ``python -m jupyterlab_engines.api.export`` writes
``api.schema.json`` from it, and ``npm run api`` turns that into
``src/api/generated.ts``; both are committed and a test fails when they are stale.

Rules (ARCHITECTURE.md, "The contract"): responses have no defaults, so every
field is always sent; requests forbid unknown fields; closed sets are ``Literal``;
times are epoch seconds in UTC; units are in the names.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

API_VERSION = 1
"""Raised when a browser built against an older contract could misread a message."""

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
StageName = Literal["submitted", "controller", "engines", "mpi_check"]
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
    "internal",
]

ErrorCode = Literal[
    "bad_request",
    "unknown_profile",
    "unknown_cluster",
    "wrong_state",
    "not_writable",
    "disk_full",
    "forbidden",
    "internal",
]

LogSource = Literal["engines", "controller", "job"]


# --- resources ---------------------------------------------------------------


class Profile(Struct, frozen=True, kw_only=True):
    """A profile that clusters can be started from."""

    name: ProfileName
    origin: Annotated[
        Literal["builtin", "user"],
        Meta(description="`builtin`: ships with us and needs no set-up; `user`: found in ~/.ipython."),
    ]
    summary: Annotated[str, Meta(description="One line for people: what a start will do.")]
    startable: Annotated[bool, Meta(description="Whether Start works; if not, `problem` says why.")]
    problem: str | None
    max_engines: Annotated[int, Meta(description="Most engines one cluster may have.")]


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


class ServerInfo(Struct, frozen=True, kw_only=True):
    """Who answers: for the version check on first contact."""

    version: Annotated[str, Meta(description="Version of the Python package.")]
    api_version: int
    host: str


class ProfileList(Struct, frozen=True, kw_only=True):
    """Reply of `GET profiles`."""

    profiles: list[Profile]


class ClusterList(Struct, frozen=True, kw_only=True):
    """Reply of `GET clusters`; `revision` is the stream's."""

    revision: int
    clusters: list[Cluster]


class ClusterLog(Struct, frozen=True, kw_only=True):
    """The end of one log of a cluster."""

    source: LogSource
    text: str
    truncated: Annotated[bool, Meta(description="True if older lines were left out.")]


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


class Delta(Struct, frozen=True, kw_only=True, tag="delta", tag_field="type"):
    """What changed from revision `base` to `revision`; ask for a snapshot if `base` is not yours."""

    base: int
    revision: int
    changed: list[Cluster]
    removed: list[ClusterKey]
    profiles: Annotated[list[Profile] | None, Meta(description="The whole list if it changed, else null.")]


class Resync(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="resync", tag_field="type"):
    """From the browser: send me a snapshot."""


ServerMessage = Hello | Snapshot | Delta
"""What the server sends on the stream."""
ClientMessage = Resync
"""What the server accepts on the stream."""
