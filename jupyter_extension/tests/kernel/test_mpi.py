"""The typed reductions, against numpy, on real MPI ranks of both libraries.

The cases are drawn here, always the same ones, by hypothesis and by the generator of the fuzz; the ranks all
run the same list (mpi_worker.py, one start of mpiexec for all of it), so that a failing case cannot make them
part ways. What came out is compared here, too: with numpy on the gathered data, and rank by rank.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import fuzz_cases
import fuzz_oracle
import hypothesis.extra.numpy as hnp
import mpi_data
import numpy as np
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from mpi_data import DTYPES, LAYOUTS, MOST_RANKS, Array
from mpi_worlds import NAMES
from mpiranks import Library, run_ranks

from pxengines.mpi import partial

WORKER = Path(__file__).with_name("mpi_worker.py")
SIZES = [1, 2, 3, 4, 7, 8, 16]
WORLDS: list[tuple[int, Library]] = [(ranks, library) for library in ("mpich", "openmpi") for ranks in SIZES]
EACH = len(LAYOUTS)
"""Cases of each dtype: each has every layout on every rank once."""
MANY = 7
"""So many ranks have many layouts in each case, and take long on few processors: they run each other case."""
CALLS = {1: 100, 2: 200, 3: 200, 4: 150, 7: 100, 8: 60, 16: 40}
"""By ranks: reductions drawn by the fuzz, of all functions, modes and options."""
SEED = 20
Cases = list[tuple[str, Any]]


# --- what is drawn


def elements(dtype: np.dtype[Any], op: str) -> st.SearchStrategy[Any]:
    """Return values of `dtype`: whole numbers of any size, floats that no order of reducing overflows."""
    if dtype.kind in "biu":
        return hnp.from_dtype(dtype)
    width = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    if op == "prod":
        # Sixteen of the largest or smallest still fit, so that no order meets an infinity by chance.
        size = {2: st.floats(0.25, 4, width=16), 4: st.floats(0.0625, 16, width=32)}.get(
            width, st.floats(1e-15, 1e15)
        )
        real = size | size.map(lambda x: -x)
    else:
        most = {2: 3.0, 4: 1e8}.get(width, 1e70)
        real = st.floats(-most, most, width={2: 16, 4: 32}.get(width, 64), allow_subnormal=False)
    if dtype.kind == "c":
        # Without infinities: a product of infinite complex numbers depends on how it is written out.
        return st.builds(complex, real, real)
    return real | st.sampled_from([float("nan"), float("inf"), 0.0, 1.0])


@st.composite
def reductions(draw: st.DrawFn, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Draw what all ranks bring to one reduction."""
    function = draw(st.sampled_from(["allreduce", "psum"]))
    ops = ["sum", "prod"] if dtype.kind == "c" else ["sum", "prod", "min", "max"]
    op = "sum" if function == "psum" else draw(st.sampled_from(ops))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    drawn = np.dtype({"g": "f8", "G": "c16"}.get(dtype.char, dtype.str))  # hypothesis knows no long doubles
    every = draw(hnp.arrays(drawn, (MOST_RANKS, *shape), elements=elements(drawn, op), fill=st.nothing()))
    axes = None
    if function == "psum" and shape:
        axes = draw(st.none() | st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True).map(tuple))
    parts = [np.asarray(part) for part in every.astype(dtype)]
    return {"function": function, "op": op, "axis": axes, "parts": parts}


@pytest.fixture(scope="module")
def drawn() -> Cases:
    """Return cases of each dtype, always the same ones."""
    cases: Cases = []
    for name in DTYPES:

        @settings(max_examples=examples(EACH), derandomize=True, database=None, deadline=None)
        @given(reductions(np.dtype(name)))
        def collect(case: dict[str, Any]) -> None:
            cases.append(("reduce", {**case, "layout": len(cases)}))

        collect()
    for name in DTYPES:
        for layout, shape in enumerate([(), (0,), (2, 0, 3), (5,)]):
            cases.append(("reduce", simple(name, shape, layout)))
    return cases


def simple(dtype: str, shape: tuple[int, ...], layout: int) -> dict[str, Any]:
    ones = [np.full(shape, rank % 2, np.dtype(dtype)) for rank in range(MOST_RANKS)]
    return {"function": "psum", "op": "sum", "axis": None, "parts": ones, "layout": layout}


def whole(function: str, op: str, dtype: str, *parts: list[int]) -> tuple[str, dict[str, Any]]:
    """Return a case of whole numbers on the first ranks, and of what changes nothing on the others."""
    neutral = [1 if op == "prod" else 0] * len(parts[0])
    arrays = [np.array(part, dtype) for part in (*parts, *[neutral] * (MOST_RANKS - len(parts)))]
    return "reduce", {"function": function, "op": op, "axis": None, "parts": arrays, "layout": 5}


HIGHEST, LOWEST = (1 << 63) - 1, -(1 << 63)
EDGES = [
    whole("allreduce", "sum", "i8", [HIGHEST], [1], [-1], [0]),
    whole("allreduce", "sum", "i8", [HIGHEST, 5], [-HIGHEST, 5], [1, 5], [-1, 5]),
    whole("allreduce", "sum", "i8", [LOWEST]),
    whole("allreduce", "sum", "i8", [LOWEST], [HIGHEST], [LOWEST], [HIGHEST]),
    whole("allreduce", "sum", "u8", [2 * HIGHEST + 1]),
    whole("allreduce", "sum", "u8", [2 * HIGHEST + 1], [0], [0], [1]),
    whole("allreduce", "prod", "i8", [1 << 32], [1 << 31], [-1], [1]),
    whole("allreduce", "prod", "i8", [1 << 32], [1 << 31], [-1], [2]),
    whole("allreduce", "prod", "u8", [1 << 40], [1 << 40], [0], [1 << 40]),
    whole("psum", "sum", "i8", [HIGHEST] * 4, [LOWEST] * 4, [4, 0, 0, 0]),
    whole("psum", "sum", "i8", [HIGHEST] * 4, [HIGHEST] * 4),
    whole("psum", "sum", "u8", [2 * HIGHEST + 1, 1], [0, 0]),
    whole("psum", "sum", "i1", [-128] * 4, [127] * 4, [1] * 4),
    whole("allreduce", "sum", "q", [HIGHEST - 15], *[[1]] * 15),
    whole("allreduce", "sum", "Q", [2 * HIGHEST + 1], *[[1]] * 15),
]

DIFFERENCES = {
    "dtype": ["sum of float32", "sum of float64"],
    "byte size": ["sum of int64", "sum of float64"],
    "shape": ["shape ({more},)", "shape ({size},)"],
    "dimensions": ["shape ({size}, 1)", "shape ({size},)"],
    "op": ["max of float64", "sum of float64"],
    "mode": ["sum of float64, shape ({size},), mode exact", "sum of float64, shape ({size},)"],
    "function": ["sum of float64, shape (), mean", "sum of float64, shape ({size},)"],
    "unknown op": ["refused: op='median' is not known"],
    "object": ["refused: cannot reduce values of dtype object"],
    "text": ["refused: cannot reduce values of dtype <U1: text is not numbers"],
    "result": ["sum of float32 as float64", "sum of float64"],
    "axis": ["refused: axis 3 is out of bounds"],
    "out": ["refused: out has shape ({more},), but the result has shape ({size},)"],
    "order": ["max of int64, shape ()", "sum of float64, shape ({size},)"],
}

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


def disagreements(ranks: int) -> Cases:
    return [
        ("disagree", {"differs": differs, "odd": odd, "size": size})
        for differs in DIFFERENCES
        for odd in sorted({0, 1, ranks - 1})
        for size in ((4, 20_000) if odd == ranks - 1 else (4,))
        if ranks > 1
    ]


def calls(ranks: int) -> Cases:
    """Return reductions as the fuzz draws them, with what their ``out=`` is."""
    found: list[fuzz_cases.Call] = []
    number = 0
    while len(found) < examples(CALLS[ranks]):
        found += fuzz_cases.draw_round(SEED, number, ranks, 0.0).calls
        number += 1
    found += exact_calls(ranks)[SIZES.index(ranks) % 3 :: 3]  # each on two or three numbers of ranks
    cases: Cases = []
    for call in found:
        want = fuzz_oracle.expected(call, ranks)
        like = want.values[0] if want.values and call.out is not None else None
        cases.append(("call", (call, None if like is None else (call.out, like.dtype, like.shape))))
    return cases


def exact_calls(ranks: int) -> list[fuzz_cases.Call]:
    """Return exact sums of floats of each dtype, of all exponents, and of infinities, nans and zeros."""
    return [
        fuzz_cases.Call(
            function=function,
            op="sum",
            dtype=dtype,
            shapes=tuple((rank % 3, 5) if axis == 0 else (2, 5) for rank in range(ranks)),
            layouts=tuple(fuzz_cases.LAYOUTS[rank % len(fuzz_cases.LAYOUTS)] for rank in range(ranks)),
            values=values,
            seed=(SEED, number),
            axis=axis,
            mode="exact",
        )
        for number, dtype in enumerate(fuzz_cases.REAL + fuzz_cases.COMPLEX)
        for values in ("wide", "special")
        for function, axis in (("psum", 0), ("psum", None), ("pmean", 0), ("allreduce", None))
    ]


# --- what the ranks see

Seen = list[tuple[Any, list[tuple[str, Any]]]]
"""Of each case, what it is and what each rank saw: ``value`` and a value, or an error's class and message."""


def share(ranks: int) -> int:
    """Return one of how many drawn cases so many ranks run."""
    return 2 if ranks >= MANY else 1


@pytest.fixture(scope="module", params=WORLDS, ids=lambda world: f"{world[1]}-{world[0]}")
def world(request: pytest.FixtureRequest) -> tuple[int, Library]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def seen(
    world: tuple[int, Library], drawn: Cases, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Seen]:
    """Return what all ranks saw, by kind of case."""
    ranks, library = world
    cases = drawn[:: share(ranks)] + EDGES + calls(ranks) + disagreements(ranks)
    cases += [("refuse", name) for name in REFUSALS] + [("functions", "as it is")]
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "cases").write_bytes(pickle.dumps(cases))
    run_ranks(ranks, WORKER, folder, library=library)
    told = [pickle.loads((folder / f"seen-{rank}").read_bytes()) for rank in range(ranks)]  # noqa: S301
    for each in told:
        assert each["size"] == ranks
        assert NAMES[library] in each["library"]
        assert len(each["seen"]) == len(cases)
    by_kind: dict[str, Seen] = {}
    for number, (kind, case) in enumerate(cases):
        by_kind.setdefault(kind, []).append((case, [each["seen"][number] for each in told]))
    return by_kind


def told_alike(every: list[tuple[str, Any]]) -> bool:
    """Tell whether all ranks saw the same."""
    return all(kind == every[0][0] and mpi_data.same_bits(value, every[0][1]) for kind, value in every)


def what_is_wrong(case: dict[str, Any], every: list[tuple[str, Any]]) -> str | None:
    if not told_alike(every):
        return f"the ranks differ: {every}"
    kind, value = every[0]
    try:
        want, scale = mpi_data.expected(case, len(every))
    except OverflowError:
        return None if kind == "OverflowError" and "does not fit into" in value else f"{kind}: {value}"
    return mpi_data.wrong(value, want, scale) if kind == "value" else f"{kind}: {value}"


def test_agrees_with_numpy(seen: dict[str, Seen], world: tuple[int, Library]) -> None:
    assert len(seen["reduce"]) >= len(DTYPES) * EACH // share(world[0])
    failures = [(wrong, case) for case, every in seen["reduce"] if (wrong := what_is_wrong(case, every))]
    assert failures[:3] == []


def test_all_functions_and_options_agree_with_numpy(
    seen: dict[str, Seen], world: tuple[int, Library]
) -> None:
    failures = []
    for (call, _), every in seen["call"]:
        want = fuzz_oracle.expected(call, world[0])
        kind, value = every[0]
        wrong: str | None
        if not told_alike(every):
            wrong = f"the ranks differ: {every}"
        elif kind == "value":
            wrong = value if isinstance(value, str) else fuzz_oracle.difference(call, want, value)
        else:
            wrong = None if want.error is not None and want.error.__name__ == kind else f"{kind}: {value}"
        if wrong is not None:
            failures.append((wrong, call))
    assert failures[:3] == []


def test_each_function_gives_what_numpy_gives(seen: dict[str, Seen], world: tuple[int, Library]) -> None:
    [(_, every)] = seen["functions"]
    for kind, value in every:
        assert kind == "value", value
        checked, wrong = value
        assert wrong[:3] == []
        assert checked > (500 if world[0] < 8 else 250)


def test_disagreement_is_the_same_error_on_every_rank(
    seen: dict[str, Seen], world: tuple[int, Library]
) -> None:
    failures = []
    for case, every in seen.get("disagree", []):
        # Of two ranks neither is the odd one; the first is then taken for what was meant.
        named = 1 if len(every) == 2 else case["odd"]
        words = [
            word.format(size=case["size"], more=case["size"] + 1) for word in DIFFERENCES[case["differs"]]
        ]
        words += [f"the ranks do not agree on what to reduce: rank {named} differs ("]
        told = {text for _, text in every}
        if len(told) != 1 or not all(word in str(every[0][1]) for word in words):
            failures.append((case, told))
    assert failures[:3] == []
    assert len(seen.get("disagree", [])) >= (len(DIFFERENCES) if world[0] > 1 else 0)


def test_what_cannot_be_reduced_is_refused_with_the_reason(seen: dict[str, Seen]) -> None:
    assert len(seen["refuse"]) == len(REFUSALS)
    for name, every in seen["refuse"]:
        assert told_alike(every)
        assert every[0][0] == "TypeError"
        assert REFUSALS[name] in every[0][1]


# --- without ranks


def test_the_drawn_cases_have_everything_in_them(drawn: Cases) -> None:
    cases = [case for _, case in drawn]
    brought = {
        (case["parts"][rank].dtype.char, mpi_data.layout_of(case, rank))
        for case in cases
        for rank in range(MOST_RANKS)
    }
    assert brought == {(np.dtype(name).char, layout) for name in DTYPES for layout in LAYOUTS}
    # numpy's own list of numbers: none is left out.
    assert {np.dtype(name) for name in DTYPES} == {
        np.dtype(char) for char in np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?"
    }
    shapes = {case["parts"][0].shape for case in cases}
    assert () in shapes
    assert any(0 in shape for shape in shapes)
    assert {case["op"] for case in cases} == {"sum", "prod", "min", "max"}


def test_the_oracle_sees_what_is_wrong() -> None:
    _, case = whole("allreduce", "sum", "i4", [1, 2], [3, 4])
    want, scale = mpi_data.expected(case, 2)
    assert mpi_data.wrong(np.array([4, 6]), want, scale) is None
    for bad in (np.array([4, 7]), np.array([4, 6], "i4"), [4, 6], np.array([4.0, 6.0]), np.array([[4, 6]])):
        assert mpi_data.wrong(bad, want, scale)
    assert not mpi_data.same_bits(np.float64(0.0), np.float64(-0.0))
    assert mpi_data.same_bits(np.float64(np.nan), np.float64(-np.nan))
    assert what_is_wrong(case, [("value", want), ("value", want + 1)])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_what_they_say(layout: str) -> None:
    array: Array = np.arange(12, dtype="i4").reshape(3, 4)
    made = mpi_data.laid_out(array, layout)
    if layout == "plain":
        assert mpi_data.laid_out(array.astype("i8"), layout) == array.tolist()
        assert type(mpi_data.laid_out(np.array(2.5), layout)) is float
        return
    held = {
        "c": made.flags.c_contiguous and made.flags.writeable,
        "fortran": made.flags.f_contiguous and not made.flags.c_contiguous,
        "strided": made.strides == (32, 8),
        "reversed": made.strides == (-16, -4),
        "broadcast": made.strides == (0, 4),
        "read-only": not made.flags.writeable,
        "subclass": type(made) is mpi_data.Tagged,
        "swapped": not made.dtype.isnative,
        "offset": not made.flags.aligned,
    }
    assert held[layout]
    assert np.array_equal(made, array) == (layout != "broadcast")


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
