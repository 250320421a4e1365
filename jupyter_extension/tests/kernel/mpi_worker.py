"""Runs reductions as one MPI rank and notes what comes out; started by mpiexec from test_mpi.py.

``mpi_worker.py FOLDER``: each rank runs all of ``FOLDER/cases``, a pickled list of (kind, case), and pickles
what it saw to ``FOLDER/seen-RANK``. Only then is it compared, by the test: ranks that wait while another
compares would take its processor.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpi_functions_worker
import numpy as np
from mpi4py import MPI
from mpi_data import part_of

from pxengines import mpi
from pxengines.mpi import AgreementError, allreduce, psum

COMM = MPI.COMM_WORLD
RANK, RANKS = COMM.rank, COMM.size
SENTINEL = 77.0


def reduce(case: dict[str, Any]) -> Any:
    """Run one case drawn by hypothesis."""
    mine = part_of(case, RANK)
    before = np.array(mine, copy=True)
    if case["function"] == "psum":
        got = psum(mine, axis=case["axis"])
    else:
        got = allreduce(mine, case["op"])
    after = np.asarray(mine)
    unchanged = np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")
    return got if unchanged else "the input was changed"


def call(case: tuple[Any, Any]) -> Any:
    """Make one call as the fuzz draws them; with it comes what ``out=`` is, if it is given."""
    what, out = case
    function: Callable[..., Any] = getattr(mpi, what.function)
    mine = what.part(RANK)
    before = mine.tobytes()
    options: dict[str, Any] = {}
    if what.function == "allreduce":
        options = {"op": what.op, "mode": what.mode, "wrap": what.wrap}
    elif what.function == "pdot":
        options = {"b": what.part(RANK, 1), "mode": what.mode, "wrap": what.wrap}
    else:
        options = {"axis": what.axis, "keepdims": what.keepdims}
        if not what.function.startswith("parg"):
            options["mode"] = what.mode
        if what.function == "psum":
            options["wrap"] = what.wrap
        if what.result is not None:
            options["dtype"] = what.result
    if out is not None:
        kind, dtype, shape = out
        in_place = kind == "in place" and mine.flags.writeable and mine.dtype == dtype
        there = np.zeros((*shape, 2), dtype)[..., 0] if kind == "strided" else np.zeros(shape, dtype)
        options["out"] = mine if in_place else there
    got = function(mine, **options)
    if out is not None and got is not options["out"]:
        return "out was given, but something else returned"
    if not (out is not None and options["out"] is mine) and mine.tobytes() != before:
        return "the input was changed"
    return got


def disagree(case: dict[str, Any]) -> Any:
    """Let the odd rank bring something else; return what the others' error says."""
    odd = case["odd"]
    usual = np.ones(case["size"])
    out = np.full(usual.shape, SENTINEL)
    odd_ones: dict[str, Callable[[], Any]] = {
        "dtype": lambda: allreduce(usual.astype("f4")),
        "byte size": lambda: allreduce(usual.astype("i8")),
        "shape": lambda: allreduce(np.ones(len(usual) + 1)),
        "dimensions": lambda: allreduce(usual.reshape(-1, 1)),
        "op": lambda: allreduce(usual, "max"),
        "mode": lambda: allreduce(usual, mode="exact"),
        "function": lambda: mpi.pmean(usual),
        "unknown op": lambda: allreduce(usual, "median"),
        "object": lambda: allreduce(np.array([object()] * 4)),
        "text": lambda: allreduce(["a"] * 4),
        "result": lambda: psum(np.ones((2, 4), "f4"), axis=0, dtype="f8"),
        "axis": lambda: psum(usual, axis=3),
        "out": lambda: allreduce(usual, out=np.zeros(len(usual) + 1)),
        "order": lambda: (allreduce(1, "max"), allreduce(usual)),
    }
    try:
        got = odd_ones[case["differs"]]() if RANK == odd else allreduce(usual, out=out)
    except AgreementError as error:
        if not (out == SENTINEL).all():
            return "a part of the result is visible"
        if psum(RANK + 1) != RANKS * (RANKS + 1) // 2:
            return "the next reduction is wrong"
        return str(error)
    return f"no error: {got!r}"


def refuse(name: str) -> Any:
    """Let every rank bring the same impossible thing."""
    impossible: dict[str, Any] = {
        "object": np.array([object(), None]),
        "text": np.array(["1"]),
        "bytes": np.array([b"1"]),
        "date": np.array(["2020-01-01"], "M8[D]"),
        "time span": np.array([1], "m8[s]"),
        "structured": np.zeros(2, "i4,f8"),
        "masked": np.ma.masked_array([1, 2], [True, False]),
        "huge": 1 << 70,
    }
    return psum(impossible[name])


KINDS: dict[str, Callable[[Any], Any]] = {
    "reduce": reduce,
    "call": call,
    "disagree": disagree,
    "refuse": refuse,
    "functions": mpi_functions_worker.check_all,
}


def main() -> None:
    """Run the cases and report."""
    folder = Path(sys.argv[1])
    sys.path.append(str(Path(__file__).parents[2] / "dev"))  # where the class of the fuzz's calls is
    seen: list[tuple[str, Any]] = []
    for kind, case in pickle.loads((folder / "cases").read_bytes()):  # noqa: S301
        try:
            with np.errstate(all="ignore"):
                seen.append(("value", KINDS[kind](case)))
        except Exception as error:
            seen.append((type(error).__name__, str(error)))
    told = pickle.dumps({"size": RANKS, "library": MPI.Get_library_version(), "seen": seen})
    (folder / f"seen-{RANK}").write_bytes(told)


if __name__ == "__main__":
    main()
