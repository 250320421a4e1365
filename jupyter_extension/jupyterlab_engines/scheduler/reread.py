"""Reading a listing again costs as much as has changed in it. Pure.

A listing is the bytes of its jobs, one after the other. Where the next one has the same bytes for a job it is
the same job, and nothing of it is looked at again; where digits of no interest differ (see remember.py), too.
Bytes are compared by numpy, many jobs at once: a step of Python's for each of 10,000 jobs takes 30 ms.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..api.names import JobId
from .remember import Remembered


@dataclass(frozen=True)
class Printed:
    """The bytes of a listing's jobs.

    Attributes
    ----------
    output : what was printed.
    begin, end : where in it the jobs are; if they are the same place, there is one, and it is empty.
    separator : what stands between two of them, and in none.
    starts : int64, one a job: where it begins, counted from `begin`.
    loose : int64, counted from `begin`: where digits stand of which any may be there the next time.
    """

    output: bytes
    begin: int
    end: int
    separator: bytes
    starts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    loose: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def bytes(self) -> NDArray[np.uint8]:
        """The bytes of the jobs and of what stands between them; nothing is copied."""
        return np.frombuffer(self.output, np.uint8, self.end - self.begin, self.begin)


def reread(
    printed: Printed,
    last: Mapping[JobId, Remembered],
    last_printed: Printed | None,
    id_of: Callable[[bytes], JobId],
    read: Callable[[JobId, bytes], Remembered],
) -> tuple[Mapping[JobId, Remembered], Printed, list[Remembered] | None]:
    """Read the jobs of an output.

    Parameters
    ----------
    printed : the bytes of the jobs; where each begins is found here.
    last, last_printed : the jobs of the reading before, and their bytes, in its order.
    id_of : returns the id of the job in a piece, or raises.
    read : reads a job, or raises.

    Returns
    -------
    (jobs in the order of the output, their bytes, those that were read again if all others are the same ones
    at the same places, else None). Raises `Twice` for an id that comes again.
    """
    reading = _Reading(printed, last, last_printed, id_of, read)
    reading.run()
    return reading.jobs(), reading.printed(), reading.changed()


class Twice(Exception):
    """A job stands in a listing twice; these are its bytes the second time."""

    def __init__(self, job_id: JobId, piece: bytes) -> None:
        super().__init__(job_id, piece)
        self.job_id = job_id
        self.piece = piece


_NOTHING = Printed(b"", 0, 0, b"")
_WINDOW = 128
"""Most jobs that are compared at once."""
_DIGIT_0 = np.uint8(ord("0"))


class _Reading:
    """One listing on its way through: `here` is a place in it, `there` the known job expected there."""

    def __init__(
        self,
        printed: Printed,
        last: Mapping[JobId, Remembered],
        last_printed: Printed | None,
        id_of: Callable[[bytes], JobId],
        read: Callable[[JobId, bytes], Remembered],
    ) -> None:
        alike = last_printed is not None and last_printed.separator == printed.separator
        old = last_printed if last_printed is not None and alike else _NOTHING
        self._new = printed
        self._bytes = printed.bytes
        self._old = old
        self._old_bytes = old.bytes
        self._last = last
        self._known = list(last.values()) if alike else []
        # Of each known job, and after the last one: its first byte, and the first of its loose digits.
        self._begins: list[int] = [*old.starts.tolist(), len(self._old_bytes)]
        self._digits: list[int] = np.searchsorted(old.loose, self._begins).tolist()
        self._places: dict[JobId, int] = {}
        self._id_of = id_of
        self._read = read
        self._found: list[Remembered] = []
        self._changed: list[Remembered] = []
        self._starts: list[NDArray[np.int64]] = [_NOTHING.starts]
        self._loose: list[NDArray[np.int64]] = [_NOTHING.loose]
        self._moved = len(self._bytes) != len(self._old_bytes)
        self._over = False
        self._in_order = len(self._known) == len(last)

    def run(self) -> None:
        """Go through the listing."""
        here, there, alike = 0, 0, _WINDOW
        while not self._over:
            # As many at once as were alike the last time: what comes after one that differs is done again.
            wanted = min(_WINDOW, 2 * alike + 4, self._comparable(here, there))
            count = self._same(here, there, wanted) if wanted > 0 else 0
            if count:
                here, there = self._take(here, there, count)
            if count == wanted > 0:
                alike += count
            else:
                alike = count
                here, there = self._one(here, there)

    def _comparable(self, here: int, there: int) -> int:
        """Return how many of the known jobs the bytes that are left may be.

        After the last one comes no separator: it is only compared with what can be the last one, too.
        """
        left, known = len(self._bytes) - here, len(self._known)
        if left == len(self._old_bytes) - self._begins[there]:
            return known - there
        fitting = bisect_right(self._begins, self._begins[there] + left, there) - 1 - there
        return min(fitting, known - 1 - there)

    def _same(self, here: int, there: int, count: int) -> int:
        """Return how many of the next `count` known jobs are there, with all that is of interest the same."""
        begin, end = self._begins[there], self._begins[there + count]
        new = self._bytes[here : here + end - begin]
        differ = new != self._old_bytes[begin:end]
        loose = self._old.loose[self._digits[there] : self._digits[there + count]] - begin
        differ[loose] &= new[loose] - _DIGIT_0 >= 10  # what is less than 0 becomes large
        first = int(differ.argmax())
        if not differ[first]:
            return count
        return bisect_right(self._begins, begin + first, there) - 1 - there

    def _take(self, here: int, there: int, count: int) -> tuple[int, int]:
        """Take over known jobs; return what is next."""
        begin, end = self._begins[there], self._begins[there + count]
        shift = here - begin
        self._found += self._known[there : there + count]
        self._starts.append(self._old.starts[there : there + count] + shift)
        self._loose.append(self._old.loose[self._digits[there] : self._digits[there + count]] + shift)
        self._moved = self._moved or shift != 0
        self._over = there + count == len(self._known)
        return here + end - begin, there + count

    def _one(self, here: int, there: int) -> tuple[int, int]:
        """Look at the job at this place; return what is next: it may be this place and another known job."""
        piece, after = self._piece(here)
        was = self._known[there] if there < len(self._known) else None
        loose = was.loose(piece) if was is not None else None
        if was is None or loose is None:
            job_id = self._id_of(piece)
            if was is None or was.job_id != job_id:
                # Others have come or gone, or the order is another; or all that were known have been seen.
                self._in_order = False
                self._places = self._places or {known.job_id: at for at, known in enumerate(self._known)}
                if job_id in self._places:
                    return here, self._places[job_id]
                there -= 1
            was = self._read(job_id, piece)
            loose = was.loose(piece)
            self._changed.append(was)
        self._found.append(was)
        self._starts.append(np.array([here]))
        if loose:
            self._loose.append(np.array(loose) + here)
        self._moved = True
        self._over = after is None
        return after or 0, there + 1

    def _piece(self, here: int) -> tuple[bytes, int | None]:
        """Return (the bytes of the job at this place, where the next one begins); None: it is the last."""
        new = self._new
        begin = new.begin + here
        stop = new.output.find(new.separator, begin, new.end)
        if stop < 0:
            return new.output[begin : new.end], None
        return new.output[begin:stop], stop + len(new.separator) - new.begin

    def changed(self) -> list[Remembered] | None:
        """Return the jobs that were read again; None: others have come, gone or moved."""
        return self._changed if self._in_order and len(self._found) == len(self._last) else None

    def jobs(self) -> Mapping[JobId, Remembered]:
        """Return the jobs; raises `Twice`."""
        changed = self.changed()
        if changed is not None:
            # A copy takes a tenth of the time.
            return {**self._last, **{one.job_id: one for one in changed}}
        found = self._found
        jobs = {one.job_id: one for one in found}
        if len(jobs) < len(found):
            seen = set[JobId]()
            for one, start in zip(found, np.concatenate(self._starts), strict=True):
                if one.job_id in seen:
                    raise Twice(one.job_id, self._piece(int(start))[0])
                seen.add(one.job_id)
        return jobs

    def printed(self) -> Printed:
        """Return the bytes of the jobs, and where each begins."""
        if not self._moved:
            return replace(self._new, starts=self._old.starts, loose=self._old.loose)
        return replace(self._new, starts=np.concatenate(self._starts), loose=np.concatenate(self._loose))
