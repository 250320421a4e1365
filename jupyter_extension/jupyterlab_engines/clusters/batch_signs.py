"""Signs that a batch cluster is about to end or began anew, before its scheduler says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .roster import Roster

_LAST_WORDS = frozenset({"stopping", "cannot_start", "job_ended"})
_PULSE = 7.5
"""How often to ask the hub for a sign of life, by the fast pace: a lost node says no last words."""
_PULSE_PATIENCE = 5.0
"""How long it may take to answer, likewise."""
_SILENCES = 2
"""So many questions without an answer are told: a hub that is busy may miss one."""

HUB_SILENT = (
    "The controller does not answer, though the scheduler says that its job runs: "
    "its node may be lost, or the network to it."
)


class Signs:
    """Compares what can be seen with what was seen before; a sign counts once."""

    def __init__(self) -> None:
        self._seen: tuple[bool, ...] = ()
        self._begun = ""

    @property
    def calm(self) -> bool:
        """Whether nothing is expected."""
        return not any(self._seen)

    def new(
        self,
        events: Sequence[Mapping[str, Any]],
        *,
        asked: bool,
        degraded: bool,
        time_over: bool,
        silent: bool,
    ) -> bool:
        """Tell whether there is a sign that was not there before.

        Parameters
        ----------
        events : what the jobs told since each was last started.
        asked : a terminal asked for the end.
        degraded : an engine is lost.
        time_over : the walltime is over.
        silent : the hub did not answer.
        """
        told = any(event["event"] in _LAST_WORDS for event in events)
        begun = " ".join(str(event.get("at")) for event in events if event["event"] == "job_started")
        seen = (asked, degraded, told, time_over, silent)
        again = begun != self._begun and self._begun != ""
        changed = again or (seen != self._seen and any(seen))
        self._seen, self._begun = seen, begun
        return changed


class Pulse:
    """Whether the hub of a cluster answers.

    Parameters
    ----------
    fast : the scheduler's fast pace, in seconds.
    told : called when `lost` changes.
    """

    def __init__(self, fast: float, told: Callable[[], None]) -> None:
        self._fast = fast
        self._told = told
        self._misses = 0

    @property
    def missed(self) -> bool:
        """Whether the last question had no answer."""
        return self._misses > 0

    @property
    def lost(self) -> bool:
        """Whether it has been silent for so long that people should know."""
        return self._misses >= _SILENCES

    def heard(self, answered: bool) -> None:
        """Take note of an answer, or of none."""
        before = self.lost
        self._misses = 0 if answered else self._misses + 1
        if self.lost != before:
            self._told()

    async def feel(self, roster: Roster) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await asyncio.sleep(_PULSE * self._fast)
            self.heard(await roster.answers(_PULSE_PATIENCE * self._fast))
