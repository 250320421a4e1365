"""The job: one controller and one MPI world of engines, and nothing that outlives them.

``python -m pxengines.job RUN_DIR`` reads ``spec.json`` there and runs until its controller or its engines
end, or until SIGTERM. It is what the server starts for a local cluster. Everything it does is told in
``events.jsonl``. Exit status: 0 asked to stop, 1 something ended or could not start, 75 the run is taken.

Standard library only, so that it is running within a few hundredths of a second.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from .launch.events import EventName, append_event
from .launch.files import make_private_dir, write_atomic
from .launch.losses import RUN_DIR_VARIABLE, Loss, forget_losses, read_losses
from .launch.mpiexec import Vendor, ask_vendor, find_mpiexec, mpi_environment, world_args
from .launch.paths import RUN_ID_VARIABLE, RunPaths
from .launch.process import WORK_DIR_VARIABLE, die_with_parent, end_group, without_secrets
from .launch.spec import JobSpec

GRACE_SECONDS = 5.0
"""How long children may take to end on SIGTERM before SIGKILL."""

LOOK_SECONDS = 0.5
"""How often to look whether an engine was noted as lost; signals are heard at once."""
NOTE_SECONDS = 0.5
"""How long after mpiexec the note of the engine that made it end may come."""
PATIENCE_SECONDS = 3.0
"""How long mpiexec may take to end by itself after an engine ended."""

LOCK_ATTEMPTS = 20
EXIT_TAKEN = 75
_ENDED_FROM_OUTSIDE = (-signal.SIGTERM, signal.SIGTERM, 128 + signal.SIGTERM)
"""How mpiexec ends when it was sent SIGTERM; Hydra hands on the bare number."""
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


class CannotStart(Exception):
    """The job cannot start what it was asked to; `code` is a FailureCode of the wire contract."""

    def __init__(self, code: str, **params: str) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class Job:
    """The life of one run, from the lock to the last child's end."""

    def __init__(self, paths: RunPaths, spec: JobSpec) -> None:
        self._paths = paths
        self._spec = spec
        self._children: list[subprocess.Popen[bytes]] = []
        self._asked_to_stop = False
        self._vendor: Vendor = "unknown"

    def run(self) -> int:
        """Run to the end; return the exit status."""
        self._note("job_started", pid=os.getpid())
        self._remove_traces()  # of a run that was killed: engines must not find its connection file
        forget_losses(self._paths.run_dir)
        try:
            controller, engines = self._start()
        except CannotStart as error:
            self._note("cannot_start", code=error.code, params=error.params)
            self._end_children()
            self._remove_traces()
            self._note("job_ended")
            return 1
        self._wait(controller, engines)
        self._end_children()
        self._remove_traces()
        self._note("job_ended")
        return 0 if self._asked_to_stop else 1

    def _start(self) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
        spec, paths = self._spec, self._paths
        mpiexec = spec.mpiexec
        if mpiexec is None:
            found = find_mpiexec(spec.python[0])
            if found is None:
                search_path = os.environ.get("PATH", "")
                raise CannotStart("mpiexec_missing", mpiexec="mpiexec", search_path=search_path)
            mpiexec = [found]
        environment = without_secrets(os.environ)
        environment[RUN_ID_VARIABLE] = spec.run_id
        make_private_dir(paths.security_dir)
        cluster = [f"--profile-dir={paths.profile_dir}", f"--cluster-id={paths.cluster_id}"]
        # Both at once: the engines wait for the connection file, which costs less than starting them later.
        controller = self._spawn(
            [*spec.python, "-m", "pxengines.controller", *cluster], environment, "controller"
        )
        self._note("controller_started", pid=controller.pid)
        try:
            vendor = ask_vendor(mpiexec)
        except OSError as error:
            raise CannotStart("mpiexec_missing", mpiexec=mpiexec[0], error=str(error)) from error
        self._vendor = vendor
        environment.update(mpi_environment(mpiexec[0], vendor, environment))
        environment["PXENGINES_WORLD_SIZE"] = str(spec.engines)
        environment[RUN_DIR_VARIABLE] = str(paths.run_dir)
        engine = [*spec.python, "-m", "pxengines.engine", *cluster]
        argv = [*mpiexec, "-n", str(spec.engines), *world_args(vendor), *spec.mpi_args, *engine]
        environment[WORK_DIR_VARIABLE] = spec.work_dir or os.getcwd()
        engines = self._spawn(argv, environment, "engines")
        self._note("engines_started", pid=engines.pid, argv=argv, mpi=vendor)
        self._write_cluster_file(engines.pid)
        return controller, engines

    def _spawn(self, argv: list[str], environment: dict[str, str], name: str) -> subprocess.Popen[bytes]:
        log = os.open(self._paths.log(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self._paths.run_dir,  # `python -m` looks there first; no file of the user is there
                start_new_session=True,
                preexec_fn=_prepare_child,
            )
        except OSError as error:
            code = "mpiexec_missing" if name == "engines" else "internal"
            raise CannotStart(code, mpiexec=argv[0], error=str(error)) from error
        finally:
            os.close(log)
        self._children.append(child)
        return child

    def _wait(self, controller: subprocess.Popen[bytes], engines: subprocess.Popen[bytes]) -> None:
        """Return when there is a reason to stop, which is noted."""
        loss_since: float | None = None
        pause = 0.0  # what has arrived before we looked counts first: to be asked is no accident
        while True:
            received = signal.sigtimedwait(_SIGNALS, pause)
            if received is not None and received.si_signo != signal.SIGCHLD:
                self._asked_to_stop = True
                self._note("stopping", reason="asked")
                return
            pause = LOOK_SECONDS if received is None else 0.0
            if received is not None:
                continue  # until no signal is waiting
            if engines.poll() is not None:
                self._stop_for_engines(engines.returncode)
                return
            if controller.poll() is not None:
                self._stop_for("controller_exited", status=controller.returncode)
                return
            losses = read_losses(self._paths.run_dir)
            if losses:
                loss_since = loss_since or time.monotonic()
                if self._is_final(losses, time.monotonic() - loss_since):
                    self._stop_for_loss(losses[0])
                    return

    def _stop_for_engines(self, status: int) -> None:
        """Note that mpiexec has ended, or better: which engine made it end."""
        if self._vendor == "mpich" and status not in (0, *_ENDED_FROM_OUTSIDE):
            deadline = time.monotonic() + NOTE_SECONDS
            while time.monotonic() < deadline:
                losses = read_losses(self._paths.run_dir)
                if losses:
                    self._stop_for_loss(losses[0])
                    return
                time.sleep(0.05)
        self._stop_for("engines_exited", status=status)

    def _stop_for_loss(self, first: Loss) -> None:
        self._stop_for("engine_lost", rank=first.rank, pid=first.pid, host=first.host, status=first.status)

    def _is_final(self, losses: list[Loss], seconds: float) -> bool:
        """Tell whether the job must end the world itself, because mpiexec does not.

        Engines that were all asked to leave (`Client.shutdown`) end with status 0, one after the other, and
        mpiexec with them; and a launcher that ends the world by itself says more about it than we know.
        """
        by_launcher = self._vendor != "mpich" or losses[0].status == 0
        return not by_launcher or seconds >= PATIENCE_SECONDS

    def _stop_for(self, event: EventName, **fields: Any) -> None:
        self._note(event, **fields)
        self._note("stopping", reason=event)

    def _end_children(self) -> None:
        """End controller and engines and all that they started; returns when they are gone."""
        children = self._children
        for child in children:
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        while any(child.poll() is None for child in children) and time.monotonic() < deadline:
            signal.sigtimedwait(_SIGNALS, max(0.01, min(0.5, deadline - time.monotonic())))
        for child in children:
            # Each leads a group of its own: what it left behind ends here.
            end_group(child.pid, signal.SIGKILL)
            child.wait()

    def _remove_traces(self) -> None:
        for path in self._traces():
            path.unlink(missing_ok=True)

    def _traces(self) -> Iterable[Path]:
        yield self._paths.connection_file("client")
        yield self._paths.connection_file("engine")
        yield self._paths.cluster_file

    def _write_cluster_file(self, mpiexec_pid: int) -> None:
        """Write what ``ipcluster list`` and ``ipcluster stop`` read (ipyparallel's Cluster.to_dict)."""
        profile_dir = str(self._paths.profile_dir)
        cluster_id = self._paths.cluster_id

        def launcher(pid: int, **more: Any) -> dict[str, Any]:
            # No output_file: ipyparallel would remove it when it stops the cluster, and the log is ours.
            return {
                "profile_dir": profile_dir,
                "cluster_id": cluster_id,
                "state": "running",
                "pid": pid,
                "output_file": "",
                **more,
            }

        engine_set = str(int(time.time()))
        content = {
            "cluster": {
                "class": "ipyparallel.cluster.cluster.Cluster",
                "cluster_id": cluster_id,
                "profile_dir": profile_dir,
                "controller_args": [],
                "controller_ip": "",
                "controller_location": "",
                "delay": 0.0,
                "n": self._spec.engines,
            },
            # `ipcluster stop` signals these two: this process, which ends everything, and mpiexec.
            "controller": {"class": "local", "state": launcher(os.getpid())},
            "engines": {
                "class": "mpi",
                "sets": {engine_set: launcher(mpiexec_pid, n=self._spec.engines)},
            },
        }
        write_atomic(self._paths.cluster_file, json.dumps(content).encode())

    def _note(self, event: EventName, **fields: Any) -> None:
        append_event(self._paths.events, event, **fields)


def _prepare_child() -> None:
    """Between fork and exec: undo our signal mask, and let the child die with us."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    die_with_parent()


def take_lock(path: Path) -> IO[bytes] | None:
    """Lock `path` for this process; None if another job holds it. Keep the result open.

    Who asks whether a job lives takes the lock for an instant, so one refusal is not the last word.
    """
    handle = open(path, "ab")
    for attempt in range(LOCK_ATTEMPTS):
        if attempt:
            time.sleep(0.05)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            continue
    handle.close()
    return None


def main(argv: list[str] | None = None) -> int:
    """Run the job of the run directory named on the command line."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m pxengines.job RUN_DIR\n")
        return 2
    paths = RunPaths.of_run_dir(Path(arguments[0]).absolute())
    # Before anything is started: a signal that arrives now is waited for, not lost and not fatal.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    lock = take_lock(paths.lock)
    if lock is None:
        sys.stderr.write(f"The cluster {paths.key} is running already ({paths.lock} is locked).\n")
        return EXIT_TAKEN
    with lock:
        return Job(paths, JobSpec.read(paths.spec)).run()


if __name__ == "__main__":
    sys.exit(main())
