"""All clusters of this user as one server knows them: start, stop, forget, find, adopt."""

from __future__ import annotations

import asyncio
import errno
import getpass
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Callable

from pxengines.launch.files import read_tail
from pxengines.launch.paths import RunPaths, cluster_key, ipython_dir
from pxengines.launch.spec import JobSpec

from .. import profiles
from ..api.models import (
    Cluster,
    ClusterList,
    ClusterLog,
    ClusterState,
    LogSource,
    Profile,
    StartCluster,
)
from ..errors import ApiError, BadRequest, DiskFull, NotWritable, UnknownCluster, WrongState
from ..jobs.status import no_scheduler
from . import state
from .adopt import take_over
from .broadcast import Broadcast
from .discovery import Sightings, TerminalSighting, look, sight_terminal
from .processes import JobProcess, end_run, lock_held
from .run import ClusterRun, RunSettings
from .store import RunRecord, forget_run, is_disk_full, open_run, read_record, write_record
from .table import ClusterTable
from .terminal import TerminalCluster

_UNWRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EEXIST})
_POLLED_SECONDS = 30.0
"""A browser that polls counts as watching for this long after a request."""

Emit = Callable[[Cluster, ClusterState | None], None]
"""Called with each cluster that entered another state, and the one it was in before."""


class ClusterManager:
    """Keeps `table` true and does what the handlers are asked for."""

    def __init__(
        self,
        settings: RunSettings,
        *,
        max_engines: int,
        watched_seconds: float,
        idle_seconds: float,
        emit: Emit,
        log: logging.Logger,
    ) -> None:
        self._settings = settings
        self._max_engines = max_engines
        self._watched_seconds = watched_seconds
        self._idle_seconds = idle_seconds
        self._emit = emit
        self._log = log
        self._table = ClusterTable(no_scheduler(getpass.getuser(), time.time()))
        self.broadcast = Broadcast(self._table)
        self._runs: dict[str, ClusterRun] = {}
        self._terminals: dict[str, TerminalCluster] = {}
        self._foreign: dict[str, RunRecord] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._looked = asyncio.Event()
        self._wake = asyncio.Event()
        self._looker: asyncio.Task[None] | None = None
        self._closing: list[asyncio.Task[None]] = []
        self._polled_at = 0.0
        self._looked_at = 0.0

    # --- life of the manager itself

    def begin(self) -> None:
        """Begin to look: adopts what earlier servers left."""
        if self._looker is None:
            self._looker = asyncio.get_running_loop().create_task(self._keep_looking())

    async def ready(self) -> None:
        """Return when the first look is over."""
        self.begin()
        await self._looked.wait()

    def poke(self) -> None:
        """Take note that somebody watches; look now if the last look is older than they may expect."""
        self._polled_at = time.monotonic()
        if self._polled_at - self._looked_at > self._watched_seconds:
            self._wake.set()

    async def close(self, *, stop_clusters: bool) -> None:
        """End with the server; its own clusters are stopped or left to the next one."""
        if self._looker is not None:
            self._looker.cancel()
            await asyncio.wait({self._looker})
        runs = list(self._runs.values())
        if stop_clusters:
            for run in runs:
                run.ask_stop()
            await asyncio.gather(*(run.ended() for run in runs))
        else:
            await asyncio.gather(*(run.let_go() for run in runs))
        await asyncio.gather(*(terminal.close() for terminal in self._terminals.values()))
        if self._closing:
            await asyncio.wait(self._closing)
        self.broadcast.close()

    # --- what handlers ask for

    async def profiles(self) -> list[Profile]:
        """Return the profiles as they are now."""
        found = await asyncio.to_thread(profiles.list_profiles, self._max_engines)
        self._table.put_profiles(found)
        self.broadcast.touch()
        return found

    async def clusters(self) -> ClusterList:
        """Return all clusters."""
        await self.ready()
        self.poke()
        self.broadcast.flush()
        return ClusterList(revision=self._table.revision, clusters=self._table.clusters())

    async def get(self, key: str) -> Cluster:
        """Return one cluster; raises UnknownCluster."""
        await self.ready()
        cluster = self._table.get(key)
        if cluster is None:
            raise UnknownCluster(f"There is no cluster {key}.", "It may have been dismissed elsewhere.")
        return cluster

    async def start(self, request: StartCluster) -> Cluster:
        """Start a cluster, or return the one that the same request started before.

        Raises
        ------
        ApiError
            If the profile is unknown or not startable, too many engines are asked for, a cluster of
            it lives, or the disk does not let us.
        """
        await self.ready()
        profile = await asyncio.to_thread(profiles.find_profile, request.profile, self._max_engines)
        if request.engines > profile.max_engines:
            raise BadRequest(
                f"engines must be a whole number from 1 to {profile.max_engines}, not {request.engines}.",
                "Ask for fewer engines, or raise EnginesApp.max_engines in the server's configuration.",
            )
        if not profile.startable:
            raise WrongState(
                f"A cluster cannot be started from profile {profile.name}: {profile.problem}",
                "Choose another profile.",
            )
        key = cluster_key(profile.name, "")
        async with self._locks[key]:
            return await self._start(key, request)

    async def stop(self, key: str) -> Cluster:
        """Ask for the end of a cluster; of one that has ended, nothing.

        Raises
        ------
        ApiError
            If there is none, or it does not run on this machine.
        """
        cluster = await self.get(key)
        run = self._runs.get(key)
        if run is not None:
            stopping = run.ask_stop()
            await run.on_record()  # what was promised is kept, also by the next server
            return stopping
        if key in self._terminals:
            return self._terminals[key].ask_stop()
        if key in self._foreign and cluster.state in state.LIVE:
            return self._stop_foreign(self._foreign[key])
        return cluster

    async def forget(self, key: str) -> None:
        """Remove an ended cluster with its files; raises UnknownCluster, WrongState or NotWritable."""
        async with self._locks[key]:
            cluster = await self.get(key)
            if cluster.state in state.LIVE:
                raise WrongState(f"The cluster {key} is {cluster.state}.", "Stop it first.")
            run = self._runs.pop(key, None)
            if run is not None:
                await run.ended()
            paths = RunPaths.of_key(key)
            try:
                await asyncio.to_thread(forget_run, paths)
            except FileNotFoundError:
                pass  # another server was faster
            except OSError as error:
                raise NotWritable(
                    f"The folder {paths.run_dir} cannot be removed.", "Make it writable.", str(error)
                ) from error
            self._foreign.pop(key, None)
            self._drop(key)

    async def log_of(self, key: str, source: LogSource, lines: int) -> ClusterLog:
        """Return the last `lines` lines of a log; an empty text if there is none."""
        await self.get(key)
        terminal = self._terminals.get(key)
        path = RunPaths.of_key(key).log(source)
        if terminal is not None:
            recorded = terminal.sighting.logs.get(source)
            if recorded is None:
                return ClusterLog(source=source, text="", truncated=False)
            path = recorded
        text, truncated = await asyncio.to_thread(read_tail, path, lines)
        return ClusterLog(source=source, text=text, truncated=truncated)

    # --- start and stop

    async def _start(self, key: str, request: StartCluster) -> Cluster:
        paths = RunPaths.of_key(key)
        before = self._runs.get(key)
        shown = before.cluster if before is not None else self._table.get(key)
        if before is not None and before.idempotency_key == request.idempotency_key:
            return before.cluster
        last = await asyncio.to_thread(read_record, paths.record)
        if last is not None and last.idempotency_key == request.idempotency_key:
            return last.cluster
        if shown is not None and shown.state in state.LIVE:
            raise _already(shown)
        if last is not None and last.cluster.state in state.LIVE and before is None:
            raise _already(last.cluster)
        if await asyncio.to_thread(_runs_elsewhere, paths):
            self._wake.set()
            raise WrongState(
                f"A cluster {key} runs already; it was started elsewhere.", "Connect to it, or stop it first."
            )
        if before is not None:
            await before.ended()
        if last is not None:
            left = await asyncio.to_thread(end_run, last.cluster.run_id, 1.0)
            if left:
                pids = " ".join(str(pid) for pid in left)
                raise WrongState(
                    f"Processes of the last cluster {key} still run: {pids}.",
                    f"End them in a terminal with `kill -9 {pids}`, then start again.",
                )
        run = await self._open(paths, request)
        self._foreign.pop(key, None)
        self._runs[key] = run
        self._show(run.cluster, None)
        run.begin()
        return run.cluster

    async def _open(self, paths: RunPaths, request: StartCluster) -> ClusterRun:
        settings = self._settings
        cluster = state.new_cluster(
            key=paths.key,
            profile=request.profile,
            cluster_id=paths.cluster_id,
            run_id=uuid.uuid4().hex,
            engines=request.engines,
            at=time.time(),
        )
        record = RunRecord(
            cluster=cluster,
            idempotency_key=request.idempotency_key,
            owner=settings.owner,
            job_pid=None,
            job_started=None,
        )
        spec = JobSpec(
            run_id=cluster.run_id,
            profile_dir=str(paths.profile_dir),
            cluster_id=paths.cluster_id,
            engines=request.engines,
            python=list(settings.python),
            mpiexec=None if settings.mpiexec is None else list(settings.mpiexec),
            mpi_args=list(settings.mpi_args),
            work_dir=settings.work_dir,
        )
        try:
            await asyncio.to_thread(open_run, paths, record, spec)
        except OSError as error:
            raise _unwritten(paths, error) from error
        return ClusterRun(paths, record, settings, self._show)

    def _stop_foreign(self, record: RunRecord) -> Cluster:
        """Stop a cluster of another server of this user: its job ends, and that server sees it."""
        if record.owner.elsewhere() or record.job_pid is None:
            raise WrongState(
                f"The cluster {record.cluster.key} belongs to a Jupyter server on {record.owner.host}.",
                "Stop it there.",
            )
        JobProcess(pid=record.job_pid, started=record.job_started, child=False).send(15)
        return record.cluster

    # --- looking

    async def _keep_looking(self) -> None:
        while True:
            self._wake.clear()
            self._looked_at = time.monotonic()
            try:
                seen = await asyncio.to_thread(look)
                await self._take_note(seen)
                await self.profiles()
            except Exception:
                self._log.exception("Looking for clusters failed; trying again")
            self._looked.set()
            try:
                await asyncio.wait_for(self._wake.wait(), self._pause())
                await asyncio.sleep(0.2)  # many who watch are one look
            except asyncio.TimeoutError:
                continue

    def _pause(self) -> float:
        polled = time.monotonic() - self._polled_at < _POLLED_SECONDS
        moving = any(cluster.state in state.IN_MOTION for cluster in self._table.clusters())
        return self._watched_seconds if self.broadcast.watched or polled or moving else self._idle_seconds

    async def _take_note(self, seen: Sightings) -> None:
        for key, run in list(self._runs.items()):
            if not run.live and run.on_disk:
                del self._runs[key]
        for key, paths in seen.runs.items():
            await self._note_run(key, paths)
        for key, terminal in seen.terminals.items():
            self._note_terminal(key, terminal)
        for key in [k for k in self._terminals if k not in seen.terminals]:
            self._lose_terminal(key)
        for cluster in self._table.clusters():
            key = cluster.key
            if key not in self._runs and key not in self._terminals and key not in seen.runs:
                self._foreign.pop(key, None)
                self._drop(key)

    async def _note_run(self, key: str, paths: RunPaths) -> None:
        async with self._locks[key]:
            if key in self._runs or key in self._terminals:
                return
            # Read now, under the lock: the look is older than what happened since.
            record = await asyncio.to_thread(read_record, paths.record)
            if record is not None and self._is_settled(record):
                self._foreign[key] = record
                self._show(record.cluster, record.cluster.state)
            else:
                await self._adopt(key, paths, record)

    def _is_settled(self, record: RunRecord) -> bool:
        """Tell whether a run needs no care of this server: it has ended, or another looks after it."""
        if record.cluster.state not in state.LIVE:
            return True
        return record.owner != self._settings.owner and record.owner.lives()

    async def _adopt(self, key: str, paths: RunPaths, record: RunRecord | None) -> None:
        adopted = await asyncio.to_thread(
            take_over, paths, record, self._settings.owner, self._settings.python[0]
        )
        if adopted is None:
            return
        try:
            await asyncio.to_thread(write_record, paths, adopted.record)
        except OSError as error:
            self._log.error("The record of cluster %s could not be written: %s", key, error)
        if adopted.job is None:
            self._log.warning("Cluster %s did not survive its server: %s", key, adopted.record.cluster.state)
            self._foreign[key] = adopted.record
            self._show(adopted.record.cluster, None)
            return
        self._log.info("Cluster %s lives on; looking after it", key)
        self._foreign.pop(key, None)
        run = ClusterRun(paths, adopted.record, self._settings, self._show)
        self._runs[key] = run
        self._show(run.cluster, None)
        run.begin(adopted.job)

    def _note_terminal(self, key: str, sighting: TerminalSighting) -> None:
        run = self._runs.get(key)
        if run is not None and run.live:
            return
        known = self._terminals.get(key)
        if known is not None:
            if known.same_as(sighting):
                known.seen_again(sighting)
                return
            self._lose_terminal(key)
        terminal = TerminalCluster(
            sighting,
            lambda cluster: self._show(cluster, None),
            self._wake.set,
            self._log,
        )
        self._terminals[key] = terminal
        if sighting.controller_pid is not None:  # else it shows when its hub answers: the file may be old
            self._show(terminal.cluster, None)

    def _lose_terminal(self, key: str) -> None:
        terminal = self._terminals.pop(key)
        self._closing = [task for task in self._closing if not task.done()]
        self._closing.append(asyncio.get_running_loop().create_task(terminal.close()))
        self._drop(key)

    # --- the table

    def _show(self, cluster: Cluster, before: ClusterState | None) -> None:
        old = self._table.get(cluster.key)
        if self._table.put(cluster):
            self.broadcast.touch()
            if old is None or old.state != cluster.state or old.run_id != cluster.run_id:
                self._emit(cluster, before if old is None else old.state)
                if cluster.state in state.IN_MOTION:
                    self._wake.set()

    def _drop(self, key: str) -> None:
        if self._table.remove(key):
            self.broadcast.touch()


def _runs_elsewhere(paths: RunPaths) -> bool:
    return lock_held(paths.lock) or sight_terminal(paths) is not None


def _already(cluster: Cluster) -> WrongState:
    key, count = cluster.key, cluster.engines_requested or len(cluster.engines)
    if cluster.state == "stopping":
        return WrongState(f"The cluster {key} is stopping.", "Start it again when it has stopped.")
    if cluster.state in state.IN_MOTION:
        return WrongState(
            f"The cluster {key} is starting already, with {count} engines.",
            "Wait until it is ready, or stop it first.",
        )
    return WrongState(
        f"The cluster {key} runs already, with {count} engines.", "Connect to it, or stop it first."
    )


def _unwritten(paths: RunPaths, error: OSError) -> ApiError:
    where = error.filename or paths.run_dir
    if is_disk_full(error):
        return DiskFull(
            f"There is no room on the disk of {paths.profile_dir.parent}, so the cluster was not started.",
            "Remove files you do not need, or ask for a larger quota. Then start the cluster again.",
            str(error),
        )
    if error.errno in _UNWRITABLE:
        return NotWritable(
            f"The folder {where} cannot be written, so the cluster was not started.",
            f"Make {ipython_dir()} writable, or set the environment variable IPYTHONDIR "
            "to a folder you can write before you start Jupyter.",
            str(error),
        )
    return ApiError(f"The cluster {paths.key} could not be put on disk.", "Read the detail.", str(error))
