"""Real kernels and real clusters for the tests of the kernel side."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from jupyterlab_engines.api.models import Cluster
from jupyterlab_engines.clusters.store import Owner, RunRecord, open_run, write_record
from pxengines import engine_versions, hub
from pxengines.dispatch import cell_wait
from pxengines.launch.paths import RUN_ID_VARIABLE, RunPaths
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


def mark_of(begun: Path) -> str:
    """Return a line of a cell with which each rank makes a file of its own in the folder `begun`."""
    return f"open({str(begun)!r} + f'/{{mpi_rank}}', 'w').close()"


def a_dead_process() -> Owner:
    """Return a Jupyter server that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    owner = Owner.this_process()
    ended.wait()
    return msgspec.structs.replace(owner, pid=ended.pid)


class PanelCluster:
    """A cluster as the panel starts it: the record as the server writes it, and a real job.

    Attributes
    ----------
    mpiexec : what starts the engines; None for what is beside this Python, which is MPICH's.
    """

    def __init__(self, key: str, engines: int = 2, mpiexec: str | None = None) -> None:
        self.paths = RunPaths.of_key(key)
        self.engines = engines
        self.mpiexec = mpiexec
        self.owner = Owner.this_process()
        self.job: subprocess.Popen[bytes] | None = None
        self.run_id = ""

    def submit(self) -> None:
        """Put a new run on disk, in state ``submitting``, with nothing started yet."""
        self.run_id = uuid.uuid4().hex
        spec = JobSpec(
            run_id=self.run_id,
            profile_dir=str(self.paths.profile_dir),
            cluster_id=self.paths.cluster_id,
            engines=self.engines,
            python=[sys.executable],
            mpiexec=None if self.mpiexec is None else [self.mpiexec],
        )
        open_run(self.paths, self._record(state="submitting"), spec)

    def start_job(self) -> None:
        """Start the job of the run."""
        with open(self.paths.log("job"), "ab") as log:
            self.job = subprocess.Popen(
                [sys.executable, "-m", "pxengines.job", str(self.paths.run_dir)],
                env={**os.environ, RUN_ID_VARIABLE: self.run_id},
                start_new_session=True,
                stderr=log,
            )

    def start(self) -> None:
        """Start and wait until it is ready."""
        self.submit()
        self.start_job()
        self.record(state="starting")
        wait_for(lambda: self.counted() == self.engines, "the engines")
        self.record(state="ready", engines_registered=self.engines)

    def counted(self) -> int:
        """Return how many engines the hub counts."""
        file = self.paths.connection_file("client")
        return (hub.count_engines(file, 5.0) or 0) if file.exists() else 0

    def record(self, **fields: Any) -> None:
        """Write the record as the server does, with these fields of the cluster."""
        write_record(self.paths, self._record(**fields))

    def end_job(self) -> None:
        """End the job, if there is one, and wait until nothing of it lives."""
        job, self.job = self.job, None
        if job is None:
            return
        if job.poll() is None:
            job.send_signal(signal.SIGTERM)
        job.wait(timeout=WAIT_SECONDS)
        wait_for(lambda: not processes_of(self.run_id), f"the end of the processes of {self.run_id}")

    def _record(self, **fields: Any) -> RunRecord:
        usual: dict[str, Any] = {
            "key": self.paths.key,
            "profile": self.paths.profile,
            "cluster_id": self.paths.cluster_id,
            "run_id": self.run_id,
            "origin": "panel",
            "state": "starting",
            "state_since": time.time(),
            "created_at": time.time(),
            "stages": [],
            "engines_requested": self.engines,
            "engines_registered": 0,
            "engines": [],
            "mpi": None,
            "failure": None,
            "batch": None,
            "history": [],
        }
        job = self.job
        return RunRecord(
            cluster=Cluster(**{**usual, **fields}),
            idempotency_key=uuid.uuid4().hex,
            owner=self.owner,
            job_pid=None if job is None else job.pid,
            job_started=None if job is None else psutil.Process(job.pid).create_time(),
        )


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


@dataclasses.dataclass
class Reply:
    """What a cell did: its status, and what a notebook would show for it."""

    status: str
    outputs: list[dict[str, Any]]
    displays: int
    payload: list[dict[str, Any]]

    @property
    def texts(self) -> list[str]:
        """The text of each output, in order."""
        return [
            str(o.get("text") or o.get("data", {}).get("text/plain") or o.get("evalue")) for o in self.outputs
        ]

    @property
    def text(self) -> str:
        """The text of the only output."""
        assert len(self.outputs) == 1, self.outputs
        return self.texts[0].strip()


class Kernel:
    """A real IPython kernel."""

    def __init__(self) -> None:
        manager, client = start_new_kernel(kernel_name="python3", env=dict(os.environ))
        self.manager: KernelManager = manager
        self.client: BlockingKernelClient = client

    def run(self, code: str, seen: Callable[[str], None] = lambda text: None) -> Reply:
        """Run a cell; tell `seen` each text as it is shown or updated."""
        outputs: list[dict[str, Any]] = []
        shown: dict[str, dict[str, Any]] = {}
        displays = 0

        def hear(message: dict[str, Any]) -> None:
            nonlocal displays
            kind, content = message["msg_type"], message["content"]
            display_id = content.get("transient", {}).get("display_id")
            if kind == "update_display_data":
                shown.get(display_id, {}).update(content)  # or one of an earlier cell
            elif kind in ("display_data", "execute_result", "error"):
                displays += kind == "display_data"
                outputs.append(dict(content))
                shown[display_id] = outputs[-1]
            elif kind == "stream" and outputs and outputs[-1].get("name") == content["name"]:
                outputs[-1]["text"] += content["text"]
            elif kind == "stream":
                outputs.append(dict(content))
            else:
                return
            seen(str(content.get("text") or content.get("data", {}).get("text/plain") or ""))

        reply = self.client.execute_interactive(code, timeout=WAIT_SECONDS, output_hook=hear)
        content = reply["content"]
        return Reply(content["status"], outputs, displays, content["payload"])

    def value(self, expression: str) -> str:
        """Return the repr of an expression's value."""
        reply = self.run(f"print(repr({expression}))")
        assert reply.status == "ok", reply.texts
        return reply.text

    def complete(self, line: str) -> list[str]:
        """Return what Tab offers at the end of `line`."""
        content = self.client.complete(line, reply=True, timeout=WAIT_SECONDS)["content"]
        return list(content["matches"])

    def interrupt(self) -> None:
        """Press the stop button."""
        self.manager.interrupt_kernel()

    def restart(self) -> None:
        """Restart it, as the user does when all else fails."""
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=WAIT_SECONDS)

    def close(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def interrupted(kernel: Kernel, code: str, begun: Path, marks: int = 2) -> Reply:
    """Run `code` and press the stop button when there are so many files in the folder `begun`."""
    watch = f"""
import os, threading, time
def watch():
    while len(os.listdir({str(begun)!r})) < {marks}:
        time.sleep(0.02)
    print("there it is")
threading.Thread(target=watch).start()
"""
    return kernel.run(watch + code, lambda text: kernel.interrupt() if "there it is" in text else None)


@contextmanager
def patient(kernel: Kernel, grace: float = 10.0) -> Iterator[None]:
    """Let a kernel wait longer for engines after the first error: what becomes of them ends the wait.

    Parameters
    ----------
    grace : seconds for the others' own errors; where they are to be interrupted, the usual one.
    """
    limits = "import pxengines.dispatch.cell_wait as w; w.GRACE_SECONDS, w.END_SECONDS = "
    assert kernel.run(f"{limits}{grace}, 20.0").status == "ok"
    try:
        yield
    finally:
        kernel.run(f"{limits}{cell_wait.GRACE_SECONDS}, {cell_wait.END_SECONDS}")


@contextmanager
def patient_for_answers(kernel: Kernel, seconds: float = 20.0) -> Iterator[None]:
    """Let a kernel wait so long for what it asks hubs, and engines when it connects."""
    limits = "from pxengines import engine_versions as v, hub as h; h.ANSWER_SECONDS, v._ANSWER_SECONDS = "
    assert kernel.run(f"{limits}{seconds}, {seconds}").status == "ok"
    try:
        yield
    finally:
        kernel.run(f"{limits}{hub.ANSWER_SECONDS}, {engine_versions._ANSWER_SECONDS}")
