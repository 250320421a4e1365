"""OpenPBS and PBS Pro: their commands, and what they print.

Facts are in tests/data/pbs/OPENPBS.md. Three of them shape this file: a JSON query of two ids prints only
the first job, `qdel KNOWN UNKNOWN` crashes the server, and a server that is down prints valid JSON without
jobs. So: one id a command, and the exit status before the output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import msgspec

from ..api.jobs import Job, NodeShape, Queue
from ..api.names import Dialect as DialectName
from ..api.names import JobId
from ..api.profiles import Resources
from .answer import exit_status, text
from .base import (
    EMPTY,
    Command,
    Completed,
    Listing,
    NoAnswer,
    SchedulerError,
    UnknownJob,
    Unreadable,
)
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
from .openpbs_jobs import read_json, read_text
from .pbs_common import Pbs, answer_to, no_answer
from .qstat import duration_seconds, duration_text, integer, size_bytes
from .refusals import refusal, words

_NO_HISTORY = re.compile(
    r"not configured to maintain job history|history.*not (?:set|enabled)", re.IGNORECASE
)
_HISTORY = re.compile(r"job has finished, use -x", re.IGNORECASE)


class _Queues(msgspec.Struct):
    pbs_server: str
    Queue: dict[str, dict[str, Any]] = {}


class _Nodes(msgspec.Struct):
    pbs_server: str
    nodes: dict[str, dict[str, Any]]


class OpenPbs(Pbs):
    """OpenPBS and PBS Pro.

    Not quite pure in one thing: it remembers that a server keeps no history of ended jobs, because such a one
    refuses every question that mentions it.
    """

    name: ClassVar[DialectName] = "openpbs"

    def __init__(self, version: str, server: str) -> None:
        super().__init__(version, server)
        self._history = True

    # --- submitting

    def directives(self, resources: Resources, engines: int, name: str) -> list[str]:
        """Return the lines for so many ranks; memory is each node's, as `Resources` has it.

        Raises ValueError, naming the field, for what cannot be asked for.
        """
        cores, memory = cores_per_engine(resources), memory_text(resources)
        layout = engines_over_nodes(engines, resources)
        chunks = [
            f"{nodes}:ncpus={ranks * cores}:mpiprocs={ranks}" + (f":mem={memory}" if memory else "")
            for nodes, ranks in layout
        ]
        lines = [*queue_account_name(resources, name), f"#PBS -l select={'+'.join(chunks)}"]
        if sum(nodes for nodes, _ in layout) > 1:
            # Else PBS may put several chunks on one node.
            lines.append("#PBS -l place=scatter")
        seconds = walltime_seconds(resources)
        if seconds is not None:
            lines.append(f"#PBS -l walltime={duration_text(seconds)}")
        return lines

    def find(self, name: str, user: str) -> Command:
        """Return ``qselect -x -N NAME -u USER``."""
        return Command(("qselect", *self._x, "-N", any_name(name), "-u", user), self.default_seconds)

    # --- looking

    def list_jobs(self, user: str | None) -> Command:
        """Return ``qstat -f -t -F json``: arrays and their subjobs, no history.

        Of all users: with ``-f`` there is no choosing, and a list of ids would print only the first.
        """
        return Command(("qstat", "-f", "-t", "-F", "json"), self.default_seconds)

    def read_jobs(self, done: Completed, user: str | None, last: Listing = EMPTY) -> Listing:
        """Return the jobs of `user`."""
        if exit_status(done) != 0:
            raise no_answer(self._refusal(done, "list the jobs"))
        return read_json(done.stdout, user, last)

    def query(self, ids: Sequence[JobId]) -> list[Command]:
        """Return ``qstat -x -f -F json ID`` for each."""
        return [
            Command(("qstat", *self._x, "-f", "-F", "json", checked_id(job_id)), self.default_seconds)
            for job_id in ids
        ]

    def read_query(self, done: Completed) -> Mapping[JobId, Job]:
        """Return the job; nothing if the server does not know it."""
        asked = done.argv[-1]
        if exit_status(done) != 0:
            error = self._refusal(done, f"look at job {asked}", asked)
            if isinstance(error, UnknownJob):
                return {}
            raise no_answer(error)
        return answer_to(asked, read_json(done.stdout).jobs, done.stdout)

    def queues(self) -> Command:
        """Return ``qstat -Q -f -F json``."""
        return Command(("qstat", "-Q", "-f", "-F", "json"), self.default_seconds)

    def read_queues(self, done: Completed) -> list[Queue]:
        """Return the queues; which is the default one, `default_queue` tells."""
        if exit_status(done) != 0:
            raise no_answer(refusal(done, "list the queues"))
        return [
            Queue(
                name=name,
                enabled=_flag(values, "enabled"),
                started=_flag(values, "started"),
                is_default=False,
                max_walltime_seconds=duration_seconds(_nested(values, "resources_max", "walltime")),
                default_walltime_seconds=duration_seconds(_nested(values, "resources_default", "walltime")),
                max_nodes=integer(_nested(values, "resources_max", "nodect")),
                max_cores=integer(_nested(values, "resources_max", "ncpus")),
            )
            for name, values in _decode(done.stdout, _Queues).Queue.items()
        ]

    def nodes(self) -> Command:
        """Return ``pbsnodes -a -F json``."""
        return Command(("pbsnodes", "-a", "-F", "json"), self.default_seconds)

    def read_nodes(self, done: Completed) -> list[NodeShape]:
        """Return the shapes; the vnodes of a host are one node."""
        if exit_status(done) != 0:
            raise no_answer(refusal(done, "list the nodes"))
        return shapes(
            Node(
                host=_nested(values, "resources_available", "host") or name,
                state=str(values.get("state", "")),
                cores=integer(_nested(values, "resources_available", "ncpus")) or 0,
                memory_bytes=size_bytes(_nested(values, "resources_available", "mem")),
            )
            for name, values in _decode(done.stdout, _Nodes).nodes.items()
        )

    # --- history

    @property
    def _x(self) -> tuple[str, ...]:
        return ("-x",) if self._history else ()

    def _refusal(self, done: Completed, doing: str, job_id: JobId = "") -> SchedulerError:
        said = words(done)
        if self._history and _NO_HISTORY.search(said):
            self._history = False
            return NoAnswer("The server keeps no history of ended jobs.", "It is asked again without.", said)
        if not self._history and _HISTORY.search(said):
            self._history = True
            return NoAnswer(f"Job {job_id} has ended.", "It is asked again how.", said)
        return refusal(done, doing, job_id)


def parse(output: bytes) -> Listing:
    """Return all jobs in recorded output of ``qstat -f``, as JSON or as text.

    Raises `Unreadable`. The text form can be deceived by a user's variables, see qstat_text.py.
    """
    return read_json(output) if re.search(rb"^\s*\{", output, re.MULTILINE) else read_text(output)


T = TypeVar("T")


def _decode(output: bytes, kind: type[T]) -> T:
    """Return JSON as this type; raise `Unreadable`."""
    try:
        return msgspec.json.decode(text(output), type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(
            f"What the scheduler printed cannot be read: {error}.", "", text(output[:2000])
        ) from None


def _flag(values: Mapping[str, Any], name: str) -> bool:
    return str(values.get(name, "")).lower() == "true"


def _nested(values: Mapping[str, Any], group: str, name: str) -> str | None:
    inner = values.get(group)
    value = inner.get(name) if isinstance(inner, dict) else None
    return None if value is None else str(value)
