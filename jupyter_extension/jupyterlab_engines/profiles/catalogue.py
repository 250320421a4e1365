"""Profiles that clusters can be started from: the built-in ``local``, and those in ``~/.ipython``.

A profile's configuration is read, never run: a file that a user wrote years ago must not
execute in the Jupyter server. All functions touch the disk: call them in a thread.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from pxengines.launch.paths import profile_names, profile_path, valid_profile_name

from ..api.models import Profile
from ..errors import BadRequest, UnknownProfile

BUILTIN = "local"

_SUMMARY = "Starts a controller and MPI engines on this machine."
_LAUNCHER = re.compile(r"(controller|engine)(_set)?_launcher(_class)?$")
_BATCH = ("PBS", "Torque", "Slurm", "SGE", "LSF", "HTCondor", "Batch", "SSH", "WindowsHPC")


def list_profiles(max_engines: int) -> list[Profile]:
    """Return the profiles, the built-in one first, then by name."""
    others = [name for name in profile_names() if name != BUILTIN]
    return [_describe(name, max_engines) for name in (BUILTIN, *others)]


def find_profile(name: str, max_engines: int) -> Profile:
    """Return the profile `name`.

    Raises
    ------
    BadRequest
        If `name` cannot be a profile's name.
    UnknownProfile
        If there is none of that name.
    """
    if not valid_profile_name(name):
        raise BadRequest(
            f"{name!r} cannot be the name of a profile.",
            "A name has letters, digits, spaces and . + @ - _, and at most 64 of them.",
        )
    if name != BUILTIN and name not in profile_names():
        raise UnknownProfile(
            f"There is no profile {name}.", f"Create it with `ipython profile create --parallel '{name}'`."
        )
    return _describe(name, max_engines)


def launchers(config: Path) -> list[str]:
    """Return the launcher classes that an ``ipcluster_config.py`` sets, in order; none if it is missing.

    Found are assignments to ``c.ANY.controller_launcher_class`` and its kin, of ipyparallel 5 to 9.

    Raises
    ------
    OSError, SyntaxError, ValueError
        If the file cannot be read or is not Python.
    """
    try:
        tree = ast.parse(config.read_bytes())
    except FileNotFoundError:
        return []
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Attribute) and _LAUNCHER.search(target.attr):
                value = node.value
                named = value.value if isinstance(value, ast.Constant) else getattr(value, "attr", None)
                found.append(str(named) if named is not None else ast.unparse(value))
    return found


def _describe(name: str, max_engines: int) -> Profile:
    problem = None if name == BUILTIN else _problem(profile_path(name) / "ipcluster_config.py")
    return Profile(
        name=name,
        origin="builtin" if name == BUILTIN else "user",
        kind="local",
        placement=None,
        engines=None,
        resources=None,
        locked=[],
        notes=[],
        summary=_SUMMARY if problem is None else "Configured for launchers that this version does not start.",
        startable=problem is None,
        problem=problem,
        max_engines=max_engines,
    )


def _problem(config: Path) -> str | None:
    """Return why clusters cannot be started from the profile that `config` belongs to; None if they can."""
    try:
        named = launchers(config)
    except (SyntaxError, ValueError) as error:
        return f"Its ipcluster_config.py is not valid Python: {error}."
    except OSError as error:
        return f"Its ipcluster_config.py cannot be read: {error.strerror}."
    for launcher in named:
        short = launcher.rsplit(".", 1)[-1]
        for kind in _BATCH:
            if kind.lower() in short.lower():
                return (
                    f"It is configured for {kind} launchers ({short} in ipcluster_config.py). "
                    "This version starts engines on this machine only, with MPI. "
                    "Start it in a terminal with ipcluster; it then appears here."
                )
    return None
