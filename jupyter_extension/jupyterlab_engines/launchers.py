"""ipyparallel's launchers for our batch profiles: ``ipcluster start|list|stop --profile=NAME`` in a terminal.

A profile made in the panel names these two classes in its ``ipcluster_config.py``. They start the same run
as the panel, from the same settings, with the same record: a Jupyter server shows it, and looks after it
once the terminal does not. The controller's launcher stands for the whole run; the engines' only joins in.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ipyparallel.cluster.launcher import ControllerLauncher, EngineLauncher, LauncherError, NotRunning
from traitlets import Float, Unicode
from traitlets.config import Application

from pxengines.launch.cluster_file import CONTROLLER_LAUNCHER, ENGINES_LAUNCHER
from pxengines.launch.events import events_of_run
from pxengines.launch.paths import RunPaths, profile_path

from .clusters import state
from .clusters.store import read_record
from .terminal_run import TerminalRun


class _EngineJob:
    """What both launchers have in common."""

    profile_dir: str
    cluster_id: str

    @property
    def paths(self) -> RunPaths:
        """The files of the run.

        Raises
        ------
        LauncherError
            If the profile lies where the panel would not find it.
        """
        folder = Path(self.profile_dir)
        paths = RunPaths(folder, self.cluster_id)
        if folder.resolve() != profile_path(paths.profile).resolve():
            raise LauncherError(f"{folder} is no profile in IPython's folder: the panel would not find it.")
        return paths

    def signal(self, sig: int) -> None:
        """Refuse: a signal does not reach the nodes."""
        raise LauncherError("Signals go to engines by Client.send_signal: they run in a batch job.")

    def find_args(self) -> list[str]:
        """Return what is submitted."""
        return ["qsub", str(self.paths.run_dir)]


class EngineJobControllerLauncher(_EngineJob, ControllerLauncher):
    """Submits the run, and stops it."""

    entrypoint_name = CONTROLLER_LAUNCHER
    run_id = Unicode("").tag(to_dict=True)
    connection_info_timeout = Float(-1, help="A job may wait in the queue for a day.").tag(config=True)

    _terminal: TerminalRun | None = None
    _watching: asyncio.Task[None] | None = None
    _stopping: asyncio.Task[None] | None = None

    @classmethod
    def from_dict(cls, d: dict[str, Any], **kwargs: Any) -> EngineJobControllerLauncher:
        """Return the launcher of a run that was started before; raise NotRunning if it has ended."""
        launcher: EngineJobControllerLauncher = super().from_dict(d, **kwargs)
        check_running(launcher.paths, launcher.run_id)
        launcher.state = "running"
        return launcher

    @property
    def terminal(self) -> TerminalRun:
        """The run, as this process sees it."""
        if self._terminal is None:
            self._terminal = TerminalRun(self.paths, self.log)
        return self._terminal

    async def start(self) -> None:
        """Submit; return when the batch system has taken the job."""
        if self.parent is not None:
            # It would wait for the job to run, and put keys into an environment.
            self.parent.send_engines_connection_env = False
        try:
            cluster = await self.terminal.start(getattr(self.parent, "n", None))
        except Exception as error:
            await self.terminal.leave()
            ipcluster = getattr(self.parent, "parent", None)
            if isinstance(ipcluster, Application):  # it would log a traceback, and wait for ever
                self.log.critical("%s", error, exc_info=not isinstance(error, LauncherError))
                ipcluster.exit(1)
            raise
        self.run_id = cluster.run_id
        for job in cluster.batch.jobs if cluster.batch else []:
            self.log.info("Job %s (%s) is %s", job.job_id, job.name, job.state)
        self.notify_start({"run_id": cluster.run_id})
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        run = self.terminal.run
        if run is None:
            return
        await run.ended()
        failure = run.cluster.failure
        if run.cluster.state not in state.LIVE:
            words = f"{failure.message} {failure.next_step}" if failure else run.cluster.state
            self.notify_stop({"exit_code": 1 if failure else 0, "message": words})

    async def stop(self) -> None:
        """Delete the jobs; return when they are over."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        await self.terminal.stop()
        await self.terminal.leave()
        self.notify_stop({"exit_code": 0})

    async def settle(self, *, stay: bool) -> None:
        """Return when all jobs are submitted; unless `stay`, leave the run to itself then."""
        await self.terminal.submitted(all_jobs=True)
        if not stay:
            if self._watching is not None:
                self._watching.cancel()
            await self.terminal.leave()

    async def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the run."""
        if self._watching is not None:
            await asyncio.wait_for(asyncio.shield(self._watching), timeout)

    def poll(self) -> int | None:
        """Return how it ended; None as long as it has not."""
        return None if self.state != "after" else int((self.stop_data or {}).get("exit_code", 0))


class EngineJobEngineSetLauncher(_EngineJob, EngineLauncher):
    """The engines of the run that the controller's launcher has submitted: they end with it."""

    entrypoint_name = ENGINES_LAUNCHER
    run_id = Unicode("").tag(to_dict=True)

    @classmethod
    def from_dict(cls, d: dict[str, Any], **kwargs: Any) -> EngineJobEngineSetLauncher:
        """Return the launcher of engines that were started before; raise NotRunning if they have ended."""
        launcher: EngineJobEngineSetLauncher = super().from_dict(d, **kwargs)
        check_running(launcher.paths, launcher.run_id)
        launcher.state = "running"
        return launcher

    @property
    def _controller(self) -> EngineJobControllerLauncher:
        controller = getattr(self.parent, "controller", None)
        if not isinstance(controller, EngineJobControllerLauncher):
            raise LauncherError(
                "These engines come with the controller of their profile: set both launcher classes, "
                "Cluster.controller_launcher_class too, as the profile's ipcluster_config.py does."
            )
        return controller

    async def start(self, n: int) -> None:
        """Wait until the engines' job is submitted, too; `n` was settled with the controller."""
        controller = self._controller
        self.run_id = controller.run_id
        run = controller.terminal.run
        self.n = run.cluster.engines_requested if run is not None else n
        stay = bool(getattr(self.parent, "shutdown_atexit", True))
        controller.on_stop(self.notify_stop)
        await controller.settle(stay=stay)
        self.notify_start({"run_id": self.run_id})

    async def stop(self) -> None:
        """End the run: engines and controller are one."""
        if self.state != "after" and getattr(self.parent, "controller", None) is not None:
            await self._controller.stop()
        self.notify_stop({"exit_code": 0})


def check_running(paths: RunPaths, run_id: str) -> None:
    """Raise NotRunning if the run is known to have ended; what cannot be known counts as running."""
    record = read_record(paths.record)
    if record is not None and (record.cluster.run_id != run_id or record.cluster.state not in state.LIVE):
        raise NotRunning(f"the run {run_id} of {paths.key} has ended")
    if record is None and any(e["event"] == "job_ended" for e in events_of_run(paths.events, run_id)):
        raise NotRunning(f"the job of {paths.key} has ended")
