"""What a ``%px`` costs: this project against stock ipyparallel, in one run, alternating.

``npm run bench:dispatch -- [--engines 8,32,64] [--rounds 5] [--dispatches 20]``. Real engines, real notebook
kernels. There are two clusters of the largest number of engines, of the same engine program: one under our
controller, one under ipyparallel's. Three ways are measured in turns, each in a kernel of its own, which is
connected only while it is its turn (all clients of a controller hear all output):

- *ours*: our magics, client and controller;
- *same*: ipyparallel's magics and client, on the same engines and controller as ours;
- *stock*: ipyparallel's magics and client, under its own controller.

Latency is compared with *same*, processor time with *stock*: a controller is part of what one gets. The
processor time of the engines is in neither. Ends with one JSON line a figure.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "kernel"))

from kernelside import WAIT_SECONDS, Kernel, PanelCluster

from pxengines.hub import count_engines

Figures = dict[str, list[float]]

WAYS = ("ours", "same", "stock")
DRAIN_SECONDS = 0.5
"""What is still on its way when a cell has ended arrives within this."""
SETTLE_SECONDS = 10.0
"""So many processes that have just started still have this and that to do."""

PRELUDE = """
import json, sys, time
from IPython import get_ipython
shell = get_ipython()

def dispatches(line, count):
    times = []
    for _ in range(count):
        began = time.perf_counter()
        shell.run_line_magic("px", line)
        times.append(time.perf_counter() - began)
    return times
"""
OURS = """
%load_ext pxengines
import pxengines
def attach():
    return pxengines.connect({key!r}, quiet=True)
"""
STOCK = """
import ipyparallel
def attach():
    return ipyparallel.Client({file!r})
"""
CONNECT = """
client = attach()
assert len(client.ids) == {engines}, client.ids
views = {{size: client[:size] for size in {sizes}}}
for view in views.values():
    view.block = True
views[max(views)].activate()
"""
SHORT = "x = 1"
"""The one line whose dispatch is measured: nothing to show, next to nothing to do."""
SHOWN = "print(x)"
PRINT = "print('rank', mpi_rank, 'prints line', i)"
"""What each rank prints differs, so that nothing can be shown once for all."""
BURST = f"for i in range({{lines}}): {PRINT}"
"""As quickly as it can: an engine sends that in few messages."""
STREAM = f"import time\nfor i in range({{lines}}): {PRINT}; time.sleep(0.003)"


class Way:
    """One of `WAYS`: a kernel and the processes of the controller that it uses.

    Parameters
    ----------
    name : which one.
    attach : code that defines `attach`, which returns a client.
    controller : process id of the controller.
    sizes : numbers of engines to dispatch to.
    """

    def __init__(self, name: str, attach: str, controller: int, sizes: list[int]) -> None:
        self.name = name
        self.kernel = Kernel()
        self._controller = psutil.Process(controller)
        self._sizes = sizes
        self.run(PRELUDE + attach)

    def run(self, code: str) -> str:
        """Run a cell; return what it printed. Ends the benchmark if it fails."""
        reply = self.kernel.run(code)
        if reply.status != "ok":
            raise SystemExit(f"a cell of {self.name} failed: {code}\n" + "\n".join(reply.texts))
        return "".join(str(output.get("text", "")) for output in reply.outputs)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Be connected within the block."""
        self.run(CONNECT.format(engines=max(self._sizes), sizes=self._sizes))
        try:
            for size in self._sizes:
                self.latencies(size, 3)  # what is done once, and the first time on each engine
            yield
        finally:
            self.run("client.close()")

    def latencies(self, size: int, count: int) -> list[float]:
        """Return the seconds of `count` dispatches to `size` engines."""
        text = self.run(f"views[{size}].activate()\nprint(json.dumps(dispatches({SHORT!r}, {count})))")
        return list(json.loads(text.splitlines()[-1]))

    def cpu_of(self, cell: str) -> tuple[float, float]:
        """Return the processor seconds of the kernel and of the controller for a cell."""
        controller = self._controller_seconds()
        self.run("began = time.process_time()")
        self.run(cell)
        spent = self.run(f"time.sleep({DRAIN_SECONDS}); print(time.process_time() - began)")
        return float(spent.split()[-1]), self._controller_seconds() - controller

    def _controller_seconds(self) -> float:
        processes = [self._controller, *self._controller.children(recursive=True)]
        return sum(sum(process.cpu_times()[:2]) for process in processes)


@contextmanager
def our_cluster(engines: int) -> Iterator[tuple[str, int]]:
    """Start a cluster of ours; its key and the process id of its controller."""
    cluster = PanelCluster("bench", engines)
    try:
        cluster.start()
        children = psutil.Process(cluster.job.pid).children() if cluster.job else []
        (pid,) = [child.pid for child in children if "pxengines.controller" in child.cmdline()]
        yield cluster.paths.key, pid
    finally:
        cluster.end_job()


@contextmanager
def stock_cluster(engines: int, folder: Path) -> Iterator[tuple[str, int]]:
    """Start ipyparallel's controller and our engines; its connection file and process id."""
    arguments = [f"--profile-dir={folder}", "--cluster-id=stock"]
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> int:
        with open(folder / "output", "ab") as log:
            done = subprocess.Popen(
                [*command, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder
            )
        started.append(done)
        return done.pid

    file = folder / "security" / "ipcontroller-stock-client.json"
    folder.mkdir()
    try:
        pid = start(sys.executable, "-m", "ipyparallel.controller")
        mpiexec = str(Path(sys.executable).with_name("mpiexec"))
        start(mpiexec, "-n", str(engines), sys.executable, "-m", "pxengines.engine")
        deadline = time.monotonic() + WAIT_SECONDS
        while not file.exists() or (count_engines(file, 5.0) or 0) < engines:
            if time.monotonic() > deadline:
                raise SystemExit(f"the engines did not come; see {folder}/output")
            time.sleep(0.1)
        yield str(file), pid
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(WAIT_SECONDS)


def measure_round(way: Way, sizes: list[int], options: argparse.Namespace) -> dict[str, float]:
    """Return the figures of one turn: seconds, by what was measured."""
    found: dict[str, float] = {}
    most = max(sizes)
    count = options.dispatches
    with way.connected():
        for size in sizes:
            found[f"p50_n{size}"] = statistics.median(way.latencies(size, count))
        for what, line in (("px", SHORT), ("print", SHOWN)):
            kernel, controller = way.cpu_of(f"times = dispatches({line!r}, {count})")
            found[f"kernel_{what}"] = kernel / count / most
            found[f"controller_{what}"] = controller / count / most
            found[f"both_{what}"] = (kernel + controller) / count / most
        for what, code in (("burst", BURST), ("stream", STREAM)):
            found[f"kernel_{what}"], found[f"controller_{what}"] = way.cpu_of(
                "%%px\n" + code.format(lines=options.lines)
            )
    return found


def measure(sizes: list[int], options: argparse.Namespace) -> dict[str, Figures]:
    """Return for each way its figures, one of each round."""
    figures: dict[str, Figures] = {name: {} for name in WAYS}
    most = max(sizes)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-dispatch-")))
        os.environ["IPYTHONDIR"] = str(folder / "ipython")
        key, our_pid = stack.enter_context(our_cluster(most))
        stock_file, stock_pid = stack.enter_context(stock_cluster(most, folder / "stock"))
        our_file = next((folder / "ipython").rglob("*-client.json"))
        attach = {
            "ours": (OURS.format(key=key), our_pid),
            "same": (STOCK.format(file=str(our_file)), our_pid),
            "stock": (STOCK.format(file=stock_file), stock_pid),
        }
        ways = []
        for name in WAYS:
            ways.append(Way(name, *attach[name], sizes))
            stack.callback(ways[-1].kernel.close)
        time.sleep(SETTLE_SECONDS)
        print(f"{2 * most} engines are ready; load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        for number in range(options.rounds):
            for way in ways[number % 3 :] + ways[: number % 3]:
                found = measure_round(way, sizes, options)
                for name, value in found.items():
                    figures[way.name].setdefault(name, []).append(value)
                shown = ", ".join(f"{name} {1000 * value:.3g}" for name, value in found.items())
                print(f"round {number + 1}, {way.name:5} (ms): {shown}", file=sys.stderr)
    return figures


def report(figures: dict[str, Figures], sizes: list[int], options: argparse.Namespace) -> bool:
    """Print one JSON line a figure and a table; tell whether all limits hold."""
    most = max(sizes)
    lines = f"{most} engines x {options.lines} lines"
    compared: list[tuple[str, str, str, float | None]] = [
        *((f"p50_n{size}", "same", f"p50 of `%px`, {size} engines", 1.0) for size in sizes),
        *((f"p50_n{size}", "stock", f"… under its own controller, {size}", None) for size in sizes),
        ("both_px", "stock", f"CPU of kernel and controller per engine and `%px`, {most} engines", 0.7),
        ("kernel_px", "stock", "… the kernel alone", None),
        ("controller_px", "stock", "… the controller alone", None),
        ("both_print", "stock", "… of a `%px` that prints", None),
        ("kernel_burst", "stock", f"kernel CPU for {lines}, at once", 0.5),
        ("kernel_stream", "stock", f"kernel CPU for {lines}, streaming", 0.5),
        ("controller_stream", "stock", "… the controller's", None),
    ]
    all_hold = True
    table = []
    for name, against, words, limit in compared:
        ours, theirs = figures["ours"][name], figures[against][name]
        ratios = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
        ratio = statistics.median(ratios)
        holds = None if limit is None else ratio <= limit
        all_hold = all_hold and holds is not False
        line: dict[str, Any] = {
            "figure": name,
            "against": against,
            "ours_ms": round(1000 * statistics.median(ours), 3),
            "theirs_ms": round(1000 * statistics.median(theirs), 3),
            "ratio": round(ratio, 3),
            "spread": [round(ratios[0], 3), round(ratios[-1], 3)],
            "target": limit,
            "holds": holds,
            "runs": len(ratios),
        }
        print(json.dumps(line))
        verdict = "" if limit is None else f"≤ {limit:g} {'met' if holds else 'MISSED'}"
        times = f"{line['ours_ms']:.2f} ms | {line['theirs_ms']:.2f} ms"
        table.append(f"| {words} | {times} | {ratio:.2f} | {verdict} |")
    print("\n| | ours | ipyparallel's | ratio | limit |\n| --- | --- | --- | --- | --- |")
    print("\n".join(table))
    return all_hold


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", default="8,32,64", help="numbers of engines, separated by commas")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each; the medians are quoted")
    parser.add_argument("--dispatches", type=int, default=20, help="dispatches in a turn")
    parser.add_argument("--lines", type=int, default=1000, help="lines that each engine prints")
    options = parser.parse_args()
    sizes = sorted(int(size) for size in options.engines.split(","))
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    figures = measure(sizes, options)
    report(figures, sizes, options)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
