"""The server extension: configuration, wiring, start and stop."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp
from tornado.ioloop import IOLoop
from traitlets import Bool, Dict, Float, Integer, List, Unicode

from .api.models import Cluster, ClusterState
from .audit import Audit
from .clusters.care import RunSettings
from .clusters.manager import ClusterManager
from .clusters.store import Owner, user_name
from .doctor.ring import RECENT, RecentTrouble
from .handlers.base import MANAGER
from .jobs.follow import Pace
from .jobs.service import JobService, JobSettings
from .profiles.service import ProfileService
from .profiles.validate import Limits
from .routes import ROUTES
from .scheduler.client import TimeLimits

EVENT_SCHEMA_ID = "https://events.jupyter.org/jupyterlab_engines/cluster/v1"
EVENT_SCHEMA_PATH = Path(__file__).parent / "events" / "cluster" / "v1.yaml"


class EnginesApp(ExtensionApp):
    """MPI engines for JupyterLab."""

    name = "jupyterlab_engines"
    app_name = "jupyterlab-engines"
    description = "Start MPI engines from a JupyterLab sidebar and run notebook cells on them."
    extension_url = "/lab"
    load_other_extensions = True

    max_engines = Integer(256, min=1, help="Most engines that one cluster may have.").tag(config=True)
    stop_local_clusters_on_exit = Bool(
        True,
        help="Stop the clusters that run on this machine when the Jupyter server ends in order, "
        "as kernels are. If false, they go on, and the next Jupyter server looks after them.",
    ).tag(config=True)
    python = List(
        Unicode(),
        help="Command line of the Python that runs controller and engines. Default: the Jupyter server's.",
    ).tag(config=True)
    mpiexec = List(
        Unicode(),
        help="Command line of the MPI launcher. "
        "Default: the mpiexec beside that Python, else the first in PATH.",
    ).tag(config=True)
    mpi_args = List(Unicode(), help="Further arguments for the MPI launcher, placed after `-n N`.").tag(
        config=True
    )
    engine_environment = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="Environment variables for controller and engines, added to those of the Jupyter server.",
    ).tag(config=True)
    stop_grace_seconds = Float(
        15.0, min=0.1, help="How long a cluster may take to end in order before its processes are killed."
    ).tag(config=True)
    watched_poll_seconds = Float(
        2.0,
        min=0.5,
        help="How often to look for clusters of terminals and other servers while somebody watches.",
    ).tag(config=True)
    idle_poll_seconds = Float(30.0, min=1.0, help="How often to look for them while nobody watches.").tag(
        config=True
    )

    use_scheduler = Bool(
        True, help="Look for a batch system (PBS Pro, OpenPBS, Torque, Slurm's Torque commands) in PATH."
    ).tag(config=True)
    show_all_users = Bool(
        False, help="Let the job table show jobs of all users, where the batch system itself allows it."
    ).tag(config=True)
    queue_poll_seconds = Float(
        60.0,
        min=30.0,
        help="How often to ask the batch system for all jobs of the user, while somebody watches.",
    ).tag(config=True)
    job_poll_seconds = Float(
        2.0,
        min=1.0,
        help="How often to ask for a job of a cluster that is about to change, for two minutes; then slower.",
    ).tag(config=True)
    submit_seconds = Float(
        120.0,
        min=1.0,
        help="How long qsub may take before it is killed. A job that it made all the same is found.",
    ).tag(config=True)
    command_seconds = Float(
        30.0,
        min=1.0,
        help="How long any other command of the batch system may take before it is killed.",
    ).tag(config=True)
    audit_file = Unicode(
        help="File for a line about each submit, delete, hold, release and change of a job. "
        "Default: engines/audit.jsonl in Jupyter's data folder of the user."
    ).tag(config=True)
    max_walltime_seconds = Integer(
        None,
        min=60,
        allow_none=True,
        help="Longest walltime, in seconds, that the job of a cluster may ask for.",
    ).tag(config=True)
    max_clusters_per_user = Integer(
        None, min=1, allow_none=True, help="Most clusters of batch profiles that one user may have at a time."
    ).tag(config=True)
    site_profile_dirs = List(
        Unicode(),
        help="Folders with profiles that the site shares with all users. "
        "Their locks and limits hold for those who use them.",
    ).tag(config=True)

    manager: ClusterManager | None = None

    def initialize_settings(self) -> None:
        """Make the manager; it begins to look as soon as the loop runs."""
        self.manager = ClusterManager(
            self._run_settings(),
            profiles=self._profile_service,
            job_settings=JobSettings(
                pace=Pace(
                    table=self.queue_poll_seconds,
                    fast=self.job_poll_seconds,
                    retry=2.5 * self.job_poll_seconds,
                ),
                all_users=self.show_all_users,
                use_scheduler=self.use_scheduler,
                limits=TimeLimits(submit=self.submit_seconds, other=self.command_seconds),
            ),
            audit=Audit(self._audit_path(), user_name(), self.log),
            watched_seconds=self.watched_poll_seconds,
            idle_seconds=self.idle_poll_seconds,
            emit=self._emit,
            log=self.log,
        )
        self.settings[MANAGER] = self.manager
        self.settings[RECENT] = RecentTrouble.of(self.log, logging.getLogger(__package__))
        self._server.event_logger.register_event_schema(EVENT_SCHEMA_PATH)
        IOLoop.current().add_callback(self.manager.begin)

    def initialize_handlers(self) -> None:
        """Add our routes."""
        self.handlers.extend(ROUTES)

    async def stop_extension(self) -> None:
        """End in order with the Jupyter server."""
        if self.manager is not None:
            await self.manager.close(stop_clusters=self.stop_local_clusters_on_exit)
        if RECENT in self.settings:
            self.settings[RECENT].close()

    @property
    def _server(self) -> Any:
        """The Jupyter server, which is there as soon as this extension is linked to it."""
        if self.serverapp is None:
            raise RuntimeError("jupyterlab_engines is not linked to a Jupyter server")
        return self.serverapp

    def _run_settings(self) -> RunSettings:
        root = Path(self._server.root_dir).expanduser()
        return RunSettings(
            python=tuple(self.python or [sys.executable]),
            mpiexec=tuple(self.mpiexec) or None,
            mpi_args=tuple(self.mpi_args),
            environment=dict(self.engine_environment),
            work_dir=str(root),
            stop_grace_seconds=self.stop_grace_seconds,
            owner=Owner.this_process(),
            log=self.log,
        )

    def _profile_service(self, jobs: JobService) -> ProfileService:
        return ProfileService(
            limits=Limits(
                max_engines=self.max_engines,
                max_walltime_seconds=self.max_walltime_seconds,
                max_clusters_per_user=self.max_clusters_per_user,
            ),
            site_dirs=[Path(folder).expanduser() for folder in self.site_profile_dirs],
            python=self.python or [sys.executable],
            info=jobs.info_if_answering,
            dialect=lambda: jobs.rules,
        )

    def _audit_path(self) -> Path:
        return Path(self.audit_file or Path(jupyter_data_dir()) / "engines" / "audit.jsonl").expanduser()

    def _emit(self, cluster: Cluster, previous: ClusterState | None) -> None:
        data: dict[str, Any] = {
            "key": cluster.key,
            "run_id": cluster.run_id,
            "origin": cluster.origin,
            "state": cluster.state,
            "previous_state": previous,
            "engines_requested": cluster.engines_requested,
            "engines_registered": cluster.engines_registered,
            "failure_code": None if cluster.failure is None else cluster.failure.code,
        }
        self._server.event_logger.emit(schema_id=EVENT_SCHEMA_ID, data=data)
