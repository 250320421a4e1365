"""What is shown of a cell: blocks in order, equal ones once, all within bounds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pxengines.dispatch.blocks import FINAL_BYTES, LIVE_BYTES, Block, shown, whole
from pxengines.dispatch.ranks import rank_words
from pxengines.dispatch.run import CellRun

pytestmark = pytest.mark.apart

PNG = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}


def a_run(ranks: int = 4, **options: Any) -> CellRun:
    """Return a run that was just sent."""
    return CellRun(run_id="1", code="a", ranks=range(ranks), started_at=100.0, **options)


def brief(blocks: list[Block]) -> list[tuple[str, str, str | None]]:
    """Return what kind each is, whose, and its text."""
    return [(block.kind, block.ranks.replace("\N{EN DASH}", "-"), block.text) for block in blocks]


def test_equal_output_and_results_are_shown_once() -> None:
    run = a_run(8)
    for rank in reversed(range(8)):
        run.result(rank, {"text/plain": "496"})
        for word in ("he", "llo\n") if rank % 2 else ("hello\n",):
            run.stream(rank, "stdout", word if rank != 6 else "HELLO\n")
    run.stream(3, "stderr", "careful\n")
    assert brief(shown(run).blocks) == [
        ("stdout", "0-5, 7", "hello\n"),
        ("stdout", "6", "HELLO\n"),
        ("stderr", "3", "careful\n"),
        ("result", "0-7", "496"),
    ]
    assert [block.count for block in shown(run).blocks] == [7, 1, 1, 8]


def test_ranks_are_engines_numbers_in_order() -> None:
    run = CellRun(run_id="1", code="", ranks=[7, 2, 3], started_at=0.0)
    for rank in (7, 3, 2):
        run.result(rank, {"text/plain": str(rank % 7)})
    assert brief(shown(run).blocks) == [("result", "2", "2"), ("result", "3", "3"), ("result", "7", "0")]


def test_plots_stand_where_they_were_shown() -> None:
    run = a_run(2)
    for rank in (1, 0):
        run.stream(rank, "stdout", "first:\n")
        run.display(rank, PNG, {"image/png": {"width": 10}})
        run.stream(rank, "stdout", "second:\n")
        run.display(rank, {"text/plain": f"plot of {rank}"})
        run.stream(rank, "stderr", "end")
    found = shown(run).blocks
    assert brief(found) == [
        ("stdout", "0-1", "first:\n"),
        ("display", "0-1", "<Figure>"),
        ("stdout", "0-1", "second:\n"),
        ("display", "0", "plot of 0"),
        ("display", "1", "plot of 1"),
        ("stderr", "0-1", "end"),
    ]
    assert (found[1].data, found[1].metadata) == (PNG, {"image/png": {"width": 10}})
    assert (found[3].data, found[3].metadata) == (None, None)


def test_one_engine_after_the_other_if_asked_for() -> None:
    run = a_run(4, group="engine")
    for rank in range(4):
        run.stream(rank, "stdout", "same" if rank != 1 else "other")
        run.result(rank, {"text/plain": "1"})
    assert brief(shown(run).blocks) == [
        ("stdout", "0, 2-3", "same"),
        ("result", "0, 2-3", "1"),
        ("stdout", "1", "other"),
        ("result", "1", "1"),
    ]


def traceback(cell: int, address: str, message: str) -> list[str]:
    """Return the lines of a traceback as IPython renders them."""
    return [
        "\x1b[31mValueError\x1b[39m Traceback (most recent call last)",
        f"Cell \x1b[32mIn[{cell}]\x1b[39m, line 1, in <function f at {address}>",
        f"\x1b[31mValueError\x1b[39m: {message}",
    ]


def test_a_traceback_is_shown_once() -> None:
    run = a_run(4)
    for rank in range(3):
        run.failed(rank, "ValueError", "bad input", traceback(rank + 1, f"0x7f0123456{rank}", "bad input"))
    run.lost(3, "killed by signal 9")
    first, lost = shown(run).blocks
    assert (first.kind, first.ranks, first.title) == ("error", "0\N{EN DASH}2", "ValueError: bad input")
    assert first.text == "\n".join(traceback(1, "0x7f01234560", "bad input"))
    assert (lost.ranks, lost.title, lost.text) == (
        "3",
        "EngineLost: killed by signal 9",
        "EngineLost: killed by signal 9",
    )


def test_messages_that_differ_share_a_traceback() -> None:
    run = a_run(4)
    for rank in range(4):
        run.failed(rank, "ValueError", f"bad {rank // 2}", traceback(1, "0x7f0123456", f"bad {rank // 2}"))
    (error,) = shown(run).blocks
    assert error.title == "ValueError: bad 0 (and 1 other message)"
    assert error.text is not None
    assert error.text.replace("\N{EN DASH}", "-").endswith("ValueError by rank:\n0-1: bad 0\n2-3: bad 1")


def test_the_cause_comes_before_what_followed_from_it() -> None:
    run = a_run(3)
    run.failed(0, "PeerError", "rank 2 raised ValueError", [])
    run.failed(1, "KeyboardInterrupt", "", [])
    run.failed(2, "ValueError", "bad", [])
    assert [block.ranks for block in shown(run).blocks] == ["2", "0", "1"]


def test_tracebacks_of_other_lines_are_others() -> None:
    run = a_run(2)
    run.failed(0, "ValueError", "1", ["line 1", "ValueError: 1"])
    run.failed(1, "ValueError", "1", ["line 11", "ValueError: 1"])
    assert [block.ranks for block in shown(run).blocks] == ["0", "1"]


def test_long_texts_leave_room_for_short_ones() -> None:
    run = a_run(3)
    run.stream(0, "stdout", "".join(f"line {number}\n" for number in range(50_000)))
    run.stream(1, "stdout", "short")
    run.result(1, {"text/plain": "x" * 300_000})
    run.failed(2, "ValueError", "bad", ["a\n" * 1_000] * 100)
    content = shown(run, text_bytes=60_000)
    assert content.bytes < 72_000
    assert [block.text == "short" for block in content.blocks] == [False, True, False, False]
    for block in (content.blocks[0], content.blocks[2], content.blocks[3]):
        assert block.text is not None
        assert 10_000 < len(block.text) < 30_000
        assert block.dropped is not None
        assert " not shown …\n" in block.text
    first = content.blocks[0].text or ""
    assert first.startswith("line 0\nline 1\n")
    assert first.endswith("line 49999\n")
    dropped = content.blocks[0].dropped
    assert dropped is not None
    assert dropped.lines == 50_000 - first.count("\nline") - 1
    # All that is kept of it is there for the asking.
    asked = whole(run, content.blocks[2].key)
    assert asked is not None
    assert (asked.text, asked.dropped) == ("x" * 300_000, None)


def test_whole_finds_a_block_that_was_joined_by_others() -> None:
    run = a_run(2)
    run.stream(1, "stdout", "same")
    (block,) = shown(run).blocks
    run.stream(0, "stdout", "same")
    joined = whole(run, block.key)
    assert joined is not None
    assert (joined.ranks, joined.text) == ("0\N{EN DASH}1", "same")
    run.clear(0)
    run.clear(1)
    assert whole(run, block.key) is None
    assert whole(run, "nonsense") is None


def test_rich_data_beyond_the_bound_are_named_and_sent_when_asked_for() -> None:
    run = a_run(3)
    for rank in range(3):
        run.display(rank, {"image/png": str(rank) * 30_000, "text/plain": "<Figure>"})
    content = shown(run, rich_bytes=70_000)
    assert [block.data is None for block in content.blocks] == [False, False, True]
    last = content.blocks[2]
    assert last.text == "<Figure>\n… 30.0 kB (image/png, text/plain) not shown …"
    asked = whole(run, last.key)
    assert asked is not None
    assert asked.data == {"image/png": "2" * 30_000, "text/plain": "<Figure>"}


def test_huge_results_are_refused_with_their_size() -> None:
    run = a_run(1)
    run.result(0, {"text/plain": "x" * 20_000_000})
    (block,) = shown(run).blocks
    assert block.text is not None
    assert block.text.startswith("A result of 20.0 MB (text/plain), too large to show. It is kept")
    assert (block.data, block.dropped) == (None, None)


def test_displays_that_were_not_kept_are_counted() -> None:
    run = a_run(2)
    for rank in range(2):
        for number in range(70):
            run.display(rank, {"text/plain": f"{number:02}"})
    last = shown(run).blocks[-1]
    assert brief([last]) == [("display", "0-1", "… 6 more displays (12 B) not kept …")]


@pytest.mark.parametrize("bound", [LIVE_BYTES, FINAL_BYTES])
@pytest.mark.parametrize("line", ["line {0} of {1}\n", "\x00\x1b\x01{0} {1}\n", "é{0}\N{GRINNING FACE}{1}\n"])
def test_what_is_sent_is_bounded_for_many_ranks_and_lines(bound: int, line: str) -> None:
    run = a_run(1_000)
    for rank in range(1_000):
        run.stream(rank, "stdout", "".join(line.format(number, rank) for number in range(500)))
        run.result(rank, {"text/plain": str(rank)})
        run.failed(rank, f"Error{rank}", "", [f"line {number}" for number in range(200)])
    content = shown(run, text_bytes=bound)
    sent = msgspec.json.encode(content.blocks)
    assert len(sent) <= 1.2 * bound
    assert abs(len(sent) - content.bytes) <= 0.2 * bound
    assert len(content.blocks) + content.dropped_blocks == 3_000
    assert 10 <= len([block for block in content.blocks if block.kind == "error"]) <= 50


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from(["stdout", "stderr", "display", "result"]),
            st.sampled_from("ab"),
        ),
        max_size=40,
    ),
    st.sampled_from(["type", "order", "engine"]),
)
def test_each_thing_is_shown_exactly_once(events: list[tuple[int, str, str]], group: Any) -> None:
    run = a_run(6, group=group)
    wanted: dict[int, dict[str, list[str]]] = {rank: {} for rank in range(6)}
    for rank, kind, word in events:
        of = wanted[rank]
        if kind == "result":
            run.result(rank, {"text/plain": word})
            of[kind] = [word]
        elif kind == "display":
            run.display(rank, {"text/plain": word})
            of.setdefault(kind, []).append(word)
        else:
            run.stream(rank, kind, word)
            of[kind] = ["".join(of.get(kind, [])) + word]
    found = shown(run).blocks
    assert len({block.key for block in found}) == len(found)
    for rank, of in wanted.items():
        seen: dict[str, list[str]] = {}
        for block in found:
            if rank in ranks_of(block):
                seen.setdefault(block.kind, []).append(block.text or "")
        for name in ("stdout", "stderr"):
            if name in seen:
                seen[name] = ["".join(seen[name])]
        assert seen == of
    for block in found:
        assert block.count == len(ranks_of(block))
    contents = [(block.kind, block.key.split(":")[1], block.text) for block in found]
    assert group == "engine" or len(set(contents)) == len(contents)


def ranks_of(block: Block) -> set[int]:
    """Return the ranks that a block names."""
    found: set[int] = set()
    for words in block.ranks.split(", "):
        first, _, last = words.partition("\N{EN DASH}")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_rank_words() -> None:
    assert rank_words([]) == ""
    assert rank_words([3]) == "3"
    assert rank_words([9, 2, 1, 0]) == "0\N{EN DASH}2, 9"
    assert rank_words(range(0, 2_000, 2), most=3) == "0, 2, 4, … (1,000 in all)"


def test_halves_of_characters_and_control_characters_do_no_harm() -> None:
    run = a_run(1)
    run.stream(0, "stdout", "a\udc80\x00b\x07\x1b[31mc")
    run.result(0, {"text/plain": "\ud83d", "text/html": "<b>\udfff</b>"}, {"note": "x"})
    run.failed(0, "E\udc80", "\udc81", ["\udc82"])
    text, result, error = shown(run).blocks
    assert text.text == "a?b\x1b[31mc"
    assert result.data == {"text/plain": "?", "text/html": "<b>?</b>"}
    assert error.title == "E?: ?"
    msgspec.json.encode([text, result, error])
