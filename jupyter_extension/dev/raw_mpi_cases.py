"""Inputs on which raw mpi4py goes wrong, each reduced on real ranks; started by ``raw_mpi_table.py``.

``raw_mpi_cases.py CASE,CASE... SIDE FOLDER`` is one rank, which runs one case after the other. SIDE is
``raw`` or ``ours``. The rank puts what it saw into ``FOLDER/CASE-RANK.json`` and then waits to be ended, as
an engine that waits for its next cell.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

Side = Literal["raw", "ours"]
Array = np.ndarray[Any, Any]
ODD = 1
"""The rank that brings something else, or that drops out."""
LIFE_SECONDS = 120
"""A rank that nobody has ended by then ends itself, even while it is in MPI and deaf to all else."""


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes
    ----------
    title : what the ranks do, in Markdown.
    raw, ours : from a rank to what it gets, without and with ``pxengines.mpi``.
    truth : the right result; None if there is none, so that only an error is right.
    ranks : how many.
    drops_out : whether `ODD` never reduces; what it sees itself is then no part of the outcome.
    spoils : whether raw MPI is of no use after it, so that no other case can follow.
    """

    title: str
    raw: Callable[[int], Any]
    ours: Callable[[int], Any]
    truth: Any = None
    ranks: int = 2
    drops_out: bool = False
    spoils: bool = False


class LeftBehindError(Exception):
    """A reduction raised `error`, but has written into its output."""

    def __init__(self, error: Exception, out: Array) -> None:
        self.error, self.out = error, out
        super().__init__(error, out)


def raw_sum(mine: Array, op: str = "SUM", out: Array | None = None) -> Array:
    """Return what ``Allreduce`` puts into an array like `mine`."""
    from mpi4py import MPI

    out = np.zeros_like(mine) if out is None else out
    before = out.copy()
    try:
        MPI.COMM_WORLD.Allreduce(mine, out, op=getattr(MPI, op))
    except Exception as error:
        raise error if np.array_equal(before, out) else LeftBehindError(error, out) from error
    return out


def raw_recipe(rank: int) -> Array:
    """Sum integers as the old recipe does, which says that they are doubles."""
    from mpi4py import MPI

    mine, out = np.array(_whole(rank)), np.zeros(())
    MPI.COMM_WORLD.Allreduce([mine, MPI.DOUBLE], [out, MPI.DOUBLE])
    return out


def raw_swapped(rank: int) -> list[Array]:
    """Make two reductions, on one rank in the other order."""
    calls: list[Callable[[], Array]] = [
        lambda: raw_sum(np.array([1, 2])),
        lambda: raw_sum(np.array([10, 20]), "MAX"),
    ]
    return [call() for call in (calls[::-1] if rank == ODD else calls)]


def ours_swapped(rank: int) -> list[Any]:
    """Make the same two with ours."""
    calls: list[Callable[[], Any]] = [lambda: ours(np.array([1, 2])), lambda: ours(np.array([10, 20]), "max")]
    return [call() for call in (calls[::-1] if rank == ODD else calls)]


def ours(mine: Any, op: str = "sum", **options: Any) -> Any:
    """Reduce with ``pxengines.mpi``, in a block that tells the others of an exception, as a cell does."""
    from pxengines.mpi import allreduce

    return allreduce(mine, op, **options)


def raises(reduce: Callable[[Array], Any]) -> Callable[[int], Any]:
    """Let one rank raise while the others reduce."""

    def act(rank: int) -> Any:
        if rank == ODD:
            raise ValueError("bad input")
        return reduce(np.array([1.0]))

    return act


def dies(reduce: Callable[[Array], Any]) -> Callable[[int], Any]:
    """Let one rank's process be killed while the others reduce."""

    def act(rank: int) -> Any:
        if rank == ODD:
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGKILL)
        return reduce(np.array([1.0]))

    return act


def absent(reduce: Callable[[Array], Any], interrupted: bool = False) -> Callable[[int], Any]:
    """Let one rank never come; interrupt those that wait for it, if asked."""

    def act(rank: int) -> Any:
        if rank == ODD:
            return None
        if interrupted:
            threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
        return reduce(np.array([1.0]))

    return act


def _whole(rank: int) -> int:
    return int(np.arange(32).reshape(2, 16)[rank].sum())


def _of_two_types(rank: int) -> Array:
    return np.array([1, 2], np.int64) if rank == ODD else np.array([1.0, 2.0])


def _fortran(rank: int) -> Array:
    return np.asfortranarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def _each(*values: Any, dtype: Any = None) -> Callable[[int], Array]:
    return lambda rank: np.array(values[rank], dtype)


def _case(title: str, bring: Callable[[int], Array], truth: Any = None, **options: Any) -> Case:
    return Case(title, lambda rank: raw_sum(bring(rank)), lambda rank: ours(bring(rank)), truth, **options)


CASES: dict[str, Case] = {
    "recipe": Case(
        "the sum of `np.arange(32)`, int64, sent as `MPI.DOUBLE` (the old recipe)",
        raw_recipe,
        lambda rank: ours(_whole(rank)),
        496,
    ),
    "dtype": _case("`[1.0, 2.0]` on rank 0, `[1, 2]` on rank 1", _of_two_types, spoils=True),
    "fortran": Case(
        "`[[1, 2, 3], [4, 5, 6]]` in Fortran order, with an output in C order",
        lambda rank: raw_sum(_fortran(rank), out=np.zeros((2, 3))),
        lambda rank: ours(_fortran(rank), out=np.zeros((2, 3))),
        [[2, 4, 6], [8, 10, 12]],
    ),
    "length": _case(
        "4 ones on rank 0, 5 ones on rank 1", lambda rank: np.ones(4 + (rank == ODD)), spoils=True
    ),
    "op": Case(
        "`[1, 2]`: the sum on rank 0, the maximum on rank 1",
        lambda rank: raw_sum(np.array([1, 2]), "MAX" if rank == ODD else "SUM"),
        lambda rank: ours(np.array([1, 2]), "max" if rank == ODD else "sum"),
        spoils=True,
    ),
    "order": Case(
        "a sum and then a maximum on rank 0, the other order on rank 1",
        raw_swapped,
        ours_swapped,
        spoils=True,
    ),
    "int32": _case("2147483647 + 1 in int32", _each([(1 << 31) - 1], [1], dtype=np.int32), [1 << 31]),
    "uint8": _case("200 + 100 in uint8", _each([200], [100], dtype=np.uint8), [300]),
    "nan": Case(
        "the maximum of `nan` on rank 0 and 1.0 on rank 1",
        lambda rank: raw_sum(_each([np.nan], [1.0])(rank), "MAX"),
        lambda rank: ours(_each([np.nan], [1.0])(rank), "max"),
        [np.nan],
    ),
    "rounding": Case(
        '1e16 + 1 - 1e16 on three ranks (ours with `mode="exact"`)',
        lambda rank: raw_sum(_each([1e16], [1.0], [-1e16])(rank)),
        lambda rank: ours(_each([1e16], [1.0], [-1e16])(rank), mode="exact"),
        [1.0],
        ranks=3,
    ),
    "float16": _case("`[0.5, 1.5]`, float16", lambda rank: np.array([0.5, 1.5], np.float16), [1, 3]),
    "bool": _case("`[True, False]`, bool", lambda rank: np.array([True, False]), [2, 0]),
    "strided": _case("`np.arange(8.0)[::2]`", lambda rank: np.arange(8.0)[::2], [0, 4, 8, 12]),
    "swapped": _case("`[1.0, 2.0]` in the other byte order", lambda rank: np.array([1, 2], ">f8"), [2, 4]),
    "object": _case("`[1, None]`, Python objects", lambda rank: np.array([1, None], object)),
    "raises": Case("rank 1 raises before the call", raises(raw_sum), raises(ours), drops_out=True),
    "dies": Case(
        "the process of rank 1 is killed, and `mpiexec` leaves the others alone",
        dies(raw_sum),
        dies(ours),
        drops_out=True,
    ),
    "interrupt": Case(
        "rank 1 does not come, and rank 0 is interrupted",
        absent(raw_sum, True),
        absent(ours, True),
        drops_out=True,
    ),
    "absent": Case(
        "rank 1 does not come (ours with `timeout=3`)",
        absent(raw_sum),
        absent(lambda mine: ours(mine, timeout=3)),
        drops_out=True,
    ),
}


def hide_from_mpiexec(folder: Path) -> None:
    """Go on in a process of which `mpiexec` does not know, so that its death leaves all to MPI.

    Otherwise it may end all ranks, within moments: a race whose end would be no property of MPI's.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        while not (folder / "over").exists():
            time.sleep(0.01)
        os._exit(0)
    signal.alarm(LIFE_SECONDS)  # a fork has none


def saw(case: Case, side: Side, rank: int) -> dict[str, Any]:
    """Return what this rank sees: ``value`` and whether it is ``right``, or ``error``."""
    try:
        if side == "raw":
            value = case.raw(rank)
        else:
            from pxengines.mpi import guard

            with guard():
                value = case.ours(rank)
    except LeftBehindError as half:
        return {"error": _told(half.error), "left": _shown(half.out)}
    except BaseException as error:
        return {"error": _told(error)}
    right = case.truth is not None and np.array_equal(value, case.truth, equal_nan=True)
    return {"value": _shown(value), "right": right}


def _shown(value: Any) -> str:
    return str([each.tolist() for each in value] if isinstance(value, list) else np.asarray(value).tolist())


def _told(error: BaseException) -> str:
    # MPICH adds a stack with addresses, and everybody's process numbers differ.
    text = str(error).partition(", error stack")[0].splitlines()
    words = re.sub(r"\(process \d+ on [^)]*\)", "(process … on …)", text[0] if text else "")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def main() -> None:
    """Be one rank."""
    names, side, folder = sys.argv[1].split(","), sys.argv[2], Path(sys.argv[3])
    signal.alarm(LIFE_SECONDS)
    if "dies" in names:
        hide_from_mpiexec(folder)
    from mpi4py import MPI

    rank = MPI.COMM_WORLD.rank
    if side == "ours":
        from pxengines.mpi import prepare

        prepare()  # as an engine does before it is ready
    (folder / f"{rank}.ready").touch()
    for name in names:
        outcome = saw(CASES[name], "ours" if side == "ours" else "raw", rank)
        unfinished = folder / f"{rank}.new"
        unfinished.write_text(json.dumps(outcome), encoding="utf-8")
        unfinished.rename(folder / f"{name}-{rank}.json")
    while not (folder / "over").exists():
        time.sleep(0.01)
    sys.stdout.flush()
    os._exit(0)  # MPI_Finalize would wait for what a rank has left behind


if __name__ == "__main__":
    main()
