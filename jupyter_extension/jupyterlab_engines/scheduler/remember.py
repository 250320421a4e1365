"""What is remembered of a job, so that it is not read again while nothing of interest changes. Pure.

Some values change at every look and are of no interest (the time that a running job has used): they are cut
out, and only checked to be values of their kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
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

    The garbage collector has no need to walk through 10,000 of them: nothing in them leads back.
    """

    job_id: JobId
    job: Job | None
    first: bytes
    rest: tuple[bytes, ...] = ()
    values: tuple[re.Pattern[bytes], ...] = ()

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

    def loose(self, piece: bytes) -> list[int] | None:
        """Return where in these bytes digits of no interest stand; None: it has changed, or is another."""
        if not piece.startswith(self.first):
            return None
        places, position = list[int](), len(self.first)
        for value, after in zip(self.values, self.rest, strict=True):
            found = value.match(piece, position)
            if found is None or not piece.startswith(after, found.end()):
                return None
            zeros = piece[:position] + found[0].translate(_ZEROS) + piece[found.end() :]
            alike = value.match(zeros, position)
            if alike is not None and alike.end() == found.end():
                places += [place for place, byte in enumerate(found[0], position) if byte in _DIGITS]
            position = found.end() + len(after)
        return places if position == len(piece) else None


_DIGITS = frozenset(b"0123456789")
_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)


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
    return Remembered(job_id, job, first, tuple(rest), _one(tuple(kinds)))


@lru_cache(maxsize=4096)
def _one(alike: tuple[T, ...]) -> tuple[T, ...]:
    """Return one object for all jobs that have the same: there are as many as kinds of jobs, a handful."""
    return alike


def jobs_in(found: Mapping[JobId, Remembered]) -> dict[JobId, Job]:
    """Return the jobs that are ours."""
    return {known.job_id: known.job for known in found.values() if known.job is not None}
