"""All clusters of this user as one server knows them: start, stop, forget, find, adopt."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial

from pxengines.launch.files import read_tail
from pxengines.launch.paths import RunPaths, cluster_key

from ..api.models import (
    Batch,
    Cluster,
    ClusterActivity,
    ClusterList,
    ClusterLog,
    ClusterState,
    Job,
    JobAction,
    JobId,
    LogSource,
    Profile,
    SchedulerStatus,
    StartCluster,
)
from ..audit import Audit
from ..errors import BadRequest, NotWritable, UnknownCluster, WrongState
from ..jobs.service import JobService, JobSettings, KnownJobs
from ..jobs.status import no_scheduler
from ..jobs.watch import JobWatch
from ..profiles.service import ProfileService
from ..scheduler.base import Scheduler
from ..waiting import set_within
from . import state
from .activity import Observer
from .adopter import Adopter, Settled
from .batch_run import BatchRun
from .broadcast import Broadcast
from .care import RunSettings, read_job_log
from .claims import STALE_SECONDS
from .discovery import Sightings, TerminalSighting, look, sight_terminal
from .link import LinkError
from .opening import job_name, new_run_id, open_batch, open_local
from .processes import JobProcess, end_run, lock_held
from .refusals import already, unwritten
from .run import ClusterRun
from .store import RunRecord, forget_run, read_record, user_name
from .table import ClusterTable
from .terminals import Terminals

_DETECT_SECONDS = 3.0
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
        profiles: Callable[[JobService], ProfileService],
        job_settings: JobSettings,
        audit: Audit,
        watched_seconds: float,
        idle_seconds: float,
        emit: Emit,
        log: logging.Logger,
    ) -> None:
        self._settings = settings = dataclasses.replace(
            settings, observer=Observer(lambda: self.broadcast.watched, self._show_activity)
        )
        self._watched_seconds = watched_seconds
        self._idle_seconds = idle_seconds
        self._emit = emit
        self._log = log
        self._table = ClusterTable(no_scheduler(user_name(), time.time()))
        self.broadcast = Broadcast(self._table)
        self.jobs = JobService(
            job_settings,
            user=user_name(),
            audit=audit,
            put_jobs=self._show_jobs,
            put_status=self._show_status,
            watched=self._is_watched,
            known=self._known_jobs,
            log=log,
        )
        self.profile_service = profiles(self.jobs)
        self._adopter = Adopter(settings, self.jobs, self._show, log)
        self._runs: dict[str, ClusterRun | BatchRun] = {}
        self._foreign: dict[str, RunRecord] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._looked = asyncio.Event()
        self._wake = asyncio.Event()
        self._terminals = Terminals(lambda found: self._show(found, None), self._drop, self._wake.set, log)
        self._looker: asyncio.Task[None] | None = None
        self._polled_at = 0.0
        self._looked_at = 0.0

    # --- life of the manager itself

    def begin(self) -> None:
        """Begin to look: adopts what earlier servers left."""
        self.jobs.begin()
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
        self.jobs.poke()

    async def close(self, *, stop_clusters: bool) -> None:
        """End with the server; its own clusters are stopped or left to the next one."""
        if self._looker is not None:
            self._looker.cancel()
            await asyncio.wait({self._looker})
        runs = list(self._runs.values())
        local = [run for run in runs if stop_clusters and isinstance(run, ClusterRun)]
        for run in local:
            run.ask_stop()
        # A batch job goes on without a Jupyter server: that is what it is for.
        await asyncio.gather(*(run.ended() if run in local else run.let_go() for run in runs))
        await self.jobs.close()
        await self._terminals.close()
        self.broadcast.close()

    # --- what handlers ask for

    async def profiles(self) -> list[Profile]:
        """Return the profiles as they are now."""
        # A batch profile is startable only where there is a batch system. One whose commands hang must not
        # keep the panel empty: what they say at last is sent to all.
        await self.jobs.ready(at_most=_DETECT_SECONDS)
        found = await asyncio.to_thread(self.profile_service.list_profiles)
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
        profile = await asyncio.to_thread(self.profile_service.find_profile, request.profile)
        if not profile.startable and profile.kind != "local":
            await self.jobs.ready()  # this server may just have begun to look for the batch system
            profile = await asyncio.to_thread(self.profile_service.find_profile, request.profile)
        if request.engines > profile.max_engines:
            raise BadRequest(
                f"engines must be a whole number from 1 to {profile.max_engines}, not {request.engines}.",
                "Ask for fewer engines: the limit is the site's, or EnginesApp.max_engines of the server.",
            )
        if not profile.startable:
            raise WrongState(
                f"A cluster cannot be started from profile {profile.name}: {profile.problem}",
                "Choose another profile.",
            )
        key = cluster_key(profile.name, "")
        async with self._locks[key]:
            return await self._start(key, request, profile)

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
        terminal = self._terminals.get(key)
        if terminal is not None:
            return terminal.ask_stop()
        if key in self._foreign and cluster.state in state.LIVE:
            return self._stop_foreign(self._foreign[key])
        return cluster

    async def interrupt(self, key: str) -> None:
        """Interrupt what the engines of a cluster do; raises UnknownCluster or WrongState."""
        run = await self._run_of(key)
        try:
            await run.interrupt()
        except LinkError as error:
            raise WrongState(
                f"Not all engines of {key} could be interrupted: {error}.",
                "Restart the engines, or stop the cluster.",
            ) from error

    async def restart_engines(self, key: str) -> Cluster:
        """End all engines of a cluster and start others; raises UnknownCluster, WrongState or NotWritable."""
        run = await self._run_of(key)
        async with self._locks[key]:
            try:
                return await run.restart_engines()
            except OSError as error:
                raise NotWritable(
                    f"The job of the cluster {key} cannot be asked.", "Make its folder writable.", str(error)
                ) from error

    async def _run_of(self, key: str) -> ClusterRun | BatchRun:
        cluster = await self.get(key)
        run = self._runs.get(key)
        if run is None:
            raise WrongState(
                f"The cluster {cluster.key} is not looked after by this server.",
                "Do it where it was started.",
            )
        return run

    async def change_job(self, job_id: JobId, action: JobAction, seconds: int = 0) -> Job:
        """Hold, release, delete or alter a job; deleting one of a cluster stops the cluster."""
        cluster = next((c for c in self._live_clusters() if c.batch and _has_job(c.batch, job_id)), None)
        if action == "delete" and cluster is not None:
            job = await self.jobs.job(job_id)  # before it is gone
            await self.stop(cluster.key)
            return job
        if action == "alter_walltime" and cluster is not None:
            await self.profile_service.check_walltime(cluster.profile, seconds)
        return await self.jobs.change(job_id, action, seconds)

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
        if source == "job" and terminal is None:
            text, truncated = await asyncio.to_thread(read_job_log, RunPaths.of_key(key), lines)
        else:
            text, truncated = await asyncio.to_thread(read_tail, path, lines)
        return ClusterLog(source=source, text=text, truncated=truncated)

    # --- start and stop

    async def _start(self, key: str, request: StartCluster, profile: Profile) -> Cluster:
        paths = RunPaths.of_key(key)
        before = self._runs.get(key)
        shown = before.cluster if before is not None else self._table.get(key)
        if before is not None and before.idempotency_key == request.idempotency_key:
            return before.cluster
        last = await asyncio.to_thread(read_record, paths.record)
        if last is not None and last.idempotency_key == request.idempotency_key:
            return last.cluster
        if shown is not None and shown.state in state.LIVE:
            raise already(shown)
        if last is not None and last.cluster.state in state.LIVE and before is None:
            raise already(last.cluster)
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
        run = await self._open(paths, request, profile)
        self._foreign.pop(key, None)
        self._runs[key] = run
        self._show(run.cluster, None)
        run.begin()
        return run.cluster

    async def _open(self, paths: RunPaths, request: StartCluster, profile: Profile) -> ClusterRun | BatchRun:
        settings = self._settings
        try:
            if profile.kind == "local":
                record = await asyncio.to_thread(open_local, paths, request, settings)
                return ClusterRun(paths, record, settings, self._show)
            scheduler, watch = await self._batch_system()
            run_id = new_run_id()
            plan = await self.profile_service.plan(
                request,
                run_dir=paths.run_dir,
                job_name=partial(job_name, run_id),
                running=self._live_clusters(),
            )
            record = await asyncio.to_thread(
                open_batch, paths, request, settings, plan, run_id, scheduler.dialect
            )
            return BatchRun(paths, record, settings, self._show, watch=watch, scheduler=scheduler)
        except OSError as error:
            raise unwritten(paths, error) from error

    async def _batch_system(self) -> tuple[Scheduler, JobWatch]:
        await self.jobs.ready()
        watch = self.jobs.watch
        if watch is None:
            raise WrongState(
                "No batch system was found on this machine: there is no qsub in PATH.",
                "Start Jupyter where qsub works, or load the module that has it first.",
            )
        return watch.scheduler, watch

    def _live_clusters(self) -> list[Cluster]:
        return [cluster for cluster in self._table.clusters() if cluster.state in state.LIVE]

    def _stop_foreign(self, record: RunRecord) -> Cluster:
        """Stop a cluster of another server of this user: its job ends, and that server sees it."""
        if record.batch is not None:
            raise WrongState(
                f"Another Jupyter server of yours looks after the cluster {record.cluster.key}.",
                f"Stop it there; if that server is gone, it is taken over within {STALE_SECONDS:g} s.",
            )
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
                self._looked.set()
                await self.profiles()
            except Exception:
                self._log.exception("Looking for clusters failed; trying again")
            self._looked.set()
            if await set_within(self._wake, self._pause()):
                await asyncio.sleep(0.2)  # many who watch are one look

    def _pause(self) -> float:
        moving = any(cluster.state in state.IN_MOTION for cluster in self._table.clusters())
        return self._watched_seconds if self._is_watched() or moving else self._idle_seconds

    async def _take_note(self, seen: Sightings) -> None:
        for key, run in list(self._runs.items()):
            taken_over = isinstance(run, BatchRun) and run.taken_over
            if taken_over or (not run.live and run.on_disk):
                del self._runs[key]
        for key, paths in seen.runs.items():
            await self._note_run(key, paths)
        for key, terminal in seen.terminals.items():
            self._note_terminal(key, terminal)
        self._terminals.keep(seen.terminals)
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
            found = await self._adopter.take(paths)
            if found is None:
                return
            if isinstance(found, Settled):
                self._foreign[key] = found.record
                self._show(found.cluster, found.before)
                return
            self._foreign.pop(key, None)
            self._runs[key] = found
            self._show(found.cluster, None)
            found.begin()

    def _note_terminal(self, key: str, sighting: TerminalSighting) -> None:
        run = self._runs.get(key)
        if run is not None and run.live:
            return
        self._terminals.note(key, sighting)

    # --- the table

    def _show(self, cluster: Cluster, before: ClusterState | None) -> None:
        old = self._table.get(cluster.key)
        if self._table.put(cluster):
            self.broadcast.touch()
            if old is None or old.state != cluster.state or old.run_id != cluster.run_id:
                self._emit(cluster, before if old is None else old.state)
                if cluster.batch is not None:
                    self.jobs.clusters_changed()
                if cluster.state in state.IN_MOTION:
                    self._wake.set()

    def _drop(self, key: str) -> None:
        if self._table.remove(key):
            self.broadcast.touch()

    def _show_activity(self, activity: ClusterActivity) -> None:
        self._table.put_activity(activity)
        self.broadcast.touch()

    def _show_jobs(self, jobs: Mapping[JobId, Job]) -> None:
        if self._table.put_jobs(jobs):
            self.broadcast.touch()

    def _show_status(self, status: SchedulerStatus) -> None:
        known = self._table.scheduler.dialect
        if self._table.put_scheduler(status):
            self.broadcast.touch()
        if status.dialect != known:
            self._wake.set()  # other profiles can be started now

    def _is_watched(self) -> bool:
        return self.broadcast.watched or time.monotonic() - self._polled_at < _POLLED_SECONDS

    def _known_jobs(self) -> KnownJobs:
        by_id, live = {}, set()
        for cluster in self._table.clusters():
            for job in cluster.batch.jobs if cluster.batch is not None else ():
                if job.job_id is not None:
                    by_id[job.job_id] = (cluster.key, job.role)
                if cluster.state in state.LIVE:
                    live.add(job.name)
        return KnownJobs(by_id, frozenset(live))


def _runs_elsewhere(paths: RunPaths) -> bool:
    return lock_held(paths.lock) or sight_terminal(paths) is not None


def _has_job(batch: Batch, job_id: JobId) -> bool:
    return any(job.job_id == job_id for job in batch.jobs)
