"""What a job is asked to start."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .files import write_atomic


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """The order the server gives to a job, in ``spec.json``.

    Attributes
    ----------
    run_id : unique for each start; in the environment of every process of the run.
    profile_dir, cluster_id : where ipyparallel keeps this cluster's files.
    engines : how many engines = MPI ranks.
    python : command line of the Python that runs controller and engines.
    mpiexec : command line of the MPI launcher; None: find it on the job's node.
    mpi_args : further arguments for it, placed after ``-n N``.
    work_dir : where the engines start; empty: where the job starts.
    """

    run_id: str
    profile_dir: str
    cluster_id: str
    engines: int
    python: list[str]
    mpiexec: list[str] | None = None
    mpi_args: list[str] = field(default_factory=list)
    work_dir: str = ""

    def write(self, path: Path) -> None:
        """Write this order to `path`, mode 0600, atomically."""
        write_atomic(path, json.dumps(asdict(self), indent=1).encode())

    @classmethod
    def read(cls, path: Path) -> JobSpec:
        """Return the order in `path`.

        Raises
        ------
        OSError, ValueError, TypeError
            If there is none or it is not one.
        """
        return cls(**json.loads(path.read_text(encoding="utf-8")))
