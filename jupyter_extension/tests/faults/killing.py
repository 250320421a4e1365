"""The steps of a start, of a stop and of an adoption, between any two of which the server may be killed.

Steps between which nothing happens that another process could see are one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_PACKAGE = "jupyterlab_engines"
Phase = Literal["start", "engines", "stop"]


@dataclass(frozen=True)
class Step:
    """The server dies before or after a function, in a phase of a cluster's life.

    Attributes
    ----------
    at : ``MODULE:FUNCTION:before|after`` below our package.
    ends : what the next server may say of the cluster: states, or codes of a failure; "none": no card.
    jobs : how many jobs the batch system may have got.
    """

    phase: Phase
    at: str
    ends: tuple[str, ...]
    jobs: tuple[int, ...] = (1,)

    @property
    def place(self) -> str:
        """The step as `dying` wants it."""
        return f"{_PACKAGE}.{self.at}"


STEPS = (
    # Nothing is on disk yet, or only the order.
    Step("start", "clusters.manager:open_batch:before", ("none",), (0,)),
    Step("start", "clusters.store:write_record:before", ("none",), (0,)),
    # On record, and not submitted.
    Step("start", "clusters.store:write_record:after", ("start_interrupted",), (0,)),
    Step("start", "clusters.batch_run:BatchRun.begin:before", ("start_interrupted",), (0,)),
    Step("start", "clusters.batch_run:BatchRun._work:before", ("start_interrupted",), (0,)),
    Step("start", "clusters.batch_run:BatchRun._submit:before", ("start_interrupted",), (0,)),
    # From here on a job may exist, and is looked for.
    Step("start", "clusters.store:Journal.flushed:before", ("start_interrupted", "submit_unknown"), (0,)),
    Step("start", "scheduler.pbs_common:Pbs.submit:before", ("submit_unknown",), (0,)),
    Step("start", "scheduler.pbs_common:Pbs.read_submit:before", ("queued",)),
    Step("start", "clusters.batch_run:BatchRun._submitted:before", ("queued",)),
    Step("start", "clusters.batch_run:BatchRun._submitted:after", ("queued",)),
    Step("start", "jobs.watch:JobWatch.follow:before", ("queued",)),
    Step("start", "clusters.batch_run:BatchRun._saw_job:before", ("queued",)),
    # The job runs.
    Step("engines", "clusters.care:RunCare._follow:before", ("ready",)),
    Step("engines", "clusters.care:HubLink:before", ("ready",)),
    Step("engines", "clusters.care:Roster:before", ("ready",)),
    Step("engines", "clusters.care:judge:before", ("ready",)),
    Step("engines", "clusters.care:judge:after", ("ready",)),
    # Somebody pressed Stop.
    Step("stop", "clusters.batch_run:BatchRun._close:before", ("stopped",)),
    Step("stop", "clusters.batch_asking:Asking.delete:before", ("stopped",)),
    Step("stop", "scheduler.pbs_common:Pbs.read_change:before", ("stopped",)),
    Step("stop", "clusters.batch_run:remove_traces:before", ("stopped",)),
)
