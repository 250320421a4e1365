"""What a rank knows of the others from their notices, and what follows for the call that it is in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import cells
from .errors import PeerError, ranks_in_words
from .notices import Kind, Notice, Post, Why

if TYPE_CHECKING:
    from .peers import Peers

GRACE_SECONDS = 1.0
"""How long a rank whose last cell raised may take to start the one in which the others wait for it."""
_MOST_FAILED_CELLS = 64


class Reissue(Exception):
    """The call has to be made again in a later epoch: somebody has left this one over other work."""


class News:
    """What the others have told, and what this rank tells them.

    Attributes
    ----------
    post : None until there is a communicator for it.
    heard : by rank, how many notices it has told that are known here; of this rank how many it has told.
    heard_bytes : the same, as they travel.
    trouble : rank with which the last failure began, and what happened there; None if there is none.
    """

    def __init__(self, rank: int, size: int) -> None:
        self._rank, self._size = rank, size
        self.post: Post | None = None
        self.peers: Peers | None = None
        self.trouble: tuple[int, str] | None = None
        self.heard = [0] * size
        self.heard_bytes = [bytes(8)] * size
        self._left: dict[int, dict[int, Notice]] = {}
        # By cell: who raised in it. By rank: whose last cell raised, and when that was heard.
        self._failed_cells: dict[int, Notice] = {}
        self._suspects: dict[int, tuple[Notice, float]] = {}
        self._ended: dict[int, Notice] = {}
        self._there: dict[int, tuple[int, int]] = {}
        self._waiting: dict[int, Notice] = {}
        self._untold: list[Notice] = []
        self._i_raised = False

    def tell(self, notice: Notice) -> None:
        """Send `notice` to all others, now or as soon as that is possible."""
        if self.post is None:
            self._untold.append(notice)
        else:
            self._count(self._rank)
            self.post.send(notice)

    def open(self, post: Post) -> None:
        """Send by `post` from now on."""
        self.post = post
        while self._untold:
            self.tell(self._untold.pop(0))

    def _count(self, rank: int) -> None:
        self.heard[rank] += 1
        # A new list, by which those who keep what was in the old one see that it has changed.
        self.heard_bytes = [count.to_bytes(8, "little") for count in self.heard]

    def has_come(self) -> bool:
        """Tell whether others have told something new, which is then read."""
        return self.post is not None and self.post.has_come() and self.take()

    def take(self) -> bool:
        """Read what the others have told; return whether there was something."""
        notices = self.post.fetch() if self.post is not None else []
        for notice in notices:
            self._count(notice.sender)
            if notice.kind == Kind.LEFT:
                self._left.setdefault(notice.epoch, {})[notice.sender] = notice
            elif notice.kind in (Kind.RAISED, Kind.MISSED):
                if notice.kind == Kind.RAISED:
                    self._suspects[notice.sender] = notice, time.monotonic()
                self._failed_cells.setdefault(notice.cell, notice)
                if len(self._failed_cells) > _MOST_FAILED_CELLS:
                    del self._failed_cells[next(iter(self._failed_cells))]
            elif notice.kind == Kind.ENDED:
                self._ended.setdefault(notice.sender, notice)
            elif notice.kind == Kind.STARTED:
                self._suspects.pop(notice.sender, None)
            else:
                self._there[notice.sender] = notice.epoch, notice.call
                self._waiting[notice.sender] = notice
        return bool(notices)

    def forget(self, epoch: int) -> None:
        """Drop what was told of earlier epochs than `epoch`."""
        self._left = {each: left for each, left in self._left.items() if each >= epoch}

    def concerns(self, epoch: int) -> bool:
        """Tell whether a rank has left a call of `epoch`."""
        return epoch in self._left

    def heed(self, place: tuple[int, int], agreed: bool, began: float) -> None:
        """Raise if this rank's call cannot be completed.

        Parameters
        ----------
        place : (epoch, call) of this rank.
        agreed : whether all ranks have come to the call.
        began : when this rank did; ``time.monotonic()``.

        Raises
        ------
        PeerError, TimeoutError
            If a rank has left it, or will not come.
        Reissue
            If a rank has left it, but over other work.
        """
        left = [notice for notice in self._left.get(place[0], {}).values() if notice.call <= place[1]]
        for notice in left:
            if agreed or notice.cell == cells.current:
                if notice.why == Why.TIMEOUT:
                    raise TimeoutError(notice.text)
                raise self.peer_error(notice.origin, notice.text)
        if left:
            raise Reissue
        if agreed:
            return  # whoever raised, it was after its part of this call
        failed = self._failed_cells.get(cells.current)
        for notice in (*((failed,) if failed else ()), *self._ended.values()):
            if (notice.epoch, notice.call) <= place:
                raise self.peer_error(notice.origin, notice.text)
        for notice, heard in self._suspects.values():
            late = time.monotonic() - max(heard, began) > GRACE_SECONDS
            if late and (notice.epoch, notice.call) <= place:
                raise self.peer_error(notice.origin, notice.text)

    def look_for_dead(self) -> None:
        """Raise `PeerError` if the process of a rank on this host has ended."""
        dead = self.peers.find_dead() if self.peers is not None else None
        if dead is not None:
            raise self.peer_error(*dead)

    def absent(self, place: tuple[int, int]) -> str:
        """Return in words which ranks have not told that they are in the call at `place`."""
        there = {rank for rank, at in self._there.items() if at == place}
        absent = set(range(self._size)) - there - {self._rank} - set(self._left.get(place[0], {}))
        return ranks_in_words(absent) if absent else "some rank"

    def steps_of_others(self, epoch: int) -> list[int] | None:
        """Return how many steps each other rank had started that left `epoch`; None if not all have."""
        left = self._left.get(epoch, {})
        return [notice.steps for notice in left.values()] if len(left) >= self._size - 1 else None

    def peer_error(self, rank: int, what: str) -> PeerError:
        """Return the error that tells what happened at `rank`."""
        self.trouble = rank, what
        return PeerError(rank, what)

    def story(self, kind: str, text: str) -> tuple[int, str]:
        """Return of an exception on this rank where it began, and what happened there."""
        if kind == PeerError.__name__ and self.trouble is not None:
            return self.trouble
        return self._rank, cells.failure_words(kind, text)

    def cell_changed(self, place: tuple[int, int], started: bool, failure: tuple[str, str] | None) -> None:
        """Tell the others, where it matters to them, that this rank's cell starts, or ends with `failure`."""
        self.take()
        if started:
            if self._i_raised:
                self._i_raised = False
                self.tell(Notice(Kind.STARTED, self._rank, *place, cells.current))
        else:
            if failure is not None:
                self._i_raised = True
                origin, text = self.story(*failure)
                self.tell(Notice(Kind.RAISED, self._rank, *place, cells.current, origin=origin, text=text))
            self.trouble = None
        if failure is None:  # otherwise they know already
            self.answer(place, None if started else cells.current)

    def answer(self, place: tuple[int, int], ending: int | None = None) -> None:
        """Tell ranks that wait in a cell which this one has ended, or is `ending`, that it will not come.

        `place` is that of this rank's next call: who waits in an earlier one has it complete already.
        """
        for sender, notice in [*self._waiting.items()]:
            if (notice.epoch, notice.call) < place:
                del self._waiting[sender]
            elif notice.cell != cells.SCRIPT and (notice.cell == ending or cells.has_ended(notice.cell)):
                del self._waiting[sender]
                text = "has ended this cell"
                self.tell(Notice(Kind.MISSED, self._rank, *place, notice.cell, origin=self._rank, text=text))

    def free(self) -> None:
        """Neither tell nor hear anything from here on."""
        if self.post is not None:
            self.post.free()
            self.post = None

    def close(self, place: tuple[int, int]) -> None:
        """Tell the others that this process ends; nothing is told or heard after that."""
        if self.post is not None:
            text = "has ended"
            self.tell(Notice(Kind.ENDED, self._rank, *place, cells.current, origin=self._rank, text=text))
            self.post.farewell()
            self.free()
