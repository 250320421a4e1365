"""Torque: its commands, and what they print.

Facts are in tests/data/pbs/TORQUE.md. What shapes this file: text can be forged by a user's variables, XML
cannot; and `qstat 'ID[]'` without ``-t`` lists all jobs, so arrays are asked for by their elements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar
from xml.etree import ElementTree

from ..api.jobs import Job, NodeShape, Queue
from ..api.names import Dialect as DialectName
from ..api.names import JobId
from ..api.profiles import Resources
from .answer import exit_status, text
from .base import EMPTY, Command, Completed, Listing, UnknownJob, Unreadable
from .directives import (
    any_name,
    cores_per_engine,
    engines_over_nodes,
    memory_text,
    queue_account_name,
    walltime_seconds,
)
from .jobids import checked_id
from .nodes import Node, shapes
from .pbs_common import Pbs, answer_to, no_answer
from .qstat import duration_seconds, duration_text, integer, size_bytes
from .qstat_text import records
from .refusals import refusal
from .torque_jobs import read_text, read_xml, with_arrays

_MEMORY = re.compile(r"(?:^|,)physmem=(\w+)")


class Torque(Pbs):
    """Torque 4 to 6."""

    name: ClassVar[DialectName] = "torque"

    # --- submitting

    def directives(self, resources: Resources, engines: int, name: str) -> list[str]:
        """Return the lines for so many ranks.

        Torque's memory is the whole job's: each node's times the nodes. Raises ValueError, naming the
        field, for what cannot be asked for.
        """
        cores, layout = cores_per_engine(resources), engines_over_nodes(engines, resources)
        nodes = "+".join(f"{count}:ppn={ranks * cores}" for count, ranks in layout)
        memory = memory_text(resources, sum(count for count, _ in layout))
        lines = [*queue_account_name(resources, name), f"#PBS -l nodes={nodes}"]
        if memory is not None:
            lines.append(f"#PBS -l mem={memory}")
        seconds = walltime_seconds(resources)
        if seconds is not None:
            lines.append(f"#PBS -l walltime={duration_text(seconds)}")
        return lines

    def find(self, name: str, user: str) -> Command:
        """Return ``qselect -N NAME -u USER``; completed jobs that are still kept are among them."""
        return Command(("qselect", "-N", any_name(name), "-u", user), self.default_seconds)

    # --- looking

    def list_jobs(self, user: str | None) -> Command:
        """Return ``qstat -x -t``: with the elements of arrays. There is no choosing by user."""
        return Command(("qstat", "-x", "-t"), self.default_seconds)

    def read_jobs(self, done: Completed, user: str | None, last: Listing = EMPTY) -> Listing:
        """Return the jobs of `user`; arrays are made of their elements."""
        if exit_status(done) != 0:
            raise no_answer(refusal(done, "list the jobs"))
        listing = read_xml(done.stdout, user, last)
        return listing if listing.jobs is last.jobs else replace(listing, jobs=with_arrays(listing.jobs))

    def query(self, ids: Sequence[JobId]) -> list[Command]:
        """Return ``qstat -x ID`` for each, ``qstat -x -t ID[]`` for an array."""
        return [
            Command(
                ("qstat", "-x", *(["-t"] if "[]" in job_id else []), checked_id(job_id)), self.default_seconds
            )
            for job_id in ids
        ]

    def read_query(self, done: Completed) -> Mapping[JobId, Job]:
        """Return the job, of an array its elements too; nothing if the server does not know it."""
        asked = done.argv[-1]
        if exit_status(done) != 0:
            error = refusal(done, f"look at job {asked}", asked)
            if isinstance(error, UnknownJob):
                return {}
            raise no_answer(error)
        jobs = read_xml(done.stdout).jobs
        return answer_to(asked, with_arrays(jobs) if "[]" in asked else jobs, done.stdout)

    def queues(self) -> Command:
        """Return ``qstat -Q -f``."""
        return Command(("qstat", "-Q", "-f"), self.default_seconds)

    def read_queues(self, done: Completed) -> list[Queue]:
        """Return the queues; which is the default one, `default_queue` tells."""
        if exit_status(done) != 0:
            raise no_answer(refusal(done, "list the queues"))
        found = records(done.stdout)
        if not found or not found[-1].complete:
            raise Unreadable("qstat did not print whole queues.", "", text(done.stdout[:2000]))
        return [
            Queue(
                name=queue.name,
                enabled=queue.attributes.get("enabled", "").lower() == "true",
                started=queue.attributes.get("started", "").lower() == "true",
                is_default=False,
                max_walltime_seconds=duration_seconds(queue.attributes.get("resources_max.walltime")),
                default_walltime_seconds=duration_seconds(queue.attributes.get("resources_default.walltime")),
                max_nodes=integer(queue.attributes.get("resources_max.nodect")),
                max_cores=integer(
                    queue.attributes.get("resources_max.procct", queue.attributes.get("resources_max.ncpus"))
                ),
            )
            for queue in found
        ]

    def nodes(self) -> Command:
        """Return ``pbsnodes -x``."""
        return Command(("pbsnodes", "-x"), self.default_seconds)

    def read_nodes(self, done: Completed) -> list[NodeShape]:
        """Return the shapes."""
        if exit_status(done) != 0:
            raise no_answer(refusal(done, "list the nodes"))
        try:
            # expat resolves nothing outside the text, and bounds what entities may grow to.
            tree = ElementTree.fromstring(text(done.stdout).strip())  # noqa: S314
        except (ElementTree.ParseError, ValueError) as error:
            raise Unreadable(
                f"What pbsnodes printed cannot be read: {error}.", "", text(done.stdout[:2000])
            ) from None
        return shapes(
            Node(
                host=node.findtext("name", ""),
                state=node.findtext("state", ""),
                cores=integer(node.findtext("np")) or 0,
                memory_bytes=_memory(node.findtext("status", "")),
            )
            for node in tree.iter("Node")
        )


def _memory(status: str) -> int | None:
    found = _MEMORY.search(status)
    return size_bytes(found[1]) if found else None


def parse(output: bytes) -> Listing:
    """Return all jobs in recorded output of ``qstat -x`` or ``qstat -f``.

    Raises `Unreadable`. The text form can be deceived by a user's variables, see qstat_text.py.
    """
    return (
        read_xml(output) if re.search(rb"^\s*(?:<\?xml|<Data>)", output, re.MULTILINE) else read_text(output)
    )
