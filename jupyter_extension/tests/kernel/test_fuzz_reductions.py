"""A short run of ``npm run fuzz:allreduce``: random reductions and faults; and that its oracle can see."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

DEV = Path(__file__).parents[2] / "dev"


@pytest.fixture(scope="module")
def modules() -> Any:
    """Return the modules that draw the rounds and that know what must come out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DEV))
        yield importlib.import_module("fuzz_cases"), importlib.import_module("fuzz_oracle")


@pytest.mark.parametrize(
    ("library", "ranks", "rounds", "seed"), [("mpich", 3, 300, 1), ("openmpi", 2, 150, 2)]
)
def test_nothing_is_found(library: str, ranks: int, rounds: int, seed: int) -> None:
    asked = ["--library", library, "--ranks", str(ranks), "--rounds", str(rounds), "--seed", str(seed)]
    done = subprocess.run(
        [sys.executable, DEV / "fuzz_reductions.py", *asked],
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"nothing found: {rounds} rounds from 0" in done.stdout


def test_the_rounds_have_everything_in_them(modules: tuple[ModuleType, ModuleType]) -> None:
    cases, _ = modules
    rounds = [cases.draw_round(1, number, 4, 0.5) for number in range(1500)]
    calls = [call for each in rounds for call in each.calls]
    drawn = Counter(each.fault for each in rounds)
    assert set(drawn) == {*cases.FAULTS, "none"}
    assert {call.function for call in calls} == set(cases.FUNCTIONS)
    assert {call.dtype for call in calls} == {*cases.WHOLE, *cases.REAL, *cases.COMPLEX}
    assert {layout for call in calls for layout in call.layouts} == set(cases.LAYOUTS)
    assert {call.mode for call in calls} == {"fast", "exact"}
    assert rounds[7] == cases.draw_round(1, 7, 4, 0.5)


def test_the_oracle_knows_good_from_bad(modules: tuple[ModuleType, ModuleType]) -> None:
    cases, oracle = modules
    call = replace(cases.plain_call(1, 3), values="small")
    right = np.sum([call.part(rank) for rank in range(3)], axis=0)
    want = oracle.expected(call, 3)
    assert oracle.difference(call, want, right) is None
    for wrong in (right + 1e-9, right.astype("f4"), right[:-1], list(right)):
        assert oracle.difference(call, want, wrong)
    exact = replace(call, mode="exact")
    off = right.copy()
    off[3] = np.nextafter(off[3], np.inf)
    assert oracle.difference(exact, oracle.expected(exact, 3), right) is None
    assert oracle.difference(exact, oracle.expected(exact, 3), off)
    whole = replace(call, dtype="i8", values="full")
    overflow = any(
        oracle.expected(replace(whole, seed=(seed,)), 3).error is OverflowError for seed in range(20)
    )
    assert overflow


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_the_oracle_rounds_to_the_nearest(dtype: Any, modules: tuple[ModuleType, ModuleType]) -> None:
    _, oracle = modules
    about = np.finfo(dtype)
    one, eps = Fraction(1), Fraction(*about.eps.as_integer_ratio())
    least = Fraction(*about.smallest_subnormal.as_integer_ratio())
    most = Fraction(*about.max.as_integer_ratio())
    for value, want in {
        one + eps / 2: 1,
        one + eps / 2 + eps**9: 1 + about.eps,
        one + eps * 3 / 2: 1 + 2 * about.eps,
        least / 2: 0,
        least * 2 / 3: about.smallest_subnormal,
        -most: -about.max,
        most * (1 + eps / 8): about.max,
        most * 2: np.inf,
    }.items():
        assert oracle.rounded(value, np.dtype(dtype)) == want
