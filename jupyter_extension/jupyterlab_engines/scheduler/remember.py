"""What is remembered of a listing, so that the next one costs as much as has changed. Pure.

A listing is cut into the bytes of its jobs. Where the next one has the same bytes at the same place, the job
is the same, and nothing of it is looked at again. Some values change at every look and are of no interest
(the time that a running job has used): they are cut out, and only checked to be values of their kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from operator import is_, ne
from typing import TypeVar

import msgspec

from ..api.jobs import Job
from ..api.names import JobId

T = TypeVar("T")

Values = Sequence[tuple["re.Pattern[bytes]", "re.Pattern[bytes]"]]
"""What is cut out: what stands before it, and what it must look like; in the order of printing.

Where zeros for all digits look right, all other digits must, too."""


class Remembered(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A job as it was printed.

    Attributes
    ----------
    job_id : its id.
    job : what was read; None: it is another user's.
    first : its bytes, up to the first value that was cut out.
    rest : the bytes after each value that was cut out.
    values : what each of those values must look like.
    shapes : each of those values, with 0 for each digit; empty if which digits it has makes a difference.

    The garbage collector has no need to walk through 10,000 of them: nothing in them leads back.
    """

    job_id: JobId
    job: Job | None
    first: bytes
    rest: tuple[bytes, ...] = ()
    values: tuple[re.Pattern[bytes], ...] = ()
    shapes: tuple[bytes, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remembered) and self._what() == other._what()

    def __hash__(self) -> int:
        return hash(self.first)

    def _what(self) -> tuple[object, ...]:
        return self.job_id, self.job, self.first, self.rest, self.values

    @property
    def stable(self) -> bytes:
        """Its bytes without what was cut out."""
        return b"".join([self.first, *self.rest])

    def matches(self, piece: bytes) -> bool:
        """Tell whether these bytes, which are not those of the last time, differ only in what was cut out."""
        if not self.rest or not piece.startswith(self.first):
            return False
        position = len(self.first)
        for value, shape, after in zip(self.values, self.shapes, self.rest, strict=True):
            end = position + len(shape)
            # The usual case, in which a clock has gone on, takes a third of the time so.
            if piece[position:end].translate(_ZEROS) != shape or not piece.startswith(after, end):
                found = value.match(piece, position)
                if found is None:
                    return False
                end = found.end()
                if not piece.startswith(after, end):
                    return False
            position = end + len(after)
        return position == len(piece)


def remembered(job_id: JobId, job: Job | None, raw: bytes, values: Values = ()) -> Remembered:
    """Return a job's bytes with these values cut out."""
    pieces, kinds, shapes, position = list[bytes](), list[re.Pattern[bytes]](), list[bytes](), 0
    for mark, value in values:
        before = mark.search(raw, position)
        found = value.match(raw, before.end()) if before is not None else None
        if found is not None:
            pieces.append(raw[position : found.start()])
            kinds.append(value)
            zeros = found[0].translate(_ZEROS)
            alike = value.match(raw[: found.start()] + zeros + raw[found.end() :], found.start())
            shapes.append(zeros if alike is not None and alike.end() == found.end() else b"")
            position = found.end()
    first, *rest = [*pieces, raw[position:]]
    return Remembered(job_id, job, first, tuple(rest), _one(tuple(kinds)), _one(tuple(shapes)))


_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)


@lru_cache(maxsize=4096)
def _one(alike: tuple[T, ...]) -> tuple[T, ...]:
    """Return one object for all jobs that have the same: there are as many as kinds of jobs, a handful."""
    return alike


def reread(
    pieces: Sequence[bytes],
    last: Mapping[JobId, Remembered],
    last_pieces: Sequence[bytes],
    id_of: Callable[[bytes], JobId],
    read: Callable[[JobId, bytes], Remembered],
) -> dict[JobId, Remembered]:
    """Read the jobs of an output that was cut into its jobs.

    Nothing is done job by job but for those whose bytes differ: 10,000 steps would take 30 ms.

    Parameters
    ----------
    pieces : the bytes of each job, in the order of the output.
    last, last_pieces : the jobs of the reading before, and their bytes, in its order.
    id_of : returns the id of the job in a piece, or raises.
    read : reads a job, or raises.

    Returns
    -------
    The jobs in the order of the output. Raises `Twice` for an id that comes again.
    """
    known = list(last.values()) if len(last) == len(last_pieces) else []
    places: dict[JobId, int] = {}
    found: list[Remembered] = []
    here, there = 0, 0  # which piece is next, and which of the known jobs it should be
    while here < len(pieces):
        size = min(_WINDOW, len(pieces) - here, len(known) - there)
        window = range(size)
        unlike = map(ne, pieces[here : here + size], last_pieces[there : there + size])
        taken = 0
        for step in compress(window, unlike):
            was, piece = known[there + step], pieces[here + step]
            if was.matches(piece):
                continue
            found += known[there + taken : there + step]
            taken = step
            job_id = id_of(piece)
            if job_id != was.job_id:
                break
            found.append(read(job_id, piece))
            taken += 1
        else:
            found += known[there + taken : there + size]
            taken = size
        here, there = here + taken, there + taken
        if taken == size and size:
            continue
        # Others have come or gone, or the order is another one; or all that were known have been seen.
        piece = pieces[here]
        job_id = id_of(piece)
        places = places or {was.job_id: place for place, was in enumerate(known)}
        if job_id in places:
            there = places[job_id]
        else:
            found.append(read(job_id, piece))
            here += 1
    jobs = {one.job_id: one for one in found}
    if len(jobs) < len(found):
        seen = set[JobId]()
        for one, piece in zip(found, pieces, strict=True):
            if one.job_id in seen:
                raise Twice(one.job_id, piece)
            seen.add(one.job_id)
    return jobs


_WINDOW = 256
"""Jobs that are compared at once: where one comes or goes, what was prepared for the rest is thrown away."""


class Twice(Exception):
    """A job stands in a listing twice; these are its bytes the second time."""

    def __init__(self, job_id: JobId, piece: bytes) -> None:
        super().__init__(job_id, piece)
        self.job_id = job_id
        self.piece = piece


def jobs_in(found: Mapping[JobId, Remembered]) -> dict[JobId, Job]:
    """Return the jobs that are ours."""
    return {known.job_id: known.job for known in found.values() if known.job is not None}


def same(found: Mapping[JobId, Remembered], last: Mapping[JobId, Remembered]) -> bool:
    """Tell whether these are the very objects of the reading before, in the same order."""
    return len(found) == len(last) and all(map(is_, found.values(), last.values()))
