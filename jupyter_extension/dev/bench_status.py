"""What a tick costs the server with 10,000 jobs of one user, in each dialect.

``npm run bench:status -- [--jobs 10000] [--runs 9]``. Counted is the CPU time of the server's own process,
not the scheduler's command: start the command, read what it prints, make jobs of it, compare them with those
before, encode the delta. The listings are those of the tests' simulated batch system; here `qstat` only
prints them. Compared with what must at least be done without memory of the last tick: ``json.loads`` (or
``ElementTree``, or lines split at `` = ``) of the same bytes and an encoded snapshot. Ends with one JSON
line a figure.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec

from jupyterlab_engines.audit import Audit
from jupyterlab_engines.clusters.table import ClusterTable
from jupyterlab_engines.jobs.follow import Pace
from jupyterlab_engines.jobs.service import JobService, JobSettings, KnownJobs
from jupyterlab_engines.jobs.status import no_scheduler
from jupyterlab_engines.scheduler.client import BatchScheduler
from jupyterlab_engines.scheduler.detect import detect

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fakepbs import FakePBS
from fakepbs.command import Context, voices
from fakepbs.store import Store

TARGET_MS = 50.0
LISTING = {"openpbs": ["-f", "-F", "json"], "torque": ["-x"], "slurm": ["-f"]}
CASES = ("first", "unchanged", "clocks", "1 %", "busy", "10 %")
"""`clocks`: nothing happened, but of half the jobs the time used has moved on, as after a minute.
`busy`: so it has, and 1 % of the jobs began or ended too."""


class Listings:
    """A simulated batch system whose `qstat` prints what was rendered before.

    Parameters
    ----------
    folder : an empty folder.
    dialect : one of the three.
    count : how many jobs.
    """

    def __init__(self, folder: Path, dialect: Any, count: int) -> None:
        self.pbs = FakePBS(folder / "pbs", dialect)
        self.dialect: str = dialect
        self.pbs.add_jobs_of_user(count)
        self._store = Store(str(self.pbs.folder))
        self._state = self._store.load()
        self._now = time.time()
        self._file = folder / "listing"
        self.size = 0

    def serve(self) -> None:
        """Let `qstat` print files from now on; before, `detect` must have met the real fake."""
        qstat = self.pbs.bin / "qstat"
        qstat.write_text(f"#!/bin/sh\nexec cat '{self._file}'\n", encoding="utf-8")

    def render(self) -> None:
        """Put down what `qstat` says now."""
        context = Context(self._store, self._state, "qstat", LISTING[self.dialect])
        context.now = self._now
        status = voices(self.dialect)["qstat"](context)
        if status != 0:
            raise SystemExit(f"the simulated qstat failed with status {status}: {context.err}")
        text = "".join(context.out).encode()
        self.size = len(text)
        self._file.write_bytes(text)

    def pass_time(self, seconds: float) -> None:
        """Let the clocks of running jobs go on."""
        self._now += seconds

    def change(self, share: float, run: int) -> None:
        """Start or end this share of the jobs, others in each run."""
        jobs = list(self._store.bulk().values())
        step = round(1 / share)
        for job in jobs[run % step :: step]:
            running = job["state"] == "R"
            job["state"] = "Q" if running else "R"
            job["started"] = None if running else self._now - 60
            job["exec_host"] = [] if running else [["n1", [0, 1, 2, 3]], ["n2", [0, 1, 2, 3]]]
            job["modified"] = self._now


def plain_snapshot(dialect: str, data: bytes) -> int:
    """Parse without a memory and encode all of it; return the bytes."""
    if dialect == "openpbs":
        found: Any = json.loads(data)["Jobs"]
    elif dialect == "torque":
        root = ElementTree.fromstring(data.decode())  # noqa: S314  # rendered here
        found = [{item.tag: item.text for item in job.iter()} for job in root]
    else:
        entries = data.decode().split("\n\n")
        found = [dict(line.partition(" = ")[::2] for line in entry.splitlines()) for entry in entries]
    return len(msgspec.json.encode(found))


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU time of some work, in milliseconds."""
    begun = time.process_time()
    work()
    return 1000 * (time.process_time() - begun)


class Tick:
    """The server's way from `qstat` to the wire."""

    def __init__(self, scheduler: BatchScheduler, folder: Path) -> None:
        log = logging.getLogger("bench")
        self.scheduler = scheduler
        self.table = ClusterTable(no_scheduler(scheduler.user, 0.0))
        self.encoder = msgspec.json.Encoder()
        nothing = KnownJobs({}, frozenset())
        self.service = JobService(
            JobSettings(Pace(), all_users=False, use_scheduler=True),
            user=scheduler.user,
            audit=Audit(folder / "audit", scheduler.user, log),
            put_jobs=self.put,
            put_status=lambda status: None,
            watched=lambda: True,
            known=lambda: nothing,
            log=log,
        )

    def put(self, jobs: Any) -> None:
        """Take the jobs as the manager does."""
        self.table.put_jobs(jobs)

    async def run(self) -> tuple[float, int, int]:
        """Return CPU milliseconds, bytes on the wire, jobs in the delta."""
        gc.collect()  # what the simulated batch system left behind while rendering is not the tick's
        begun = time.process_time()
        jobs = await self.scheduler.jobs()
        # What follows a reading has no public name.
        self.service._take(jobs)
        delta = self.table.take_delta()
        wire = self.encoder.encode(delta) if delta is not None else b""
        spent = 1000 * (time.process_time() - begun)
        return spent, len(wire), len(delta.jobs_changed) if delta is not None else 0


async def measure(dialect: str, folder: Path, count: int, runs: int) -> dict[str, dict[str, float]]:
    """Return the medians of one dialect, by case."""
    listings = Listings(folder, dialect, count)
    try:
        scheduler = await detect(listings.pbs.environ)
        if not isinstance(scheduler, BatchScheduler):
            raise SystemExit(f"the simulated {dialect} was not recognized")
        listings.serve()
        found: dict[str, list[tuple[float, int, int]]] = {case: [] for case in CASES}
        plain = []
        tick = Tick(scheduler, folder)
        for run in range(runs):
            for case in CASES:
                if case == "first":
                    # One that remembers nothing.
                    fresh = BatchScheduler(scheduler.rules, listings.pbs.environ, scheduler.user)
                    tick = Tick(fresh, folder)
                elif case == "clocks":
                    listings.pass_time(60)
                elif case == "busy":
                    listings.pass_time(60)
                    listings.change(0.01, run + runs)
                elif case != "unchanged":
                    listings.change(int(case.split()[0]) / 100, run)
                listings.render()
                found[case].append(await tick.run())
            data = (folder / "listing").read_bytes()
            plain.append(cpu(lambda data=data: plain_snapshot(dialect, data)))
        base = statistics.median(plain)
        table = {}
        for case, measured in found.items():
            spent, wire, changed = (statistics.median(column) for column in zip(*measured, strict=True))
            table[case] = {
                "ms": spent,
                "least": min(one for one, _, _ in measured),
                "wire": wire,
                "changed": changed,
                "ratio": spent / base,
                "plain": base,
            }
        return table
    finally:
        listings.pbs.shutdown()


def verdict(case: str, spent: float) -> str:
    """Return what stands beside a figure."""
    if case == "first":
        return "once, in a thread"
    return f"{TARGET_MS:g} {'met' if spent <= TARGET_MS else 'MISSED'}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs of this user")
    parser.add_argument("--runs", type=int, default=9, help="runs of each case; the medians are quoted")
    options = parser.parse_args()
    figures = []
    load = os.getloadavg()[0]
    print(
        f"{options.jobs} jobs, medians of {options.runs} runs; load {load:.1f} on {os.cpu_count()} processors"
    )
    print(
        f"{'dialect':9} {'tick':10} {'CPU ms':>8} {'least':>8} {'x plain':>8} {'changed':>8} "
        f"{'wire bytes':>11}  target"
    )
    for dialect in LISTING:
        with tempfile.TemporaryDirectory(prefix="bench-status-") as name:
            table = asyncio.run(measure(dialect, Path(name), options.jobs, options.runs))
        for case, row in table.items():
            print(
                f"{dialect:9} {case:10} {row['ms']:8.1f} {row['least']:8.1f} {row['ratio']:8.2f} "
                f"{row['changed']:8.0f} {row['wire']:11.0f}  {verdict(case, row['ms'])}"
            )
            sys.stdout.flush()
            figures.append((f"tick_{dialect}_{case.replace(' %', 'pc')}", row["ms"], "ms CPU"))
        figures.append((f"plain_{dialect}", table["first"]["plain"], "ms CPU"))
    for figure, value, unit in figures:
        # The first reading happens once in a server's life; the target is for every other one.
        target = TARGET_MS if figure.startswith("tick") and not figure.endswith("first") else None
        line = {
            "figure": figure,
            "value": round(value, 1),
            "unit": unit,
            "target": target,
            "runs": options.runs,
        }
        print(json.dumps(line))


if __name__ == "__main__":
    main()
