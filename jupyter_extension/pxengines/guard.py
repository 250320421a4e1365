"""Watches an engine from its first moment until its nanny takes over.

The nanny can only be forked when the engine has loaded its modules. A rank that is killed before that, or
fails to load them, would leave the other ranks waiting in ``MPI_Init`` without end and without a word.
"""

from __future__ import annotations

import os
import select
import signal

from .launch.losses import exit_status_of, note_loss
from .launch.process import wait_for_end


class StartGuard:
    """A fork of the young engine that notes its loss, unless it was released before."""

    def __init__(self) -> None:
        engine = os.getpid()
        self._reader, self._writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                self._watch(engine)
            finally:
                os._exit(0)
        os.close(self._reader)

    def release(self) -> None:
        """End the guard: the nanny watches from now on."""
        os.write(self._writer, b"x")
        os.close(self._writer)
        os.waitpid(self._pid, 0)

    def _watch(self, engine: int) -> None:
        os.setsid()  # mpiexec ends the engine's group; the guard must live to tell of it
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.close(self._writer)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):  # mpiexec waits until all that can write its output are gone
            os.dup2(null, standard)
        os.closerange(3, self._reader)
        os.closerange(self._reader + 1, os.sysconf("SC_OPEN_MAX"))
        select.select([self._reader], [], [])
        if os.read(self._reader, 1) == b"":  # the engine ended: nobody else holds the other end
            wait_for_end(engine)
            note_loss(engine, exit_status_of(engine))
