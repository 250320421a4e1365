"""Random reductions with faults among them, each held against numpy on all ranks' data.

``npm run fuzz:allreduce -- --rounds 10000 --ranks 4 --library mpich --seed 1 --first 0 --faults 0.3``.
A seed always gives the same rounds, and a round does not depend on those before it: what was found in round 7
is found again with ``--first 7 --rounds 1`` and the same seed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzz_cases import FAULTS
from mpi_worlds import NAMES, end, installed, start

SECONDS_A_ROUND = 2.0


def fuzz(asked: argparse.Namespace) -> bool:
    """Run the rounds on real ranks and print what came of it; return whether nothing was found."""
    rounds, ranks, first = asked.rounds, asked.ranks, asked.first
    where = f"{rounds} rounds from {first}, seed {asked.seed}, {ranks} ranks, {NAMES[asked.library]}"
    how = [
        str(each)
        for each in (asked.seed, first, rounds, asked.faults, "many" if asked.many else "few", asked.fault)
    ]
    with tempfile.TemporaryDirectory(prefix="fuzz-reductions-") as name:
        folder = Path(name)
        script = Path(__file__).with_name("fuzz_reductions_ranks.py")
        mpiexec = start(asked.library, ranks, script, folder, *how)
        try:
            mpiexec.wait(120 + SECONDS_A_ROUND * rounds)
        except subprocess.TimeoutExpired:
            print("the ranks did not end", file=sys.stderr)
        finally:
            end(mpiexec)
        failures = sorted(folder.glob("failure-*.json"))
        for failure in failures:
            told = json.loads(failure.read_text(encoding="utf-8"))
            print(f"\nround {told['round']}, rank {told['rank']}, fault {told['fault']}: {told['wrong']}")
        if failures or not (folder / "seen.json").exists():
            print(f"FOUND: {where}")
            return False
        seen = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
    print(", ".join(f"{what} {times}" for what, times in seen.items()))
    print(f"nothing found: {where}")
    return True


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10_000)
    parser.add_argument("--ranks", type=int, default=4)
    parser.add_argument("--library", default="mpich", choices=sorted(NAMES))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--faults", type=float, default=0.3, help="share of rounds that have a fault")
    parser.add_argument("--fault", default="", choices=FAULTS, help="every round has this one")
    parser.add_argument("--many", action="store_true", help="let ranks agree as more than 64 do")
    asked = parser.parse_args()
    if asked.library not in installed():
        return 2
    return 0 if fuzz(asked) else 1


if __name__ == "__main__":
    sys.exit(main())
