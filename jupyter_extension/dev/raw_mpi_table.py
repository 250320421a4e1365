"""What raw mpi4py does with inputs that go wrong, and what ``pxengines.mpi`` does: a Markdown table.

``python raw_mpi_table.py`` runs each input (``raw_mpi_cases.py``) on real ranks, with a time limit, under
each MPI that is installed, and prints the table of ``docs/typed-allreduce.md``. Nothing in it is written by
hand: each cell is what the ranks saw. Inputs after which MPI is of no use have ranks of their own; ours all
run on the same ranks, one after the other, but for those of which one drops out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mpi_worlds import NAMES, Library, World, end, installed, start
from raw_mpi_cases import CASES, ODD, Case, Side

START_SECONDS = 60.0
LIMIT_SECONDS = 5.0
"""A rank that has seen nothing so long after all ranks were there is taken to wait for ever."""
PATIENT_SECONDS = 60.0
"""The same with ours, which never waits for ever: so it costs nothing."""

HEAD = ("the ranks bring", "raw `comm.Allreduce`", "`pxengines.mpi`")

Seen = list[dict[str, Any] | None]
"""By rank: what it saw; None if it was still waiting; empty if it was ended from outside."""
Run = tuple[tuple[str, ...], Side, Library]
"""Which cases run one after the other on the same ranks."""


def runs_of(names: Iterable[str], side: Side, library: Library) -> list[Run]:
    """Return the runs in which all of the cases are seen."""
    together: dict[int, list[str]] = {}
    alone: list[Run] = []
    for name in names:
        case = CASES[name]
        if case.drops_out or (case.spoils and side == "raw"):
            alone.append(((name,), side, library))
        else:
            together.setdefault(case.ranks, []).append(name)
    return alone + [(tuple(each), side, library) for each in together.values()]


def seen(names: tuple[str, ...], side: Side, library: Library) -> dict[str, Seen]:
    """Return what each rank saw of each of the cases."""
    ranks = CASES[names[0]].ranks
    awaited = {
        name: [rank for rank in range(ranks) if not (CASES[name].drops_out and rank == ODD)] for name in names
    }
    with tempfile.TemporaryDirectory(prefix="raw-mpi-") as text:
        folder = Path(text)
        script = Path(__file__).with_name("raw_mpi_cases.py")
        limit = LIMIT_SECONDS if side == "raw" else PATIENT_SECONDS
        with (folder / "output").open("w") as output:
            mpiexec = start(
                library, ranks, script, ",".join(names), side, folder, stdout=output, stderr=subprocess.STDOUT
            )
            try:
                _until(mpiexec, [folder / f"{rank}.ready" for rank in range(ranks)], START_SECONDS)
                if not (folder / "0.ready").exists():
                    raise SystemExit(f"{names}: the ranks did not start\n{(folder / 'output').read_text()}")
                for name in names:
                    _until(mpiexec, [folder / f"{name}-{rank}.json" for rank in awaited[name]], limit)
                ended = mpiexec.poll() is not None
                (folder / "over").touch()
            finally:
                end(mpiexec)
        if ended:  # whatever some of them had seen before
            return {name: [{} for _ in awaited[name]] for name in names}
        return {name: [_told(folder / f"{name}-{rank}.json") for rank in awaited[name]] for name in names}


def _told(file: Path) -> dict[str, Any] | None:
    if not file.exists():
        return None
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return told


def _until(mpiexec: World, files: list[Path], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and mpiexec.poll() is None:
        if all(file.exists() for file in files):
            return
        time.sleep(0.02)


def cell(case: Case, told: Seen) -> str:
    """Return in Markdown what the ranks saw."""
    words = [_words(case, each) for each in told]
    if len(set(words)) == 1:
        return words[0]
    return "; ".join(f"rank {rank}: {each}" for rank, each in enumerate(words))


def _words(case: Case, told: dict[str, Any] | None) -> str:
    if told is None:
        return "**waits for ever**"
    if not told:
        return "`mpiexec` ends all ranks"
    if "error" in told:
        left = f", and **leaves** `{told['left']}` in the output" if "left" in told else ""
        return f"`{told['error']}`{left}".replace("|", "\\|")
    if told["right"]:
        return f"`{told['value']}`"
    return f"**{'no error' if case.truth is None else 'wrong, no error'}:** `{told['value']}`"


def table(libraries: list[Library], names: list[str], at_once: int) -> list[str]:
    """Return the lines of the table, with `at_once` worlds running at a time."""
    sides: tuple[Side, Side] = ("raw", "ours")
    runs = [run for side in sides for library in libraries for run in runs_of(names, side, library)]
    # Those that wait for ever take the whole time limit; all of them can wait at once.
    waiting = [run for run in runs if run[1] == "raw" and CASES[run[0][0]].drops_out]
    found: dict[tuple[str, Side, Library], Seen] = {}
    for some, workers in (([run for run in runs if run not in waiting], at_once), (waiting, len(waiting))):
        if some:
            with ThreadPoolExecutor(workers) as pool:
                for (_, side, library), told in zip(
                    some, pool.map(lambda run: seen(*run), some), strict=True
                ):
                    found.update({(name, side, library): each for name, each in told.items()})
    lines = [f"| {' | '.join(HEAD)} |", "| --- | --- | --- |"]
    for name in names:
        case = CASES[name]
        columns = [
            _merged({each: cell(case, found[name, side, each]) for each in libraries}) for side in sides
        ]
        lines.append(f"| {case.title} | {' | '.join(columns)} |")
    return lines


def _merged(by_library: dict[Library, str]) -> str:
    if len(set(by_library.values())) == 1:
        return next(iter(by_library.values()))
    return "<br>".join(f"{NAMES[library]}: {text}" for library, text in by_library.items())


def main() -> None:
    """Run the cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=list(CASES), help=f"some of {', '.join(CASES)}")
    parser.add_argument(
        "--at-once", type=int, default=2, help="how many worlds run at a time, of those that end"
    )
    options = parser.parse_args()
    print("\n".join(table(installed(), options.cases, options.at_once)))


if __name__ == "__main__":
    main()
