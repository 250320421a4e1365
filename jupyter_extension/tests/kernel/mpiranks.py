"""Starting scripts as real MPI ranks, under MPICH and Open MPI; nothing of them is left when a test fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import mpi_worlds
from mpi_worlds import Library

__all__ = ["TIMEOUT_SECONDS", "Library", "run_ranks"]
TIMEOUT_SECONDS = 150.0


def run_ranks(
    ranks: int,
    script: Path,
    *arguments: str | Path,
    library: Library = "mpich",
    options: Sequence[str] = (),
    check: bool = True,
    seconds: float = TIMEOUT_SECONDS,
) -> subprocess.CompletedProcess[str]:
    """Run `script` on `ranks` ranks; fail, with what it said, if it does not end well and `check` is true.

    After `seconds` all ranks are ended, and `subprocess.TimeoutExpired` is raised.
    """
    mpiexec = mpi_worlds.mpiexec_of(library)
    assert Path(mpiexec[0]).exists(), "npm test installs Open MPI beside MPICH for these tests"
    command = [*mpiexec, *options, "-n", str(ranks), sys.executable, script, *arguments]
    world = mpi_worlds.World(
        command, mpi_worlds.environment_of(library), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        said, complained = world.communicate(timeout=seconds)
    finally:
        mpi_worlds.end(world)
        for stream in (world.stdout, world.stderr):
            assert stream is not None
            stream.close()
    if check:
        assert world.returncode == 0, said + complained
    return subprocess.CompletedProcess(command, world.returncode, said, complained)
