"""Every reduction of the interface with limits lowered, and what is too large to be tried each time.

As it is, each is compared with numpy in test_mpi.py, on all numbers of ranks.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from mpiranks import TIMEOUT_SECONDS, Library, run_ranks

WORKER = Path(__file__).with_name("mpi_functions_worker.py")


def report_of(ranks: int, library: Library, how: str, seconds: float = TIMEOUT_SECONDS) -> dict[str, Any]:
    done = run_ranks(ranks, WORKER, how, library=library, seconds=seconds)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("limit", ["pieces", "slots"])
@pytest.mark.parametrize("library", ["mpich", "openmpi"])
def test_agrees_with_numpy_with_a_limit_lowered(limit: str, library: Library) -> None:
    assert report_of(3, library, limit)["wrong"] == []


@pytest.mark.parametrize("library", ["mpich", "openmpi"])
def test_no_memory_of_the_size_of_the_input_beside_it(library: Library) -> None:
    report = report_of(2, library, "memory")
    assert report["wrong"] == []
    assert report["checked"] == 8


@pytest.mark.huge
@pytest.mark.timeout(600)
@pytest.mark.parametrize("library", ["mpich", "openmpi"])
def test_more_values_than_32_bits_can_count(library: Library) -> None:
    report = report_of(2, library, "huge", 500)
    assert report["wrong"] == []
    assert report["checked"] == 7


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
