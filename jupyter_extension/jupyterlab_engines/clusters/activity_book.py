"""What the engines of one run do, as last told, and what of it the browsers have not heard yet."""

from __future__ import annotations

from collections import deque

from ..api.models import ActivityPoint, ActivityProblem, ClusterActivity, EngineActivity

POINTS = 120
"""So many points a chart has: ten minutes, of which a browser that comes later sees all."""


class ActivityBook:
    """Keeps the newest of each engine, and the last points."""

    def __init__(self, key: str, run_id: str) -> None:
        self.key = key
        self.run_id = run_id
        self.dirty = False
        self._engines: dict[int, EngineActivity] = {}
        self._points: deque[ActivityPoint] = deque(maxlen=POINTS)
        self._heard_at: float | None = None
        self._problem: ActivityProblem | None = None
        self._changed: set[int] = set()
        self._new: deque[ActivityPoint] = deque(maxlen=POINTS)

    def put(self, told: ClusterActivity) -> None:
        """Add what was told: the engines that changed, and new points."""
        for engine in told.engines:
            if self._engines.get(engine.engine_id) != engine:
                self._engines[engine.engine_id] = engine
                self._changed.add(engine.engine_id)
        self._points.extend(told.points)
        self._new.extend(told.points)
        now_known = (told.heard_at, told.problem)
        if self._changed or told.points or now_known != (self._heard_at, self._problem):
            self._heard_at, self._problem = now_known
            self.dirty = True

    def take(self) -> ClusterActivity:
        """Return what changed since the last call."""
        told = self._of([self._engines[i] for i in sorted(self._changed)], list(self._new))
        self._changed.clear()
        self._new.clear()
        self.dirty = False
        return told

    def whole(self) -> ClusterActivity:
        """Return all that is known."""
        return self._of([self._engines[i] for i in sorted(self._engines)], list(self._points))

    def _of(self, engines: list[EngineActivity], points: list[ActivityPoint]) -> ClusterActivity:
        return ClusterActivity(
            key=self.key,
            run_id=self.run_id,
            engines=engines,
            points=points,
            heard_at=self._heard_at,
            problem=self._problem,
        )
