"""Job ids that are safe on a command line, and where qsub's answer has one. Pure."""

from __future__ import annotations

import re

from ..api.names import JobId
from .answer import text
from .base import UnknownJob

PBS_ID = re.compile(r"[0-9]{1,18}(?:\[[0-9]{0,9}\])?(?:\.[A-Za-z0-9][A-Za-z0-9._-]{0,253})?", re.ASCII)
"""``16.server``, ``18[].server``, ``18[2].server``: OpenPBS and Torque; the server may be left out."""
SUBMITTED_ID = re.compile(r"[0-9]{1,18}(?:\[\])?\.[A-Za-z0-9][A-Za-z0-9._-]{0,253}", re.ASCII)
"""As their qsub prints it: whole, with the server."""
READ_ID = re.compile(r"[0-9][A-Za-z0-9._\[\]-]{0,299}", re.ASCII)
"""What is shown as a job's id; old versions had others, on which nothing can be done from here."""


def checked_id(job_id: JobId, pattern: re.Pattern[str] = PBS_ID) -> JobId:
    """Return `job_id`; raise `UnknownJob` if it does not look like one: it must never be an option."""
    if pattern.fullmatch(job_id) is None:
        raise UnknownJob(f"{job_id[:100]!r} is not the id of a job here.")
    return job_id


def id_in(stdout: bytes, pattern: re.Pattern[str] = SUBMITTED_ID) -> JobId | None:
    """Return the one line that is nothing but a job id; sites print other things around it.

    None if there is no such line, or if there are several that differ: then none can be trusted.
    """
    found = {line.strip() for line in text(stdout).splitlines() if pattern.fullmatch(line.strip())}
    return found.pop() if len(found) == 1 else None


def array_of(job_id: JobId) -> JobId | None:
    """Return ``18[].server`` for the subjob ``18[2].server``, None for any other job."""
    number, bracket, rest = job_id.partition("[")
    index, _, server = rest.partition("]")
    return f"{number}[]{server}" if bracket and index else None
