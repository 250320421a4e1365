"""`ipcluster` in a terminal with a batch profile of the panel: the same run, record and end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import msgspec
import pytest
from ipyparallel.cluster.launcher import abbreviate_launcher_class
from realjob import processes_of, wait_for
from rigside import Rig

from jupyterlab_engines.api.names import Placement
from jupyterlab_engines.clusters.store import process_lives
from jupyterlab_engines.launchers import EngineJobControllerLauncher, EngineJobEngineSetLauncher
from jupyterlab_engines.profiles import settings as on_disk
from pxengines.hub import count_engines
from pxengines.launch.paths import RunPaths

pytestmark = pytest.mark.apart


class Terminal:
    """The job user's terminal, and the profile ``pbs``, made as the panel makes one."""

    def __init__(self, rig: Rig, placement: Placement, **resources: Any) -> None:
        self.rig = rig
        self.folder = rig.folder("terminal")
        self.paths = RunPaths(self.folder / "ipython" / "profile_pbs", "")
        made = on_disk.defaults()
        asked = msgspec.structs.replace(
            made.resources, **{"nodes": 2, "engines_per_node": 2, "walltime_seconds": 300, **resources}
        )
        made = msgspec.structs.replace(made, placement=placement, engines=4, resources=asked)
        on_disk.write(self.paths.profile_dir, on_disk.Stored(settings=made))
        rig.give(self.folder)
        self.environment = {
            **rig.environment,
            "IPYTHONDIR": str(self.folder / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
        }

    def argv(self, *arguments: str) -> list[str]:
        return [self.rig.python, "-m", "ipyparallel.cluster", *arguments]

    def ipcluster(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given = {**self.environment, **environment}
        return self.rig.run_as_job_user(self.argv(*arguments), cwd=self.folder, timeout=150, **given)

    def spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        with open(self.folder / "ipcluster.log", "wb") as log:
            return subprocess.Popen(
                self.rig.command(self.argv(*arguments)), cwd=self.folder, env=self.environment, stderr=log
            )

    def record(self) -> dict[str, Any]:
        return json.loads(self.paths.record.read_text())

    def client(self) -> ipp.Client:
        file = self.paths.connection_file("client")
        wait_for(lambda: count_engines(file, 5.0) == 4, f"the engines of {file}")
        client = ipp.Client(str(file), timeout=60)
        client.wait_for_engines(4, timeout=120, interactive=False)
        return client

    def world(self) -> list[int]:
        client = self.client()
        try:
            return client[:].apply_sync(_world_size)
        finally:
            client.close()


def _world_size() -> int:
    from mpi4py import MPI

    return MPI.COMM_WORLD.Get_size()


_world_size.__module__ = "__main__"  # engines do not have this file


@pytest.fixture
def terminals(rig: Rig) -> Iterator[list[Terminal]]:
    """Terminals to be looked after: nothing of their clusters lives after the test."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        rig.cancel(terminal.folder)
        if terminal.paths.record.exists():
            run_id = terminal.record()["cluster"]["run_id"]
            wait_for(lambda run_id=run_id: not processes_of(run_id), "the end of all processes")


def test_the_names_in_profiles_are_those_of_the_classes() -> None:
    assert abbreviate_launcher_class(EngineJobControllerLauncher) == on_disk.CONTROLLER_LAUNCHER
    assert abbreviate_launcher_class(EngineJobEngineSetLauncher) == on_disk.ENGINE_LAUNCHER


def test_start_in_the_background_list_and_stop(rig: Rig, terminals: list[Terminal]) -> None:
    terminal = Terminal(rig, "in_job")
    terminals.append(terminal)
    started = terminal.ipcluster("start", "--profile=pbs", "-n", "4", "--daemonize")
    assert started.returncode == 0, started.stderr
    record = terminal.record()
    [job] = record["cluster"]["batch"]["jobs"]
    assert record["cluster"]["origin"] == "terminal"
    assert rig.job(job["job_id"]).name == job["name"]
    # Its terminal is gone: a Jupyter server that comes by may look after it.
    assert not process_lives(record["owner"]["pid"], record["owner"]["started"])
    assert terminal.world() == [4] * 4
    listed = terminal.ipcluster("list").stdout
    assert "pbs              ''                               True          4 EngineJob" in listed
    stopped = terminal.ipcluster("stop", "--profile=pbs")
    assert stopped.returncode == 0, stopped.stderr
    wait_for(lambda: rig.job(job["job_id"]).is_over, "its job to leave the nodes")
    assert (terminal.record()["cluster"]["state"], terminal.record()["cluster"]["failure"]) == (
        "stopped",
        None,
    )
    assert list(terminal.paths.security_dir.glob("*.json")) == []


def test_two_jobs_until_ctrl_c(rig: Rig, terminals: list[Terminal]) -> None:
    terminal = Terminal(rig, "own_job")
    terminals.append(terminal)
    process = terminal.spawn("start", "--profile=pbs", "-n", "4")
    assert terminal.world() == [4] * 4
    # Only one of them tells the state as it changes: this terminal.
    wait_for(lambda: terminal.record()["cluster"]["state"] == "ready", "the record to say ready")
    process.send_signal(signal.SIGINT)
    wait_for(lambda: process.poll() is not None, "the end of ipcluster")
    jobs = terminal.record()["cluster"]["batch"]["jobs"]
    assert {job["role"] for job in jobs} == {"controller", "engines"}
    assert terminal.record()["cluster"]["state"] == "stopped"
    # qstat says C while Slurm still clears the nodes away.
    wait_for(lambda: all(rig.job(job["job_id"]).is_over for job in jobs), "its jobs to leave the nodes")


def test_a_refusal_is_told_and_ends_it(rig: Rig, terminals: list[Terminal]) -> None:
    terminal = Terminal(rig, "in_job", queue="nosuch")
    terminals.append(terminal)
    refused = terminal.ipcluster("start", "--profile=pbs", "-n", "4")
    assert refused.returncode == 1
    assert "no queue `nosuch`" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert rig.jobs(terminal.folder) == []


def test_limits_of_the_server_hold_in_a_terminal(rig: Rig, terminals: list[Terminal]) -> None:
    terminal = Terminal(rig, "in_job")
    terminals.append(terminal)
    config = terminal.folder / "config"
    config.mkdir()
    (config / "jupyter_server_config.py").write_text("c.EnginesApp.max_engines = 3\n")
    rig.give(config)
    refused = terminal.ipcluster("start", "--profile=pbs", "-n", "4")
    assert refused.returncode == 1
    assert "At most 3 engines are allowed" in refused.stderr
    assert rig.jobs(terminal.folder) == []


def test_without_a_batch_system(tmp_path: Path) -> None:
    profile_dir = tmp_path / "ipython" / "profile_pbs"
    on_disk.write(profile_dir, on_disk.Stored(settings=on_disk.defaults()))
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython"), "PATH": str(tmp_path / "empty")}
    done = subprocess.run(
        [sys.executable, "-m", "ipyparallel.cluster", "start", "--profile=pbs", "-n", "2"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "No batch system was found on this machine" in done.stderr
    assert not RunPaths(profile_dir, "").record.exists()
