"""A real job in a profile of its own, for tests."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import psutil
import pytest

from pxengines.hub import count_engines
from pxengines.launch.events import read_events
from pxengines.launch.files import make_private_dir
from pxengines.launch.losses import read_losses
from pxengines.launch.paths import RUN_ID_VARIABLE, Role, RunPaths
from pxengines.launch.spec import JobSpec

WAIT_SECONDS = 120


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of `condition`; fail, naming `what`, if it never comes."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    pytest.fail(f"waited in vain for {what}")


def lost_at_once(run_dir: Path) -> dict[int, int]:
    """Return the processes, by rank, of the engines that were lost within a quarter of a second of the first.

    mpiexec may kill the others in the same instant, if it just writes to the one that is gone; whose nanny
    wakes up first is then chance.
    """
    losses = read_losses(run_dir)
    return {loss.rank: loss.pid for loss in losses if loss.at - losses[0].at < 0.25}


def processes_of(run_id: str) -> list[psutil.Process]:
    """Return the living processes that carry `run_id`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(RUN_ID_VARIABLE) == run_id:
                found.append(process)
        except psutil.Error:
            continue
    return found


class RealJob:
    """A run of one job, or of one for the controller and one for the engines, and what they left."""

    def __init__(self, paths: RunPaths, environment: dict[str, str]) -> None:
        self.paths = paths
        self.run_id = uuid.uuid4().hex
        self.environment = environment
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The job that was started last."""
        return self.processes[-1]

    def order(self, engines: int = 2, **spec: Any) -> None:
        """Write what the job is to start."""
        make_private_dir(self.paths.run_dir)
        JobSpec(
            run_id=self.run_id,
            profile_dir=str(self.paths.profile_dir),
            cluster_id=self.paths.cluster_id,
            engines=engines,
            **{"python": [sys.executable], **spec},
        ).write(self.paths.spec)

    def start(self, engines: int = 2, **spec: Any) -> subprocess.Popen[bytes]:
        """Start it as the server starts a local one."""
        self.order(engines, **spec)
        return self.spawn()

    def spawn(self) -> subprocess.Popen[bytes]:
        return self._spawn("cluster", [], {RUN_ID_VARIABLE: self.run_id})

    def spawn_in_batch(self, role: Role = "cluster", **environment: str) -> subprocess.Popen[bytes]:
        """Start it as a batch script does: nobody has prepared its environment."""
        return self._spawn(role, [role], {"PBS_JOBID": f"{len(self.processes)}.test", **environment})

    def _spawn(self, role: Role, arguments: list[str], more: dict[str, str]) -> subprocess.Popen[bytes]:
        with open(self.paths.job_log(role), "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pxengines.job", str(self.paths.run_dir), *arguments],
                env={**self.environment, **more},
                start_new_session=True,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def event(self, name: str, role: Role = "cluster") -> dict[str, Any] | None:
        return next((e for e in read_events(self.paths.events_of(role)) if e["event"] == name), None)

    def wait_for_event(self, name: str, role: Role = "cluster") -> dict[str, Any]:
        return wait_for(lambda: self.event(name, role), f"the event {name}")

    def wait_for_end(self, process: subprocess.Popen[bytes] | None = None) -> int:
        ending = process or self.process
        wait_for(lambda: ending.poll() is not None, "the end of the job")
        return ending.returncode

    def wait_until_nothing_lives(self) -> None:
        wait_for(lambda: not processes_of(self.run_id), f"the end of {processes_of(self.run_id)}")

    def client(self, engines: int) -> ipp.Client:
        """Return a client that sees `engines` engines; run cells with ``execute(…, block=False).get(60)``.

        With ``block=True`` ipyparallel waits without limit also for the output, which a client that has
        just connected may have missed.
        """
        file = self.paths.connection_file("client")
        # A client does not hear of engines that register while it connects.
        wait_for(lambda: count_engines(file, 5.0) == engines, "the engines")
        client = ipp.Client(str(file), timeout=60)
        client.wait_for_engines(engines, timeout=WAIT_SECONDS, interactive=False)
        return client

    def log(self, source: str) -> str:
        path = self.paths.log(source)
        return path.read_text(errors="replace") if path.exists() else ""
