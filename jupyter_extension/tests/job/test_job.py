"""The job under real mpiexec: it starts one world, tells what it does, and leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import mpi4py
import psutil
import pytest
from ipyparallel.cluster.cluster import Cluster
from ipyparallel.error import CompositeError
from realjob import RealJob, lost_at_once, processes_of, wait_for

from pxengines.engine import CANNOT_START
from pxengines.job import EXIT_TAKEN, LOOK_SECONDS
from pxengines.launch.events import read_events
from pxengines.launch.files import write_atomic
from pxengines.launch.losses import read_losses

pytestmark = pytest.mark.apart


def test_trouble_with_the_file_system_does_not_end_the_cluster(job: RealJob) -> None:
    """Here the request to restart the engines is a folder: it can neither be read nor removed."""
    process = job.start(2)
    job.client(2).close()
    request = job.paths.restart_request
    request.mkdir()
    log = job.paths.job_log("cluster")
    wait_for(lambda: "Cannot look" in log.read_text() or process.poll() is not None, "the first look")
    assert process.poll() is None
    request.rmdir()
    write_atomic(request, job.run_id.encode())
    job.wait_for_event("engines_restarting")
    wait_for(lambda: [e["event"] for e in read_events(job.paths.events)][-1] == "engines_started", "others")
    assert process.poll() is None
    assert not request.exists()
    assert log.read_text().count("Cannot look") == 1


def test_one_world_then_a_clean_stop(job: RealJob) -> None:
    process = job.start(3)
    client = job.client(3)
    try:
        view = client[:]
        assert client.ids == [0, 1, 2]
        view.execute(
            "world = (MPI.COMM_WORLD.Get_rank(), MPI.COMM_WORLD.Get_size()); total = int(np.arange(3).sum())",
            block=False,
        ).get(60)
        assert view["world"] == [(0, 3), (1, 3), (2, 3)]
        assert view["total"] == [3, 3, 3]
        assert view["mpi_rank"] == [0, 1, 2]
        for kind in ("client", "engine"):
            assert stat.S_IMODE(job.paths.connection_file(kind).stat().st_mode) == 0o600
    finally:
        client.close()
    process.send_signal(signal.SIGTERM)
    assert job.wait_for_end() == 0
    names = [event["event"] for event in read_events(job.paths.events)]
    assert names == ["job_started", "controller_started", "engines_started", "stopping", "job_ended"]
    assert job.event("stopping")["reason"] == "asked"
    for source in ("controller", "engines"):
        assert stat.S_IMODE(job.paths.log(source).stat().st_mode) == 0o600


def test_interrupt_reaches_a_busy_engine(job: RealJob) -> None:
    job.start(2)
    client = job.client(2)
    try:
        started = job.paths.run_dir / "started"
        busy = client[:].execute(
            "import pathlib, time\n"
            f"pathlib.Path('{started}-%i' % mpi_rank).touch()\n"
            "while True: time.sleep(0.01)"
        )
        for rank in range(2):
            wait_for(Path(f"{started}-{rank}").exists, f"rank {rank} to compute")
        client.send_signal(signal.SIGINT, block=True)
        with pytest.raises(CompositeError, match="KeyboardInterrupt"):
            busy.get(timeout=60)
        assert client[:]["mpi_rank"] == [0, 1]
    finally:
        client.close()


def test_engine_killed_ends_the_world_and_says_which(job: RealJob) -> None:
    job.start(3)
    client = job.client(3)
    pids = client[:].apply_sync(os.getpid)
    client.close()
    os.kill(pids[1], signal.SIGKILL)
    assert job.wait_for_end() == 1
    lost = job.event("engine_lost")
    at_once = lost_at_once(job.paths.run_dir)
    assert at_once[1] == pids[1]
    assert at_once[lost["rank"]] == lost["pid"]
    # mpiexec may have reaped it before its nanny could look how it ended.
    assert lost["status"] in (-signal.SIGKILL, None)
    assert job.event("stopping")["reason"] == "engine_lost"


def test_engines_that_are_asked_to_leave(job: RealJob, tmp_path: Path) -> None:
    """Also if mpiexec sees their end before their nannies, after which nobody knows how they ended."""
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "sitecustomize.py").write_text(
        "from pxengines.launch import losses\nlosses.exit_status_of = lambda pid: None\n"
    )
    job.environment["PYTHONPATH"] = os.pathsep.join(
        [str(tmp_path / "late"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    process = job.start(3)
    client = job.client(3)
    (mpiexec,) = (
        child for child in psutil.Process(process.pid).children() if child.name().startswith("mpiexec")
    )
    mpiexec.suspend()
    client.shutdown(block=True)
    client.close()
    wait_for(lambda: len(read_losses(job.paths.run_dir)) == 3, "the notes of their ends")
    time.sleep(3 * LOOK_SECONDS)  # it looks, and has time to draw the wrong conclusion
    mpiexec.resume()
    job.wait_for_end()
    assert job.event("engines_exited")["status"] == 0
    assert job.event("engine_lost") is None


def test_one_rank_that_ends_before_mpi_does_not_hang_the_others(job: RealJob, tmp_path: Path) -> None:
    real = Path(mpi4py.__file__).parent
    (tmp_path / "one" / "mpi4py").mkdir(parents=True)
    (tmp_path / "one" / "mpi4py" / "__init__.py").write_text(
        "import os\n"
        "if os.environ.get('PMI_RANK') == '1': raise ModuleNotFoundError('not on this node')\n"
        f"__path__ = [{str(real)!r}]\n"
        f"exec(open({str(real / '__init__.py')!r}).read())\n"
    )
    job.environment["PYTHONPATH"] = os.pathsep.join(
        [str(tmp_path / "one"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    job.start(3)
    assert job.wait_for_end() == 1
    assert job.event("engine_lost")["rank"] == 1
    assert job.event("engine_lost")["status"] in (3, None)
    assert f"{CANNOT_START} mpi4py_missing not on this node" in job.log("engines")


def test_controller_killed_ends_everything(job: RealJob) -> None:
    job.start(2)
    job.client(2).close()
    os.kill(job.wait_for_event("controller_started")["pid"], signal.SIGKILL)
    assert job.wait_for_end() == 1
    assert job.event("controller_exited")["status"] == -signal.SIGKILL
    job.wait_until_nothing_lives()


def test_nothing_outlives_a_killed_job(job: RealJob) -> None:
    process = job.start(2)
    job.client(2).close()
    assert len(processes_of(job.run_id)) > 4
    process.send_signal(signal.SIGKILL)
    job.wait_for_end()
    job.wait_until_nothing_lives()
    # The next job of the same run clears what the killed one could not.
    job.spawn()
    job.client(2).close()


def test_stop_while_starting(job: RealJob) -> None:
    process = job.start(2)
    job.wait_for_event("engines_started")
    process.send_signal(signal.SIGTERM)
    assert job.wait_for_end() == 0


def test_a_second_job_is_refused(job: RealJob) -> None:
    job.start(2)
    job.wait_for_event("engines_started")
    second = job.spawn()
    assert second.wait(timeout=60) == EXIT_TAKEN
    assert "running already" in job.log("job")
    assert job.event("job_ended") is None


def test_no_mpiexec(job: RealJob, tmp_path: Path) -> None:
    job.start(2, mpiexec=[str(tmp_path / "no-such-mpiexec")])
    assert job.wait_for_end() == 1
    event = job.event("cannot_start")
    assert event["code"] == "mpiexec_missing"
    assert event["params"]["mpiexec"].endswith("no-such-mpiexec")


def test_no_mpiexec_anywhere(job: RealJob, tmp_path: Path) -> None:
    # A Python that has no mpiexec beside it, and an empty search path.
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    job.environment["PATH"] = str(tmp_path / "empty")
    job.start(2, python=[str(python)])
    assert job.wait_for_end() == 1
    assert job.event("cannot_start")["code"] == "mpiexec_missing"
    assert job.event("controller_started") is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("ModuleNotFoundError(\"No module named 'mpi4py'\")", "mpi4py_missing"),
        ("RuntimeError('cannot load MPI library')", "mpi_library_missing"),
    ],
)
def test_engines_without_mpi4py_say_so(job: RealJob, tmp_path: Path, error: str, code: str) -> None:
    broken = tmp_path / "broken" / "mpi4py"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(f"raise {error}\n")
    job.environment["PYTHONPATH"] = os.pathsep.join(
        [str(broken.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    job.start(2)
    assert job.wait_for_end() == 1
    assert f"{CANNOT_START} {code}" in job.log("engines")
    assert job.event("stopping")["reason"] in ("engines_exited", "engine_lost")


def test_secrets_of_jupyter_stay_out_of_the_engines(job: RealJob) -> None:
    job.environment["JUPYTERHUB_API_TOKEN"] = "not-for-engines"
    job.start(2)
    client = job.client(2)
    try:
        assert client[:].apply_sync(os.getenv, "JUPYTERHUB_API_TOKEN") == [None, None]
        pids = client[:].apply_sync(os.getpid)
        assert all("not-for-engines" not in str(psutil.Process(pid).environ()) for pid in pids)
    finally:
        client.close()


def test_ipcluster_lists_and_stops_it(job: RealJob) -> None:
    job.start(2)
    job.client(2).close()
    cluster = Cluster.from_file(str(job.paths.cluster_file))
    assert cluster.controller.pid == job.process.pid
    listed = subprocess.run(
        [sys.executable, "-m", "ipyparallel.cluster", "list"],
        env=job.environment,
        capture_output=True,
        text=True,
    )
    assert re.search(r"^local +'' +True +2 MPI$", listed.stdout, re.MULTILINE), listed.stdout + listed.stderr
    stopped = subprocess.run(
        [sys.executable, "-m", "ipyparallel.cluster", "stop", "--profile=local"],
        env=job.environment,
        capture_output=True,
        text=True,
    )
    assert stopped.returncode == 0, stopped.stderr
    assert job.wait_for_end() == 0


def test_one_rank_that_is_killed_while_it_loads_does_not_hang_the_others(
    job: RealJob, tmp_path: Path
) -> None:
    (tmp_path / "killed").mkdir()
    killer = "\n".join(
        [
            "import os, signal, sys",
            "if os.environ.get('PMI_RANK') == '1' and 'pxengines.engine' in sys.orig_argv:",
            "    class Killer:",
            "        def find_spec(self, name, path=None, target=None):",
            "            if name == 'ipykernel': os.kill(os.getpid(), signal.SIGKILL)",
            "    sys.meta_path.insert(0, Killer())",
        ]
    )
    (tmp_path / "killed" / "sitecustomize.py").write_text(killer)
    job.environment["PYTHONPATH"] = os.pathsep.join(
        [str(tmp_path / "killed"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    job.start(3)
    assert job.wait_for_end() == 1
    assert {1, job.event("engine_lost")["rank"]} <= set(lost_at_once(job.paths.run_dir))
    assert job.event("engine_lost")["status"] in (-signal.SIGKILL, None)


def test_a_users_file_takes_no_modules_place(job: RealJob, tmp_path: Path) -> None:
    work_dir = tmp_path / "notebooks"
    work_dir.mkdir()
    for name in ("random", "zmq", "traitlets", "ipyparallel"):
        (work_dir / f"{name}.py").write_text("raise ImportError('the wrong module')\n")
    (work_dir / "mine.py").write_text("answer = 42\n")
    job.start(2, work_dir=str(work_dir))
    client = job.client(2)
    try:
        assert client[:].apply_sync(os.getcwd) == [str(work_dir)] * 2
        client[:].execute("from mine import answer", block=False).get(60)
        assert client[:]["answer"] == [42, 42]
    finally:
        client.close()
