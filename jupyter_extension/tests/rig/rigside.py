"""The rig as tests see it: a real scheduler with two nodes, its job user, and its own word on what runs.

It is Slurm with its Torque commands; ``dev/rig`` brings it up. Tests that use it take the fixture ``rig``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPO = Path(__file__).resolve().parents[3]
WAIT_SECONDS = 60
SQUEUE_FIELDS = "%A|%T|%j|%u|%P|%N|%r|%Z"


class NoRigError(RuntimeError):
    """The rig cannot run on this machine; the message says why."""


def call_rig(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``npm run rig -- ARGUMENTS`` without npm."""
    node = shutil.which("node")
    assert node, "node is needed"
    command = [node, str(REPO / "jupyter_extension" / "dev" / "main.mjs"), "rig", *arguments]
    # It may install packages.
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False, timeout=170)


def until(condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """Return the first true value of `condition`; fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)
    return value


def is_over(process: psutil.Process) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@dataclass(frozen=True)
class SchedulerJob:
    """A job in the scheduler's own words (``squeue``), not through the commands under test."""

    id: str
    state: str  # Slurm's: PENDING, RUNNING, COMPLETING, COMPLETED, CANCELLED, FAILED, TIMEOUT, ...
    name: str
    user: str
    queue: str
    nodes: str  # n[1-2]
    reason: str
    folder: Path  # where it was submitted

    @property
    def is_over(self) -> bool:
        """Whether it has left its nodes."""
        return self.state not in {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED"}


class Rig:
    """The rig, up. Programs started through it run as its job user."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.user: str = told["user"]
        self.home = Path(told["home"])
        self.why_root: str | None = told["why_root"]
        """Why jobs run as root, None if they run as an ordinary user."""
        self.nodes: list[str] = told["nodes"]
        self.queues: list[str] = told["queues"]
        self.slots: int = told["slots"]
        self.python: str = told["python"]
        # `npm test` leaves out packages that only cost time (tests/slim).
        slim = {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
        self.environment: dict[str, str] = {**told["environment"], **slim}
        """What the job user has after logging in; the PBS commands are on its PATH."""
        self._command: list[str] = told["command"]
        self._base = self.home / f"tests-{uuid.uuid4().hex[:8]}"

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the argument list that runs `argv` as the job user; the process keeps its id."""
        return [*self._command, *argv]

    def run_as_job_user(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        timeout: float = WAIT_SECONDS,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as the job user, in its home unless `cwd` says otherwise."""
        return subprocess.run(
            self.command(argv),
            cwd=cwd or self.home,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def folder(self, name: str) -> Path:
        """Return a new folder of the job user, seen on all nodes; it goes away with the fixture."""
        path = self._base / f"{name}-{uuid.uuid4().hex[:6]}"
        done = self.run_as_job_user(["mkdir", "-p", str(path)])
        assert done.returncode == 0, done.stderr
        return path

    def give(self, path: Path) -> None:
        """Make `path`, and all in it, the job user's: for what a test has written there itself."""
        for each in [path, *path.rglob("*")]:
            shutil.chown(each, self.user, self.user)

    def qsub(self, folder: Path, script: str, *options: str) -> str:
        """Submit the text of a script from `folder`; return the job's id."""
        file = folder / f"job-{uuid.uuid4().hex[:6]}.sh"
        file.write_text(script, encoding="utf-8")
        done = self.run_as_job_user(["qsub", *options, str(file)], cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def output_of(self, folder: Path, job_id: str) -> str:
        """Wait until a job of `qsub` is over; return what it printed, standard error at the end."""
        until(lambda: self.job(job_id) is None or self.job(job_id).is_over, f"the end of job {job_id}")
        return "".join(
            text.read_text(encoding="utf-8")
            for kind in "oe"
            for text in sorted(folder.glob(f"*.{kind}{job_id}"))
        )

    def jobs(self, under: Path | None = None) -> list[SchedulerJob]:
        """Return the job user's jobs that the scheduler still knows; `under`: only those submitted there."""
        done = self.control(
            "squeue", "--noheader", "--states=all", f"--user={self.user}", f"--format={SQUEUE_FIELDS}"
        )
        found = []
        for line in done.splitlines():
            *fields, folder = line.split("|", 7)
            found.append(SchedulerJob(*fields, folder=Path(folder)))
        return [job for job in found if under is None or job.folder.is_relative_to(under)]

    def job(self, job_id: str) -> SchedulerJob | None:
        """Return one job, None if the scheduler does not know it any more."""
        return next((job for job in self.jobs() if job.id == job_id), None)

    def cancel(self, under: Path | None = None) -> None:
        """End the job user's jobs, or only those submitted `under` a folder, and wait until they are over."""
        living = [job.id for job in self.jobs(under) if not job.is_over]
        if living:
            self.control("scancel", *living)
            until(lambda: all(job.is_over for job in self.jobs() if job.id in living), "the end of the jobs")

    def processes(self, under: Path | None = None) -> list[psutil.Process]:
        """Return the living processes of the job user; `under`: only those that name a folder there."""
        found = []
        for process in psutil.process_iter(["username", "status", "cmdline", "environ"]):
            told = process.info
            if told["username"] == self.user and told["status"] != psutil.STATUS_ZOMBIE:
                words = [*(told["cmdline"] or []), *(told["environ"] or {}).values()]
                if under is None or any(str(under) in word for word in words):
                    found.append(process)
        return found

    @staticmethod
    def control(program: str, *arguments: str) -> str:
        """Run a command of Slurm itself as its administrator; return what it printed."""
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, timeout=WAIT_SECONDS
        )
        assert done.returncode == 0, f"{program} {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def node_state(self, node: str) -> str:
        """Return a node's state in Slurm's words: idle, mixed, allocated, down, ..."""
        return self.control("sinfo", "--noheader", f"--nodes={node}", "--format=%T").split()[0]

    @contextmanager
    def node_down(self, node: str) -> Iterator[None]:
        """Set a node down: what a failing node looks like. Its jobs are requeued."""
        self.control("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        try:
            yield
        finally:
            self.control("scontrol", "update", f"nodename={node}", "state=resume")
            until(lambda: self.node_state(node) in {"idle", "mixed", "allocated"}, f"{node} to be up")

    def pid_of(self, daemon: str) -> int:
        """Return the process of ``slurmctld``, ``slurmd-n1``, ... as the rig noted it."""
        note = REPO / ".cache" / "rig" / "pids" / f"{daemon}.pid"
        return int(note.read_text(encoding="ascii").split()[0])

    @contextmanager
    def scheduler_stopped(self) -> Iterator[None]:
        """End slurmctld, start it again afterwards. The PBS commands fail meanwhile, after 9 s each."""
        process = psutil.Process(self.pid_of("slurmctld"))
        process.terminate()
        until(lambda: is_over(process), "the end of slurmctld")
        try:
            yield
        finally:
            ask_up()

    @contextmanager
    def scheduler_frozen(self) -> Iterator[None]:
        """Let slurmctld accept connections and answer nothing. The PBS commands hang meanwhile."""
        pid = self.pid_of("slurmctld")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def finished_jobs_forgotten(self, seconds: int) -> Iterator[None]:
        """Let the scheduler forget a finished job `seconds` after its end, not much later than that."""
        ask_up("--min-job-age", str(seconds))
        try:
            yield
        finally:
            ask_up()

    def close(self) -> None:
        """End what the tests submitted and remove their folders; fail if a process of theirs lives on."""
        self.cancel(self._base)
        until(lambda: not self.processes(self._base), "the end of what the tests started as the job user")
        if self._base.exists():
            shutil.rmtree(self._base)


def ask_up(*options: str) -> dict[str, Any]:
    """Bring the rig up, or mend it; return its description, or the verdict on why it cannot be.

    Raises
    ------
    AssertionError
        If it can run here and did not come up; with what the scripts say.
    """
    done = call_rig("up", "--json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
