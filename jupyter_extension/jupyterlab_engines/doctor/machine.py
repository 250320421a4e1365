"""Examinations of this machine: versions, its names and addresses, its folders."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from pxengines.launch.addresses import choose_address, interface_addresses, is_loopback
from pxengines.launch.paths import ipython_dir

from .. import __version__
from ..profiles.text import memory
from .report import Section
from .settings import DoctorSettings
from .threads import in_thread

PACKAGES = (
    "ipyparallel",
    "mpi4py",
    "numpy",
    "jupyter_server",
    "jupyterlab",
    "notebook",
    "msgspec",
    "traitlets",
)
_LITTLE_SPACE = 100 << 20
_SLOW_SECONDS = 1.0


def version_of(package: str) -> str:
    """Return a package's version in this Python, or that it is missing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


async def versions(section: Section, settings: DoctorSettings) -> None:
    """Tell which versions this Python has."""
    section.fact("jupyterlab-engines", __version__)
    section.fact("Python", f"{platform.python_version()} ({sys.executable})")
    section.fact("platform", platform.platform())
    for package in PACKAGES:
        section.fact(package, await in_thread(lambda name=package: version_of(name)))  # type: ignore[misc]


async def addresses(section: Section, settings: DoctorSettings) -> None:
    """Tell this machine's names and where a controller would listen."""
    host = socket.gethostname()
    section.fact("host", host)
    interfaces = await in_thread(interface_addresses)
    section.fact("interfaces", *(f"{name} {address}" for name, address in interfaces.items()))
    chosen = await in_thread(lambda: choose_address(""))
    section.fact("a controller in a job here would listen on", chosen)
    if is_loopback(chosen):
        section.fact("other hosts", "cannot reach it: this host has no other address than loopback")
        if await in_thread(lambda: shutil.which("qsub")):
            section.problem(
                f"{host} has no address that other hosts can reach.",
                "A controller here, as with placement server, can have no engines on other nodes.",
            )
    named = await in_thread(lambda: _named(host))
    section.fact("its name means", *named)


def _named(host: str) -> list[str]:
    try:
        name, _, found = socket.gethostbyname_ex(host)
    except OSError as error:
        return [f"nothing: {error}"]
    return [f"{name} {address}" for address in found]


async def folders(section: Section, settings: DoctorSettings) -> None:
    """Tell whether the folders that we write to can be written, locked, and have room."""
    ipython = ipython_dir()
    section.fact("IPython's folder", f"{ipython}{' (IPYTHONDIR)' if os.environ.get('IPYTHONDIR') else ''}")
    for name, folder in (("IPython's folder", ipython), ("Jupyter's data folder", Path(jupyter_data_dir()))):
        facts, problem = await in_thread(lambda where=folder: _examine(where))  # type: ignore[misc]
        section.fact(f"{name}, state", facts)
        if problem:
            section.problem(f"{name} {folder}: {problem}")
    site = [await in_thread(lambda where=folder: _readable(where)) for folder in settings.site_dirs]  # type: ignore[misc]
    section.fact("the site's profile folders", *site)


def _readable(folder: Path) -> str:
    try:
        return f"{folder}: {len(os.listdir(folder))} entries"
    except OSError as error:
        return f"{folder}: cannot be read: {error.strerror}"


def _examine(folder: Path) -> tuple[str, str]:
    """Return what is found in words, and what is wrong with it; the latter may be empty."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    began = time.monotonic()
    try:
        locks = _try(there)
    except OSError as error:
        return "cannot be written", f"{there} cannot be written: {error.strerror}. Make it writable."
    seconds = time.monotonic() - began
    free = shutil.disk_usage(there).free
    made = "there" if there == folder else f"not made yet; {there} is there"
    facts = f"{made}, writable, written in {seconds * 1000:.0f} ms, {memory(free)} free, locks {locks}"
    if free < _LITTLE_SPACE:
        return facts, f"There are only {memory(free)} free. Make room."
    if locks != "work":
        return facts, f"Files cannot be locked there ({locks}): who runs a cluster cannot be told."
    if seconds > _SLOW_SECONDS:
        return facts, f"Writing a small file took {seconds:.1f} s: connection files come late."
    return facts, ""


def _try(folder: Path) -> str:
    """Write, lock and remove a small file in `folder`; return ``work`` or why locks do not."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".engines-doctor-") as file:
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return str(error.strerror)
    return "work"
