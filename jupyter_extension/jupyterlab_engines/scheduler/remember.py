"""What is remembered of a listing, so that the next one costs as much as has changed. Pure.

A listing is the jobs' bytes one after another. Where the next one has the same bytes at the same place, the
job is the same, and nothing of it is looked at again. Some values change at every look and are of no interest
(the time that a running job has used): they are cut out, and only checked to be values of their kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import is_

import msgspec

from ..api.jobs import Job
from ..api.names import JobId

Values = Sequence[tuple["re.Pattern[bytes]", "re.Pattern[bytes]"]]
"""What is cut out: what stands before it, and what it must look like; in the order of printing."""


class Remembered(msgspec.Struct, frozen=True, gc=False):
    """A job as it was printed.

    Attributes
    ----------
    job_id : its id.
    job : what was read; None: it is another user's.
    first : its bytes, up to the first value that was cut out.
    rest : the bytes after each value that was cut out.
    values : what each of those values must look like.

    The garbage collector has no need to walk through 10,000 of them: nothing in them leads back.
    """

    job_id: JobId
    job: Job | None
    first: bytes
    rest: tuple[bytes, ...] = ()
    values: tuple[re.Pattern[bytes], ...] = ()

    @property
    def stable(self) -> bytes:
        """Its bytes without what was cut out."""
        return b"".join([self.first, *self.rest])

    def end(self, output: bytes, position: int) -> int:
        """Return where this job ends if it stands at this position in the output, else -1."""
        if not output.startswith(self.first, position):
            return -1
        position += len(self.first)
        for value, piece in zip(self.values, self.rest, strict=True):
            found = value.match(output, position)
            if found is None:
                return -1
            position = found.end()
            if not output.startswith(piece, position):
                return -1
            position += len(piece)
        return position


def remembered(job_id: JobId, job: Job | None, raw: bytes, values: Values = ()) -> Remembered:
    """Return a job's bytes with these values cut out."""
    pieces, kinds, position = list[bytes](), list[re.Pattern[bytes]](), 0
    for mark, value in values:
        before = mark.search(raw, position)
        found = value.match(raw, before.end()) if before is not None else None
        if found is not None:
            pieces.append(raw[position : found.start()])
            kinds.append(value)
            position = found.end()
    first, *rest = [*pieces, raw[position:]]
    alike = tuple(kinds)
    return Remembered(job_id, job, first, tuple(rest), _ALIKE.setdefault(alike, alike))


_ALIKE: dict[tuple[re.Pattern[bytes], ...], tuple[re.Pattern[bytes], ...]] = {}
"""One object for all jobs that have the same values: there are as many as kinds of jobs, a handful."""


def reread(
    output: bytes,
    position: int,
    last: Mapping[JobId, Remembered],
    id_at: Callable[[int], JobId | None],
    read_at: Callable[[JobId, int], tuple[Remembered, int]],
    between: bytes = b"",
) -> tuple[dict[JobId, Remembered], int]:
    """Read the jobs that stand one after another in an output.

    Parameters
    ----------
    position : where the first one begins.
    last : those of the reading before, in its order.
    id_at : returns the id of the job at a position; None if there is none.
    read_at : reads the job of this id at a position, returns it and where it ends.
    between : what stands between two jobs.

    Returns
    -------
    The jobs, and where the last one ends. Raises `Twice` for an id that comes again.
    """
    order = list(last.values())
    places: dict[JobId, int] = {}
    found: dict[JobId, Remembered] = {}
    place, count, gap, end = 0, len(order), len(between), position
    while True:
        while place < count:
            known = order[place]
            until = known.end(output, position)
            if until < 0:
                break
            if known.job_id in found:
                raise Twice(known.job_id, position)
            found[known.job_id] = known
            place, end = place + 1, until
            if not output.startswith(between, end):
                return found, end
            position = end + gap
        job_id = id_at(position)
        if job_id is None:
            return found, end
        if job_id in found:
            raise Twice(job_id, position)
        if job_id in last and (place >= count or order[place].job_id != job_id):
            # Others before it have gone, or the order is another one.
            places = places or {known.job_id: number for number, known in enumerate(order)}
            place = places[job_id]
            if order[place].end(output, position) >= 0:
                continue
        found[job_id], end = read_at(job_id, position)
        place += job_id in last
        if not output.startswith(between, end):
            return found, end
        position = end + gap


class Twice(Exception):
    """A job stands in a listing twice; at this position the second time."""

    def __init__(self, job_id: JobId, position: int) -> None:
        super().__init__(job_id, position)
        self.job_id = job_id
        self.position = position


def jobs_in(found: Mapping[JobId, Remembered]) -> dict[JobId, Job]:
    """Return the jobs that are ours."""
    return {known.job_id: known.job for known in found.values() if known.job is not None}


def same(found: Mapping[JobId, Remembered], last: Mapping[JobId, Remembered]) -> bool:
    """Tell whether these are the very objects of the reading before, in the same order."""
    return len(found) == len(last) and all(map(is_, found.values(), last.values()))
