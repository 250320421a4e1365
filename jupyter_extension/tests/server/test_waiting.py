"""Waiting for an event, and a cancellation in the same moment."""

from __future__ import annotations

import asyncio

import pytest

from jupyterlab_engines.waiting import set_within


@pytest.mark.asyncio
async def test_an_event_or_the_time() -> None:
    event = asyncio.Event()
    assert not await set_within(event, 0.01)
    event.set()
    assert await set_within(event, 0.0)
    assert await set_within(event, None)


@pytest.mark.asyncio
async def test_a_cancellation_in_the_moment_of_the_event_is_not_lost() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(set_within(event, 60))
    await asyncio.sleep(0.01)
    event.set()
    await asyncio.sleep(0)  # the event is on its way to the waiter
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.asyncio
async def test_nothing_waits_on_afterwards() -> None:
    before = asyncio.all_tasks()
    event = asyncio.Event()
    await set_within(event, 0.01)
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before
