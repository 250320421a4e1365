"""Following what the engines of a run do, while somebody looks.

Two questions: every second the hub is asked what changed (`pxengines.activity`), every five seconds one
nanny on each host what the engines there use (`pxengines.usage`). Both answer while engines compute.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from ..api.models import ActivityPoint, ActivityProblem, ClusterActivity, Engine, EngineActivity
from .link import HubLink, LinkError, NotUnderstood
from .roster import Roster

TICK_SECONDS = 1.0
SAMPLE_SECONDS = 5.0
"""How often engines are measured: more would be felt where hundreds share a host."""
_OLD_SECONDS = 4 * SAMPLE_SECONDS
"""A mean over longer says nothing about now."""
_ANSWER_SECONDS = 4.0
_SAME_SECONDS = 0.5
_AGAIN_SECONDS = 60.0
"""After this a host or hub that could not answer is asked again."""


@dataclass(frozen=True)
class Observer:
    """Who wants to know what engines do.

    Attributes
    ----------
    watched : whether anybody looks now; else engines and hubs are left in peace.
    tell : called with the engines that changed and new points.
    """

    watched: Callable[[], bool]
    tell: Callable[[ClusterActivity], None]


@dataclass(frozen=True)
class _Use:
    at: float
    cpu_seconds: float


class UsageBook:
    """Turns readings of processor time into percent of one core."""

    def __init__(self) -> None:
        self._last: dict[int, _Use] = {}

    def note(self, at: float, used: dict[int, tuple[float, int]]) -> dict[int, tuple[int | None, int]]:
        """Return by pid the processor's percent (None for the first reading) and the memory in MiB.

        Parameters
        ----------
        at : seconds of the clock of the host that was read.
        used : by pid, processor time in seconds and memory in bytes.
        """
        found: dict[int, tuple[int | None, int]] = {}
        for pid, (cpu_seconds, memory) in used.items():
            last = self._last.get(pid)
            self._last[pid] = _Use(at, cpu_seconds)
            percent = None
            if last is not None and 0 < at - last.at < _OLD_SECONDS:
                percent = max(0, round(100 * (cpu_seconds - last.cpu_seconds) / (at - last.at)))
            found[pid] = (percent, round(memory / 2**20))
        return found


class ActivityWatch:
    """Follows the engines of one run.

    Parameters
    ----------
    link : the line to its hub.
    roster : its engines.
    observer : who is told, and says whether to ask at all.
    """

    def __init__(self, key: str, run_id: str, link: HubLink, roster: Roster, observer: Observer) -> None:
        self._key = key
        self._run_id = run_id
        self._link = link
        self._roster = roster
        self._observer = observer
        self._revision = 0
        self._rows: dict[int, EngineActivity] = {}
        self._books: dict[str, UsageBook] = defaultdict(UsageBook)
        self._heard_at: float | None = None
        self._problem: ActivityProblem | None = None
        self._told: tuple[float | None, ActivityProblem | None] = (None, None)
        self._mute: dict[str, float] = {}
        """Hosts whose nannies did not answer, and until when they are not asked."""

    async def run(self) -> None:
        """Follow until cancelled."""
        sampled = asked = float("-inf")
        while True:
            now = time.monotonic()
            if self._observer.watched() and (self._problem is None or now - asked > _AGAIN_SECONDS):
                asked = now
                changed = await self._ask()
                points: list[ActivityPoint] = []
                if self._problem is None and now - sampled >= SAMPLE_SECONDS - TICK_SECONDS / 2:
                    sampled = now
                    changed |= await self._sample()
                    points = [self._point()]
                if changed or points or (self._heard_at, self._problem) != self._told:
                    self._tell(changed, points)
            await asyncio.sleep(max(0.1, TICK_SECONDS - (time.monotonic() - now)))

    async def _ask(self) -> set[int]:
        """Ask the hub what changed; return the engines of which it told."""
        try:
            told = await self._link.activity(self._revision, _ANSWER_SECONDS)
        except NotUnderstood:
            self._problem = "foreign"
            return set()
        except LinkError:
            self._problem = "silent"
            return set()
        self._problem = None
        self._revision = told["revision"]
        # The controller's clock may be another host's.
        ahead = float(told["now"]) - time.time()
        heard_at = _shifted(told["heard_at"], ahead)
        # The two clocks are compared anew each time; what is the same beat is not told again.
        if heard_at is None or self._heard_at is None or abs(heard_at - self._heard_at) > _SAME_SECONDS:
            self._heard_at = heard_at
        changed = set()
        for name, row in told["engines"].items():
            engine_id = int(name)
            known = self._rows.get(engine_id)
            self._rows[engine_id] = EngineActivity(
                engine_id=engine_id,
                busy_since=_shifted(row["busy_since"], ahead),
                what=row["what"],
                queued=row["queued"],
                silent_since=_shifted(row["silent_since"], ahead),
                cpu_percent=None if known is None else known.cpu_percent,
                memory_mib=None if known is None else known.memory_mib,
            )
            changed.add(engine_id)
        return changed

    async def _sample(self) -> set[int]:
        """Measure the engines; return those whose numbers changed."""
        by_host: dict[str, list[Engine]] = defaultdict(list)
        uuids = self._roster.uuids()
        for engine in self._roster.engines():
            if engine.alive and engine.host and engine.pid and engine.engine_id in uuids:
                by_host[engine.host].append(engine)
        answers = await asyncio.gather(
            *(self._use_of(host, engines, uuids) for host, engines in by_host.items())
        )
        changed = set()
        measured = {engine_id: use for answer in answers for engine_id, use in answer.items()}
        for engine_id, row in list(self._rows.items()):
            cpu_percent, memory_mib = measured.get(engine_id, (None, None))
            if (row.cpu_percent, row.memory_mib) != (cpu_percent, memory_mib):
                self._rows[engine_id] = msgspec.structs.replace(
                    row, cpu_percent=cpu_percent, memory_mib=memory_mib
                )
                changed.add(engine_id)
        return changed

    async def _use_of(
        self, host: str, engines: list[Engine], uuids: dict[int, str]
    ) -> dict[int, tuple[int | None, int]]:
        """Ask a nanny of `host` about its `engines`; return what it could tell, by engine."""
        if time.monotonic() < self._mute.get(host, float("-inf")):
            return {}
        pids = {engine.pid: engine.engine_id for engine in engines if engine.pid is not None}
        try:
            told = await self._link.usage(uuids[engines[0].engine_id], list(pids), _ANSWER_SECONDS)
        except LinkError:
            # A controller of an older version, or a host that is being lost, which the hub will notice.
            self._mute[host] = time.monotonic() + _AGAIN_SECONDS
            return {}
        used = self._books[host].note(float(told["at"]), _readings(told["processes"]))
        return {pids[pid]: use for pid, use in used.items() if pid in pids}

    def _point(self) -> ActivityPoint:
        rows = [self._rows[i] for i in self._roster.uuids() if i in self._rows]
        percents = [row.cpu_percent for row in rows if row.cpu_percent is not None]
        memory = [row.memory_mib for row in rows if row.memory_mib is not None]
        return ActivityPoint(
            at=time.time(),
            busy=sum(row.busy_since is not None for row in rows),
            cpu_percent=round(sum(percents) / len(percents)) if percents else None,
            memory_mib=sum(memory) if memory else None,
        )

    def _tell(self, changed: set[int], points: list[ActivityPoint]) -> None:
        self._told = (self._heard_at, self._problem)
        self._observer.tell(
            ClusterActivity(
                key=self._key,
                run_id=self._run_id,
                engines=[self._rows[i] for i in sorted(changed)],
                points=points,
                heard_at=self._heard_at,
                problem=self._problem,
            )
        )


def _shifted(at: float | None, ahead: float) -> float | None:
    return None if at is None else round(at - ahead, 3)


def _readings(processes: dict[str, Any]) -> dict[int, tuple[float, int]]:
    return {int(pid): (float(use[0]), int(use[1])) for pid, use in processes.items()}
