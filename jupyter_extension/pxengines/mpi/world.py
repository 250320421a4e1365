"""``check``: which ranks there are, on what they run, and whether they are one world."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .channels import channel_of
from .gathering import gathered
from .recipe import digest_of
from .slots import NO_FACTS

if TYPE_CHECKING:
    from mpi4py import MPI

_WORDS = "check of the world"
EXPECTED_SIZE_VARIABLE = "PXENGINES_WORLD_SIZE"
_SAME = ("library", "mpi4py", "abi", "thread_level", "python", "numpy")


@dataclass(frozen=True)
class World:
    """What the ranks of a communicator are and run; the same on every rank, but for `rank`.

    Attributes
    ----------
    size, rank : of the communicator.
    engines : by rank, the id that clients know the engine by; None where the rank is no engine.
    hosts : ranks by host.
    library : first line of the MPI library's version.
    mpi4py : version of mpi4py.
    abi : for which family of MPI libraries mpi4py's module was built: ``mpich``, ``openmpi``; empty if it is
        for one library only.
    thread_level : what the library grants: ``single``, ``funneled``, ``serialized`` or ``multiple``.
    python, numpy : their versions.
    problems : in words, what keeps the ranks from working together, or makes their results differ.
    """

    size: int
    rank: int
    engines: tuple[int | None, ...]
    hosts: dict[str, tuple[int, ...]]
    library: str
    mpi4py: str
    abi: str
    thread_level: str
    python: str
    numpy: str
    problems: tuple[str, ...]


def check(*, comm: MPI.Comm | None = None, timeout: float | None = None) -> World:
    """Find out which ranks there are and on what they run. Collective.

    Parameters
    ----------
    comm, timeout : as of `allreduce`.

    Returns
    -------
    What was found; `World.problems` is empty if all is well.

    Raises
    ------
    AgreementError, PeerError, TimeoutError, KeyboardInterrupt
        As `allreduce`.

    Notes
    -----
    Cost: one exchange, and a gathering of some 300 bytes a rank. Source: what MPI, mpi4py and the operating
    system say of themselves.
    """
    channel = channel_of(comm)
    mine = json.dumps(rank_facts()).encode()

    def work() -> list[bytes]:
        channel.agree(digest_of(_WORDS), NO_FACTS, lambda: _WORDS)
        return gathered(channel, mine)

    every = [json.loads(facts) for facts in channel.run(work, timeout)]
    hosts: dict[str, tuple[int, ...]] = {}
    for rank, facts in enumerate(every):
        hosts[facts["host"]] = (*hosts.get(facts["host"], ()), rank)
    return World(
        size=channel.size,
        rank=channel.rank,
        engines=tuple(facts["engine"] for facts in every),
        hosts=hosts,
        **{name: every[channel.rank][name] for name in _SAME},
        problems=tuple(_problems(every, comm is None)),
    )


def rank_facts() -> dict[str, Any]:
    """Return what this rank tells of itself in the world check; needs no other rank."""
    import platform
    import socket

    import mpi4py
    import numpy as np
    from mpi4py import MPI

    levels = {
        MPI.THREAD_SINGLE: "single",
        MPI.THREAD_FUNNELED: "funneled",
        MPI.THREAD_SERIALIZED: "serialized",
        MPI.THREAD_MULTIPLE: "multiple",
    }
    expected = os.environ.get(EXPECTED_SIZE_VARIABLE)
    return {
        "host": socket.gethostname(),
        "engine": _engine_id(),
        "expected": int(expected) if expected else None,
        "library": MPI.Get_library_version().splitlines()[0].strip("\0 \t"),
        "mpi4py": mpi4py.__version__,
        "abi": _abi(MPI.__file__),
        "thread_level": levels.get(MPI.Query_thread(), "unknown"),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _abi(file: str) -> str:
    """Return for which MPI ABI the module in `file` is: ``MPI.mpich.cpython-311-x86_64-linux-gnu.so``."""
    parts = Path(file).name.split(".")
    return parts[1] if len(parts) > 3 else ""


def _engine_id() -> int | None:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    found = getattr(getattr(shell, "kernel", None), "engine_id", None)
    return found if isinstance(found, int) else None


def _problems(every: list[dict[str, Any]], whole_world: bool) -> list[str]:
    problems = []
    expected = every[0]["expected"]
    if whole_world and expected is not None and expected != len(every):
        problems.append(
            f"mpiexec was asked for {expected} ranks, but the MPI world has {len(every)}: mpiexec and the "
            "MPI library that mpi4py loads do not belong together"
        )
    for name in _SAME:
        found = sorted({str(facts[name]) for facts in every})
        if len(found) > 1:
            problems.append(f"the ranks differ in {name}: {', '.join(found)}")
    return problems
