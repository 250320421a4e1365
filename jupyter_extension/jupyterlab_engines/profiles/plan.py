"""What a start submits: the scripts of its jobs, what else the launcher needs, and what is not allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pxengines.launch.paths import RunPaths

from ..api.models import Resources
from ..api.names import JobRole, Placement
from ..errors import BadSettings, OverLimit
from ..scheduler.base import Dialect
from .catalogue import Entry
from .legacy import LegacyProfile, render_legacy
from .script import RenderedScript, render, roles
from .site import changed_locks
from .text import count, duration
from .validate import Limits


@dataclass(frozen=True)
class StartPlan:
    """Everything that is needed to start a cluster from a profile that submits jobs.

    Attributes
    ----------
    profile : its name.
    legacy : its own templates are submitted, which run ipcontroller and ipengine; else our job runs in them.
    placement : where the controller runs.
    engines, resources : what was asked for.
    scripts : one for each job, in the order in which they are submitted. Of a legacy profile, the engines'
        job is submitted once the controller has written its connection files: its engines wait ten seconds.
    python, mpiexec, mpi_args : for `JobSpec`; mpiexec empty: found on the job's node.
    controller_address : address or interface the controller listens on; empty: chosen on its node.
    controller_command : only of a legacy profile whose controller runs beside Jupyter: its command line.
    """

    profile: str
    legacy: bool
    placement: Placement
    engines: int
    resources: Resources
    scripts: tuple[RenderedScript, ...]
    python: tuple[str, ...]
    mpiexec: tuple[str, ...] = ()
    mpi_args: tuple[str, ...] = ()
    controller_address: str = ""
    controller_command: tuple[str, ...] = ()

    def script(self, role: JobRole) -> str:
        """Return the script of the job that runs `role`; KeyError if there is none."""
        return {script.role: script.text for script in self.scripts}[role]


def enforce(
    entry: Entry, limits: Limits, *, engines: int, resources: Resources | None, running_clusters: int
) -> None:
    """Refuse what the server or the site does not allow, whatever the user's copy says.

    Parameters
    ----------
    limits : the server's own; the site's are added.
    engines, resources : of the start; None: as proposed.
    running_clusters : how many clusters of this user submit or run jobs now, this one not counted.

    Raises
    ------
    OverLimit
        Naming what is too much.
    """
    allowed = entry.limits(limits)
    if allowed.max_engines is not None and engines > allowed.max_engines:
        raise OverLimit(
            f"At most {count(allowed.max_engines, 'engine')} are allowed for {entry.name}; "
            f"you ask for {engines}.",
            "Ask for fewer.",
        )
    most = allowed.max_clusters_per_user
    if entry.kind != "local" and most is not None and running_clusters >= most:
        raise OverLimit(
            f"The site allows {count(most, 'cluster')} at a time; you have {running_clusters}.",
            "Stop one first.",
        )
    asked = entry.resources if resources is None else resources
    if entry.kind == "batch" and asked is not None and asked.walltime_seconds is not None:
        enforce_walltime(entry.name, asked.walltime_seconds, allowed)
    for name in changed_by_start(entry, engines, asked):
        raise OverLimit(f"The site has fixed {name} of {entry.name}.", "Start it as it proposes.")


def enforce_walltime(name: str, seconds: int, allowed: Limits) -> None:
    """Raise OverLimit if a job of the profile `name` may not have a walltime of so many seconds."""
    most = allowed.max_walltime_seconds
    if most is not None and seconds > most:
        raise OverLimit(
            f"A walltime of {duration(most)} is allowed for {name}; you ask for {duration(seconds)}.",
            "Ask for less.",
        )


def changed_by_start(entry: Entry, engines: int, resources: Resources | None) -> list[str]:
    """Return the locked fields that a start asks to be otherwise."""
    if entry.site is None or entry.settings is None or resources is None:
        return []
    asked = msgspec.structs.replace(entry.settings, engines=engines, resources=resources)
    return changed_locks(asked, entry.site)


def plan(
    entry: Entry,
    *,
    engines: int,
    resources: Resources | None,
    dialect: Dialect,
    run_dir: Path,
    names: Mapping[JobRole, str],
    python: Sequence[str],
    limits: Limits,
) -> StartPlan:
    """Return what a start of a batch or legacy profile submits.

    Parameters
    ----------
    resources : None: as the profile proposes.
    run_dir : the run directory, absolute.
    names : the unique name of each job; those of a legacy profile are in its templates.
    python : the server's, for profiles that name none.
    limits : the server's.

    Raises
    ------
    BadSettings, OverLimit
        If there is no script for this.
    """
    asked = entry.resources if resources is None else resources
    if entry.problem is not None or asked is None:
        raise BadSettings(f"The profile {entry.name} submits no job. {entry.problem or ''}".strip())
    if entry.legacy is not None:
        return _legacy_plan(entry, entry.legacy, engines, asked, dialect, run_dir, python, limits)
    settings = entry.settings
    if settings is None:
        raise BadSettings(f"The profile {entry.name} has no settings.")
    scripts = render(
        settings,
        engines=engines,
        resources=asked,
        dialect=dialect,
        run_dir=run_dir,
        names=names,
        python=python,
    )
    return StartPlan(
        profile=entry.name,
        legacy=False,
        placement=settings.placement,
        engines=engines,
        resources=asked,
        scripts=tuple(scripts),
        python=tuple(settings.python or python),
        mpiexec=tuple(settings.mpiexec),
        mpi_args=tuple(settings.mpi_args),
        controller_address=settings.controller_address,
    )


def _legacy_plan(
    entry: Entry,
    legacy: LegacyProfile,
    engines: int,
    resources: Resources,
    dialect: Dialect,
    run_dir: Path,
    python: Sequence[str],
    limits: Limits,
) -> StartPlan:
    cluster_id = RunPaths.of_run_dir(run_dir).cluster_id
    scripts = tuple(
        RenderedScript(
            role,
            render_legacy(
                legacy,
                role,
                engines,
                queue=resources.queue,
                cluster_id=cluster_id,
                python=python,
                output=run_dir / f"{role}.log",
                dialect=dialect,
            ),
        )
        for role in roles(legacy.placement)
    )
    most = entry.limits(limits).max_walltime_seconds
    if most is not None:
        for script in scripts:
            _check_walltime(entry.name, script.text, most)
    command: list[str] = []
    if legacy.placement == "server":
        program, arguments = legacy.command("controller", python, cluster_id)
        command = [*program, *arguments]
    return StartPlan(
        profile=entry.name,
        legacy=True,
        placement=legacy.placement,
        engines=engines,
        resources=resources,
        scripts=scripts,
        python=tuple(python),
        controller_address=legacy.ip or "",
        controller_command=tuple(command),
    )


_WALLTIME = re.compile(r"^#PBS\s.*-l\s*\S*\bwalltime=([\d:]+)", re.MULTILINE)


def _check_walltime(name: str, script: str, most: int) -> None:
    """Raise OverLimit unless a legacy script asks for a walltime within the limit."""
    found = _WALLTIME.findall(script)
    seconds = 0
    for part in found[-1].split(":") if found else ():
        seconds = seconds * 60 + int(part or 0)
    if not found or seconds > most:
        asks = f"asks for {duration(seconds)}" if found else "asks for none"
        raise OverLimit(
            f"A walltime of {duration(most)} is allowed for {name}; its template {asks}.",
            "Correct `#PBS -l walltime=` in the template.",
        )
