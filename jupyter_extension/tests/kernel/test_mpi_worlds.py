"""Nothing is left of ranks that tests and scripts have started, however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import mpi_worlds
import psutil
import pytest
import raw_mpi_cases
from kernelside import wait_for
from mpi_worlds import Library
from mpiranks import run_ranks

MARK = "ENGINES_TEST_MARK"


def processes(mark: str) -> list[int]:
    """Return the living processes that have `mark` in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def mark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what all processes that this test starts have in their environment."""
    mark = f"{os.getpid()} {request.node.name}"
    monkeypatch.setenv(MARK, mark)
    return mark


@pytest.mark.parametrize("library", ["mpich", "openmpi"])
def test_ranks_whose_parents_have_ended_are_ended(library: Library, mark: str, tmp_path: Path) -> None:
    """As of the case of the raw table in which a rank is killed, which once left a process behind."""
    world = mpi_worlds.start(library, 2, Path(raw_mpi_cases.__file__), "dies", "raw", tmp_path)
    try:
        wait_for((tmp_path / "0.ready").exists, "rank 0")
        for process in psutil.Process(world.pid).children(recursive=True):
            # Of those that mpiexec started, none may tell the others of the end.
            with suppress(psutil.NoSuchProcess):  # it has ended by itself since
                if process.children():
                    process.send_signal(signal.SIGKILL)
        world.kill()
        world.wait()
        assert processes(mark), "all have ended by themselves: this test shows nothing"
    finally:
        mpi_worlds.end(world)
    assert processes(mark) == []


def test_ranks_do_not_outlive_their_time_limit(mark: str, tmp_path: Path) -> None:
    busy = tmp_path / "busy.py"
    busy.write_text(
        "from pathlib import Path\nfrom mpi4py import MPI\n"
        f"if MPI.COMM_WORLD.rank:\n    Path({str(tmp_path / 'started')!r}).touch()\n"
        "    MPI.COMM_WORLD.recv(source=0)\nwhile True:\n    pass\n"
    )
    for seconds in (3.0, 60.0):  # enough to start, or more if the machine is busy
        with pytest.raises(subprocess.TimeoutExpired):
            run_ranks(2, busy, seconds=seconds)
        assert processes(mark) == []
        if (tmp_path / "started").exists():
            return
    pytest.fail("the ranks did not start")


def test_a_rank_that_nobody_ends_ends_itself(tmp_path: Path) -> None:
    """Even in MPI, where handlers of Python are not heard: by what SIGALRM does of itself."""
    short = tmp_path / "short.py"
    short.write_text("import raw_mpi_cases\nraw_mpi_cases.LIFE_SECONDS = 3\nraw_mpi_cases.main()\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(raw_mpi_cases.__file__).parent), *sys.path]))
        world = mpi_worlds.start("mpich", 2, short, "raises", "raw", tmp_path)
    try:
        wait_for((tmp_path / "raises-1.json").exists, "rank 1")
        assert world.others()
        wait_for(lambda: not world.others(), "the ranks' end")
    finally:
        mpi_worlds.end(world)
