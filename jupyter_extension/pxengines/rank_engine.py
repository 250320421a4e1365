"""ipyparallel's engine as one rank of an MPI world."""

from __future__ import annotations

import gc
import os
import time
from pathlib import Path
from typing import Any

from ipyparallel.engine import app
from ipyparallel.engine.app import IPEngine
from traitlets import default
from traitlets.config import Config

from .cell_notices import announce_cells
from .exit_refusal import refuse_exit
from .launch.connection_file import connection_of_run
from .launch.losses import note_loss
from .launch.paths import RUN_ID_VARIABLE
from .nanny import NannyFork
from .rank_kernel import RankKernel

_POLL_SECONDS = 0.1
_POLL_LATER_SECONDS = 1.0
_SOON_SECONDS = 15.0
"""After this the file is late, and hundreds of engines must not wear out a shared file system."""
_CONNECTION_FILE_SECONDS = 7 * 24 * 3600.0
_REGISTRATION_SECONDS = 120.0


class RankEngine(IPEngine):
    """An engine that is one rank of the cluster's MPI world."""

    nanny_fork: NannyFork

    @default("use_mpi")
    def _default_use_mpi(self) -> bool:
        return True

    @default("init_mpi")
    def _default_init_mpi(self) -> str:
        return ""  # user_ns has it all, without running a cell

    @default("wait_for_url_file")
    def _default_wait_for_url_file(self) -> float:
        # The controller starts at the same time and may be late on a slow file system. The job ends
        # engines whose controller never comes, so the clock need not.
        return _CONNECTION_FILE_SECONDS

    def init_engine(self) -> None:
        """Wait for the connection file of this run, not one that a killed run has left; then as stock."""
        self.find_connection_file()
        path, run_id = Path(self.url_file), os.environ.get(RUN_ID_VARIABLE)
        began = time.monotonic()
        while connection_of_run(path, run_id) is None and time.monotonic() - began < self.wait_for_url_file:
            soon = time.monotonic() - began < _SOON_SECONDS
            time.sleep(_POLL_SECONDS if soon else _POLL_LATER_SECONDS)
        super().init_engine()

    @default("timeout")
    def _default_timeout(self) -> float:
        return _REGISTRATION_SECONDS

    @default("user_ns")
    def _default_user_ns(self) -> dict[str, Any]:
        import numpy as np
        from mpi4py import MPI

        world = MPI.COMM_WORLD
        return {"MPI": MPI, "np": np, "mpi_rank": world.Get_rank(), "mpi_size": world.Get_size()}

    async def complete_registration(self, *args: Any) -> None:
        """Become a kernel; from here on the garbage collector runs as usual."""
        app.Kernel = RankKernel  # ipyparallel asks for no other class; this process is one engine
        await super().complete_registration(*args)
        if self.kernel is not None:
            announce_cells(self.kernel, self.id)
            refuse_exit(self.kernel.shell)
        gc.enable()
        gc.freeze()  # what is loaded now stays: later collections need not walk it

    def start(self) -> None:
        """Run until asked to end; being asked (`Client.shutdown`, SIGTERM) is no error."""
        try:
            super().start()
        except RuntimeError as error:
            # tornado's complaint that the loop was stopped, which is how ipykernel ends a kernel. With
            # it the engine would exit with status 1, as if it had crashed.
            if "Event loop stopped" not in str(error):
                raise
        # It ends in order. The nanny may find it reaped already, and would not know.
        note_loss(os.getpid(), 0)

    def start_nanny(self, control_url: str) -> tuple[str, NannyFork]:
        """Give the nanny that was forked at the start its orders; return its URL and handle."""
        config = Config()
        config.Session = self.config.Session
        url = self.nanny_fork.start(
            engine_id=self.id,
            identity=self.bident,
            control_url=control_url,
            curve_serverkey=self.curve_serverkey,
            curve_secretkey=self.curve_secretkey,
            curve_publickey=self.curve_publickey,
            registration_url=self.registration_url,
            config=config,
        )
        return url, self.nanny_fork
