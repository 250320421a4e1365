"""OpenPBS's and PBS Pro's jobs, from ``qstat -f -F json`` and, for bug reports, from ``qstat -f``. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from ..api.jobs import Job
from ..api.names import JobId, JobState
from .answer import text
from .base import EMPTY, Listing, Unreadable
from .jobids import READ_ID, array_of
from .outcome import openpbs_outcome
from .qstat import date_seconds, duration_seconds, integer, openpbs_hosts, size_bytes, user_name
from .qstat_text import records
from .remember import Remembered, jobs_in, remembered
from .reread import Printed, Twice

STATES: dict[str, JobState] = {
    "Q": "queued",
    "T": "queued",
    "H": "held",
    "W": "waiting",
    "R": "running",
    "S": "suspended",
    "U": "suspended",
    "E": "exiting",
    "B": "array",
    "F": "finished",
    "X": "finished",
}
"""T: on its way to another server; U: suspended, someone uses the workstation; X: a finished subjob."""
_STARTED = frozenset({"running", "suspended", "exiting", "array", "finished", "unknown"})
"""A requeued job keeps the hosts and the start of its last run; in other states they are no longer true."""
_NEVER_RUNS = "can never run"

_UNPRINTABLE = bytes(byte if byte >= 32 or byte in b"\t\n\r" else ord("?") for byte in range(256))
_VARIABLES = re.compile(rb'\n([ \t]*)"Variable_List":[ \t]*\{')
_SAFE = rb"[ !#-\[\]-~]"
_FRAME = re.compile(
    rb'\s*\{\s*"timestamp":\s*[1-9]\d*,\s*"pbs_version":\s*"%s*",\s*"pbs_server":\s*"%s*",'
    rb'\s*"Jobs":\s*\{(?=(\n[ \t]*)")' % (_SAFE, _SAFE)
)
_HEAD = re.compile(rb'\s*"(%s+)":\s*\{' % _SAFE)
_TAIL = re.compile(rb"\s*\}\s*\}\s*")
_USED = rb'\s*"[^"\\\n]*":\s*(?:"[^"\\\n]*"|\d+)'
_VALUES = (
    (re.compile(rb'"resources_used":\s*\{'), re.compile(rb"%s(?:,%s)*(?=\s*\})" % (_USED, _USED))),
    (re.compile(rb'"eligible_time":\s*"'), re.compile(rb'[\d:]+(?=")')),
)
"""What of a job changes at every look; only of a job that has ended is it of interest, and then it stays."""


class _Attributes(msgspec.Struct):
    """What is read of a job; all else, its variables above all, is skipped without looking at it.

    Any: which values are printed as numbers depends on what they look like.
    """

    Job_Name: Any = None
    Job_Owner: Any = None
    job_state: Any = None
    queue: Any = None
    ctime: Any = None
    stime: Any = None
    obittime: Any = None
    mtime: Any = None
    Execution_Time: Any = None
    exec_host: Any = None
    comment: Any = None
    substate: Any = None
    Exit_status: Any = None
    array_id: Any = None
    Resource_List: dict[str, Any] | None = None
    resources_used: dict[str, Any] | None = None
    estimated: dict[str, Any] | None = None


class _Document(msgspec.Struct):
    """The frame; each job stays the bytes that it is."""

    pbs_version: Any = None
    pbs_server: Any = None
    Jobs: dict[str, msgspec.Raw] = {}


_decode_document = msgspec.json.Decoder(_Document).decode
_decode_attributes = msgspec.json.Decoder(_Attributes).decode
_UNREAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_PLAIN = (
    "Job_Name Job_Owner job_state queue ctime stime obittime mtime Execution_Time exec_host comment"
    " substate Exit_status array_id"
).split()
_NESTED = ("Resource_List", "resources_used", "estimated")


def read_json(output: bytes, user: str | None = None, last: Listing = EMPTY) -> Listing:
    """Return the jobs of ``qstat -f -F json``.

    Parameters
    ----------
    user : only the jobs of this user; None: of all.
    last : the reading before; what has the same bytes is taken from there.

    Raises
    ------
    Unreadable : it is not such a document, or not a whole one.
    """
    start = re.search(rb"^\s*\{", output, re.MULTILINE)
    if start is None:
        raise _unreadable("qstat printed no JSON.", output)
    document = output[start.start() :] if start.start() else output
    listing = _read_lines(document, user, last)
    if listing is not None:
        return listing
    clean = document
    try:
        read = _decode_document(document)
    except _UNREAD as error:
        clean = _mended(document)
        listing = _read_lines(clean, user, last)
        if listing is not None:
            return listing
        try:
            read = _decode_document(clean)
        except _UNREAD:
            raise _unreadable(f"qstat's JSON cannot be read: {error}.", document) from None
    if read.pbs_version is None or read.pbs_server is None:
        raise _unreadable("What qstat printed is JSON, but not a list of jobs.", document)
    raw = {job_id: _remembered(job_id, bytes(body), user) for job_id, body in read.Jobs.items()}
    return Listing(jobs_in(raw), raw)


def _read_lines(document: bytes, user: str | None, last: Listing) -> Listing | None:
    """Return the jobs of JSON that is laid out as qstat does it; None: it is not, or it is no JSON.

    Each job has been decoded, now or in a reading before, and what is around them is matched byte by byte: so
    the whole is JSON, and has these jobs and no others. Decoding the whole to know that takes much longer.
    """
    frame = _FRAME.match(document)
    if frame is None:
        return None
    job_end = frame[1] + b"}"
    end = document.rfind(job_end)
    if end < frame.start(1) or _TAIL.fullmatch(document, end + len(job_end)) is None:
        return None
    printed = Printed(document, frame.start(1), end, job_end + b",")

    def id_of(piece: bytes) -> JobId:
        head = _HEAD.match(piece)
        if head is None or job_end in piece:
            raise Unreadable("")
        return head[1].decode("ascii")

    def read(job_id: JobId, piece: bytes) -> Remembered:
        return _remembered(job_id, piece, user, job_end)

    try:
        return last.then(printed, id_of, read)
    except (Unreadable, Twice):
        return None


def _remembered(job_id: JobId, raw: bytes, user: str | None, end: bytes = b"") -> Remembered:
    """Return a job, of another user's only that it is one; before its bytes its id may stand.

    end : what is missing of the bytes, the last brace.
    """
    known = remembered(job_id, None, raw, _VALUES)
    get = _flat(known.stable + end)
    owner = get("Job_Owner")
    if user is not None and owner and user_name(owner) != user:
        return known
    job = _job(job_id, get)
    if job.state != "finished":
        return msgspec.structs.replace(known, job=job)
    return remembered(job_id, _job(job_id, _flat(raw + end)), raw)


def _mended(document: bytes) -> bytes:
    """Return the document without what makes the JSON of older servers none.

    They print a user's text as it is, control characters and all, and up to version 20 variables that
    are no JSON (``005``, odd escapes, the functions of a shell: OpenPBS's issues 1255, 2049 and 2541).
    We read no variables; they end where their indentation does, and never beyond their job.
    """
    clean = text(document.translate(_UNPRINTABLE)).encode()
    kept, position = list[bytes](), 0
    for found in _VARIABLES.finditer(clean):
        if found.start() < position:
            continue
        close = clean.find(b"\n" + found[1] + b"}", found.end())
        if close < 0 or clean.find(b'"Job_Name"', found.end(), close) >= 0:
            return clean
        kept.append(clean[position : found.end()])
        position = close
    return b"".join([*kept, clean[position:]])


def _flat(raw: bytes) -> Callable[[str], str | None]:
    """Return a look-up of a job's attributes by their dotted names; before its bytes its id may stand."""
    head = _HEAD.match(raw)
    if head is not None:
        raw = raw[head.end() - 1 :]
    try:
        try:
            read = _decode_attributes(raw)
        except _UNREAD:
            # A user's text in another encoding than UTF-8 is printed as it is.
            read = _decode_attributes(text(raw).encode())
    except _UNREAD as error:
        raise _unreadable(f"A job in qstat's JSON cannot be read: {error}.", raw) from None
    flat = {name: getattr(read, name) for name in _PLAIN}
    for group in _NESTED:
        for key, value in (getattr(read, group) or {}).items():
            flat[f"{group}.{key}"] = value

    def get(name: str) -> str | None:
        value = flat.get(name)
        if value is None or type(value) is str:
            return value
        return None if isinstance(value, dict | list) else str(value)

    return get


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


def _job(job_id: JobId, get: Callable[[str], str | None]) -> Job:
    """Return the job with these attributes."""
    name, owner, letter = get("Job_Name"), get("Job_Owner"), get("job_state")
    if READ_ID.fullmatch(job_id) is None or name is None or not owner or not letter:
        raise _unreadable(f"Job {job_id[:100]} has no id, name, owner or state.", job_id.encode())
    state = STATES.get(letter, "unknown")
    started = state in _STARTED
    finished = state == "finished"
    started_at = date_seconds(get("stime")) if started else None
    hosts = openpbs_hosts(get("exec_host")) if started else []
    comment = (get("comment") or "").strip() or None
    memory = size_bytes(get("Resource_List.mem"))
    waits = state in ("queued", "held", "waiting")
    return Job(
        job_id=job_id,
        name=name,
        owner=user_name(owner),
        queue=get("queue") or "",
        state=state,
        letter=letter,
        array_id=get("array_id") or array_of(job_id),
        nodes=len(hosts) or integer(get("Resource_List.nodect")),
        cores=integer(get("Resource_List.ncpus")),
        memory_bytes=memory,
        walltime_seconds=duration_seconds(get("Resource_List.walltime")),
        elapsed_seconds=duration_seconds(get("resources_used.walltime")) if finished else None,
        submitted_at=date_seconds(get("ctime")),
        started_at=started_at,
        ended_at=(date_seconds(get("obittime")) or date_seconds(get("mtime"))) if finished else None,
        estimated_start_at=(
            date_seconds(get("estimated.start_time")) or date_seconds(get("Execution_Time"))
            if waits
            else None
        ),
        hosts=hosts,
        comment=comment,
        never_runs=waits and comment is not None and comment.lower().startswith(_NEVER_RUNS),
        outcome=openpbs_outcome(
            integer(get("Exit_status")),
            substate=integer(get("substate")),
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


def _unreadable(message: str, output: bytes) -> Unreadable:
    return Unreadable(message, "Attach what qstat printed to a bug report.", text(output[:2000]))
