"""One run of one cluster under this server's care, from Start or adoption to its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from pxengines.launch.events import read_events
from pxengines.launch.files import read_tail
from pxengines.launch.paths import RUN_ID_VARIABLE, RunPaths
from pxengines.launch.process import SAFE_PATH, without_secrets

from ..api.models import Cluster, ClusterState, Failure, MpiWorld
from . import postmortem, state
from .link import HubLink, LinkError, read_connection_file
from .processes import JobProcess, end_run, remove_traces, spawn_job
from .roster import OUR_FACTS, Roster
from .store import Journal, Owner, RunRecord
from .words import failure
from .world import judge

_EVIDENCE_LINES = 400
_LOOK_SECONDS = 0.04
_RETRY_SECONDS = 0.5
_HUB_SECONDS = 10.0
_FLUSH_SECONDS = 2.0


@dataclass(frozen=True)
class RunSettings:
    """What all runs of this server have in common.

    Attributes
    ----------
    python : command line of the Python that runs job, controller and engines.
    mpiexec : command line of the MPI launcher; None: the job finds it.
    mpi_args : further arguments for it.
    environment : variables added to those of this server for job, controller and engines.
    work_dir : where engines start.
    stop_grace_seconds : how long a job may take to end in order before it is killed.
    owner : this server.
    """

    python: tuple[str, ...]
    mpiexec: tuple[str, ...] | None
    mpi_args: tuple[str, ...]
    environment: Mapping[str, str]
    work_dir: str
    stop_grace_seconds: float
    owner: Owner
    log: logging.Logger


Changed = Callable[[Cluster, ClusterState], None]
"""Called with the cluster as it is now, and the state it was in before."""


class ClusterRun:
    """Looks after one run.

    Parameters
    ----------
    paths : its files; the record is on disk already.
    record : its record.
    """

    def __init__(self, paths: RunPaths, record: RunRecord, settings: RunSettings, changed: Changed) -> None:
        self._paths = paths
        self._record = record
        self._settings = settings
        self._changed = changed
        self._journal = Journal(paths, settings.log)
        self._log = settings.log
        self._stop = asyncio.Event()
        self._look = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._most = record.cluster.engines_registered
        if record.cluster.state == "stopping":
            self._stop.set()

    @property
    def cluster(self) -> Cluster:
        """The cluster as it is now."""
        return self._record.cluster

    @property
    def idempotency_key(self) -> str:
        """The key of the Start that made this run."""
        return self._record.idempotency_key

    @property
    def live(self) -> bool:
        """Whether something of it may run."""
        return self.cluster.state in state.LIVE

    @property
    def on_disk(self) -> bool:
        """Whether the end of this run is on disk, and nothing remains to be done."""
        return self._life is not None and self._life.done() and self._journal.idle

    def begin(self, job: JobProcess | None = None) -> None:
        """Start its job, or look after `job`, which an earlier server started."""
        self._life = asyncio.get_running_loop().create_task(self._live(job))

    def ask_stop(self) -> Cluster:
        """Ask for the end; asking again changes nothing."""
        if self.live and not self._stop.is_set():
            self._advance(state.StopAsked(time.time()))
            self._stop.set()
        return self.cluster

    async def on_record(self) -> None:
        """Wait until the cluster as it is now is on disk; on a full disk not for ever."""
        await self._journal.flushed(_FLUSH_SECONDS)

    async def ended(self) -> None:
        """Return when nothing of it is left, or when it was let go."""
        if self._life is not None:
            await asyncio.wait({self._life})
        await self._journal.close()

    async def let_go(self) -> None:
        """Stop looking after it; its job goes on."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait({self._life})
        await self._journal.close()

    async def _live(self, job: JobProcess | None) -> None:
        verdict: Failure | None = None
        try:
            if job is None:
                job = await self._spawn()
            else:
                self._started(job)
            verdict = await self._watch(job)
        except OSError as error:
            self._log.exception("Cluster %s could not be started", self._paths.key)
            verdict = failure("internal", {"detail": str(error)})
        except Exception as error:
            self._log.exception("Looking after cluster %s failed", self._paths.key)
            verdict = failure("internal", {"detail": f"{type(error).__name__}: {error}"})
        await self._close(job, verdict)

    async def _spawn(self) -> JobProcess:
        environ = {
            **without_secrets(os.environ),
            **self._settings.environment,
            **SAFE_PATH,
            RUN_ID_VARIABLE: self.cluster.run_id,
        }
        job = await asyncio.to_thread(spawn_job, self._paths, self._settings.python, environ)
        self._started(job)
        return job

    def _started(self, job: JobProcess) -> None:
        self._record = msgspec.structs.replace(self._record, job_pid=job.pid, job_started=job.started)
        if self.cluster.state in ("submitting", "queued"):
            self._advance(state.JobStarted(time.time()))
        else:
            self._journal.put(self._record)

    async def _watch(self, job: JobProcess) -> Failure | None:
        """Follow the job until it has ended; return why it did, None if somebody asked it to."""
        end = asyncio.create_task(job.ended())
        stop = asyncio.create_task(self._stop.wait())
        follow = asyncio.create_task(self._follow())
        try:
            await asyncio.wait({end, stop, follow}, return_when=asyncio.FIRST_COMPLETED)
            ended_by_itself = end.done()
            verdict = follow.result() if follow.done() and not ended_by_itself else None
            follow.cancel()
            if not ended_by_itself:
                await self.on_record()
                await self._end_job(job, end)
        finally:
            tasks = {end, stop, follow}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if verdict is not None:
            return verdict
        return await asyncio.to_thread(self._postmortem, self._stop.is_set() and not ended_by_itself)

    async def _end_job(self, job: JobProcess, end: asyncio.Task[None]) -> None:
        job.send(signal.SIGTERM)
        await asyncio.wait({end}, timeout=self._settings.stop_grace_seconds)
        if not end.done():
            self._log.warning("The job of cluster %s (pid %d) is killed", self._paths.key, job.pid)
            job.send(signal.SIGKILL)
            await asyncio.wait({end}, timeout=self._settings.stop_grace_seconds)

    async def _close(self, job: JobProcess | None, verdict: Failure | None) -> None:
        """Make sure that nothing is left, then say how it ended."""
        left = await asyncio.to_thread(end_run, self.cluster.run_id, 2.0)
        await asyncio.to_thread(remove_traces, self._paths, job.pid if job else None)
        if left:
            pids = ", ".join(str(pid) for pid in left)
            verdict = failure("stop_incomplete", {"pids": pids, "host": self._settings.owner.host})
        at = time.time()
        if verdict is not None:
            self._advance(state.Failed(at, verdict))
            return
        if self.cluster.state != "stopping":
            self._advance(state.StopAsked(at))
        self._advance(state.Ended(at))

    async def _follow(self) -> Failure | None:
        """Keep up with the hub; returns only if the engines turn out not to be one MPI world."""
        while True:
            info = await asyncio.to_thread(read_connection_file, self._paths.connection_file("client"))
            if info is None:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            try:
                link = HubLink(info, changed=self._registered, shut_down=self._look.set, log=self._log)
            except (ValueError, KeyError, TypeError) as error:
                return failure("internal", {"detail": f"unusable connection file: {error}"})
            self._roster = Roster(link, OUR_FACTS, self._look.set, self.cluster.engines)
            try:
                await link.connect(_HUB_SECONDS)
                if self.cluster.state == "starting":
                    self._advance(state.ControllerUp(time.time()))
                return await self._keep_up(self._roster)
            except LinkError as error:
                # The job tells when the controller has ended; until then it may be slow.
                self._log.info("The controller of %s does not answer yet: %s", self._paths.key, error)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                await self._roster.close()
                await link.close()

    def _registered(self, registered: dict[int, str]) -> None:
        self._roster.update(registered)

    async def _keep_up(self, roster: Roster) -> Failure | None:
        while True:
            self._look.clear()
            engines = roster.engines()
            if list(engines) != self.cluster.engines:
                self._advance(state.EnginesChanged(time.time(), engines))
                self._most = max(self._most, self.cluster.engines_registered)
            if self.cluster.state == "starting":
                verdict = await self._check(roster)
                if verdict is not None:
                    return verdict
            await self._look.wait()

    async def _check(self, roster: Roster) -> Failure | None:
        requested = self.cluster.engines_requested or 0
        if roster.silent:
            engine_id, words = min(roster.silent.items())
            return failure("internal", {"detail": f"engine {engine_id} could not tell about itself: {words}"})
        if not roster.complete(requested):
            return None
        events = await asyncio.to_thread(read_events, self._paths.events)
        vendor = next((str(e.get("mpi")) for e in events if e["event"] == "engines_started"), "")
        judged = judge(roster.facts, requested, postmortem.LAUNCHERS.get(vendor, ""))
        if not isinstance(judged, MpiWorld):
            log, _ = await asyncio.to_thread(read_tail, self._paths.log("engines"), _EVIDENCE_LINES)
            return failure(judged.code, judged.params, log)
        self._advance(state.WorldPassed(time.time(), judged, roster.engines()))
        return None

    def _postmortem(self, stop_asked: bool) -> Failure | None:
        return why_run_ended(
            self._paths,
            self._record,
            python=self._settings.python[0],
            registered_most=self._most,
            stop_asked=stop_asked,
        )

    def _advance(self, event: state.Event) -> None:
        before = self.cluster
        after = state.advance(before, event)
        if after == before:
            return
        self._record = msgspec.structs.replace(self._record, cluster=after)
        self._journal.put(self._record)
        self._changed(after, before.state)


def why_run_ended(
    paths: RunPaths,
    record: RunRecord,
    *,
    python: str,
    registered_most: int,
    stop_asked: bool,
) -> Failure | None:
    """Return why the job of a run ended, from its files; None if somebody asked it to. Blocks."""
    sources = ("engines", "controller", "job")
    logs = {source: read_tail(paths.log(source), _EVIDENCE_LINES)[0] for source in sources}
    cluster = record.cluster
    return postmortem.why_ended(
        postmortem.Evidence(
            events=read_events(paths.events),
            logs=logs,
            engines=cluster.engines,
            engines_requested=cluster.engines_requested or 0,
            registered_most=registered_most,
            python=python,
            was_ready=cluster.mpi is not None,
            stop_asked=stop_asked,
        )
    )
