"""The units in which batch systems print: durations, sizes, dates, owners and host lists. Pure.

A value that cannot be read is None, "the scheduler does not say"; nothing here raises.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import lru_cache

from ..api.jobs import JobHost

_DURATION = re.compile(r"(?:(\d+)-)?(?:(?:(?:(\d+):)?(\d+):)?(\d+):)?(\d+)(?:\.\d*)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtpe]?)i?([bw]?)", re.IGNORECASE)
_DATE = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})")
_INTEGER = re.compile(r"[+-]?\d{1,18}")
_SLOTS = re.compile(r"(\d+)(?:-(\d+))?")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_WORD_BYTES = 8
_LONGEST = 10**11
"""Seconds, as many as nobody asks for: what is longer was misread."""


@lru_cache(maxsize=4096)
def duration_seconds(text: str | None) -> int | None:
    """Return the seconds in ``HH:MM:SS``, ``DD:HH:MM:SS``, ``D-HH:MM:SS``, ``MM:SS`` or ``SS``."""
    found = _DURATION.fullmatch((text or "").strip())
    if found is None or len(found[0]) > 40:
        return None
    dash, days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
    total = (((dash + days) * 24 + hours) * 60 + minutes) * 60 + seconds
    return total if total < _LONGEST else None


def duration_text(seconds: int) -> str:
    """Return ``HH:MM:SS`` as all dialects read it; hours may exceed 24."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"


@lru_cache(maxsize=1024)
def size_bytes(text: str | None) -> int | None:
    """Return the bytes in ``4gb``, ``100mb``, ``8044kb``, ``10mw`` (words of 8 bytes) or a plain number."""
    found = _SIZE.fullmatch((text or "").strip())
    if found is None or len(found[0]) > 40:
        return None
    number, unit, kind = found[1], found[2].lower(), found[3].lower()
    scale = 1024 ** (" kmgtpe".index(unit) if unit else 0) * (_WORD_BYTES if kind == "w" else 1)
    return int(float(number) * scale) if "." in number else int(number) * scale


def integer(text: str | None) -> int | None:
    """Return the whole number in `text`."""
    stripped = (text or "").strip()
    return int(stripped) if _INTEGER.fullmatch(stripped) else None


@lru_cache(maxsize=16384)
def date_seconds(text: str | None) -> float | None:
    """Return the epoch seconds of ``Sun Nov 22 06:33:21 2026``, or of a text that is epoch seconds.

    The words carry no zone; they are read in this process's: right where Jupyter's host and the
    scheduler's have the same one.
    """
    stripped = (text or "").strip()
    if stripped.isascii() and stripped.isdigit():
        return float(stripped) if 0 < int(stripped) < _LONGEST else None
    found = _DATE.fullmatch(stripped)
    if found is None or found[1] not in _MONTHS:
        return None
    day, hour, minute, second, year = (int(group) for group in found.groups()[1:])
    if not (1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    try:
        return time.mktime((year, _MONTHS.index(found[1]) + 1, day, hour, minute, second, 0, 0, -1))
    except (OverflowError, ValueError):
        return None


def user_name(owner: str) -> str:
    """Return the user in ``user@host``."""
    return owner.partition("@")[0]


# --- host lists


def _openpbs_cores(slots: str) -> int | None:
    """Cores in ``3*4`` (chunk 3, four cores) or ``4`` (chunk 4, one core)."""
    return integer(slots.partition("*")[2]) if "*" in slots else 1


def _torque_cores(slots: str) -> int | None:
    """Cores in ``0-7``, ``0,2-3`` or ``5``: they are the slots' numbers."""
    total = 0
    for part in slots.split(","):
        found = _SLOTS.fullmatch(part)
        if found is None:
            return None
        total += int(found[2] or found[1]) - int(found[1]) + 1
    return total if total > 0 else None


@lru_cache(maxsize=4096)
def _hosts(text: str, cores_of: Callable[[str], int | None]) -> tuple[JobHost, ...]:
    merged: dict[str, int | None] = {}
    for piece in text.split("+"):
        name, slash, slots = piece.strip().partition("/")
        if not name:
            continue
        cores = cores_of(slots) if slash else None
        before = merged.get(name, 0)
        merged[name] = None if cores is None or before is None else before + cores
    return tuple(JobHost(name=name, cores=cores) for name, cores in merged.items())


def openpbs_hosts(text: str | None) -> list[JobHost]:
    """Return the nodes of an `exec_host` such as ``n2/3*4+n1/0*4+n1/1*4``, each once, with its cores."""
    return list(_hosts(text or "", _openpbs_cores))


def torque_hosts(text: str | None) -> list[JobHost]:
    """Return the nodes of an `exec_host` such as ``vm/0-7+n2/0,2-3`` or ``vm/0+vm/1``, with their cores."""
    return list(_hosts(text or "", _torque_cores))


def slurm_hosts(text: str | None) -> list[JobHost]:
    """Return the nodes of Slurm's ``n1/4+n2/4``: after the slash is how many cores."""
    return list(_hosts(text or "", integer))
