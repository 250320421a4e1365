"""The world check: what is one MPI world, and what is not."""

from __future__ import annotations

import msgspec
import pytest

from jupyterlab_engines.api.models import Failure, MpiWorld
from jupyterlab_engines.clusters.world import EngineFacts, judge, rank_ranges


def facts(rank: int, size: int = 4, /, **changes: object) -> EngineFacts:
    told = EngineFacts(
        rank=rank,
        size=size,
        host="vm",
        pid=100 + rank,
        library="MPICH Version: 5.0.2",
        mpi4py_version="4.1.2",
        python_version="3.11.7",
        ipyparallel_version="9.2.0",
    )
    return msgspec.structs.replace(told, **changes)


def world(*told: EngineFacts, launcher: str = "MPICH") -> MpiWorld | Failure:
    return judge(dict(enumerate(told)), len(told), launcher)


def refused(*told: EngineFacts, launcher: str = "MPICH") -> Failure:
    judged = world(*told, launcher=launcher)
    assert isinstance(judged, Failure)
    assert judged.message and judged.next_step
    return judged


def test_one_world() -> None:
    assert world(*(facts(i) for i in range(4))) == MpiWorld(
        size=4, library="MPICH Version: 5.0.2", mpi4py_version="4.1.2", python_version="3.11.7"
    )


def test_one_engine_is_a_world() -> None:
    assert isinstance(world(facts(0, 1)), MpiWorld)


def test_every_engine_alone() -> None:
    judged = refused(*(facts(0, 1, library="Open MPI v5.0.11", pid=i) for i in range(4)))
    assert judged.code == "mpi_world_split"
    assert judged.params == {
        "engines": "4",
        "sizes": "1",
        "library": "Open MPI v5.0.11",
        "launcher": "MPICH",
    }
    assert "mpi4py loaded Open MPI v5.0.11, and mpiexec is of MPICH" in judged.message


def test_two_worlds() -> None:
    judged = refused(facts(0, 2), facts(1, 2), facts(0, 2), facts(1, 2))
    assert judged.params["sizes"] == "2, 2"


def test_a_world_that_is_larger_than_the_cluster() -> None:
    judged = refused(*(facts(i, 8) for i in range(4)))
    assert (judged.code, judged.params["sizes"]) == ("mpi_world_split", "8")


def test_the_same_rank_twice() -> None:
    judged = refused(facts(0, 2), facts(0, 2))
    assert judged.code == "mpi_world_split"


def test_an_engine_without_mpi() -> None:
    judged = refused(facts(0), facts(1), facts(2), facts(3, rank=None, size=None, library=""))
    assert judged.code == "mpi_world_mixed"
    assert judged.params["groups"] == "ranks 0-2: MPICH Version: 5.0.2; rank 3: none"


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("library", "library"),
        ("mpi4py_version", "mpi4py"),
        ("python_version", "python"),
        ("ipyparallel_version", "ipyparallel"),
    ],
)
def test_what_differs_is_named_with_its_ranks(field: str, what: str) -> None:
    judged = refused(facts(0), facts(1, **{field: "other"}), facts(2), facts(3, **{field: "other"}))
    assert judged.code == "mpi_world_mixed"
    assert judged.params["what"] == what
    assert judged.params["groups"].startswith("ranks 0, 2: ")
    assert judged.params["groups"].endswith("; ranks 1, 3: other")


def test_ids_that_are_not_ranks() -> None:
    judged = refused(facts(0), facts(2), facts(1), facts(3))
    assert judged.code == "mpi_world_mixed"
    assert judged.params == {"what": "rank", "groups": "engine 1: rank 2; engine 2: rank 1"}


@pytest.mark.parametrize(
    ("ranks", "words"),
    [([3], "rank 3"), ([0, 1, 2], "ranks 0-2"), ([0, 1, 2, 5], "ranks 0-2, 5"), ([1, 3, 4], "ranks 1, 3-4")],
)
def test_ranks_in_words(ranks: list[int], words: str) -> None:
    assert rank_ranges(ranks) == words
