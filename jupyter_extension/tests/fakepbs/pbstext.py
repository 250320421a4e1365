"""Formats that OpenPBS and Torque share: the full listing, and pieces of the tables."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Attributes = list[tuple[str, Any]]


LINE = 79


def attribute(name: str, value: str, wide: bool = False) -> str:
    """Return ``    name = value``, wrapped as qstat wraps: at commas, and else in mid-word."""
    head = f"    {name} = "
    if wide:
        return head + value + "\n"
    out = [head]
    column = len(name) + 7
    tokens = value.split(",")
    for number, token in enumerate(tokens):
        if len(token) + column < LINE:
            out.append(token)
            column += len(token)
        else:
            if number:
                out.append("\n\t")
                column = 8
            for letter in token:
                out.append(letter)
                column += 1
                if column >= LINE:
                    out.append("\n\t")
                    column = 8
        if number + 1 < len(tokens):
            out.append(",")
            column += 1
    return "".join(out) + "\n"


def flat(attributes: Attributes) -> list[tuple[str, str]]:
    """Return attributes with their resources as ``name.resource``."""
    found = []
    for name, value in attributes:
        if name == "Variable_List":
            found.append((name, ",".join(f"{key}={word}" for key, word in value)))
        elif isinstance(value, list):
            found += [(f"{name}.{key}", str(word)) for key, word in value]
        else:
            found.append((name, str(value)))
    return found


def full(title: str, attributes: Attributes, wide: bool = False) -> str:
    """Return one entry of ``qstat -f`` or ``-Qf``, the blank line after it included."""
    lines = [attribute(name, value, wide) for name, value in flat(attributes)]
    return f"{title}\n{''.join(lines)}\n"


def memory(job: dict[str, Any]) -> str:
    """Return what the job asked for in memory, as the tables show it."""
    return str(job["resources"].get("mem", "--"))


def hours(seconds: float | None) -> str:
    """Return ``HH:MM``, or dashes."""
    return f"{int(seconds) // 3600:02}:{int(seconds) // 60 % 60:02}" if seconds is not None else "--"


def ranges(numbers: list[int]) -> str:
    """Return ``0-3,5`` of sorted numbers."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
