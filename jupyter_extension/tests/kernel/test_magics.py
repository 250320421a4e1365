"""``%engines`` in a real kernel, with real engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kernelside import Kernel, PanelCluster, Reply, a_dead_process, patient_for_answers, wait_for

from jupyterlab_engines.clusters.words import failure
from pxengines.launch.events import append_event


@pytest.fixture
def kernel(kernel: Kernel) -> Iterator[Kernel]:
    """Return the kernel, waiting longer for answers: on a busy machine they are late, which is no fault."""
    with patient_for_answers(kernel):
        yield kernel


def one_line_error(reply: Reply) -> str:
    """Return the error of a cell that shows nothing but one line."""
    assert reply.status == "error"
    error = reply.outputs[-1]
    assert error["traceback"] == [error["evalue"]]
    assert "\n" not in error["evalue"]
    return str(error["evalue"])


def rows(reply: Reply) -> dict[str, list[str]]:
    """Return the rows of the list: by cluster, the words after its name."""
    lines = reply.text.splitlines()
    assert lines[0].split() == ["cluster", "state", "engines", "host", "since"]
    return {line.split()[0]: line.replace(", ", ",").split()[1:] for line in lines[1:]}


# --- connect ------------------------------------------------------------------------------------


def test_connects_to_a_ready_cluster(kernel: Kernel, ready: PanelCluster) -> None:
    reply = kernel.run("%engines connect shared")
    assert reply.status == "ok"
    vendor = "__import__('pxengines.facts').facts.collect()['vendor']"
    library = kernel.value(f"view.apply_sync(eval, {vendor!r})[0]").strip("'")
    assert reply.text == (
        f"Connected to shared: 2 engines (one MPI world of 2, {library}). "
        "`cluster` and `view` are ready; try %px."
    )
    assert kernel.value("pxengines.connected_key()") == "'shared'"
    assert kernel.value("cluster.ids") == "[0, 1]"
    assert kernel.value("len(view)") == "2"


def test_the_magics_work_on_the_view(kernel: Kernel, ready: PanelCluster) -> None:
    kernel.run("%engines connect shared")
    reply = kernel.run("status = %px size = MPI.COMM_WORLD.Get_size()\nstatus.wait()\nview['size']")
    assert reply.text == "[2, 2]"
    assert kernel.value("isinstance(status, __import__('ipyparallel').AsyncResult)") == "True"
    assert kernel.run("%%px --block\nrank = MPI.COMM_WORLD.Get_rank()").status == "ok"
    assert kernel.value("view['rank']") == "[0, 1]"


def test_waits_while_it_starts_and_shows_one_line_of_progress(kernel: Kernel, local: PanelCluster) -> None:
    local.submit()
    seen: list[str] = []

    def play_the_server(text: str) -> None:
        seen.append(text)
        if "being submitted" in text and local.job is None:
            local.start_job()
            local.record(state="starting")
        elif "0 of 2 engines" in text:
            local.record(state="starting", engines_registered=1)
        elif "1 of 2 engines" in text:
            wait_for(lambda: local.counted() == 2, "the engines")
            local.record(state="ready", engines_registered=2)

    reply = kernel.run("%engines connect local", play_the_server)
    assert reply.status == "ok"
    assert reply.text.startswith("Connected to local: 2 engines (one MPI world of 2, ")
    assert reply.displays == 1
    stages = [text.split(",")[0] for text in seen]
    for stage in ("being submitted", "0 of 2 engines", "1 of 2 engines"):
        assert f"waiting for local: {stage}" in stages


def test_tells_why_a_start_failed_while_it_was_waiting(kernel: Kernel, local: PanelCluster) -> None:
    local.submit()
    told = failure("mpi4py_missing", {"python": "python3"})

    def fail(text: str) -> None:
        if "being submitted" in text:
            local.record(state="failed", failure=told)

    reply = kernel.run("%engines connect local\nprint('went on')", fail)
    error = one_line_error(reply)
    assert told.message in error
    assert told.next_step in error
    assert not any("went on" in text for text in reply.texts)


def test_finds_engines_that_came_while_it_connected(kernel: Kernel, ready: PanelCluster) -> None:
    """The hub tells of an engine once, to those who listen by then."""
    arm = """
from pxengines.views import EnginesClient
def not_all(self, engines, update=EnginesClient._update_engines):
    EnginesClient._update_engines = update
    update(self, {"0": engines["0"]})
EnginesClient._update_engines = not_all
"""
    assert kernel.run(arm).status == "ok"
    reply = kernel.run("%engines connect shared")
    assert reply.text.startswith("Connected to shared: 2 engines (one MPI world of 2"), reply.texts


def test_interrupting_stops_the_waiting_only(kernel: Kernel, local: PanelCluster) -> None:
    local.submit()
    pressed: list[str] = []  # once: a second one could meet what the first has begun to say

    def interrupt(text: str) -> None:
        if text.startswith("waiting for local") and not pressed:
            pressed.append(text)
            kernel.interrupt()

    reply = kernel.run("%engines connect local", interrupt)
    assert "Stopped waiting for local. It goes on starting" in one_line_error(reply)
    assert reply.texts[0] == "local: stopped waiting (being submitted)"
    assert kernel.value("1 + 1") == "2"


def test_gives_up_after_the_timeout(kernel: Kernel, local: PanelCluster) -> None:
    local.submit()
    error = one_line_error(kernel.run("%engines connect local --timeout 0.3"))
    assert "local is not ready after 0.3 s (being submitted)" in error


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("stopped", "local was stopped. Start it in the Engines panel"),
        ("stopping", "local is being stopped"),
    ],
)
def test_tells_that_it_was_stopped(kernel: Kernel, local: PanelCluster, state: str, words: str) -> None:
    local.submit()
    local.record(state=state)
    assert words in one_line_error(kernel.run("%engines connect local"))


def test_does_not_believe_a_record_whose_job_has_ended(kernel: Kernel, local: PanelCluster) -> None:
    local.submit()
    append_event(local.paths.events, "job_started", pid=1)
    local.paths.lock.touch()
    local.record(state="ready", engines_registered=2)
    assert rows(kernel.run("%engines"))["local"][:2] == ["gone", "0/2"]
    assert "local is gone: its job has ended" in one_line_error(kernel.run("%engines connect local"))


def test_waits_for_the_server_to_tell_why_its_job_ended(kernel: Kernel, local: PanelCluster) -> None:
    local.submit()
    append_event(local.paths.events, "job_started", pid=1)
    local.paths.lock.touch()
    local.record(state="ready", engines_registered=2)
    told = failure("job_killed", {})

    def note(text: str) -> None:
        if "its job has ended" in text:
            local.record(state="failed", failure=told)

    assert told.message in one_line_error(kernel.run("%engines connect local", note))


def test_start_whose_server_died_before_the_job_began(kernel: Kernel, local: PanelCluster) -> None:
    local.owner = a_dead_process()
    local.submit()
    error = one_line_error(kernel.run("%engines connect local"))
    assert "the Jupyter server that was starting it has ended" in error


def test_asks_the_hub_when_the_server_that_kept_the_record_died(kernel: Kernel, ready: PanelCluster) -> None:
    alive = ready.owner
    try:
        ready.owner = a_dead_process()
        ready.record(state="starting", engines_registered=0)
        assert rows(kernel.run("%engines"))["shared"][:2] == ["ready", "2/2"]
        assert kernel.run("%engines connect shared").text.startswith("Connected to shared: 2 engines")
    finally:
        ready.owner = alive


def test_warns_of_lost_engines(kernel: Kernel, ready: PanelCluster) -> None:
    ready.record(state="degraded", engines_requested=3, engines_registered=2)
    reply = kernel.run("%engines connect shared")
    assert reply.status == "ok"
    assert any("only 2 of 3 engines are there" in text for text in reply.texts)


def test_quiet_prints_nothing(kernel: Kernel, ready: PanelCluster) -> None:
    reply = kernel.run("%engines connect shared --quiet")
    assert (reply.status, reply.outputs) == ("ok", [])
    assert kernel.value("pxengines.connected_key()") == "'shared'"


def test_connecting_again_replaces_and_closes_the_old_client(kernel: Kernel, ready: PanelCluster) -> None:
    kernel.run("%engines connect shared\nold = cluster")
    kernel.run("%engines connect shared")
    assert kernel.value("(old is cluster, old._closed, cluster._closed)") == "(False, True, False)"
    assert kernel.value("pxengines.connected_key()") == "'shared'"


def test_failing_to_connect_keeps_the_old_connection(kernel: Kernel, ready: PanelCluster) -> None:
    kernel.run("%engines connect shared")
    one_line_error(kernel.run("%engines connect nothing"))
    assert kernel.value("pxengines.connected_key()") == "'shared'"


def test_key_follows_the_truth_through_close_stop_and_restart(kernel: Kernel, local: PanelCluster) -> None:
    assert kernel.value("pxengines.connected_key()") == "None"
    local.start()
    assert kernel.run("%engines connect local").status == "ok"
    assert rows(kernel.run("%engines"))["local"][0] == "ready,connected"
    kernel.run("cluster.close()")
    assert kernel.value("pxengines.connected_key()") == "None"
    kernel.run("%engines connect local")
    local.end_job()
    assert kernel.value("pxengines.connected_key()") == "None"
    local.start()
    # Same name, same files, another controller: the old client cannot reach it.
    assert kernel.value("pxengines.connected_key()") == "None"
    assert kernel.run("%engines connect local").status == "ok"
    assert kernel.value("(pxengines.connected_key(), view.apply_sync(lambda: 1))") == "('local', [1, 1])"


def test_python_interface(kernel: Kernel, ready: PanelCluster) -> None:
    reply = kernel.run("client = pxengines.connect('shared', timeout=30)")
    assert reply.text.startswith("Connected to shared")
    assert kernel.value("client is cluster") == "True"
    error = one_line_error(kernel.run("pxengines.connect('nothing')"))
    assert "There is no cluster 'nothing'" in error
    assert (
        kernel.run("try:\n    pxengines.connect('nothing')\nexcept pxengines.EnginesError: pass").status
        == "ok"
    )


def test_does_not_wait_for_busy_engines(kernel: Kernel, ready: PanelCluster, tmp_path: Path) -> None:
    kernel.run("%engines connect shared")
    go_on = tmp_path / "go-on"
    kernel.run(
        "def work(path):\n"
        "    import os, time\n"
        "    while not os.path.exists(path): time.sleep(0.05)\n"
        f"busy = view.apply_async(work, {str(go_on)!r})"
    )
    with patient_for_answers(kernel, 3.0):  # in vain here
        reply = kernel.run("%engines connect shared")
    go_on.touch()
    assert reply.status == "ok"
    assert any("the engines are busy" in text for text in reply.texts)
    assert kernel.value("view.apply_sync(lambda: 1)") == "[1, 1]"


# --- list ---------------------------------------------------------------------------------------


def test_lists_clusters_as_text_and_as_a_table(
    kernel: Kernel, ready: PanelCluster, local: PanelCluster
) -> None:
    local.submit()
    told = failure("engines_exited", {"engines": "2", "registered": "1", "status": "exit status 1"})
    local.record(state="failed", failure=told)
    for line in ("%engines", "%engines list"):
        reply = kernel.run(line)
        listed = rows(reply)
        assert listed["local"][:2] == ["failed", "0/2"]
        assert listed["shared"][:2] == ["ready", "2/2"]
        assert told.message in reply.text
        html = reply.outputs[0]["data"]["text/html"]
        assert html.count("<tr>") == 3
        assert "<td>shared</td><td>ready</td><td>2/2</td>" in html


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("connect nothing", "There is no cluster 'nothing'. Known clusters: shared."),
        (
            "connect local",
            "Start it in the Engines panel, or in a terminal with: ipcluster start --profile=local",
        ),
        ("connect ../etc", "'../etc' cannot be the name of a cluster. Known clusters: shared."),
        ("connect", "which cluster? Known clusters: shared."),
        ("connect one two", "one cluster, not 2"),
        ("connect shared --fast", "no option '--fast'"),
        ("connect shared --timeout", "--timeout needs a number of seconds, not ''"),
        ("connect shared --timeout=soon", "--timeout needs a number of seconds, not 'soon'"),
        ("connect shared --timeout=-1", "--timeout needs a number of seconds, not '-1'"),
        ("start local", "%engines knows no 'start'. Use: %engines, or %engines connect NAME"),
        ("list all", "%engines list takes no 'all'"),
        ("connect 'shared", "No closing quotation"),
    ],
)
def test_refuses_what_it_does_not_know(kernel: Kernel, ready: PanelCluster, line: str, words: str) -> None:
    assert words in one_line_error(kernel.run(f"%engines {line}"))


def test_completion(kernel: Kernel, ready: PanelCluster) -> None:
    assert "connect" in kernel.complete("%engines con")
    assert kernel.complete("%engines connect sh") == ["shared"]
    assert "--timeout" in kernel.complete("%engines connect shared --t")


def test_unloading_takes_the_magic_away(kernel: Kernel, ready: PanelCluster) -> None:
    kernel.run("%unload_ext pxengines")
    reply = kernel.run("%engines")
    assert "`%engines` not found" in " ".join(reply.texts)
    assert kernel.run("%load_ext pxengines\n%engines").status == "ok"
