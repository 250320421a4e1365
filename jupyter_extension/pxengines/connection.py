"""The connection of this kernel to a cluster: `cluster`, `view` and ``%px``."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .engine_versions import ask_versions, differences, versions_told, world_words
from .interrupts import Deferred, heeding_interrupts
from .output_line import PROOF_SECONDS, unheard_engines
from .records import Sighting, read_json
from .waiting import EnginesError, StatusLine, WaitingStopped, wait_until_usable

if TYPE_CHECKING:
    from ipyparallel import Client

    from .views import EnginesClient

__all__ = ["EnginesError", "WaitingStopped", "connect", "connected_key", "current_client", "has_ended"]

_HUB_SECONDS = 10.0
_ASK_SECONDS = 0.5
_ENGINES_SECONDS = 10.0
"""How long a hub may take to tell a new client of engines that it has counted already."""


@dataclass(frozen=True)
class _Connection:
    key: str
    client: Client
    connection_file: Path


_current: _Connection | None = None


@heeding_interrupts()
def connect(key: str, *, timeout: float | None = None, quiet: bool = False) -> Client:
    """See `pxengines.connect`."""
    global _current
    shell = _shell()
    line = StatusLine(shell, quiet)
    found = wait_until_usable(key, timeout, line)
    client = _open(found)
    try:
        missing = _wait_for_engines(client, found, line)
        asked = ask_versions(client)
        versions = versions_told(asked)
        unheard = unheard_engines(client, asked, partial(_show_unheard, line, found.key))
        view = client[:]
    except KeyboardInterrupt:
        client.close(linger=0)
        raise _stopped(key) from None
    except BaseException:
        client.close(linger=0)
        raise
    try:
        with Deferred():  # `cluster`, `view` and %px are of one connection, and the one before is closed
            previous, _current = _current, _Connection(key, client, found.paths.connection_file("client"))
            if shell is not None:
                shell.push({"cluster": client, "view": view})
                view.activate()
            if previous is not None:
                previous.client.close(linger=0)
    except KeyboardInterrupt:
        raise WaitingStopped(f"Interrupted. This kernel is connected to {key} already.") from None
    count = len(client.ids)
    engines = "1 engine" if count == 1 else f"{count} engines"
    line.finish(
        f"Connected to {key}: {engines} ({world_words(versions, found.world, count + missing)}). "
        "`cluster` and `view` are ready; try %px."
    )
    for running in () if quiet else _greeting(client):
        print(running)
    for warning in (
        *_lost_engines(found, missing, count),
        *differences(versions, found.world, count + missing),
        *_unheard_engines(unheard),
    ):
        print(f"Warning: {warning}", file=sys.stderr)
    return client


def connected_key() -> str | None:
    """See `pxengines.connected_key`."""
    if _current is None or getattr(_current.client, "_closed", True):
        return None
    # Each controller has a key of its own: a restarted one has another, a stopped one no file.
    key = read_json(_current.connection_file).get("key")
    same = isinstance(key, str) and key.encode() == _current.client.session.key
    return _current.key if same else None


def current_client() -> Client | None:
    """Return the client of the present connection, if it is open."""
    return _current.client if _current is not None and connected_key() is not None else None


def key_of(client: Client) -> str | None:
    """Return the key of the cluster whose present connection `client` is; None for any other client."""
    return _current.key if _current is not None and _current.client is client else None


def has_ended(client: Client) -> bool:
    """Tell whether `client` is the one of the present connection, and its controller has ended."""
    return _current is not None and _current.client is client and connected_key() is None


def _shell() -> Any:
    """Return the running IPython, or None."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def _open(found: Sighting) -> EnginesClient:
    from .views import EnginesClient

    connection_file = found.paths.connection_file("client")
    again = "If it was just stopped or started again, run this again."
    try:
        return EnginesClient(str(connection_file), profile=found.paths.profile, timeout=_HUB_SECONDS)
    except KeyboardInterrupt:
        raise _stopped(found.key) from None
    except FileNotFoundError:
        raise EnginesError(f"{found.key} has no connection file {connection_file}. {again}") from None
    except TimeoutError:
        raise EnginesError(
            f"The controller of {found.key} did not answer within {_HUB_SECONDS:.0f} s. {again} "
            "If not, stop the cluster and start it again."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # What ipyparallel makes of a connection file that is not one.
        words = f"{type(error).__name__}: {error}"
        raise EnginesError(f"Cannot connect to {found.key} with {connection_file}: {words}") from error


def _wait_for_engines(client: EnginesClient, found: Sighting, line: StatusLine) -> int:
    """Wait until the client sees the engines that were counted; return how many are missing.

    Raises
    ------
    EnginesError
        If there is not a single engine.
    """
    wanted = found.engines_requested or 0
    counted = wanted if found.state == "ready" else found.engines_registered or 1
    deadline = time.monotonic() + _ENGINES_SECONDS
    asked_at = time.monotonic()
    while len(client.ids) < max(counted, 1) and time.monotonic() < deadline:
        line.show(f"connecting to {found.key}: {len(client.ids)} of {counted} engines")
        time.sleep(0.05)
        if time.monotonic() - asked_at >= _ASK_SECONDS:
            # What was told of an engine just before this client listened is not told again.
            client.ask_for_engines()
            asked_at = time.monotonic()
    if not client.ids:
        raise EnginesError(
            f"{found.key} has a controller but no engines. Stop the cluster and start it again, "
            "or start engines for it."
        )
    return max(0, wanted - len(client.ids))


def _lost_engines(found: Sighting, missing: int, count: int) -> list[str]:
    if not missing and found.state != "degraded":
        return []
    wanted = found.engines_requested
    engines = f"only {count} of {wanted} engines are there" if missing else "engines were lost"
    reason = f" ({found.reason.rstrip('.')})" if found.reason else ""
    return [
        f"{engines}{reason}: the MPI world is broken, so that collective calls such as psum will hang. "
        "Stop the cluster and start it again."
    ]


def _show_unheard(line: StatusLine, key: str, unheard: list[int]) -> None:
    from .mpi.errors import ranks_in_words  # with numpy, for which %load_ext need not wait

    line.show(f"connecting to {key}: waiting for the output of {ranks_in_words(unheard)}")


def _greeting(client: Client) -> list[str]:
    """Return what runs on the engines, of another kernel or of this one before it restarted."""
    from .dispatch.elsewhere import greeting  # with all of ipyparallel, which is loaded by now

    return greeting(client)


def _unheard_engines(unheard: list[int]) -> list[str]:
    if not unheard:
        return []
    from .mpi.errors import ranks_in_words

    return [
        f"nothing of what {ranks_in_words(unheard)} says was heard within {PROOF_SECONDS:.0f} s, though "
        "requests are answered: the output of cells may be missing. Connect again when the machine is less "
        "busy."
    ]


def _stopped(key: str) -> WaitingStopped:
    return WaitingStopped(f"Stopped connecting to {key}. That changes nothing on the cluster.")
