"""Torque's jobs, from ``qstat -x -t`` (XML) and, for bug reports, from ``qstat -f``. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import unescape
from xml.etree import ElementTree

from msgspec.structs import replace

from ..api.jobs import Job
from ..api.names import JobId, JobState
from .answer import text
from .base import EMPTY, Listing, Unreadable
from .jobids import READ_ID, array_of
from .outcome import torque_outcome
from .qstat import date_seconds, duration_seconds, integer, size_bytes, torque_hosts, user_name
from .qstat_text import records
from .remember import Remembered, remembered
from .reread import Printed, Twice

STATES: dict[str, JobState] = {
    "Q": "queued",
    "T": "queued",
    "H": "held",
    "W": "waiting",
    "R": "running",
    "S": "suspended",
    "E": "exiting",
    "C": "finished",
}
_STARTED = frozenset({"running", "suspended", "exiting", "finished", "unknown"})
"""A requeued job keeps the hosts and the start of its last run; in other states they are no longer true."""
_LIVELIEST = "REQHWTSC"
"""Of an array whose elements are in several states, the first of these is shown."""

_FRAME = re.compile(rb"^\s*(?:<\?xml[^>]*\?>\s*)?<Data>\s*", re.MULTILINE)
_END = re.compile(rb"\s*</Data>\s*")
_HEAD = re.compile(rb"\s*<Job><Job_Id>([^<]+)</Job_Id>")
_OWNER = re.compile(rb"\s*<Job><Job_Id>[^<]+</Job_Id><Job_Name>[^<]*</Job_Name><Job_Owner>([^<@]+)[@<]")
_WELL_FORMED = re.compile(
    rb"\s*<Job>(?:<([\w.-]+)>(?:[^<]*|(?:<([\w.-]+)>[^<]*</\2>)+)</\1>)*</Job>", re.ASCII
)
"""Elements in elements, as Torque prints them; a parser of all XML takes four times as long."""
_JOB_END = b"</Job>"
_VALUES = (
    (
        re.compile(b"<resources_used>"),
        re.compile(rb"(?:<([a-z][\w.-]*)>[^<]*</\1>)+(?=</resources_used>)", re.ASCII),
    ),
    (re.compile(b"<Walltime><Remaining>"), re.compile(rb"-?\d+(?=</Remaining></Walltime>)")),
)
"""What of a job changes at every look; only of a job that has ended is it of interest, and then it stays.

The names are not those of elements around jobs or attributes: a job's end is the first ``</Job>``."""
_UNPRINTABLE = bytes(byte if byte >= 32 or byte in b"\t\n\r" else ord("?") for byte in range(256))


def read_xml(output: bytes, user: str | None = None, last: Listing = EMPTY) -> Listing:
    """Return the jobs of ``qstat -x -t``.

    Parameters
    ----------
    user : only the jobs of this user; None: of all.
    last : the reading before; what has the same bytes is taken from there.

    Raises
    ------
    Unreadable : it is not such a document, or not a whole one.
    """
    frame = _FRAME.search(output)
    if frame is None:
        raise _unreadable("qstat printed no list of jobs.", output)

    end = output.rfind(_JOB_END, frame.end())
    rest = end + len(_JOB_END) if end >= 0 else frame.end()
    if _END.fullmatch(output, rest) is None:
        raise _unreadable("qstat's XML is not whole.", output[rest:])
    if end < 0:
        return EMPTY
    printed = Printed(output, frame.end(), end, _JOB_END)

    def id_of(piece: bytes) -> JobId:
        head = _HEAD.match(piece)
        if head is None:
            raise _unreadable("qstat's XML is not whole, or has a job without an id.", piece)
        return text(head[1])

    def read(job_id: JobId, piece: bytes) -> Remembered:
        return _read(job_id, piece, user)

    try:
        return last.then(printed, id_of, read)
    except Twice as error:
        raise _unreadable(f"Job {error.job_id} is listed twice.", error.piece) from None


def _read(job_id: JobId, piece: bytes, user: str | None) -> Remembered:
    """Return a job, of which its last tag is missing; of another user's only that it is one."""
    raw = piece + _JOB_END
    owner = _OWNER.match(raw)
    if user is not None and owner is not None and text(owner[1]) != user:
        return remembered(job_id, None, piece, _VALUES)
    if _WELL_FORMED.fullmatch(raw) is not None:
        known = remembered(job_id, None, piece, _VALUES)
        job = _job(job_id, _attributes(known.stable))
        if job.state != "finished":
            return replace(known, job=job if user is None or job.owner == user else None)
        job = _job(job_id, _attributes(raw))
    else:
        job = _job(job_id, _parsed(raw))
    return remembered(job_id, job if user is None or job.owner == user else None, piece)


def _attributes(raw: bytes) -> Callable[[str], str | None]:
    """Return a look-up of a well-formed job's attributes by their dotted names."""
    body = text(raw)

    def get(name: str) -> str | None:
        group, nested, inner = name.partition(".")
        start, end = body.find(f"<{group}>"), len(body)
        if nested and start >= 0:
            end = body.find(f"</{group}>", start)
            start, group = body.find(f"<{inner}>", start, end), inner
        if start < 0:
            return None
        start += len(group) + 2
        value = body[start : body.index("<", start)]
        return unescape(value) if "&" in value else value

    return get


def _parsed(raw: bytes) -> Callable[[str], str | None]:
    """Return the same for what is XML, but not as Torque is known to print it."""
    try:
        # Inside an element nothing can be declared, so that there are no entities to expand.
        element = ElementTree.fromstring(text(raw.translate(_UNPRINTABLE)))  # noqa: S314
    except (ElementTree.ParseError, ValueError) as error:
        raise _unreadable(f"A job in qstat's XML cannot be read: {error}.", raw) from None
    found: dict[str, str] = {}
    for child in element:
        if len(child):
            for inner in child:
                found[f"{child.tag}.{inner.tag}"] = inner.text or ""
        else:
            found[child.tag] = child.text or ""
    return found.get


def read_text(output: bytes) -> Listing:
    """Return the jobs of ``qstat -f``: for bug reports, never the truth, see qstat_text.py."""
    jobs: dict[JobId, Job] = {}
    raws: dict[JobId, Remembered] = {}
    for record in records(output):
        if not record.complete:
            raise _unreadable(f"The text ends in the middle of job {record.name}.", record.raw.encode())
        jobs[record.name] = _job(record.name, record.attributes.get)
        raws[record.name] = remembered(record.name, jobs[record.name], record.raw.encode())
    if not jobs and output.strip():
        raise _unreadable("There is no job in this text.", output)
    return Listing(jobs, raws)


def with_arrays(jobs: Mapping[JobId, Job]) -> Mapping[JobId, Job]:
    """Return the jobs with a job for each array, made of its elements and placed before them.

    Torque lists an array or its elements, and calls an array completed while elements of it are held.
    Only for listings that have all elements of their arrays.
    """
    elements: dict[JobId, list[Job]] = {}
    for job in jobs.values():
        if job.array_id is not None:
            elements.setdefault(job.array_id, []).append(job)
    if not elements:
        return jobs
    whole: dict[JobId, Job] = {}
    for job_id, job in jobs.items():
        if job.array_id is not None and job.array_id not in whole:
            whole[job.array_id] = array(job.array_id, elements[job.array_id])
        if job_id not in elements:
            whole[job_id] = job
    return whole


def array(job_id: JobId, elements: list[Job]) -> Job:
    """Return an array's job: alive as long as one of its elements is; it fails with the first that did."""
    first = elements[0]
    alive = [job for job in elements if job.state != "finished"]
    outcomes = [job.outcome for job in elements if job.outcome is not None]
    failed = [outcome for outcome in outcomes if outcome.code != "succeeded"]
    started = [job.started_at for job in elements if job.started_at is not None]
    ended = [job.ended_at for job in elements if job.ended_at is not None]
    letters = {job.letter for job in elements}
    return replace(
        first,
        job_id=job_id,
        name=first.name.rpartition("-")[0] or first.name,
        state="array" if alive else "finished",
        letter=next((letter for letter in _LIVELIEST if letter in letters), first.letter),
        array_id=None,
        elapsed_seconds=None,
        started_at=min(started, default=None),
        ended_at=None if alive else max(ended, default=None),
        hosts=[],
        comment=None,
        outcome=None if alive else next(iter(failed or outcomes), None),
    )


def _job(job_id: JobId, get: Callable[[str], str | None]) -> Job:
    """Return the job with these attributes."""
    name, owner, letter = get("Job_Name"), get("Job_Owner"), get("job_state")
    if READ_ID.fullmatch(job_id) is None or name is None or not owner or not letter:
        raise _unreadable(f"Job {job_id[:100]} has no id, name, owner or state.", job_id.encode())
    state = STATES.get(letter, "unknown")
    if "[]" in job_id:
        # Its letter says C while elements are held; only they tell, see `with_arrays`.
        state = "array"
    started, finished = state in _STARTED, state == "finished"
    started_at = date_seconds(get("start_time")) if started else None
    hosts = torque_hosts(get("exec_host")) if started else []
    comment = (get("comment") or "").strip() or None
    memory = size_bytes(get("Resource_List.mem"))
    return Job(
        job_id=job_id,
        name=name,
        owner=user_name(owner),
        queue=get("queue") or "",
        state=state,
        letter=letter,
        array_id=array_of(job_id),
        nodes=len(hosts) or integer(get("Resource_List.nodect")),
        cores=_cores(get("Resource_List.nodes")) or integer(get("Resource_List.procs")),
        memory_bytes=memory,
        walltime_seconds=duration_seconds(get("Resource_List.walltime")),
        elapsed_seconds=duration_seconds(get("resources_used.walltime")) if finished else None,
        submitted_at=date_seconds(get("ctime")),
        started_at=started_at,
        ended_at=(date_seconds(get("comp_time")) or date_seconds(get("mtime"))) if finished else None,
        estimated_start_at=(
            date_seconds(get("Execution_Time")) if state in ("queued", "held", "waiting") else None
        ),
        hosts=hosts,
        comment=comment,
        never_runs=False,
        outcome=torque_outcome(
            integer(get("exit_status")),
            started=started_at is not None,
            comment=comment,
            memory_full=memory is not None and (size_bytes(get("resources_used.mem")) or 0) >= memory,
        )
        if finished
        else None,
        cluster=None,
        role=None,
        orphan=False,
    )


def _cores(nodes: str | None) -> int | None:
    """Return the cores of ``2:ppn=4+n7:ppn=3``: a count or a node's name, then what is asked of it."""
    total = 0
    for piece in (nodes or "").split("+"):
        count, *wanted = piece.split(":")
        if not count:
            return None
        per_node = [integer(part[4:]) for part in wanted if part.startswith("ppn=")]
        total += (integer(count) or 1) * ((per_node[0] if per_node else 1) or 1)
    return total


def _unreadable(message: str, output: bytes) -> Unreadable:
    return Unreadable(message, "Attach what qstat printed to a bug report.", text(output[:2000]))
