"""Cells on real engines, from a real kernel: how they end, and what is said then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernelside import Kernel, PanelCluster, Reply, interrupted, mark_of, patient, wait_for

from pxengines.dispatch import where

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def connected(kernel: Kernel, ready: PanelCluster) -> Iterator[Kernel]:
    """Return a connected kernel; after the test all engines must be idle, whatever happened."""
    assert kernel.run("%engines connect shared --quiet").status == "ok"
    yield kernel
    assert kernel.value("view.apply(len, 'ab').get(30)") == "[2, 2]"


def error_line(reply: Reply) -> str:
    """Return the message of the error that a cell shows."""
    assert reply.status == "error", reply.texts
    return str(reply.outputs[-1]["evalue"])


def px(cell: str) -> str:
    """Return what runs `cell` on the engines and waits, for a cell that does something else before."""
    return f"get_ipython().run_cell_magic('px', '--block', {cell!r})"


def deaf_cell(begun: Path, go_on: Path, who: str = "mpi_rank == 1") -> str:
    """Return a cell in which `who` makes its file in `begun`, deaf to interrupts until there is `go_on`."""
    return f"""
import os, signal, time
if {who}:
    kept = signal.signal(signal.SIGINT, signal.SIG_IGN)
    {mark_of(begun)}
    while not os.path.exists({str(go_on)!r}):
        time.sleep(0.02)
    signal.signal(signal.SIGINT, kept)
"""


# --- results ------------------------------------------------------------------------------------


def test_a_blocking_cell_shows_equal_output_once_and_returns_nothing(connected: Kernel) -> None:
    reply = connected.run("%%px --block\nprint('hello')")
    assert reply.status == "ok"
    shown = "\n".join(reply.texts)
    assert len(re.findall(r"^\[stdout 0.1\] hello", shown, re.MULTILINE)) == 1
    returned = connected.run("print(get_ipython().run_cell_magic('px', '--block', 'x = 1'))")
    assert returned.texts[-1].strip() == "None"


def test_the_result_is_one_of_ipyparallels(connected: Kernel) -> None:
    assert (
        connected.run("status = %px size = MPI.COMM_WORLD.Get_size()\nstatus.wait_interactive()").status
        == "ok"
    )
    assert connected.value("(status.successful(), len(status), view['size'])") == "(True, 2, [2, 2])"
    assert connected.value("[each.execution_count > 0 for each in status.get()]") == "[True, True]"


def test_targets(connected: Kernel) -> None:
    connected.run("%%px --block --targets all\nx = 0")
    assert connected.run("%%px --block --targets -1\nx = 1").status == "ok"
    assert connected.value("view['x']") == "[0, 1]"
    assert connected.value("view.targets") == "[0, 1]"
    assert error_line(connected.run("%%px --targets 0-9\nx = 2")) == (
        "--targets: there is no engine 2 of 0-9; there are engines 0-1."
    )
    assert "is no engine" in error_line(connected.run("%%px --targets __import__('os')\nx = 2"))


def test_magics_run_on_the_engines(connected: Kernel) -> None:
    reply = connected.run("%%px --block\nhere = 1\nthere = %who_ls\n'here' in there")
    assert reply.status == "ok", reply.texts
    assert "True" in "\n".join(reply.texts)


def test_a_file_and_code_without_magics(connected: Kernel, tmp_path: Path) -> None:
    (tmp_path / "cell.py").write_text("from_file = mpi_rank\n")
    run = f"status = view.run({str(tmp_path / 'cell.py')!r})\nstatus.wait_interactive()"
    assert connected.run(run).status == "ok"
    assert connected.value("view['from_file']") == "[0, 1]"
    assert connected.value("view.execute('x = 5', block=True).successful()") == "True"
    line = error_line(connected.run("view.execute('1/0', targets=1, block=True)"))
    assert "ZeroDivisionError" in line


def test_all_cells_of_a_notebook(connected: Kernel) -> None:
    asked = "__import__('pxengines').autopx_is_on()"
    assert connected.value(asked) == "False"
    connected.run("view.block = True\n%autopx")
    assert connected.run("on_engine = mpi_rank").status == "ok"
    failed = connected.run("if mpi_rank: 1/0")
    assert failed.status == "error"  # the notebook does not go on with the next cell
    assert "ZeroDivisionError" in str(failed.outputs)
    # What speaks of engines itself does so from here.
    assert connected.run("%%px\nfrom_magic = mpi_rank").status == "ok"
    assert connected.run("%pxconfig --noblock").status == "ok"
    shown = connected.run("print('as it comes'); unwaited = 1").outputs
    assert any("text/html" in output["data"] for output in shown)
    connected.run("%autopx")
    names = ("on_engine", "from_magic")
    here = f"[name in globals() for name in {names}]"
    assert connected.value(f"({here}, [view[name] for name in {names}])") == (
        "([False, False], [[0, 1], [0, 1]])"
    )

    connected.run("%autopx")
    assert connected.run("%engines connect shared --quiet").status == "ok"
    assert connected.value(f"({asked}, {asked.replace('()', '.__name__')})") == "(False, 'autopx_is_on')"


def test_the_reply_tells_where_a_cell_ran(connected: Kernel) -> None:
    def told(code: str) -> list[tuple[str, str]]:
        return [
            (run["cluster"], run["ranks"])
            for payload in connected.run(code).payload
            if payload["source"] == where.SOURCE
            for run in payload["runs"]
        ]

    everywhere = [("shared", "0\N{EN DASH}1")]
    assert told("%%px --block\nsilent = 1") == everywhere
    assert told("%%px --block\n1/0") == everywhere
    assert told("%px a = 1\n%px a = 2\nview.execute('b = 1', targets=1, block=True)") == [
        *everywhere,
        ("shared", "1"),
    ]
    assert told("here = 1") == []


def test_past_cells(connected: Kernel) -> None:
    for value in ("'first'", "'second'"):
        connected.run(f"status = %px {value}")
    connected.run("status.get(); ids = status.msg_ids")
    assert "second" in "\n".join(connected.run("%pxresult").texts)
    assert "first" in "\n".join(connected.run("%pxresult 2").texts)
    assert connected.run("get_ipython().run_line_magic('pxresult', ids[0] + ' -o again')").status == "ok"
    assert connected.value("again is status") == "True"
    assert "counted back from 1; no 99" in connected.run("%pxresult 99").texts[-1]
    assert "no cell is known" in connected.run("%pxresult nobody_1").texts[-1]


def test_what_a_thread_puts_out_after_the_end_of_its_cell_is_part_of_it(connected: Kernel) -> None:
    late = """
status = %px import threading; threading.Timer(1, print, ["late words"]).start()
status.get()
status
"""
    assert connected.run(late).status == "ok"
    wait = """
import time
until = time.monotonic() + 30
while not all(status.stdout) and time.monotonic() < until:
    time.sleep(0.05)
"""
    connected.run(wait)
    assert connected.value("status.stdout") == "['late words\\n', 'late words\\n']"
    assert "[stdout 0\N{EN DASH}1] late words" in "\n".join(connected.run("%pxresult").texts)


def test_output_that_nobody_waits_for_any_more_is_not_kept(connected: Kernel, tmp_path: Path) -> None:
    late = f"""
def late(flag, rank):
    def put_out():
        print("nobody hears", flush=True)
        open(flag + str(rank), "w").close()
    __import__("threading").Timer(0.5, put_out).start()
view.apply_sync(late, {str(tmp_path / "flag")!r}, ipp.Reference("mpi_rank"))
import os, time
while len(os.listdir({str(tmp_path)!r})) < 2:
    time.sleep(0.05)
get_ipython().run_cell_magic("px", "--block", "print('what comes after')")
"""
    assert connected.run(f"import ipyparallel as ipp\n{late}").status == "ok"
    assert connected.value("'nobody hears' in repr(dict(cluster.metadata))") == "False"


def test_a_display_that_is_odd_html_does_not_end_the_cell(connected: Kernel) -> None:
    show = "from IPython.display import HTML, display\ndisplay(HTML('<![x]>'))"
    odd = f"{show}\nimport time; time.sleep(1)\nodd = 1"
    reply = connected.run(f"%%px --block\n{odd}")
    assert reply.status == "ok", reply.texts
    assert connected.value("view['odd']") == "[1, 1]"
    assert connected.run("%pxresult").status == "ok"


# --- errors -------------------------------------------------------------------------------------


def test_the_first_error_ends_the_cell_on_all_engines(connected: Kernel) -> None:
    with patient(connected, grace=1.0):
        reply = connected.run(f"%%px --block\nif mpi_rank: raise ValueError('bad input')\n{SLEEP}")
    assert error_line(reply) == "Rank 1: ValueError: bad input. Rank 0 was interrupted and is idle again."
    shown = "\n".join(reply.texts)
    assert shown.count("Traceback") <= 2  # once in the output, and in no case for each engine


def test_equal_errors_are_one(connected: Kernel) -> None:
    with patient(connected):
        reply = connected.run("%%px --block --no-stream\n1/0")
    assert error_line(reply) == "Ranks 0-1: ZeroDivisionError: division by zero."
    traceback = "\n".join(reply.outputs[-1]["traceback"])
    assert traceback.count("Traceback") == 1
    assert "Ranks 0-1:" in traceback


def test_a_syntax_error_is_told_once(connected: Kernel) -> None:
    with patient(connected):
        line = error_line(connected.run("%%px --block\n1 +"))
    assert re.fullmatch(r"Ranks 0-1: SyntaxError: .*", line)


def test_who_waits_for_a_result_gets_the_error(connected: Kernel) -> None:
    cell = "status = %px 1/0 if mpi_rank else __import__('time').sleep(60)\nstatus.wait_interactive()"
    with patient(connected, grace=1.0):
        reply = connected.run(cell)
    line = "Rank 1: ZeroDivisionError: division by zero. Rank 0 was interrupted and is idle again."
    assert error_line(reply) == line
    assert error_line(connected.run("%pxresult")) == line


def test_others_go_on_if_they_may(connected: Kernel) -> None:
    cell = "import time\nif mpi_rank: 1/0\ntime.sleep(1)\nwent_on = True"
    reply = connected.run(f"%%px --block --on-error wait\n{cell}")
    assert error_line(reply) == "Rank 1: ZeroDivisionError: division by zero."
    assert connected.value("view.client[0]['went_on']") == "True"


def test_who_waited_in_a_reduction_is_no_cause(connected: Kernel) -> None:
    cell = "from pxengines.mpi import psum\nif mpi_rank: raise ValueError('no data')\npsum(1)"
    with patient(connected):
        reply = connected.run(f"%%px --block\n{cell}")
    assert error_line(reply) == "Rank 1: ValueError: no data. Rank 0 was waiting for it."
    shown = "\n".join([*reply.texts, *reply.outputs[-1]["traceback"]])
    # The place in a reduction where a rank learns of it is chance, and nobody's fault.
    assert "PeerError" in shown
    assert "psum(1)" in shown
    assert "pxengines/mpi" not in shown


def test_a_collective_call_of_raw_mpi_does_not_hold_the_notebook(connected: Kernel) -> None:
    reply = connected.run("%%px --block\nif mpi_rank: raise ValueError('gone')\nMPI.COMM_WORLD.Barrier()")
    assert error_line(reply).startswith(
        "Rank 1: ValueError: gone. Rank 0 is still busy, perhaps in a call that"
    )
    # The rank that left comes after all, which nothing else could do for the one that waits.
    assert connected.run("%%px --block --targets 1\nMPI.COMM_WORLD.Barrier()").status == "ok"


def test_a_time_limit(connected: Kernel) -> None:
    # Long enough for both to begin: who has not is not interrupted, but does not run it at all.
    assert error_line(connected.run(f"%%px --block --timeout 3\n{SLEEP}")) == (
        "This cell took longer than 3 s. Ranks 0-1 were interrupted and are idle again."
    )
    assert connected.run("%%px --block --timeout 60\npass").status == "ok"
    assert "for cells that block" in connected.run("%%px --noblock --timeout 1\npass").texts[-1]


def test_a_time_limit_of_the_wait_alone(connected: Kernel, begun: Path) -> None:
    reply = connected.run(f"status = %px {mark_of(begun)}; {SLEEP}\nstatus.wait_interactive(timeout=0.3)")
    assert error_line(reply) == "The cell is not done after 0.3 s; it goes on on ranks 0-1."
    wait_for(lambda: len(list(begun.iterdir())) == 2, "both ranks")
    assert connected.run("status.stop()\nstatus.wait(30)").status == "ok"
    assert connected.value("[each.ename for each in status.get(return_exceptions=True)]") == (
        "['KeyboardInterrupt', 'KeyboardInterrupt']"
    )


def test_exit_does_not_end_an_engine(connected: Kernel) -> None:
    with patient(connected):
        line = error_line(connected.run("%%px --block\nexit()"))
        assert line.startswith("Ranks 0-1: EngineExitError: exit() would end this engine")
        line = error_line(connected.run("%%px --block\nimport sys; sys.exit(3)"))
    assert line == "Ranks 0-1: SystemExit: 3."


def test_a_result_that_cannot_be_pickled(connected: Kernel) -> None:
    assert connected.run("%%px --block\nimport threading\nlock = threading.Lock()\nlock").status == "ok"
    assert "cannot pickle '_thread.lock' object" in error_line(connected.run("view['lock']"))


# --- interrupts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["", "import asyncio; await asyncio.sleep(0)"], ids=["cell", "awaiting"])
def test_an_interrupt_reaches_the_engines(connected: Kernel, begun: Path, first: str) -> None:
    """Also from a cell with a top-level await, in which ipykernel keeps the signal for its event loop."""
    reply = interrupted(connected, f"{first}\n{px(f'{mark_of(begun)}; {SLEEP}')}", begun)
    assert error_line(reply) == "Interrupted. All engines are idle again."


def test_an_interrupt_that_was_not_to_reach_them_does_not_when_waiting_again(
    connected: Kernel, begun: Path, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    assert connected.run("%pxconfig --signal-on-interrupt 0").status == "ok"
    wait = f"import os, time\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.02)"
    goes_on = "Interrupted. The cell goes on; %pxresult waits for it."
    reply = interrupted(connected, px(f"{mark_of(begun)}\n{wait}"), begun)
    assert error_line(reply) == goes_on
    seen: list[str] = []

    def press_once(text: str) -> None:
        if "running" in text and not seen:  # only who waits shows that
            seen.append(text)
            connected.interrupt()

    assert error_line(connected.run("%pxresult", press_once)) == goes_on
    go_on.touch()
    assert connected.run("%pxresult").status == "ok"
    assert connected.run("%pxconfig --signal-on-interrupt SIGINT").status == "ok"


def test_a_broadcast_view_runs_cells(connected: Kernel) -> None:
    """Its own line takes requests of another form, and drops those of cells without a word."""
    connected.run("broadcast = view.client.broadcast_view()\nbroadcast.activate('_all')")
    reply = connected.run("%%px_all --block -o doubled\nmpi_rank * 2")
    assert reply.status == "ok", reply.texts
    shown = "[part.execute_result['data']['text/plain'] for part in doubled.get()]"
    assert connected.value(shown) == "['0', '2']"
    assert connected.value("view.apply(len, 'ab').get(30)") == "[2, 2]"


def test_an_engine_that_heeds_no_interrupt_is_named(connected: Kernel, begun: Path, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    line = error_line(interrupted(connected, px(deaf_cell(begun, go_on)), begun, marks=1))
    go_on.touch()
    assert line.startswith("Interrupted. Rank 1 is still busy, perhaps in a call that heeds no interrupt")


def test_the_stop_button_proves_that_all_are_idle(connected: Kernel, begun: Path) -> None:
    connected.run(f"%%px --noblock -o status\n{mark_of(begun)}\n{SLEEP}")
    wait_for(lambda: len(list(begun.iterdir())) == 2, "both ranks")
    connected.run("status.stop()\nstatus.wait(30)")
    assert connected.value("(status.run.state, status.run.notice)") == (
        "('interrupted', 'All engines are idle again.')"
    )


def test_the_stop_button_tells_who_heeds_no_interrupt(connected: Kernel, begun: Path, tmp_path: Path) -> None:
    go_on, hear = tmp_path / "go-on", tmp_path / "hear"
    hear.mkdir()
    cell = f"{deaf_cell(begun, go_on, 'True')}\n{mark_of(hear)}\n{SLEEP}"
    connected.run(f"%%px --noblock -o status\n{cell}")
    wait_for(lambda: len(list(begun.iterdir())) == 2, "the deaf ranks")
    connected.run("status.stop(); status._stopper.join(30)")
    assert "Ranks 0-1 are still busy" in connected.value("status.run.notice")
    assert "Restart engines in the Engines panel" in connected.value("status.run.notice")
    go_on.touch()
    wait_for(lambda: len(list(hear.iterdir())) == 2, "the ranks to hear again")
    # As it says, %pxresult interrupts again: the ranks would sleep for a minute.
    line = error_line(connected.run("%pxresult"))
    assert line == "Ranks 0-1 were interrupted and are idle again."
    assert connected.value("status.run.notice") == "'All engines are idle again.'"


# --- the line that brings output ----------------------------------------------------------------


def test_an_answer_without_its_end_of_output_ends_the_wait(connected: Kernel) -> None:
    """What a line that is slow to stand does: ipyparallel waits for ever then."""
    subscribe = "cluster._io_loop.add_callback(cluster._iopub_socket.setsockopt, {}, b'')"
    deaf, hearing = (
        subscribe.format("__import__('zmq').UNSUBSCRIBE"),
        subscribe.format("__import__('zmq').SUBSCRIBE"),
    )
    reply = connected.run(f"{deaf}\n%px x = 1\nget_ipython().run_cell_magic('px', '--block', 'x = 2')")
    connected.run(hearing)
    assert reply.status == "ok", reply.texts
    assert "what ranks 0-1 printed last may be missing" in "\n".join(reply.texts)


def test_connecting_proves_the_line(kernel: Kernel, ready: PanelCluster) -> None:
    """A line that stands only after the first answers: the connection waits for it."""
    slow = """
import zmq
from pxengines.views import EnginesClient
start = EnginesClient._start_io_thread
def slow(client):
    client._iopub_socket.setsockopt(zmq.UNSUBSCRIBE, b"")
    start(client)
    client._io_loop.add_callback(
        lambda: client._io_loop.call_later(1.5, client._iopub_socket.setsockopt, zmq.SUBSCRIBE, b"")
    )
EnginesClient._start_io_thread = slow
try:
    get_ipython().run_line_magic("engines", "connect shared")
finally:
    EnginesClient._start_io_thread = start
get_ipython().run_cell_magic("px", "--block", "print('heard')")
"""
    seen: list[str] = []
    reply = kernel.run(slow, seen.append)
    assert reply.status == "ok", reply.texts
    assert any("waiting for the output of ranks 0-1" in text for text in seen)
    shown = "\n".join(reply.texts)
    assert "heard" in shown
    assert "may be missing" not in shown


# --- clusters that end --------------------------------------------------------------------------


def test_a_controller_that_answers_no_more(connected: Kernel, shared_cluster: PanelCluster) -> None:
    """Its host went down, say: its files are still there."""
    faster = "import pxengines.controller_watch as w; w.ASK_SECONDS, w.SILENT_SECONDS = {}"
    connected.run(faster.format("0.2, 1.0"))
    lose = "cluster._query_stream.stop_on_recv()"
    reply = connected.run(f"{lose}\nget_ipython().run_cell_magic('px', '--block', {SLEEP!r})")
    connected.run(faster.format("5.0, 25.0"))
    line = error_line(reply)
    connected.run("cluster.send_signal(2, targets='all', block=True)")
    assert line.startswith(
        "The controller of the cluster has not answered for 1 s, so there will be no answer from ranks 0-1. "
    )


def test_a_cluster_that_ends_during_a_cell(kernel: Kernel, local: PanelCluster, tmp_path: Path) -> None:
    local.start()
    assert kernel.run("%engines connect local --quiet").status == "ok"

    def end(text: str) -> None:
        if "now" in text:
            local.end_job()

    reply = kernel.run(
        f"print('now', flush=True)\nget_ipython().run_cell_magic('px', '--block', {SLEEP!r})", end
    )
    line = error_line(reply)
    assert "ended" in line
    assert "start" in line.lower()  # it may have ended just before the cell was sent
    again = error_line(kernel.run("%px 1"))
    assert again.startswith(("The cluster has ended.", "There are no engines."))


def test_an_engine_that_dies_during_a_cell(kernel: Kernel, local: PanelCluster) -> None:
    local.start()
    assert kernel.run("%engines connect local --quiet").status == "ok"
    line = error_line(kernel.run(f"%%px --block\nimport os\nif mpi_rank: os._exit(1)\n{SLEEP}"))
    assert line.startswith(("Rank 1 has ended", "Ranks 0-1 have ended", "The cluster has ended"))
