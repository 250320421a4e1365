"""The batch scripts of a profile with typed settings. Pure: what is previewed is what is submitted.

A script has a fixed shape; only values go into it, each checked and quoted::

    #!/bin/bash
    #PBS ...                      the batch system's own lines, from `Dialect.directives`
    #PBS ...                      further options of the profile
    umask 077                     ends the part that batch systems read options from
    module load mpi               the prologue, as the user wrote it
    exec env PYTHONSAFEPATH=... PYTHON -m pxengines.job RUN_DIR ROLE

It needs no current folder, exports nothing of the submitting environment and holds no secret. Where the
login shell runs the script and the first line is a comment, all lines but the prologue mean the same to
every shell, csh too.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pxengines.launch.process import SAFE_PATH

from ..api.names import JobRole, Placement
from ..api.profiles import ProfileSettings, Resources
from ..errors import BadSettings
from ..scheduler.base import Dialect
from .strings import string_problems
from .text import one_line

_ROLES: dict[Placement, tuple[JobRole, ...]] = {
    "in_job": ("cluster",),
    "own_job": ("controller", "engines"),
    "server": ("engines",),
}


@dataclass(frozen=True)
class RenderedScript:
    """A batch script: what it runs, and its whole text."""

    role: JobRole
    text: str


def roles(placement: Placement) -> tuple[JobRole, ...]:
    """Return what the jobs of a cluster run, one job each, in the order in which they are submitted."""
    return _ROLES[placement]


def render(
    settings: ProfileSettings,
    *,
    engines: int,
    resources: Resources,
    dialect: Dialect,
    run_dir: Path,
    names: Mapping[JobRole, str],
    python: Sequence[str],
) -> list[RenderedScript]:
    """Return the scripts of a cluster.

    Parameters
    ----------
    settings : the profile's; its `engines` and `resources` are only proposals and not used here.
    engines, resources : of this start.
    run_dir : absolute path of the run directory.
    names : the unique name of each job.
    python : command line of the Python that the settings do not name.

    Raises
    ------
    BadSettings
        If a value could not be written into one line.
    """
    return [
        RenderedScript(
            role,
            _script(
                settings,
                role=role,
                directives=_directives(dialect, role, engines, resources, names[role]),
                python=settings.python or python,
                run_dir=run_dir,
            ),
        )
        for role in _checked(settings, resources)
    ]


def _checked(settings: ProfileSettings, resources: Resources) -> tuple[JobRole, ...]:
    """Return the roles, if every text in the settings may stand in a script; else raise BadSettings."""
    for problem in string_problems(settings, resources):
        if problem.severity == "error":
            raise BadSettings(f"{problem.field}: {problem.message}", "Correct the profile's settings.")
    return roles(settings.placement)


def _directives(dialect: Dialect, role: JobRole, engines: int, resources: Resources, name: str) -> list[str]:
    if role == "controller":
        engines, resources = 1, _controller_resources(resources)
    try:
        return dialect.directives(resources, engines, name)
    except ValueError as error:
        raise BadSettings(str(error), "Correct the profile's settings.") from error


def _controller_resources(resources: Resources) -> Resources:
    """Return what a controller in a job of its own asks for: one core, the engines' queue and walltime."""
    return Resources(
        queue=resources.queue,
        walltime_seconds=resources.walltime_seconds,
        nodes=1,
        engines_per_node=1,
        cores_per_engine=1,
        memory_bytes=None,
        account=resources.account,
    )


def _script(
    settings: ProfileSettings,
    *,
    role: JobRole,
    directives: Sequence[str],
    python: Sequence[str],
    run_dir: Path,
) -> str:
    safe_path = (f"{name}={value}" for name, value in SAFE_PATH.items())
    command = ["env", *safe_path, *python, "-m", "pxengines.job", str(run_dir), role]
    further = [f"#PBS {directive.strip()}" for directive in settings.directives]
    options = [*directives, *further]
    broken = [line for line in options if not (line.startswith("#PBS ") and one_line(line))]
    broken += [word for word in command if not one_line(word)]
    broken += [python[0]] if "=" in python[0] else []  # env would take it for a variable
    if broken:
        raise BadSettings(f"{broken[0]!r} cannot stand in the script of the {role} job.")
    lines = ["#!/bin/bash", *options, "umask 077", *settings.prologue, f"exec {shlex.join(command)}"]
    return "\n".join(lines) + "\n"
