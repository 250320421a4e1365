"""Reductions that the client asks for, on engines of Open MPI: results, ranks that disagree, and failures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mpi_worlds
import numpy as np
import pytest
from kernelside import WAIT_SECONDS, Kernel, PanelCluster

from pxengines import ReductionError
from pxengines.views import EnginesClient, EnginesView

ENGINES = 3


@pytest.fixture(scope="module")
def cluster(ipython_dir: Path) -> Iterator[PanelCluster]:
    cluster = PanelCluster("open", ENGINES, *mpi_worlds.mpiexec_of("openmpi"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end_job()


@pytest.fixture
def view(cluster: PanelCluster) -> Iterator[EnginesView]:
    file = cluster.paths.connection_file("client")
    with EnginesClient(str(file), timeout=WAIT_SECONDS) as client:
        view = client[:]
        view.scatter("a", np.arange(9)).get(WAIT_SECONDS)
        yield view
        assert view.psum("a") == 36


def test_the_engines_are_of_open_mpi(view: EnginesView) -> None:
    view.execute("from pxengines.mpi import check; world = check()").get(WAIT_SECONDS)
    [library, *others] = view.pull("world.library").get(WAIT_SECONDS)
    assert library.startswith("Open MPI")
    assert set(others) == {library}
    assert view.pull("world.engines").get(WAIT_SECONDS) == [tuple(range(ENGINES))] * ENGINES
    assert view.pull("world.problems").get(WAIT_SECONDS) == [()] * ENGINES
    # What the server asks each of them before it calls a cluster ready is the same.
    view.execute("from pxengines.facts import collect; facts = collect()").get(WAIT_SECONDS)
    for facts, size in zip(view["facts"], view.pull("world.size").get(WAIT_SECONDS), strict=True):
        assert (facts["size"], facts["library"], facts["abi"]) == (size, library, "openmpi")
        assert facts["thread_level"] == "multiple"


def test_one_value_of_numpys_type(view: EnginesView) -> None:
    total = view.psum("a.astype('f4')")
    assert (total, type(total)) == (36, np.float32)
    np.testing.assert_array_equal(view.pmax("np.arange(50_000.0) * mpi_rank", ()), 2 * np.arange(50_000.0))
    assert view.psum("[1e16, 1.0, -1e16][mpi_rank]", mode="exact") == 1.0


def test_least_values_are_the_same_for_zeros_of_both_signs(view: EnginesView) -> None:
    """MPI may give one rank 0 and another -0, of which the client could think that the results differ."""
    assert view.pmin("np.full(50_000, -0.0 if mpi_rank % 2 else 0.0)", ()).sum() == 0
    assert view.pargmax("-0.0 if mpi_rank % 2 else 0.0").value == 0


def test_ranks_that_disagree(view: EnginesView) -> None:
    with pytest.raises(ReductionError) as raised:
        view.psum("a if mpi_rank else a * 1.0")
    assert "the ranks do not agree on what to reduce: rank 0 differs (" in str(raised.value)
    assert "sum of float64" in str(raised.value)
    assert "ranks 1-2: sum of int64" in str(raised.value)


def test_a_rank_that_raises(view: EnginesView) -> None:
    with pytest.raises(ReductionError, match=r"rank 1 differs .*rank 1: refused: ZeroDivisionError"):
        view.psum("1 // (mpi_rank - 1)")


def test_a_rank_that_does_not_come_in_time(view: EnginesView) -> None:
    view.execute("import time").get(WAIT_SECONDS)
    with pytest.raises(ReductionError, match=r"rank 2 did not arrive within 0\.3 s"):
        view.psum("time.sleep(60) if mpi_rank == 2 else 1", timeout=0.3)


def test_the_magic(kernel: Kernel, cluster: PanelCluster) -> None:
    assert kernel.run("%engines connect open --quiet").status == "ok"
    assert kernel.run("%psum mpi_rank").text == "np.int64(3)"
    failed = kernel.run("%psum 1.0 if mpi_rank == 1 else 1")
    assert failed.status == "error"
    assert "the ranks do not agree on what to reduce: rank 1 differs (" in failed.outputs[-1]["evalue"]
    assert kernel.run("%psum mpi_rank").text == "np.int64(3)"
