"""Profiles made by hand for ipyparallel's PBS launchers, of ipyparallel 4 to 9, used as they are.

Their configuration is read and never run (`legacy_config`), their templates are filled in as ipyparallel
does (`template`). What no longer means anything is told in notes. Touches the disk: call it in a thread.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from ..api.names import JobRole, Placement
from ..api.profiles import Resources
from ..errors import BadSettings
from ..scheduler.base import Dialect
from ..scheduler.directives import safe_queue
from .legacy_config import Setting, Unread, read_config
from .legacy_notes import (
    cluster_notes,
    controller_template_notes,
    engine_template_notes,
    process_notes,
    with_mpi,
)
from .settings import CONTROLLER_LAUNCHER, SettingsError, read_limited
from .template import TemplateError, fill
from .text import one_line

Kind = Literal["pbs", "local"]
_COMMAND = re.compile(r"^(?:[^\\\n]|\\.)+", re.MULTILINE | re.DOTALL)
"""A line of a script with those it goes on in."""
_ZERO = re.compile(r"^#PBS\s.*\b(?P<what>nodes|ppn|select|ncpus|mpiprocs)=0\b", re.MULTILINE)

_CLUSTER_CLASSES = ("Cluster", "IPClusterStart", "IPClusterEngines")
"""The first that sets a key wins."""
_CONTROLLER_CLASSES = (
    "PBSControllerLauncher", "PBSLauncher", "BatchControllerLauncher", "BatchSystemLauncher",
    "ControllerLauncher", "BaseLauncher",
)  # fmt: skip
_ENGINE_CLASSES = (
    "PBSEngineSetLauncher", "PBSLauncher", "BatchEngineSetLauncher", "BatchSystemLauncher",
    "EngineLauncher", "BaseLauncher",
)  # fmt: skip
_LOCAL_CONTROLLER_CLASSES = ("LocalControllerLauncher", "ControllerLauncher", "BaseLauncher")
_MIXINS = ("BatchClusterAppMixin", "ClusterAppMixin")

_OTHERS = ("Slurm", "SGE", "LSF", "HTCondor", "SSH", "WindowsHPC", "Batch")
_OURS = CONTROLLER_LAUNCHER.rpartition(".")[0]

_DEFAULT_CONTROLLER = "#!/bin/sh\n{directives}\nexec {program_and_args}\n"
_DEFAULT_ENGINES = "#!/bin/sh\n{directives}\nexec mpiexec -n {n} {program_and_args} --mpi\n"


class NotLegacy(Exception):
    """A profile that is not for PBS launchers; `problem` says why it cannot be started, if it cannot."""

    def __init__(self, problem: str | None = None) -> None:
        super().__init__(problem or "")
        self.problem = problem


class _NotRead(Exception):
    """A setting that a start depends on, and that is not known."""


@dataclass(frozen=True)
class Part:
    """One side of a legacy profile, controller or engines.

    Attributes
    ----------
    kind : where it runs, in a job (`pbs`) or beside the Jupyter server (`local`).
    template : text of its batch template; None: none is configured, ours is used.
    source : how the template is called in messages.
    queue : the configured queue; may be empty.
    command, args : configured program and further arguments.
    namespace : further values for the template.
    """

    kind: Kind
    template: str | None
    source: str
    queue: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    namespace: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class LegacyProfile:
    """A profile for ipyparallel's PBS launchers.

    Attributes
    ----------
    path : its folder.
    controller, engines : how either is started; the engines always in a job.
    n : how many engines the configuration proposes.
    ip : where the controller is told to listen; None: nothing is configured.
    notes : what to know, e.g. old keys without effect and what replaces them.
    problem : why it cannot be started; None: it can.
    """

    path: Path
    controller: Part
    engines: Part
    n: int | None
    ip: str | None
    notes: tuple[str, ...]
    problem: str | None

    @property
    def placement(self) -> Placement:
        """Where the controller runs."""
        return "own_job" if self.controller.kind == "pbs" else "server"

    @property
    def resources(self) -> Resources:
        """What a start proposes: the queue; all else is in the templates."""
        return only_queue(self.engines.queue or None)

    def command(self, role: JobRole, python: Sequence[str], cluster_id: str) -> tuple[list[str], list[str]]:
        """Return (program, arguments), as ``{program}`` and ``{program_args}`` of a template."""
        part = self.controller if role == "controller" else self.engines
        module = "ipyparallel.controller" if role == "controller" else "ipyparallel.engine"
        program = list(part.command) or [*python, "-m", module]
        return program, [f"--profile-dir={self.path}", f"--cluster-id={cluster_id}", *part.args]


def only_queue(queue: str | None) -> Resources:
    """Return resources of which nothing but the queue is asked for."""
    return Resources(
        queue=queue,
        walltime_seconds=None,
        nodes=None,
        engines_per_node=None,
        cores_per_engine=None,
        memory_bytes=None,
        account=None,
    )


def read_legacy(profile_dir: Path) -> LegacyProfile:
    """Return the legacy profile in a folder.

    Raises
    ------
    NotLegacy
        If it is not configured for PBS launchers, or cannot be read.
    """
    settings = _read(profile_dir / "ipcluster_config.py")
    try:
        names = {
            role: _text(_first(settings, _CLUSTER_CLASSES, f"{role}_launcher_class"))
            for role in ("controller", "engine")
        }
    except _NotRead as reason:
        raise NotLegacy(str(reason)) from reason
    kinds = {role: _kind(name) for role, name in names.items()}
    if "pbs" not in kinds.values():
        raise NotLegacy()
    problem = None
    if kinds["engine"] != "pbs":
        problem = (
            "Its controller is configured for PBS, its engines are not: set c.Cluster.engine_launcher_class "
            "in ipcluster_config.py."
        )
    controller_classes = _CONTROLLER_CLASSES if kinds["controller"] == "pbs" else _LOCAL_CONTROLLER_CLASSES
    try:
        controller = _part(profile_dir, settings, controller_classes, "controller", kinds["controller"])
        engines = _part(profile_dir, settings, _ENGINE_CLASSES, "engine", "pbs")
    except _NotRead as reason:
        problem = str(reason)
    except SettingsError as error:
        problem = f"The template {error.path} cannot be used: {error.message}."
    except OSError as error:
        problem = f"The template {error.filename} cannot be read: {error.strerror}."
    if problem is not None:
        controller = engines = Part("pbs", None, "", "")
    hub = _read(profile_dir / "ipcontroller_config.py")
    engine = _read(profile_dir / "ipengine_config.py")
    mine = frozenset((*controller_classes, *_ENGINE_CLASSES, *_MIXINS))
    n = _first(settings, _CLUSTER_CLASSES, "n")
    notes = [
        *cluster_notes(settings, mine),
        *process_notes(hub, "ipcontroller_config.py"),
        *process_notes(engine, "ipengine_config.py"),
        *_part_notes(controller, engines),
    ]
    ip = _first(hub, ("IPController", "HubFactory", "RegistrationFactory"), "ip")
    if controller.kind == "pbs" and ip is None and not _mentions_ip(controller):
        notes.append(
            "No address is set for the controller: engines on other nodes cannot reach it. "
            "Set c.IPController.ip in ipcontroller_config.py."
        )
    return LegacyProfile(
        path=profile_dir,
        controller=controller,
        engines=engines,
        n=n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else None,
        ip=ip if isinstance(ip, str) else None,
        notes=tuple(dict.fromkeys(notes)),
        problem=problem,
    )


def render_legacy(
    profile: LegacyProfile,
    role: JobRole,
    n: int,
    *,
    queue: str | None,
    cluster_id: str,
    python: Sequence[str],
    output: Path,
    dialect: Dialect,
) -> str:
    """Return the script of the ``controller`` or the ``engines``.

    Parameters
    ----------
    n : how many engines.
    queue : of this start; None: as configured.
    python : command line of the Python for ``{program}``, unless the profile has a command.
    output : what ``{output_file}`` stands for.
    dialect : for the ``#PBS`` lines where no template is configured.

    Raises
    ------
    BadSettings
        If a placeholder cannot be filled in, naming it and its line.
    """
    part = profile.controller if role == "controller" else profile.engines
    program, arguments = profile.command(role, python, cluster_id)
    count = 1 if role == "controller" else n
    chosen = part.queue if queue is None else queue
    try:
        safe = safe_queue(chosen) if chosen else ""
    except ValueError as error:
        raise BadSettings(str(error), "Choose a queue that there is.") from error
    values: dict[str, object] = {
        "n": count,
        "queue": safe,
        "profile_dir": str(profile.path),
        "cluster_id": cluster_id,
        "output_file": str(output),
        "environment_json": "{}",
        "program": shlex.join(program),
        "program_args": shlex.join(arguments),
        "program_and_args": shlex.join([*program, *arguments]),
        **part.namespace,
    }
    if not one_line(f"{profile.path}{cluster_id}{output}"):
        raise BadSettings(f"The folder {str(profile.path)!r} cannot stand in a script.")
    template = part.template
    if template is None:
        name = "ipcontroller" if role == "controller" else "ipengine"
        values["directives"] = "\n".join(dialect.directives(only_queue(safe or None), count, name))
        template = _DEFAULT_CONTROLLER if role == "controller" else _DEFAULT_ENGINES
    template = template.replace("\r\n", "\n").replace("\r", "\n")
    try:
        text = fill(template, values)
    except TemplateError as error:
        raise BadSettings(
            f"{part.source}, line {error.line}: {error.placeholder} cannot be filled in.",
            "Correct the template.",
            error.reason,
        ) from error
    if role != "controller":
        text = _COMMAND.sub(lambda line: with_mpi(line[0]), text)
    text = text if text.startswith("#!") else f"#!/bin/sh\n{text}"
    nothing = _ZERO.search(text)
    if nothing is not None:
        raise BadSettings(
            f"{part.source} asks for {nothing['what']}=0 when {n} engines are started.",
            "Start as many engines as fill a node, or correct the template.",
        )
    return text if text.endswith("\n") else f"{text}\n"


def _part(
    profile_dir: Path, settings: Sequence[Setting], classes: Sequence[str], role: str, kind: Kind
) -> Part:
    template = _text(_first(settings, classes, "batch_template"))
    source = f"c.{classes[0]}.batch_template"
    file = _text(_first(settings, classes, "batch_template_file"))
    if not template and file and kind == "pbs":
        path = profile_dir / Path(file).expanduser()
        source = path.name
        template = read_limited(path).decode("utf-8", "replace")
    namespace = _first(settings, classes, "namespace")
    return Part(
        kind=kind,
        template=(template or None) if kind == "pbs" else None,
        source=source,
        queue=_text(_first(settings, classes, "queue")) or "",
        command=_words(_first(settings, classes, f"{role}_cmd")),
        args=_words(_first(settings, classes, f"{role}_args")),
        namespace=cast("Mapping[str, object]", namespace) if isinstance(namespace, dict) else {},
    )


def _part_notes(controller: Part, engines: Part) -> Iterable[str]:
    if controller.template is not None:
        yield from controller_template_notes(controller.template, controller.source)
    if engines.template is not None:
        yield from engine_template_notes(engines.template, engines.source)
        if engines.queue and "{queue" not in engines.template:
            yield f"{engines.source} does not use {{queue}}: the queue is the one in the template."
    elif engines.source:
        yield (
            "No template for the engines is configured. ipyparallel's own would start an array of single "
            "engines, which OpenPBS refuses and which share no MPI world: one job with mpiexec replaces it."
        )


def _mentions_ip(part: Part) -> bool:
    return "--ip" in (part.template or "") or any(argument.startswith("--ip") for argument in part.args)


def _read(path: Path) -> list[Setting]:
    try:
        return read_config(path)
    except (SyntaxError, ValueError) as error:
        raise NotLegacy(f"Its {path.name} is not valid Python: {error}.") from error
    except OSError as error:
        raise NotLegacy(f"Its {path.name} cannot be read: {error.strerror}.") from error


def _first(settings: Sequence[Setting], classes: Sequence[str], key: str) -> object:
    """Return the last value that the first of `classes` to set `key` gives it; None if none does."""
    for cls in classes:
        for setting in reversed(settings):
            if (setting.cls, setting.key) == (cls, key):
                return setting.value
    return None


def _kind(launcher: str | None) -> Kind:
    """Return what a launcher class starts; raise NotLegacy for one that is neither PBS nor this machine."""
    if launcher is None:
        return "local"
    if launcher.startswith(_OURS):
        raise NotLegacy("It has lost its settings, the file pxengines.json. Make it anew, or put them back.")
    short = launcher.rsplit(".", 1)[-1]
    if re.search("pbs|torque", short, re.IGNORECASE):
        return "pbs"
    for kind in _OTHERS:
        if kind.lower() in short.lower():
            raise NotLegacy(
                f"It is configured for {kind} launchers ({short} in ipcluster_config.py). Engines are "
                "started on this machine or through the PBS commands only. "
                "Start it in a terminal with ipcluster; it then appears here."
            )
    return "local"


def _text(value: object) -> str | None:
    """Return a text, None for anything else; raise _NotRead for one that only running the file could tell."""
    if isinstance(value, Unread):
        raise _NotRead(
            f"`{value.text}` in its ipcluster_config.py is only known when the file runs, and it is not run. "
            "Write the value itself."
        )
    return value if isinstance(value, str) else None


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(shlex.split(value))
    return tuple(str(word) for word in value) if isinstance(value, list) else ()
