"""A run that a terminal starts or stops: this process does for it what a Jupyter server does.

The same record, the same scripts, the same following of jobs. When the process ends, or leaves the run to
itself, the next Jupyter server takes it over.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
from functools import partial
from pathlib import Path

from ipyparallel.cluster.launcher import LauncherError
from jupyter_core.application import JupyterApp
from jupyter_core.paths import jupyter_data_dir

from pxengines.launch.paths import RunPaths

from .api.models import Cluster, ClusterState, StartCluster
from .app import EnginesApp
from .audit import WHO, WHO_TERMINAL, Audit
from .clusters import state
from .clusters.adopter import Adopter, Settled
from .clusters.batch_run import BatchRun
from .clusters.care import RunSettings
from .clusters.opening import job_name, new_run_id, open_batch
from .clusters.store import Owner, RunRecord, read_record, run_folders, user_name
from .errors import ApiError
from .jobs.follow import Pace
from .jobs.service import JobService, JobSettings, KnownJobs
from .profiles.service import ProfileService
from .profiles.validate import Limits
from .scheduler.base import SchedulerError, UnknownJob
from .scheduler.client import TimeLimits

_LOOK_SECONDS = 1.0


class ServerConfig(JupyterApp):
    """Reads what the Jupyter server is configured with: limits and the site's profiles hold here, too."""

    name = "jupyter-server"

    def engines(self) -> EnginesApp:
        """Return our server extension as configured; it is not started."""
        for name in ("jupyter_server_config", "jupyterlab_engines_config"):
            self.config_file_name = name
            self.load_config_file(suppress_errors=False)
        return EnginesApp(config=self.config)


class TerminalRun:
    """One run, looked after by this process as by a Jupyter server.

    Parameters
    ----------
    paths : its files.
    """

    def __init__(self, paths: RunPaths, log: logging.Logger) -> None:
        self._paths = paths
        self._log = log
        self._app = ServerConfig().engines()
        self._news = asyncio.Event()
        self.run: BatchRun | None = None
        self._settings = RunSettings(
            python=tuple(self._app.python or [sys.executable]),
            mpiexec=tuple(self._app.mpiexec) or None,
            mpi_args=tuple(self._app.mpi_args),
            environment=dict(self._app.engine_environment),
            work_dir=str(Path.cwd()),
            stop_grace_seconds=self._app.stop_grace_seconds,
            owner=Owner.this_process(),
            log=log,
        )
        audit_path = Path(self._app.audit_file or Path(jupyter_data_dir()) / "engines" / "audit.jsonl")
        self._jobs = JobService(
            JobSettings(
                pace=Pace(table=self._app.queue_poll_seconds, fast=self._app.job_poll_seconds),
                all_users=False,
                use_scheduler=self._app.use_scheduler,
                limits=TimeLimits(submit=self._app.submit_seconds, other=self._app.command_seconds),
            ),
            user=user_name(),
            audit=Audit(audit_path.expanduser(), user_name(), log),
            put_jobs=lambda _: None,
            put_status=lambda _: None,
            watched=lambda: False,
            known=lambda: KnownJobs(by_id={}, live=frozenset()),
            log=log,
        )

    async def start(self, engines: int | None) -> Cluster:
        """Submit a new run; return when the batch system has taken it.

        Raises
        ------
        LauncherError
            If it cannot be started; the message says why and what to do.
        """
        WHO.set(WHO_TERMINAL)
        await self._jobs.ready()
        try:
            record = await self._open(engines)
        except ApiError as error:
            detail = "" if error.detail is None or error.message in error.detail else error.detail
            raise LauncherError(" ".join(filter(None, (error.message, error.next_step, detail)))) from error
        except OSError as error:
            raise LauncherError(f"The run cannot be written to {self._paths.run_dir}: {error}") from error
        self._look_after(record)
        return await self.submitted(all_jobs=False)

    async def _open(self, engines: int | None) -> RunRecord:
        watch = self._jobs.watch
        if watch is None:
            raise LauncherError("No batch system was found on this machine: there is no qsub in PATH.")
        last = await asyncio.to_thread(read_record, self._paths.record)
        if last is not None and last.cluster.state in state.LIVE:
            key = self._paths.key
            raise LauncherError(f"The cluster {key} is {last.cluster.state} already. Stop it first.")
        profiles = self._profiles()
        profile = await asyncio.to_thread(profiles.find_profile, self._paths.profile)
        request = StartCluster(
            profile=profile.name,
            engines=engines or profile.engines or 1,
            idempotency_key=secrets.token_hex(16),
        )
        run_id = new_run_id()
        plan = await profiles.plan(
            request,
            run_dir=self._paths.run_dir,
            job_name=partial(job_name, run_id),
            running=await asyncio.to_thread(_live_clusters),
        )
        dialect = watch.scheduler.dialect
        return await asyncio.to_thread(
            open_batch, self._paths, request, self._settings, plan, run_id, dialect, "terminal"
        )

    def _profiles(self) -> ProfileService:
        return ProfileService(
            limits=Limits(
                max_engines=self._app.max_engines,
                max_walltime_seconds=self._app.max_walltime_seconds,
                max_clusters_per_user=self._app.max_clusters_per_user,
            ),
            site_dirs=[Path(folder).expanduser() for folder in self._app.site_profile_dirs],
            python=self._settings.python,
            info=self._jobs.info_if_answering,
            dialect=lambda: self._jobs.rules,
        )

    def _look_after(self, record: RunRecord) -> None:
        watch = self._jobs.watch
        if watch is None:
            raise LauncherError("No batch system was found on this machine: there is no qsub in PATH.")
        self.run = BatchRun(
            self._paths, record, self._settings, self._changed, watch=watch, scheduler=watch.scheduler
        )
        self.run.begin()

    def _changed(self, cluster: Cluster, before: ClusterState) -> None:
        if cluster.state != before:
            self._log.info("Cluster %s: %s", cluster.key, cluster.state)
        self._news.set()

    async def submitted(self, *, all_jobs: bool) -> Cluster:
        """Return when the first job, or all jobs, of the run have been submitted.

        Raises
        ------
        LauncherError
            If the run ended before.
        """
        if self.run is None:
            raise LauncherError(f"The cluster {self._paths.key} was not started here.")
        while True:
            self._news.clear()
            cluster = self.run.cluster
            if cluster.failure is not None:
                raise LauncherError(f"{cluster.failure.message} {cluster.failure.next_step}")
            if cluster.state not in state.LIVE:
                raise LauncherError(f"The cluster {cluster.key} was stopped.")
            ids = [job.job_id for job in (cluster.batch.jobs if cluster.batch else [])]
            if all(ids) or (not all_jobs and any(ids)):
                return cluster
            await self._news.wait()

    async def stop(self) -> None:
        """End the run, whoever looks after it; return when the scheduler says that its jobs are over."""
        WHO.set(WHO_TERMINAL)
        if self.run is None:
            await self._jobs.ready()
            taken = await Adopter(self._settings, self._jobs, self._changed, self._log).take(self._paths)
            if isinstance(taken, BatchRun):
                self.run = taken
                taken.begin()
            elif isinstance(taken, Settled):
                await self._stop_elsewhere(taken.cluster)
        if self.run is not None:
            self.run.ask_stop()
            await self.run.ended()

    async def _stop_elsewhere(self, cluster: Cluster) -> None:
        """Delete the jobs of a run that a Jupyter server looks after; that server notes how it ended."""
        scheduler = self._jobs.scheduler
        if cluster.state not in state.LIVE:
            return
        if scheduler is None:
            raise LauncherError("No batch system was found on this machine: there is no qdel in PATH.")
        # Else that server would take it for somebody's qdel, and the cluster for failed.
        await asyncio.to_thread(self._paths.stop_request.touch, 0o600)
        asked = False
        for job in cluster.batch.jobs if cluster.batch else []:
            if job.job_id is not None:
                try:
                    await scheduler.delete(job.job_id)
                    asked = True
                except UnknownJob:
                    self._log.info("Job %s has ended already", job.job_id)
                except SchedulerError as error:
                    if not asked:  # a later end is not to be taken for one that was asked for
                        await asyncio.to_thread(self._paths.stop_request.unlink, missing_ok=True)
                    raise LauncherError(f"{error.message} {error.hint} {error.output}".strip()) from error
        while True:
            record = await asyncio.to_thread(read_record, self._paths.record)
            if record is None or record.cluster.run_id != cluster.run_id:
                return
            if record.cluster.state not in state.LIVE:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def leave(self) -> None:
        """Stop looking after the run; it goes on, and a Jupyter server may take it over."""
        if self.run is not None:
            await self.run.let_go()
        await self._jobs.close()


def _live_clusters() -> list[Cluster]:
    records = (read_record(paths.record) for paths in run_folders())
    return [record.cluster for record in records if record and record.cluster.state in state.LIVE]
