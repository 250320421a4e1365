"""What the Doctor examines, and with which settings: as the Jupyter server would use them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_core.paths import jupyter_data_dir

from ..api.jobs import SchedulerStatus
from ..profiles.validate import Limits
from ..scheduler.base import Scheduler

if TYPE_CHECKING:
    from ..app import EnginesApp


@dataclass(frozen=True)
class DoctorSettings:
    """What to examine.

    Attributes
    ----------
    python : command line of the engines' Python.
    mpiexec : command line of the MPI launcher; None: it is looked for.
    mpi_args : further arguments for it.
    environment : variables added for engines.
    site_dirs : folders with the site's profiles.
    limits : of the server.
    audit_file : where changes of jobs are noted.
    use_scheduler : whether to look for a batch system.
    run_mpi : whether to start two ranks on this machine.
    seconds : time for each examination; for MPI and the batch system half as much again.
    scheduler, status : the running server's batch system and what it knows of it; None: no server, or none.
    trouble : the running server's last warnings; None: no server.
    """

    python: Sequence[str] = (sys.executable,)
    mpiexec: Sequence[str] | None = None
    mpi_args: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    site_dirs: Sequence[Path] = ()
    limits: Limits = field(default_factory=Limits)
    audit_file: Path = field(default_factory=lambda: Path(jupyter_data_dir()) / "engines" / "audit.jsonl")
    use_scheduler: bool = True
    run_mpi: bool = True
    seconds: float = 30.0
    scheduler: Scheduler | None = None
    status: SchedulerStatus | None = None
    trouble: Sequence[str] | None = None

    @classmethod
    def of(
        cls,
        app: EnginesApp,
        *,
        run_mpi: bool = True,
        seconds: float = 30.0,
        scheduler: Scheduler | None = None,
        status: SchedulerStatus | None = None,
        trouble: Sequence[str] | None = None,
    ) -> DoctorSettings:
        """Return what the server extension `app` is configured with."""
        default = Path(jupyter_data_dir()) / "engines" / "audit.jsonl"
        return cls(
            python=tuple(app.python or [sys.executable]),
            mpiexec=tuple(app.mpiexec) or None,
            mpi_args=tuple(app.mpi_args),
            environment=dict(app.engine_environment),
            site_dirs=tuple(Path(folder).expanduser() for folder in app.site_profile_dirs),
            limits=Limits(max_engines=app.max_engines),
            audit_file=Path(app.audit_file or default).expanduser(),
            use_scheduler=app.use_scheduler,
            run_mpi=run_mpi,
            seconds=seconds,
            scheduler=scheduler,
            status=status,
            trouble=trouble,
        )
