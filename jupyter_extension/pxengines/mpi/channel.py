"""The order of all reductions on one communicator, and what happens when a rank drops out of it.

Reductions run on private communicators, so that nothing of the user's can get between. Their place in the
order is (epoch, call). A collective call that a rank has left can be neither completed nor cancelled; the
communicator of that epoch is then given up, by everybody, and epoch + 1 begins on the next one, with call 0.
No communication is needed for that: communicators are made beforehand. That a rank has left is told by
notices; what it had already sent cannot be taken for its part in a later reduction, because each exchange
tells the cell that it belongs to.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from . import cells
from .errors import AgreementError, PeerError, ranks_in_words
from .notices import Kind, Notice, Post, Why
from .patience import ARRIVAL_SPIN_SECONDS, MOVING_SPIN_SECONDS, Deferred, wait
from .peers import WORDS, Peers, my_facts
from .slots import MOST_SLOTS, NO_FACTS, Greatest, Slots

if TYPE_CHECKING:
    from mpi4py import MPI

T = TypeVar("T")

SPARE = 2
"""Epochs for which communicators are made beforehand."""
GRACE_SECONDS = 1.0
"""How long a rank whose last cell raised may take to start the one in which the others wait for it."""
TELL_SECONDS = 0.25
"""A rank that has waited so long in a call that has a timeout tells the others that it is there."""

_MOST_FAILED_CELLS = 64

_CONFIRM = hashlib.blake2b(b"same work in different cells", digest_size=16).digest()


class Reissue(Exception):
    """The call has to be made again in a later epoch: somebody has left this one over other work."""


class Channel:
    """All reductions on one communicator, in order.

    Attributes
    ----------
    rank, size : of the communicator.
    comm : private communicator of this epoch.
    epoch, call : place in the order of the next, or running, reduction.
    steps : pieces of data that this rank has started to send in the running reduction.
    peers : the processes of the ranks.
    exchange : what a call begins with; of this epoch.
    all_alike : whether all ranks brought the same facts to the last exchange.
    """

    peers: Peers
    exchange: Slots | Greatest
    _post: Post | None = None

    def __init__(self, comm: MPI.Intracomm) -> None:
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self.comm = comm
        self.epoch = self.call = self.steps = 0
        self._ready = False
        self._stages = self._set_up(comm)
        self._awaited: MPI.Request | None = None
        self._made: list[tuple[MPI.Intracomm, MPI.Request]] = []
        self._running: int | None = None
        self._agreed = self._told = self._i_raised = False
        self.all_alike = False
        self._timeout: float | None = None
        self._began = 0.0
        self._left: dict[int, dict[int, Notice]] = {}
        # By cell: who raised in it. By rank: whose last cell raised, and when that was heard.
        self._failed_cells: dict[int, Notice] = {}
        self._suspects: dict[int, tuple[Notice, float]] = {}
        self._untold: list[Notice] = []
        self._there: dict[int, tuple[int, int]] = {}
        self._trouble: tuple[int, str] | None = None
        self._given_up: list[Any] = []

    # Calls.

    def run(self, work: Callable[[], T], timeout: float | None = None) -> T:
        """Return what `work` returns, which makes one call's collective steps on this channel.

        An exception that `work` raises means that this rank has left the call; unless the same is raised
        on all ranks, before which `work` calls `done`. `work` may be begun more than once.

        Raises
        ------
        PeerError
            If a rank cannot take part any more.
        TimeoutError
            If not all ranks have arrived after `timeout` seconds, or another rank gave up waiting.
        """
        if self._running is not None:
            self._still_running()
        self._began, self._timeout, self._told = 0.0, timeout, False
        while True:
            try:
                if not self._ready:
                    self._prepare()
                self._agreed, self.steps = False, 0
                self._running = threading.get_ident()
                result = work()
                if self._running is not None:
                    self.done()
                return result
            except Reissue:
                self._next_epoch()
            except BaseException as error:
                if self._running is not None:
                    self.leave(error)
                raise

    def set_up(self, timeout: float | None = None) -> None:
        """Make all that the first call needs; waits for the other ranks, which call this or make a call."""
        if not hasattr(self, "exchange"):
            self._began, self._timeout, self._told = 0.0, timeout, False
            self._prepare()

    def done(self) -> None:
        """Note that the call is complete: nothing that this rank does from here on concerns it."""
        self.call += 1
        self._running = None
        if self.call == 1:
            # All ranks are there: communicators for the next failures are made while work goes on.
            with Deferred():
                self._make(self.epoch + SPARE)
            self._left = {epoch: left for epoch, left in self._left.items() if epoch >= self.epoch}

    def leave(self, error: BaseException) -> None:
        """Give up the running call because of `error`: tell the others, and go to the next epoch."""
        why = Why.ERROR
        if isinstance(error, KeyboardInterrupt):
            why = Why.INTERRUPT
        elif isinstance(error, TimeoutError):
            why = Why.TIMEOUT
        origin, text = self._story(type(error).__name__, str(error))
        if why == Why.TIMEOUT:
            text = str(error)
        with Deferred():
            if self._post is not None:
                self._post.send(
                    Notice(
                        Kind.LEFT, self.rank, self.epoch, self.call, cells.current, self.steps, why, origin, text
                    )
                )
            self._next_epoch()

    def _next_epoch(self) -> None:
        # Others may still write into the exchange of the epoch that is given up.
        self._given_up.append((self.comm, self.__dict__.get("exchange")))
        self.epoch += 1
        self.call = 0
        self._running, self._awaited, self._ready = None, None, False
        self._stages = self._enter_epoch()

    def _still_running(self) -> None:
        if self._running != threading.get_ident():
            raise RuntimeError(
                "another thread of this process is in a reduction on the same communicator; use one thread, "
                "or a communicator for each"
            )
        # An interrupt came at the very end of that call, before it was noted as done or left.
        self.leave(KeyboardInterrupt())

    # Set-up. What waits for other ranks is a request that an interrupt leaves as it is, to be waited for
    # by the next call: to start it anew would take another place in the order of collective calls.

    def _set_up(self, comm: MPI.Intracomm) -> Iterator[MPI.Request]:
        from mpi4py import MPI

        control, request = comm.Idup()
        yield request
        self._post = Post(control)
        while self._untold:
            self._post.send(self._untold.pop(0))
        self._nursery, request = comm.Idup()
        yield request
        facts = np.zeros((self.size, WORDS), np.uint64)
        facts[self.rank] = my_facts()
        yield self._nursery.Iallgather(MPI.IN_PLACE, [facts, WORDS, MPI.UINT64_T])
        self.peers = Peers(facts, self.rank)
        self._make(SPARE)
        for _, request in self._made:
            yield request
        yield from self._enter_epoch()

    def _enter_epoch(self) -> Iterator[MPI.Request]:
        self._make(self.epoch)
        self.comm, request = self._made[self.epoch]
        yield request
        self.exchange = Slots(self.comm) if self.size <= MOST_SLOTS else Greatest(self.comm)

    def _make(self, last: int) -> None:
        """Begin to make the communicators of all epochs up to `last`; the same order on every rank."""
        while len(self._made) <= last:
            self._made.append(self._nursery.Idup())

    def _prepare(self) -> None:
        """Make everything ready for a call in this epoch; waits for the other ranks if need be."""
        if hasattr(self, "exchange"):  # others can be told if this rank leaves
            self._running = threading.get_ident()
        self._agreed = False
        with Deferred() as deferred:
            while True:
                if self._awaited is None:
                    self._awaited = next(self._stages, None)
                if self._awaited is None:
                    break
                wait(self._awaited.Test, self.looking(deferred), ARRIVAL_SPIN_SECONDS)
                self._awaited = None
            self._ready = True

    # Steps of a call, for `work`.

    def agree(self, digest: bytes, facts: bytes, describe: Callable[[], str]) -> list[int] | None:
        """Find out whether all ranks bring the same `digest`; the payload of `exchange` travels with it.

        Parameters
        ----------
        digest : 16 bytes.
        facts : 24 bytes, three words.
        describe : returns in words what `digest` is of.

        Returns
        -------
        The greatest of each of the three facts over all ranks; None if all are 0.

        Raises
        ------
        AgreementError
            On every rank, if they do not.
        """
        exchange = self.exchange
        if self.epoch in self._left:
            self._heed()
        head = digest + cells.current_bytes + facts
        self._exchange(head)
        self.all_alike = exchange.alike(head)
        if self.all_alike:
            self._agreed = True
            return None if facts == NO_FACTS else exchange.facts()
        if not exchange.same_digest():
            by_rank = [words.decode() for words in self.gather(describe().encode())]
            self.done()
            raise AgreementError(by_rank)
        greatest = exchange.facts()
        if not exchange.same_cell():
            # One of us may have left this call in an older cell, and what is here of it be stale. A rank that
            # has left does not come to a second exchange.
            self._exchange(_CONFIRM + cells.current_bytes + facts)
        self._agreed = True
        return greatest if any(greatest) else None

    def _exchange(self, head: bytes) -> None:
        exchange = self.exchange
        exchange.fill(head)
        request = exchange.request
        request.Start()
        wait(request.Test, self._look_around, ARRIVAL_SPIN_SECONDS)
        # What others had sent before they left must not be taken for a result: their notice has come by now.
        if self.take_notices():
            self._heed()

    def gather(self, data: bytes) -> list[bytes]:
        """Return every rank's `data`, by rank; of any length."""
        from mpi4py import MPI

        with Deferred() as deferred:
            lengths = np.zeros(self.size, np.int64)
            lengths[self.rank] = len(data)
            self.wait(self.comm.Iallgather(MPI.IN_PLACE, [lengths, 1, MPI.INT64_T]), deferred, lengths)
            ends = np.cumsum(lengths)
            everything = np.zeros(int(ends[-1]), np.uint8)
            starts = ends - lengths
            everything[starts[self.rank] : ends[self.rank]] = np.frombuffer(data, np.uint8)
            layout = [everything, (lengths.tolist(), starts.tolist()), MPI.BYTE]
            self.wait(self.comm.Iallgatherv(MPI.IN_PLACE, layout), deferred, everything)
        return [everything[start:end].tobytes() for start, end in zip(starts, ends, strict=True)]

    def wait(self, request: MPI.Request, deferred: Deferred, *memory: Any) -> None:
        """Wait for a step of a call to which all ranks have come; `memory` is what MPI reads and writes."""
        try:
            wait(request.Test, self.looking(deferred), MOVING_SPIN_SECONDS)
        except BaseException:
            self.keep(request, *memory)
            raise

    def keep(self, request: MPI.Request, *memory: Any) -> None:
        """Keep `memory`, which a request that cannot be completed may still use."""
        self._given_up.append((request, memory))

    def looking(self, deferred: Deferred) -> Callable[[], None]:
        """Return what to call in a wait: it raises if the call cannot go on."""

        def look() -> None:
            deferred.check()
            self._look_around()

        return look

    def _look_around(self) -> None:
        now = time.monotonic()
        if not self._began:
            self._began = now
        if self._post is not None:
            self.take_notices()
            self._heed()
        elapsed = now - self._began
        if self._timeout is not None and not self._agreed:
            if elapsed > self._timeout:
                raise TimeoutError(self._absent())
            if not self._told and self._post and elapsed > min(TELL_SECONDS, self._timeout / 2):
                self._told = True
                self._post.send(Notice(Kind.WAITING, self.rank, self.epoch, self.call, cells.current))
        dead = self.peers.find_dead() if hasattr(self, "peers") else None
        if dead is not None:
            raise self._peer_error(*dead)

    def _absent(self) -> str:
        there = {rank for rank, place in self._there.items() if place == (self.epoch, self.call)}
        absent = set(range(self.size)) - there - {self.rank} - set(self._left.get(self.epoch, {}))
        who = ranks_in_words(absent) if absent else "some rank"
        return f"{who} did not arrive within {self._timeout:g} s"

    # Notices.

    def take_notices(self) -> bool:
        """Read what the others have told; return whether there was something."""
        notices = self._post.fetch() if self._post is not None else []
        for notice in notices:
            if notice.kind == Kind.LEFT:
                if notice.epoch >= self.epoch - 1:
                    self._left.setdefault(notice.epoch, {})[notice.sender] = notice
            elif notice.kind == Kind.RAISED:
                self._suspects[notice.sender] = notice, time.monotonic()
                self._failed_cells.setdefault(notice.cell, notice)
                if len(self._failed_cells) > _MOST_FAILED_CELLS:
                    del self._failed_cells[next(iter(self._failed_cells))]
            elif notice.kind == Kind.STARTED:
                self._suspects.pop(notice.sender, None)
            else:
                self._there[notice.sender] = notice.epoch, notice.call
        return bool(notices)

    def steps_of_others(self, epoch: int) -> list[int] | None:
        """Return how many steps each other rank had started that left `epoch`; None if not all have."""
        left = self._left.get(epoch, {})
        return [notice.steps for notice in left.values()] if len(left) >= self.size - 1 else None

    def _heed(self) -> None:
        """Raise if the running call cannot be completed, going by what the others have told."""
        left = [n for n in self._left.get(self.epoch, {}).values() if n.call <= self.call]
        for notice in left:
            if self._agreed or notice.cell == cells.current:
                if notice.why == Why.TIMEOUT:
                    raise TimeoutError(notice.text)
                raise self._peer_error(notice.origin, notice.text)
        if left:
            raise Reissue
        if self._agreed:
            return  # whoever raised, it was after its part of this call
        place = self.epoch, self.call
        failed = self._failed_cells.get(cells.current)
        if failed is not None and (failed.epoch, failed.call) <= place:
            raise self._peer_error(failed.origin, failed.text)
        for notice, heard in self._suspects.values():
            late = time.monotonic() - max(heard, self._began) > GRACE_SECONDS
            if late and (notice.epoch, notice.call) <= place:
                raise self._peer_error(notice.origin, notice.text)

    def _peer_error(self, rank: int, what: str) -> PeerError:
        self._trouble = rank, what
        return PeerError(rank, what)

    def _story(self, kind: str, text: str) -> tuple[int, str]:
        """Return with which rank it began, and what happened there, of an exception on this rank."""
        if kind == PeerError.__name__ and self._trouble is not None:
            return self._trouble
        return self.rank, cells.failure_words(kind, text)

    def cell_changed(self, started: bool, failure: tuple[str, str] | None) -> None:
        """Tell the others, where it matters to them, that this rank's cell starts, or ends with `failure`."""
        with Deferred():
            self.take_notices()
            kind = Kind.STARTED
            origin, text = -1, ""
            if not started:
                story = None if failure is None else self._story(*failure)
                self._trouble = None
                if story is None:
                    return
                kind = Kind.RAISED
                origin, text = story
            elif not self._i_raised:
                return
            self._i_raised = not started
            notice = Notice(kind, self.rank, self.epoch, self.call, cells.current, origin=origin, text=text)
            if self._post is None:
                self._untold.append(notice)
            else:
                self._post.send(notice)
