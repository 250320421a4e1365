"""Interrupts that come while something is made: a connection, a cell that is sent, what is shown of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kernelside import Kernel, PanelCluster, Reply

from pxengines.views import EnginesClient, EnginesView

AWAITS = "import asyncio\nawait asyncio.sleep(0)\n"
"""In such a cell ipykernel only tells its event loop of an interrupt."""


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


def test_stop_ends_the_wait_for_a_cluster_also_in_a_cell_that_awaits(
    kernel: Kernel, local: PanelCluster
) -> None:
    local.submit()
    pressed: list[str] = []

    def press(text: str) -> None:
        if text.startswith("waiting for local") and not pressed:
            pressed.append(text)
            kernel.interrupt()

    reply = kernel.run(f"{AWAITS}pxengines.connect('local', timeout=60)", press)
    assert error_line(reply).startswith("Stopped waiting for local.")


def test_a_connection_that_is_interrupted_is_closed(
    ready: PanelCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = EnginesClient._connect

    def pressed(*arguments: Any) -> None:
        connect(*arguments)
        raise KeyboardInterrupt

    before = threading.active_count()
    file = str(ready.paths.connection_file("client"))
    monkeypatch.setattr(EnginesClient, "_connect", pressed)
    with pytest.raises(KeyboardInterrupt):
        EnginesClient(file)
    assert threading.active_count() == before


def test_a_connection_is_made_whole_or_not_at_all(connected: Kernel) -> None:
    """Pressed when `cluster` and `view` are the new ones, and %px is still of those before."""
    arm = f"""
import os, signal
from pxengines.views import {EnginesView.__name__} as View
before, activate = cluster, View.activate
def interrupting(self, suffix=""):
    View.activate = activate
    os.kill(os.getpid(), signal.SIGINT)
    activate(self, suffix)
View.activate = interrupting
"""
    assert connected.run(arm).status == "ok"
    reply = connected.run("%engines connect shared --quiet")
    assert error_line(reply) == "Interrupted. This kernel is connected to shared already."
    assert (
        connected.value("(before._closed, cluster._closed, view.client is cluster)") == "(True, False, True)"
    )
    assert connected.run("%%px --block\nran = True").status == "ok"
    assert connected.value("view['ran']") == "[True, True]"


@pytest.mark.parametrize(
    "cell",
    [
        "%%px --noblock\nimport time; time.sleep(60)",
        "view.execute('import time; time.sleep(60)', block=False)",
        f"{AWAITS}view.execute('import time; time.sleep(60)', block=False)",
    ],
    ids=["cell", "call", "awaits"],
)
def test_a_cell_that_is_interrupted_while_it_is_sent_is_sent_whole_and_stopped(
    connected: Kernel, cell: str
) -> None:
    """Half of the engines would wait for the other half."""
    arm = """
import os, signal
from pxengines.dispatch import sending
sending._AT_ONCE, future = 1, sending._future
sent = []
def interrupting(client, header, ident, label):
    made = future(client, header, ident, label)
    sent.append(made)
    if len(sent) == 1:
        os.kill(os.getpid(), signal.SIGINT)
    if len(sent) == 2:
        sending._AT_ONCE, sending._future = 64, future
    return made
sending._future = interrupting
"""
    assert connected.run(arm).status == "ok"
    said = error_line(connected.run(cell))
    assert said.startswith("Interrupted. The engines are interrupted, too; %pxresult "), said
    assert connected.value("[part.wait(30) for part in sent]") == "[True, True]"
    shown = connected.run(f"%pxresult {said.split()[-4]}")
    assert shown.status == "error", shown.texts
    assert "abort" in error_line(shown).lower() or "interrupt" in error_line(shown).lower()


def test_who_follows_a_cell_of_its_own_learns_that_the_controller_is_gone(
    kernel: Kernel, local: PanelCluster
) -> None:
    """The client knows the cell already, so that whoever follows it is not told by the client."""
    local.start()
    assert kernel.run("%engines connect local --quiet").status == "ok"
    kernel.run("sent = view.execute('import time; time.sleep(60)', block=False)")
    kernel.run("cell = sent.run.run_id[:6]")
    kernel.run(f"%pxresult {kernel.value('cell')[1:-1]} -o followed")
    assert kernel.value("(followed is sent, followed.ready())") == "(False, False)"
    local.end_job()
    kernel.run("import pxengines\ntry: followed.get(60)\nexcept Exception as error: why = error")
    assert kernel.value("type(why).__name__") in ("'EnginesError'", "'ControllerGoneError'")
    assert kernel.value("followed.ready()") == "True"
