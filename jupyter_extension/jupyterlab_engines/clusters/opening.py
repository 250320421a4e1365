"""A new run, put on disk before anything of it is started. Functions block: call them in a thread."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Literal

from pxengines.launch.paths import RunPaths
from pxengines.launch.spec import JobSpec

from ..api.models import Batch, ClusterJob, Dialect, JobRole, StartCluster
from ..profiles.plan import StartPlan
from ..profiles.script import RenderedScript
from . import state
from .batch_run import script_path
from .care import RunSettings
from .store import BatchOrder, RunRecord, open_run

_NAME = re.compile(r"^#PBS\s+-N\s*(\S+)", re.MULTILINE)
_TAG_DIGITS = 10
_ROLE_DIGIT: Mapping[JobRole, str] = {"cluster": "a", "controller": "c", "engines": "e"}


def job_name(run_id: str, role: JobRole) -> str:
    """Return the unique name of a job of ours: 15 characters, the most that old versions of PBS take."""
    return f"pxe{run_id[:_TAG_DIGITS]}{_ROLE_DIGIT[role]}"


def _name(plan: StartPlan, script: RenderedScript, run_id: str) -> str:
    """Return the name a job will have: of a legacy one, what its template says, else that of the script."""
    if not plan.legacy:
        return job_name(run_id, script.role)
    found = _NAME.findall(script.text)
    return found[-1] if found else f"{script.role}.sh"


def _list(argv: Sequence[str] | None) -> list[str] | None:
    return None if argv is None else list(argv)


def _controller(paths: RunPaths, settings: RunSettings, plan: StartPlan) -> list[str]:
    """Return the command line of a controller beside Jupyter; none if it runs in a job."""
    if plan.placement != "server":
        return []
    if plan.legacy:
        return list(plan.controller_command)
    return [*settings.python, "-m", "pxengines.job", str(paths.run_dir), "controller"]


def new_run_id() -> str:
    """Return a run id: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def open_local(paths: RunPaths, request: StartCluster, settings: RunSettings) -> RunRecord:
    """Put a run of this machine on disk.

    Raises
    ------
    OSError
        If it cannot be written; then the last run of this cluster is as it was.
    """
    cluster = state.new_cluster(
        key=paths.key,
        profile=request.profile,
        cluster_id=paths.cluster_id,
        run_id=new_run_id(),
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
        mpiexec=_list(settings.mpiexec),
        mpi_args=list(settings.mpi_args),
        work_dir=settings.work_dir,
    )
    open_run(paths, record, spec)
    return record


def open_batch(
    paths: RunPaths,
    request: StartCluster,
    settings: RunSettings,
    plan: StartPlan,
    run_id: str,
    dialect: Dialect | None,
    origin: Literal["panel", "terminal"] = "panel",
) -> RunRecord:
    """Put a run of a batch system on disk, its scripts too; `origin` says who asked for it.

    Raises
    ------
    OSError
        If it cannot be written; then the last run of this cluster is as it was.
    """
    if dialect is None:
        raise ValueError("a batch run needs a batch system")
    at = time.time()
    roles = [script.role for script in plan.scripts]
    jobs = [
        ClusterJob(role=s.role, name=_name(plan, s, run_id), job_id=None, state=None, since=at, outcome=None)
        for s in plan.scripts
    ]
    batch = Batch(
        dialect=dialect,
        placement=plan.placement,
        resources=plan.resources,
        jobs=jobs,
        reason=None,
        estimated_start_at=None,
        ends_at=None,
        unknown_since=None,
        unknown_why=None,
    )
    cluster = state.new_cluster(
        key=paths.key,
        profile=request.profile,
        cluster_id=paths.cluster_id,
        run_id=run_id,
        engines=request.engines,
        at=at,
        batch=batch,
        origin=origin,
    )
    record = RunRecord(
        cluster=cluster,
        idempotency_key=request.idempotency_key,
        owner=settings.owner,
        job_pid=None,
        job_started=None,
        batch=BatchOrder(
            roles=roles,
            began={},
            before={},
            legacy=plan.legacy,
            controller=_controller(paths, settings, plan),
        ),
    )
    spec = JobSpec(
        run_id=run_id,
        profile_dir=str(paths.profile_dir),
        cluster_id=paths.cluster_id,
        engines=request.engines,
        python=list(plan.python or settings.python),
        mpiexec=_list(plan.mpiexec or settings.mpiexec),
        mpi_args=list(plan.mpi_args or settings.mpi_args),
        environment=dict(settings.environment),
        work_dir=settings.work_dir,
        placement=plan.placement,
        controller_address=plan.controller_address,
        encrypt=True,
    )
    open_run(paths, record, spec, {script_path(paths, s.role): s.text for s in plan.scripts})
    return record
