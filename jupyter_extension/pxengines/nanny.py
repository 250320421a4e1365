"""The engine's nanny, forked early instead of started as a new Python.

A nanny relays signals to its engine while the engine computes, and tells the hub at once when the
engine has died. ipyparallel starts one Python per engine for it, 0.3 s of CPU each, and
the engine waits for it. A fork of the engine, after its imports but before MPI and before any
thread or ZeroMQ socket exists, costs a few milliseconds.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import signal
import sys
from typing import IO, Any

import zmq
from ipyparallel.engine.nanny import KernelNanny
from ipyparallel.util import connect

from .launch.losses import RUN_DIR_VARIABLE, exit_status_of, note_loss
from .launch.process import wait_for_end
from .launch.questions import USAGE
from .usage import UsageReader

_LINGER_MILLISECONDS = 500
"""A hub that lives takes the notice within this; one that ended too must not keep nannies (stock: 3 s)."""


class ForkedNanny(KernelNanny):
    """A nanny that sleeps in the kernel until its engine ends, where the stock one polls.

    It also tells what engines of its host use: it can while they compute.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        usage = UsageReader()
        self.control_handlers[USAGE] = lambda content: usage.read(content.get("pids", ()))

    def wait_for_parent_thread(self) -> None:
        """Wait until the engine has ended, then tell the job and the hub."""
        if not wait_for_end(self.pid):
            super().wait_for_parent_thread()
            return
        note_loss(self.pid, exit_status_of(self.pid))
        self.log.critical("Engine with pid %s has ended.", self.pid)
        self.loop.add_callback(self.finish)

    def pipe_handler(self, fd: IO[bytes], events: int) -> None:
        """Leave the end of the pipe to `wait_for_parent_thread`, which sees the same end and waits for it."""
        self.loop.remove_handler(fd)

    def notify_exit(self) -> None:
        """Tell the hub that the engine has ended, if the hub is still there."""
        socket = self.context.socket(zmq.DEALER)
        socket.LINGER = _LINGER_MILLISECONDS
        connect(
            socket,
            self.registration_url,
            curve_serverkey=self.curve_serverkey,
            curve_secretkey=self.curve_secretkey,
            curve_publickey=self.curve_publickey,
        )
        # An engine that was restarted meanwhile has the same id; see `rejoining`.
        content = {"id": self.engine_id, "uuid": self.identity.decode("utf-8")}
        self.session.send(socket, "unregistration_request", content=content)
        socket.close()


class NannyFork:
    """The engine's end of a nanny that was forked and waits for its orders."""

    def __init__(self, orders: IO[bytes], answer: IO[bytes], pid: int) -> None:
        self._orders = orders
        self._answer = answer
        self.pid = pid

    def start(self, **kwargs: Any) -> str:
        """Give the nanny its orders (the arguments of KernelNanny); return the URL of its control relay.

        Raises
        ------
        RuntimeError
            If the nanny ended instead of answering.
        """
        kwargs["pid"] = os.getpid()
        pickle.dump(kwargs, self._orders)
        self._orders.close()
        url = self._answer.readline().decode("utf-8").strip()
        if not url:
            raise RuntimeError(f"the engine's nanny (pid {self.pid}) ended before it was ready")
        return url


def fork_nanny() -> NannyFork:
    """Fork this process into engine and nanny; returns in the engine only.

    Call it before MPI is initialized and before threads, sockets or a ZeroMQ context exist.
    """
    orders_read, orders_write = os.pipe()
    answer_read, answer_write = os.pipe()
    engine = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _run_nanny(engine, orders_read, answer_write)
        finally:
            os._exit(0)  # never back into the engine's code, whatever happened
    os.close(orders_read)
    os.close(answer_write)
    return NannyFork(os.fdopen(orders_write, "wb"), os.fdopen(answer_read, "rb"), pid)


def _run_nanny(engine: int, orders: int, answer: int) -> None:
    os.setsid()  # mpiexec ends the engine's group; the nanny must live to tell of it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Close everything else: above all the descriptor by which mpiexec sees that the engine has
    # ended, and the pipes of its output.
    run_dir = os.environ.get(RUN_DIR_VARIABLE)
    log_path = os.path.join(run_dir, "engines.log") if run_dir else os.devnull
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    null = os.open(os.devnull, os.O_RDWR)
    orders = fcntl.fcntl(orders, fcntl.F_DUPFD, 10)  # out of the way of 0, 1 and 2
    answer = fcntl.fcntl(answer, fcntl.F_DUPFD, 10)
    for source, target in ((null, 0), (null, 1), (log, 2)):
        os.dup2(source, target)
    low, high = sorted((orders, answer))
    for start, end in ((3, low), (low + 1, high), (high + 1, os.sysconf("SC_OPEN_MAX"))):
        os.closerange(start, end)
    with os.fdopen(orders, "rb") as handle:
        try:
            kwargs = pickle.load(handle)  # noqa: S301 - from our own parent, over a private pipe
        except EOFError:
            # The engine ended before it registered; it closes its pipe a moment before it is gone.
            wait_for_end(engine)
            note_loss(engine, exit_status_of(engine))
            return
    sys.stdout = os.fdopen(answer, "w", buffering=1)
    ForkedNanny.main(pipe=sys.stdout, **kwargs)
