"""Reductions on real engines: what one engine's cell does to the others, and the reduction after that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import pytest
from kernelside import WAIT_SECONDS, PanelCluster, mark_of, wait_for

ENGINES = 3


@pytest.fixture(scope="module")
def client(ipython_dir: Path) -> Iterator[Any]:
    cluster = PanelCluster("reductions", ENGINES)
    try:
        cluster.start()
        client = ipp.Client(str(cluster.paths.connection_file("client")), timeout=WAIT_SECONDS)
        yield client
        client.close(linger=0)
    finally:
        cluster.end_job()


@pytest.fixture
def view(client: Any) -> Iterator[Any]:
    view = client[:]
    run(view, "from pxengines.mpi import news, psum, allreduce; import time; calls = 0")
    # However long an engine whose cell has raised takes to start the next: others wait for it meanwhile.
    run(view, "news.GRACE_SECONDS = 60.0")
    yield view
    # Whatever happened: the same engines go on, and the next reduction is right.
    run(view, "news.GRACE_SECONDS = 60.0; total = psum(mpi_rank + 1)")
    assert view.pull("total").get(WAIT_SECONDS) == [ENGINES * (ENGINES + 1) // 2] * ENGINES


def run(view: Any, code: str) -> None:
    view.execute(code).get(WAIT_SECONDS)


def errors(result: Any) -> list[str]:
    """Return what each engine raised in a cell, in words; empty if nothing."""
    got = result.get(WAIT_SECONDS, return_exceptions=True)
    every = got if isinstance(got, list) else [got]
    return [f"{each.ename}: {each.evalue}" if isinstance(each, ipp.RemoteError) else "" for each in every]


def test_an_exception_in_one_cell_ends_the_waiting_in_the_others(view: Any) -> None:
    seen = errors(view.execute("if mpi_rank == 1: raise ValueError('bad input')\npsum(1)"))
    peer = "PeerError: rank 1 raised ValueError: bad input, so this reduction cannot be done"
    assert seen == [peer, "ValueError: bad input", peer]


def test_an_exception_in_a_function(view: Any) -> None:
    def work() -> Any:
        from mpi4py import MPI

        from pxengines.mpi import psum

        if MPI.COMM_WORLD.rank == 2:
            raise KeyError("lost")
        return psum(1)

    work.__module__ = "__main__"  # travels by its code: engines cannot import this file
    seen = errors(view.apply(work))
    peer = "PeerError: rank 2 raised KeyError: 'lost', so this reduction cannot be done"
    assert seen == [peer, peer, "KeyError: 'lost'"]


def test_the_same_cell_again_after_an_exception(view: Any) -> None:
    code = "calls += 1\nif mpi_rank == 1 and calls == 1: raise ValueError\ntotal = psum(calls)"
    assert errors(view.execute(code))[1] == "ValueError: "
    run(view, code)
    assert view.pull("total").get(WAIT_SECONDS) == [2 * ENGINES] * ENGINES


def all_begun(begun: Path) -> None:
    """Wait until each engine has made its file: an interrupt that comes before a cell is not heeded."""
    wait_for(lambda: len(list(begun.iterdir())) == ENGINES, "the engines")


def test_an_interrupted_cell(view: Any, client: Any, begun: Path) -> None:
    result = view.execute(f"{mark_of(begun)}\nif mpi_rank == 1: time.sleep(60)\npsum(1)")
    all_begun(begun)
    time.sleep(0.2)  # two of them wait by now, if all is well; else they are interrupted before
    client.send_signal(2, block=True)
    seen = errors(result)
    assert seen[1] == "KeyboardInterrupt: "
    assert all("interrupt" in each.lower() for each in seen)


def test_an_interrupt_with_a_gigabyte_in_flight(view: Any, client: Any, begun: Path) -> None:
    run(
        view,
        "import numpy as np; values = np.broadcast_to(1.0, (1 << 30) // 8); out = np.zeros(values.shape)",
    )
    result = view.execute(f"{mark_of(begun)}\nwhile True: allreduce(values, out=out)")
    all_begun(begun)
    time.sleep(0.5)  # it is on its way by now
    client.send_signal(2, block=True)
    assert all("interrupt" in each.lower() for each in errors(result))
    run(view, "total = allreduce(np.full(100_000, mpi_rank)).max(); del out")
    assert view.pull("total").get(WAIT_SECONDS) == [ENGINES * (ENGINES - 1) // 2] * ENGINES


def test_a_reduction_that_only_one_engine_makes_is_no_part_of_the_next_cell(view: Any) -> None:
    alone = view.execute("if mpi_rank == 0: psum(1000)")
    total = view.execute("total = psum(1)")
    first, *others = errors(alone)
    assert first.startswith("PeerError: rank ")
    # The latter if it had waited for a while before they went on.
    ways = ["gone on to another cell", "ended this cell"]
    assert first.endswith(tuple(f" has {how}, so this reduction cannot be done" for how in ways))
    assert others == [""] * (ENGINES - 1)
    assert errors(total) == [""] * ENGINES
    assert view.pull("total").get(WAIT_SECONDS) == [ENGINES] * ENGINES


def test_a_cell_that_only_some_engines_run(view: Any, client: Any) -> None:
    """An exception in a cell of one engine alone does not concern a reduction of all in the next."""
    alone = client[1].execute("raise ValueError('alone')")
    total = view.execute("total = psum(1)")
    assert errors(total) == [""] * ENGINES
    assert alone.wait(WAIT_SECONDS)


def test_engines_may_run_different_cells_to_reduce_together(client: Any, view: Any) -> None:
    first = client[0].execute("one = psum(1)")
    others = client[1:].execute("one = psum(2)")
    assert errors(first) + errors(others) == [""] * ENGINES
    assert view.pull("one").get(WAIT_SECONDS) == [2 * ENGINES - 1] * ENGINES


def test_an_exception_of_an_engine_that_runs_a_different_cell(client: Any, view: Any) -> None:
    run(view, "news.GRACE_SECONDS = 1.0")
    first = client[0].execute("raise ValueError('bad input')")
    assert first.wait(WAIT_SECONDS)
    others = client[1:].execute("psum(2)")
    peer = "PeerError: rank 0 raised ValueError: bad input, so this reduction cannot be done"
    assert errors(others) == [peer] * (ENGINES - 1)


def test_a_reduction_that_only_one_engine_makes_ends_while_the_others_are_idle(view: Any) -> None:
    """Nothing else is sent: they tell it that they have ended this cell."""
    first, *others = errors(view.execute("if mpi_rank == 0: psum(1000)"))
    assert first.startswith("PeerError: rank ")
    assert first.endswith(" has ended this cell, so this reduction cannot be done")
    assert others == [""] * (ENGINES - 1)


def test_engines_that_come_late_are_waited_for(view: Any) -> None:
    """An engine that is still in the cell before has not ended this one."""
    view.execute("if mpi_rank == 1: time.sleep(2)")
    assert errors(view.execute("total = psum(1)")) == [""] * ENGINES
    assert view.pull("total").get(WAIT_SECONDS) == [ENGINES] * ENGINES
