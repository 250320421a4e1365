"""A run without a widget: as HTML for saved notebooks, nbconvert and GitHub, and as plain text.

GitHub strips styles, classes and scripts, so that nothing depends on them; JupyterLab's variables give the
colours of the theme where there is one.
"""

from __future__ import annotations

import base64
import time
from html import escape
from html.parser import HTMLParser
from typing import Any

from . import ansi
from .blocks import Block, Shown, shown
from .ranks import rank_words
from .run import CellRun

TEXT_BYTES = 100_000
RICH_BYTES = 2_000_000
BLOCKS = 200
_RANGES = 8
_SHORT = 20
"""Characters of ranks that stay on one line."""
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_UNCLOSED = frozenset("html head body p li dt dd option tr td th thead tbody tfoot colgroup".split())
_END = "end-of-text"
_HTML_BYTES = 300_000
"""HTML of an engine that is larger is not looked through, and not shown."""
_IMAGES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
_STATES = {
    "running": "running",
    "done": "done",
    "failed": "failed",
    "interrupted": "interrupted",
    "timeout": "time limit reached",
}
_OF_RANKS = {"w": "waiting", "r": "running", "d": "done", "f": "failed", "l": "lost", "i": "interrupted"}
_CELL = 'align="left" valign="top" style="text-align: left; vertical-align: top; padding: 2px 8px{}"'
_PRE = 'style="margin: 0; padding: 0; background: none; white-space: pre-wrap; overflow-wrap: anywhere"'
_TEXT = f'<div class="jp-RenderedText" style="padding: 0"><pre {_PRE}>{{}}</pre></div>'
"""Jupyter has the font and the colours of text for this class only."""
_RED = "background: var(--jp-rendermime-error-background, rgba(255, 0, 0, 0.1))"


def bundle(run: CellRun, now: float) -> dict[str, str]:
    """Return the run at the moment `now` as ``text/plain`` and ``text/html``, to be kept in a notebook."""
    content = shown(run, text_bytes=TEXT_BYTES, rich_bytes=RICH_BYTES, most_blocks=BLOCKS)
    # Nobody may tell it what became of a run that goes on: who reads it later is told when that was.
    dated = run.state == "running"
    return {
        "text/plain": plain(run, now, content, dated=dated),
        "text/html": html(run, now, content, dated=dated),
    }


def headline(run: CellRun, now: float, *, dated: bool = False) -> str:
    """Return how the run goes in a line: ``done on 8 engines, 1.2 s``; with the date of `now` if asked."""
    with run.lock:
        count = len(run.by_rank)
        engines = "1 engine" if count == 1 else f"{count:,} engines"
        state = run.state
        seconds = max(0.0, (now if run.ended_at is None else run.ended_at) - run.started_at)
        words = f"{_STATES[state]} on {engines}, {duration(seconds)}"
        if dated:
            words += time.strftime(" (at %Y-%m-%d %H:%M:%S)", time.localtime(now))
        ranks: dict[str, list[int]] = {}
        for rank, of in run.by_rank.items():
            ranks.setdefault(of.state, []).append(rank)
    usual = {"done": "d", "running": "r"}.get(state)
    if set(ranks) <= {usual}:
        return words
    counts = [
        f"{len(ranks[letter]):,} {name} ({rank_words(ranks[letter], most=_RANGES)})"
        for letter, name in _OF_RANKS.items()
        if letter in ranks
    ]
    return f"{words}: {', '.join(counts)}"


def plain(run: CellRun, now: float, content: Shown | None = None, *, dated: bool = False) -> str:
    """Return the run as plain text, without colours."""
    content = content or shown(run, text_bytes=TEXT_BYTES, most_blocks=BLOCKS)
    state = headline(run, now, dated=dated)
    lines = [f"{run.label}: {state}" if run.label else state]
    lines += filter(None, [run.notice])
    for block in content.blocks:
        text = ansi.strip(block.text or _names(block)).rstrip("\n")
        label = f"[{_label(block)}]"
        lines.append(f"{label}\n{text}" if "\n" in text else f"{label} {text}")
    if content.dropped_blocks:
        lines.append(_more(content.dropped_blocks))
    return "\n".join(lines)


def html(run: CellRun, now: float, content: Shown | None = None, *, dated: bool = False) -> str:
    """Return the run as HTML; all but rich displays of the engines is escaped."""
    content = content or shown(run, text_bytes=TEXT_BYTES, rich_bytes=RICH_BYTES, most_blocks=BLOCKS)
    label = f"<code>{escape(run.label)}</code> " if run.label else ""
    head = f"<div>{label}<small>{escape(headline(run, now, dated=dated))}</small></div>"
    if run.notice:
        head += f"<div><small>{escape(run.notice)}</small></div>"
    first_error = next((block.key for block in content.blocks if block.kind == "error"), None)
    rows = "".join(_row(block, block.key == first_error) for block in content.blocks)
    if content.dropped_blocks:
        rows += f'<tr><td colspan="2" {_CELL.format("")}>{escape(_more(content.dropped_blocks))}</td></tr>'
    return f"{head}<table><tbody>{rows}</tbody></table>" if rows else head


def duration(seconds: float) -> str:
    """Return a time in words: ``0.12 s``, ``1 min 5 s``, ``2 h 3 min``."""
    if seconds < 9.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _label(block: Block) -> str:
    ranks = _short(block.ranks, block.count)
    return ranks if block.kind == "result" else f"{block.kind} {ranks}"


def _short(words: str, count: int) -> str:
    """Return the ranks of a block with at most a few ranges named."""
    ranges = words.split(", ")
    if len(ranges) <= _RANGES:
        return words
    return f"{', '.join(ranges[:_RANGES])}, … ({count:,} in all)"


def _row(block: Block, opened: bool) -> str:
    kind = "" if block.kind in ("stdout", "result") else f"<br><small>{block.kind}</small>"
    ranks = escape(_short(block.ranks, block.count))
    colour = f"; {_RED}" if block.kind in ("stderr", "error") else ""
    content = _content(block, opened)
    wrap = "; white-space: nowrap" if len(ranks) <= _SHORT else ""
    return (
        f'<tr><th scope="row" {_CELL.format(wrap)}>{ranks}{kind}</th>'
        f"<td {_CELL.format(f'; width: 100%{colour}')}>{content}</td></tr>"
    )


def _content(block: Block, opened: bool) -> str:
    if block.data is not None:
        return _rich(block)
    text = _TEXT.format(ansi.to_html((block.text or "").rstrip()))
    if block.kind != "error":
        return text
    title = escape(block.title or "error")
    return f"<details{' open' if opened else ''}><summary><code>{title}</code></summary>{text}</details>"


def _rich(block: Block) -> str:
    data = block.data or {}
    found = data.get("text/html")
    # What does not end what it begins would swallow the rows that follow.
    if isinstance(found, str) and len(found) <= _HTML_BYTES and is_balanced(found):
        return f"<div>{found}</div>"
    for mime in _IMAGES:
        if isinstance(data.get(mime), str):
            return _image(block, mime, data[mime])
    return _TEXT.format(ansi.to_html((block.text or _names(block)).rstrip()))


def _image(block: Block, mime: str, content: str) -> str:
    encoded = base64.b64encode(content.encode()).decode() if mime == "image/svg+xml" else content
    encoded = "".join(encoded.split())
    sizes: Any = (block.metadata or {}).get(mime)
    size = ""
    for side in ("width", "height"):
        value = sizes.get(side) if isinstance(sizes, dict) else None
        size += f' {side}="{value}"' if isinstance(value, int) else ""
    text = escape(ansi.strip(block.text or f"picture of {block.ranks}")[:200])
    return f'<img src="data:{mime};base64,{escape(encoded)}" alt="{text}"{size}>'


def _names(block: Block) -> str:
    return f"<{', '.join(sorted(block.data))}>" if block.data else ""


def _more(count: int) -> str:
    return f"… {count:,} more {'output' if count == 1 else 'outputs'} not shown …"


def is_balanced(text: str) -> bool:
    """Tell whether each element that `text` opens is closed in it, and nothing else."""
    parser = _Balance()
    try:
        # What is not seen as an element has ended in a comment, or in the middle of a tag.
        parser.feed(f"{text}<{_END}>")
        parser.close()
    except AssertionError:  # some Pythons' way to say that `<![x]>` is no declaration
        return False
    if not parser.good or not parser.open or parser.open.pop() != _END:
        return False
    return all(tag in _UNCLOSED for tag in parser.open)


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []
        self.good = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Leave ``<br/>`` alone."""

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] != tag and self.open[-1] in _UNCLOSED:
            self.open.pop()
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag not in _VOID and tag != "p":
            self.good = False
