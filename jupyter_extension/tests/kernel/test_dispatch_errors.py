"""What is said of a cell that failed on some engines."""

from __future__ import annotations

from ipyparallel.error import AlreadyDisplayedError, CompositeError, RemoteError

from pxengines.dispatch.errors import (
    LOST,
    NOT_RUN,
    CellError,
    CellTimeoutError,
    Failure,
    Outcome,
    ShownCellError,
    in_words,
    same_failures,
)

BAD = Failure("ValueError", "bad input", "Traceback\n  line\nValueError: bad input")


def traceback(rank: int) -> str:
    """Return the same traceback as each engine words it."""
    return (
        f"\x1b[31mCell In[{rank + 3}], line 1\x1b[39m\n<object at 0x7f0{rank}> in "
        f"/tmp/ipykernel_{100 + rank}/5.py\nValueError: bad input"  # noqa: S108 - it is a text
    )


def test_equal_failures_are_one_whatever_colours_counters_and_addresses() -> None:
    failures = {rank: Failure("ValueError", "bad input", traceback(rank)) for rank in range(3)}
    failures[1] = Failure("ValueError", "other input", traceback(1))
    groups = same_failures(failures)
    assert [ranks for ranks, _ in groups] == [[0, 2], [1]]
    assert groups[0][1].traceback == traceback(0)


def test_the_message_names_the_ranks_and_what_became_of_the_others() -> None:
    assert in_words(Outcome({1: BAD})) == "Rank 1: ValueError: bad input."
    assert in_words(Outcome({1: BAD, 2: BAD}, stopped=[0, 3])) == (
        "Ranks 1-2: ValueError: bad input. Ranks 0, 3 were interrupted and are idle again."
    )
    assert in_words(Outcome({1: BAD}, stopped=[0], withdrawn=[2])) == (
        "Rank 1: ValueError: bad input. Rank 0 was interrupted and is idle again. "
        "Rank 2 was busy with something else and will not run it."
    )
    assert "Ranks 0, 2 are still busy, perhaps" in in_words(Outcome({1: BAD}, busy=[0, 2]))
    assert "stopping the cluster, ends all engines, and what their variables hold is lost" in in_words(
        Outcome({1: BAD}, busy=[0])
    )


def test_a_message_is_one_short_line() -> None:
    words = in_words(Outcome({0: Failure("ValueError", "a\nb\n" + "long " * 1000)}))
    assert words.startswith("Rank 0: ValueError: a b long")
    assert len(words) < 260
    assert "\n" not in words
    assert in_words(Outcome({0: Failure("KeyboardInterrupt", "")})) == "Rank 0: KeyboardInterrupt."


def test_many_different_errors_are_counted() -> None:
    words = in_words(Outcome({rank: Failure("ValueError", f"rank {rank}") for rank in range(64)}))
    assert words.count("ValueError") == 4
    assert words.endswith("Ranks 4-63 raised other errors.")


def test_who_waited_for_a_peer_is_no_cause() -> None:
    peer = Failure("PeerError", "rank 1 raised ValueError: bad input, so this reduction cannot be done")
    outcome = Outcome({0: peer, 1: BAD, 2: peer})
    assert in_words(outcome) == "Rank 1: ValueError: bad input. Ranks 0, 2 were waiting for it."
    assert "PeerError" not in "\n".join(CellError(outcome).render_traceback())
    assert in_words(Outcome({0: peer})).startswith("Rank 0: PeerError: rank 1 raised")


def test_engines_that_ended_or_did_not_run_it() -> None:
    lost = Failure(LOST, "Engine 1 died while running task 'x'", "Traceback of the client")
    assert in_words(Outcome({1: lost})) == (
        "Rank 1 has ended: its process died during the cell. Stop the cluster and start it again."
    )
    assert in_words(Outcome({1: lost, 2: lost})).startswith("Ranks 1-2 have ended: the process of each died")
    assert in_words(Outcome({0: Failure(NOT_RUN, "x_1")})) == (
        "Rank 0: an earlier cell failed there or was interrupted, so this one did not run."
    )
    assert "Traceback of the client" not in "\n".join(CellError(Outcome({1: lost})).render_traceback())


def test_the_error_is_one_of_ipyparallels() -> None:
    error = CellError(Outcome({0: BAD, 2: BAD}))
    assert isinstance(error, CompositeError)
    assert [(each[0], each[1], each[3]["engine_id"]) for each in error.elist] == [
        ("ValueError", "bad input", 0),
        ("ValueError", "bad input", 2),
    ]
    try:
        error.raise_exception(1)
    except RemoteError as remote:
        assert (remote.ename, remote.engine_info["engine_id"]) == ("ValueError", 2)
    assert "\n".join(error.render_traceback(1)).endswith("ValueError: bad input")


def test_each_distinct_traceback_is_shown_once_up_to_a_limit() -> None:
    lines = CellError(
        Outcome({0: BAD, 1: BAD, 2: Failure("KeyError", "'x'", "KeyError: 'x'")})
    ).render_traceback()
    assert lines[0] == "Ranks 0-1: ValueError: bad input. Rank 2: KeyError: 'x'."
    assert lines.count("Traceback") == 1
    assert lines[lines.index("Traceback") - 1] == "Ranks 0-1:"
    many = CellError(Outcome({rank: Failure("E", f"{rank} x", f"E: {rank} x") for rank in range(9)}))
    assert many.render_traceback()[-1] == "… and 5 more kinds of errors, on ranks 4-8"


def test_an_error_that_was_shown_is_its_message_alone() -> None:
    original = CellError(Outcome({0: BAD, 1: BAD}))
    shown = ShownCellError(original, "2 errors")
    assert isinstance(shown, AlreadyDisplayedError)
    assert isinstance(shown, CompositeError)
    assert shown.render_traceback() == [str(shown)] == ["2 errors"]
    assert shown.original_error is original


def test_a_time_limit_tells_what_became_of_the_engines() -> None:
    error = CellTimeoutError(1.5, Outcome(stopped=[0, 1]))
    assert isinstance(error, TimeoutError)
    assert str(error) == "This cell took longer than 1.5 s. Ranks 0-1 were interrupted and are idle again."
