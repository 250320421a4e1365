"""The text of ``qstat -f`` and ``pbsnodes -a`` as records. Pure.

Text is only read where nothing better is printed: for bug reports, and from commands that know no JSON or
XML. It cannot be trusted: with ``qsub -V`` a user's variable that has a newline in it prints lines that look
like attributes, or like another job. What can be done against that is done in `_Lines`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .answer import text

_HEAD = re.compile(r"(?:Job Id|Queue|Server):\s*(\S+)\s*")
_ATTRIBUTE = re.compile(r"(?:    |\t)([A-Za-z_][\w.-]*) = (.*)")
_VARIABLES = "Variable_List"
_LAST_VARIABLE = "PBS_O_HOST="
"""OpenPBS appends it to a job's variables: what looks like an attribute before it is part of them."""


@dataclass(frozen=True)
class Record:
    """A job, queue or server.

    Attributes
    ----------
    name : what is after the colon of its first line.
    attributes : as printed; nested ones have dotted names (``Resource_List.walltime``).
    raw : its lines.
    complete : it ends in an empty line, as each record of a whole output does.
    """

    name: str
    attributes: Mapping[str, str]
    raw: str
    complete: bool


class _Lines:
    """Sorts lines into records, attributes and the rest of long values.

    A long value goes on after a newline and a tab, in mid-word. A newline inside a value is printed raw: by
    Torque after a backslash, which marks it; by OpenPBS unmarked, but there its list of variables ends
    with one that is known (`guarded`).
    """

    def __init__(self, guarded: bool) -> None:
        self.records: list[tuple[str, dict[str, str], list[str]]] = []
        self._guarded = guarded
        self._attribute = ""
        self._before: frozenset[str] = frozenset()
        self._blank = True

    def add(self, line: str) -> None:
        """Take the next line."""
        head = _HEAD.fullmatch(line)
        if head is not None and self._blank and not self._inside():
            self.records.append((head[1], {}, [line]))
            self._attribute, self._before = "", frozenset()
        elif self.records:
            _, attributes, lines = self.records[-1]
            lines.append(line)
            found = _ATTRIBUTE.fullmatch(line)
            if found is not None and found[1] not in self._before and not self._inside():
                self._attribute = found[1]
                if self._attribute == _VARIABLES:
                    # Printed before them, so that a fake after them is known by its name.
                    self._before = frozenset(attributes)
                attributes[self._attribute] = found[2]
            elif self._attribute:
                attributes[self._attribute] += line[1:] if line.startswith("\t") else "\n" + line
        self._blank = not line.strip()

    def _inside(self) -> bool:
        """Whether this line is the rest of a value, whatever it looks like."""
        value = self.records[-1][1].get(self._attribute, "") if self.records else ""
        if value.endswith("\\"):
            return True
        return self._guarded and self._attribute == _VARIABLES and _LAST_VARIABLE not in value


def records(output: bytes) -> list[Record]:
    """Return the records of ``qstat -f``, ``-Qf`` or ``-Bf``; what is before the first is skipped."""
    split = text(output).split("\n")
    lines = _read(split, guarded=True)
    if any(_LAST_VARIABLE not in attributes.get(_VARIABLES, _LAST_VARIABLE) for _, attributes, _ in lines):
        lines = _read(split, guarded=False)
    return [
        Record(
            name,
            {key: value.strip() for key, value in attributes.items()},
            "\n".join(raw),
            complete=not raw[-1].strip() and len(raw) > 1,
        )
        for name, attributes, raw in lines
    ]


def _read(lines: list[str], *, guarded: bool) -> list[tuple[str, dict[str, str], list[str]]]:
    reader = _Lines(guarded)
    for line in lines:
        reader.add(line)
    return reader.records
