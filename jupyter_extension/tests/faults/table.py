"""The faults that a cluster of a batch system must survive, each with what the card says afterwards.

Every row is run by ``test_fault_table.py`` on a real Jupyter server and the simulated batch system; after
each one `BatchSite.check` compares cards, batch system, disk and processes. Faults of the server itself
(killed, other hosts, clocks, spoiled records) are in ``test_server_killed.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from batchsite import SUBMIT_SECONDS, BatchSite

ALL = ("openpbs", "torque", "slurm")
PBS = ("openpbs", "torque")
OWN_WORDS = ("openpbs", "slurm")
"""The two that tell of a job in the most different ways."""
ONE = ("openpbs",)
State = Literal["queued", "ready", "stopped", "failed"]


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes
    ----------
    fault : name and options of a switch of `FakePBS.set_fault`; None: `act` does it.
    act : what is done instead, or besides.
    profile : settings of the profile that differ from the plain ones.
    state, code : what the card says at the end, before it is stopped.
    says : pattern in the failure or the log that comes with it.
    jobs : how many jobs the batch system ever had of it.
    dialects : in whose voices.
    """

    name: str
    state: State
    code: str | None = None
    fault: tuple[str, dict[str, Any]] | None = None
    act: Callable[[BatchSite], None] | None = None
    profile: dict[str, Any] = field(default_factory=dict)
    says: str = ""
    jobs: int = 1
    dialects: tuple[str, ...] = ONE


def refused(reason: str, says: str, dialects: tuple[str, ...] = ALL) -> Row:
    """Return the row of a refusal of qsub."""
    return Row(
        f"qsub-{reason}",
        "failed",
        "job_refused",
        ("refuse", {"reason": reason}),
        says=says,
        jobs=0,
        dialects=dialects,
    )


# --- qsub: faults of the command that submits, on while Start is pressed; no job starts meanwhile

QSUB = (
    refused("unknown_queue", "queue|partition"),
    refused("bad_walltime", "time"),
    refused("over_limits", "limit|exceed"),
    refused("too_big", "", ("torque", "slurm")),
    refused("no_permission", "not"),
    refused("queue_closed", "queue", PBS),
    refused("empty_script", "script", ("slurm",)),
    refused("crlf_script", "script|line break"),
    refused("missing_script", "script|file"),
    Row("qsub-hangs", "failed", "submit_unknown", ("hang", {}), says=f"{SUBMIT_SECONDS:g} s", jobs=0),
    Row("qsub-hangs-and-ignores-term", "failed", "submit_unknown", ("hang", {"ignore_term": True}), jobs=0),
    Row("qsub-killed-after-submitting", "queued", None, ("submit_then_hang", {}), dialects=ALL),
    Row("qsub-submits-and-says-down", "queued", None, ("submit_then_fail", {})),
    Row("qsub-server-down", "failed", "submit_unknown", ("server_down", {}), jobs=0),
    Row("qsub-too-many-cpus", "failed", "job_never_runs", ("never_runs", {}), says="never"),
    Row("qsub-too-many-cpus-and-no-word", "queued", None, ("never_runs", {}), dialects=("torque", "slurm")),
    Row("qsub-noise-before-the-id", "queued", None, ("noise", {}), dialects=ALL),
    Row("qsub-noise-on-stderr", "queued", None, ("noise", {"stream": "stderr"})),
    Row("qsub-slow", "queued", None, ("slow", {"seconds": SUBMIT_SECONDS / 4})),
    Row("qsub-says-nothing", "failed", "submit_unknown", ("empty", {}), jobs=0),
    Row("qsub-half-an-id", "queued", None, ("truncated", {"keep": 0.0})),
)


# --- qstat: faults of the questions, on while a job waits in the queue: the card never leaves "queued"


@dataclass(frozen=True)
class Silence:
    """One way not to answer, or to answer nonsense.

    Attributes
    ----------
    fault : of `FakePBS.set_fault`.
    times : for how many questions; None: until it is switched off.
    unknown : whether to wait until the card tells that nothing is known; not where the next question is
        answered: it may come at once.
    """

    name: str
    fault: str
    options: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    unknown: bool = True
    dialects: tuple[str, ...] = ONE


QSTAT = (
    Silence("qstat-fails-once", "server_down", times=1, unknown=False, dialects=ALL),
    Silence("qstat-fails-for-long", "server_down", dialects=ALL),
    Silence("qstat-hangs", "hang"),
    Silence("qstat-hangs-and-ignores-term", "hang", {"ignore_term": True}),
    Silence("qstat-empty", "empty"),
    Silence("qstat-truncated", "truncated", {"keep": 0.4}),
    Silence("qstat-all-well-but-255", "status", {"status": 255}, dialects=OWN_WORDS),
    Silence("qstat-not-utf8", "non_utf8", {"after": "Job_Owner"}, times=2, unknown=False),
    Silence("qstat-crash", "text", {"stdout": "Segmentation fault\n", "status": 139}),
    Silence("qstat-flood", "flood", {"bytes": 100_000_000}),
    Silence("qstat-missing-once", "missing_job", times=1, unknown=False, dialects=OWN_WORDS),
    Silence("qstat-other-server", "foreign_server", times=1, unknown=False),
    Silence("qstat-unknown-state", "unknown_state", {"letter": "Z"}, times=3, unknown=False),
)


# --- qdel: faults on while Stop is pressed; the card is "stopping" as long as the job lives


@dataclass(frozen=True)
class Deletion:
    """One way in which a job does not end when asked; it ends all the same.

    Attributes
    ----------
    fault : of the first calls of qdel.
    times : of how many.
    """

    name: str
    fault: str
    times: int = 1
    dialects: tuple[str, ...] = ONE


QDEL = (
    Deletion("qdel-unknown-id", "unknown_job", dialects=ALL),
    Deletion("qdel-fails-twice", "fails", 2),
    Deletion("qdel-not-yours", "not_yours"),
    Deletion("qdel-server-down", "server_down"),
    Deletion("qdel-hangs", "hang"),
)


# --- jobs: what becomes of one


def in_the_end(what: Callable[[BatchSite, str], None]) -> Callable[[BatchSite], None]:
    """Return what is done to the job of a ready cluster."""

    def act(site: BatchSite) -> None:
        site.until_state("ready")
        what(site, site.job_id())

    return act


def purge_lost(site: BatchSite, job_id: str) -> None:
    """The node is lost and the server shows the job as running, until somebody purges it."""
    site.pbs.node_lost(job_id, then="stays", after=0.0)
    site.pbs.wait(lambda: not site.pbs.job(job_id).pids)
    assert site.cluster().state != "failed", "the batch system says that it runs"
    site.pbs.forget(job_id)


JOBS = (
    Row("job-command-not-found", "failed", "job_exited", profile={"python": ["/no/python"]}, says="127"),
    Row("job-ends-at-once", "failed", "job_exited", profile={"prologue": ["exit 0"]}, says="exit status 0"),
    Row("job-fails-at-once", "failed", "job_exited", profile={"prologue": ["exit 3"]}, says="exit status 3"),
    Row("job-shell-killed", "failed", "job_exited", profile={"prologue": ["kill -9 $$"]}, says="SIGKILL"),
    Row(
        "job-mpiexec-missing",
        "failed",
        "mpiexec_missing",
        profile={"mpiexec": ["/no/mpiexec"]},
        says="/no/mpiexec",
    ),
    Row(
        "job-engines-die-at-start",
        "failed",
        "mpi_library_missing",
        profile={"prologue": ["export MPI4PY_LIBMPI=/no/libmpi.so"]},
        says="libmpi",
    ),
    Row(
        "job-mpiexec-fails", "failed", "engines_exited", profile={"mpiexec": ["/bin/false"]}, says="status 1"
    ),
    Row("job-home-slow", "ready", None, profile={"prologue": ["sleep 4"]}),
    Row(
        "job-walltime-while-ready",
        "failed",
        "job_walltime",
        act=in_the_end(lambda site, job_id: site.pbs.kill_by_walltime(job_id)),
        says="00:15:00",
        dialects=ALL,
    ),
    Row(
        "job-deleted-from-a-terminal",
        "failed",
        "job_deleted",
        act=in_the_end(lambda site, job_id: site.pbs.delete(job_id)),
        dialects=ALL,
    ),
    Row(
        "job-missing-for-good",
        "failed",
        "job_lost",
        act=in_the_end(lambda site, job_id: site.pbs.forget(job_id)),
    ),
    Row(
        "job-node-lost-and-given-up",
        "failed",
        act=in_the_end(lambda site, job_id: site.pbs.node_lost(job_id, then="fail", after=0.2)),
    ),
    Row("job-node-lost-and-purged", "failed", "job_lost", act=in_the_end(purge_lost)),
    Row(
        "job-requeued",
        "ready",
        act=in_the_end(lambda site, job_id: site.pbs.requeue(job_id, delay=1.5)),
        dialects=OWN_WORDS,
    ),
    Row(
        "job-node-lost-and-requeued",
        "ready",
        act=in_the_end(lambda site, job_id: site.pbs.node_lost(job_id, then="requeue", after=0.2)),
    ),
)
