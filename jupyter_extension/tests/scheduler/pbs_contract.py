"""What a reader made of a recording, in one word: the tables of the tests have these."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pbs_recordings import command, ran
from recordings import names

from jupyterlab_engines.api.names import JobAction
from jupyterlab_engines.api.profiles import Resources
from jupyterlab_engines.scheduler.base import Dialect, Refused, SchedulerError

ACTIONS: dict[str, JobAction] = {
    "qdel": "delete",
    "qhold": "hold",
    "qrls": "release",
    "qalter": "alter_walltime",
}


def verdict(read: Callable[..., Any], *args: Any) -> str:
    """Return "ok", "gone" (an answer without the job), or the error's name and code."""
    try:
        result = read(*args)
    except SchedulerError as error:
        assert error.message.endswith("."), error.message
        return f"{type(error).__name__} {error.code}" if isinstance(error, Refused) else type(error).__name__
    return "gone" if result == {} else "ok"


def reading(dialect: Dialect, folder: str, name: str) -> str:
    """Return what the reader that fits a recording made of it."""
    program, typed = command(folder, name)
    done = ran(folder, name)
    if program == "qsub":
        return verdict(dialect.read_submit, done)
    if program in ACTIONS:
        return verdict(dialect.read_change, done, ACTIONS[program], done.argv[-1])
    if program == "pbsnodes":
        return verdict(dialect.read_nodes, done)
    if program == "qselect":
        return verdict(dialect.read_find, done, "name")
    if "-Q" in typed:
        return verdict(dialect.read_queues, done)
    if done.argv[-1][:1].isdigit():
        return verdict(dialect.read_query, done)
    return verdict(dialect.read_jobs, done, None)


def table(text: str) -> dict[str, str]:
    """Return {recording: verdict} of ``verdict: recording recording …``; a line without one goes on."""
    rows: dict[str, str] = {}
    what = ""
    for line in text.strip().splitlines():
        head, colon, rest = line.partition(":")
        if colon:
            what = head.strip()
        rows.update(dict.fromkeys((rest if colon else line).split(), what))
    return rows


def failed(folder: str) -> set[str]:
    """Return the recordings of commands that did not end with 0."""
    return {name for name in names(folder) if ran(folder, name).status != 0}


def at(words: str) -> float:
    """Return the time that a scheduler in this zone prints so."""
    return time.mktime(time.strptime(words, "%a %b %d %H:%M:%S %Y"))


def asked(**wanted: Any) -> Resources:
    """Return resources of which only these are asked for."""
    return Resources(**{**dict.fromkeys(Resources.__struct_fields__), **wanted})
