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
from rigserver import RigServer
from rigside import Rig, until

from jupyterlab_engines.profiles import settings as on_disk

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


def _needs_rig(example: Block) -> bool:
    return any(line.split()[0] in ("ipcluster", "qstat") for line in shell_lines(example))


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


@pytest.mark.parametrize("example", [b for b in _EXECUTED if not _needs_rig(b)], ids=lambda b: b.where)
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


@pytest.mark.parametrize("example", [b for b in _EXECUTED if _needs_rig(b)], ids=lambda b: b.where)
def test_commands_on_the_rig(example: Block, rig: Rig) -> None:
    folder = rig.folder("documents")
    _write_profile(folder / "ipython")
    rig.give(folder)
    environment = {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "PATH": _path(rig.python, rig.environment["PATH"]),
    }
    try:
        for line in shell_lines(example):
            done = rig.run_as_job_user(["bash", "-c", line], cwd=folder, timeout=120, **environment)
            # Slurm's qstat says by 153 that there was nothing to list, or that its answer ends there.
            expected = {0, 153} if line.startswith("qstat") else {0}
            assert done.returncode in expected, f"{line}\n{done.stdout}{done.stderr}"
            _check(line, done.stdout)
        assert all(job.is_over for job in rig.jobs(folder))
    finally:
        rig.cancel(folder)


def _write_profile(ipython_dir: Path) -> None:
    """Make the profile ``pbs`` that the document for users shows."""
    folder = ipython_dir / "profile_pbs"
    folder.mkdir(parents=True)
    on_disk.write(folder, on_disk.decode(block(USERS, "json", "pxengines.json").text.encode(), folder))


# --- cells


@pytest.fixture(scope="module")
def server(rig: Rig) -> Iterator[RigServer]:
    """A server with the clusters that the cells connect to: ``pbs`` of the document, and ``local``."""
    server = RigServer(rig)
    rig.run_as_job_user(["mkdir", "-p", str(server.folder / "root")])
    _write_profile(server.ipython_dir)
    rig.give(server.folder)
    try:
        server.begin()
        for profile in ("pbs", "local"):
            server.start(8, profile)
        for profile in ("pbs", "local"):
            server.until_state("ready", profile)
        yield server
    finally:
        server.end()
        rig.cancel(server.folder)
        until(lambda: not rig.processes(server.folder), "the end of what the server started")


def _run_cells(rig: Rig, server: RigServer, document: str) -> list[str]:
    """Run the cells of a document in order, in one kernel; return the values of those that have one."""
    cells = [b for b in blocks(document, "python") if not b.is_configuration]
    folder = rig.folder("cells")
    shutil.copy(HERE / "notebook_side.py", folder)
    (folder / "cells.json").write_text(json.dumps([b.text for b in cells]), encoding="utf-8")
    rig.give(folder)
    argv = [rig.python, "notebook_side.py", "cells.json", "results.json"]
    done = rig.run_as_job_user(argv, cwd=folder, timeout=120, IPYTHONDIR=str(server.ipython_dir))
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    failed = [(b.where, t["error"]) for b, t in zip(cells, told, strict=True) if not t["ok"]]
    assert failed == [], done.stdout
    return [t["value"] for t in told if t["value"]]


def test_cells_for_users(rig: Rig, server: RigServer) -> None:
    ids, sizes, sums, totals = (
        _without_types(value) for value in _run_cells(rig, server, USERS) if not value.startswith("<")
    )
    assert ids == str(list(range(8)))
    assert sizes == str([8] * 8)
    assert sums == str([496.0] * 8)
    assert totals == str([496.0] * 8)


def test_cells_of_the_readme(rig: Rig, server: RigServer) -> None:
    ranks, totals = (
        _without_types(value) for value in _run_cells(rig, server, README) if not value.startswith("<")
    )
    assert ranks == str(list(range(8)))
    assert totals == str([496] * 8)


def _without_types(value: str) -> str:
    """Return the text of a list of numbers as plain Python writes it."""
    return str([float(n) if "." in n else int(n) for n in re.findall(r"(?<![\w.])\d+(?:\.\d*)?", value)])


# --- files


def test_files_have_the_modes_that_are_told(server: RigServer) -> None:
    profile = server.ipython_dir / "profile_pbs"
    run = profile / "pxengines" / "default"
    modes = {
        path: stat.S_IMODE(path.stat().st_mode)
        for path in (
            profile / "pxengines.json",
            run,
            run / "cluster.sh",
            profile / "security",
            server.folder / "data" / "engines" / "audit.jsonl",
            *(profile / "security").glob("*-client.json"),
        )
    }
    assert {path.name: mode for path, mode in modes.items()} == {
        "pxengines.json": 0o600,
        "default": 0o700,
        "cluster.sh": 0o700,
        "security": 0o700,
        "audit.jsonl": 0o600,
        "ipcontroller-client.json": 0o600,
    }


def test_the_audit_is_as_told(server: RigServer) -> None:
    told = json.loads(block(ADMINS, "json", "A JSON object a line").text)
    [line] = (server.folder / "data" / "engines" / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    noted = json.loads(line)
    assert set(noted) == set(told)
    assert {name: type(value) for name, value in noted.items()} == {n: type(v) for n, v in told.items()}
    assert (noted["action"], noted["outcome"]) == (told["action"], told["outcome"])
