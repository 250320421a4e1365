"""How long from Start to engines that answer: this project against stock ipyparallel, in one run.

``npm run bench:start -- [--engines 4,8,16] [--runs 5]``. The two alternate; both have everything
imported when the clock starts. Stock: ``ipyparallel.Cluster(engines="mpi").start_and_connect_sync()``
until all engines are registered. Ours: the panel's POST to a real Jupyter server until the stream says
*ready*, which includes the check that the engines are one MPI world. Ends with one JSON line a figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from live_server import LiveServer

TARGET_RATIO = {8: 0.5}

STOCK = """
import logging, os, sys, time
import ipyparallel, ipyparallel.cluster.launcher, mpi4py
cluster = ipyparallel.Cluster(engines="mpi", n=int(sys.argv[1]), log_level=logging.ERROR)
started = time.perf_counter()
client = cluster.start_and_connect_sync()
client.wait_for_engines(int(sys.argv[1]), interactive=False)
print(time.perf_counter() - started)
client.close()
cluster.stop_cluster_sync()
"""


def stock_seconds(engines: int, folder: Path) -> float:
    """Return how long stock ipyparallel takes to `engines` registered MPI engines, in seconds."""
    search_path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", STOCK, str(engines)],
        env={**os.environ, "IPYTHONDIR": str(folder / "stock"), "PATH": search_path},
        cwd=folder,
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(done.stdout.decode().split()[-1])


async def our_seconds(engines: int, server: LiveServer) -> float:
    """Return how long a Start takes from the request to *ready*, in seconds."""
    async with server.stream() as stream:
        started = time.perf_counter()
        cluster = await server.start_cluster("local", engines)
        cluster = await stream.wait_for(cluster["key"], cluster["run_id"], "ready", "failed")
        seconds = time.perf_counter() - started
        if cluster["state"] == "failed":
            raise SystemExit(f"the start failed: {cluster['failure']}")
        await server.stop_cluster(cluster["key"])
        await stream.wait_for(cluster["key"], cluster["run_id"], "stopped")
    return seconds


async def measure(sizes: list[int], runs: int) -> dict[int, list[tuple[float, float]]]:
    """Return (ours, stock) in seconds, `runs` times for each number of engines, alternating."""
    pairs: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory(prefix="bench-start-") as name:
        folder = Path(name)
        async with LiveServer(folder, folder, {"IPYTHONDIR": str(folder / "ours")}) as server:
            for run in range(runs):
                for size in sizes:
                    ours = await our_seconds(size, server)
                    stock = await asyncio.to_thread(stock_seconds, size, folder)
                    pairs[size].append((ours, stock))
                    print(
                        f"run {run + 1} of {runs}, {size:3} engines: ours {ours:6.2f} s, stock {stock:6.2f} s"
                    )
                    sys.stdout.flush()
    return pairs


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", default="4,8,16", help="numbers of engines, separated by commas")
    parser.add_argument("--runs", type=int, default=5, help="runs of each; the medians are quoted")
    options = parser.parse_args()
    pairs = asyncio.run(measure([int(size) for size in options.engines.split(",")], options.runs))
    for size, measured in pairs.items():
        ours, stock = (statistics.median(seconds) for seconds in zip(*measured, strict=True))
        figures = (
            (f"start_ours_n{size}", ours, "s", None),
            (f"start_stock_n{size}", stock, "s", None),
            (f"start_ratio_n{size}", ours / stock, "ours/stock", TARGET_RATIO.get(size)),
        )
        for figure, value, unit, target in figures:
            line = {
                "figure": figure,
                "value": round(value, 3),
                "unit": unit,
                "target": target,
                "runs": len(measured),
            }
            print(json.dumps(line))


if __name__ == "__main__":
    main()
