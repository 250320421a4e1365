"""docs/typed-allreduce.md: its examples on real ranks, its names, and its table of what raw mpi4py does."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import raw_mpi_table
from documents import TYPED, blocks, rows, text_of

from pxengines import mpi
from pxengines.launch.mpiexec import mpi_environment
from pxengines.mpi.dtypes import OPS
from pxengines.mpi.slots import SLOT_BYTES, level_of

RANKS = 3
WORKER = Path(__file__).with_name("page_on_ranks.py")
TABLE = Path(raw_mpi_table.__file__)
MPIEXEC = Path(sys.executable).with_name("mpiexec")


def test_examples_give_what_their_comments_say(tmp_path: Path) -> None:
    page = tmp_path / "blocks.json"
    page.write_text(json.dumps([block.text for block in blocks(TYPED, "python")]), encoding="utf-8")
    environment = {**os.environ, **mpi_environment(str(MPIEXEC), "mpich", os.environ)}
    done = subprocess.run(
        [MPIEXEC, "-n", str(RANKS), sys.executable, WORKER, page],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["wrong"] == [[]] * RANKS
    assert report["count"] == text_of(TYPED).count("# → ")


def test_all_functions_and_operations_are_told() -> None:
    told = {name for cells in rows(TYPED, "function") for name in re.findall(r"`(\w+)\(", cells[0])}
    public = {name for name in mpi.__all__ if not inspect.isclass(getattr(mpi, name))}
    assert told == public - {"prepare"}  # engines and guard() call that
    assert [op for op in OPS if f"`{op}`" not in text_of(TYPED)] == []


def test_options_are_those_of_the_functions_that_are_named() -> None:
    functions = {"allreduce", "psum", "pmean", "pmin", "pmax", "pargmin", "pargmax", "pdot"}
    told = 0
    for option, of, _ in rows(TYPED, "option"):
        [name] = re.findall(r"`(\w+)=", option)
        named = set(re.findall(r"`(\w+)`", of))
        having = {each for each in functions if name in inspect.signature(getattr(mpi, each)).parameters}
        assert having == (functions - named if of.startswith("all") else named), name
        told += 1
    assert told == 5


def test_errors_are_told() -> None:
    text = text_of(TYPED)
    errors = [name for name in mpi.__all__ if name.endswith("Error")]
    assert [name for name in [*errors, "TimeoutError", "OverflowError"] if f"`{name}`" not in text] == []


def test_sizes_are_those_of_the_exchange() -> None:
    text = " ".join(text_of(TYPED).split())
    [small] = [int(found) for found in re.findall(r"that is all: (\d+) bytes", text)]
    assert f"one exchange of at least {SLOT_BYTES[0]} bytes a rank" in text
    assert level_of(small + 1, 2) == 1 + level_of(small, 2)
    assert f"up to {round(SLOT_BYTES[-1] / 1024)} kB between two ranks" in text


def test_the_time_limit_is_that_of_the_script() -> None:
    words = {5.0: "five", 3.0: "three"}[raw_mpi_table.LIMIT_SECONDS]
    assert f"still waiting after {words} seconds" in " ".join(text_of(TYPED).split())


def the_table_of_the_page() -> list[str]:
    """Return the lines of the page's last table."""
    _, _, after = text_of(TYPED).partition("## What raw mpi4py does")
    return [line for line in after.splitlines() if line.startswith("|")]


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """Return what the script prints: every input, raw and ours, on real ranks under both MPIs."""
    command: list[Any] = [sys.executable, TABLE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_table_is_what_the_script_prints(printed: list[str]) -> None:
    assert the_table_of_the_page() == printed


def test_ours_is_never_silently_wrong_and_never_hangs(printed: list[str]) -> None:
    ours = [line.split(" | ")[2] for line in printed[2:]]
    assert len(ours) > 15
    assert [cell for cell in ours if "no error" in cell or "waits" in cell] == []
