"""Waiting for an event, for a limited time, without losing a cancellation.

Not `asyncio.wait_for`: before Python 3.12 it swallows a cancellation that comes in the same moment as
the event, and a loop that should have ended goes on for ever.
"""

from __future__ import annotations

import asyncio


async def set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Return whether `event` was set within `seconds` (None: wait for it)."""
    if event.is_set():
        return True
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiter}, timeout=seconds)
    finally:
        waiter.cancel()
    return event.is_set()
