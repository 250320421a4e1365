"""What looking after a run means wherever it runs: its record, its hub, its engines, its world check.

`run.ClusterRun` looks after a job of this machine, `batch_run.BatchRun` after one of a batch system.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import msgspec

from pxengines.launch.events import read_events
from pxengines.launch.files import read_tail, write_atomic
from pxengines.launch.paths import Role, RunPaths

from ..api.models import Cluster, ClusterState, Failure, MpiWorld
from ..errors import WrongState
from ..waiting import set_within
from . import postmortem, state
from .activity import ActivityWatch, Observer
from .link import HubLink, LinkError, read_connection_file
from .roster import OUR_FACTS, Roster
from .store import Journal, Owner, RunRecord
from .words import failure
from .world import judge

_EVIDENCE_LINES = 400
_RETRY_SECONDS = 0.5
_HUB_SECONDS = 10.0
_AGAIN_SECONDS = 5.0
"""How often a starting cluster's hub is asked who is there, beside what it tells by itself."""
_FLUSH_SECONDS = 2.0
_RESTART_SECONDS = 20.0
"""How long a job may take to see, in a folder that other hosts share, that it is asked to restart engines."""


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
    observer : who wants to know what engines do; None: nobody.
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
    observer: Observer | None = None


Changed = Callable[[Cluster, ClusterState], None]
"""Called with the cluster as it is now, and the state it was in before."""


class RunCare(ABC):
    """Looks after one run.

    Parameters
    ----------
    paths : its files; the record is on disk already.
    record : its record.
    settings : what all runs of this server have in common.
    changed : told of every change.
    """

    look_seconds = 0.04
    """How often to look for the connection file while the job starts."""

    def __init__(self, paths: RunPaths, record: RunRecord, settings: RunSettings, changed: Changed) -> None:
        self._paths = paths
        self._record = record
        self._settings = settings
        self._changed = changed
        self._journal = Journal(paths, settings.log)
        self._log = settings.log
        self._stop = asyncio.Event()
        self._look = asyncio.Event()
        self._link: HubLink | None = None
        self._life: asyncio.Task[None] | None = None
        self._facts = OUR_FACTS
        self._ids_are_ranks = True
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

    def ask_stop(self) -> Cluster:
        """Ask for the end; asking again changes nothing."""
        if self.live and not self._stop.is_set():
            self._advance(state.StopAsked(time.time()))
            self._stop.set()
        return self.cluster

    async def interrupt(self) -> None:
        """Interrupt what the engines do.

        Raises
        ------
        WrongState
            If the cluster is not ready.
        LinkError
            If the nanny of an engine does not answer.
        """
        link = self._usable_link()
        uuids = self._roster.uuids().values()
        await asyncio.gather(*(link.interrupt(uuid, _HUB_SECONDS) for uuid in uuids))

    async def restart_engines(self) -> Cluster:
        """Have the job end all engines and start others; return when it has begun.

        Raises
        ------
        WrongState
            If the cluster is not ready, or its job does not do it.
        OSError
            If the job cannot be asked.
        """
        link = self._usable_link()
        old = self._roster.uuids()
        asked = await asyncio.to_thread(self._ask_restart)
        deadline = time.monotonic() + _RESTART_SECONDS
        while not await asyncio.to_thread(self._restart_begun, asked):
            if time.monotonic() > deadline or not self.live:
                await asyncio.to_thread(self._paths.restart_request.unlink, missing_ok=True)
                raise WrongState(
                    f"The job of the cluster {self._paths.key} did not restart its engines.",
                    "It may have been started by an older version. Stop the cluster and start it again.",
                )
            await asyncio.sleep(0.1)
        if self.cluster.state in ("ready", "degraded"):
            self._advance(state.EnginesRestarted(time.time()))
            self._roster.retire(old.values())
            for engine_id, uuid in old.items():
                # One that computes in C, on whichever host, hears no SIGTERM of its launcher.
                await link.kill(uuid)
                # Its nanny does this too, unless the scheduler ended it with the engine.
                await link.unregister(engine_id, uuid)
            self._look.set()
        return self.cluster

    def _usable_link(self) -> HubLink:
        if self.cluster.state not in ("ready", "degraded") or self._link is None:
            raise WrongState(
                f"The cluster {self._paths.key} is {self.cluster.state}.", "Wait until it is ready."
            )
        return self._link

    def _ask_restart(self) -> int:
        """Ask the job; return how often it has restarted its engines so far. Blocks."""
        before = self._restarts()
        write_atomic(self._paths.restart_request, self.cluster.run_id.encode())
        return before

    def _restart_begun(self, before: int) -> bool:
        return self._restarts() > before

    def _restarts(self) -> int:
        return sum(event["event"] == "engines_restarting" for event in read_run_events(self._paths))

    @abstractmethod
    async def _live(self) -> None:
        """Live from Start or adoption to the end; cancelled to let go."""

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

    async def _follow(self) -> Failure | None:
        """Keep up with the hub; returns only if the engines turn out not to be one MPI world."""
        while True:
            info = await asyncio.to_thread(read_connection_file, self._paths.connection_file("client"))
            if info is None:
                await asyncio.sleep(self.look_seconds)
                continue
            try:
                link = HubLink(info, changed=self._registered, shut_down=self._look.set, log=self._log)
            except (ValueError, KeyError, TypeError) as error:
                return failure("internal", {"detail": f"unusable connection file: {error}"})
            self._roster = Roster(link, self._facts, self._look.set, self.cluster.engines)
            self._link = link
            try:
                await link.connect(_HUB_SECONDS)
                self._heard(True)
                if self.cluster.state == "starting":
                    self._advance(state.ControllerUp(time.time()))
                async with self._watched(link, self._roster):
                    return await self._keep_up(self._roster)
            except LinkError as error:
                # The job tells when the controller has ended; until then it may be slow.
                self._heard(False)
                self._log.info("The controller of %s does not answer yet: %s", self._paths.key, error)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                await self._roster.close()
                await link.close()

    @contextlib.asynccontextmanager
    async def _watched(self, link: HubLink, roster: Roster) -> AsyncIterator[None]:
        """Meanwhile tell the observer, if there is one, what the engines do."""
        if self._settings.observer is None:
            yield
            return
        watch = ActivityWatch(self.cluster.key, self.cluster.run_id, link, roster, self._settings.observer)
        task = asyncio.create_task(watch.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (error := task.exception()) is not None:
                self._log.error("Following the engines of %s failed", self._paths.key, exc_info=error)

    @abstractmethod
    def _heard(self, answered: bool) -> None:
        """Take note whether the hub answered."""

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
            again = _AGAIN_SECONDS if self.cluster.state == "starting" else None
            if not await set_within(self._look, again):
                # An engine may have come before our subscription was heard: that is told to nobody twice.
                await roster.answers(_HUB_SECONDS)

    async def _check(self, roster: Roster) -> Failure | None:
        requested = self.cluster.engines_requested or 0
        if roster.silent:
            engine_id, words = min(roster.silent.items())
            return failure("internal", {"detail": f"engine {engine_id} could not tell about itself: {words}"})
        if not roster.complete(requested):
            return None
        events = await asyncio.to_thread(read_run_events, self._paths)
        vendor = next((str(e.get("mpi")) for e in events if e["event"] == "engines_started"), "")
        launcher = postmortem.LAUNCHERS.get(vendor, "")
        judged = judge(roster.facts, requested, launcher, ids_are_ranks=self._ids_are_ranks)
        if not isinstance(judged, MpiWorld):
            log, _ = await asyncio.to_thread(read_tail, self._paths.log("engines"), _EVIDENCE_LINES)
            return failure(judged.code, judged.params, log)
        self._advance(state.WorldPassed(time.time(), judged, roster.engines()))
        return None

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
    logs = {source: read_tail(paths.log(source), _EVIDENCE_LINES)[0] for source in ("engines", "controller")}
    logs["job"] = read_job_log(paths, _EVIDENCE_LINES)[0]
    cluster = record.cluster
    return postmortem.why_ended(
        postmortem.Evidence(
            events=read_run_events(paths),
            logs=logs,
            engines=cluster.engines,
            engines_requested=cluster.engines_requested or 0,
            registered_most=registered_most,
            python=python,
            was_ready=cluster.mpi is not None,
            stop_asked=stop_asked,
        )
    )


def read_run_events(paths: RunPaths) -> list[dict[str, Any]]:
    """Return what the jobs of a run told since each was last started, oldest first. Blocks."""
    told: list[dict[str, Any]] = []
    for role in get_args(Role):
        told += postmortem.since_last_start(read_events(paths.events_of(role)))
    return sorted(told, key=lambda event: float(event.get("at", 0.0)))


def read_job_log(paths: RunPaths, lines: int) -> tuple[str, bool]:
    """Return the ends of the logs of a run's jobs, and whether lines were left out. Blocks."""
    found = [read_tail(path, lines) for path in map(paths.job_log, get_args(Role)) if path.exists()]
    return "".join(text for text, _ in found), any(truncated for _, truncated in found)
