"""The controller of a batch cluster that runs beside Jupyter, while its engines run in a job."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pxengines.launch.paths import RUN_ID_VARIABLE
from pxengines.launch.process import SAFE_PATH, without_secrets

from .processes import JobProcess, end_run, spawn_detached


class LocalController:
    """A controller process; it outlives this server, and the next one takes it over.

    Parameters
    ----------
    run_id : in the environment of all its processes.
    environment : variables added to those of this server.
    grace_seconds : how long it may take to end in order.
    ended : called when it has ended.
    """

    def __init__(
        self,
        run_id: str,
        environment: Mapping[str, str],
        grace_seconds: float,
        ended: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        self._run_id = run_id
        self._environment = environment
        self._grace_seconds = grace_seconds
        self._ended = ended
        self._log = log
        self._process: JobProcess | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def gone(self) -> bool:
        """Whether it ran and has ended."""
        return self._watch is not None and self._watch.done()

    async def start(self, argv: Sequence[str], output: Path) -> JobProcess:
        """Start it; raises OSError if that cannot be done."""
        environ = {
            **without_secrets(os.environ),
            **self._environment,
            **SAFE_PATH,
            RUN_ID_VARIABLE: self._run_id,
        }
        process = await asyncio.to_thread(spawn_detached, argv, output, environ)
        self.take_over(process)
        return process

    def take_over(self, process: JobProcess) -> None:
        """Look after a controller that runs, or ran."""
        self._process = process
        self._watch = asyncio.get_running_loop().create_task(process.ended())
        self._watch.add_done_callback(lambda _: self._ended())

    async def end(self) -> list[int]:
        """End it and all that it started; return the processes that could not be ended."""
        if self._process is not None and self._watch is not None and not self._watch.done():
            self._process.send(signal.SIGTERM)
            await asyncio.wait({self._watch}, timeout=self._grace_seconds)
            if not self._watch.done():
                self._log.warning("The controller %d is killed", self._process.pid)
                self._process.send(signal.SIGKILL)
        return await asyncio.to_thread(end_run, self._run_id, 2.0)

    def let_go(self) -> None:
        """Look after it no more; it goes on."""
        if self._watch is not None:
            self._watch.cancel()
