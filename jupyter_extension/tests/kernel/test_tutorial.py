"""The tutorial: the notebook is clean, its check can fail, and the whole walk works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from kernelside import PanelCluster

REPO = Path(__file__).resolve().parents[3]
DEV = REPO / "jupyter_extension" / "dev"
NOTEBOOK = REPO / "examples" / "mpi_tutorial.ipynb"


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DEV))
    import tutorial_cells

    return tutorial_cells


def run_tutorial(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, DEV / "tutorial.py", *arguments], capture_output=True, text=True, timeout=170
    )


# --- the notebook -------------------------------------------------------------------------------

STATEMENTS = [
    "ipp.Client(profile=profile)",
    "cluster.ids",
    "len(cluster[:])",
    "view.activate()",
    "status = %px size = MPI.COMM_WORLD.Get_size()",
    "status.wait_interactive()",
    "view['size']",
    "view.run('psum.py')",
    "view.scatter('a', np.arange(32, dtype='float'))",
    "view['a']",
    "%px totalsum = psum(a)",
    "view['totalsum']",
    "@view.remote(block=True)",
    "MPI.COMM_WORLD.Allreduce(",
    "from pxengines.mpi import psum",
    "%psum b",
    "%psum c --mode exact",
]


def test_the_notebook_is_clean_and_has_the_statements_of_the_original() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert (code[0].source, code[0].metadata.tags) == ("profile = 'local'", ["parameters"])
    source = "\n".join(cell.source for cell in code)
    positions = [source.index(statement) for statement in STATEMENTS]
    assert positions == sorted(positions)


def test_another_profile_is_injected_after_the_parameters(cells: Any) -> None:
    loaded = cells.load(NOTEBOOK, "pbs", connect_to="pbs:two")
    assert loaded[:3] == [
        (cells.CONNECT, "%load_ext pxengines\n%engines connect pbs:two"),
        ("profile", "profile = 'local'"),
        ("injected-parameters", "profile = 'pbs'"),
    ]


def test_each_cell_has_an_expectation(cells: Any) -> None:
    loaded = cells.load(NOTEBOOK, "local", connect_to=None)
    assert cells.cells_without_outputs_checked(loaded) == set()
    assert cells.cells_without_outputs_checked(loaded[1:]) == {"profile"}
    for cell_id, _ in loaded:
        wrong = cells.difference(cell_id, [], 4, "local")
        assert wrong is None or "no expectation" not in wrong
    assert "no expectation" in cells.difference("a new cell", [], 4, "local")


# --- the comparison -----------------------------------------------------------------------------


def result(text: str) -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {"text/plain": text}}


GOOD = {
    "connect": "[0, 1]",
    "view": "2",
    "size": "[2, 2]",
    "psum": "[array(496.), array(496.)]",
    "wrong": "[array(2.45e-321), array(2.45e-321)]",
    "typed": "[np.int64(496), np.int64(496)]",
    "one": "np.int64(496)",
    "exact": "np.float64(16.0)",
}
BAD = [
    ("connect", "[0, 1, 2]"),
    ("view", "1"),
    ("size", "[1, 1]"),
    ("size", "[2]"),
    ("psum", "[array(496.), array(495.)]"),
    ("psum", "[array(496), array(496)]"),
    ("psum", "[array(496.)]"),
    ("psum", "[array([496.]), array([496.])]"),
    ("psum", "array(496.)"),
    ("wrong", "[array(496.), array(496.)]"),
    ("wrong", "[array(0.), array(0.)]"),
    ("typed", "[496.0, 496.0]"),
    ("typed", "[np.float64(496.0), np.float64(496.0)]"),
    ("typed", "[array(496.), array(496.)]"),
    ("typed", "__import__('os')"),
    ("one", "[np.int64(496), np.int64(496)]"),
    ("one", "np.float64(496.0)"),
    ("exact", "np.float64(8.0)"),
    ("exact", "np.int64(16)"),
    ("scatter", "[array([0., 1.]), array([2., 3.])]"),
]


@pytest.mark.parametrize(("cell_id", "text"), GOOD.items())
def test_accepts_what_must_be_and_nothing_more(cells: Any, cell_id: str, text: str) -> None:
    warning = {"output_type": "stream", "name": "stderr", "text": "Warning"}
    assert cells.difference(cell_id, [result(text)], 2, "local") is None
    assert "Warning" in cells.difference(cell_id, [result(text), warning], 2, "local")
    assert "got      no output" in cells.difference(cell_id, [], 2, "local")


@pytest.mark.parametrize(("cell_id", "text"), BAD)
def test_names_what_was_expected_and_what_came(cells: Any, cell_id: str, text: str) -> None:
    wrong = cells.difference(cell_id, [result(text)], 2, "local")
    assert wrong is not None
    assert re.search(r"expected .*\n  got      " + re.escape(text), wrong, re.DOTALL)


def test_an_exception_is_a_difference(cells: Any) -> None:
    error = {"output_type": "error", "ename": "NameError", "evalue": "name 'psum' is not defined"}
    assert "NameError: name 'psum'" in cells.difference("psum", [error], 2, "local")
    assert "NameError: name 'psum'" in cells.difference("activate", [error], 2, "local")


# --- the walk -----------------------------------------------------------------------------------


def test_the_whole_walk(ipython_dir: Path) -> None:
    done = run_tutorial("--profile", "local", "--engines", "4", "--timeout", "120")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all as it must be" in done.stdout
    for step in ("start 4 engines", "cell size-run", "cell connect-by-magic", "cell typed", "nothing is"):
        assert re.search(rf"{step}.*\d\.\d\d s$", done.stdout, re.MULTILINE), done.stdout
    assert list((ipython_dir / "profile_local" / "security").iterdir()) == []
    assert list((ipython_dir / "profile_local" / "pxengines").iterdir()) == []


def test_leaves_a_running_cluster_alone(ready: PanelCluster) -> None:
    done = run_tutorial("--profile", "shared", "--engines", "2")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "A cluster 'shared' is ready already." in done.stderr
    assert ready.counted() == 2


def test_refuses_a_number_of_engines_that_does_not_divide_the_array() -> None:
    done = run_tutorial("--engines", "3")
    assert done.returncode == 2
    assert "--engines must divide 32, not 3" in done.stderr


def test_reports_a_failing_start(ipython_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "mpi4py"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('no MPI today')")
    done = subprocess.run(
        [sys.executable, DEV / "tutorial.py", "--engines", "2", "--isolated"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "The cluster local is failed: " in done.stderr
    assert "no MPI today" in done.stderr
