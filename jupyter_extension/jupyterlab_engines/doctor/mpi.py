"""Examination of MPI: whose mpiexec, which library, and whether two ranks really are one world."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pxengines.launch.batch import outside_of_batch
from pxengines.launch.mpiexec import (
    Vendor,
    find_mpiexec,
    library_of,
    mpi_environment,
    vendor_of,
    world_args,
)
from pxengines.launch.paths import RUN_ID_VARIABLE
from pxengines.launch.process import without_secrets

from ..api.models import Failure
from ..clusters.postmortem import LAUNCHERS
from ..clusters.processes import end_run
from ..clusters.world import EngineFacts, judge
from ..scheduler.answer import text
from ..scheduler.base import Command, Completed
from ..scheduler.process import run
from .report import Section
from .settings import DoctorSettings
from .threads import in_thread

RANKS = 2
_PACKAGES = ("jupyterlab-engines", "ipyparallel", "mpi4py", "numpy")
_TELL_VERSIONS = """
import importlib.util, json, platform, sys
from importlib import metadata
found = {"Python": f"{platform.python_version()} ({sys.executable})"}
for name, module in json.loads(sys.argv[1]).items():
    if importlib.util.find_spec(module) is None:
        found[name] = None
        continue
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        found[name] = "of unknown version"
print(json.dumps(found))
"""
_TELL_FACTS = "from pxengines import facts; print(facts.as_json(), flush=True)"
_FACTS = re.compile(rb"\{[^{}]*\}")
_ELSEWHERE = Path("/")
"""Where Python is started: files of the user in the server's folder must not take a module's place."""
_MOST_OUTPUT = 1 << 20


async def mpi(section: Section, settings: DoctorSettings) -> None:
    """Examine MPI as a cluster on this machine would use it."""
    environ = outside_of_batch(without_secrets({**os.environ, **settings.environment}))
    if set_before := _chosen_before(environ):
        section.fact("set in the environment", *(f"{name}={environ[name]}" for name in set_before))
    why_not = await _packages(section, settings, environ)
    mpiexec = await _mpiexec(section, settings)
    if mpiexec is None:
        section.fact("two ranks", "not tried: there is no mpiexec")
        return
    vendor, there = await _launcher(section, mpiexec, environ, settings.seconds / 2)
    added = await in_thread(lambda: _additions(section, mpiexec, vendor, environ))
    if not settings.run_mpi:
        why_not = "it was asked not to"
    elif not there:
        why_not = "mpiexec cannot be run"
    if why_not:
        section.fact("two ranks", f"not tried: {why_not}")
        return
    if not await _two_ranks(section, settings, mpiexec, vendor, {**added, **environ}) and set_before:
        section.problem(
            f"{' and '.join(set_before)} in the environment choose mpi4py's MPI library.",
            "Unset them where Jupyter is started: then the library that was installed with mpiexec is used.",
        )


async def _packages(section: Section, settings: DoctorSettings, environ: Mapping[str, str]) -> str:
    """Tell what the engines' Python has; return why engines cannot run there, empty: nothing known."""
    modules = {name: "pxengines" if name == "jupyterlab-engines" else name for name in _PACKAGES}
    argv = (*settings.python, "-c", _TELL_VERSIONS, json.dumps(modules))
    done = await run(Command(argv, settings.seconds / 2, _ELSEWHERE), environ, max_stdout=_MOST_OUTPUT)
    try:
        found: dict[str, str | None] = json.loads(text(done.stdout).strip().rsplit("\n", 1)[-1])
    except ValueError:
        section.problem(f"The engines' Python {settings.python[0]} does not work: {_end_of(done)}")
        return "the engines' Python does not work"
    section.fact(
        "the engines' Python", *(f"{name} {version or 'missing'}" for name, version in found.items())
    )
    missing = [name for name, version in found.items() if version is None]
    if not missing:
        return ""
    section.problem(
        f"The engines' Python {settings.python[0]} lacks {', '.join(missing)}.",
        f"Install it there: {settings.python[0]} -m pip install {' '.join(missing)}",
    )
    return f"the engines' Python lacks {', '.join(missing)}"


async def _mpiexec(section: Section, settings: DoctorSettings) -> list[str] | None:
    if settings.mpiexec is not None:
        section.fact("mpiexec", f"{' '.join(settings.mpiexec)} (EnginesApp.mpiexec)")
        return list(settings.mpiexec)
    found = await in_thread(lambda: find_mpiexec(settings.python[0]))
    if found is None:
        section.fact("mpiexec", "none beside the engines' Python, none in PATH")
        section.problem(
            "No mpiexec was found on this machine: local clusters cannot be started.",
            "Load the site's MPI module before Jupyter is started, install the Python package mpich, "
            "or set EnginesApp.mpiexec.",
        )
        return None
    section.fact("mpiexec", found)
    return [found]


async def _launcher(
    section: Section, mpiexec: list[str], environ: Mapping[str, str], seconds: float
) -> tuple[Vendor, bool]:
    """Return whose it is, and whether it can be run."""
    done = await run(Command((*mpiexec, "--version"), seconds), environ, max_stdout=_MOST_OUTPUT)
    if done.missing or done.status is None:
        section.problem(f"{mpiexec[0]} does not work: {_end_of(done)}")
        return "unknown", False
    said = text(done.stdout + done.stderr)
    vendor = vendor_of(said)
    section.fact("whose it is", vendor)
    first = [line.strip() for line in said.splitlines() if line.strip()][:3]
    section.fact("its own words", " / ".join(first))
    return vendor, True


def _additions(
    section: Section, mpiexec: list[str], vendor: Vendor, environ: Mapping[str, str]
) -> dict[str, str]:
    library = library_of(mpiexec[0], vendor)
    section.fact("library installed with it", library or "not found: mpi4py chooses by itself")
    added = mpi_environment(mpiexec[0], vendor, environ)
    section.fact("variables added", *(f"{name}={value}" for name, value in sorted(added.items())))
    if vendor == "openmpi":
        root = os.geteuid() == 0
        section.fact("Open MPI as root", "yes: it refuses unless told to, and is told to" if root else "no")
    return added


async def _two_ranks(
    section: Section, settings: DoctorSettings, mpiexec: list[str], vendor: Vendor, environ: dict[str, str]
) -> bool:
    """Start two ranks; tell, and return, whether they are one world of two with one library."""
    mark = f"doctor-{secrets.token_hex(8)}"
    environ[RUN_ID_VARIABLE] = mark
    start = (*mpiexec, "-n", str(RANKS), *world_args(vendor), *settings.mpi_args, *settings.python)
    section.fact("tried", " ".join((*start, "-c", "…")))
    done: Completed | None = None
    try:
        command = Command((*start, "-c", _TELL_FACTS), settings.seconds, _ELSEWHERE)
        done = await run(command, environ, max_stdout=_MOST_OUTPUT)
    finally:
        if done is None or done.status is None:
            # It was killed before it could end its ranks.
            await asyncio.shield(asyncio.ensure_future(in_thread(lambda: end_run(mark, 0.5))))
    told = _facts_in(done.stdout)
    if done.status != 0 or len(told) != RANKS:
        section.fact("two ranks", "do not run")
        section.problem(
            f"{' '.join(mpiexec)} did not run {RANKS} ranks here ({len(told)} answered): {_end_of(done)}",
        )
        return False
    verdict = judge(dict(enumerate(told)), RANKS, LAUNCHERS.get(vendor, ""), ids_are_ranks=False)
    if isinstance(verdict, Failure):
        section.fact("two ranks", "are not one world", *(f"{f.rank} of {f.size}: {f.library}" for f in told))
        section.problem(verdict.message, verdict.next_step)
        return False
    section.fact("two ranks", f"one world of {verdict.size}, mpi4py {verdict.mpi4py_version} matches mpiexec")
    section.fact("MPI library", verdict.library)
    return True


def _chosen_before(environ: Mapping[str, str]) -> list[str]:
    """Return which variables choose mpi4py's library, so that it is not chosen to match mpiexec."""
    return sorted(name for name in environ if name in ("MPI4PY_LIBMPI", "MPI4PY_MPIABI"))


def _facts_in(output: bytes) -> list[EngineFacts]:
    found = []
    for piece in _FACTS.findall(output):
        try:
            found.append(msgspec.json.decode(piece, type=EngineFacts))
        except msgspec.DecodeError:
            continue  # something else that was printed
    return found


def _end_of(done: Completed) -> str:
    """Return how a command ended and its last words."""
    said = text(done.stderr).strip() or text(done.stdout).strip()
    last = "\n".join(line for line in said.splitlines()[-8:] if line.strip())
    if done.missing:
        return last
    how = "it was stopped after its time was over" if done.status is None else f"exit status {done.status}"
    return f"{how}. {last}"
