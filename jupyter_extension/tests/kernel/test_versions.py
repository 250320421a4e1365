"""What is said of engines that run something else than the kernel."""

from __future__ import annotations

import platform

import ipyparallel
import pytest

from pxengines.engine_versions import EngineVersions, differences, library_words, world_words

MINE = platform.python_version()
WORLD = {"size": 4, "library": "MPICH Version:      5.0.2", "mpi4py_version": "4.1.0", "python_version": MINE}


def engines(count: int = 4, **fields: object) -> list[EngineVersions]:
    usual = {
        "python": MINE,
        "ipyparallel": ipyparallel.__version__,
        "world_size": count,
        "library": "MPICH 5.0.2",
    }
    return [EngineVersions(**{**usual, **fields}) for _ in range(count)]  # type: ignore[arg-type]


def test_nothing_is_said_of_equal_versions() -> None:
    assert differences(engines(), WORLD, 4) == []
    micro = ".".join([*MINE.split(".")[:2], "99"])
    assert differences(engines(python=micro), WORLD, 4) == []


def test_another_python_is_named_with_this_one() -> None:
    (warning,) = differences(engines(python="3.99.1"), WORLD, 4)
    assert warning.startswith(f"the engines run Python 3.99.1, this kernel Python {MINE}: ")


def test_another_major_ipyparallel_is_named_with_this_one() -> None:
    (warning,) = differences(engines(ipyparallel="99.0"), WORLD, 4)
    assert warning.startswith(
        f"the engines run ipyparallel 99.0, this kernel ipyparallel {ipyparallel.__version__}: "
    )


def test_engines_that_are_worlds_of_their_own_are_not_called_one() -> None:
    (warning,) = differences(engines(world_size=1), None, 4)
    assert "not one MPI world of 4 (sizes seen: 1)" in warning
    assert world_words(engines(world_size=1), None, 4) == "not one MPI world, MPICH 5.0.2"


def test_engines_without_mpi() -> None:
    without = engines(world_size=None, library=None)
    assert differences(without, None, 4) == []
    assert world_words(without, None, 4) == "without MPI"


def test_busy_engines_are_judged_by_the_record() -> None:
    assert world_words(None, WORLD, 4) == "one MPI world of 4, MPICH 5.0.2"
    assert world_words(None, None, 4) == "busy"
    first, second = differences(None, {**WORLD, "python_version": "3.99.1"}, 4)
    assert "Python 3.99.1" in first
    assert "busy" in second


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("MPICH Version:      5.0.2", "MPICH 5.0.2"),
        ("MPICH Version:\t4.3.1", "MPICH 4.3.1"),
        ("Open MPI v5.0.3, package: Debian OpenMPI, ident: 5.0.3", "Open MPI 5.0.3"),
        ("Intel(R) MPI Library 2021.11 for Linux* OS", "Intel(R) MPI Library 2021.11"),
        ("some  other MPI", "some other MPI"),
    ],
)
def test_libraries_as_people_call_them(text: str, words: str) -> None:
    assert library_words(text) == words
