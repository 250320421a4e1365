"""What a job is asked to start."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from .files import write_atomic

Placement = Literal["local", "in_job", "own_job", "server"]
"""Where the controller runs: on this machine with its engines, or as the wire contract's Placement."""


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
    placement : where the controller runs; all but ``local`` are under a batch system.
    controller_address : what the controller listens on: an address, a host name or the name of a network
        interface of its host; empty: chosen there. Without a meaning if `placement` is ``local``.
    encrypt : encrypt traffic that does not leave the host, too; what leaves it always is.
    environment : variables for controller and engines, on top of what the job has; here and not in the
        batch script, which others may be able to read.
    """

    run_id: str
    profile_dir: str
    cluster_id: str
    engines: int
    python: list[str]
    mpiexec: list[str] | None = None
    mpi_args: list[str] = field(default_factory=list)
    work_dir: str = ""
    placement: Placement = "local"
    controller_address: str = ""
    encrypt: bool = False
    environment: dict[str, str] = field(default_factory=dict)

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
