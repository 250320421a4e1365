"""The batch job that this process runs in, as the environment tells it; the same for all dialects."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_OF_BATCH_SYSTEMS = ("SLURM_", "PBS_")


@dataclass(frozen=True, kw_only=True)
class BatchJob:
    """What a job knows about itself.

    Attributes
    ----------
    job_id : as the scheduler names it.
    node_file : path of the list of its nodes, a line for each engine it has room for; None: there is none.
    nodes : how many engines each node has room for, in the order of `node_file`.
    submitted_from : host from which it was submitted; empty where the scheduler does not tell.
    by_slurm : whether Slurm runs it; an MPI launcher then asks Slurm for the nodes and starts by srun.
    """

    job_id: str
    node_file: str | None = None
    nodes: dict[str, int] = field(default_factory=dict)
    submitted_from: str = ""
    by_slurm: bool = False

    @property
    def others(self) -> list[str]:
        """The hosts that take part, other than this one."""
        here = short(socket.gethostname())
        names = [*self.nodes, *filter(None, [self.submitted_from])]
        return [name for name in names if short(name) != here]

    def has_room_for(self, engines: int) -> bool:
        """Whether the scheduler has set aside room for so many; not known counts as yes."""
        return not self.nodes or sum(self.nodes.values()) >= engines


def short(host: str) -> str:
    """Return a host's name without its domain: schedulers and hosts do not agree on it."""
    return host.partition(".")[0]


def batch_job(environ: Mapping[str, str]) -> BatchJob | None:
    """Return the batch job in whose environment `environ` this process runs; None outside of one."""
    by_slurm = "SLURM_JOB_ID" in environ
    job_id = environ.get("PBS_JOBID") or environ.get("SLURM_JOB_ID")
    if not job_id:
        return None
    node_file = environ.get("PBS_NODEFILE") or None
    return BatchJob(
        job_id=job_id,
        node_file=node_file,
        nodes=_count(Path(node_file)) if node_file else {},
        submitted_from=environ.get("PBS_O_HOST", ""),
        by_slurm=by_slurm,
    )


def outside_of_batch(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` as if this process were in no batch job.

    Jupyter may run in one, on one node or several. Ranks that are to be on this host, whose controller other
    hosts cannot reach, must not be spread over its nodes, as every MPI launcher does that hears of them.
    """
    return {name: value for name, value in environ.items() if not name.startswith(_OF_BATCH_SYSTEMS)}


def _count(node_file: Path) -> dict[str, int]:
    """Return how often each host stands in `node_file`; nothing if it cannot be read."""
    nodes: dict[str, int] = {}
    try:
        lines = node_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return nodes  # only the first node has it, or the scheduler has removed it already
    for name in (line.strip() for line in lines):
        if name:
            nodes[name] = nodes.get(name, 0) + 1
    return nodes
