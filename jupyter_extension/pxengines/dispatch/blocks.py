"""What is shown of a cell: blocks in order, equal ones once with their ranks named, all within bounds.

Pure: the same run gives the same blocks. What it costs depends on the number of ranks and on the bounds,
not on how much was printed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from .ranks import rank_words
from .rich import Rich
from .run import CellRun, Failure, RankRun
from .screen_text import Cut, ScreenText, bytes_in_words, joined, missing

Kind = Literal["stdout", "stderr", "display", "result", "error"]

LIVE_BYTES = 100_000
"""Bytes of text in all while a cell runs and is shown anew several times a second."""
FINAL_BYTES = 400_000
RICH_BYTES = 4_000_000
"""Bytes of displays and rich results in all; those beyond it are named, and sent when asked for."""
MOST_BLOCKS = 400
MOST_ERRORS = 50
"""Of the blocks; errors come first when not all fit."""
_BLOCK = 200
"""Bytes of a block besides its text, as JSON."""
_LEAST = 120
_MESSAGES = 20
_KINDS: tuple[Kind, ...] = ("stdout", "stderr", "display", "result", "error")
_AFTER_ALL = 1_000_000
"""The part in which results and errors are: after all output."""
_FOLLOW = frozenset(("PeerError", "KeyboardInterrupt", "TaskAborted"))
"""What other ranks come to raise when one has failed: shown after its own error."""
_INVISIBLE = bytes(code for code in (*range(32), 127) if chr(code) not in "\t\n\x1b")
"""What has no look; a file printed by mistake is full of it."""

_Source = ScreenText | Rich | Failure | tuple[int, int]


class Dropped(msgspec.Struct, frozen=True):
    """How much of a block is not in it."""

    lines: int
    bytes: int


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One thing shown, of one or several ranks.

    Attributes
    ----------
    key : the same as long as this is shown; `whole` takes it.
    ranks, count : whose it is: ``0-7``, 8.
    title : of an error, what was raised, in a line.
    text : plain text with ANSI colours; of a bundle its text/plain. It says where something is missing.
    data, metadata : mime bundle if there is more than text.
    dropped : how much is missing, if there is more to be had.
    """

    key: str
    kind: Kind
    ranks: str
    count: int
    title: str | None
    text: str | None
    data: dict[str, Any] | None
    metadata: dict[str, Any] | None
    dropped: Dropped | None


class Shown(msgspec.Struct, frozen=True):
    """Blocks, and how many more there are; `bytes` is what they take as JSON, roughly."""

    blocks: list[Block]
    dropped_blocks: int
    bytes: int


@dataclass
class _Group:
    kind: Kind
    part: int
    source: _Source
    ranks: list[int]
    messages: dict[str, list[int]]
    """Of an error: what it says, by rank."""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.part}:{self.ranks[0]}"

    @property
    def order(self) -> tuple[int, int, bool, int]:
        follows = isinstance(self.source, Failure) and self.source.ename in _FOLLOW
        return (self.part, _KINDS.index(self.kind), follows, self.ranks[0])


def shown(
    run: CellRun,
    *,
    text_bytes: int = FINAL_BYTES,
    rich_bytes: int = RICH_BYTES,
    most_blocks: int = MOST_BLOCKS,
) -> Shown:
    """Return what is shown of `run` within bounds.

    Each block has its fair share of `text_bytes`, short ones leaving what they do not need to the others.
    """
    with run.lock:
        groups = _groups(run)
        chosen = _choose(groups, min(most_blocks, max(1, text_bytes // (_BLOCK + _LEAST))))
        room = max(text_bytes - _BLOCK * len(chosen), _LEAST * len(chosen))
        sizes = [_size(group.source) for group in chosen]
        # JSON takes more than the characters, up to six bytes for one. That is rare, so it is tried.
        for factor in (1.0, 0.6, 0.3, 0.15):
            share = _fair_share(sizes, int(room * factor), int(_LEAST * factor))
            blocks = list(_blocks(chosen, share, rich_bytes))
            texts = sum(len(msgspec.json.encode(block.text)) for block in blocks)
            if texts <= 1.2 * room:
                break
        size = texts + _BLOCK * len(blocks) + sum(_rich_size(block) for block in blocks)
    return Shown(blocks, len(groups) - len(chosen), size)


def whole(run: CellRun, key: str) -> Block | None:
    """Return the block called `key` with all that is kept of it; None if it is no longer there."""
    kind, _, rest = key.partition(":")
    with run.lock:
        for group in _groups(run):
            if group.kind == kind and group.key == key:
                return _block(group, _size(group.source) + 1, None)
        # Since then its first rank may have come to be shown with others.
        part, _, rank = rest.partition(":")
        for group in _groups(run):
            if group.kind == kind and str(group.part) == part and rank in map(str, group.ranks):
                return _block(group, _size(group.source) + 1, None)
    return None


def _groups(run: CellRun) -> list[_Group]:
    found: dict[Hashable, _Group] = {}
    by_engine = run.group == "engine"
    for rank, of in run.by_rank.items():
        items = list(_items(of))
        same = tuple((part, kind, key) for part, kind, key, _ in items) if by_engine else None
        for part, kind, key, source in items:
            group = found.get((same, part, kind, key))
            if group is None:
                group = found[same, part, kind, key] = _Group(kind, part, source, [], {})
            group.ranks.append(rank)
            if isinstance(source, Failure):
                group.messages.setdefault(source.evalue, []).append(rank)
    groups = list(found.values())
    if by_engine:
        return sorted(groups, key=lambda group: (group.ranks[0], *group.order))
    return sorted(groups, key=lambda group: group.order)


def _items(of: RankRun) -> Iterator[tuple[int, Kind, Hashable, _Source]]:
    for number, part in enumerate(of.parts):
        for name in ("stdout", "stderr"):
            text = part.texts.get(name)
            if text:
                yield number, name, text.key(), text
        if part.display is not None:
            yield number, "display", part.display.digest, part.display
    if of.dropped[0]:
        yield len(of.parts), "display", of.dropped, of.dropped
    if of.result is not None:
        yield _AFTER_ALL, "result", of.result.digest, of.result
    if of.failure is not None:
        yield _AFTER_ALL, "error", of.failure.same, of.failure


def _choose(groups: list[_Group], most: int) -> list[_Group]:
    if len(groups) <= most:
        return groups
    errors = [group for group in groups if group.kind == "error"][: min(MOST_ERRORS, most)]
    left = most - len(errors)
    chosen = {id(group) for group in errors}
    for group in groups:
        if left and group.kind != "error":
            chosen.add(id(group))
            left -= 1
    return [group for group in groups if id(group) in chosen]


def _fair_share(sizes: list[int], room: int, least: int) -> int:
    """Return the most that each may take, `least` or more, so that all together take no more than `room`."""
    for number, size in enumerate(sorted(sizes)):
        fair = room // (len(sizes) - number)
        if size > fair:
            return max(fair, least)
        room -= size
    return max(sizes, default=0) + 1


def _size(source: _Source) -> int:
    if isinstance(source, ScreenText):
        return source.size
    if isinstance(source, Rich):
        return len(source.plain or "") if not source.refused else _LEAST
    if isinstance(source, Failure):
        own = sum(map(len, source.traceback)) + len(source.traceback)
        return own + len(source.ename) + len(source.evalue) + len(": ")
    return _LEAST


def _rich_size(block: Block) -> int:
    values = (block.data or {}).values()
    return sum(len(value) if isinstance(value, str) else len(msgspec.json.encode(value)) for value in values)


def _blocks(groups: list[_Group], share: int, rich_bytes: int) -> Iterator[Block]:
    left = rich_bytes
    for group in groups:
        block = _block(group, share, left)
        if block.data is not None and isinstance(group.source, Rich):
            left -= group.source.size
        yield block


def _block(group: _Group, share: int, rich_room: int | None) -> Block:
    source = group.source
    title: str | None = None
    data = metadata = None
    if isinstance(source, ScreenText):
        cut = source.cut(share)
    elif isinstance(source, Failure):
        title = _title(source, group)
        cut = _cut(_error_text(source, group), share)
    elif isinstance(source, Rich):
        if source.refused:
            cut = Cut(_refusal(group.kind, source), 0, 0)
        elif source.is_plain:
            cut = _cut(source.plain or "", share)
        else:
            cut = _cut(source.plain or "", share) if source.plain is not None else Cut("", 0, 0)
            if rich_room is None or source.size <= rich_room:
                data, metadata = source.data, source.metadata or None
                cut = Cut(cut.text, 0, 0)  # nobody misses its text
            else:
                words = f"{_amount(source)} not shown"
                cut = Cut(f"{cut.text}\n… {words} …".lstrip("\n"), 0, source.size)
    else:
        count, size = source
        more = "1 more display" if count == 1 else f"{count:,} more displays"
        cut = Cut(f"… {more} ({bytes_in_words(size)}) not kept …", 0, 0)
    return Block(
        key=group.key,
        kind=group.kind,
        ranks=rank_words(group.ranks),
        count=len(group.ranks),
        title=title,
        text=_visible(cut.text) or None,
        data=data,
        metadata=metadata,
        dropped=Dropped(cut.lines, cut.bytes) if cut.bytes else None,
    )


def _visible(text: str) -> str:
    # Of bytes it takes a hundredth of the time, and no byte of another character is one of these.
    seen = text.encode("utf-8", "surrogatepass").translate(None, _INVISIBLE)
    return seen.decode("utf-8", "surrogatepass")


def _cut(text: str, limit: int) -> Cut:
    """As `ScreenText.cut`, for a text that is there as one."""
    if len(text) <= limit:
        return Cut(text, 0, 0)
    half = limit // 2
    first, last = text[:half], text[-half:]
    # Whole lines look better, where that costs little.
    first = first[: first.rfind("\n") + 1] or first
    after = last.find("\n") + 1
    last = last[after:] if 0 < after < half // 2 else last
    middle = text[len(first) : len(text) - len(last)]
    lines, size = middle.count("\n"), len(middle.encode())
    return Cut(joined(first, last, lines, size), lines, size)


def _title(failure: Failure, group: _Group) -> str:
    message = failure.evalue.strip().partition("\n")[0][:300]
    title = f"{failure.ename}: {message}" if message else failure.ename
    others = len(group.messages) - 1
    if not others:
        return title
    return f"{title} (and {others:,} other {'message' if others == 1 else 'messages'})"


def _error_text(failure: Failure, group: _Group) -> str:
    text = "\n".join(failure.traceback) or f"{failure.ename}: {failure.evalue}"
    if len(group.messages) == 1:
        return text
    lines = [f"{rank_words(ranks)}: {message}" for message, ranks in group.messages.items()]
    more = len(lines) - _MESSAGES
    if more > 0:
        lines[_MESSAGES:] = [f"… {missing(more, sum(map(len, lines[_MESSAGES:])))} more …"]
    return "\n".join([text, "", f"{failure.ename} by rank:", *lines])


def _amount(rich: Rich) -> str:
    return f"{bytes_in_words(rich.size)} ({', '.join(rich.mimes)})"


def _refusal(kind: Kind, rich: Rich) -> str:
    if kind == "result":
        return (
            f"A result of {_amount(rich)}, too large to show. It is kept on the engine, "
            "and get() of the AsyncResult returns it."
        )
    return f"A display of {_amount(rich)}, too large to show. Save it to a file on the engine instead."
