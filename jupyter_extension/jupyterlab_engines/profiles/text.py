"""What may stand in a line of a batch script, and how amounts are said to people. Pure."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def unseen(text: str, *, tab: bool = False) -> str | None:
    r"""Return the first character of `text` that could end a line or deceive a reader, None if there is none.

    These are control and format characters (line ends of every kind, NUL, overrides of the reading
    direction), halves of surrogate pairs and unassigned code points. `tab` lets ``\t`` pass.
    """
    for character in text:
        if unicodedata.category(character) in _UNSEEN and not (tab and character == "\t"):
            return character
    return None


def one_line(text: str, *, tab: bool = False) -> bool:
    """Tell whether `text` is a part of one line, with nothing in it that cannot be seen."""
    return unseen(text, tab=tab) is None


def code_point(character: str) -> str:
    r"""Return how to name a character that cannot be printed, e.g. ``a line end`` or ``U+202E``."""
    if character in "\n\r":
        return "a line end"
    return f"the character U+{ord(character):04X}"


def duration(seconds: int) -> str:
    """Return `seconds` in words, e.g. ``30 min``, ``1 h 30 min``, ``2 d``."""
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")) if n]
    return " ".join(parts) or "0 s"


def memory(size: int) -> str:
    """Return `size` bytes in words, e.g. ``16 GiB``; at most one decimal, never rounded up."""
    amount, unit = float(size), "B"
    for following in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, following
    tenths = int(amount * 10)
    return f"{tenths // 10} {unit}" if tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10} {unit}"


def count(number: int, thing: str) -> str:
    """Return e.g. ``1 node`` or ``2 nodes``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
