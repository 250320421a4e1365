"""A real Jupyter server on a simulated batch system, and what must hold there whatever went wrong."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from fakepbs import FakeJob, FakePBS
from leftovers import processes_in
from realserver import RealServer

from jupyterlab_engines.api.models import Cluster, ClusterJob
from jupyterlab_engines.clusters import state
from jupyterlab_engines.clusters.store import RunRecord, read_record
from pxengines.launch.paths import RUN_ID_VARIABLE, RunPaths

SUBMIT_SECONDS = 4.0
COMMAND_SECONDS = 4.0
"""Short, since rows let commands hang; long for a command that starts an interpreter on a busy machine."""
ARGUMENTS = (
    "--EnginesApp.job_poll_seconds=1",
    f"--EnginesApp.submit_seconds={SUBMIT_SECONDS}",
    f"--EnginesApp.command_seconds={COMMAND_SECONDS}",
)
RESOURCES: dict[str, Any] = {
    "queue": None,
    "walltime_seconds": 900,
    "nodes": 1,
    "engines_per_node": None,
    "cores_per_engine": None,
    "memory_bytes": None,
    "account": None,
}
SETTINGS: dict[str, Any] = {
    "placement": "in_job",
    "engines": 2,
    "resources": RESOURCES,
    "prologue": [],
    "directives": [],
    "python": [],
    "mpiexec": [],
    "mpi_args": [],
    "controller_address": "127.0.0.1",
}


class BatchSite:
    """One batch system, one server, one profile ``pbs`` of two engines on one node."""

    def __init__(self, folder: Path, dialect: str, **environment: str) -> None:
        self.dialect = dialect
        self.pbs = FakePBS(folder / "pbs", dialect)  # type: ignore[arg-type]  # a name of a dialect
        environ = self.pbs.environ
        self.server = RealServer(
            folder / "jupyter",
            PATH=environ["PATH"],
            FAKEPBS_STATE=environ["FAKEPBS_STATE"],
            **environment,
        )
        self.arguments = ARGUMENTS
        self.spoiled = False
        self.crowded = False
        self._clean = dict(SETTINGS)

    # --- life

    def begin(self) -> None:
        """Start the server."""
        self.server.begin(*self.arguments)

    def begin_with_profile(self) -> None:
        """Start the server, and make the profile."""
        self.begin()
        self.put_profile(create=True)

    def close(self) -> None:
        """End server and batch system."""
        self.server.end()
        self.pbs.shutdown()

    def put_profile(self, *, create: bool = False, **settings: Any) -> None:
        """Make or change the profile."""
        body = {"create": create, "settings": {**SETTINGS, **settings}}
        response = self.server.call("PUT", "profiles", "pbs", body=body)
        assert response.status_code == (201 if create else 200), response.text
        self._clean = dict(SETTINGS) if not settings else {}

    def reset(self) -> None:
        """Make everything as before the first row."""
        self.pbs.clear_faults()
        self.pbs.pause(False)
        self.pbs.nodes_back()
        self.pbs.set_option(known_bugs=True)
        if not self._clean:
            self.put_profile()

    # --- doing

    def start(self) -> Cluster:
        """Press Start."""
        return self.server.start(2, "pbs", key=uuid.uuid4().hex)

    def cluster(self) -> Cluster:
        """Return the card."""
        cluster = self.server.cluster("pbs")
        assert cluster is not None, "the cluster is forgotten"
        return cluster

    def until_state(self, *states: str) -> Cluster:
        """Return the card when it is in one of these states."""
        self.until(lambda c: c.state in states, " or ".join(states))
        return self.cluster()

    def until(self, condition: Callable[[Cluster], object], what: str) -> Cluster:
        """Return the card when `condition` holds of it."""
        found: list[Cluster] = []

        def holds() -> bool:
            cluster = self.server.cluster("pbs")
            if cluster is None or not condition(cluster):
                return False
            found.append(cluster)
            return True

        self.server.until(holds, what)
        return found[0]

    def end(self) -> None:
        """Stop the cluster, if it lives, and see it end."""
        self.pbs.clear_faults()
        if self.cluster().state in state.LIVE:
            self.server.stop("pbs")
        self.until_state("stopped", "failed")
        self.check()

    def dismiss(self) -> None:
        """Remove the card of an ended cluster."""
        response = self.server.call("DELETE", "clusters", "pbs")
        assert response.status_code == 204, response.text

    # --- looking

    def job_id(self) -> str:
        """Return the id of the cluster's one job."""
        (job,) = jobs_of(self.cluster())
        assert job.job_id is not None
        return job.job_id

    def alive(self) -> list[FakeJob]:
        """Return the jobs that the batch system has and that have not ended."""
        return [job for job in self.pbs.jobs() if job.state != "F"]

    def records(self) -> list[tuple[RunPaths, RunRecord | None]]:
        """Return what is on disk of each cluster."""
        folders = sorted(self.server.ipython_dir.glob("profile_*/pxengines/*/"))
        return [(paths, read_record(paths.record)) for paths in map(RunPaths.of_run_dir, folders)]

    # --- what holds after every row

    def check(self) -> None:
        """Compare the cards with the batch system, the disk and the processes."""
        assert self.pbs.failures() == []
        self.no_job_that_no_cluster_knows()
        self.no_cluster_is_forgotten()
        self.no_zombie()
        for cluster in self.server.clusters():
            if cluster.state not in state.LIVE:
                self.nothing_is_left_of(cluster)
            if cluster.state == "failed":
                says_what_happened(cluster)

    def no_job_that_no_cluster_knows(self) -> None:
        """Each job that lives belongs to a cluster that lives."""

        def untracked() -> list[FakeJob]:
            live = [cluster for cluster in self.server.clusters() if cluster.state in state.LIVE]
            known = {job.job_id for cluster in live for job in jobs_of(cluster)}
            return [job for job in self.alive() if job.job_id not in known]

        # Slurm's commands call a job ended whose processes are being ended.
        self.server.until(
            lambda: not untracked(), "jobs that no cluster knows to end", 20 if self.dialect == "slurm" else 0
        )

    def no_cluster_is_forgotten(self) -> None:
        """Each record has its card; each job of a card that lives is there."""
        cards = {cluster.key: cluster for cluster in self.server.clusters()}
        there = {job.job_id for job in self.alive()}
        for paths, record in self.records():
            assert record is None or paths.key in cards, f"{paths.key} is on disk and on no card"
            if record is not None:
                self.server.until(
                    lambda paths=paths, key=paths.key: self._same(read_record(paths.record), key),
                    f"the record of {paths.key} to say what the card says",
                )
        for cluster in cards.values():
            if cluster.state in ("queued", "starting", "ready", "degraded"):
                for job in jobs_of(cluster):
                    assert job.job_id in there, f"{cluster.key} is {cluster.state} without its job {job}"

    def _same(self, record: RunRecord | None, key: str) -> bool:
        card = self.server.cluster(key)
        return record is not None and card is not None and record.cluster.state == card.state

    def no_zombie(self) -> None:
        """The server has reaped all its children."""
        server = psutil.Process(self.server.pid)

        def zombies() -> list[psutil.Process]:
            return [child for child in server.children() if status(child) == psutil.STATUS_ZOMBIE]

        self.server.until(lambda: not zombies(), "the end of zombies")

    def nothing_is_left_of(self, cluster: Cluster) -> None:
        """No process carries the run's id, and its connection files are gone."""
        self.server.until(lambda: not self.processes(cluster), "the end of all processes of the run")
        security = self.server.ipython_dir / f"profile_{cluster.profile}" / "security"
        left = [file.name for file in security.glob("*.json")] if security.is_dir() else []
        assert not left, f"{cluster.state}, and {left} of {cluster.key} is left"

    def processes(self, cluster: Cluster) -> list[psutil.Process]:
        """Return the processes of a run."""
        found = []
        for process in processes_in(self.server.ipython_dir):
            try:
                if process.environ().get(RUN_ID_VARIABLE) == cluster.run_id:
                    found.append(process)
            except psutil.Error:
                continue
        return found


def jobs_of(cluster: Cluster) -> list[ClusterJob]:
    """Return the jobs on a card."""
    return [] if cluster.batch is None else cluster.batch.jobs


def status(process: psutil.Process) -> str:
    """Return a process's status; empty if it is gone."""
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return ""


def says_what_happened(cluster: Cluster) -> None:
    """A failure is a sentence that names the thing, and says what to do."""
    failure = cluster.failure
    assert failure is not None
    assert failure.message.endswith(".")
    assert failure.next_step.endswith(".")
    assert failure.code != "internal", failure
    (job,) = jobs_of(cluster)
    if "job_id" in failure.params:
        assert job.job_id
        assert job.job_id in failure.message
    for name, value in failure.params.items():
        assert name in ("engines", "registered") or value in failure.message + failure.next_step
