"""The order of all reductions on one communicator, and what happens when a rank drops out of it.

Reductions run on private communicators, so that nothing of the user's can get between. Their place in the
order is (epoch, call). A collective call that a rank has left can be neither completed nor cancelled; the
communicator of that epoch is then given up, by everybody, and epoch + 1 begins on the next one, with call 0.
No communication is needed for that: communicators are made beforehand. That a rank has left is told by
notices; what it had already sent cannot be taken for its part in a later reduction, because each exchange
tells the cell that it belongs to, and how many calls of that cell came before. In one cell, the n-th call of
a rank is reduced with the n-th of the others, or not at all; and no call with one of a cell that is over.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..interrupts import Deferred
from . import cells
from .errors import AgreementError, PeerError
from .gathering import gathered
from .moving import Move
from .news import News, Reissue
from .notices import Kind, Notice, Post, Why
from .patience import ARRIVAL_SPIN_SECONDS, MOVING_SPIN_SECONDS, wait
from .peers import WORDS, Peers, my_facts
from .relics import Relic, bury
from .slots import MOST_SLOTS, NO_FACTS, PATIENCE, Greatest, Slots, pack_facts

if TYPE_CHECKING:
    from mpi4py import MPI

T = TypeVar("T")

SPARE = 3
"""Epochs for which communicators are made beforehand."""
TELL_SECONDS = 0.25
"""A rank that has waited so long in a call tells the others that it is there."""
LAST_LOOK_SECONDS = 0.02
"""How long a rank that gives up waiting in an exchange looks whether it is complete after all."""

_CONFIRM = hashlib.blake2b(b"same work in different cells", digest_size=16).digest()
_CELL_BITS = (1 << 47) - 1


class Channel:
    """All reductions on one communicator, in order.

    A call is ``begin``, steps that the ranks make together, ``done``; or ``fail``, if one of these raises.

    Attributes
    ----------
    rank, size : of the communicator.
    comm : private communicator of this epoch.
    epoch, call : place in the order of the next, or running, reduction.
    quick : short ways that can be taken now, by what the caller gives.
    ready : whether a call can begin.
    begun : exchanges that this rank has begun in this epoch.
    moving : the running reduction's work on memory of the caller's, if there is some.
    exchange : what a call begins with; of this epoch.
    all_alike : whether all ranks brought the same facts to the last exchange.
    made_before : how many calls this rank had made in its cell before this epoch; 8 bytes.
    news : what the others have told.
    """

    exchange: Slots | Greatest
    _nursery: MPI.Intracomm

    def __init__(self, comm: MPI.Intracomm) -> None:
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self.comm = comm
        self.epoch = self.call = 0
        self.moving: Move | None = None
        self.all_alike = False
        self.news = News(self.rank, self.size)
        self.take_notices = self.news.take
        self.ready = False
        self._stages = self._set_up(comm)
        self._awaited: MPI.Request | None = None
        self._made: list[MPI.Intracomm] = []
        self._making: tuple[MPI.Intracomm, MPI.Request] | None = None
        self._running: int | None = None
        self._agreed = self._told = False
        self._timeout: float | None = None
        self._began = 0.0
        self._held: BaseException | None = None
        self._exchanges: dict[int, Slots | Greatest] = {}
        self._relics: dict[int, Relic] = {}
        self.begun, self._clean, self._entered = 0, True, False
        self.quick: dict[Any, Any] = {}
        self._given_up: list[Any] = []
        self._since = 0
        self.made_before = bytes(8)

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
        while True:
            if not self.ready:
                self.get_ready(timeout)
            try:
                self.begin(timeout)
            except Reissue:
                continue
            try:
                result = work()
            except BaseException as error:
                if self.fail(error):
                    continue
                raise
            if self._running is not None:
                self.done()
            return result

    def begin(self, timeout: float | None) -> None:
        """Note that a call begins; the channel is ready. Raises `Reissue` if it is another epoch's by now."""
        if self._running is not None:
            self._still_running()
        self._timeout = timeout
        self._began = 0.0
        self._agreed = self._told = False
        self._running = threading.get_ident()

    def done(self) -> None:
        """Note that the call is complete: nothing that this rank does from here on concerns it."""
        if self.call == 0 and self.epoch > 0:
            self._tidy_up()
        self.call += 1
        self._running = self.moving = None

    def _tidy_up(self) -> None:
        """After failures, when all ranks are together again: give back communicators and make new ones."""
        self._agreed = True
        try:
            self._given_up += bury(self, self._relics)
            with Deferred() as deferred:
                for request in self._communicators(self.epoch + SPARE):
                    wait(request.Test, self.looking(deferred), ARRIVAL_SPIN_SECONDS)
        except BaseException as error:
            self.fail(error)
            raise
        self.news.forget(self.epoch)

    def fail(self, error: BaseException) -> bool:
        """Give up the running call because of `error`; return whether it has to be made again."""
        if isinstance(error, Reissue):
            with Deferred():
                self._next_epoch(made=0)
            return True
        if self._running is not None:
            epoch, comm, moving = self.epoch, self.comm, self.moving
            # All ranks that have agreed are here, and can bring to an end what they have begun.
            agreed = self._agreed
            with Deferred():
                self.leave(error)
                if moving is not None and agreed:
                    moving.settle(self, epoch, comm)
        return False

    def leave(self, error: BaseException) -> None:
        """Give up the running call because of `error`: tell the others, and go to the next epoch."""
        why = Why.ERROR
        origin, text = self.news.story(type(error).__name__, str(error))
        if isinstance(error, KeyboardInterrupt):
            why = Why.INTERRUPT
        elif isinstance(error, TimeoutError):
            why, text = Why.TIMEOUT, str(error)
        place = self.epoch, self.call
        steps = self.moving.started if self.moving is not None else 0
        with Deferred():
            self.news.tell(Notice(Kind.LEFT, self.rank, *place, cells.current, steps, why, origin, text))
            self._next_epoch()

    def _next_epoch(self, made: int = 1) -> None:
        # Ranks do not always leave the same call: those that were ahead must not be joined there by others.
        made += self.call - self._since + int.from_bytes(self.made_before, "little")
        self.made_before, self._since = made.to_bytes(8, "little"), 0
        # Others may still write into the exchange of the epoch that is given up.
        level = self.exchange.level if self.begun else 0
        self._relics[self.epoch] = Relic(
            self.comm, self._exchanges, self.begun, level, self._clean and self._entered
        )
        self.begun, self._clean, self._entered = 0, True, False
        self.epoch += 1
        self.call = 0
        self._exchanges, self.quick = {}, {}
        self._running = self._awaited = self.moving = None
        self.ready = False
        self._stages = self._enter_epoch()

    def _still_running(self) -> None:
        if self._running != threading.get_ident():
            raise RuntimeError(
                "another thread of this process is in a reduction on the same communicator; use one thread, "
                "or a communicator for each"
            )
        # An interrupt came at the very end of that call, before it was noted as done or left.
        self.leave(KeyboardInterrupt())
        raise Reissue

    # What waits for other ranks is a request that an interrupt leaves as it is, to be waited for
    # by the next call: to start it anew would take another place in the order of collective calls.

    def get_ready(self, timeout: float | None = None) -> None:
        """Make all that a call needs; waits for the other ranks, which call this or make a call."""
        self._began, self._timeout, self._told = 0.0, timeout, False
        while not self.ready:
            try:
                self._prepare()
            except BaseException as error:
                if not self.fail(error):
                    raise
        self._running = None

    def _prepare(self) -> None:
        if hasattr(self, "exchange"):  # this is a later epoch: others can be told if this rank leaves
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
            self.ready = True

    def _set_up(self, comm: MPI.Intracomm) -> Iterator[MPI.Request]:
        from mpi4py import MPI

        control, request = comm.Idup()
        yield request
        self.news.open(Post(control))
        self._nursery, request = comm.Idup()
        yield request
        facts = np.zeros((self.size, WORDS), np.uint64)
        facts[self.rank] = my_facts()
        yield self._nursery.Iallgather(MPI.IN_PLACE, [facts, WORDS, MPI.UINT64_T])
        self.news.peers = Peers(facts, self.rank)
        yield from self._communicators(SPARE)
        yield from self._enter_epoch()

    def _enter_epoch(self) -> Iterator[MPI.Request]:
        yield from self._communicators(self.epoch)
        self.comm = self._made[self.epoch]
        if self.size <= MOST_SLOTS:
            self._use_slots(0)
        else:
            self.exchange = self._exchanges[0] = Greatest(self.comm)
        self._entered = True

    def _communicators(self, last: int) -> Iterator[MPI.Request]:
        """Make the communicators of all epochs up to `last`: by order of epochs, as on every rank.

        One after the other: with two of them under way at a time, Open MPI 5 gets stuck now and then.
        """
        while len(self._made) <= last:
            if self._making is None:
                self._making = self._nursery.Idup()
            comm, request = self._making
            yield request
            self._made.append(comm)
            self._making = None

    def needed(self, level: int) -> None:
        """Note which level of slots a call needs that is about to be done; the next exchange may differ.

        All ranks have agreed on the same calls, and so come to the same conclusion.
        """
        exchange = self.exchange
        if level > exchange.level:
            self._use_slots(level)
        elif isinstance(exchange, Slots):
            exchange.idle = exchange.idle + 1 if level < exchange.level else 0
            if exchange.idle >= PATIENCE:
                self._use_slots(level)

    def _use_slots(self, level: int) -> None:
        slots = self._exchanges.get(level)
        if not isinstance(slots, Slots):
            slots = self._exchanges[level] = Slots(self.comm, level)
        self.exchange = slots
        slots.idle = 0
        self.quick = slots.quick

    def agree(self, digest: bytes, facts: bytes, describe: Callable[[], str]) -> list[int] | None:
        """Find out whether all ranks bring the same `digest`.

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
        if self.news.concerns(self.epoch):
            self.heed()
        head = digest + cells.current_bytes + self.made_before + facts
        self._held = None
        if self._exchange(head):
            self._agreed = self.all_alike = True
            return None if facts == NO_FACTS else self.exchange.facts()
        if self._held is not None:
            # Only if all have come to the same call, in the same cell, may others have gone on.
            exchange = self.exchange
            self._agreed = exchange.same_digest() and exchange.same_cell() and exchange.same_count()
            raise self._held
        return self.judge(head, facts, describe)

    def judge(self, head: bytes, facts: bytes, describe: Callable[[], str]) -> list[int] | None:
        """Draw the conclusion from an exchange of `head`, which ends with `facts`; see `agree`."""
        exchange = self.exchange
        self._held = None
        self.all_alike = exchange.alike(head)
        if self.all_alike:
            self._agreed = True
            return None if facts == NO_FACTS else exchange.facts()
        same_digest, greatest, same_place = exchange.same_digest(), exchange.facts(), exchange.same_count()
        if not exchange.same_cell():
            same_place = True
            self._confirm()
        if not (same_digest and same_place):
            words = describe() if same_place else f"{describe()}, call {self._place_in_cell()} of its cell"
            by_rank = [each.decode() for each in gathered(self, words.encode())]
            self.done()
            raise AgreementError(by_rank)
        self._agreed = True
        return greatest if any(greatest) else None

    def _confirm(self) -> None:
        """Find out whether all ranks are really here, which are in different cells.

        One may have left this call in an older cell, and what is here of it be stale: a rank that has left
        does not come to a second exchange. Another may be in a cell from which others have gone on, where it
        can only give up.
        """
        exchange = self.exchange
        found = cells.straggler(exchange.cells())
        word = 0 if found is None else found[1] << 63 | (found[0] & _CELL_BITS) << 16 | self.rank
        self._exchange(_CONFIRM + cells.current_bytes + self.made_before + pack_facts(word), confirms=True)
        if self._held is not None:
            raise self._held
        straggler = exchange.facts()[0]
        if not straggler:
            return
        self._agreed = False
        if straggler >> 16 & _CELL_BITS == cells.current & _CELL_BITS:
            raise self.news.peer_error(straggler & 0xFFFF, "has gone on to another cell")
        # Those in that cell leave this call now; it will be made again without what they brought.
        wait(lambda: False, self.look_around, ARRIVAL_SPIN_SECONDS)

    def _place_in_cell(self) -> int:
        return int.from_bytes(self.made_before, "little") + self.call - self._since + 1

    def _exchange(self, head: bytes, confirms: bool = False) -> bool:
        """Exchange `head`; return whether all brought the same and have told nothing new.

        An exception that comes when the exchange is all but complete is held back: others may then have found
        it complete, and gone on, and must not be left with data on the way.
        """
        exchange = self.exchange
        exchange.fill(head + self.news.heard_bytes[self.rank])
        request = exchange.request
        self.begun += 1
        request.Start()
        try:
            wait(request.Test, self.look_around, ARRIVAL_SPIN_SECONDS)
        except BaseException as error:
            if self.moving is None or (isinstance(error, Reissue) and not confirms):
                raise
            end = time.monotonic() + LAST_LOOK_SECONDS
            while not request.Test():
                if time.monotonic() > end:
                    raise
                os.sched_yield()
            if not isinstance(error, Reissue):
                self._held = error
        self._agreed = confirms and not exchange.facts()[0]
        expected = self._held is None and exchange.as_expected(head, self.news.heard_bytes)
        if expected and not self.news.has_come():
            return True
        try:
            self.catch_up()
        except (PeerError, TimeoutError) as error:
            self._held = self._held or error
        return False

    def catch_up(self) -> None:
        """Heed all that the others had told before the exchange that is complete.

        What a rank has sent for this exchange may be for a later cell, before which its last one raised.
        """
        while not self.exchange.all_heard(self.news.heard):
            self.take_notices()
            self.news.look_for_dead()
        self.take_notices()
        self.heed()

    def wait(self, request: MPI.Request, deferred: Deferred, *memory: Any) -> None:
        """Wait for a step of a call to which all ranks have come; `memory` is what MPI reads and writes."""
        try:
            wait(request.Test, self.looking(deferred), MOVING_SPIN_SECONDS)
        except BaseException:
            self.keep(request, *memory)
            raise

    def keep(self, *used: Any) -> None:
        """Keep requests that cannot be completed, and the memory that they may still use."""
        self._given_up.append(used)
        if self._running is not None:
            self._clean = False
        elif self.epoch - 1 in self._relics:
            self._relics[self.epoch - 1].clean = False

    def looking(self, deferred: Deferred) -> Callable[[], None]:
        """Return what to call in a wait: it raises if the call cannot go on."""

        def look() -> None:
            deferred.check()
            self.look_around()

        return look

    def look_around(self) -> None:
        """Raise if the call cannot go on."""
        now = time.monotonic()
        self._began = self._began or now
        self.take_notices()
        self.heed()
        elapsed = now - self._began
        if not self._agreed:
            limit = float("inf") if self._timeout is None else self._timeout
            place = self.epoch, self.call
            if elapsed > limit:
                raise TimeoutError(f"{self.news.absent(place)} did not arrive within {limit:g} s")
            if not self._told and elapsed > min(TELL_SECONDS, limit / 2):
                self._told = True
                self.news.tell(Notice(Kind.WAITING, self.rank, *place, cells.current))
        self.news.look_for_dead()

    def heed(self) -> None:
        """Raise if the call cannot go on, going by what the others have told."""
        self.news.heed((self.epoch, self.call), self._agreed, self._began)

    def cell_changed(self, started: bool, failure: tuple[str, str] | None) -> None:
        """Tell the others, where it matters to them, that this rank's cell starts, or ends with `failure`."""
        with Deferred():
            if not started and self._running == threading.get_ident():
                # An interrupt came between the lines of a call: others learn it now, not in the next cell.
                self.leave(KeyboardInterrupt())
            self._since, self.made_before = self.call, bytes(8)
            self.news.cell_changed((self.epoch, self.call), started, failure)

    def poll(self) -> None:
        """Between calls, hear what the others tell, and answer those that wait for this rank in vain."""
        if self._running is None and self.news.has_come():
            with Deferred():
                self.news.answer((self.epoch, self.call))

    def free(self) -> None:
        """Give back the communicators, where nothing is under way; all ranks do, and make no more calls."""
        self.news.free()
        if self._given_up or self._relics or not self.ready:
            return
        for slots in self._exchanges.values():
            slots.request.Free()
        for comm in self._made:
            if comm:  # those of epochs that were given up may have been freed
                comm.Free()
        if self._making is None:
            self._nursery.Free()
        self.ready = False

    def close(self) -> None:
        """Tell the others that this process ends."""
        self.news.close((self.epoch, self.call))
