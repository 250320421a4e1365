"""The typed reductions, against numpy, on real MPI ranks.

Hypothesis draws the cases here, in one process and always the same ones; the ranks then all run
the same list (mpi_worker.py), so that a failing case cannot make them part ways.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pxengines.mpi import partial

MOST_RANKS = 4
WORKER = Path(__file__).with_name("mpi_worker.py")
MPIEXEC = Path(sys.executable).with_name("mpiexec")
DTYPES = [
    "?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g", "c8", "c16", "G",
    ">i2", ">i4", ">i8", ">u8", ">f2", ">f4", ">f8", ">c16",
]  # fmt: skip
LAYOUTS = ["c", "fortran", "strided", "reversed", "read-only", "scalar"]


def elements(dtype: np.dtype[Any]) -> st.SearchStrategy[Any]:
    """Return values of `dtype`: whole numbers of any size, floats that no order of adding overflows."""
    if dtype.kind in "biu":
        return hnp.from_dtype(dtype)
    width = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    # Products of four of the largest still fit, so that no order meets an infinity by chance.
    if width == 2:
        real = st.floats(-3, 3, width=16, allow_subnormal=False)
    elif width == 4:
        real = st.floats(-1e8, 1e8, width=32, allow_subnormal=False)
    else:
        real = st.floats(-1e70, 1e70, allow_subnormal=False)
    if dtype.kind == "c":
        # Without infinities: a product of infinite complex numbers depends on how it is written out.
        return st.builds(complex, real, real)
    return real | st.sampled_from([float("nan"), float("inf"), 0.0, 1.0])


@st.composite
def reductions(draw: st.DrawFn, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Draw what four ranks bring to one reduction."""
    function = draw(st.sampled_from(["allreduce", "psum"]))
    ops = ["sum", "prod"] if dtype.kind == "c" else ["sum", "prod", "min", "max"]
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    # hypothesis knows neither long doubles nor how to fill byte-swapped arrays in every version.
    drawn = np.dtype({"g": "f8", "G": "c16"}.get(dtype.char, dtype.newbyteorder("=").str))
    arrays = hnp.arrays(drawn, shape, elements=elements(drawn))
    parts = [np.asarray(draw(arrays)).astype(dtype) for _ in range(MOST_RANKS)]
    axis = None
    if function == "psum" and shape:
        axis = draw(st.none() | st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    return {
        "kind": "reduce",
        "function": function,
        "op": "sum" if function == "psum" else draw(st.sampled_from(ops)),
        "dtype": dtype.str if dtype.char not in "gG" else dtype.char,
        "shape": shape,
        "layout": draw(st.sampled_from(LAYOUTS)),
        "axis": axis,
        "parts": [base64.b64encode(part.tobytes()).decode() for part in parts],
    }


def drawn_cases(each: int) -> list[dict[str, Any]]:
    """Return `each` cases for each dtype, always the same ones."""
    cases: list[dict[str, Any]] = []
    for name in DTYPES:

        @settings(max_examples=each, derandomize=True, database=None, deadline=None)
        @given(reductions(np.dtype(name)))
        def collect(case: dict[str, Any]) -> None:
            cases.append(case)

        collect()
    return cases


def whole_number_case(function: str, op: str, dtype: str, parts: list[list[int]]) -> dict[str, Any]:
    arrays = [np.array(part, dtype=dtype) for part in parts]
    return {
        "kind": "reduce",
        "function": function,
        "op": op,
        "dtype": dtype,
        "shape": arrays[0].shape,
        "layout": "c",
        "axis": None,
        "parts": [base64.b64encode(array.tobytes()).decode() for array in arrays],
    }


HIGHEST, LOWEST = (1 << 63) - 1, -(1 << 63)
EDGES = [
    whole_number_case("allreduce", "sum", "i8", [[HIGHEST], [1], [-1], [0]]),
    whole_number_case("allreduce", "sum", "i8", [[HIGHEST, 5], [-HIGHEST, 5], [1, 5], [-1, 5]]),
    whole_number_case("allreduce", "sum", "i8", [[LOWEST], [0], [0], [0]]),
    whole_number_case("allreduce", "sum", "i8", [[LOWEST], [HIGHEST], [LOWEST], [HIGHEST]]),
    whole_number_case("allreduce", "sum", "u8", [[2 * HIGHEST + 1], [0], [0], [0]]),
    whole_number_case("allreduce", "sum", "u8", [[2 * HIGHEST + 1], [0], [0], [1]]),
    whole_number_case("allreduce", "prod", "i8", [[1 << 32], [1 << 31], [-1], [1]]),
    whole_number_case("allreduce", "prod", "i8", [[1 << 32], [1 << 31], [-1], [2]]),
    whole_number_case("allreduce", "prod", "u8", [[1 << 40], [1 << 40], [0], [1 << 40]]),
    whole_number_case("psum", "sum", "i8", [[HIGHEST] * 4, [LOWEST] * 4, [4, 0, 0, 0], [0] * 4]),
    whole_number_case("psum", "sum", "i8", [[HIGHEST] * 4, [HIGHEST] * 4, [0] * 4, [0] * 4]),
    whole_number_case("psum", "sum", "u8", [[2 * HIGHEST + 1, 1], [0, 0], [0, 0], [0, 0]]),
    whole_number_case("psum", "sum", "i1", [[-128] * 4, [127] * 4, [1] * 4, [0] * 4]),
]


def run_on_ranks(cases: list[dict[str, Any]], ranks: int, folder: Path) -> dict[str, Any]:
    path = folder / "cases.json"
    path.write_text(json.dumps(cases))
    done = subprocess.run(
        [MPIEXEC, "-n", str(ranks), sys.executable, WORKER, path], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["ranks"] == ranks
    assert report["ran"] == len(cases)
    return report


@pytest.fixture(scope="module")
def cases() -> list[dict[str, Any]]:
    return drawn_cases(30) + EDGES


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_agrees_with_numpy(ranks: int, cases: list[dict[str, Any]], tmp_path: Path) -> None:
    report = run_on_ranks(cases, ranks, tmp_path)
    assert report["failures"][:3] == []


DIFFERENCES = {
    "dtype": ["sum of float32", "sum of float64"],
    "shape": ["shape (5,)", "shape (4,)"],
    "dimensions": ["shape (4, 1)", "shape (4,)"],
    "op": ["max of float64", "sum of float64"],
    "unknown op": ["refused: op='median' is not known"],
    "object": ["refused: cannot reduce values of dtype object"],
    "text": ["refused: cannot reduce values of dtype <U1: text is not numbers"],
    "result": ["sum of float32 as float64", "sum of float64"],
    "axis": ["refused: axis 3 is out of bounds"],
}


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_disagreement_is_the_same_error_on_every_rank(ranks: int, tmp_path: Path) -> None:
    cases = [
        {"kind": "disagree", "differs": differs, "words": words, "odd": odd}
        for differs, words in DIFFERENCES.items()
        for odd in range(ranks)
    ]
    assert run_on_ranks(cases, ranks, tmp_path)["failures"] == []


REFUSALS = {
    "object": "Python objects",
    "text": "text is not numbers",
    "bytes": "bytes are not numbers",
    "date": "adding dates",
    "time span": "time spans",
    "structured": "structured",
    "masked": "mask",
    "huge": "more than 64 bits",
}


@pytest.mark.parametrize("ranks", [1, 3])
def test_what_cannot_be_reduced_is_refused_with_the_reason(ranks: int, tmp_path: Path) -> None:
    cases = [{"kind": "refuse", "value": value, "words": words} for value, words in REFUSALS.items()]
    assert run_on_ranks(cases, ranks, tmp_path)["failures"] == []


def test_importing_the_package_does_not_start_mpi() -> None:
    code = "import sys, pxengines.mpi; print('mpi4py' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@given(hnp.arrays(np.int64, (3, 7)), st.sampled_from([(0,), (1,), (0, 1)]), st.integers(1, 6))
@settings(derandomize=True, database=None, deadline=None)
def test_exact_local_sums_in_small_pieces(array: Any, axes: tuple[int, ...], most: int) -> None:
    got = partial.exact_sum(array, axes, most)
    want = np.asarray(array.astype(object).sum(axis=axes))
    assert got.tolist() == want.tolist()
