"""The magics: ``%engines`` to list the clusters and connect to one, and ``%psum``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class

from . import connection, hub, parallel_magics, psum_magic, records
from .table import ClusterTable
from .waiting import EnginesError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_USAGE = "Use: %engines, or %engines connect NAME [--timeout SECONDS] [--quiet]"
_NAME = "%engines"


@magics_class
class EnginesMagics(Magics):
    """The ``%engines`` line magic."""

    @line_magic
    def engines(self, line: str) -> ClusterTable | None:
        """List the clusters, or connect this notebook to one.

        ::

            %engines                      the clusters: state, engines, host, since when
            %engines connect NAME         sets `cluster` and `view`, activates %px, %%px and %autopx
                --timeout SECONDS         give up waiting for a cluster that is starting
                --quiet                   print warnings only

        NAME is what the list calls the cluster: PROFILE, or PROFILE:CLUSTER_ID. A cluster that is
        starting is waited for; interrupting stops the waiting, not the cluster.
        """
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise EnginesError(f"Cannot read {line!r}: {error}. {_USAGE}") from None
        command, arguments = (words[0], words[1:]) if words else ("list", [])
        if command == "list" and not arguments:
            return ClusterTable(hub.ask_all(records.sightings()), connection.connected_key())
        if command == "connect":
            key, options = _connect_arguments(arguments)
            connection.connect(key, **options)
            return None
        if command == "list":
            raise EnginesError(f"%engines list takes no {arguments[0]!r}. {_USAGE}")
        raise EnginesError(f"%engines knows no {command!r}. {_USAGE}")


def load(shell: InteractiveShell) -> None:
    """Register the magics and their completion with `shell`."""
    psum_magic.load(shell)
    parallel_magics.load(shell)
    shell.register_magics(EnginesMagics)
    shell.set_hook("complete_command", _complete, str_key=_NAME)  # type: ignore[no-untyped-call]


def unload(shell: InteractiveShell) -> None:
    """Take the magics away from `shell` again."""
    psum_magic.unload(shell)
    parallel_magics.unload(shell)
    shell.magics_manager.magics["line"].pop("engines", None)
    shell.strdispatchers["complete_command"].strs.pop(_NAME, None)


def _connect_arguments(words: list[str]) -> tuple[str, dict[str, Any]]:
    keys: list[str] = []
    options: dict[str, Any] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if name == "--timeout":
            options["timeout"] = _seconds(value if equals else left.pop(0) if left else "")
        elif word in ("--quiet", "-q"):
            options["quiet"] = True
        elif word.startswith("-"):
            raise EnginesError(f"%engines connect has no option {word!r}. {_USAGE}")
        else:
            keys.append(word)
    if len(keys) != 1:
        known = [found.key for found in records.sightings() if found.state not in records.ENDED]
        names = f" Known clusters: {', '.join(known)}." if known else " No cluster is running."
        given = "which cluster?" if not keys else f"one cluster, not {len(keys)}."
        raise EnginesError(f"%engines connect: {given}{names} {_USAGE}")
    return keys[0], options


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise EnginesError(f"--timeout needs a number of seconds, not {text!r}. {_USAGE}")
    return seconds


def _complete(_: Any, event: Any) -> list[str]:
    """Complete subcommands, keys and options of the line typed so far."""
    words = event.line[: len(event.line)].split()
    position = len(words) if event.line.endswith(" ") else len(words) - 1
    if position == 1:
        return ["connect", "list"]
    if len(words) > 1 and words[1] == "connect":
        keys = [shlex.quote(s.key) for s in records.sightings() if s.state not in records.ENDED]
        return [*keys, "--timeout", "--quiet"]
    return []
