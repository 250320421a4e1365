"""Which engine ended first, noted by the one that knows: its nanny, or the engine itself.

A launcher that ends all ranks when one dies says afterwards that all were killed, and names any of
them. A launcher told not to says nothing at all, and a rank that ends before ``MPI_Init`` is waited for
without end. So whoever sees an engine end writes a small file into the run directory, once for each
rank, and the job reads them.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RUN_DIR_VARIABLE = "PXENGINES_RUN_DIR"
WORLD_VARIABLE = "PXENGINES_WORLD"
"""Counts the MPI worlds of a run: its engines may be restarted. The first is 0."""
_PATTERN = "lost-*.json"
_RANK_VARIABLES = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The end of one engine.

    Attributes
    ----------
    rank : its rank in the world that mpiexec makes.
    pid, host : where it ran.
    status : as `os.waitstatus_to_exitcode` (negative = signal); None if nobody could tell.
    at : when it was noticed, epoch seconds.
    world : which of the run's MPI worlds it was in.
    """

    rank: int
    pid: int
    host: str
    status: int | None
    at: float
    world: int = 0


def rank_from(environ: Mapping[str, str]) -> int | None:
    """Return the rank that the MPI launcher gave to a process with `environ`; None without a launcher."""
    for name in _RANK_VARIABLES:
        if environ.get(name, "").isdigit():
            return int(environ[name])
    return None


def note_loss(pid: int, status: int | None) -> None:
    """Note that the engine `pid`, whose environment this process shares, has ended; the first note counts.

    Where that cannot be written, it is left out: who calls has more to do at the end of an engine.
    """
    run_dir, rank = os.environ.get(RUN_DIR_VARIABLE), rank_from(os.environ)
    if not run_dir or rank is None:
        return  # not started by a job of ours
    world = int(os.environ.get(WORLD_VARIABLE, "0"))
    loss = Loss(rank=rank, pid=pid, host=socket.gethostname(), status=status, at=time.time(), world=world)
    final = Path(run_dir) / (f"lost-{world}-{rank}.json" if world else f"lost-{rank}.json")
    # A dot, so that a reader does not see it before it is whole.
    draft = Path(run_dir) / f".{final.name}.{os.getpid()}"
    try:
        draft.write_text(json.dumps(asdict(loss)), encoding="utf-8")
        os.link(draft, final)
    except OSError:  # there is one already, the disk is full, or the run is gone
        pass
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def read_losses(run_dir: Path, world: int = 0) -> list[Loss]:
    """Return the losses of a world noted in `run_dir`, in the order in which they were noticed."""
    losses = [Loss(**json.loads(path.read_text(encoding="utf-8"))) for path in run_dir.glob(_PATTERN)]
    return sorted((loss for loss in losses if loss.world == world), key=lambda loss: loss.at)


def first_cause(losses: Sequence[Loss]) -> Loss:
    """Return the first of `losses` (one or more) that was not in order, or else the first."""
    return next((loss for loss in losses if loss.status != 0), losses[0])


def forget_losses(run_dir: Path) -> None:
    """Remove the notes of an earlier run."""
    for path in run_dir.glob(_PATTERN):
        path.unlink(missing_ok=True)


def exit_status_of(pid: int) -> int | None:
    """Return how process `pid` of this user ended, if its parent has not reaped it yet (Linux); else None."""
    try:
        fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return None
    # proc(5): state is field 3, exit_code field 52; two fields lie before the text after the name.
    if len(fields) < 50 or fields[0] != "Z":
        return None
    return os.waitstatus_to_exitcode(int(fields[49]))
