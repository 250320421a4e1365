"""What needs no engines: how ``%psum`` lines are read, digests of results, and what is said of failures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ipyparallel.error import RemoteError

from pxengines import EnginesError
from pxengines.asking import NoAnswerError
from pxengines.psum_magic import parse
from pxengines.rank_answers import Answer, fingerprint
from pxengines.reductions import ReductionError, _the_one, _what_failed


@pytest.mark.parametrize(
    ("line", "expression", "options"),
    [
        ("a", "a", {}),
        ("  a * b ", "a * b", {}),
        ("a - 1", "a - 1", {}),
        ("a-1", "a-1", {}),
        ("d['x y'] + f(a, 1)", "d['x y'] + f(a, 1)", {}),
        ("a 0", "a", {"axis": 0}),
        ("a.T * 2  1", "a.T * 2", {"axis": 1}),
        ("a --axis -1", "a", {"axis": -1}),
        ("a --axis=0,1", "a", {"axis": (0, 1)}),
        ("a --axis (0, 1) --wrap", "a", {"axis": (0, 1), "wrap": True}),
        ("--op max a", "a", {"op": "max"}),
        ("--wrap a 0 --keepdims", "a", {"wrap": True, "keepdims": True, "axis": 0}),
        ("a --mode exact --timeout=2.5 --dtype f4", "a", {"mode": "exact", "timeout": 2.5, "dtype": "f4"}),
    ],
)
def test_reads_a_line(line: str, expression: str, options: dict[str, Any]) -> None:
    assert parse(line) == (expression, options)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "what is to be added up? Use: %psum EXPRESSION"),
        ("--op max", "what is to be added up?"),
        ("a -1", "'a -1' can be read in two ways: write a-1 without the space, or a --axis -1"),
        (
            "a (0, 1)",
            "'a (0, 1)' can be read in two ways: write a(0, 1) without the space, or a --axis (0,1)",
        ),
        ("a 0 --axis 1", "two axes, 0 and 1"),
        ("a --axis x", "--axis needs a number or (0, 1), not 'x'"),
        ("a --op median", "--op needs one of sum, mean, min, max, argmin, argmax, not 'median'"),
        ("a --mode", "--mode needs one of fast, exact, not ''"),
        ("a --timeout -1", "--timeout needs a number of seconds, not '-1'"),
        ("a --timeout nan", "--timeout needs a number of seconds, not 'nan'"),
        ("a --fast", "%psum has no option --fast"),
        ("a --op max b", "cannot read 'b' after --op"),
    ],
)
def test_refuses_a_line(line: str, words: str) -> None:
    with pytest.raises(EnginesError) as raised:
        parse(line)
    assert words in str(raised.value)


def test_digests_tell_values_types_and_shapes_apart() -> None:
    values = [
        np.float64(1), np.float32(1), np.int64(1), np.float64(0.0), np.float64(-0.0), np.float64("nan"),
        np.ones(1), np.ones((1, 1)), np.clongdouble(1), np.longdouble(1),
        np.longdouble(1) + np.finfo(np.longdouble).eps,
        (np.int64(1),), (np.int64(1), np.int64(2)), np.zeros((0, 2)), np.zeros((0, 3)), None,
    ]  # fmt: skip
    assert len({fingerprint(value)[0] for value in values}) == len(values)


def nan_with_bits(bits: int) -> np.float64:
    return np.array([bits], np.uint64).view(np.float64)[0]


def padded(filler: int) -> Any:
    """Return a long double whose bytes without a meaning are `filler`."""
    memory = np.array([1, 2], np.longdouble)
    if np.finfo(np.longdouble).nmant == 63:
        memory.view(np.uint8).reshape(2, -1)[:, 10:] = filler
    return memory


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (nan_with_bits(0x7FF8000000000000), nan_with_bits(0xFFF8000000000001)),
        (np.array([1, complex(0, np.nan)]), np.array([1, complex(0, -np.nan)])),
        (padded(0), padded(255)),
        (np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3))),
        (np.arange(3.0), np.arange(6.0)[::2] / 2),
    ],
)
def test_digests_do_not_tell_apart_what_is_the_same(one: Any, other: Any) -> None:
    np.testing.assert_array_equal(one, other)
    assert fingerprint(one)[0] == fingerprint(other)[0]


def answer(rank: int, value: Any, size: int = 3) -> Answer:
    return Answer(rank, size, *fingerprint(value), value if rank == 0 else None)


def test_the_value_that_all_have_is_returned() -> None:
    assert _the_one([answer(rank, np.float64(3)) for rank in (2, 0, 1)], "psum of a") == 3


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            [answer(0, np.float64(1)), answer(1, np.float64(2)), answer(2, np.float64(1))],
            "psum of a: the ranks do not have the same result (ranks 0, 2: float64 1.0; rank 1: float64 2.0)",
        ),
        (
            [answer(0, np.zeros(9), 2), answer(1, np.zeros(9, "f4"), 2)],
            "(rank 0: float64 of shape (9,); rank 1: float32 of shape (9,))",
        ),
        ([answer(0, 1, 2), answer(0, 1, 2)], "the engines are not one MPI world, but have the ranks [0, 0]"),
    ],
)
def test_results_that_are_not_one(answers: list[Answer], words: str) -> None:
    with pytest.raises(ReductionError) as raised:
        _the_one(answers, "psum of a")
    assert words in str(raised.value)


def remote(kind: str, text: str) -> RemoteError:
    return RemoteError(kind, text, "", {"engine_id": 0, "method": "apply"})


STOP = remote("KeyboardInterrupt", "")
PEER = "rank 1 was interrupted, so this reduction cannot be done"
WORLD = "the MPI world has 4 ranks, and 2 engines were asked"


@pytest.mark.parametrize(
    ("errors", "asked", "words"),
    [
        ({0: remote("ValueError", "bad\n input")}, 1, "ValueError: bad input."),
        ({0: remote("MemoryError", "")}, 2, "rank 0: MemoryError."),
        ({0: remote("PeerError", PEER), 1: remote("KeyboardInterrupt", "")}, 2, f"{PEER}."),
        (
            {0: remote("KeyboardInterrupt", ""), 1: remote("KeyboardInterrupt", "")},
            2,
            "all ranks: was interrupted.",
        ),
        ({0: remote("PeerError", PEER), 1: remote("ValueError", "x")}, 2, "rank 1: ValueError: x."),
        (
            {0: remote("PeerError", PEER), 1: remote("EngineError", "Engine 1 died while running task '1'")},
            2,
            "rank 1: has ended. Stop the cluster and start it again.",
        ),
        (
            {0: remote("TimeoutError", "rank 1 did not arrive within 1 s"), 1: NoAnswerError("busy")},
            2,
            "rank 1 did not arrive within 1 s; rank 1: busy.",
        ),
        ({0: remote("PeerError", PEER), 1: NoAnswerError("busy")}, 2, f"{PEER}; rank 1: busy."),
        ({0: STOP, 1: NoAnswerError("busy")}, 2, "rank 1: busy."),
        (
            {0: NoAnswerError("the cluster has ended"), 1: remote("EngineError", "Engine 1 died")},
            2,
            "rank 1: has ended; rank 0: the cluster has ended. Stop the cluster and start it again.",
        ),
        (
            {0: remote("PartialWorldError", WORLD), 1: remote("PartialWorldError", WORLD)},
            2,
            f"{WORLD}; all ranks must take part. Use a view of all engines: cluster[:].",
        ),
    ],
)
def test_what_is_said_of_failures(errors: dict[int, Exception], asked: int, words: str) -> None:
    assert _what_failed("psum", errors, asked, 4) == words


def test_a_world_that_is_larger_than_the_cluster() -> None:
    words = _what_failed("psum", {0: remote("PartialWorldError", WORLD)}, 2, 2)
    assert words == f"{WORLD}; all ranks must take part. Stop the cluster and start it again."
