"""The tutorial without a browser: a real server, a real cluster, every output compared.

``npm run tutorial -- --profile local --engines 8``. Starts the cluster through the panel's own routes, runs
``examples/mpi_tutorial.ipynb`` in kernels of that server (as it is, then with the cell that Connect inserts),
stops the cluster and looks whether anything is left. A line a step, with its time. Exit status: 0 all as
it must be, 1 something was not, 2 a cluster of that profile is running already.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import tutorial_cells
from live_kernel import open_kernel
from live_server import LiveServer, ServerError

from pxengines.launch.paths import RUN_ID_VARIABLE, RunPaths

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOTEBOOK = "mpi_tutorial.ipynb"
ENDED = ("stopped", "failed")
LEFTOVER_SECONDS = 10.0
WALLTIME_SECONDS = 1800


class Wrong(Exception):
    """Something is not as it must be; the message says what."""


class RunningAlready(Exception):
    """A cluster of the profile lives: it is somebody's work."""


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print the name of a step, and when it is over how long it took."""
    print(f"{name:<52}", end="", flush=True)
    started = time.perf_counter()
    try:
        yield
    except BaseException:
        print(f"{time.perf_counter() - started:8.2f} s  FAILED", flush=True)
        raise
    print(f"{time.perf_counter() - started:8.2f} s", flush=True)


async def tutorial(options: argparse.Namespace, folder: Path) -> None:
    """Do it all in `folder`.

    Raises
    ------
    Wrong, ServerError, asyncio.TimeoutError
        If something is not as it must be. The cluster and the server are stopped.
    RunningAlready
        If there is a cluster that is not ours to stop.
    """
    root = folder / "root"
    shutil.copytree(EXAMPLES, root, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    environment = {"IPYTHONDIR": str(folder / "ipython")} if options.isolated else {}
    os.environ.update(environment)  # for the look at what is left
    server = LiveServer(folder, root, environment)
    run_id: str | None = None
    try:
        with step("start a Jupyter server"):
            await server.__aenter__()
        await refuse_if_running(server, options.profile)
        if options.isolated and options.profile != "local":
            with step("make a batch profile"):
                await make_profile(server, options.profile, options.engines)
        started = await server.start_cluster(options.profile, options.engines)
        key, run_id = started["key"], started["run_id"]
        try:
            await wait_until_ready(server, key, run_id, options)
            await run_notebook(server, key, options, connect=False)
            await run_notebook(server, key, options, connect=True)
        except BaseException:
            with step("stop the cluster"):
                await stop(server, key, run_id, options.timeout)
            raise
        with step("stop the cluster"):
            await stop(server, key, run_id, options.timeout)
        with step("nothing is left"):
            await check_leftovers(key, run_id)
        await server.fetch("DELETE", f"jupyterlab-engines/clusters/{key}")
    finally:
        with step("stop the Jupyter server"):
            await server.close()
        if run_id is not None:
            end_strays(run_id)


async def make_profile(server: LiveServer, name: str, engines: int) -> None:
    """Make a batch profile as the panel's form does: its engines on two nodes if there are two."""
    nodes = (await server.fetch("GET", "jupyterlab-engines/scheduler"))["nodes"]
    resources: dict[str, Any] = dict.fromkeys(
        ("queue", "engines_per_node", "cores_per_engine", "memory_bytes", "account")
    )
    resources |= {
        "walltime_seconds": WALLTIME_SECONDS,
        "nodes": 2 if sum(shape["up"] for shape in nodes) > 1 and engines > 1 else 1,
    }
    settings = {
        "placement": "in_job",
        "engines": engines,
        "resources": resources,
        "prologue": [],
        "directives": [],
        "python": [],
        "mpiexec": [],
        "mpi_args": [],
        "controller_address": "",
    }
    await server.fetch("PUT", f"jupyterlab-engines/profiles/{name}", {"settings": settings, "create": True})


async def refuse_if_running(server: LiveServer, profile: str) -> None:
    """Raise RunningAlready if the profile's cluster lives."""
    for cluster in (await server.fetch("GET", "jupyterlab-engines/clusters"))["clusters"]:
        if cluster["key"] == profile and cluster["state"] not in ENDED:
            raise RunningAlready(
                f"A cluster {profile!r} is {cluster['state']} already. Stop it first, or use --isolated."
            )


async def wait_until_ready(server: LiveServer, key: str, run_id: str, options: argparse.Namespace) -> None:
    """Follow the stream until the cluster is ready."""
    with step(f"start {options.engines} engines: submitted to ready"):
        async with server.stream() as stream:
            waiting = stream.wait_for(key, run_id, "ready", *ENDED)
            cluster = await asyncio.wait_for(waiting, options.timeout)
    if cluster["state"] != "ready":
        failure = cluster["failure"] or {"message": "it was stopped.", "next_step": "", "log_tail": ""}
        raise Wrong(
            f"The cluster {key} is {cluster['state']}: {failure['message']} {failure['next_step']}\n"
            f"{failure['log_tail']}".rstrip()
        )
    ranks = [(engine["engine_id"], engine["rank"]) for engine in cluster["engines"]]
    if ranks != [(i, i) for i in range(options.engines)] or cluster["mpi"]["size"] != options.engines:
        raise Wrong(
            f"The cluster is ready, but its engines (id, rank) are {ranks}, its world {cluster['mpi']}."
        )


async def run_notebook(server: LiveServer, key: str, options: argparse.Namespace, *, connect: bool) -> None:
    """Run the notebook in a kernel of its own and compare each cell's outputs."""
    connect_to = key if connect else None
    cells = tutorial_cells.load(EXAMPLES / NOTEBOOK, options.profile, connect_to=connect_to)
    lost = tutorial_cells.cells_without_outputs_checked(cells)
    if lost:
        raise Wrong(f"{NOTEBOOK} has no cells {', '.join(sorted(lost))}.")
    name = "after Connect" if connect else "as it is"
    with step(f"open the notebook in a kernel, {name}"):
        opened = open_kernel(server, NOTEBOOK)
        kernel = await opened.__aenter__()
    try:
        for cell_id, source in cells:
            with step(f"  cell {cell_id}"):
                _, outputs = await kernel.run(source, options.timeout)
                wrong = tutorial_cells.difference(cell_id, outputs, options.engines, key)
                if wrong is not None:
                    raise Wrong(f"Cell {cell_id!r} of {NOTEBOOK}:\n  {wrong}")
    finally:
        await opened.__aexit__(None, None, None)


async def stop(server: LiveServer, key: str, run_id: str, timeout: float) -> None:
    """Stop the cluster as the panel does, and wait for the stream to say so."""
    async with server.stream() as stream:
        await server.stop_cluster(key)
        cluster = await asyncio.wait_for(stream.wait_for(key, run_id, *ENDED), timeout)
    if cluster["state"] != "stopped" and cluster["failure"]["code"] == "stop_incomplete":
        raise Wrong(cluster["failure"]["message"])


def leftovers(key: str, run_id: str) -> list[str]:
    """Return what is left of a run, in words."""
    paths = RunPaths.of_key(key)
    files = [paths.connection_file("client"), paths.connection_file("engine"), paths.cluster_file]
    left = [str(file) for file in files if file.exists()]
    return left + [f"process {process.pid}" for process in processes_of(run_id)]


def processes_of(run_id: str) -> list[psutil.Process]:
    """Return the living processes that carry the run's id."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(RUN_ID_VARIABLE) == run_id:
                found.append(process)
        except psutil.Error:
            continue  # ended meanwhile, or not ours
    return found


async def check_leftovers(key: str, run_id: str) -> None:
    """Raise Wrong if anything of the run is left: `stopped` must be true when it is said."""
    deadline = time.monotonic() + (0 if key == "local" else LEFTOVER_SECONDS)
    while (left := leftovers(key, run_id)) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.2)  # the scheduler counts a job as over while its node still cleans up
    if left:
        raise Wrong(f"The cluster says it has stopped, but there is still: {', '.join(left)}.")


def end_strays(run_id: str) -> None:
    """End what a server that did not stop in order has left; only processes of this run."""
    strays = processes_of(run_id)
    for process in strays:
        print(f"ending process {process.pid}, left of this run", flush=True)
        process.terminate()
    for process in psutil.wait_procs(strays, timeout=LEFTOVER_SECONDS)[1]:
        process.kill()


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(prog="npm run tutorial --", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--profile", default="local", help="profile of the cluster (default: local)")
    parser.add_argument("--engines", type=int, default=8, help="engines; must divide 32 (default: 8)")
    parser.add_argument(
        "--timeout", type=float, default=300.0, help="seconds that one step may take (default: 300)"
    )
    parser.add_argument(
        "--isolated",
        action="store_true",
        help="use an empty IPython folder instead of yours; a profile other than local is made in it",
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder with the server's log")
    options = parser.parse_args(arguments)
    if options.engines < 1 or tutorial_cells.ELEMENTS % options.engines:
        parser.error(f"--engines must divide {tutorial_cells.ELEMENTS}, not {options.engines}")
    return options


async def run(options: argparse.Namespace, folder: Path) -> None:
    """Run the tutorial; SIGTERM ends it as Ctrl-C does."""
    running = asyncio.ensure_future(tutorial(options, folder))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    await running


def main() -> int:
    """Run from the command line; return the exit status."""
    options = parse_options()
    # The nodes of a batch system see the home folder, not this machine's temporary one.
    above = None if options.profile == "local" else Path.home()
    folder = Path(tempfile.mkdtemp(prefix="engines-tutorial-", dir=above))
    began = time.perf_counter()
    try:
        asyncio.run(run(options, folder))
    except RunningAlready as error:
        print(error, file=sys.stderr)
        return 2
    except (Wrong, ServerError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except asyncio.TimeoutError:
        print(f"\nA step took longer than {options.timeout:g} s.", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nInterrupted; cluster and server are stopped.", file=sys.stderr)
        return 130
    finally:
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{'all as it must be':<52}{time.perf_counter() - began:8.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
