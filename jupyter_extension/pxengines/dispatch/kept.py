"""Keeping the last of what holds the output of cells: so many, and so many bytes together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

BYTES_KEPT = 256_000_000
"""What all but the last may hold together, about; that one may grow yet, and stays whatever it holds."""


class Sized(Protocol):
    """What can be kept."""

    @property
    def size(self) -> int:
        """Bytes that it holds now, about; asked for often."""


T = TypeVar("T", bound=Sized)


class Kept(Generic[T]):
    """The last of some things, oldest first; may be used by several threads.

    Parameters
    ----------
    most : so many.
    size : so many bytes of all but the last together.
    may_go : whether one can be let go already; those that cannot are kept beyond the bounds.
    drop : gets each that is let go.
    """

    def __init__(
        self,
        most: int,
        size: int = BYTES_KEPT,
        *,
        may_go: Callable[[T], bool] = lambda _: True,
        drop: Callable[[T], None] = lambda _: None,
    ) -> None:
        self._most, self._size = most, size
        self._may_go, self._drop = may_go, drop
        self._all: list[T] = []
        self._lock = threading.Lock()

    def add(self, one: T) -> None:
        """Keep `one`, which is the last now; let older ones go as needed."""
        with self._lock:
            gone = self._surplus()
            self._all = [*(old for old in self._all if old not in gone), one]
        for old in gone:
            self._drop(old)

    def _surplus(self) -> list[T]:
        """Return those that have no place beside one more."""
        count, size = len(self._all) + 1, sum(old.size for old in self._all)
        gone: list[T] = []
        for old in self._all:
            if count <= self._most and size <= self._size:
                break
            if self._may_go(old):
                gone.append(old)
                count -= 1
                size -= old.size
        return gone

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[T]:
        return iter(self._all)

    def __getitem__(self, index: int) -> T:
        return self._all[index]
