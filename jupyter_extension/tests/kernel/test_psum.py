"""Reductions that the client asks for, on real engines: ``view.psum``, ``%psum``, and failures."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import numpy as np
import pytest
from kernelside import WAIT_SECONDS, Kernel, PanelCluster, Reply, interrupted, mark_of, wait_for

import pxengines
from pxengines import ReductionError
from pxengines.views import EnginesClient, EnginesView

ENGINES = 2


@pytest.fixture(scope="module")
def client(shared_cluster: PanelCluster) -> Iterator[Any]:
    file = shared_cluster.paths.connection_file("client")
    with EnginesClient(str(file), timeout=WAIT_SECONDS) as client:
        yield client


@pytest.fixture
def view(client: Any) -> Iterator[Any]:
    """Return a view of all engines; after the test, the next sum must be right, whatever happened."""
    view = client[:]
    view.scatter("a", np.arange(10)).get(WAIT_SECONDS)
    yield view
    assert view.psum("a") == 45


def failure(call: Callable[[], Any]) -> str:
    """Return the message of a reduction that fails: one line."""
    with pytest.raises(ReductionError) as raised:
        call()
    message = str(raised.value)
    assert "\n" not in message
    return message


# --- results ------------------------------------------------------------------------------------


def test_returns_one_value_of_numpys_type(view: Any) -> None:
    total = view.psum("a")
    assert (total, type(total)) == (45, np.int64)
    total = view.psum("a.astype('f4')")
    assert (total, type(total)) == (45, np.float32)


def test_evaluates_an_expression_in_each_engines_namespace(view: Any) -> None:
    assert view.psum(" a[a > 2] * 2 + mpi_rank ") == sum(2 * n for n in range(3, 10)) + 5
    assert view.psum("1") == ENGINES


def test_passes_axis_and_options_on(view: Any) -> None:
    view.scatter("m", np.arange(24.0).reshape(6, 4)).get(WAIT_SECONDS)
    whole = np.arange(24.0).reshape(6, 4)
    np.testing.assert_array_equal(view.psum("m", 0), whole.sum(0))
    np.testing.assert_array_equal(view.psum("m", axis=0, keepdims=True), whole.sum(0, keepdims=True))
    assert view.psum("m", dtype="f4").dtype == np.float32
    assert "does not fit into int64" in failure(lambda: view.psum("2**62"))
    assert view.psum("2**62", wrap=True) == -(2**63)


def test_exact_mode_does_not_lose_what_cancels(view: Any) -> None:
    view.scatter("c", np.array([1e16, 1.0, 1.0, -1e16])).get(WAIT_SECONDS)
    assert view.psum("c", mode="exact") == 2.0


def test_the_other_reductions(view: Any) -> None:
    assert view.pmean("a") == 4.5
    assert (view.pmin("a"), view.pmax("a")) == (0, 9)
    where = view.pargmax("a")
    assert (where.rank, where.index, where.value) == (1, 4, 9)
    assert view.pargmin("a").rank == 0
    assert view.pdot("a", "a") == sum(n * n for n in range(10))


def test_a_large_result_can_be_written_to(view: Any) -> None:
    total = view.psum("np.full(300_000, mpi_rank + 0.5)", ())
    assert total.shape == (300_000,)
    total += 1
    assert set(total) == {3.0}


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0)])
def test_an_empty_result(view: Any, shape: tuple[int, ...]) -> None:
    total = view.psum(f"np.zeros({shape}, 'i4')", ())
    assert (total.shape, total.dtype) == (shape, np.int64)


@pytest.mark.parametrize("dtype", ["f2", "g", "c16", "G", "?", "u1"])
def test_types(view: Any, dtype: str) -> None:
    total = view.psum(f"a.astype('{dtype}')")
    want = np.arange(10).astype(dtype).sum()
    assert (total, type(total)) == (want, type(want))


def test_not_a_number_is_the_same_everywhere(view: Any) -> None:
    assert np.isnan(view.psum("-np.nan if mpi_rank else np.nan"))


# --- views --------------------------------------------------------------------------------------


def test_all_views_of_the_client_can_reduce(client: Any) -> None:
    for view in (client[:], client[0], client.direct_view(), *client):
        assert isinstance(view, EnginesView)
    assert client[0].targets == 0
    assert client.direct_view().targets == "all"
    assert client.direct_view([1], block=True).block
    assert client.direct_view().psum("1") == ENGINES
    assert client[::-1].psum("mpi_rank") == 1


def test_a_view_of_ipyparallel_can_be_passed(shared_cluster: PanelCluster) -> None:
    with ipp.Client(str(shared_cluster.paths.connection_file("client")), timeout=WAIT_SECONDS) as client:
        view = client[:]
        assert not hasattr(view, "psum")
        assert pxengines.psum(view, "mpi_rank + 1") == 3


def test_all_ranks_must_take_part(client: Any, view: Any) -> None:
    message = failure(lambda: client[1].psum("1"))
    assert message == (
        "psum of 1: the MPI world has 2 ranks, and 1 engine was asked; all ranks must take part. "
        "Use a view of all engines: cluster[:]."
    )


@pytest.mark.parametrize("what", ["cluster", "array", "balanced"])
def test_refuses_what_is_no_view_or_no_name(client: Any, view: Any, what: str) -> None:
    with pytest.raises(TypeError, match=r"a view of the engines first|the name of what"):
        if what == "array":
            view.psum(np.arange(3))
        else:
            pxengines.psum(client if what == "cluster" else client.load_balanced_view(), "a")


def test_refuses_what_only_engines_can_give(view: Any) -> None:
    with pytest.raises(TypeError, match="takes no out"):
        view.psum("a", out=np.zeros(3))
    assert "this is not a Python expression" in failure(lambda: view.psum("a +"))


def test_a_closed_connection(shared_cluster: PanelCluster) -> None:
    client = EnginesClient(str(shared_cluster.paths.connection_file("client")), timeout=WAIT_SECONDS)
    view = client[:]
    client.close(linger=0)
    assert "the connection of this view is closed" in failure(lambda: view.psum("1"))


# --- failures on engines ------------------------------------------------------------------------


def test_a_name_that_no_engine_has(view: Any) -> None:
    message = failure(lambda: view.psum("nothing"))
    assert message == "psum of nothing: all ranks: NameError: name 'nothing' is not defined."


def test_a_name_that_one_engine_does_not_have(client: Any, view: Any) -> None:
    client[0].push({"only_here": 1}).get(WAIT_SECONDS)
    message = failure(lambda: view.psum("only_here"))
    assert message.startswith("psum of only_here: the ranks do not agree on what to reduce: rank 1 differs (")
    assert "rank 1: refused: NameError: name 'only_here' is not defined" in message


def test_ranks_that_disagree(view: Any) -> None:
    message = failure(lambda: view.psum("a if mpi_rank else a.astype('f8')"))
    assert "the ranks do not agree on what to reduce: rank 1 differs" in message


def test_what_cannot_be_added(view: Any) -> None:
    with pytest.raises(ReductionError, match="TypeError") as raised:
        view.psum("'text'")
    assert sorted(raised.value.errors) == [0, 1]
    assert raised.value.errors[0].ename == "TypeError"


def test_an_option_that_engines_do_not_know(view: Any) -> None:
    assert "all ranks: TypeError: psum() got an unexpected keyword" in failure(
        lambda: view.psum("a", colour=1)
    )


def test_engines_that_are_older(view: Any) -> None:
    hide = "import pxengines.mpi as m; kept = m.pmax; del m.pmax"
    view.execute(f"if mpi_rank: {hide}").get(WAIT_SECONDS)
    try:
        message = failure(lambda: view.pmax("a"))
    finally:
        view.execute("if mpi_rank: m.pmax = kept").get(WAIT_SECONDS)
    assert message.startswith(
        "pmax of a: rank 1: the engines cannot do pmax for this kernel (module 'pxengines.mpi'"
    )
    assert message.endswith("Use the same environment for both, and start the cluster again.")


def test_engines_without_our_package(view: Any) -> None:
    hide = "kept = sys.modules.get(name); sys.modules[name] = None"
    view.execute(f"import sys; name = 'pxengines.rank_answers'; {hide}").get(WAIT_SECONDS)
    try:
        message = failure(lambda: view.psum("a"))
    finally:
        view.execute("sys.modules[name] = kept").get(WAIT_SECONDS)
    assert "all ranks: the engines cannot do psum for this kernel (" in message


def test_results_that_differ(client: Any, view: Any) -> None:
    """As with processors that round differently: no sum of ours does it, so one is replaced."""
    view.execute(
        "import pxengines.mpi as m; kept = m.psum\n"
        "def differing(a, **options): return kept(a, **options) + (mpi_rank == 1) * 1e-9\n"
        "m.psum = differing"
    ).get(WAIT_SECONDS)
    try:
        message = failure(lambda: view.psum("1.0"))
    finally:
        view.execute("m.psum = kept").get(WAIT_SECONDS)
    assert (
        "the ranks do not have the same result (rank 0: float64 2.0; rank 1: float64 2.000000001)" in message
    )


# --- engines that are late ----------------------------------------------------------------------


@pytest.fixture
def busy(client: Any, view: Any, tmp_path: Path) -> Iterator[Any]:
    """Keep engine 1 busy with something else."""
    started, go_on = tmp_path / "started", tmp_path / "go-on"

    def work(started: str, go_on: str) -> str:
        import os
        import time

        open(started, "w").close()
        while not os.path.exists(go_on):
            time.sleep(0.02)
        return "finished"

    work.__module__ = "__main__"  # travels by its code: engines cannot import this file
    result = client[1].apply_async(work, str(started), str(go_on))
    wait_for(started.exists, "engine 1")
    yield result
    go_on.touch()
    assert result.get(WAIT_SECONDS) == "finished"


def test_an_engine_that_does_not_come_in_time(busy: Any, view: Any) -> None:
    message = failure(lambda: view.psum("a", timeout=0.3))
    assert message.startswith(
        "psum of a: rank 1 did not arrive within 0.3 s; rank 1: busy with something else"
    )
    assert not busy.ready()


def test_an_engine_that_evaluates_for_too_long(view: Any) -> None:
    view.execute("import time").get(WAIT_SECONDS)
    message = failure(lambda: view.psum("time.sleep(60) if mpi_rank else 1", timeout=0.3))
    assert message == "psum of time.sleep(60) if mpi_rank else 1: rank 1 did not arrive within 0.3 s."


# --- in a notebook ------------------------------------------------------------------------------


@pytest.fixture
def connected(kernel: Kernel, ready: PanelCluster) -> Kernel:
    assert kernel.run("%engines connect shared --quiet\nimport numpy as np").status == "ok"
    assert kernel.run("view.scatter('a', np.arange(10), block=True)").status == "ok"
    return kernel


def error_line(reply: Reply) -> str:
    assert reply.status == "error"
    error = reply.outputs[-1]
    assert error["traceback"] == [error["evalue"]]
    return str(error["evalue"])


def test_the_magic(connected: Kernel) -> None:
    assert connected.run("%psum a").text == "np.int64(45)"
    assert connected.run("total = %psum a * 1.0 --mode exact\ntotal").text == "np.float64(45.0)"
    assert connected.run("%psum {'x': a}['x'] --op max").text == "np.int64(9)"
    assert connected.run("%psum a.reshape(-1, 1) 0").text == "array([45])"
    assert error_line(connected.run("%psum nothing")).startswith("psum of nothing: all ranks: NameError")
    told = error_line(connected.run("%psum a * 1.0 if mpi_rank else a"))
    assert (
        "do not agree on what to reduce: rank 1 differs (rank 0: sum of int64, shape (); rank 1: sum" in told
    )
    assert connected.run("%psum a").text == "np.int64(45)"
    assert "%psum has no option --fast" in error_line(connected.run("%psum a --fast"))


def test_the_connected_view_and_its_client(connected: Kernel) -> None:
    assert connected.value("(view.psum('a'), cluster[:].pmax('a'))") == "(np.int64(45), np.int64(9))"
    assert connected.value("pxengines.psum(view, 'a')") == "np.int64(45)"


def test_the_magic_follows_px(kernel: Kernel, ready: PanelCluster) -> None:
    file = ready.paths.connection_file("client")
    assert "connected to no engines" in error_line(
        kernel.run("get_ipython().magics_manager.magics['line'].pop('px', 0)\n%psum 1")
    )
    kernel.run(f"import ipyparallel as ipp\ncluster = ipp.Client({str(file)!r})\ncluster[:].activate()")
    assert kernel.run("%psum 1").text == "np.int64(2)"


def test_completion(connected: Kernel) -> None:
    assert "--mode" in connected.complete("%psum a --mo")
    assert connected.complete("%psum mpi_r") == ["mpi_rank"]


def test_interrupting_the_cell_interrupts_the_engines(connected: Kernel, begun: Path) -> None:
    function = f"import time\ndef begin(): {mark_of(begun)}; return 1\ndef slow(): begin(); time.sleep(60)"
    assert connected.run(f"view.execute({function!r}, block=True)").status == "ok"
    reply = interrupted(connected, "%psum slow() if mpi_rank else begin()", begun)
    line = error_line(reply)
    assert line == "Interrupted psum of slow() if mpi_rank else begin(). All engines have stopped it."
    assert connected.run("%psum a").text == "np.int64(45)"


def test_interrupting_leaves_other_work_alone(connected: Kernel, busy: Any, begun: Path) -> None:
    connected.run(f"view.execute({f'def begin(): {mark_of(begun)}'!r}, targets=0, block=True)")
    reply = interrupted(connected, "%psum begin() or 1", begun, marks=1)
    assert "Rank 1 has not begun it, being busy with something else, and will not." in error_line(reply)
    assert not busy.ready()


def test_a_rank_that_dies(kernel: Kernel, local: PanelCluster) -> None:
    local.start()
    assert kernel.run("%engines connect local --quiet").status == "ok"
    line = error_line(kernel.run("%psum __import__('os')._exit(1) if mpi_rank else 1"))
    assert "rank 1" in line
    assert "has ended" in line


def test_a_cluster_that_ends(kernel: Kernel, local: PanelCluster) -> None:
    """Nobody tells a client that its controller has ended: it has to look."""
    local.start()
    assert kernel.run("%engines connect local --quiet\nprint('connected')").status == "ok"

    def end(text: str) -> None:
        if "now" in text:
            local.end_job()

    reply = kernel.run(
        "view.execute('import time').get()\nprint('now', flush=True)\n%psum time.sleep(60)", end
    )
    assert "the cluster has ended" in error_line(reply)


def test_engines_that_ipyparallel_started(ipython_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    with ipp.Cluster(n=2, engines="mpi", profile="stock", log_level=40) as client:
        client.wait_for_engines(2, timeout=WAIT_SECONDS)
        view = client[:]
        rank = "(rank := __import__('mpi4py.MPI').MPI.COMM_WORLD.rank)"
        assert pxengines.psum(view, f"{rank} + 1") == 3
        message = failure(
            lambda: pxengines.psum(view, f"__import__('time').sleep(60) if {rank} else 1", timeout=0.3)
        )
        assert "rank 1 did not arrive within 0.3 s" in message
        assert pxengines.psum(view, "1") == 2
