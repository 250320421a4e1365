"""The job: one controller and one MPI world of engines, and nothing that outlives them.

``python -m pxengines.job RUN_DIR [ROLE]`` reads ``spec.json`` there and runs until its controller or its
engines end, or until SIGTERM. It is what the server starts for a local cluster, and what a batch script runs.
ROLE is what of the cluster it runs: ``cluster`` (the default: all), ``controller`` or ``engines``.
Everything it does is told in ``events.jsonl`` (``events-ROLE.jsonl``). Exit status: 0 asked to stop, by
somebody or by the job of the other role, 1 something ended or could not start, 75 the run is taken.

Standard library only, so that it is running within a few hundredths of a second.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from .launch.addresses import NoSuchAddress, choose_address
from .launch.batch import BatchJob, batch_job, outside_of_batch
from .launch.cluster_file import write_cluster_file
from .launch.connection_file import connection_of_run
from .launch.events import EventName, append_event, events_of_run
from .launch.files import make_private_dir
from .launch.losses import RUN_DIR_VARIABLE, WORLD_VARIABLE, Loss, first_cause, forget_losses, read_losses
from .launch.mpiexec import (
    Vendor,
    ask_vendor,
    find_mpiexec,
    forward_args,
    mpi_environment,
    spread_args,
    world_args,
)
from .launch.paths import ROLES, RUN_ID_VARIABLE, Role, RunPaths
from .launch.process import SAFE_PATH, WORK_DIR_VARIABLE, die_with_parent, end_group, without_secrets
from .launch.spec import JobSpec

GRACE_SECONDS = 5.0
"""How long children may take to end on SIGTERM before SIGKILL."""

LOOK_SECONDS = 0.5
"""How often to look whether an engine was noted as lost; signals are heard at once."""
NOTE_SECONDS = 0.5
"""How long after mpiexec the note of the engine that made it end may come."""
PATIENCE_SECONDS = 3.0
"""How long mpiexec may take to end by itself after an engine was lost."""
LEAVING_SECONDS = 10.0
"""The same, after engines ended in order: all are asked to at once, but not all are idle."""
ASKED_SECONDS = 1.0
"""A scheduler that ends a job signals all its processes, on all nodes, not in the same instant: how
long after the first of them has ended our own signal may come."""
OTHER_JOB_SECONDS = 2.0
"""How often to look, in a folder that other hosts share, what the job of the other role tells."""

LOCK_ATTEMPTS = 20
EXIT_TAKEN = 75
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
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
    """The life of one job of a run, from the lock to the last child's end."""

    def __init__(self, paths: RunPaths, spec: JobSpec, role: Role = "cluster") -> None:
        self._paths = paths
        self._spec = spec
        self._role = role
        self._batch = _batch_of(spec, role)
        self._controller: subprocess.Popen[bytes] | None = None
        self._engines: subprocess.Popen[bytes] | None = None
        self._in_order = False
        self._vendor: Vendor = "unknown"
        self._other_looked = time.monotonic()
        self._mpiexec_argv: list[str] = []
        self._environment: dict[str, str] = {}
        self._world = 0
        self._trouble_told = False

    def run(self) -> int:
        """Run to the end; return the exit status."""
        facts: dict[str, Any] = {
            "host": socket.gethostname(),
            "run_id": self._spec.run_id,
            "role": self._role,
        }
        if self._batch is not None:
            facts |= {"job_id": self._batch.job_id, "nodes": self._batch.nodes}
        # Of a run that was killed: engines must not find its connection file.
        self._remove_traces()
        if self._role != "controller":
            forget_losses(self._paths.run_dir)
            self._paths.restart_request.unlink(missing_ok=True)
        self._note("job_started", pid=os.getpid(), **facts)
        try:
            if self._start():
                self._wait()
        except CannotStart as error:
            self._note("cannot_start", code=error.code, params=error.params)
        # First what a scheduler in a hurry must not keep us from; the controller may write it once more.
        self._remove_traces()
        self._end_children([child for child in (self._controller, self._engines) if child is not None])
        self._remove_traces()
        self._note("job_ended")
        return 0 if self._in_order else 1

    def _start(self) -> bool:
        """Start what this job runs; False if it was asked to stop before that.

        Raises
        ------
        CannotStart
            If it cannot.
        """
        spec, paths = self._spec, self._paths
        self._mpiexec_argv = [] if self._role == "controller" else self._mpiexec()
        environment = without_secrets(os.environ)
        if spec.placement == "local":
            environment = outside_of_batch(environment)
        environment.update(spec.environment)
        environment[RUN_ID_VARIABLE] = spec.run_id
        self._environment = environment
        make_private_dir(paths.security_dir)
        if self._role != "engines":
            # Both at once: the engines wait for the connection file, which costs less than starting
            # them later.
            self._start_controller(environment)
        elif not self._wait_for_controller():
            return False
        if self._role != "controller":
            self._start_engines(self._mpiexec_argv, dict(environment))
        self._write_cluster_file()
        return True

    def _write_cluster_file(self) -> None:
        if self._role != "engines":
            local = self._engines if self._spec.placement == "local" else None
            write_cluster_file(self._paths, self._spec, None if local is None else local.pid)

    def _restart_asked(self) -> bool:
        """Tell whether a server asked, of this run, to restart the engines; the request is then taken."""
        path = self._paths.restart_request
        try:
            asked = path.read_text(encoding="utf-8", errors="replace").strip()
            path.unlink(missing_ok=True)  # or it would be asked again and again
        except FileNotFoundError:
            return False
        except OSError as error:
            # Hosts share the folder: what fails now may work at the next look, and ends no cluster.
            if not self._trouble_told:
                self._trouble_told = True
                sys.stderr.write(f"Cannot look whether the engines are to be restarted: {error}\n")
            return False
        return asked == self._spec.run_id

    def _restart_engines(self) -> bool:
        """End all engines and start others, in a world of their own; the controller stays.

        Returns whether it did: not if it was asked to stop meanwhile, which is noted.

        Raises
        ------
        CannotStart
            If they cannot be started; then there are none.
        """
        self._note("engines_restarting")
        asked = self._end_children([child for child in (self._engines,) if child is not None])
        self._engines = None
        if asked:
            self._asked()
            return False
        # What the nannies of the old engines still note is told apart by this.
        self._world += 1
        self._start_engines(self._mpiexec_argv, dict(self._environment))
        self._write_cluster_file()
        return True

    def _mpiexec(self) -> list[str]:
        if self._spec.mpiexec is not None:
            return self._spec.mpiexec
        found = find_mpiexec(self._spec.python[0])
        if found is None:
            search_path = os.environ.get("PATH", "")
            raise CannotStart("mpiexec_missing", mpiexec="mpiexec", search_path=search_path)
        return [found]

    def _cluster_args(self) -> list[str]:
        return [f"--profile-dir={self._paths.profile_dir}", f"--cluster-id={self._paths.cluster_id}"]

    def _start_controller(self, environment: dict[str, str]) -> None:
        spec = self._spec
        argv = [*spec.python, "-m", "pxengines.controller", *self._cluster_args()]
        facts = {}
        if spec.placement != "local":
            try:
                address = choose_address(spec.controller_address, self._batch.others if self._batch else ())
            except NoSuchAddress as error:
                raise CannotStart("internal", detail=str(error)) from error
            facts["address"] = address
            argv.append(f"--EngineController.address={address}")
        if spec.placement != "local" or spec.encrypt:
            argv.append("--EngineController.encrypt=True")
        self._controller = self._spawn(argv, environment, "controller")
        self._note("controller_started", pid=self._controller.pid, **facts)

    def _wait_for_controller(self) -> bool:
        """Wait until the controller that another job runs can be reached; False if asked to stop before.

        Raises
        ------
        CannotStart
            If that job has ended.
        """
        path = self._paths.connection_file("engine")
        while (info := connection_of_run(path, self._spec.run_id)) is None:
            if self._asked_within(LOOK_SECONDS):
                return False
            if self._other_job_has_ended():
                words = "the job of the controller has ended before the engines could start"
                raise CannotStart("controller_exited", status="", detail=words)
        self._note("controller_found", address=str(info.get("interface")))
        return True

    def _start_engines(self, mpiexec: list[str], environment: dict[str, str]) -> None:
        spec, paths = self._spec, self._paths
        try:
            vendor = ask_vendor(mpiexec)
        except OSError as error:
            raise CannotStart("mpiexec_missing", mpiexec=mpiexec[0], error=str(error)) from error
        self._vendor = vendor
        crowded = self._batch is None or not self._batch.has_room_for(spec.engines)
        environment.update(mpi_environment(mpiexec[0], vendor, environment, oversubscribe=crowded))
        environment["PXENGINES_WORLD_SIZE"] = str(spec.engines)
        environment[RUN_DIR_VARIABLE] = str(paths.run_dir)
        environment[WORLD_VARIABLE] = str(self._world)
        environment[WORK_DIR_VARIABLE] = spec.work_dir or os.getcwd()
        argv = [*mpiexec, "-n", str(spec.engines), *world_args(vendor)]
        argv += spread_args(vendor, self._batch, [*mpiexec, *spec.mpi_args])
        if self._batch is not None and len(self._batch.nodes) > 1:
            argv += forward_args(vendor, environment)
        argv += [*spec.mpi_args, *spec.python, "-m", "pxengines.engine", *self._cluster_args()]
        self._engines = self._spawn(argv, environment, "engines")
        self._note("engines_started", pid=self._engines.pid, argv=argv, mpi=vendor)

    def _spawn(self, argv: list[str], environment: dict[str, str], name: str) -> subprocess.Popen[bytes]:
        log = os.open(self._paths.log(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(
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

    def _wait(self) -> None:
        """Return when there is a reason to stop, which is noted."""
        loss_since: float | None = None
        pause = 0.0  # what has arrived before we looked counts first: to be asked is no accident
        while True:
            received = signal.sigtimedwait(_SIGNALS, pause)
            if received is not None and received.si_signo != signal.SIGCHLD:
                self._asked()
                return
            pause = LOOK_SECONDS if received is None else 0.0
            if received is not None:
                continue  # until no signal is waiting
            if self._engines is not None and self._restart_asked():
                if not self._restart_engines():
                    return
                loss_since = None
            engines, controller = self._engines, self._controller
            losses = read_losses(self._paths.run_dir, self._world) if engines else []
            ended = any(child is not None and child.poll() is not None for child in (engines, controller))
            if self._batch is not None and (ended or losses) and self._asked_within(ASKED_SECONDS):
                return
            if engines is not None and engines.poll() is not None:
                self._stop_for_engines(engines.returncode)
                return
            if controller is not None and controller.poll() is not None:
                self._stop_for("controller_exited", status=controller.returncode)
                return
            if losses:
                loss_since = loss_since or time.monotonic()
                if self._is_final(losses, time.monotonic() - loss_since):
                    self._stop_for_loss(first_cause(losses))
                    return
            if self._other_job_has_ended():
                self._in_order = True
                self._stop_for("controller_gone" if self._role == "engines" else "engines_gone")
                return

    def _asked(self) -> None:
        self._in_order = True
        self._note("stopping", reason="asked")

    def _asked_within(self, seconds: float) -> bool:
        """Wait `seconds`; tell, and note, whether somebody asked this job to stop, then at once."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            received = signal.sigtimedwait(_SIGNALS, left)
            if received is not None and received.si_signo != signal.SIGCHLD:
                self._asked()
                return True
        return False

    def _other_job_has_ended(self) -> bool:
        """Tell whether the job of the other role, if there is one, has said that it ends."""
        if self._role == "cluster" or time.monotonic() - self._other_looked < OTHER_JOB_SECONDS:
            return False
        self._other_looked = time.monotonic()
        other: Role = "controller" if self._role == "engines" else "engines"
        told = events_of_run(self._paths.events_of(other), self._spec.run_id)
        # Without a controller engines are of no use at once; engines may go on ending for a while.
        last_words = ("stopping", "cannot_start", "job_ended") if other == "controller" else ("job_ended",)
        return any(event["event"] in last_words for event in told)

    def _stop_for_engines(self, status: int) -> None:
        """Note that mpiexec has ended, or better: which engine made it end."""
        if self._vendor == "mpich" and status not in (0, *_ENDED_FROM_OUTSIDE):
            deadline = time.monotonic() + NOTE_SECONDS
            while time.monotonic() < deadline:
                losses = read_losses(self._paths.run_dir, self._world)
                if losses:
                    self._stop_for_loss(first_cause(losses))
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
        if first_cause(losses).status == 0:
            return seconds >= LEAVING_SECONDS
        return self._vendor == "mpich" or seconds >= PATIENCE_SECONDS

    def _stop_for(self, event: EventName, **fields: Any) -> None:
        self._note(event, **fields)
        self._note("stopping", reason=event)

    def _end_children(self, children: list[subprocess.Popen[bytes]]) -> bool:
        """End them (controller, engines) and all that they started; returns when they are gone.

        The result tells whether the job was asked to stop meanwhile.
        """
        asked = False
        for child in children:
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        while any(child.poll() is None for child in children) and time.monotonic() < deadline:
            received = signal.sigtimedwait(_SIGNALS, max(0.01, min(0.5, deadline - time.monotonic())))
            asked |= received is not None and received.si_signo != signal.SIGCHLD
        for child in children:
            # Each leads a group of its own: what it left behind ends here.
            end_group(child.pid, signal.SIGKILL)
            child.wait()
        return asked

    def _remove_traces(self) -> None:
        for path in self._traces():
            path.unlink(missing_ok=True)

    def _traces(self) -> Iterable[Path]:
        if self._role != "engines":  # they are the controller's
            yield self._paths.connection_file("client")
            yield self._paths.connection_file("engine")
            yield self._paths.cluster_file

    def _note(self, event: EventName, **fields: Any) -> None:
        append_event(self._paths.events_of(self._role), event, **fields)


def _batch_of(spec: JobSpec, role: Role) -> BatchJob | None:
    """Return the batch job that this is; a controller beside Jupyter may be in Jupyter's own, not ours."""
    if spec.placement == "local" or (spec.placement == "server" and role == "controller"):
        return None
    return batch_job(os.environ)


def _prepare_child() -> None:
    """Between fork and exec: undo our signal mask, and let the child die with us."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    die_with_parent()


def take_lock(path: Path) -> IO[bytes] | None:
    """Lock `path` for this process; None if another job holds it. Keep the result open.

    Who asks whether a job lives takes the lock for an instant, so one refusal is not the last word. Some
    parallel file systems have no locks: there the scheduler alone knows whether a job lives.
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
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                handle.close()
                raise
            sys.stderr.write(f"{path} cannot be locked here ({error.strerror}); going on without.\n")
            return handle
    handle.close()
    return None


def _with_own_environment(spec: JobSpec) -> None:
    """Begin anew with the environment of this run, if a batch system gave us one that was not made for us.

    It is the submitting shell's or Jupyter's, with what may be secret; and every process of the run is to
    carry its id, also this one.
    """
    if os.environ.get(RUN_ID_VARIABLE) == spec.run_id:
        return
    environment = {**without_secrets(os.environ), **SAFE_PATH, RUN_ID_VARIABLE: spec.run_id}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - no shell is meant


def main(argv: list[str] | None = None) -> int:
    """Run the job of the run directory, and in the role, named on the command line."""
    arguments = sys.argv[1:] if argv is None else argv
    role: Role | None = "cluster"
    if len(arguments) == 2:
        role = next((known for known in ROLES if known == arguments[1]), None)
    if role is None or len(arguments) not in (1, 2):
        sys.stderr.write(f"usage: python -m pxengines.job RUN_DIR [{'|'.join(ROLES)}]\n")
        return 2
    paths = RunPaths.of_run_dir(Path(arguments[0]).absolute())
    # Before anything is started: a signal that arrives now is waited for, not lost and not fatal.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.umask(0o077)
    spec = JobSpec.read(paths.spec)
    _with_own_environment(spec)
    lock = take_lock(paths.lock_of(role))
    if lock is None:
        sys.stderr.write(f"The cluster {paths.key} is running already ({paths.lock_of(role)} is locked).\n")
        return EXIT_TAKEN
    with lock:
        return Job(paths, spec, role).run()


if __name__ == "__main__":
    sys.exit(main())
