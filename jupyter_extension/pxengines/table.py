"""What ``%engines`` shows: the clusters, as a table for notebooks and as text."""

from __future__ import annotations

import time
from html import escape

from .records import ENDED, Sighting

_COLUMNS = ("cluster", "state", "engines", "host", "since")
_NONE = (
    "No clusters. Start one in the Engines panel, or in a terminal with: "
    "ipcluster start --profile=local --engines=mpi -n 4"
)


class ClusterTable:
    """The clusters seen from this kernel at one moment.

    Attributes
    ----------
    rows : one tuple of texts a cluster: cluster, state, engines, host, since.
    """

    def __init__(self, found: list[Sighting], connected: str | None, now: float | None = None) -> None:
        moment = time.time() if now is None else now
        self.rows = [_row(s, connected, moment) for s in found]
        self._notes = [_note(s) for s in found if s.reason]

    def __repr__(self) -> str:
        if not self.rows:
            return _NONE
        widths = [max(len(row[i]) for row in (_COLUMNS, *self.rows)) for i in range(len(_COLUMNS))]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in (_COLUMNS, *self.rows)
        ]
        return "\n".join([*lines, *self._notes])

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{escape(_NONE)}</p>"
        head = "".join(f'<th scope="col">{escape(text)}</th>' for text in _COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in self.rows
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


def _row(found: Sighting, connected: str | None, now: float) -> tuple[str, ...]:
    state: str = found.state
    if found.key == connected and state not in ENDED:
        state += ", connected"
    return (found.key, state, _engines(found), ", ".join(found.hosts), _since(found.since, now))


def _engines(found: Sighting) -> str:
    count, wanted = found.engines_registered, found.engines_requested
    if found.state in ENDED:
        count = 0
    if wanted is None:
        return "?" if count is None else str(count)
    return f"{'?' if count is None else count}/{wanted}"


def _since(since: float | None, now: float) -> str:
    """Return a moment as people say it: the time of day, with the date if that was not today."""
    if since is None:
        return ""
    then, today = time.localtime(since), time.localtime(now)
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M:%S", then)


def _note(found: Sighting) -> str:
    return " ".join(f"{found.key}: {found.reason} {found.next_step}".split())
