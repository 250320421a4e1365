"""Stands for the scheduler and the node of one job: waits for its turn, runs its script, ends it in time.

One such process a job, started by ``qsub`` and outliving it. It looks at the state every few hundredths of
a second; what others want of the job (delete, requeue, a lost node) they write there.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from typing import Any

from . import core, environment
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .store import Job, State


LOOK_SECONDS = 0.02
OWNER_SECONDS = 0.5
_PR_SET_CHILD_SUBREAPER = 36


def spawn(store: Store, job_id: str) -> int:
    """Start the runner of a job in the background; return its process id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        quiet = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(quiet, handle)
        os.closerange(3, 256)
        os.chdir("/")
        # Orphans of the job come to us instead of to process 1: none is missed when the job ends.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        Runner(store, job_id).run()
        status = 0
    except BaseException as error:
        store.log(runner=job_id, failed=repr(error))
    finally:
        os._exit(status)


class Runner:
    """Runs one job."""

    def __init__(self, store: Store, job_id: str) -> None:
        self.store = store
        self.job_id = job_id
        self.child = 0
        self.exited: int | None = None
        self.reason = ""
        self.next_check = 0.0
        self.outputs: tuple[str, str] | None = None

    def run(self) -> None:
        """Wait, run, and again if the job is requeued."""
        while self._wait_for_turn():
            if not self._watch():
                return

    def _stamp(self) -> tuple[int, int] | None:
        """Return the state's stamp; None: the test is over, by whatever end."""
        if time.monotonic() > self.next_check:
            self.next_check = time.monotonic() + OWNER_SECONDS
            if not self.store.owned():
                return None
        try:
            return self.store.stamp()
        except FileNotFoundError:
            return None

    # --- waiting

    def _wait_for_turn(self) -> bool:
        """Start the job as soon as it may; False: it has ended before."""
        seen = None
        job: Job | None = None
        state: State = {}
        while True:
            stamp = self._stamp()
            if stamp is None:
                return False
            now = time.time()
            if stamp != seen:
                state = self.store.load()
                job = state["jobs"].get(self.job_id)
                seen = stamp
            if job is None or job["state"] == "F":
                return False
            if core.may_start(state, job, now):
                with self.store.locked() as state:
                    job = state["jobs"].get(self.job_id)
                    if job is not None and core.may_start(state, job, now):
                        if self._start(state, job, now):
                            self.store.save(state)
                            return True
                        self.store.save(state)
                        seen = self.store.stamp()
            time.sleep(LOOK_SECONDS)

    def _start(self, state: State, job: Job, now: float) -> bool:
        placed = core.place(state, job)
        if placed is None:
            job["ready_at"] = now + 5 * LOOK_SECONDS
            job["comment"] = (
                "Not Running: Not enough free nodes available"
                if state["dialect"] == "openpbs"
                else "Not Running: Not enough of the right type of nodes are available"
            )
            return False
        for leftover in ("kill_at", "killed_by", "requeue", "lost", "overtime"):
            job.pop(leftover, None)
        core.touch(job, "R", now)
        job["started"] = now
        job["used"] = None
        job["run_count"] += 1
        job["exec_host"] = [[name, slots] for name, slots in placed]
        job["comment"] = environment.start_comment(state, job, now)
        job["runner"] = os.getpid()
        self.reason = ""
        self.exited = None
        self.child = self._execute(state, job)
        job["session"] = self.child
        return True

    def _execute(self, state: State, job: Job) -> int:
        names = [name if state["virtual_names"] else socket.gethostname() for name, _ in job["exec_host"]]
        prepared = environment.prepare(self.store, state, job, names)
        self.outputs = (prepared.stdout, prepared.stderr)
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            os.umask(0o077)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            os.dup2(os.open(prepared.stdout, flags, 0o600), 1)
            os.dup2(1 if prepared.stderr == prepared.stdout else os.open(prepared.stderr, flags, 0o600), 2)
            os.chdir(prepared.cwd)
            os.execve(prepared.argv[0], prepared.argv, prepared.environ)  # noqa: S606  # what a node does
        except OSError as error:
            os.write(2, f"{prepared.argv[0]}: {error.strerror}\n".encode())
        finally:
            os._exit(254)

    # --- running

    def _watch(self) -> bool:
        """Wait for the job's end and tell the state; True: it waits for another turn."""
        seen = None
        job: Job | None = None
        state: State = {}
        hard_at: float | None = None
        while True:
            self._reap()
            stamp = self._stamp()
            if stamp is None:
                self._kill_all(signal.SIGKILL)
                return False
            if stamp != seen:
                state = self.store.load()
                job = state["jobs"].get(self.job_id)
                seen = stamp
            if job is None:
                self._kill_all(signal.SIGKILL)
                return False
            if self.exited is not None:
                return self._ended()
            now = time.time()
            if not self.reason:
                self.reason = self._reason_to_end(job, now)
                if self.reason in ("requeue", "lost"):
                    hard_at = now
                elif self.reason:
                    self._kill_all(signal.SIGTERM)
                    hard_at = now + float(state["options"]["kill_delay"])
            if hard_at is not None and now >= hard_at:
                self._kill_all(signal.SIGKILL)
            time.sleep(LOOK_SECONDS)

    @staticmethod
    def _reason_to_end(job: Job, now: float) -> str:
        if job.get("lost"):
            return "lost"
        if job.get("requeue"):
            return "requeue"
        if job.get("kill_at") is not None and now >= job["kill_at"]:
            return "deleted"
        if job.get("overtime") or (job["walltime"] is not None and now - job["started"] > job["walltime"]):
            return "walltime"
        return ""

    def _ended(self) -> bool:
        """Write down how the job ended; True: it is queued again."""
        self._kill_all(signal.SIGKILL)
        while self._reap():
            time.sleep(LOOK_SECONDS / 4)
        with self.store.locked() as state:
            job = state["jobs"].get(self.job_id)
            if job is None:
                return False
            # The job ended by itself while somebody deleted it: the request came first.
            now = time.time()
            again = False
            if self.reason == "lost":
                again = self._node_lost(state, job, now)
            elif self.reason == "requeue":
                again = self._requeue(state, job, now)
            else:
                environment.finish(self.store, state, job, now, self.exited or 0, self.reason)
            self.store.save(state)
        if self.reason == "lost" and not again:
            return self._after_loss()
        return again

    def _requeue(self, state: State, job: Job, now: float) -> bool:
        core.touch(job, "H" if job["hold"] else "Q", now)
        job.update(
            started=None,
            exec_host=[],
            session=None,
            used=None,
            ready_at=now + float(job.pop("requeue", 0.0) or 0.0),
            comment="",
        )
        return True

    def _node_lost(self, state: State, job: Job, now: float) -> bool:
        """Nobody hears of the job any more: it is shown as running, whatever comes of it later."""
        job["session"] = None
        return False

    def _after_loss(self) -> bool:
        """Wait until the server gives the job up, as the test asked for."""
        with self.store.locked() as state:
            job = state["jobs"].get(self.job_id)
            lost: dict[str, Any] = (job or {}).get("lost") or {}
        deadline = time.time() + float(lost.get("after", 0.0))
        while time.time() < deadline:
            if not self.store.owned():
                return False
            time.sleep(LOOK_SECONDS)
        with self.store.locked() as state:
            job = state["jobs"].get(self.job_id)
            if job is None or job["state"] == "F":
                return False
            now = time.time()
            then = lost.get("then")
            if then == "requeue":
                self._requeue(state, job, now)
                job["lost"] = None
                job["comment"] = "Job was requeued: a node of it went down"
            elif then == "fail":
                core.finish(job, now, None, 93, "Job was ended: a node of it went down")
            else:
                # It stays; nothing of it runs, and a qdel must find nobody to ask.
                job["runner"] = None
            self.store.save(state)
            return bool(then == "requeue")

    # --- processes

    def _reap(self) -> bool:
        """Take what has ended; tell whether there are still processes of the job."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.child:
                self.exited = status

    def _kill_all(self, number: signal.Signals) -> None:
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


def descendants(root: int) -> list[int]:
    """Return the processes below `root`, the nearest first."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                text = file.read()
        except OSError:
            continue
        # The command's name is in parentheses and may hold anything.
        fields = text[text.rindex(b")") + 2 :].split()
        children.setdefault(int(fields[1]), []).append(int(entry))
    found: list[int] = []
    level = children.get(root, [])
    while level:
        found += level
        level = [pid for parent in level for pid in children.get(parent, [])]
    return found
