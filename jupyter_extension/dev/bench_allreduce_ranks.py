"""One rank of ``bench_allreduce.py``: ``bench_allreduce_ranks.py RESULT.json ROUNDS``.

RESULT gets ``seconds``, for each way and size one time per call of every round (that of the slower rank),
and ``extra``, the peak of memory beside input and output, as a share of the input.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from pxengines.mpi import allreduce, psum

COMM = MPI.COMM_WORLD
SIZES = {"1 value": 1, "8kB": 1_000, "8MB": 1_000_000, "80MB": 10_000_000}
CALLS = {"1 value": 400, "8kB": 200, "8MB": 6, "80MB": 1}
"""Calls in a sample: so many that it takes milliseconds."""
PICKLED_CALLS = {"8kB": 50, "8MB": 1, "80MB": 1}
PICKLED_ROUNDS = {"80MB": 3}
SAMPLES = {"1 value": 10, "8kB": 6}
"""Samples in a round, where they are short."""
BIG = 10_000_000

Way = Callable[[], Any]


@dataclass
class Group:
    """Ways that are sampled one after the other.

    Attributes
    ----------
    ways : function and how many calls of it are a sample, by name.
    samples : of each in a round.
    rounds : by name, if not in all.
    """

    ways: dict[str, tuple[Way, int]]
    samples: int = 1
    rounds: dict[str, int] = field(default_factory=dict)


def sample(way: Way, calls: int) -> float:
    """Return the time of one of `calls` calls, in seconds, of the slower rank."""
    COMM.Barrier()
    began = time.perf_counter()
    for _ in range(calls):
        way()
    return float(COMM.allreduce((time.perf_counter() - began) / calls, op=MPI.MAX))


def alternating(groups: list[Group], rounds: int) -> dict[str, list[float]]:
    """Return the samples of each way of all groups, in `rounds` rounds of everything; after one to warm up.

    Each figure is thus from the whole time of the run, and not from a moment in which the machine was busy.
    """
    times: dict[str, list[float]] = {name: [] for group in groups for name in group.ways}
    for turn in range(rounds + 1):
        for group in groups:
            for _ in range(group.samples):
                for name, (way, calls) in group.ways.items():
                    if turn > group.rounds.get(name, rounds):
                        continue
                    seconds = sample(way, calls)
                    if turn:
                        times[name].append(seconds)
    return times


def measure_times(rounds: int) -> dict[str, list[float]]:
    """Return the samples of all ways and sizes."""
    groups, totals = [], []
    for size, count in SIZES.items():
        mine = np.full(count, COMM.rank + 1.0) if count > 1 else np.array(COMM.rank + 1.0)
        raw_out, our_out = np.zeros_like(mine), np.zeros_like(mine)
        totals.append((raw_out, our_out))
        ways: dict[str, tuple[Way, int]] = {
            f"raw {size}": (_raw(mine, raw_out), CALLS[size]),
            f"ours {size}": (_ours(mine, our_out), CALLS[size]),
        }
        if size in PICKLED_CALLS:
            ways[f"pickled {size}"] = (_pickled(mine), PICKLED_CALLS[size])
        few = {f"pickled {size}": PICKLED_ROUNDS[size]} if size in PICKLED_ROUNDS else {}
        groups.append(Group(ways, SAMPLES.get(size, 1), few))
    values = np.random.default_rng(COMM.rank).standard_normal(BIG)
    ways = {"psum fast": (lambda: psum(values), 2), "psum exact": (lambda: psum(values, mode="exact"), 1)}
    times = alternating([*groups, Group(ways)], rounds)
    if not all(np.array_equal(raw, ours) for raw, ours in totals):
        raise SystemExit("the two sums differ")
    return times


def _raw(mine: Any, out: Any) -> Way:
    buffers = [mine, MPI.DOUBLE], [out, MPI.DOUBLE]
    return lambda: COMM.Allreduce(*buffers)


def _ours(mine: Any, out: Any) -> Way:
    return lambda: allreduce(mine, out=out)


def _pickled(mine: Any) -> Way:
    return lambda: COMM.allreduce(mine)


def measure_memory() -> dict[str, float]:
    """Return by kind of input the peak of memory that a reduction takes, as a share of the input's.

    What numpy allocates is counted by tracemalloc; what the process holds at its peak beside that, by the
    kernel. The larger counts.
    """
    values = np.ones(BIG)
    wide = np.ones(2 * BIG)
    out = np.ones(BIG)
    ways: dict[str, Way] = {
        "contiguous": lambda: allreduce(values, out=out),
        "in_place": lambda: allreduce(out, out=out),
        "psum": lambda: psum(values),
        "strided": lambda: allreduce(wide[::2], out=out),
        "swapped": lambda: allreduce(swapped, out=out),
    }
    swapped = values.astype(">f8")
    found = {}
    for name, way in ways.items():
        way()  # what is made once and kept
        out[:] = 1
        found[name] = float(COMM.allreduce(_peak(way) / values.nbytes, op=MPI.MAX))
    return found


def _peak(way: Way) -> float:
    tracemalloc.start()
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # begins a new peak
    way()
    held = _resident("VmHWM") - before
    _, traced = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return max(traced, held)


def _resident(what: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status does not tell {what}")


def main() -> None:
    """Measure, and write on rank 0."""
    result, rounds = Path(sys.argv[1]), int(sys.argv[2])
    seconds = measure_times(rounds)
    extra = measure_memory()
    if COMM.rank == 0:
        version = MPI.Get_library_version().splitlines()[0].strip(" \0")
        told = {"seconds": seconds, "extra": extra, "version": version}
        result.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
