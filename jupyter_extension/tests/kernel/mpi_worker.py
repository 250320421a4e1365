"""Runs reductions as one MPI rank and compares them with numpy; started by mpiexec from test_mpi.py.

``mpi_worker.py CASES.json``: rank 0 prints ``{"ran": n, "failures": [...]}``. Each case holds what
every rank brings, so that each rank can work out by itself what must come out.
"""

from __future__ import annotations

import base64
import functools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from pxengines.mpi import AgreementError, allreduce, psum

COMM = MPI.COMM_WORLD
NUMPY = {"sum": np.add, "prod": np.multiply, "min": np.minimum, "max": np.maximum}


def part_of(case: dict[str, Any], rank: int) -> Any:
    """Return what `rank` brings, in the memory layout of the case."""
    flat = np.frombuffer(base64.b64decode(case["parts"][rank]), dtype=case["dtype"])
    array = flat.reshape(case["shape"]).copy()
    layout = case["layout"]
    if layout == "fortran":
        return np.asfortranarray(array)
    if layout == "strided":
        wide = np.zeros((*array.shape, 2), array.dtype)
        wide[..., 1] = array
        return wide[..., 1]
    if layout == "reversed" and array.ndim:
        return array[::-1].copy()[::-1]
    if layout == "read-only":
        array.flags.writeable = False
    if layout == "scalar" and array.ndim == 0:
        return array.item() if array.dtype.kind in "b" else array[()]
    return array


def expected(case: dict[str, Any]) -> tuple[Any, Any]:
    """Return what numpy makes of all ranks' parts, and the scale of its error.

    Raises OverflowError if there is no such number in the result's dtype.
    """
    parts = [np.asarray(part_of(case, rank)) for rank in range(COMM.size)]
    op, axis = case["op"], case["axis"]
    dtype = getattr(np, op)(np.ones(1, parts[0].dtype)).dtype
    if case["function"] == "psum":
        axes = None if axis is None else tuple(axis)
        parts = [np.asarray(np.sum(p.astype(exact_dtype(p.dtype)), axis=axes)) for p in parts]
    exact = [np.asarray(p, dtype=exact_dtype(p.dtype)) for p in parts]
    with np.errstate(all="ignore"):
        total = np.asarray(functools.reduce(NUMPY[op], exact))
        dtype = dtype.newbyteorder("=")
        if dtype.kind in "iu":
            limit = np.iinfo(dtype)
            if total.size and (total.min() < limit.min or total.max() > limit.max):
                raise OverflowError
        return total.astype(dtype), scale_of(exact, op)


def exact_dtype(dtype: np.dtype[Any]) -> Any:
    """Return a dtype in which the oracle's own rounding does not count."""
    if dtype.kind in "iubO":
        return object
    return np.clongdouble if dtype.kind == "c" else np.longdouble


def scale_of(parts: list[Any], op: str) -> Any:
    """Return what a relative error is relative to: sums that cancel lose digits honestly."""
    if parts[0].dtype == object or op in ("min", "max"):
        return 0.0
    if op == "sum":
        return functools.reduce(np.add, [np.abs(p) for p in parts])
    return np.abs(functools.reduce(np.multiply, parts))


def same(got: Any, want: Any, scale: Any) -> bool:
    """Tell whether `got` is `want`, to the last digits that a sum of these sizes can have."""
    if got.dtype.kind not in "fc":
        return bool(np.array_equal(got, want))
    epsilon = np.finfo(got.dtype).eps * 64
    with np.errstate(all="ignore"):
        close = np.abs(got.astype(np.clongdouble) - want) <= epsilon * scale + np.finfo(got.dtype).tiny
        return bool(np.all(close | (got == want) | (np.isnan(got) & np.isnan(want))))


def run(case: dict[str, Any]) -> str | None:
    """Run one case; return what is wrong, or None."""
    try:
        want: Any = expected(case)
    except OverflowError:
        want = OverflowError
    mine = part_of(case, COMM.rank)
    before = np.array(mine, copy=True)
    try:
        with np.errstate(all="ignore"):
            if case["function"] == "psum":
                axis = case["axis"]
                got: Any = psum(mine, axis=None if axis is None else tuple(axis))
            else:
                got = allreduce(mine, case["op"])
    except OverflowError as error:
        return None if want is OverflowError else f"raised {error!r}, want {want}"
    if want is OverflowError:
        return f"got {got!r}, want an OverflowError"
    array, scale = want
    if type(got) is not (np.ndarray if array.ndim else array.dtype.type):
        return f"got a {type(got)}"
    if got.dtype != array.dtype or got.shape != array.shape:
        return f"got {got.dtype} {got.shape}, want {array.dtype} {array.shape}"
    if not np.array_equal(before, np.asarray(mine), equal_nan=before.dtype.kind in "fc"):
        return "the input was changed"
    return None if same(np.asarray(got), array, scale) else f"got {got!r}, want {array!r}"


def disagree(case: dict[str, Any]) -> str | None:
    """Let the odd rank bring something else: every rank must raise the same error, naming it."""
    odd = case["odd"] % COMM.size
    usual = np.ones(4)
    odd_ones: dict[str, Any] = {
        "dtype": lambda: allreduce(usual.astype("f4")),
        "shape": lambda: allreduce(np.ones(5)),
        "dimensions": lambda: allreduce(np.ones((4, 1))),
        "op": lambda: allreduce(usual, "max"),
        "unknown op": lambda: allreduce(usual, "median"),
        "object": lambda: allreduce(np.array([object()] * 4)),
        "text": lambda: allreduce(["a"] * 4),
        "result": lambda: psum(np.ones((2, 4), "f4"), axis=0, dtype="f8"),
        "axis": lambda: psum(usual, axis=3),
    }
    try:
        got = odd_ones[case["differs"]]() if COMM.rank == odd else allreduce(usual)
    except AgreementError as error:
        told = str(error)
    else:
        told = f"no error: {got!r}"
    every = COMM.allgather(told)
    if len(set(every)) != 1:
        return f"different errors: {every}"
    # Of two ranks neither is the odd one; the first is then taken for what was meant.
    named = 1 if COMM.size == 2 else odd
    if f": rank {named} differs (" not in told or not all(word in told for word in case["words"]):
        return told
    return None if psum(COMM.rank) == sum(range(COMM.size)) else "the next reduction is wrong"


def refuse(case: dict[str, Any]) -> str | None:
    """Let every rank bring the same impossible thing: every rank must raise a TypeError that says why."""
    impossible = {
        "object": np.array([object(), None]),
        "text": np.array(["1"]),
        "bytes": np.array([b"1"]),
        "date": np.array(["2020-01-01"], "M8[D]"),
        "time span": np.array([1], "m8[s]"),
        "structured": np.zeros(2, "i4,f8"),
        "masked": np.ma.masked_array([1, 2], [True, False]),
        "huge": 1 << 70,
    }
    try:
        got = psum(impossible[case["value"]])  # type: ignore[arg-type]
    except TypeError as error:
        return None if case["words"] in str(error) else str(error)
    return f"no error: {got!r}"


KINDS = {"reduce": run, "disagree": disagree, "refuse": refuse}


def main() -> None:
    """Run the cases and report."""
    cases = json.loads(Path(sys.argv[1]).read_text())
    failures = []
    for number, case in enumerate(cases):
        wrong = KINDS[case["kind"]](case)
        told = COMM.gather(wrong)
        if told is not None and any(told):
            failures.append({"number": number, "case": case, "ranks": told})
    sizes = set(COMM.allgather((COMM.rank, COMM.size)))
    if COMM.rank == 0:
        whole = sizes == {(rank, COMM.size) for rank in range(COMM.size)}
        print(json.dumps({"ran": len(cases), "ranks": COMM.size if whole else 0, "failures": failures}))


if __name__ == "__main__":
    main()
