"""From the table to the browsers: each delta is encoded once and sent to all.

A subscriber that reads slowly has one message under way at most. What it misses meanwhile
becomes one snapshot, the newest, when it is free again: memory stays bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from ..api.models import Delta
from .table import ClusterTable

_GATHER_SECONDS = 0.03
"""How long changes are gathered into one delta; far below what people notice."""

_QUEUE_LENGTH = 8
"""Deltas a subscriber may be behind before it gets a snapshot in their place."""

Send = Callable[[bytes], Awaitable[None]]


class Subscriber:
    """One browser's stream."""

    def __init__(self, send: Send, snapshot: Callable[[], bytes]) -> None:
        self._send = send
        self._snapshot = snapshot
        self._queue: list[bytes] = []
        self._behind = True  # the first thing it gets is a snapshot
        self._wake = asyncio.Event()
        self._wake.set()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def offer(self, message: bytes) -> None:
        """Queue a delta, or mark the subscriber as behind if it has too many already."""
        if not self._behind:
            self._queue.append(message)
            if len(self._queue) > _QUEUE_LENGTH:
                self.resync()
        self._wake.set()

    def resync(self) -> None:
        """Send a snapshot next, in place of all that is queued."""
        self._queue.clear()
        self._behind = True
        self._wake.set()

    def close(self) -> None:
        """Send no more."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._behind or self._queue:
                if self._behind:
                    message = self._snapshot()
                    self._behind = False  # only now: what came before is in the snapshot
                else:
                    message = self._queue.pop(0)
                try:
                    await self._send(message)
                except ConnectionError:
                    return  # the peer is gone; its handler's on_close unsubscribes


class Broadcast:
    """Sends the table's changes to all subscribers."""

    def __init__(self, table: ClusterTable) -> None:
        self._table = table
        self._subscribers: set[Subscriber] = set()
        self._encoder = msgspec.json.Encoder()
        self._due: asyncio.TimerHandle | None = None

    @property
    def watched(self) -> bool:
        """Whether anybody subscribes."""
        return bool(self._subscribers)

    def subscribe(self, send: Send) -> Subscriber:
        """Return a new subscriber: `send` gets a snapshot, then deltas.

        It raises ConnectionError when the peer is gone.
        """
        subscriber = Subscriber(send, self._encoded_snapshot)
        self._subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        self._subscribers.discard(subscriber)
        subscriber.close()

    def touch(self) -> None:
        """Send the table's changes soon."""
        if self._due is None and self._table.dirty:
            self._due = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self.flush)

    def flush(self) -> None:
        """Send the table's changes now."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        delta = self._table.take_delta()
        if delta is not None:
            self._publish(delta)

    def close(self) -> None:
        """End all subscriptions."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        for subscriber in list(self._subscribers):
            self.unsubscribe(subscriber)

    def _publish(self, delta: Delta) -> None:
        if not self._subscribers:
            return
        message = self._encoder.encode(delta)
        for subscriber in self._subscribers:
            subscriber.offer(message)

    def _encoded_snapshot(self) -> bytes:
        self.flush()
        return self._encoder.encode(self._table.snapshot())
