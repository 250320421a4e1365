"""Cells that another client sent: this notebook before its kernel was restarted, or another notebook.

The hub remembers them; what is said here is as old as its answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..mpi.cells import CELL_METADATA
from ..table import Table, time_of_day
from ..waiting import EnginesError
from .ranks import rank_words
from .run import first_line

if TYPE_CHECKING:
    from ipyparallel import Client

ANSWER_SECONDS = 5.0
DONE_SHOWN = 5
"""So many cells that have ended are listed."""
MOST_ASKED = 2000
"""Of so many past requests the hub is asked at once."""
NAME_LENGTH = 6
_KEYS = ["header", "metadata", "content", "engine_uuid", "submitted", "completed", "result_content"]
_NUMBER = re.compile(r"(.*)_(\d+)")
_SHORT = 60


@dataclass(frozen=True)
class Part:
    """One engine's part of a cell.

    Attributes
    ----------
    engine : id, or None if it is no longer there.
    state : ``"running"``, ``"waiting"`` behind something else, ``"done"`` or ``"failed"``.
    """

    msg_id: str
    engine: int | None
    state: str


@dataclass(frozen=True)
class PastCell:
    """A cell of another client.

    Attributes
    ----------
    cell_id : its whole id.
    since : when it was sent, by that client's clock; epoch seconds.
    """

    cell_id: str
    code: str
    since: float
    parts: tuple[Part, ...]

    @property
    def name(self) -> str:
        """What users call it."""
        return self.cell_id[:NAME_LENGTH]

    @property
    def is_open(self) -> bool:
        """Whether a part of it runs, or waits."""
        return any(part.state in ("running", "waiting") for part in self.parts)

    @property
    def state(self) -> str:
        """How it goes, in a word."""
        states = {part.state for part in self.parts}
        return next(word for word in ("running", "waiting", "failed", "done") if word in states)

    @property
    def ranks(self) -> str:
        """The engines that have it, in words."""
        return rank_words(sorted(part.engine for part in self.parts if part.engine is not None), most=8)

    @property
    def first_line(self) -> str:
        """How it begins."""
        line = first_line(self.code)
        return line if len(line) <= _SHORT else f"{line[: _SHORT - 1]}…"


class PastCells(Table):
    """Cells of other clients, as ``%pxresult`` lists them."""

    def __init__(self, cells: Iterable[PastCell], now: float | None = None) -> None:
        moment = time.time() if now is None else now
        rows = [
            (cell.name, cell.state, time_of_day(cell.since, moment), cell.ranks, cell.first_line)
            for cell in cells
        ]
        super().__init__(
            ("id", "state", "since", "ranks", "cell"),
            rows,
            ["Sent by another kernel, or by this notebook's before it restarted. %pxresult ID shows one."],
            "There was no cell on engines yet.",
        )


def running_cells(client: Client) -> list[PastCell]:
    """Return what other clients have running on the engines, and waiting for them.

    This and all here that asks the hub raise `EnginesError` if it does not answer.
    """
    return [cell for cell in _cells(client, {"completed": None}) if cell.is_open]


def past_cells(client: Client) -> list[PastCell]:
    """Return what runs, and the last cells of other clients that have ended, newest first."""
    ended = [cell for cell in _cells(client, _one_of(_history(client)[-MOST_ASKED:])) if not cell.is_open]
    return running_cells(client) + ended[: -DONE_SHOWN - 1 : -1]


def find(client: Client, name: str) -> PastCell | None:
    """Return the cell that is called `name` (its id, or the beginning of it, or the id of a request).

    Whoever sent it, and however long ago, as long as the hub remembers it; the newest if several are.
    """
    # A request's neighbours in number are those of the same cell to other engines.
    if found := _NUMBER.fullmatch(name):
        number, reach = int(found[2]), max(1, len(client.ids))
        near = [f"{found[1]}_{n}" for n in range(max(0, number - reach), number + reach + 1)]
        cells = _cells(client, _one_of(near), own=True)
        return next((cell for cell in cells if name in {part.msg_id for part in cell.parts}), None)
    history = _history(client)
    parts = _parts_of(client, history, name)
    if not parts:  # stock clients do not name cells
        return next((cell for cell in past_cells(client) if cell.cell_id.startswith(name)), None)
    # With all that has not ended: some of it may be what this cell waits for.
    parts.update(record["msg_id"] for record in _records(client, {"completed": None}, ["submitted"]))
    cells = _cells(client, _one_of([msg_id for msg_id in history if msg_id in parts]), own=True)
    return next((cell for cell in reversed(cells) if cell.cell_id.startswith(name)), None)


def _parts_of(client: Client, history: list[str], name: str) -> set[str]:
    """Return the requests that are parts of the newest cell whose id begins with `name`."""
    parts: set[str] = set()
    whole = ""
    for end in range(len(history), 0, -MOST_ASKED):
        before = len(parts)
        records = _records(client, _one_of(history[max(0, end - MOST_ASKED) : end]), ["metadata"])
        for record in reversed(records):
            cell = str((record.get("metadata") or {}).get(CELL_METADATA) or "")
            if cell.startswith(whole or name) and cell:
                whole = cell
                parts.add(record["msg_id"])
        if parts and len(parts) == before:
            break  # what comes before is older than all of it
    return parts


def is_known(client: Client, msg_id: str) -> bool:
    """Tell whether the hub remembers the request `msg_id`, a cell or not."""
    answer = _ask(client, "db_request", {"query": _one_of([msg_id]), "keys": ["submitted"]})
    return bool(answer.get("records"))


def greeting(client: Client) -> list[str]:
    """Return a line for each cell of another client that is on the engines, as far as is known.

    For who connects, and has not asked for it: a hub that does not answer is not told here.
    """
    now = time.time()
    try:
        running = running_cells(client)
    except EnginesError:
        return []
    return [
        f"{cell.state.capitalize()} since {time_of_day(cell.since, now)} on {_rank_or_ranks(cell)}: "
        f"{cell.first_line} (%pxresult {cell.name} waits for it and shows it)"
        for cell in running
    ]


def _rank_or_ranks(cell: PastCell) -> str:
    return f"rank{'' if len(cell.parts) == 1 else 's'} {cell.ranks}"


def cells_of(records: Iterable[Mapping[str, Any]], engines: Mapping[str, int]) -> list[PastCell]:
    """Return the cells that the hub's `records`, in the order of their arrival, are parts of.

    Parameters
    ----------
    records : as the hub has them; what is no cell counts only for who waits behind it.
    engines : id by uuid of the engines that there are.
    """
    busy: set[int] = set()
    cells: dict[str, list[Part]] = {}
    first: dict[str, Mapping[str, Any]] = {}
    before: tuple[str, str, int] | None = None
    for record in records:
        header, metadata = record.get("header") or {}, record.get("metadata") or {}
        engine = engines.get(record.get("engine_uuid") or "")
        if header.get("msg_type") not in ("execute_request", "apply_request"):
            continue  # stock hubs also note what nobody answers: messages of widgets
        state = _state(record, engine, busy)
        if header["msg_type"] != "execute_request":
            continue
        code = _code(record)
        prefix, _, number = str(record["msg_id"]).rpartition("_")
        key = metadata.get(CELL_METADATA)
        if not key:  # stock clients do not name cells, but number their requests
            follows = number.isdecimal() and before == (prefix, code, int(number) - 1)
            key = next(reversed(cells)) if follows else f"{prefix[:NAME_LENGTH]}_{number}"
        before = (prefix, code, int(number)) if number.isdecimal() else None
        cells.setdefault(key, []).append(Part(str(record["msg_id"]), engine, state))
        first.setdefault(key, record)
    return [
        PastCell(key, _code(first[key]), seconds(first[key].get("submitted")), tuple(parts))
        for key, parts in cells.items()
    ]


def _code(record: Mapping[str, Any]) -> str:
    return str((record.get("content") or {}).get("code", ""))


def _state(record: Mapping[str, Any], engine: int | None, busy: set[int]) -> str:
    if record.get("completed") is not None:
        return "done" if (record.get("result_content") or {}).get("status") == "ok" else "failed"
    if engine is None:
        return "failed"  # the hub has not yet noticed
    if engine in busy:
        return "waiting"
    busy.add(engine)  # one thing at a time, in the order of arrival
    return "running"


def _cells(client: Client, query: dict[str, Any], own: bool = False) -> list[PastCell]:
    records = _records(client, query, _KEYS)
    engines = {uuid: engine for engine, uuid in client._engines.items() if isinstance(engine, int)}
    mine = {
        record["msg_id"]
        for record in records
        if not own and (record.get("header") or {}).get("session") == client.session.session
    }
    return [cell for cell in cells_of(records, engines) if cell.parts[0].msg_id not in mine]


def _history(client: Client) -> list[str]:
    """Return the ids of all requests that the hub remembers, oldest first."""
    return _ask(client, "history_request", {}).get("history") or []


def _records(client: Client, query: dict[str, Any], keys: list[str]) -> list[dict[str, Any]]:
    """Return these fields, and the id, of the requests that match."""
    return _ask(client, "db_request", {"query": query, "keys": keys}).get("records") or []


def _ask(client: Client, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return what the hub answers.

    Raises
    ------
    EnginesError
        If it does not, or keeps no records: then nothing is known, which is not the same as nothing.
    """
    if client._closed:
        raise EnginesError("This view's connection is closed. Connect again.")
    asked = client._send(client._query_stream, kind, content=content)
    if not asked.wait(ANSWER_SECONDS):
        raise EnginesError(
            f"The controller has not answered for {ANSWER_SECONDS:.0f} s, so nobody knows which cells there "
            "were. Run this again; if it stays silent, look at the Engines panel for the cause."
        )
    answer: dict[str, Any] = asked.result()["content"]
    if answer.get("status") != "ok":
        why = f"{answer.get('ename')}: {answer.get('evalue')}"
        raise EnginesError(f"The controller cannot tell which cells there were. It says {why}.")
    return answer


def _one_of(ids: list[str]) -> dict[str, Any]:
    return {"msg_id": {"$in": ids}}


def seconds(moment: Any) -> float:
    """Return a moment of the hub's as Unix seconds; now if it is none."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return moment.timestamp() if isinstance(moment, datetime) else time.time()
