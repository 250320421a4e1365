"""Whoever waits for engines learns that the controller is gone, in whatever way it waits."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from kernelside import Kernel, PanelCluster, Reply, processes_of

SLEEP = "import time; time.sleep(60)"
SILENT = "The controller of the cluster has not answered for 1 s, so there will be no answer"
CLOSED = "The connection was closed, so there will be no answer from ranks 0-1."


@pytest.fixture
def connected(kernel: Kernel, ready: PanelCluster) -> Iterator[Kernel]:
    """Return a connected kernel that looks often; after the test all must be well."""
    kernel.run("import pxengines.controller_watch as w; w.LOOK_SECONDS = 0.1")
    assert kernel.run("%engines connect shared --quiet").status == "ok"
    yield kernel
    kernel.run("cluster.send_signal(2, targets='all', block=True)")
    assert kernel.value("view.apply(len, 'ab').get(30)") == "[2, 2]"
    kernel.run("w.LOOK_SECONDS = 1.0")


@contextmanager
def impatient(kernel: Kernel, silent: float = 1.0) -> Iterator[None]:
    """Let a kernel take a controller for gone that says nothing for `silent` seconds."""
    limits = "w.ASK_SECONDS, w.SILENT_SECONDS"
    kernel.run(f"import pxengines.controller_watch as w; {limits} = 0.2, {silent}")
    try:
        yield
    finally:
        kernel.run(f"{limits} = 5.0, 25.0")


def controllers(cluster: PanelCluster) -> list[psutil.Process]:
    """Return the processes of the controller."""
    found = [each for each in processes_of(cluster.run_id) if "controller" in " ".join(each.cmdline())]
    assert found
    return found


@contextmanager
def host_down(cluster: PanelCluster, kernel: Kernel) -> Iterator[None]:
    """Have the controller do nothing, as if its host were down: its files are still there.

    Only meanwhile the kernel is impatient: a controller that is merely slow must not be taken for gone.
    """
    found = controllers(cluster)
    for process in found:
        process.send_signal(signal.SIGSTOP)
    try:
        with impatient(kernel):
            yield
    finally:
        for process in found:
            process.send_signal(signal.SIGCONT)


def error_line(reply: Reply) -> str:
    assert reply.status == "error", reply.texts
    return str(reply.outputs[-1]["evalue"])


def test_all_waits_end_when_the_controller_is_gone(connected: Kernel, shared_cluster: PanelCluster) -> None:
    connected.run("a = 1\nview['a'] = 1")
    connected.run(f"%%px --noblock -o status\n{SLEEP}")
    connected.run("mapped = view.map_async(abs, [1, 2])")
    with host_down(shared_cluster, connected):
        line = error_line(connected.run("status.get()"))
        assert line.startswith(f"{SILENT} from ranks 0-1. Look at the Engines panel")
        assert connected.value("(status.wait(), status.run.state)") == "(True, 'failed')"
        assert connected.value("status.run.ended_at is not None") == "True"
        assert SILENT in error_line(connected.run("status.wait_interactive()"))
        assert SILENT in error_line(connected.run("mapped.get()"))
        assert SILENT in error_line(connected.run("view['a']"))
        assert SILENT in error_line(connected.run("view.apply_sync(len, 'a')"))
        remote = "@view.remote(block=True)\ndef add(a, b): return a + b\nadd(1, 2)"
        assert SILENT in error_line(connected.run(remote))
        assert error_line(connected.run("cluster.queue_status()")).startswith(SILENT)
        assert error_line(connected.run("%%px --block\n1")).startswith(f"{SILENT} from ranks 0-1. Look")
        faster = "import pxengines.dispatch.elsewhere as e; e.ANSWER_SECONDS = 0.3\n"
        said = error_line(connected.run(f"{faster}%pxresult abcdef"))
        assert "has not answered" in said  # and not that it knows no such cell
        connected.run("e.ANSWER_SECONDS = 5.0")
        assert SILENT.removeprefix("The")[:20] in error_line(connected.run("%psum a"))


def test_a_controller_that_comes_back_is_good_again(connected: Kernel, shared_cluster: PanelCluster) -> None:
    with host_down(shared_cluster, connected):
        assert SILENT in error_line(connected.run("view.apply_sync(len, 'a')"))
    reply = connected.run("%%px --block\nprint('well')")
    assert reply.status == "ok", reply.texts
    assert "stale" not in "\n".join(reply.texts)


def test_a_kernel_that_was_busy_takes_nobody_for_gone(connected: Kernel) -> None:
    """Who does not look has not listened: silence of that time proves nothing."""
    hold = "cluster._io_loop.add_callback(__import__('time').sleep, 4)"
    with impatient(connected, silent=3.0):
        connected.run("status = %px __import__('time').sleep(5)")
        assert connected.run(f"{hold}\nstatus.get()").status == "ok"


def test_an_answer_whose_arrival_was_taken_note_of_by_others_is_taken(connected: Kernel) -> None:
    """As ipyparallel's thread does when it sends something past the stream, for widgets of engines."""
    cell = """
import time, zmq
answer = cluster[0].apply_async(__import__("time").sleep, 0.5)
def take_note():
    if cluster._mux_stream.sending():  # the request has not left yet
        cluster._io_loop.add_callback(take_note)
        return
    end = time.monotonic() + 20
    while not (answer.ready() or cluster._mux_socket.get(zmq.EVENTS) & zmq.POLLIN) and time.monotonic() < end:
        time.sleep(0.01)
cluster._io_loop.add_callback(take_note)
answer.get(60)
"""
    reply = connected.run(cell)
    assert reply.status == "ok", reply.texts


def test_a_reconnect_ends_what_the_old_connection_waits_for(connected: Kernel) -> None:
    connected.run(f"%%px --noblock -o status\n{SLEEP}")
    connected.run("cell = status.run.run_id[:6]\nold = view.apply(__import__('time').sleep, 0)")
    assert connected.run("%engines connect shared --quiet").status == "ok"
    assert connected.value("(status.ready(), status.run.state)") == "(True, 'failed')"
    line = error_line(connected.run("status.get()"))
    name = connected.value("cell").strip("'")
    assert line == f"{CLOSED} Connect again: %pxresult {name} then waits for the cell and shows it."
    assert "connection was closed" in error_line(connected.run("old.get()"))
    assert connected.run("status.stop()").status == "ok"
    # As it says: the cell goes on, and the new connection has it.
    connected.run(f"%pxresult {name} -o again")
    assert connected.value("again.ready()") == "False"
    connected.run("cluster.close()")
    assert error_line(connected.run("again.get()")).startswith(CLOSED)
    assert connected.run("%engines connect shared --quiet").status == "ok"


def test_a_controller_that_was_killed(kernel: Kernel, local: PanelCluster) -> None:
    local.start()
    assert kernel.run("%engines connect local --quiet").status == "ok"
    kernel.run(f"%%px --noblock -o status\n{SLEEP}")
    for process in controllers(local):
        process.kill()
    line = error_line(kernel.run("status.get(35)"))
    assert "ended" in line
    assert kernel.value("status.run.state") == "'failed'"
