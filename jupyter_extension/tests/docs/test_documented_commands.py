"""Every command and every notebook cell in the documents, executed.

What needs a scheduler runs on the rig, as its job user; the rest in a folder of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import ADMINS, DOCUMENTS, README, USERS, Block, block, blocks, shell_lines
from realserver import RealServer
from rigside import Rig, until

from jupyterlab_engines.profiles import settings as on_disk
from pxengines.hub import count_engines

HERE = Path(__file__).resolve().parent
SITE = "/srv/engines"
"""The folder that the examples name; here another one takes its place."""

NOT_EXECUTED = {
    "npm start": "runs until somebody ends it; test_scripts.py holds what it does",
    "npm test": "is what runs this test",
    'pip install "dist/jupyterlab_engines-0.1.0-py3-none-any.whl[mpi]"': "test_wheel.py installs the wheel",
}

_ALL = [b for document in DOCUMENTS for b in blocks(document, "sh")]
_EXECUTED = [b for b in _ALL if not set(shell_lines(b)) <= set(NOT_EXECUTED)]


def _begins(example: Block, program: str) -> bool:
    return any(line.split()[0] == program for line in shell_lines(example))


_CLUSTER = [b for b in _EXECUTED if _begins(b, "ipcluster")]
_QUEUE = [b for b in _EXECUTED if _begins(b, "qstat")]
_OTHERS = [b for b in _EXECUTED if b not in _CLUSTER and b not in _QUEUE]


def test_what_is_not_executed_is_still_in_the_documents() -> None:
    assert set(NOT_EXECUTED) <= {line for b in _ALL for line in shell_lines(b)}


# --- commands


def _check(line: str, output: str) -> None:
    """Hold what a command must have printed, where the documents say so."""
    if line.startswith("jupyter engines doctor"):
        if "--json" in line:
            assert json.loads(output)["sections"]
        else:
            assert "What is wrong" in output
    elif line.startswith("jupyter engines parse"):
        assert isinstance(json.loads(output), list)
    elif line == "ipcluster list":
        assert "pbs" in output and "EngineJob" in output


def _path(python: str, path: str) -> str:
    return f"{Path(python).parent}{os.pathsep}{path}"


@pytest.mark.parametrize("example", _OTHERS, ids=lambda b: b.where)
def test_commands(example: Block, tmp_path: Path) -> None:
    environment = {
        "HOME": str(tmp_path),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "LC_ALL": "C.UTF-8",
        "PATH": _path(sys.executable, os.environ["PATH"]),
    }
    for line in shell_lines(example):
        if line in NOT_EXECUTED:
            continue
        here = line.replace(SITE, str(tmp_path / "site"))
        done = subprocess.run(
            ["bash", "-c", here], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        _check(line, done.stdout)


class Terminal:
    """The job user's terminal, in a folder of its own, with the profile ``pbs`` that users are shown."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.folder = rig.folder("documents")
        profile = self.folder / "ipython" / "profile_pbs"
        profile.mkdir(parents=True)
        example = block(USERS, "json", "pxengines.json")
        on_disk.write(profile, on_disk.decode(example.text.encode(), profile))
        rig.give(self.folder)
        self.environment = {
            "IPYTHONDIR": str(self.folder / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "PATH": _path(rig.python, rig.environment["PATH"]),
        }

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line as the shell does."""
        return self.rig.run_as_job_user(
            ["bash", "-c", line], cwd=self.folder, timeout=150, **self.environment
        )


@pytest.fixture
def terminal(rig: Rig) -> Iterator[Terminal]:
    terminal = Terminal(rig)
    yield terminal
    rig.cancel(terminal.folder)
    until(lambda: not rig.processes(terminal.folder), "the end of what was started in the terminal")


@pytest.mark.parametrize("example", _QUEUE, ids=lambda b: b.where)
def test_commands_about_the_queue(example: Block, terminal: Terminal) -> None:
    for line in shell_lines(example):
        done = terminal.run(line)
        # Slurm's qstat says by 153 that there was nothing to list.
        expected = {0, 153} if line.startswith("qstat") else {0}
        assert done.returncode in expected, f"{line}\n{done.stdout}{done.stderr}"
        _check(line, done.stdout)


@pytest.mark.parametrize("example", _CLUSTER, ids=lambda b: b.where)
def test_a_cluster_of_a_terminal_and_the_cells_for_users(example: Block, terminal: Terminal) -> None:
    start, *others = shell_lines(example)
    done = terminal.run(start)
    assert done.returncode == 0, f"{start}\n{done.stdout}{done.stderr}"
    _wait_for_engines(terminal)
    ids, sizes, sums, totals = _run_cells_on_the_rig(terminal, USERS)
    assert ids == list(range(8))
    assert sizes == [8] * 8
    assert sums == totals == [496.0] * 8
    _check_modes(terminal)
    for line in others:
        done = terminal.run(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        _check(line, done.stdout)
    until(lambda: all(job.is_over for job in terminal.rig.jobs(terminal.folder)), "the job to be over")
    _check_audit(terminal)


def _wait_for_engines(terminal: Terminal) -> None:
    file = terminal.folder / "ipython" / "profile_pbs" / "security" / "ipcontroller-client.json"
    until(lambda: count_engines(file, 5.0) == 8, "the engines")


def _check_modes(terminal: Terminal) -> None:
    """Hold the table of files in admins.md."""
    profile = terminal.folder / "ipython" / "profile_pbs"
    run = profile / "pxengines" / "default"
    expected = {
        profile / "pxengines.json": 0o600,
        run: 0o700,
        run / "cluster.sh": 0o700,
        profile / "security": 0o700,
        profile / "security" / "ipcontroller-client.json": 0o600,
        _audit_file(terminal): 0o600,
    }
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in expected} == expected


def _audit_file(terminal: Terminal) -> Path:
    return terminal.folder / "data" / "engines" / "audit.jsonl"


def _check_audit(terminal: Terminal) -> None:
    told = json.loads(block(ADMINS, "json", "A JSON object a line").text)
    lines = [json.loads(line) for line in _audit_file(terminal).read_text(encoding="utf-8").splitlines()]
    assert [line["action"] for line in lines] == ["submit", "delete"]
    noted = lines[0]
    assert {name: type(value) for name, value in noted.items()} == {n: type(v) for n, v in told.items()}
    assert (noted["action"], noted["outcome"]) == (told["action"], told["outcome"])


# --- cells


def _cells(document: str) -> list[Block]:
    return [b for b in blocks(document, "python") if not b.is_configuration]


def _put_cells(document: str, folder: Path) -> list[str]:
    """Put the cells of a document and what runs them into a folder; return its arguments for Python."""
    shutil.copy(HERE / "notebook_side.py", folder)
    texts = [b.text for b in _cells(document)]
    (folder / "cells.json").write_text(json.dumps(texts), encoding="utf-8")
    return ["notebook_side.py", "cells.json", "results.json"]


def _values(document: str, folder: Path, output: str) -> list[list[float]]:
    """Return the lists of numbers that the cells had as values; fail if one of them failed."""
    told = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    failed = [(b.where, t["error"]) for b, t in zip(_cells(document), told, strict=True) if not t["ok"]]
    assert failed == [], output
    return [_numbers(t["value"]) for t in told if t["value"] and not t["value"].startswith("<")]


def _numbers(value: str) -> list[float]:
    """Return the numbers in the text of a list, whatever numpy calls them: ``[np.int64(496), …]``."""
    return [
        float(word) if "." in word else int(word) for word in re.findall(r"(?<![\w.])\d+(?:\.\d*)?", value)
    ]


def _run_cells_on_the_rig(terminal: Terminal, document: str) -> list[list[float]]:
    folder = terminal.rig.folder("cells")
    arguments = _put_cells(document, folder)
    terminal.rig.give(folder)
    argv = [terminal.rig.python, *arguments]
    done = terminal.rig.run_as_job_user(argv, cwd=folder, timeout=120, **terminal.environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return _values(document, folder, done.stdout)


def test_cells_of_the_readme(tmp_path: Path) -> None:
    server = RealServer(tmp_path)
    try:
        server.begin("--EnginesApp.use_scheduler=False")
        server.start(8)
        server.until_state("ready")
        done = subprocess.run(
            [sys.executable, *_put_cells(README, tmp_path)],
            cwd=tmp_path,
            env={**os.environ, "IPYTHONDIR": str(server.ipython_dir)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        server.end()
    ranks, totals = _values(README, tmp_path, done.stdout)
    assert ranks == list(range(8))
    assert totals == [496] * 8
