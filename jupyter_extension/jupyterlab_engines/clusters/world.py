"""The world check: one MPI world, one MPI library, one Python for all engines.

Pure: it judges facts that the engines told. With an ``mpiexec`` of one MPI and an mpi4py
that loads another, every engine is a world of its own and collectives "work" on one rank
each; such a cluster must never be called ready.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import msgspec

from ..api.models import Failure, MpiWorld
from .words import failure


class EngineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one engine says about itself.

    Attributes
    ----------
    rank, size : in ``MPI.COMM_WORLD``; None if MPI is not loaded.
    host, pid : of its process.
    library : first line of ``MPI.Get_library_version()``; empty if MPI is not loaded.
    mpi4py_version, python_version, ipyparallel_version : of its packages; may be empty.
    """

    rank: int | None
    size: int | None
    host: str
    pid: int
    library: str
    mpi4py_version: str
    python_version: str
    ipyparallel_version: str


def judge(
    facts: Mapping[int, EngineFacts], engines: int, launcher: str, *, ids_are_ranks: bool = True
) -> MpiWorld | Failure:
    """Return the world the engines form, or why they do not form one.

    Parameters
    ----------
    facts : what each engine told, by engine id; of all engines of the cluster.
    engines : how many engines were asked for.
    launcher : who made mpiexec, for the sentence; empty if not known.
    ids_are_ranks : whether an engine's id must be its rank, as with our engines; ipyparallel's own number
        themselves in the order of their registration.
    """
    ids = sorted(facts)
    mixed = _mixed(facts)
    sizes = {facts[i].size for i in ids}
    ranks = {facts[i].rank for i in ids}
    if sizes != {engines} or len(ranks) != len(ids) or len(ids) != engines:
        if mixed is not None and mixed.params["what"] == "library":
            return mixed
        return failure(
            "mpi_world_split",
            {
                "engines": str(engines),
                "sizes": _world_sizes(facts),
                "library": facts[ids[0]].library if ids else "",
                "launcher": launcher,
            },
        )
    if mixed is not None:
        return mixed
    strangers = [i for i in ids if ids_are_ranks and facts[i].rank != i]
    if strangers:
        groups = "; ".join(f"engine {i}: rank {facts[i].rank}" for i in strangers)
        return failure("mpi_world_mixed", {"what": "rank", "groups": groups})
    first = facts[ids[0]]
    return MpiWorld(
        size=engines,
        library=first.library,
        mpi4py_version=first.mpi4py_version,
        python_version=first.python_version,
    )


def rank_ranges(ranks: list[int]) -> str:
    """Return sorted `ranks` in words: ``rank 3``, ``ranks 0-2, 5``."""
    parts: list[str] = []
    start = previous = ranks[0]
    for rank in [*ranks[1:], None]:
        if rank is not None and rank == previous + 1:
            previous = rank
            continue
        parts.append(str(start) if start == previous else f"{start}-{previous}")
        if rank is not None:
            start = previous = rank
    return f"{'rank' if len(ranks) == 1 else 'ranks'} {', '.join(parts)}"


_SAME: tuple[tuple[str, Callable[[EngineFacts], str]], ...] = (
    ("library", lambda f: f.library),
    ("mpi4py", lambda f: f.mpi4py_version),
    ("python", lambda f: f.python_version),
    ("ipyparallel", lambda f: f.ipyparallel_version),
)


def _mixed(facts: Mapping[int, EngineFacts]) -> Failure | None:
    for what, value_of in _SAME:
        groups: dict[str, list[int]] = {}
        for engine_id in sorted(facts):
            groups.setdefault(value_of(facts[engine_id]), []).append(engine_id)
        if len(groups) > 1:
            told = "; ".join(f"{rank_ranges(ids)}: {value or 'none'}" for value, ids in groups.items())
            return failure("mpi_world_mixed", {"what": what, "groups": told})
    return None


def _world_sizes(facts: Mapping[int, EngineFacts]) -> str:
    """Return the sizes of the worlds the engines are in: ``1`` if all are alone, else e.g. ``2, 6``."""
    counted = Counter(f.size or 0 for f in facts.values())
    if set(counted) <= {0, 1}:
        return "1"
    worlds: list[int] = []
    for size, members in sorted(counted.items()):
        worlds += [size] * (1 if size <= 0 else -(-members // size))
    return ", ".join(str(size) for size in worlds)
