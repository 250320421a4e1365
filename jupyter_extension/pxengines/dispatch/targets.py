"""Which engines a magic's ``--targets`` names; nothing of what the user types is evaluated."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..mpi.errors import ranks_in_words
from ..waiting import EnginesError

ALL = "all"
_USAGE = "Use all, ids as in 0,2, ranges as in 0-3, slices as in ::2, or -1 for the last engine"

_ID = re.compile(r"[+-]?\d{1,9}")
_RANGE = re.compile(r"(\d{1,9})\s*-\s*(\d{1,9})")
_SLICE = re.compile(r"([+-]?\d{1,9})?\s*:\s*([+-]?\d{1,9})?\s*(?::\s*([+-]?\d{1,9})?)?")
_PYTHON_RANGE = re.compile(r"range\(\s*(\d{1,9})\s*(?:,\s*(\d{1,9})\s*)?(?:,\s*([+-]?\d{1,9})\s*)?\)")
_COMMA = re.compile(r",(?![^()]*\))")
_BRACKETS = {"[": "]", "(": ")"}


def parse_targets(text: str, ids: Sequence[int]) -> str | int | list[int]:
    """Return the targets that `text` names, in the form a view takes them.

    Parameters
    ----------
    text : what the user typed.
    ids : ids of the engines that there are, ascending.

    Returns
    -------
    ``"all"``; an id, if one engine was named by its number; or a list of ids, in the order named, each once.

    Raises
    ------
    EnginesError
        If it cannot be understood, names engines that do not exist, or names none.
    """
    words = text.strip()
    if words.lower() == ALL:
        return ALL
    if _BRACKETS.get(words[:1]) == words[-1:] and len(words) > 1:
        words = words[1:-1].strip().removesuffix(",")
        one = False
    else:
        one = _ID.fullmatch(words) is not None
    pieces = [piece.strip() for piece in _COMMA.split(words)]
    if "" in pieces:
        raise EnginesError(f"--targets: cannot read {text.strip()!r}. {_USAGE}.")
    named = [engine for piece in pieces for engine in _engines(piece, ids)]
    chosen = list(dict.fromkeys(named))
    if not chosen:
        raise EnginesError(f"--targets: {text.strip()} names no engine; there {_what_there_is(ids)}.")
    return chosen[0] if one else chosen


def _engines(piece: str, ids: Sequence[int]) -> list[int]:
    """Return the ids that one piece between commas stands for."""
    if _ID.fullmatch(piece):
        return [_engine(int(piece), piece, ids)]
    if found := _RANGE.fullmatch(piece):
        first, last = int(found[1]), int(found[2])
        if first > last:
            raise EnginesError(f"--targets: the range {piece} runs backwards; write {last}-{first}.")
        return _present(range(first, last + 1), piece, ids)
    if found := _SLICE.fullmatch(piece):
        bounds = [None if part is None else int(part) for part in found.groups()]
        if bounds[2] == 0:
            raise EnginesError(f"--targets: the step of the slice {piece} cannot be 0.")
        return list(ids[slice(*bounds)])
    if found := _PYTHON_RANGE.fullmatch(piece):
        numbers = [int(part) for part in found.groups() if part is not None]
        if len(numbers) == 3 and numbers[2] == 0:
            raise EnginesError(f"--targets: the step of {piece} cannot be 0.")
        return _present(range(*numbers), piece, ids)
    raise EnginesError(f"--targets: {piece!r} is no engine. {_USAGE}; there {_what_there_is(ids)}.")


def _engine(number: int, piece: str, ids: Sequence[int]) -> int:
    if number < 0 and -number <= len(ids):
        return ids[number]
    return _present([number], piece, ids)[0]


def _present(numbers: Sequence[int], piece: str, ids: Sequence[int]) -> list[int]:
    there = set(ids)
    # A range may be of any length, and only its first stranger is told.
    missing = next((number for number in numbers if number not in there), None)
    if missing is None:
        return list(numbers)
    of = "" if str(missing) == piece else f" of {piece}"
    raise EnginesError(f"--targets: there is no engine {missing}{of}; there {_what_there_is(ids)}.")


def _what_there_is(ids: Sequence[int]) -> str:
    if not ids:
        return "are no engines"
    numbers = ranks_in_words(ids).split(" ", 1)[1]
    return f"is engine {numbers}" if len(ids) == 1 else f"are engines {numbers}"
