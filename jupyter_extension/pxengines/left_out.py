"""Output without an end, kept within bounds: its head and its tail, and how much there was between them."""

from __future__ import annotations

import re

_MARK = re.compile(r"\n\[… (\d+) characters left out …\]\n")
_MARK_LENGTH = 60


def shortened(text: str, room: int) -> str:
    """Return `text` with its middle left out if it is longer than `room` characters.

    What was shortened before, and has grown since, is one text with one hole, as long as `room` is the same.
    """
    if len(text) <= 2 * room:  # not at every new line
        return text
    head, left_out, tail = halves(text, room)
    left_out += max(0, len(tail) - room // 2)
    return f"{head}\n[… {left_out} characters left out …]\n{tail[-(room // 2) :]}"


def halves(text: str, room: int) -> tuple[str, int, str]:
    """Return the head of a text as `shortened` makes it, how much was left out, and all after that."""
    half = room // 2
    found = _MARK.match(text, half, half + _MARK_LENGTH)
    return (text[:half], int(found[1]), text[found.end() :]) if found else (text[:half], 0, text[half:])


def news(before: str, text: str, room: int) -> str:
    """Return what has come to the output `before` since, now that it is `text`; both as `shortened` keeps it.

    It says so if some of that is no longer there.
    """
    if text.startswith(before):
        return text[len(before) :]
    _, left_out, tail = halves(text, room)
    _, left_out_before, tail_before = halves(before, room)
    came = left_out + len(tail) - left_out_before - len(tail_before)
    if came <= len(tail):
        return tail[len(tail) - came :] if came > 0 else ""
    return f"\n[… {came - len(tail)} characters left out …]\n{tail}"
