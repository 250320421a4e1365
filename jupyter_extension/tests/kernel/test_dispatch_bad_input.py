"""Cells that do what cells of a notebook do, and worse; on real engines, from a real kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernelside import Kernel, PanelCluster, Reply, interrupted, mark_of, patient, wait_for


@pytest.fixture
def connected(kernel: Kernel, ready: PanelCluster) -> Iterator[Kernel]:
    """Return a connected kernel; after the test all engines must be there and idle, whatever happened."""
    assert kernel.run("%engines connect shared --quiet").status == "ok"
    yield kernel
    assert kernel.value("view.apply(len, 'ab').get(30)") == "[2, 2]"


def error_line(reply: Reply) -> str:
    """Return the message of the error that a cell shows."""
    assert reply.status == "error", reply.texts
    return str(reply.outputs[-1]["evalue"])


def shown(reply: Reply) -> str:
    """Return all that a cell shows, which has worked."""
    assert reply.status == "ok", reply.texts
    return "\n".join(reply.texts)


def stopped(kernel: Kernel, cell: str, begun: Path) -> Reply:
    """Run `cell` on the engines and stop it when each rank has made its file in `begun`."""
    return interrupted(kernel, f"get_ipython().run_cell_magic('px', '--block', {cell!r})", begun)


# --- await --------------------------------------------------------------------------------------


def test_await_at_the_top_of_a_cell(connected: Kernel) -> None:
    cell = "import asyncio\nawait asyncio.sleep(0.01)\nx = mpi_rank\nawait asyncio.sleep(0, 'slept')"
    assert "'slept'" in shown(connected.run(f"%%px --block\n{cell}"))
    assert connected.value("view['x']") == "[0, 1]"
    with patient(connected):
        line = error_line(connected.run("%%px --block\nawait asyncio.sleep(0)\nif mpi_rank: 1/0"))
    assert line == "Rank 1: ZeroDivisionError: division by zero."


def test_a_task_lives_on_into_the_next_cell(connected: Kernel) -> None:
    connected.run("%%px --block\nimport asyncio\ntask = asyncio.create_task(asyncio.sleep(0.2, 'late'))")
    assert "'late'" in shown(connected.run("%%px --block\nawait task"))


@pytest.mark.parametrize(
    "cell",
    [
        "begin()\nawait asyncio.sleep(60)",
        "await asyncio.sleep(0)\nbegin()\ntime.sleep(60)",
        "async def sleep(): begin(); time.sleep(60)\nawait asyncio.gather(sleep(), asyncio.sleep(60))",
    ],
    ids=["awaiting", "computing", "a-task-computing"],
)
def test_an_interrupt_ends_what_awaits(connected: Kernel, begun: Path, cell: str) -> None:
    begin = f"def begin(): {mark_of(begun)}"
    reply = stopped(connected, f"import asyncio, time\n{begin}\n{cell}", begun)
    assert error_line(reply) == "Interrupted. All engines are idle again."
    text = "\n".join(reply.texts)
    assert "KeyboardInterrupt" in text
    assert "CancelledError" not in text
    assert "rank_kernel.py" not in text


# --- interrupts at awkward moments --------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "ended", "ran"),
    [("init_metadata", "error", "[False, False]"), ("finish_metadata", "ok", "[True, True]")],
    ids=["before", "after"],
)
def test_an_interrupt_just_before_or_after_the_cell_loses_no_answer(
    connected: Kernel, step: str, ended: str, ran: str
) -> None:
    """Before it, the cell does not begin; after it, it is too late. The steps are ipykernel's own."""
    arm = f"""
import os, signal
kernel = get_ipython().kernel
def interrupting(parent, *more, step=kernel.{step}):
    if parent["content"].get("code", "").strip() == "ran = True":
        kernel.{step} = step
        os.kill(os.getpid(), signal.SIGINT)
    return step(parent, *more)
kernel.{step} = interrupting
ran = False
"""
    assert connected.run(f"%%px --block\n{arm}").status == "ok"
    reply = connected.run("%%px --block --timeout 20\nran = True")
    assert reply.status == ended, reply.texts
    assert "longer than" not in "\n".join(reply.texts)
    assert connected.value("view['ran']") == ran


def test_what_a_cell_does_at_its_end_is_not_interrupted_again(connected: Kernel, tmp_path: Path) -> None:
    cell = f"""
import time
try:
    open(f"{tmp_path}/begun-{{mpi_rank}}", "w").close()
    time.sleep(60)
finally:
    time.sleep(2)
    open(f"{tmp_path}/ended-{{mpi_rank}}", "w").close()
"""
    connected.run(f"%%px --noblock -o status\n{cell}")
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2, "both ranks")
    connected.run("status.stop(); status._stopper.join(30)")
    assert connected.value("status.run.notice") == "'All engines are idle again.'"
    assert {path.name for path in tmp_path.iterdir()} > {"ended-0", "ended-1"}


# --- a kernel that restarts ---------------------------------------------------------------------


def reconnected(kernel: Kernel) -> list[str]:
    """Restart the kernel and connect again; return the names of the cells that are said to run."""
    kernel.restart()
    text = shown(kernel.run("%load_ext pxengines\n%engines connect shared"))
    found = re.findall(
        r"^(?:Running|Waiting) since \S+ on ranks 0.1: .* \(%pxresult (\w{6}) waits", text, re.M
    )
    return [str(name) for name in found]


def test_a_cell_outlives_the_kernel_that_sent_it(connected: Kernel, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    cell = f"""
import os, time
print("begun on", mpi_rank)
while not os.path.exists({str(go_on)!r}):
    time.sleep(0.02)
if mpi_rank: raise ValueError("late")
"""
    connected.run(f"%%px\n{cell}")
    connected.run("%px 'after it'")
    name, behind = reconnected(connected)
    table = connected.run("%pxresult").texts[-1]
    assert re.search(rf"^{name} +running .* import os, time$", table, re.MULTILINE)
    assert re.search(rf"^{behind} +waiting ", table, re.MULTILINE)

    def go(text: str) -> None:
        if "begun on 1" in text:
            go_on.touch()

    reply = connected.run(f"%pxresult {name}", go)
    assert error_line(reply) == "Rank 1: ValueError: late."
    assert "begun on 0" in reply.texts[0]
    # An engine whose cell has failed does not run those behind it.
    assert "an earlier cell failed there" in error_line(connected.run(f"%pxresult {behind}"))
    connected.run(f"get_ipython().run_line_magic('pxresult', '{name} -o past')")
    assert connected.value("(past.stdout, past.done(), past.code.strip()[:6])") == (
        "(['begun on 0\\n', 'begun on 1\\n'], True, 'import')"
    )
    assert re.search(rf"^{name} +failed ", connected.run("%pxresult").texts[-1], re.MULTILINE)


def test_a_cell_of_another_kernel_is_interrupted_by_who_waits_for_it(connected: Kernel) -> None:
    connected.run("%px import time; time.sleep(60)")
    (name,) = reconnected(connected)
    reply = connected.run(
        f"%pxresult {name}", lambda text: connected.interrupt() if "running" in text else None
    )
    assert error_line(reply) == "Interrupted. All engines are idle again."


# --- cells that harm their engine ---------------------------------------------------------------


def children(kernel: Kernel) -> str:
    """Return how many forks each engine has, besides its nanny."""
    return kernel.value("view.apply(lambda: len(__import__('psutil').Process().children()) - 1).get(30)")


def test_an_engine_that_left_just_before_the_cell_was_sent_is_told(connected: Kernel) -> None:
    """The controller drops what is for it: nobody would answer."""
    arm = """
def just_left(*args, build=cluster._build_targets):
    cluster._build_targets = build
    (first, _), numbers = build(*args)
    return [first, b"left"], numbers
cluster._build_targets = just_left
"""
    assert connected.run(arm).status == "ok"
    reply = connected.run("%%px --block --timeout 20\nran = True")
    assert "longer than" not in error_line(reply)
    assert error_line(reply).startswith("Rank 1 has ended"), reply.texts


def test_a_child_that_a_cell_forks_is_no_engine(connected: Kernel) -> None:
    for child in ("pass", "raise ValueError('in the child')"):
        cell = f"import os\nif not os.fork(): {child}\nelse: os.wait()"
        assert connected.run(f"%%px --block\n{cell}").status == "ok"
    assert connected.value("0 in view.apply(__import__('os').fork).get(30)") == "False"
    assert connected.run("%%px --block\nos.wait()").status == "ok"
    assert children(connected) == "[0, 0]"


@pytest.mark.parametrize(
    "cell",
    [
        "sys.stdout.close(); sys.stderr.close()",
        "sys.stdout = sys.stderr = None",
        "sys.stdout = open(os.devnull, 'w'); sys.stdout.close()",
        "os.close(0); os.close(1); os.close(2)",
    ],
    ids=["closed", "none", "replaced", "descriptors"],
)
def test_output_that_a_cell_closed_is_there_for_the_next(connected: Kernel, cell: str) -> None:
    assert connected.run(f"%%px --block\nimport os, sys\n{cell}").status == "ok"
    text = shown(connected.run("%%px --block\nprint('heard')\nos.system('echo into the log')"))
    assert "heard" in text
    assert re.search(r"^\[0.1\] 0$", text, re.MULTILINE)


def test_a_cell_that_blocks_interrupts_does_so_for_itself_alone(connected: Kernel, begun: Path) -> None:
    block = "signal.pthread_sigmask(signal.SIG_BLOCK, [2]); signal.signal(2, signal.SIG_IGN)"
    assert connected.run(f"%%px --block\nimport signal, time\n{block}").status == "ok"
    reply = stopped(connected, f"{mark_of(begun)}\ntime.sleep(60)", begun)
    assert error_line(reply) == "Interrupted. All engines are idle again."


def test_a_cell_that_holds_the_interpreter_does_not_hold_the_notebook(
    connected: Kernel, tmp_path: Path
) -> None:
    """Such an engine may not even get to say that it has begun."""
    holds, go_on = tmp_path / "holds", tmp_path / "go-on"
    # In one call of C: this one waits for the files, and does not let Python go on meanwhile.
    hold = f"touch '{holds}'; until [ -e '{go_on}' ]; do sleep 0.05; done"
    cell = f"""
import ctypes, os, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [2])
if mpi_rank:
    ctypes.PyDLL(None).system({hold.encode()!r})
while not os.path.exists({str(holds)!r}):
    time.sleep(0.02)
if not mpi_rank:
    raise ValueError('bad')
"""
    try:
        line = error_line(connected.run(f"%%px --block\n{cell}"))
    finally:
        go_on.touch()
    assert line.startswith(
        "Rank 0: ValueError: bad. Rank 1 is still busy, perhaps in a call that heeds no interrupt"
    )


# --- too much -----------------------------------------------------------------------------------


def test_a_huge_result_is_not_shown_but_can_be_had(connected: Kernel) -> None:
    reply = connected.run("%%px --block --targets 0\n'x' * 20_000_000")
    assert "A result of 20.0 MB (text/plain), too large to show" in shown(reply)
    assert max(map(len, reply.texts)) < 1000
    connected.run("%%px --noblock --targets 0 -o status\n'x' * 20_000_000")
    assert connected.value("len(status.get().execute_result['data']['text/plain'])") == "20000002"


def test_output_without_an_end(connected: Kernel, begun: Path) -> None:
    cell = f"""
printed = 0
while True:
    print('x' * 1000)
    printed += 1
    if printed == 3000:
        {mark_of(begun)}
"""
    reply = stopped(connected, cell, begun)
    assert error_line(reply) == "Interrupted. All engines are idle again."
    assert sum(map(len, reply.texts)) < 1_000_000


# --- no connection ------------------------------------------------------------------------------


def test_magics_without_a_connection_say_what_to_do(kernel: Kernel, ready: PanelCluster) -> None:
    kernel.restart()
    kernel.run("%load_ext pxengines")
    words = "This notebook is not connected to engines. Press Connect in the Engines panel, or run: "
    for cell in ("%px 1", "%%px\n1", "%autopx", "%pxresult", "%pxconfig --block"):
        reply = kernel.run(cell)
        assert reply.status == "error"
        assert f"UsageError: {words}%engines connect shared" in reply.texts[-1]
    assert kernel.run("%engines connect shared --quiet\n%px --block 1").status == "ok"


def test_a_client_of_ipyparallels_has_our_magics_too(kernel: Kernel, ready: PanelCluster) -> None:
    kernel.restart()
    kernel.run("%load_ext pxengines\nimport ipyparallel as ipp")
    path = str(ready.paths.connection_file("client"))
    # The first client activates a view by itself.
    assert kernel.run(f"rc = ipp.Client({path!r})").status == "ok"
    assert kernel.run("%%px --block --on-error wait\n1").status == "ok"
    assert kernel.run("rc[:].activate('_all')").status == "ok"
    magics = "get_ipython().magics_manager.magics['line']"
    assert kernel.value(f"type({magics}['px_all'].__self__).__module__") == "'pxengines.dispatch.magics'"
    kernel.run("%unload_ext pxengines\nrc[:].activate('_stock')")
    assert kernel.value(f"type({magics}['px_stock'].__self__).__module__") == "'ipyparallel.client.magics'"
    kernel.run("rc.close(linger=0)")
