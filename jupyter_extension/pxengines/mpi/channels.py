"""Which channel belongs to which communicator."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from ..interrupts import Deferred
from . import cells
from .channel import Channel

if TYPE_CHECKING:
    from mpi4py import MPI

_world: Channel | None = None
_all: list[Channel] = []
_keyval: int | None = None
_guards = 0


def channel_of(comm: MPI.Comm | None) -> Channel:
    """Return the channel of `comm`, or of ``MPI.COMM_WORLD``. Makes it, without waiting, on first use.

    Raises
    ------
    TypeError
        If `comm` is no intracommunicator.
    """
    global _world
    if comm is None and _world is not None:
        return _world
    from mpi4py import MPI

    if comm is None:
        comm = MPI.COMM_WORLD
    if not isinstance(comm, MPI.Intracomm):
        raise TypeError(f"comm must be an intracommunicator, such as MPI.COMM_WORLD, not {comm!r}")
    keyval = _key_of_attribute()
    channel = comm.Get_attr(keyval)
    if not isinstance(channel, Channel):
        channel = Channel(comm)
        comm.Set_attr(keyval, channel)
        _all.append(channel)
        if comm == MPI.COMM_WORLD:
            _world = channel
    return channel


def prepare(timeout: float | None = None) -> None:
    """Make what the reductions of ``MPI.COMM_WORLD`` need; all ranks call it, or their first reduction does.

    Raises
    ------
    TimeoutError
        If not all ranks have called it after `timeout` seconds.
    """
    channel = channel_of(None)
    if not hasattr(channel, "exchange"):
        channel.get_ready(timeout)


def poll() -> None:
    """Tell ranks that wait in a cell which this rank has ended that it will not come; quick.

    For ranks that are idle between cells: others may begin to wait for them only then.
    """
    for channel in list(_all):
        channel.poll()


@contextmanager
def guard() -> Iterator[None]:
    """Tell the other ranks if the block raises; for scripts, in which there are no cells.

    All ranks enter the same blocks in the same order; the first one waits for all of them. A rank whose
    block raises makes a `PeerError` of what the others wait for, instead of a wait without end. On engines
    every cell is such a block.
    """
    global _guards
    _guards += 1
    key = cells.key_of(f"guard {_guards} in {cells.current}")
    prepare()
    began, failure = False, None
    try:
        with Deferred():
            cells.begin(key, within=True)
            began = True
        yield
    except BaseException as error:
        failure = type(error).__name__, str(error)
        raise
    finally:
        with Deferred():
            if began:
                cells.end(failure)


def _key_of_attribute() -> int:
    global _keyval
    if _keyval is None:
        from mpi4py import MPI

        _keyval = MPI.Comm.Create_keyval(delete_fn=_forget)
        cells.listen(_cell_changed)
        _hear_of_the_end()
    return _keyval


def _forget(comm: MPI.Comm, keyval: int, channel: Channel) -> None:
    # The user frees the communicator, and so do all other ranks.
    if channel in _all:
        _all.remove(channel)
        channel.free()


def _cell_changed(started: bool, failure: tuple[str, str] | None) -> None:
    for channel in list(_all):
        channel.cell_changed(started, failure)


def _hear_of_the_end() -> None:
    """Let the other ranks know when this process ends, in whichever way Python knows of."""
    report = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _cell_changed(False, (kind.__name__, str(error)))
        report(kind, error, trace)

    def farewell() -> None:
        for channel in list(_all):
            channel.close()

    sys.excepthook = excepthook
    # Runs before MPI is finalized, which mpi4py does as the very last thing.
    atexit.register(farewell)
