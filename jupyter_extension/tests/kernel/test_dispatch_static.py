"""A run as plain text and as HTML, for where there is no widget."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import nbconvert
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pxengines.dispatch import ansi
from pxengines.dispatch.live import MIME
from pxengines.dispatch.run import CellRun
from pxengines.dispatch.static import (
    BLOCKS,
    RICH_BYTES,
    TEXT_BYTES,
    bundle,
    duration,
    html,
    is_balanced,
    plain,
)

pytestmark = pytest.mark.apart

PNG = "iVBORw0KGgo="


def a_run(ranks: int = 4, code: str = "a < 3") -> CellRun:
    """Return a run that was sent at 100."""
    return CellRun(run_id="1", code=code, ranks=range(ranks), started_at=100.0)


class Tags(HTMLParser):
    """Collects the elements of a text, their attributes, and what is written in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_plain_text() -> None:
    run = a_run()
    for rank in range(4):
        run.stream(rank, "stdout", "\x1b[32mone\x1b[0m\n" if rank else "one\ntwo\n")
        run.result(rank, {"text/plain": "496"})
        run.ended(rank, 101.25)
    assert plain(run, 200.0).replace("\N{EN DASH}", "-") == (
        "a < 3: done on 4 engines, 1.2 s\n[stdout 0]\none\ntwo\n[stdout 1-3] one\n[0-3] 496"
    )


def test_what_became_of_a_stop_is_told() -> None:
    run = a_run()
    run.tell("Rank 1 <is> busy.")
    assert plain(run, 100.5).splitlines()[1:] == ["Rank 1 <is> busy."]
    assert "<div><small>Rank 1 &lt;is&gt; busy.</small></div>" in html(run, 100.5)


def test_headline_counts_ranks_unless_all_are_well() -> None:
    run = a_run(6, "")
    assert plain(run, 100.5).replace("\N{EN DASH}", "-") == "running on 6 engines, 0.50 s: 6 waiting (0-5)"
    for rank in range(6):
        run.began(rank, 100.5)
    assert plain(run, 165.0) == "running on 6 engines, 1 min 5 s"
    run.ended(0, 101.0)
    run.failed(3, "ValueError", "bad", [])
    run.lost(4, "killed")
    run.over("timeout", 110.0)
    assert plain(run, 200.0).splitlines()[0] == (
        "time limit reached on 6 engines, 10 s: "
        "3 running (1\N{EN DASH}2, 5), 1 done (0), 1 failed (3), 1 lost (4)"
    )


def test_what_a_notebook_keeps_of_a_run_that_goes_on_tells_when_that_was() -> None:
    run = a_run(1)
    run.began(0, 100.0)
    for text in bundle(run, 100.5).values():
        assert re.search(r"running on 1 engine, 0\.50 s \(at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)", text), text
    run.ended(0, 101.0)
    for text in bundle(run, 200.0).values():
        assert "done on 1 engine, 1.0 s" in text
        assert "(at " not in text


def test_html_escapes_all_that_is_not_rich() -> None:
    evil = "<script>alert(1)</script><img src=x onerror=y>&'\""
    run = a_run(1, evil)
    run.stream(0, "stdout", evil)
    run.stream(0, "stderr", f"\x1b[31m{evil}\x1b[0m")
    run.result(0, {"text/plain": evil})
    run.failed(0, evil, evil, [evil])
    found = Tags(html(run, 101.0))
    assert set(found.tags) <= set("div table tbody tr th td pre code small br span details summary".split())
    assert found.attributes <= {"style", "class", "align", "valign", "scope", "open"}
    assert found.text.count(evil) >= 6


def test_html_of_rich_output() -> None:
    run = a_run(3)
    run.display(
        0,
        {"image/png": PNG + "\n", "text/plain": '<Figure "1">'},
        {"image/png": {"width": 30, "height": "x"}},
    )
    run.display(1, {"image/svg+xml": "<svg/>"})
    run.display(2, {"application/json": {"a": 1}})
    run.result(0, {"text/html": "<table><tr><td>1</table>", "text/plain": "table"})
    run.result(1, {"text/html": "<table></div>", "text/plain": "not closed"})
    text = html(run, 101.0)
    assert f'<img src="data:image/png;base64,{PNG}" alt="&lt;Figure &quot;1&quot;&gt;" width="30">' in text
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in text
    assert "&lt;application/json&gt;" in text
    assert "<div><table><tr><td>1</table></div>" in text
    assert "not closed</pre>" in text
    assert "<table></div>" not in text


@pytest.mark.parametrize("exporter", [nbconvert.HTMLExporter, nbconvert.MarkdownExporter])
def test_a_saved_notebook_is_converted_with_all_that_was_shown(exporter: type[Any]) -> None:
    run = a_run(code="psum(a)")
    for rank in range(4):
        run.began(rank, 100.0)
        run.stream(rank, "stdout", f"step {rank} < 9\n")
    run.result(0, {"text/plain": "496"})
    run.failed(2, "ValueError", "wrong sign", ["ValueError: wrong sign"])
    for rank in range(4):
        run.ended(rank, 101.0)
    run.over("failed", 101.0)
    shown = {MIME: {"model_id": "1"}, **bundle(run, 101.0)}
    output = nbformat.v4.new_output("display_data", data=shown)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%%px\npsum(a)", outputs=[output])])
    converted, _ = exporter().from_notebook_node(notebook)
    text = " ".join(Tags(converted).text.split())
    for words in ("failed on 4 engines", "psum(a)", "step 3 < 9", "496", "ValueError: wrong sign"):
        assert words in text
    assert "model_id" not in converted


def test_html_shows_the_first_error_open() -> None:
    run = a_run(2)
    run.failed(0, "ValueError", "bad", ["\x1b[31mTraceback\x1b[0m", "  here"])
    run.failed(1, "TypeError", "worse", ["elsewhere"])
    text = html(run, 101.0)
    assert "<details open><summary><code>ValueError: bad</code></summary>" in text
    assert "<details><summary><code>TypeError: worse</code></summary>" in text
    assert '<span class="ansi-red-fg">Traceback</span>\n  here' in text


def test_html_and_text_are_bounded() -> None:
    run = a_run(1_000)
    for rank in range(1_000):
        run.stream(rank, "stdout", "".join(f"<{number} of {rank}>\n" for number in range(100)))
        run.display(rank, {"image/png": f"{rank:04}" * 10_000})
        run.result(rank, {"text/plain": str(rank)})
    found = bundle(run, 101.0)
    assert len(found["text/plain"]) <= 1.5 * TEXT_BYTES
    assert len(found["text/html"]) <= RICH_BYTES + 6 * TEXT_BYTES
    assert f"… {3_000 - BLOCKS:,} more outputs not shown …" in found["text/html"]
    assert found["text/plain"].endswith("more outputs not shown …")


@pytest.mark.parametrize(
    ("text", "balanced"),
    [
        ("", True),
        ("text &amp; <br> <img src=x> <hr/>", True),
        ("<p>one<p>two<ul><li>a<li>b</ul>", True),
        ("<table><tr><td>1<td>2</table>", True),
        ("<style scoped>td > th { }</style><b>x</b>", True),
        ("<div>", False),
        ("</div>", False),
        ("<b><i></b></i>", False),
        ("<script>x", False),
        ("<!-- never ends", False),
        ("<div", False),
        ("<textarea>", False),
        ("<table></td></tr></table></table>", False),
        # Some Pythons raise an AssertionError for these; others take them for comments.
        ("<b>x</b><![x]></i>", False),
        ("<![ x</b>", False),
    ],
)
def test_balance(text: str, balanced: bool) -> None:
    assert is_balanced(text) is balanced


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.00 s"),
        (0.126, "0.13 s"),
        (0.999, "1.0 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (7384, "2 h 3 min"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a < b", "a &lt; b"),
        ("\x1b[31mred\x1b[0m not", '<span class="ansi-red-fg">red</span> not'),
        ("\x1b[1;32mx\x1b[22m", '<span class="ansi-green-intense-fg ansi-bold">x</span>'),
        ("\x1b[1m\x1b[32m\x1b[22my\x1b[m", '<span class="ansi-green-fg">y</span>'),
        ("\x1b[97;44mx\x1b[39;49my", '<span class="ansi-white-intense-fg ansi-blue-bg">x</span>y'),
        ("\x1b[4mx\x1b[24my", '<span class="ansi-underline">x</span>y'),
        ("\x1b[7mx\x1b[27my", '<span class="ansi-default-inverse-fg ansi-default-inverse-bg">x</span>y'),
        ("\x1b[38;5;196mx", '<span style="color: rgb(255, 0, 0)">x</span>'),
        ("\x1b[38;5;9mx", '<span class="ansi-red-intense-fg">x</span>'),
        ("\x1b[48;5;232mx", '<span style="background-color: rgb(8, 8, 8)">x</span>'),
        ("\x1b[38;2;1;2;300mx", '<span style="color: rgb(1, 2, 255)">x</span>'),
        ("\x1b[38;5mx\x1b[38;9mx\x1b[99m", "xx"),
        ("\x1b[2Ka\x1b]0;title\x07b\x1b", "ab"),
    ],
)  # fmt: skip
def test_colours(text: str, shown: str) -> None:
    assert ansi.to_html(text) == shown


@given(st.text("\x1b[]0123;mK<&a\x07", max_size=40))
def test_colours_never_lose_text_or_leave_markup(text: str) -> None:
    shown = ansi.to_html(text)
    assert is_balanced(shown)
    assert Tags(shown).text == ansi.strip(text)
    assert "\x1b" not in ansi.strip(text)
