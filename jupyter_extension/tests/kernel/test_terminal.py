"""Clusters that a terminal started, with stock ipyparallel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from kernelside import WAIT_SECONDS, Kernel, Reply, patient_for_answers, wait_for

from pxengines.launch.paths import RunPaths

SCRIPTS = Path(sys.executable).parent


@pytest.fixture
def kernel(kernel: Kernel) -> Iterator[Kernel]:
    """Return the kernel, waiting longer for answers: on a busy machine they are late, which is no fault."""
    with patient_for_answers(kernel):
        yield kernel


@contextmanager
def running(ipython_dir: Path, launcher: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``ipcluster start`` for two engines, as somebody does in a terminal."""
    log = ipython_dir / "ipcluster.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [SCRIPTS / "ipcluster", "start", "--profile=term", f"--engines={launcher}", "-n", "2"],
            env={**os.environ, "PATH": os.pathsep.join([str(SCRIPTS), os.environ["PATH"]])},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        paths = RunPaths.of_key("term")
        wait_for(lambda: paths.cluster_file.exists() or process.poll() is not None, "ipcluster")
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        stop(process)
        end_strays(ipython_dir)


def end_strays(ipython_dir: Path) -> None:
    """End the schedulers that stock ipyparallel leaves when it is stopped while its controller starts."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("IPYTHONDIR") == str(ipython_dir) and "ipyparallel" in " ".join(
                process.cmdline()
            ):
                process.kill()
        except psutil.Error:
            continue


@pytest.fixture
def ipcluster(ipython_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running(ipython_dir, "mpi") as process:
        yield process


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    process.wait(timeout=WAIT_SECONDS)


@contextmanager
def engines_configured(lines: str) -> Iterator[None]:
    """Let engines of the profile do something before they start."""
    profile = RunPaths.of_key("term").profile_dir
    profile.mkdir(exist_ok=True)
    config = profile / "ipengine_config.py"
    config.write_text(lines)
    try:
        yield
    finally:
        config.unlink()


def held_back(go_on: Path) -> str:
    """Return the configuration of engines that start when there is a file `go_on`."""
    return f"import os, time\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.05)\n"


def test_is_listed_waited_for_connected_and_forgotten(
    kernel: Kernel, ipython_dir: Path, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"

    def let_go(text: str) -> None:
        if text.startswith("waiting for term: "):
            go_on.touch()

    with engines_configured(held_back(go_on)), running(ipython_dir, "mpi") as ipcluster:
        reply = kernel.run("%engines connect term", let_go)
        assert reply.status == "ok", reply.texts
        assert go_on.exists()
        is_connected_and_forgotten(kernel, reply, ipcluster)


def is_connected_and_forgotten(kernel: Kernel, reply: Reply, ipcluster: subprocess.Popen[bytes]) -> None:
    assert reply.text.startswith("Connected to term: 2 engines (one MPI world of 2, ")
    assert kernel.value("view.apply_sync(lambda: 1)") == "[1, 1]"
    assert kernel.value("pxengines.connected_key()") == "'term'"
    listed = kernel.run("%engines").text.splitlines()[1].split()
    assert listed[:4] == ["term", "ready,", "connected", "2/2"]
    stop(ipcluster)
    assert kernel.value("pxengines.connected_key()") == "None"
    assert kernel.run("%engines").text.startswith(
        "No clusters. Start one in the Engines panel, or in a terminal"
    )
    gone = kernel.run("%engines connect term")
    assert gone.status == "error"
    assert "There is no cluster 'term'. No cluster is running." in gone.text


def json_of(path: Path) -> Any:
    """Return the object in `path`; empty while the file is missing or being written."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}


def test_files_that_a_killed_cluster_left_are_not_believed(
    kernel: Kernel, ipcluster: subprocess.Popen[bytes]
) -> None:
    paths = RunPaths.of_key("term")
    wait_for(lambda: json_of(paths.connection_file("client")), "the connection file")
    # It is written with the controller, and again with its engines: then nothing more is written.
    wait_for(lambda: json_of(paths.cluster_file).get("engines", {}).get("sets"), "the engines' start")
    left = {path: path.read_bytes() for path in paths.security_dir.glob("*.json")}
    assert all(map(json_of, left))
    stop(ipcluster)
    for path, content in left.items():
        path.write_bytes(content)
    try:
        assert "term     gone" in kernel.run("%engines").text
        error = kernel.run("%engines connect term").text
        assert error == (
            "term is gone: its controller has ended. Remove its files with: ipcluster stop --profile=term"
        )
    finally:
        for path in left:
            path.unlink()


def test_engines_that_are_worlds_of_their_own_are_called_so(kernel: Kernel, ipython_dir: Path) -> None:
    """The trap for real: engines with MPI, but without mpiexec, each sum alone and call it the total."""
    with_mpi = "get_config().IPEngine.startup_command = 'from mpi4py import MPI'\n"
    with engines_configured(with_mpi), running(ipython_dir, "local"):
        reply = kernel.run("%engines connect term")
        assert reply.status == "ok", reply.texts
        assert reply.texts[0].startswith("Connected to term: 2 engines (not one MPI world, ")
        assert "Warning: the engines are not one MPI world of 2 (sizes seen: 1)" in reply.texts[-1]
        total = "int(__import__('pxengines.mpi').mpi.psum(1))"
        assert kernel.value(f"view.apply_sync(eval, {total!r})") == "[1, 1]"


def test_odd_connection_files_do_not_break_the_list(kernel: Kernel, ipython_dir: Path) -> None:
    paths = RunPaths.of_key("odd")
    paths.security_dir.mkdir(parents=True)
    file = paths.connection_file("client")
    try:
        for content in ("{}", "[]", "no json", '{"interface": 1}', '{"interface": "tcp://x", "key": "k"}'):
            file.write_text(content)
            listed = kernel.run("%engines")
            assert listed.status == "ok"
            assert "odd      unknown" in listed.text
            assert "odd: its controller does not answer." in listed.text
        failed = kernel.run("%engines connect odd")
        assert failed.status == "error"
        assert failed.outputs[-1]["traceback"] == [failed.outputs[-1]["evalue"]]
        assert f"Cannot connect to odd with {file}" in failed.text
    finally:
        file.unlink()
