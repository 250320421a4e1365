"""Our reductions against raw and pickled mpi4py, in one run, alternating; under each MPI that is installed.

``npm run bench:allreduce -- [--rounds 15] [--libraries mpich,openmpi]``. Two ranks. A time is that of the
slower rank; the medians are quoted. Ends with one JSON line a figure, and the table for the README.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from mpi_worlds import NAMES, Library, end, installed, start

RANKS = 2
WORLD_SECONDS = 900.0
LOCAL_BYTES = 80_000_000

# Figure → (unit, limit, whether more is better, words for the table). Of memory, a tenth is for MPI's own.
FIGURES: dict[str, tuple[str, float, bool, str]] = {
    "added_1_value": ("us", 5.0, False, "time added to raw `Allreduce`, 1 value"),
    "ratio_8kB": ("ours/raw", 2.0, False, "time against raw `Allreduce`, 8 kB"),
    "ratio_8MB": ("ours/raw", 1.05, False, "… 8 MB"),
    "ratio_80MB": ("ours/raw", 1.05, False, "… 80 MB"),
    "pickled_8kB": ("pickled/ours", 5.0, True, "speed against pickled `allreduce`, 8 kB"),
    "pickled_8MB": ("pickled/ours", 5.0, True, "… 8 MB"),
    "pickled_80MB": ("pickled/ours", 5.0, True, "… 80 MB"),
    "exact_local": ("GB/s", 1.0, True, "exact sum of float64, one core"),
    "exact_ratio": ("exact/fast", 4.0, False, "`psum`, exact mode against fast, 80 MB a rank"),
    "extra_contiguous": ("inputs", 0.1, False, "memory beside input and output, contiguous, 80 MB"),
    "extra_in_place": ("inputs", 0.1, False, "… `out=x`"),
    "extra_psum": ("inputs", 0.1, False, "… `psum`"),
    "extra_strided": ("inputs", 1.1, False, "… strided"),
    "extra_swapped": ("inputs", 1.1, False, "… the other byte order"),
}


def measure_local(rounds: int) -> float:
    """Return how fast one core adds up float64 exactly, in GB/s of processor time."""
    from pxengines.mpi.exact import accumulate

    values = np.random.default_rng(1).standard_normal(LOCAL_BYTES // 8)
    speeds = []
    for _ in range(rounds):
        began = time.process_time()
        accumulate(values).total(values.dtype)
        speeds.append(values.nbytes / (time.process_time() - began) / 1e9)
    return statistics.median(speeds)


def measure_world(library: Library, rounds: int) -> dict[str, Any]:
    """Return what the ranks of one world measure."""
    with tempfile.TemporaryDirectory(prefix="bench-allreduce-") as name:
        result = Path(name) / "result.json"
        script = Path(__file__).with_name("bench_allreduce_ranks.py")
        mpiexec = start(library, RANKS, script, result, str(rounds))
        try:
            mpiexec.wait(WORLD_SECONDS)
        except subprocess.TimeoutExpired:
            raise SystemExit(
                f"the ranks of {NAMES[library]} did not end within {WORLD_SECONDS:g} s"
            ) from None
        finally:
            end(mpiexec)
        if not result.exists():
            raise SystemExit(f"the ranks of {NAMES[library]} failed; see above")
        measured: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return measured


def figures(measured: dict[str, Any], local: float) -> dict[str, float]:
    """Return the figures of one library, from medians in seconds and bytes."""
    times = {name: statistics.median(all_times) for name, all_times in measured["seconds"].items()}
    found = {"added_1_value": (times["ours 1 value"] - times["raw 1 value"]) * 1e6}
    for size in ("8kB", "8MB", "80MB"):
        found[f"ratio_{size}"] = times[f"ours {size}"] / times[f"raw {size}"]
    for size in ("8kB", "8MB", "80MB"):
        found[f"pickled_{size}"] = times[f"pickled {size}"] / times[f"ours {size}"]
    found["exact_local"] = local
    found["exact_ratio"] = times["psum exact"] / times["psum fast"]
    for what, share in measured["extra"].items():
        found[f"extra_{what}"] = share
    return found


def holds(figure: str, value: float) -> bool:
    """Tell whether `value` is within the limit."""
    _, limit, more_is_better, _ = FIGURES[figure]
    return value >= limit if more_is_better else value <= limit


def report(found: dict[Library, dict[str, float]], times: dict[Library, dict[str, float]]) -> None:
    """Print one JSON line a figure, then the table."""
    for library, by_figure in found.items():
        for name, seconds in times[library].items():
            print(json.dumps({"library": library, "time": name, "microseconds": round(seconds * 1e6, 2)}))
        for figure, value in by_figure.items():
            unit, limit, more_is_better, _ = FIGURES[figure]
            line = {
                "figure": figure,
                "library": library,
                "value": round(value, 3),
                "unit": unit,
                "target": f"{'≥' if more_is_better else '≤'} {limit:g}",
                "holds": holds(figure, value),
            }
            print(json.dumps(line, ensure_ascii=False))
    print(f"\n| on {RANKS} ranks | limit | {' | '.join(NAMES[each] for each in found)} |")
    print("| --- " * (2 + len(found)) + "|")
    for figure, (unit, limit, more_is_better, words) in FIGURES.items():
        values = [_cell(figure, by_figure[figure], unit) for by_figure in found.values()]
        sign = "≥" if more_is_better else "≤"
        wanted = f"{sign} {_in_words(limit, unit)}"
        if unit == "inputs":
            wanted = "none of that size" if limit < 1 else "one of that size"
        print(f"| {words} | {wanted} | {' | '.join(values)} |")


def _cell(figure: str, value: float, unit: str) -> str:
    text = _in_words(max(value, 0.0), unit)
    return text if holds(figure, value) else f"{text} (!)"


def _in_words(value: float, unit: str) -> str:
    if unit == "us":
        return f"{value:.1f} µs"
    if unit == "GB/s":
        return f"{value:.1f} GB/s"
    return f"{value:.2f} ×"  # noqa: RUF001 - the sign is meant


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="samples of each; the medians are quoted")
    parser.add_argument("--libraries", default="mpich,openmpi", help="which MPIs, separated by commas")
    options = parser.parse_args()
    libraries = [each for each in installed() if each in options.libraries.split(",")]
    local = measure_local(options.rounds)
    found, times = {}, {}
    for library in libraries:
        measured = measure_world(library, options.rounds)
        print(f"{NAMES[library]}: {measured['version']}", file=sys.stderr)
        found[library] = figures(measured, local)
        times[library] = {name: statistics.median(each) for name, each in measured["seconds"].items()}
    report(found, times)


if __name__ == "__main__":
    main()
