"""Entry of every simulated command: log, faults, the voice of the dialect, the answer."""

from __future__ import annotations

import os
import pwd
import sys
import time

from . import faults
from .store import BULK_START, Store, prune

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .store import Job, State

    Voice = Callable[["Context"], int]


class Context:
    """One command at work.

    Attributes
    ----------
    out, err : what it prints.
    dirty : whether the state is to be written.
    spawn : ids of the jobs whose runners are to be started once the state is written.
    hang_after : never answers, though all is done.
    """

    def __init__(self, store: Store, state: State, command: str, argv: list[str]) -> None:
        self.store = store
        self.state = state
        self.command = command
        self.argv = argv
        self.now = time.time()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.faults: list[dict[str, Any]] = []
        self.out: list[str] = []
        self.err: list[str] = []
        self.dirty = False
        self.bulk_dirty = False
        self.spawn: list[str] = []
        self.hang_after = False

    def fault(self, name: str) -> dict[str, Any] | None:
        """Return the options of a fault that is switched on for this call."""
        return next((fault["options"] for fault in self.faults if fault["fault"] == name), None)

    def say(self, text: str) -> None:
        """Print a line on stdout."""
        self.out.append(text + "\n")

    def fail(self, status: int, *lines: str) -> int:
        """Print lines on stderr; return the exit status."""
        self.err += [line + "\n" for line in lines]
        return status

    def job(self, sequence: int) -> Job | None:
        """Return a job by its number."""
        for job in self.state["jobs"].values():
            if job["seq"] == sequence:
                return self._shown(job)
        if sequence >= BULK_START and self.state["bulk"]:
            for job in self.store.bulk().values():
                if job["seq"] == sequence:
                    return self._shown(job)
        return None

    def jobs(self) -> list[Job]:
        """Return all jobs in the order of their numbers, finished ones too."""
        jobs = list(self.state["jobs"].values())
        if self.state["bulk"]:
            jobs += self.store.bulk().values()
        shown = [job for job in map(self._shown, jobs) if job is not None]
        return shown

    def _shown(self, job: Job) -> Job | None:
        """Return the job as faults let it be seen."""
        for fault in self.faults:
            options = fault["options"]
            if options.get("job") not in (None, job["id"]):
                continue
            if fault["fault"] == "missing_job":
                return None
            if fault["fault"] == "unknown_state":
                job = {**job, "letter": options.get("letter", "Z")}
        return job

    def changed(self, job: Job) -> None:
        """Note that a job has been changed."""
        if job["seq"] >= BULK_START:
            self.bulk_dirty = True
        else:
            self.dirty = True


def main(root: str, command: str, argv: list[str]) -> int:
    """Run one command; return its exit status."""
    store = Store(root)
    began = time.time()
    call = f"{os.getpid()}.{began}"
    store.log(call=call, command=command, argv=argv, pid=os.getpid(), start=began, cwd=os.getcwd())
    with store.locked() as state:
        live = faults.take(state, command, argv)
        if live:
            store.save(state)
    faults.before(store, live)
    with store.locked() as state:
        context = Context(store, state, command, argv)
        context.faults = live
        if prune(state, context.now):
            context.dirty = True
        status = faults.instead(context)
        if status is None:
            status = voices(state["dialect"])[command](context)
        if context.bulk_dirty:
            store.save_bulk(store.bulk())
        if context.dirty or context.spawn:
            store.save(state)
    if context.spawn:
        from . import runner

        for job_id in context.spawn:
            runner.spawn(store, job_id)
    faults.after(store, live, context.hang_after)
    out = "".join(context.out).encode("utf-8", "surrogateescape")
    err = "".join(context.err).encode("utf-8", "surrogateescape")
    out, err, status = faults.mangle(live, out, err, status)
    # First the log: whoever has the answer finds the call in it.
    store.log(call=call, end=time.time(), status=status)
    write(1, out)
    write(2, err)
    return status


def write(handle: int, data: bytes) -> None:
    """Write everything; nobody may be listening any more."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(handle, view) :]
    except BrokenPipeError:
        return


def voices(dialect: str) -> dict[str, Voice]:
    """Return the commands of a dialect."""
    if dialect == "openpbs":
        from . import openpbs

        return openpbs.COMMANDS
    if dialect == "torque":
        from . import torque

        return torque.COMMANDS
    from . import slurm

    return slurm.COMMANDS


def start(root: str) -> None:
    """Run the command this process was started as."""
    name = os.path.basename(sys.argv[0])
    # Nothing to tidy up: leave without the interpreter's long way out.
    os._exit(main(root, name, sys.argv[1:]))
