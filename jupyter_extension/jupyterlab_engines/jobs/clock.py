"""Time as the watch sees it, so that a test can let an hour pass in a second."""

from __future__ import annotations

import asyncio
import time

from ..waiting import set_within


class Clock:
    """The system's clocks."""

    def now(self) -> float:
        """Return epoch seconds: for people; it may jump."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never jump: for intervals."""
        return time.monotonic()

    async def wait(self, event: asyncio.Event, seconds: float | None) -> None:
        """Return when `event` is set or `seconds` have passed (None: never)."""
        if seconds is not None and seconds <= 0:
            return
        await set_within(event, seconds)
