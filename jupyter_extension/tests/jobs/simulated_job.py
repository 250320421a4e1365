"""A job as a scheduler tells it."""

from __future__ import annotations

from typing import Any

from jupyterlab_engines.api.jobs import Job


def a_job(job_id: str, **given: Any) -> Job:
    """Return a job that waits in the queue."""
    plain: dict[str, Any] = {
        "job_id": job_id,
        "name": "mine",
        "owner": "somebody",
        "queue": "default",
        "state": "queued",
        "letter": "Q",
        "array_id": None,
        "nodes": 1,
        "cores": 1,
        "memory_bytes": None,
        "walltime_seconds": 3600,
        "elapsed_seconds": None,
        "submitted_at": 0.0,
        "started_at": None,
        "ended_at": None,
        "estimated_start_at": None,
        "hosts": [],
        "comment": None,
        "never_runs": False,
        "outcome": None,
        "cluster": None,
        "role": None,
        "orphan": False,
    }
    return Job(**{**plain, **given})
