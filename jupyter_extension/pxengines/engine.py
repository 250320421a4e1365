"""ipyparallel's engine as an MPI rank: ``mpiexec -n N python -m pxengines.engine``.

What differs from ``ipyparallel.engine``: it is always a rank (id = rank), ``MPI`` and ``np`` are in the
namespace from the start, its nanny is a fork, it waits for the connection file as long as ``mpiexec`` lives,
and a missing mpi4py or MPI library is said in one line that the server can read.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from .guard import StartGuard
from .launch.losses import note_loss
from .launch.process import WORK_DIR_VARIABLE

CANNOT_START = "pxengines: cannot start:"
"""Begins the line, on standard error, that tells why: a FailureCode, then the system's words."""


_EXIT_STATUS = 3


def _fail(code: str, error: BaseException) -> NoReturn:
    words = " ".join(str(error).split())
    sys.stderr.write(f"{CANNOT_START} {code} {words}\n")
    sys.stderr.flush()
    note_loss(os.getpid(), _EXIT_STATUS)
    sys.exit(_EXIT_STATUS)


def main() -> None:
    """Run one engine; command line as ipengine's."""
    guard = StartGuard()
    # Eight engines on two cores spend their start on imports. Nothing dies while modules load, so the
    # collector only costs; 0.1 s per engine.
    gc.disable()
    # An engine has no debug channel: ipykernel would load the debugger (0.1 s) and warn that it is no use.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    try:
        import ipykernel.debugger  # noqa: F401

        from .nanny import fork_nanny
        from .rank_engine import RankEngine
    except ImportError as error:
        _fail("ipyparallel_missing", error)
    del sys.modules["debugpy"]  # user code may still import it

    RankEngine.nanny_fork = fork_nanny()
    guard.release()
    try:
        from mpi4py import MPI

        MPI.COMM_WORLD.Get_rank()
    except ModuleNotFoundError as error:
        _fail("mpi4py_missing", error)
    except (ImportError, RuntimeError) as error:
        _fail("mpi_library_missing", error)
    # All ranks are starting now: what their reductions need is made before anybody can get in the way.
    from .mpi import prepare

    prepare()
    # mpiexec started us in the run directory. From here on the user's files come first, as in a notebook.
    started_in = os.getcwd()
    sys.path[:] = [entry for entry in sys.path if entry != started_in]
    RankEngine.launch_instance(work_dir=os.environ.get(WORK_DIR_VARIABLE, started_in))


if __name__ == "__main__":
    main()
