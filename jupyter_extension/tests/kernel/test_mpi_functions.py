"""Every reduction of the interface against numpy, on real MPI ranks, and with limits lowered."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from mpiranks import Library, run_ranks

WORKER = Path(__file__).with_name("mpi_functions_worker.py")


def report_of(ranks: int, library: Library, how: str = "as it is") -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run_ranks(ranks, WORKER, how, library=library).stdout)
    return report


@pytest.mark.parametrize(
    ("ranks", "library"),
    [(1, "mpich"), (2, "mpich"), (3, "mpich"), (4, "mpich"), (7, "mpich"), (1, "openmpi"), (7, "openmpi")],
)
def test_agrees_with_numpy(ranks: int, library: Library) -> None:
    report = report_of(ranks, library)
    assert report["wrong"] == []
    assert report["checked"] > 500


@pytest.mark.parametrize("limit", ["pieces", "slots"])
@pytest.mark.parametrize("library", ["mpich", "openmpi"])
def test_agrees_with_numpy_with_a_limit_lowered(limit: str, library: Library) -> None:
    assert report_of(3, library, limit)["wrong"] == []


@pytest.mark.parametrize("library", ["mpich", "openmpi"])
def test_many_communicators_and_the_world_check(library: Library) -> None:
    report = report_of(2, library, "communicators")
    assert report["wrong"] == []
    world = report["world"]
    assert world["size"] == 2
    assert world["rank"] == 0
    assert world["engines"] == [None, None]
    assert world["hosts"] == {socket.gethostname(): [0, 1]}
    assert {"mpich": "MPICH", "openmpi": "Open MPI"}[library] in world["library"]
    assert world["abi"] == library
    assert world["thread_level"] == "multiple"
    assert world["problems"] == []
