"""What is known of a cell on engines, fed with events in any order."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pxengines.dispatch.run import DISPLAYS_KEPT, CellRun, first_line
from pxengines.dispatch.screen_text import LINE, ScreenText, bytes_in_words

pytestmark = pytest.mark.apart


def a_run(ranks: int = 2, code: str = "a = 3") -> CellRun:
    """Return a run that was just sent."""
    return CellRun(run_id="1", code=code, ranks=range(ranks), started_at=100.0)


def text_of(run: CellRun, rank: int, name: str = "stdout") -> str:
    """Return all that a rank has printed."""
    parts = run.by_rank[rank].parts
    return "".join(part.texts[name].cut(10**9).text for part in parts if name in part.texts)


def screen(*pieces: str) -> str:
    """Return what a terminal shows of `pieces`."""
    text = ScreenText(1_000_000, 1_000_000)
    for piece in pieces:
        text.write(piece)
    return text.cut(10**9).text


def on_terminal(text: str) -> str:
    """Do the same in the plainest way, for text without escape sequences."""
    lines, column = [""], 0
    for letter in text:
        if letter == "\n":
            lines.append("")
            column = 0
        elif letter == "\r":
            column = 0
        elif letter == "\b":
            column = max(0, column - 1)
        else:
            lines[-1] = lines[-1][:column] + letter + lines[-1][column + 1 :]
            column += 1
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (("one\n", "two"), "one\ntwo"),
        (("10%", "\r20%", "\r100%\n"), "100%\n"),
        (("long line\rshort",), "shortline"),
        (("same\r\n", "end\r\n"), "same\nend\n"),
        (("half\r", "", "full"), "full"),
        (("ab\b", "c"), "ac"),
        (("\b\bab",), "ab"),
        (("abc\r\x1b[K", "d"), "d"),
        (("abc\x1b[2K\rd",), "d"),
        (("ab\r\x1b[31mX\x1b[0m",), "\x1b[31mX\x1b[0m"),
        (("\x1b[?25l\x1b]0;title\x07text\x1b[A",), "text"),
    ],
)
def test_text_is_as_on_a_terminal(pieces: tuple[str, ...], shown: str) -> None:
    assert screen(*pieces) == shown


@given(st.lists(st.text("ab\n\r\b", max_size=12), max_size=12))
def test_text_is_as_on_a_terminal_however_it_comes(pieces: list[str]) -> None:
    assert screen(*pieces) == on_terminal("".join(pieces))
    assert screen("".join(pieces)) == on_terminal("".join(pieces))


@settings(max_examples=200)
@given(
    st.lists(st.text("aé\n", max_size=60) | st.integers(1, 3 * LINE).map("x".__mul__), max_size=40),
    st.integers(1, 5_000),
    st.integers(2, 20_000),
    st.lists(st.floats(0, 1), max_size=6),
)
def test_what_is_kept_is_bounded_and_the_rest_is_counted(
    pieces: list[str], room: int, limit: int, places: list[float]
) -> None:
    whole = "".join(pieces)
    text = ScreenText(room, room)
    for piece in pieces:
        text.write(piece)
    cut = text.cut(limit)
    assert len(text.cut(10**9).text) <= 2 * max(room, 2 * LINE) + LINE + 100
    assert len(cut.text) <= limit + 100
    if not cut.bytes:
        assert cut.text == whole
    else:
        first, _, rest = cut.text.partition("… ")
        last = rest.partition(" not shown …\n")[2]
        assert whole.endswith(last)
        # The words stand on a line of their own, so that a new line may have come before them.
        assert any(
            whole.startswith(begun)
            and cut.bytes == len(whole.encode()) - len(begun.encode()) - len(last.encode())
            and cut.lines == whole.count("\n") - (begun + last).count("\n")
            for begun in (first, first.removesuffix("\n"))
        )
    # Equal output is equal however it came.
    other = ScreenText(room, room)
    cuts = [0, *sorted(int(place * len(whole)) for place in places), len(whole)]
    for at, end in pairwise(cuts):
        other.write(whole[at:end])
    assert other.key() == text.key()
    assert other.cut(limit) == cut


@pytest.mark.parametrize("room", [500, 3_000, 100_000])
@pytest.mark.parametrize("count", [3, 4, 40, 1_000])
def test_many_lines_at_once_are_kept_as_if_they_came_one_by_one(room: int, count: int) -> None:
    lines = [f"line {number} ü\n" for number in range(count)]
    at_once, in_two, one_by_one = (ScreenText(room, room) for _ in range(3))
    at_once.write("".join(lines))
    in_two.write("".join(lines[: count // 3]))
    in_two.write("".join(lines[count // 3 :]))
    for line in lines:
        one_by_one.write(line)
    kept = {
        (text.bytes, text.lines, text.used, text.size, text.tail_cost, text.cut(10**9))
        for text in (at_once, in_two, one_by_one)
    }
    assert len(kept) == 1
    assert at_once.key() == in_two.key() == one_by_one.key()


def test_what_differs_only_where_it_is_dropped_is_not_equal() -> None:
    one, two = ScreenText(3_000, 3_000), ScreenText(3_000, 3_000)
    for number in range(1_000):
        one.write(f"line {number}\n")
        two.write(f"line {number if number != 500 else 501}\n")
    assert one.cut(1_000).text.count("\n") == two.cut(1_000).text.count("\n")
    assert one.key() != two.key()


@pytest.mark.parametrize("room", [500, 3_000, 100_000])
@pytest.mark.parametrize("length", [LINE, LINE + 1, 3 * LINE, 50 * LINE, 200 * LINE + 7])
@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_long_line_is_kept_as_if_it_came_in_pieces(room: int, length: int, letter: str) -> None:
    for end in ("", "\n", "\r\n", "\rover"):
        at_once, in_pieces = ScreenText(room, room), ScreenText(room, room)
        line = f"begin {letter * length} end{end}"
        at_once.write(line)
        for at in range(0, len(line), 999):
            in_pieces.write(line[at : at + 999])
        assert at_once.cut(10**9) == in_pieces.cut(10**9)
        assert (at_once.bytes, at_once.lines, at_once.used, at_once.tail_cost) == (
            in_pieces.bytes,
            in_pieces.lines,
            in_pieces.used,
            in_pieces.tail_cost,
        )


@pytest.mark.parametrize("end", ["", "\n", "\r"])
def test_one_line_of_many_megabytes_does_not_hold_the_kernel(end: str) -> None:
    """Copying its rest for each piece took 5 s for 16 MB, and four times as much for twice the length."""
    line = "x" * 30_000_000 + end
    run = a_run()
    began = time.process_time()
    run.stream(0, "stdout", line)
    assert time.process_time() - began < 2
    cut = run.by_rank[0].parts[0].texts["stdout"].cut(1_000)
    assert cut.bytes > 29_990_000
    assert "30.0 MB not shown" in cut.text


def test_what_an_event_costs_does_not_grow_with_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts what is moved, not time: each print moves one piece, whatever is kept already."""
    pushes: list[str] = []

    def counted(push: Callable[..., None]) -> Callable[..., None]:
        def counting(self: ScreenText, piece: str, *more: Any) -> None:
            pushes.append(piece)
            push(self, piece, *more)

        return counting

    for name in ("_push_head", "_push"):
        monkeypatch.setattr(ScreenText, name, counted(getattr(ScreenText, name)))
    run = a_run(1)
    for number in range(20_000):
        run.stream(0, "stdout", f"line {number}\n")
        assert len(pushes) == number + 1
    dots = ScreenText(1_000, 1_000)
    longest = 0
    for _ in range(20_000):
        dots.write(".")
        longest = max(longest, len(dots._open))
    assert longest <= LINE


@pytest.mark.parametrize(
    ("events", "states", "state"),
    [
        ([], "ww", "running"),
        ([("began", 0, 101.0)], "rw", "running"),
        ([("ended", 0, 102.0), ("ended", 1, 103.0)], "dd", "done"),
        ([("ended", 0, 102.0), ("failed", 1, "ValueError", "bad", []), ("ended", 1, 103.0)], "df", "failed"),
        ([("ended", 1, 103.0), ("failed", 1, "ValueError", "bad", []), ("ended", 0, 102.0)], "df", "failed"),
        ([("failed", r, "KeyboardInterrupt", "", []) for r in (0, 1)], "ii", "interrupted"),
        ([("lost", 0, "killed"), ("ended", 0, 102.0), ("ended", 1, 102.0)], "ld", "failed"),
        ([("ended", 0, 102.0), ("lost", 0, "stopped later"), ("ended", 1, 102.0)], "dd", "done"),
        ([("ended", 0, 102.0), ("over", "timeout", 110.0)], "dw", "timeout"),
    ],
)
def test_states(events: list[tuple[Any, ...]], states: str, state: str) -> None:
    run = a_run()
    for name, *arguments in events:
        getattr(run, name)(*arguments)
    assert (run.states, run.state) == (states, state)
    assert (run.ended_at is None) == (state == "running")


def test_times() -> None:
    run = a_run()
    run.began(0, 100.5)
    run.ended(0, 103.0)
    run.ended(0, 200.0)
    assert run.ended_at is None
    run.ended(1, 102.0)
    assert run.ended_at == 103.0
    assert run.by_rank[0].began_at == 100.5
    late = a_run()
    late.ended(0, 101.0)
    late.over("interrupted", 105.0)
    assert late.ended_at == 105.0


def test_clear_output() -> None:
    run = a_run(1)
    run.stream(0, "stdout", "old")
    run.clear(0, True)
    assert text_of(run, 0) == "old"
    run.stream(0, "stdout", "new")
    assert text_of(run, 0) == "new"
    run.display(0, {"text/plain": "plot"})
    run.clear(0)
    assert text_of(run, 0) == ""
    assert run.by_rank[0].parts[0].display is None


@pytest.mark.parametrize(
    ("event", "silent"),
    [
        (("began", 1.0), True),
        (("ended", 1.0), True),
        (("stream", "stdout", ""), True),
        (("stream", "stderr", "\n"), False),
        (("display", {"text/plain": ""}), False),
        (("result", {"text/plain": ""}), False),
        (("failed", "E", "", []), False),
        (("lost", "killed"), False),
    ],
)
def test_silent(event: tuple[Any, ...], silent: bool) -> None:
    run = a_run()
    getattr(run, event[0])(1, *event[1:])
    assert run.is_silent is silent


def test_displays_are_replaced_by_their_id() -> None:
    run = a_run()
    run.display(0, {"text/plain": "1%"}, {}, {"display_id": "bar"})
    run.display(0, {"text/plain": "50%"}, {}, {"display_id": "bar"}, update=False)  # shown twice
    run.display(0, {"text/plain": "99%"}, {}, {"display_id": "bar"}, update=True)
    run.display(1, {"text/plain": "elsewhere"}, {}, {"display_id": "bar"}, update=True)
    shown = [part.display.plain for part in run.by_rank[0].parts if part.display]
    assert shown == ["99%", "99%"]
    assert run.by_rank[1].parts[0].display is None


def test_too_many_and_too_large_displays_are_counted() -> None:
    run = a_run(1)
    for number in range(DISPLAYS_KEPT + 5):
        run.display(0, {"text/plain": f"{number:04}"})
    assert run.by_rank[0].dropped == (5, 20)
    run.clear(0)
    run.display(0, {"image/png": "x" * 20_000_000})
    display = run.by_rank[0].parts[0].display
    assert display is not None
    assert (display.refused, display.size, display.mimes, display.data) == (
        True,
        20_000_000,
        ["image/png"],
        {},
    )


def test_memory_is_bounded_for_many_ranks_and_lines() -> None:
    run = a_run(1_000)
    lines = "".join(f"line {number}\n" for number in range(1_000))
    for _ in range(10):
        for rank in range(1_000):
            run.stream(rank, "stdout", lines)
    kept = sum(part.texts["stdout"].size for rank in run.by_rank.values() for part in rank.parts)
    assert kept <= 20_000_000
    text = run.by_rank[999].parts[0].texts["stdout"]
    assert text.lines == 10_000
    assert text.bytes == 10 * len(lines)


@pytest.mark.parametrize(
    ("code", "label"),
    [("", ""), ("\n\n  a = 3\nb", "a = 3"), ("x" * 500, "x" * 119 + "…")],
)
def test_label(code: str, label: str) -> None:
    assert first_line(code) == label


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (12_345, "12.3 kB"),
        (999_700, "1.0 MB"),
        (5 * 10**12, "5000 GB"),
    ],
)
def test_bytes_in_words(size: int, words: str) -> None:
    assert bytes_in_words(size) == words


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from(["out", "err", "display", "result", "end", "fail", "begin"])
    ),
    max_size=60,
)


@given(EVENTS)
def test_any_order_of_events_keeps_what_each_rank_put_out_in_order(events: list[tuple[int, str]]) -> None:
    run = a_run(4)
    wanted: dict[tuple[int, str], str] = {}
    displays: dict[int, list[str]] = {rank: [] for rank in range(4)}
    versions = 0
    for number, (rank, what) in enumerate(events):
        word = f"<{number}>"
        if what in ("out", "err"):
            run.stream(rank, f"std{what}", word)
            wanted[rank, what] = wanted.get((rank, what), "") + word
        elif what == "display":
            run.display(rank, {"text/plain": word})
            displays[rank].append(word)
        else:
            actions: dict[str, Callable[[], None]] = {
                "result": lambda rank=rank: run.result(rank, {"text/plain": "1"}),  # type: ignore[misc]
                "end": lambda rank=rank: run.ended(rank, 1.0),  # type: ignore[misc]
                "fail": lambda rank=rank: run.failed(rank, "E", "", []),  # type: ignore[misc]
                "begin": lambda rank=rank: run.began(rank, 1.0),  # type: ignore[misc]
            }
            actions[what]()
        versions += 1
    assert run.version == versions
    for rank in range(4):
        for what in ("out", "err"):
            assert text_of(run, rank, f"std{what}") == wanted.get((rank, what), "")
        parts = run.by_rank[rank].parts
        assert [part.display.plain for part in parts if part.display] == displays[rank]
        ended = {what for number, what in events if number == rank} & {"end", "fail"}
        assert (run.by_rank[rank].state in "wr") == (not ended)
    assert (run.state == "running") == any(letter in "wr" for letter in run.states)
