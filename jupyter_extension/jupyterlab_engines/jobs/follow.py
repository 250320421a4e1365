"""One job of a cluster that is followed more closely than the table, and when to ask for it next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..api.jobs import Job
from ..api.names import JobId


@dataclass(frozen=True)
class Present:
    """The scheduler knows the job, perhaps as one that has finished."""

    job: Job


@dataclass(frozen=True)
class Gone:
    """The scheduler answered, twice, and does not know the job."""


@dataclass(frozen=True)
class Unknown:
    """The scheduler does not answer since `since` (epoch seconds): what was known stays the best guess."""

    since: float
    why: str


Sighting = Present | Gone | Unknown


@dataclass(frozen=True)
class Pace:
    """How often jobs are asked for, in seconds.

    Attributes
    ----------
    table : the whole table of the user's jobs, while somebody watches.
    fast : a cluster's job that is about to change, during `fast_for`; then backing off.
    slow, idle : the slowest pace for a cluster's job, while somebody watches or nobody does.
        Slower than the table, so that a reading of the table usually comes first and serves both.
    confirm : after a reading without the job, before the reading that proves it gone.
    retry : after the first failure; doubled with each further one up to `slow`.
    refresh : least time between readings of the table that people ask for.
    """

    table: float = 60.0
    fast: float = 2.0
    fast_for: float = 120.0
    slow: float = 75.0
    idle: float = 300.0
    confirm: float = 2.0
    retry: float = 5.0
    refresh: float = 5.0


class Followed:
    """A job under close watch; made by `JobWatch.follow`."""

    def __init__(
        self,
        job_id: JobId,
        tell: Callable[[Sighting], None],
        pace: Pace,
        wake: Callable[[], None],
        now: float,
    ) -> None:
        self.job_id = job_id
        self._tell = tell
        self._pace = pace
        self._wake = wake
        self._hurried_at: float | None = now
        self._interval = pace.fast
        self._misses = 0
        self._failures = 0
        self.due = now
        self.closed = False

    def hurry(self, now: float) -> None:
        """Ask soon and often: it is about to change."""
        self._hurried_at = now
        self._interval = self._pace.fast
        self.due = min(self.due, now + self._pace.fast)
        self._wake()

    def calm(self) -> None:
        """Ask rarely from now on: nothing is expected of it."""
        self._hurried_at = None

    def close(self) -> None:
        """Follow it no more."""
        self.closed = True

    def present(self, job: Job, now: float, *, watched: bool) -> None:
        """Take note that a reading had it."""
        self._misses = self._failures = 0
        self.due = now + self._next_interval(now, watched)
        self._tell(Present(job))

    def missing(self, now: float) -> None:
        """Take note that the scheduler answered without it."""
        self._failures = 0
        self._misses += 1
        self.due = now + self._pace.confirm
        if self._misses >= 2:
            self._tell(Gone())

    def unknown(self, now: float, since: float, why: str) -> None:
        """Take note that the scheduler did not answer."""
        self._failures += 1
        self.due = now + min(self._pace.retry * 2 ** min(self._failures - 1, 10), self._pace.slow)
        self._tell(Unknown(since, why))

    def _next_interval(self, now: float, watched: bool) -> float:
        slowest = self._pace.slow if watched else self._pace.idle
        if self._hurried_at is None:
            return slowest
        if now - self._hurried_at < self._pace.fast_for:
            return self._pace.fast
        self._interval = min(self._interval * 1.5, slowest)
        return self._interval
