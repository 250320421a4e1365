"""A cluster that was started in a terminal, watched through its hub."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable

import msgspec
import psutil

from pxengines.launch.paths import RunPaths

from ..api.models import Cluster, MpiWorld
from ..errors import WrongState
from . import state
from .discovery import TerminalSighting, identify, sight_terminal
from .link import HubLink, LinkError, read_connection_file
from .roster import ANY_FACTS, Roster
from .world import judge

_HUB_SECONDS = 10.0
_RETRY_SECONDS = 1.0
_STOP_SECONDS = 10.0


class TerminalCluster:
    """Watches one cluster that ``ipcluster`` started.

    Parameters
    ----------
    sighting : its cluster file.
    changed : called with the cluster after each change.
    gone : called once when its controller says that it ends.
    """

    def __init__(
        self,
        sighting: TerminalSighting,
        changed: Callable[[Cluster], None],
        gone: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        self.sighting = sighting
        self._changed = changed
        self._gone = gone
        self._log = log
        self._look = asyncio.Event()
        self._roster: Roster | None = None
        paths = sighting.paths
        self.cluster = state.found_cluster(
            key=paths.key,
            profile=paths.profile,
            cluster_id=paths.cluster_id,
            run_id=f"terminal-{sighting.controller_pid or 'batch'}-{int(sighting.created_at)}",
            engines=sighting.engines,
            created_at=sighting.created_at,
            at=time.time(),
        )
        self._task = asyncio.get_running_loop().create_task(self._follow())
        self._stopping: asyncio.Task[None] | None = None

    def same_as(self, sighting: TerminalSighting) -> bool:
        """Tell whether `sighting` is this cluster, and not a later one of the same name."""
        mine = self.sighting
        return sighting.paths == mine.paths and sighting.controller_pid == mine.controller_pid

    def seen_again(self, sighting: TerminalSighting) -> None:
        """Take note of a newer cluster file: engines may have been added."""
        self.sighting = sighting
        if sighting.engines != self.cluster.engines_requested:
            self._set(msgspec.structs.replace(self.cluster, engines_requested=sighting.engines))
            self._look.set()

    def ask_stop(self) -> Cluster:
        """End its processes, engines first, as ``ipcluster stop`` does.

        Raises
        ------
        WrongState
            If they do not run here.
        """
        if self.sighting.controller_pid is None:
            profile = self.sighting.paths.profile
            raise WrongState(
                f"The processes of cluster {self.cluster.key} do not run on this machine.",
                f"Stop it where it was started, with `ipcluster stop --profile={profile}`.",
            )
        if self._stopping is None:
            self._set(state.advance(self.cluster, state.StopAsked(time.time())))
            self._stopping = asyncio.get_running_loop().create_task(self._stop())
        return self.cluster

    async def close(self) -> None:
        """Watch no more."""
        tasks = [task for task in (self._task, self._stopping) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _stop(self) -> None:
        left = await asyncio.to_thread(_end, self.sighting)
        if left:
            self._log.error("Processes of cluster %s did not end: %s", self.cluster.key, left)
        self._gone()

    async def _follow(self) -> None:
        connection_file = self.sighting.paths.connection_file("client")
        while True:
            info = await asyncio.to_thread(read_connection_file, connection_file)
            if info is None:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            try:
                link = HubLink(info, changed=self._registered, shut_down=self._gone, log=self._log)
            except (ValueError, KeyError, TypeError) as error:
                self._log.warning("%s cannot be used: %s", connection_file, error)
                return
            self._roster = Roster(link, ANY_FACTS, self._look.set)
            try:
                await link.connect(_HUB_SECONDS)
                await self._keep_up(self._roster)
            except LinkError as error:
                self._log.info("The controller of %s does not answer: %s", self.cluster.key, error)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                await self._roster.close()
                await link.close()

    def _registered(self, registered: dict[int, str]) -> None:
        if self._roster is not None:
            self._roster.update(registered)

    async def _keep_up(self, roster: Roster) -> None:
        while True:
            self._look.clear()
            cluster = state.advance(self.cluster, state.EnginesChanged(time.time(), roster.engines()))
            count = cluster.engines_registered
            if count and roster.complete(count) and cluster.mpi is None:
                judged = judge(roster.facts, count, "")
                # Not one world is no failure here: the user may not have asked for MPI.
                if isinstance(judged, MpiWorld) and judged.library:
                    cluster = state.advance(cluster, state.WorldPassed(time.time(), judged, roster.engines()))
            self._set(cluster)
            await self._look.wait()

    def _set(self, cluster: Cluster) -> None:
        if cluster != self.cluster:
            self.cluster = cluster
            self._changed(cluster)


def _end(sighting: TerminalSighting) -> list[int]:
    """End the processes of a cluster file, engines first; return those that still live. Blocks."""
    left: list[int] = []
    controller = (sighting.controller_pid,) if sighting.controller_pid is not None else ()
    for pids in (sighting.engine_pids, controller):
        processes = [p for pid in pids if (p := identify(pid, sighting.created_at)) is not None]
        for signum in (signal.SIGTERM, signal.SIGKILL):
            for process in processes:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signum)
            _, processes = psutil.wait_procs(processes, timeout=_STOP_SECONDS)
        left += [process.pid for process in processes]
    if not left and sight_terminal(sighting.paths) is None:
        _remove(sighting.paths)
    return left


def _remove(paths: RunPaths) -> None:
    for path in (paths.connection_file("client"), paths.connection_file("engine"), paths.cluster_file):
        path.unlink(missing_ok=True)
