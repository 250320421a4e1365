"""Text with ANSI colours, as HTML and as plain text.

nbconvert has the same, but importing it takes a kernel seconds.
"""

from __future__ import annotations

import re
from html import escape

_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]?")
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_CUBE = (0, 95, 135, 175, 215, 255)

Colour = int | tuple[int, int, int] | None


def strip(text: str) -> str:
    """Return `text` without escape sequences."""
    return _SEQUENCE.sub("", text) if "\x1b" in text else text


def to_html(text: str) -> str:
    """Return `text` escaped, with ``span`` of the classes that Jupyter and nbconvert have styles for.

    Where there are no such styles the text is there all the same.
    """
    if "\x1b" not in text:
        return escape(text, quote=False)
    style = _Style()
    out: list[str] = []
    at = 0
    for match in _SEQUENCE.finditer(text):
        out.append(style.wrap(text[at : match.start()]))
        at = match.end()
        if match[2] == "m":
            style.apply(match[1])
    out.append(style.wrap(text[at:]))
    return "".join(out)


class _Style:
    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._front: Colour = None
        self._back: Colour = None
        self._bold = self._underlined = self._inverse = False

    def wrap(self, text: str) -> str:
        if not text:
            return ""
        front: Colour = self._front
        if self._bold and isinstance(front, int) and front < 8:
            front += 8
        back: Colour = self._back
        classes: list[str] = []
        styles: list[str] = []
        if self._inverse:
            front, back = back, front
        for colour, kind, css in ((front, "fg", "color"), (back, "bg", "background-color")):
            if isinstance(colour, int):
                classes.append(f"ansi-{_COLOURS[colour % 8]}{'-intense' if colour > 7 else ''}-{kind}")
            elif colour is not None:
                styles.append(f"{css}: rgb({colour[0]}, {colour[1]}, {colour[2]})")
            elif self._inverse:
                classes.append(f"ansi-default-inverse-{kind}")
        classes += ["ansi-bold"] if self._bold else []
        classes += ["ansi-underline"] if self._underlined else []
        if not classes and not styles:
            return escape(text, quote=False)
        attributes = f' class="{" ".join(classes)}"' if classes else ""
        attributes += f' style="{"; ".join(styles)}"' if styles else ""
        return f"<span{attributes}>{escape(text, quote=False)}</span>"

    def apply(self, parameters: str) -> None:
        numbers = [int(n) if n.isdigit() else 0 for n in parameters.split(";")][::-1]
        while numbers:
            number = numbers.pop()
            if number == 0:
                self._reset()
            elif number in (1, 5):
                self._bold = True
            elif number in (21, 22):
                self._bold = False
            elif number in (4, 24):
                self._underlined = number == 4
            elif number in (7, 27):
                self._inverse = number == 7
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self._front = number - 30 if number < 40 else number - 82
            elif 40 <= number <= 47 or 100 <= number <= 107:
                self._back = number - 40 if number < 50 else number - 92
            elif number in (38, 48):
                colour = _extended(numbers)
                if number == 38:
                    self._front = colour
                else:
                    self._back = colour
            elif number == 39:
                self._front = None
            elif number == 49:
                self._back = None


def _extended(numbers: list[int]) -> Colour:
    """Take a colour of 256, or of red, green and blue, from the end of `numbers`; None if it is not one."""
    kind = numbers.pop() if numbers else 0
    if kind == 2 and len(numbers) >= 3:
        red, green, blue = (min(numbers.pop(), 255) for _ in range(3))
        return (red, green, blue)
    if kind != 5 or not numbers or (index := numbers.pop()) > 255:
        return None
    if index < 16:
        return index
    if index < 232:
        index -= 16
        return (_CUBE[index // 36], _CUBE[index // 6 % 6], _CUBE[index % 6])
    grey = 8 + (index - 232) * 10
    return (grey, grey, grey)
