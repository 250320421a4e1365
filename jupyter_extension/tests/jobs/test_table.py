"""What browsers are told of jobs: those that changed, came or went, and no others."""

from __future__ import annotations

import random

import msgspec
from simulated_job import a_job

from jupyterlab_engines.api.jobs import Job
from jupyterlab_engines.clusters.table import ClusterTable
from jupyterlab_engines.jobs.status import no_scheduler


def test_deltas_lead_to_what_was_put() -> None:
    luck = random.Random(5)  # noqa: S311
    table = ClusterTable(no_scheduler("user", 0.0))
    seen: dict[str, Job] = {}
    now: dict[str, Job] = {}
    for _ in range(300):
        # Some are the same objects as before, some equal ones, some others.
        now = {
            job_id: luck.choice(
                [
                    now.get(job_id, a_job(job_id)),
                    a_job(job_id),
                    a_job(job_id, state=luck.choice(["held", "running"])),
                ]
            )
            for job_id in (str(number) for number in luck.sample(range(6), luck.randrange(7)))
        }
        table.put_jobs(now)
        if luck.random() < 0.3:
            continue  # the next delta tells of both
        delta = table.take_delta()
        if delta is not None:
            for job_id in delta.jobs_removed:
                seen.pop(job_id, None)
            seen.update({job.job_id: job for job in delta.jobs_changed})
        assert seen == now


def test_one_that_goes_while_another_comes() -> None:
    table = ClusterTable(no_scheduler("user", 0.0))
    one, two, three = a_job("1"), a_job("2"), a_job("3")
    table.put_jobs({"1": one, "2": two})
    table.take_delta()
    table.put_jobs({"2": msgspec.structs.replace(two), "3": three})
    delta = table.take_delta()
    assert delta is not None
    assert (delta.jobs_changed, delta.jobs_removed) == ([three], ["1"])
