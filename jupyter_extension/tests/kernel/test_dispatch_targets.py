"""``--targets``: read, never evaluated."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pxengines import EnginesError
from pxengines.dispatch import result
from pxengines.dispatch.targets import parse_targets

EIGHT = list(range(8))


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("all", "all"),
        (" ALL ", "all"),
        ("0", 0),
        ("+3", 3),
        ("-1", 7),
        ("-8", 0),
        ("0,2", [0, 2]),
        (" 0 , 2 ", [0, 2]),
        ("7,6", [7, 6]),
        ("0,0,1", [0, 1]),
        ("0-3", [0, 1, 2, 3]),
        ("0-0", [0]),
        ("0-1,5:", [0, 1, 5, 6, 7]),
        (":", EIGHT),
        ("::2", [0, 2, 4, 6]),
        ("1::2", [1, 3, 5, 7]),
        ("-2:", [6, 7]),
        ("::-1", EIGHT[::-1]),
        ("[1]", [1]),
        ("[0, 2]", [0, 2]),
        ("(0,)", [0]),
        ("range(3)", [0, 1, 2]),
        ("range(1, 3), 7", [1, 2, 7]),
        ("range(0,8,2)", [0, 2, 4, 6]),
    ],
)
def test_what_is_understood(text: str, want: Any) -> None:
    assert parse_targets(text, EIGHT) == want


def test_slices_and_negative_numbers_count_the_engines_there_are() -> None:
    assert parse_targets("::2", [0, 2, 5]) == [0, 5]
    assert parse_targets("-1", [0, 2, 5]) == 5
    assert parse_targets("2", [0, 2, 5]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9", "there is no engine 9; there are engines 0-7."),
        ("-9", "there is no engine -9; there are engines 0-7."),
        ("0-9", "there is no engine 8 of 0-9; there are engines 0-7."),
        ("range(6,9)", "there is no engine 8 of range(6,9)"),
        ("0-999999999", "there is no engine 8 of"),
        ("8:", "8: names no engine; there are engines 0-7."),
        ("range(0)", "range(0) names no engine"),
        ("3-1", "the range 3-1 runs backwards; write 1-3."),
        ("::0", "the step of the slice ::0 cannot be 0."),
        ("range(1,2,0)", "the step of range(1,2,0) cannot be 0."),
        ("a", "'a' is no engine. Use all, ids as in 0,2"),
        ("1.5", "'1.5' is no engine"),
        ("99999999999999999999", "is no engine"),
        ("", "cannot read ''."),
        ("[]", "cannot read '[]'."),
        ("0,", "cannot read '0,'."),
        ("0,,1", "cannot read '0,,1'."),
        ("__import__('os').system('true')", "is no engine"),
        ("self.view", "is no engine"),
        ("[0", "is no engine"),
    ],
)
def test_what_is_refused_and_how(text: str, words: str) -> None:
    with pytest.raises(EnginesError) as raised:
        parse_targets(text, EIGHT)
    assert str(raised.value).startswith("--targets: ")
    assert words in str(raised.value)


def test_a_lone_engine_and_none_are_told_as_such() -> None:
    with pytest.raises(EnginesError, match=r"there is engine 0\."):
        parse_targets("1", [0])
    with pytest.raises(EnginesError, match=r"there are no engines\."):
        parse_targets(":", [])


@given(st.text(alphabet="0123456789-+:,[]() rangealx._'", max_size=20), st.sets(st.integers(0, 12)))
def test_whatever_is_typed_gives_engines_that_there_are_or_one_error(text: str, ids: set[int]) -> None:
    try:
        found = parse_targets(text, sorted(ids))
    except EnginesError as error:
        assert "\n" not in str(error)
        return
    if found != "all":
        chosen = found if isinstance(found, list) else [found]
        assert set(chosen) <= ids  # type: ignore[arg-type]
        assert len(chosen) == len(set(chosen)) > 0


def test_a_connection_file_that_cannot_be_read_just_now_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([True, False])
    monkeypatch.setattr(result, "has_ended", lambda client: next(looks))
    client = SimpleNamespace(_closed=False, _build_targets=lambda targets: ([b"a", b"b"], [0, 1]))
    assert result._engines_of(client, "all") == [(0, b"a"), (1, b"b")]
    monkeypatch.setattr(result, "has_ended", lambda client: True)
    with pytest.raises(EnginesError, match="has ended"):
        result._engines_of(client, "all")
