"""Runs that this server did not start: which of them it looks after from now on."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

import msgspec

from pxengines.launch.paths import RunPaths

from ..api.models import Cluster, ClusterState
from ..jobs.service import JobService
from . import state
from .adopt import take_over
from .adopt_batch import interrupted, rebuilt, spoiled_order, without_scheduler
from .batch_run import BatchRun
from .care import Changed, RunSettings
from .claims import is_claimed
from .processes import end_run
from .run import ClusterRun
from .store import RunRecord, read_record, write_record

_DETECT_SECONDS = 3.0
"""How long a batch cluster waits to be shown for commands that hang; it is adopted when they answer."""


@dataclass(frozen=True)
class Settled:
    """A run that needs no care of this server: it has ended, or another looks after it.

    Attributes
    ----------
    cluster : as it is shown.
    before : the state it was in when this was first seen; None: it changed now.
    """

    record: RunRecord
    cluster: Cluster
    before: ClusterState | None


class Adopter:
    """Takes over what other servers left."""

    def __init__(
        self, settings: RunSettings, jobs: JobService, changed: Changed, log: logging.Logger
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._changed = changed
        self._log = log

    async def take(self, paths: RunPaths) -> ClusterRun | BatchRun | Settled | None:
        """Return the run in `paths`, to begin with; or what to show of it; None: nothing."""
        record = await asyncio.to_thread(read_record, paths.record)
        if record is not None and await asyncio.to_thread(self._is_settled, paths, record):
            return Settled(record, record.cluster, record.cluster.state)
        if record is None:
            order = await asyncio.to_thread(spoiled_order, paths)
            if order is not None:
                await self._jobs.ready(at_most=_DETECT_SECONDS)
                if self._jobs.rules is None:
                    return None  # its jobs may live, and are looked for as soon as somebody can be asked
                self._log.warning("The record of cluster %s cannot be read; looking for its jobs", paths.key)
                record = rebuilt(paths, order, self._settings.owner, self._jobs.rules.name)
        if record is not None and record.batch is not None:
            return await self._take_batch(paths, record)
        return await self._take_local(paths, record)

    def _is_settled(self, paths: RunPaths, record: RunRecord) -> bool:
        owner = self._settings.owner
        if record.cluster.state not in state.LIVE:
            return True
        if record.batch is not None:
            return is_claimed(paths, record, owner)
        return record.owner != owner and record.owner.lives()

    async def _take_local(self, paths: RunPaths, record: RunRecord | None) -> ClusterRun | Settled | None:
        settings = self._settings
        adopted = await asyncio.to_thread(take_over, paths, record, settings.owner, settings.python[0])
        if adopted is None:
            return None
        await self._write(paths, adopted.record)
        cluster = adopted.record.cluster
        if adopted.job is None:
            self._log.warning("Cluster %s did not survive its server: %s", paths.key, cluster.state)
            return Settled(adopted.record, cluster, None)
        self._log.info("Cluster %s lives on; looking after it", paths.key)
        return ClusterRun(paths, adopted.record, settings, self._changed, adopted.job)

    async def _take_batch(self, paths: RunPaths, record: RunRecord) -> BatchRun | Settled:
        await self._jobs.ready(at_most=_DETECT_SECONDS)
        watch = self._jobs.watch
        if watch is None:
            # Nothing can be known of its jobs here: it is shown as last seen, and adopted when that changes.
            return Settled(record, without_scheduler(record.cluster, time.time()), record.cluster.state)
        cluster = interrupted(record, time.time())
        adopted = msgspec.structs.replace(record, owner=self._settings.owner, cluster=cluster)
        await self._write(paths, adopted)
        if cluster.state not in state.LIVE:
            # A controller beside Jupyter may have been started all the same.
            await asyncio.to_thread(end_run, cluster.run_id, 2.0)
            return Settled(adopted, cluster, None)
        self._log.info("Looking after cluster %s and its jobs from now on", paths.key)
        return BatchRun(paths, adopted, self._settings, self._changed, watch=watch, scheduler=watch.scheduler)

    async def _write(self, paths: RunPaths, record: RunRecord) -> None:
        try:
            await asyncio.to_thread(write_record, paths, record)
        except OSError as error:
            self._log.error("The record of cluster %s could not be written: %s", paths.key, error)
