"""Cells that do what cells of a notebook do, and worse; on real engines, from a real kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernelside import Kernel, PanelCluster, Reply


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


# --- await --------------------------------------------------------------------------------------


def test_await_at_the_top_of_a_cell(connected: Kernel) -> None:
    cell = "import asyncio\nawait asyncio.sleep(0.01)\nx = mpi_rank\nawait asyncio.sleep(0, 'slept')"
    assert "'slept'" in shown(connected.run(f"%%px --block\n{cell}"))
    assert connected.value("view['x']") == "[0, 1]"
    line = error_line(connected.run("%%px --block\nawait asyncio.sleep(0)\nif mpi_rank: 1/0"))
    assert line == "Rank 1: ZeroDivisionError: division by zero."


def test_a_task_lives_on_into_the_next_cell(connected: Kernel) -> None:
    connected.run("%%px --block\nimport asyncio\ntask = asyncio.create_task(asyncio.sleep(0.2, 'late'))")
    assert "'late'" in shown(connected.run("%%px --block\nawait task"))


@pytest.mark.parametrize(
    "cell",
    [
        "await asyncio.sleep(60)",
        "await asyncio.sleep(0)\ntime.sleep(60)",
        "async def sleep(): time.sleep(60)\nawait asyncio.gather(sleep(), asyncio.sleep(60))",
    ],
    ids=["awaiting", "computing", "a-task-computing"],
)
def test_an_interrupt_ends_what_awaits(connected: Kernel, cell: str) -> None:
    reply = connected.run(f"%%px --block --timeout 0.3\nimport asyncio, time\n{cell}")
    assert error_line(reply) == (
        "This cell took longer than 0.3 s. Ranks 0-1 were interrupted and are idle again."
    )
    text = "\n".join(reply.texts)
    assert "KeyboardInterrupt" in text
    assert "CancelledError" not in text
    assert "rank_kernel.py" not in text
