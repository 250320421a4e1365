"""Types of the wire about profiles, their settings and the scripts made from them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .names import JobRole, Placement, ProfileName


class Resources(Struct, frozen=True, kw_only=True):
    """What a batch job asks the scheduler for; null: not asked for, the queue's default holds."""

    queue: str | None
    walltime_seconds: int | None
    nodes: Annotated[int | None, Meta(description="Null: as few as hold the engines.")]
    engines_per_node: int | None
    cores_per_engine: int | None
    memory_bytes: Annotated[int | None, Meta(description="On each node.")]
    account: str | None


class Profile(Struct, frozen=True, kw_only=True):
    """A profile that clusters can be started from."""

    name: ProfileName
    origin: Annotated[
        Literal["builtin", "user", "site"],
        Meta(
            description=(
                "`builtin`: ships with us and needs no set-up; `user`: found in ~/.ipython; "
                "`site`: shared by the centre, becomes the user's own by *Use*."
            )
        ),
    ]
    kind: Annotated[
        Literal["local", "batch", "legacy"],
        Meta(
            description=(
                "`local`: engines on this machine; `batch`: typed settings, submitted to the scheduler; "
                "`legacy`: made by hand for ipyparallel's PBS launchers, its templates are used as they are."
            )
        ),
    ]
    placement: Annotated[Placement | None, Meta(description="Null for local profiles.")]
    engines: Annotated[int | None, Meta(description="How many engines a start proposes; null: no proposal.")]
    resources: Annotated[Resources | None, Meta(description="What a start proposes; null for local ones.")]
    locked: Annotated[
        list[str], Meta(description="Settings the site has fixed: names of fields of ProfileSettings.")
    ]
    notes: Annotated[
        list[str],
        Meta(description="What to know of it, e.g. old keys that no longer mean anything, and what does."),
    ]
    summary: Annotated[str, Meta(description="One line for people: what a start will do.")]
    startable: Annotated[bool, Meta(description="Whether Start works; if not, `problem` says why.")]
    problem: str | None
    max_engines: Annotated[int, Meta(description="Most engines one cluster may have.")]


class ProfileList(Struct, frozen=True, kw_only=True):
    """Reply of `GET profiles`."""

    profiles: list[Profile]


class ProfileSettings(Struct, frozen=True, kw_only=True):
    """The typed settings of a batch profile: what its script is rendered from."""

    placement: Placement
    engines: Annotated[int, Meta(description="How many engines a start proposes.")]
    resources: Resources
    prologue: Annotated[
        list[str], Meta(description="Shell lines before the engines, e.g. `module load mpi`.")
    ]
    directives: Annotated[list[str], Meta(description="Further `#PBS` options, e.g. `-l place=excl`.")]
    python: Annotated[list[str], Meta(description="Command line; empty: the Jupyter server's Python.")]
    mpiexec: Annotated[list[str], Meta(description="Command line; empty: found on the job's node.")]
    mpi_args: list[str]
    controller_address: Annotated[
        str, Meta(description="Address or interface the controller listens on; empty: chosen on its node.")
    ]


class FieldProblem(Struct, frozen=True, kw_only=True):
    """What is wrong with one setting."""

    field: Annotated[str, Meta(description="E.g. `resources.walltime_seconds`; empty: the whole.")]
    message: str
    severity: Literal["error", "warning"]


class Script(Struct, frozen=True, kw_only=True):
    """A batch script exactly as it is submitted."""

    role: JobRole
    text: str
    diff: Annotated[
        str | None, Meta(description="Unified diff against the site's template; null if there is none.")
    ]


class Preview(Struct, frozen=True, kw_only=True):
    """Reply of `POST profiles/preview`."""

    scripts: list[Script]
    problems: list[FieldProblem]


class ProfileDetail(Struct, frozen=True, kw_only=True):
    """Reply of `GET profiles/{name}`, and of those that change one."""

    profile: Profile
    settings: Annotated[ProfileSettings | None, Meta(description="Null unless its kind is `batch`.")]
    preview: Preview


class SaveProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT profiles/{name}`: makes the profile or replaces its settings."""

    settings: ProfileSettings
    create: Annotated[bool, Meta(description="True: refuse if there is one of that name.")]


class PreviewProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST profiles/preview`: the script of settings, or of a start, before it is submitted."""

    profile: Annotated[ProfileName, Meta(description="May be one that does not exist yet.")]
    settings: Annotated[ProfileSettings | None, Meta(description="Null: those of the profile.")]
    engines: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Null: as the settings propose.")]
    resources: Annotated[Resources | None, Meta(description="Null: as the settings propose.")]


class AdoptProfile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST profiles/{name}/adopt`: makes a site's profile the user's own."""

    name: Annotated[ProfileName, Meta(description="What to call it.")]
