"""What one rank has printed, as a terminal would show it, within bounds.

Text is kept at its beginning and at its end; what lies between is dropped and counted. What a call costs
depends on the text that it brings, never on what came before.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Hashable, Iterator
from hashlib import blake2b
from itertools import accumulate, chain
from typing import NamedTuple

LINE = 2_000
"""Characters of a line that can still be written over; longer lines are kept in pieces."""
_MANY = 4
"""From so many lines on it is worth while to look at them together."""
OVERHEAD = 60
"""What a kept line costs in memory besides its characters."""

_ESCAPE = "\x1b"
_OTHER_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-JL-Za-ln-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""All that move a cursor or name a window; colours (``m``) and erasing a line (``K``) stay."""
_HALF_SEQUENCE = re.compile(r"\x1b\[?[0-9;]*$")
_MOVES = re.compile(r"(\r|\x08|\x1b\[[0-2]?K)")


class Cut(NamedTuple):
    """A text as it is shown: the text itself, and what it lacks."""

    text: str
    lines: int
    bytes: int


class ScreenText:
    """A stream of one rank.

    Parameters
    ----------
    head_room, tail_room : characters kept at the beginning and at the end; each line counts `OVERHEAD` more.

    Attributes
    ----------
    lines, bytes : of all the text that is, or would be, on the screen (UTF-8), kept or not.
    used : characters and overhead at the beginning, for whoever shares out the room.
    """

    __slots__ = (
        "_column", "_digest", "_head", "_head_bytes", "_head_open", "_head_room",
        "_kept_bytes", "_moved", "_open", "_tail", "_tail_cost", "_tail_room", "bytes", "lines", "used",
    )  # fmt: skip

    def __init__(self, head_room: int, tail_room: int) -> None:
        self._head_room = head_room
        self._tail_room = max(tail_room, LINE + OVERHEAD)
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._open = ""  # the last line, which is not at its end yet
        self._column: int | None = None  # where in it the next text goes; None is its end
        self._head_open = True
        self._tail_cost = 0
        self._digest = blake2b(digest_size=16)
        self._moved = False
        self._kept_bytes = self._head_bytes = 0
        self.bytes = self.lines = self.used = 0

    def write(self, text: str) -> None:
        """Add `text`, obeying carriage return, backspace and the sequences that erase a line."""
        text = encodable(text)
        self._digest.update(text.encode())
        if _ESCAPE in text:
            text = _OTHER_SEQUENCES.sub("", text)
        if self._column is None and not _moves(text):
            text = self._open + text
            end = text.rfind("\n") + 1
            self._open = ""
            if end:
                self._push_text(text[:end])
            self._open = text[end:]
            self._shorten()
            return
        self._moved = True
        for number, piece in enumerate(text.split("\n")):
            if number:
                self._push_line(self._open)
                self._open, self._column = "", None
            for part in _MOVES.split(piece):
                self._move_or_put(part)

    def key(self) -> Hashable:
        """Return what is equal for streams that show the same, in as many words or not."""
        if self._moved and not self._gap:
            return "".join(self._chunks())
        return (self._digest.digest(), self._moved)

    def __bool__(self) -> bool:
        return bool(self.bytes or self._open)

    @property
    def size(self) -> int:
        """Characters kept, about: it counts bytes."""
        return self._kept_bytes + len(self._open)

    @property
    def tail_cost(self) -> int:
        """Characters and overhead kept at the end."""
        return self._tail_cost

    def cut(self, limit: int) -> Cut:
        """Return the text in about `limit` characters: its beginning, what is missing in words, its end."""
        if not self._gap and self.size <= limit:
            return Cut("".join(self._chunks()), 0, 0)
        first, last = self._ends(max(limit, 2))
        lines = self.lines - first.count("\n") - last.count("\n")
        size = self.bytes + _bytes(self._open) - _bytes(first) - _bytes(last)
        if size <= 0:
            return Cut(first + last, 0, 0)
        return Cut(joined(first, last, lines, size), lines, size)

    @property
    def _gap(self) -> bool:
        return self._kept_bytes < self.bytes

    def _chunks(self) -> Iterator[str]:
        yield from self._head
        yield from self._tail
        yield self._open

    def _ends(self, limit: int) -> tuple[str, str]:
        half = left = limit // 2
        taken = 0
        for length in accumulate(map(len, self._head)):
            if length > half:
                break
            taken += 1
            left = half - length
        first, rest = self._head[:taken], self._head[taken:]
        if rest:
            begun, rest[0], left = _begin(rest[0], left, whole_lines=bool(first))
            first.append(begun)
        left += limit - half
        last: list[str] = []
        for chunk in chain((self._open,), reversed(self._tail), reversed([] if self._gap else rest)):
            if len(chunk) > left:
                at = chunk.find("\n", len(chunk) - left - 1) + 1
                if 0 < at < len(chunk):
                    last.append(chunk[at:])
                elif not any(last) and left:
                    last.append(chunk[-left:])
                break
            last.append(chunk)
            left -= len(chunk)
        return "".join(first), "".join(reversed(last))

    def _push_text(self, text: str) -> None:
        """Keep `text`, of whole lines."""
        count = text.count("\n")
        cost = len(text) + count * OVERHEAD
        if self._head_open and self.used + cost <= self._head_room and not _has_long_line(text):
            # As one: cells print hundreds of thousands of lines.
            self._push_head(text, cost)
            self.lines += count
            return
        self._push_lines(text[:-1].split("\n"))

    def _push_head(self, chunk: str, cost: int) -> None:
        size = _bytes(chunk)
        self._head.append(chunk)
        self._head_bytes += size
        self._kept_bytes += size
        self.bytes += size
        self.used += cost

    def _push_lines(self, lines: list[str]) -> None:
        if len(lines) < _MANY or max(map(len, lines)) > LINE:
            for line in lines:
                self._push_line(line)
            return
        # As `_push_line` for each, in one go.
        at = 0
        while at < len(lines) and self._head_open:
            self._push_line(lines[at])
            at += 1
        # So many lines fill the end, whatever they hold: what comes before them need not be looked at.
        surplus = len(lines) - at - (self._tail_room // OVERHEAD + 1)
        if surplus > 0:
            self._drop("\n".join(lines[at : at + surplus]) + "\n")
            self.lines += surplus
            at += surplus
        rest = lines[at:] if at else lines
        if not rest:
            return
        self._tail.extend([line + "\n" for line in rest])
        size = _bytes_of(rest)
        self._kept_bytes += size
        self.bytes += size
        self.lines += len(rest)
        self._tail_cost += _cost(rest)
        self._trim()

    def _push_line(self, line: str) -> None:
        last = self._push_pieces(line)
        self.lines += 1
        self._push(last + "\n")

    def _push_pieces(self, line: str) -> str:
        """Keep `line` in pieces, but for what is left of it after the last whole one, which is returned."""
        if len(line) <= LINE:
            return line
        at, end = 0, (len(line) - 1) // LINE * LINE
        while at < end and self._head_open:
            self._push(line[at : at + LINE])
            at += LINE
        # As in `_push_lines`: so many pieces fill the end, and a line can be of many megabytes.
        surplus = (end - at) // LINE - (self._tail_room // (LINE + OVERHEAD) + 1)
        if surplus > 0:
            self._drop(line[at : at + surplus * LINE])
            at += surplus * LINE
        for start in range(at, end, LINE):
            self._push(line[start : start + LINE])
        return line[end:]

    def _drop(self, text: str) -> None:
        """Count `text`, and drop it and all that is kept at the end: so much comes after it."""
        self.bytes += _bytes(text)
        self._kept_bytes = self._head_bytes
        self._tail.clear()
        self._tail_cost = 0

    def _push(self, chunk: str) -> None:
        cost = len(chunk) + OVERHEAD
        if self._head_open and self.used + cost <= self._head_room:
            self._push_head(chunk, cost)
            return
        size = _bytes(chunk)
        self.bytes += size
        self._kept_bytes += size
        self._head_open = False
        self._tail.append(chunk)
        self._tail_cost += cost
        self._trim()

    def _trim(self) -> None:
        while self._tail_cost > self._tail_room:
            gone = self._tail.popleft()
            self._tail_cost -= len(gone) + OVERHEAD
            self._kept_bytes -= _bytes(gone)

    def _shorten(self) -> None:
        before = len(self._open)
        self._open = self._push_pieces(self._open)
        if self._column is not None:
            self._column = max(0, self._column - (before - len(self._open)))

    def _move_or_put(self, part: str) -> None:
        column = len(self._open) if self._column is None else self._column
        if not part:
            return
        if part == "\r":
            self._column = 0 if self._open else None
        elif part == "\b":
            self._column = max(0, column - 1) if self._open else None
        elif part[0] == _ESCAPE and part[-1] == "K":
            whole = part[-2] in "12"
            self._open, self._column = ("" if whole else self._open[:column]), None
        elif self._column is None:
            self._open += part
            self._shorten()
        else:
            # Between sequences of colour a column of text is not one of the string: the line is new.
            coloured = _ESCAPE in part or _ESCAPE in self._open
            rest = "" if coloured else self._open[column + len(part) :]
            self._open = self._open[:column] + part + rest
            self._column = column + len(part) if rest else None
            self._shorten()


def joined(first: str, last: str, lines: int, size: int) -> str:
    """Return the two ends of a text with a line between them that says what is missing."""
    reset = "\x1b[0m" if _ESCAPE in first else ""
    new_line = "" if not first or first.endswith("\n") else "\n"
    return f"{first}{reset}{new_line}… {missing(lines, size)} not shown …\n{last}"


def missing(lines: int, size: int) -> str:
    """Return an amount of text in words: ``9,000 lines (1.2 MB)``."""
    amount = bytes_in_words(size)
    return f"{lines:,} {'line' if lines == 1 else 'lines'} ({amount})" if lines else amount


def bytes_in_words(size: int) -> str:
    """Return a number of bytes as people say it: ``812 B``, ``3.4 MB``."""
    if size < 1_000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB"):
        amount /= 1_000
        if amount < 999.5 or unit == "GB":
            break
    return f"{amount:.0f} {unit}" if amount >= 99.95 else f"{amount:.1f} {unit}"


def encodable(text: str) -> str:
    """Return `text` without the halves of characters that no encoding has."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _begin(chunk: str, room: int, *, whole_lines: bool) -> tuple[str, str, int]:
    """Return the beginning of `chunk` that fits, what comes after it, and what is left of the room.

    Whole lines; if not even one fits, none, or a part of it, whose rest is then not shown either.
    """
    end = chunk.rfind("\n", 0, room) + 1
    if end or whole_lines:
        return chunk[:end], chunk[end:], room - end
    line_end = chunk.find("\n") + 1 or len(chunk)
    return _HALF_SEQUENCE.sub("", chunk[:room]), chunk[line_end:], 0


def _has_long_line(text: str) -> bool:
    """Tell whether a line is longer than `LINE`; `text` ends with the end of one."""
    at = 0
    while len(text) - at > LINE:
        at = text.rfind("\n", at, at + LINE + 1) + 1
        if not at:
            return True
    return False


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _bytes_of(lines: list[str]) -> int:
    """Return the bytes of lines with their ends."""
    return _bytes("\n".join(lines)) + 1


def _cost(lines: list[str]) -> int:
    """Return what lines with their ends cost in memory."""
    return sum(map(len, lines)) + len(lines) * (1 + OVERHEAD)


def _moves(text: str) -> bool:
    return "\r" in text or "\b" in text or (_ESCAPE in text and _MOVES.search(text) is not None)
