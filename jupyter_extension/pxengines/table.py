"""Tables for notebooks and as text, such as that of clusters which ``%engines`` shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape

from .records import ENDED, Sighting

_COLUMNS = ("cluster", "state", "engines", "host", "since")
_NONE = (
    "No clusters. Start one in the Engines panel, or in a terminal with: "
    "ipcluster start --profile=local --engines=mpi -n 4"
)


class Table:
    """Rows of texts, which shows itself as a table in notebooks and as text elsewhere.

    Parameters
    ----------
    columns : heads of the columns.
    rows : one tuple of texts a row, as long as `columns`.
    notes : sentences under it.
    none : shown in its place if there are no rows.
    """

    def __init__(
        self, columns: Sequence[str], rows: Sequence[tuple[str, ...]], notes: Sequence[str], none: str
    ) -> None:
        self.rows = list(rows)
        self._columns, self._notes, self._none = tuple(columns), list(notes), none

    def __repr__(self) -> str:
        if not self.rows:
            return self._none
        lines = [self._columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in lines
        ]
        return "\n".join([*texts, *self._notes])

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{escape(self._none)}</p>"
        head = "".join(f'<th scope="col">{escape(text)}</th>' for text in self._columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in self.rows
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


class ClusterTable(Table):
    """The clusters seen from this kernel at one moment.

    Attributes
    ----------
    rows : one tuple of texts a cluster: cluster, state, engines, host, since.
    """

    def __init__(self, found: list[Sighting], connected: str | None, now: float | None = None) -> None:
        moment = time.time() if now is None else now
        rows = [_row(s, connected, moment) for s in found]
        super().__init__(_COLUMNS, rows, [_note(s) for s in found if s.reason], _NONE)


def _row(found: Sighting, connected: str | None, now: float) -> tuple[str, ...]:
    state: str = found.state
    if found.key == connected and state not in ENDED:
        state += ", connected"
    return (found.key, state, _engines(found), ", ".join(found.hosts), time_of_day(found.since, now))


def _engines(found: Sighting) -> str:
    count, wanted = found.engines_registered, found.engines_requested
    if found.state in ENDED:
        count = 0
    if wanted is None:
        return "?" if count is None else str(count)
    return f"{'?' if count is None else count}/{wanted}"


def time_of_day(since: float | None, now: float) -> str:
    """Return a moment as people say it: the time of day, with the date if that was not today."""
    if since is None:
        return ""
    then, today = time.localtime(since), time.localtime(now)
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M:%S", then)


def _note(found: Sighting) -> str:
    return " ".join(f"{found.key}: {found.reason} {found.next_step}".split())
