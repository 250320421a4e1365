"""Ranks that drop out of a reduction: what the others see, and that the next reduction is right."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from mpiranks import Library, run_ranks

WORKER = Path(__file__).with_name("mpi_fault_worker.py")
FAULTS = [
    "raising", "raising_later", "late", "interrupted_waiting", "stale", "interrupted_moving",
    "one_interrupted_moving", "out_of_order", "interrupted_gigabyte", "one_too_many", "one_behind",
    "between_lines",
]  # fmt: skip
ODD = 1
ENDED = ["gone on to another cell", "ended this cell"]
Seen = dict[str, list[tuple[str, str]]]
RUNS: list[tuple[int, Library, str]] = [
    (2, "mpich", "compiled"), (3, "mpich", "compiled"), (4, "mpich", "compiled"), (2, "openmpi", "compiled"),
    (3, "openmpi", "compiled"), (2, "mpich", "python"), (3, "openmpi", "python"),
]  # fmt: skip


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: "-".join(map(str, run)))
def seen(request: Any) -> Seen:
    """Return by fault what each rank saw, and whether the reductions after it were right."""
    ranks, library, lane = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PXENGINES_LANE", lane)
        report = json.loads(run_ranks(ranks, WORKER, *FAULTS, library=library).stdout)
    assert list(report["seen"]) == FAULTS
    assert all(len(saw) == ranks for saw in report["seen"].values())
    return report["seen"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_reduction_is_right(fault: str, seen: Seen) -> None:
    assert [after for _, after in seen[fault]] == ["right"] * len(seen[fault])


@pytest.mark.parametrize("fault", ["raising", "raising_later"])
def test_a_rank_that_raises_is_named(fault: str, seen: Seen) -> None:
    peer = f"PeerError: rank {ODD} raised ValueError: bad input, so this reduction cannot be done"
    for rank, (saw, _) in enumerate(seen[fault]):
        assert saw == ("ValueError: bad input" if rank == ODD else peer)


def test_a_rank_that_never_arrives_is_named(seen: Seen) -> None:
    late = 1 if len(seen["late"]) == 2 else 4
    assert {saw for saw, _ in seen["late"]} == {f"TimeoutError: rank {ODD} did not arrive within {late} s"}


@pytest.mark.parametrize(
    "fault", ["interrupted_waiting", "interrupted_moving", "one_interrupted_moving", "interrupted_gigabyte"]
)
def test_an_interrupt_ends_the_reduction_everywhere(fault: str, seen: Seen) -> None:
    every = [saw for saw, _ in seen[fault]]
    assert "KeyboardInterrupt: " in every
    assert all("nterrupt" in saw for saw in every), every


def test_what_an_interrupted_rank_has_sent_is_no_part_of_the_next_reduction(seen: Seen) -> None:
    every = [saw for saw, _ in seen["stale"]]
    assert every == [f"returned {len(every)}"] * len(every)


def test_a_reduction_too_many_concerns_only_the_rank_that_makes_it(seen: Seen) -> None:
    for rank, (saw, _) in enumerate(seen["one_too_many"]):
        # Which of them it is told depends on whether it has waited for a while by then.
        whats = (
            [f"has {what}, so this reduction cannot be done" for what in ENDED]
            if rank == ODD
            else ["nothing"]
        )
        assert saw in [f"returned {(what, len(seen['one_too_many']))}" for what in whats]


def test_an_interrupt_between_the_lines_of_a_call_is_no_part_of_the_next_cell(seen: Seen) -> None:
    every = [saw for saw, _ in seen["between_lines"]]
    assert every == [f"returned {len(every)}"] * len(every)


def test_a_rank_that_is_behind_the_others_is_not_joined_with_them(seen: Seen) -> None:
    """After what the others reduced with it and it left, its second call meets their third."""
    what = "sum of int64, shape (), call"
    for rank, (saw, _) in enumerate(seen["one_behind"]):
        first, second = ast.literal_eval(saw.removeprefix("returned "))
        error = first if rank == ODD else second
        assert f"rank {ODD} differs (" in error
        assert f"rank {ODD}: {what} 2 of its cell" in error
        assert f"{what} 3 of its cell" in error
        told = second if rank == ODD else first
        assert ("has gone on to another cell" if rank == ODD else f"rank {ODD} was interrupted") in told


def test_other_order_is_the_same_error_on_every_rank(seen: Seen) -> None:
    told = {saw for saw, _ in seen["out_of_order"]}
    assert len(told) == 1
    assert told.pop().startswith("AgreementError: the ranks do not agree on what to reduce: rank 1 differs (")


@pytest.mark.parametrize("library", ["mpich", "openmpi"])
def test_reductions_can_be_given_up_more_often_than_there_are_communicators(library: Library) -> None:
    report = json.loads(run_ranks(2, WORKER, "many_times", library=library).stdout)
    assert report["seen"]["many_times"] == [["returned 2500", "right"]] * 2
