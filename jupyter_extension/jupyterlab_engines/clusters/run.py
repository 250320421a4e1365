"""One run of one cluster on this machine under this server's care, from Start or adoption to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import msgspec

from pxengines.launch.paths import RUN_ID_VARIABLE, RunPaths
from pxengines.launch.process import SAFE_PATH, without_secrets

from ..api.models import Failure
from . import state
from .care import Changed, RunCare, RunSettings, why_run_ended
from .processes import JobProcess, end_run, remove_traces, spawn_job
from .store import RunRecord
from .words import failure


class ClusterRun(RunCare):
    """Looks after one run whose job is a process of this machine.

    Parameters
    ----------
    job : the job, if an earlier server started it.
    """

    def __init__(
        self,
        paths: RunPaths,
        record: RunRecord,
        settings: RunSettings,
        changed: Changed,
        job: JobProcess | None = None,
    ) -> None:
        super().__init__(paths, record, settings, changed)
        self._job = job

    def begin(self) -> None:
        """Start its job, or look after the one it was given."""
        self._life = asyncio.get_running_loop().create_task(self._live())

    async def _live(self) -> None:
        job = self._job
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

    def _heard(self, answered: bool) -> None:
        """Conclude nothing: the job's end is seen."""

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

    def _postmortem(self, stop_asked: bool) -> Failure | None:
        return why_run_ended(
            self._paths,
            self._record,
            python=self._settings.python[0],
            registered_most=self._most,
            stop_asked=stop_asked,
        )
