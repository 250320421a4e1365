"""Asking a cluster's hub how many engines it counts: for clusters that nobody keeps a record of."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from .records import ENDED, WAITING, Sighting, State, read_json

ANSWER_SECONDS = 1.5
"""A hub answers within milliseconds; one that is starting engines on a busy machine may need longer."""

_ENGINES_MAY_TAKE = 60.0
"""Engines that are missing so long after a terminal's start are not coming (ipyparallel's own limit)."""


def ask(sighting: Sighting, timeout: float | None = None) -> Sighting:
    """Return `sighting` with what its hub says, if there is need to ask.

    Waits `timeout` seconds at most; None: as long as an answer may take.
    """
    if sighting.state in ENDED or sighting.state == "stopping" or sighting.followed:
        return sighting
    timeout = ANSWER_SECONDS if timeout is None else timeout
    connection_file = sighting.paths.connection_file("client")
    count = count_engines(connection_file, timeout) if connection_file.exists() else None
    if count is None:
        if sighting.state == "unknown":
            return replace(sighting, reason="its controller does not answer.")
        return sighting
    return replace(sighting, engines_registered=count, state=_state(sighting, count))


def ask_all(found: list[Sighting]) -> list[Sighting]:
    """Return `found` after asking all hubs that need it, at the same time."""
    if not found:
        return []
    with ThreadPoolExecutor(max_workers=min(len(found), 16)) as pool:
        return list(pool.map(ask, found))


def count_engines(connection_file: Path, timeout: float) -> int | None:
    """Return how many engines a hub counts; None if it does not answer in `timeout` seconds, or cannot.

    An ``ipyparallel.Client`` would do, but it also takes over ``%px`` if it is the first one.
    """
    info = read_json(connection_file)
    if not info or info.get("ssh"):
        return None  # through a tunnel only a client gets there
    try:
        return _ask_hub(info, timeout)
    except (KeyError, TypeError, ValueError, OSError):
        return None  # a file of another ipyparallel, a host without an address, an answer signed by another


def _ask_hub(info: dict[str, Any], timeout: float) -> int | None:
    import zmq
    from ipyparallel.util import disambiguate_ip_address
    from jupyter_client.session import Session

    protocol, address = str(info["interface"]).split("://")
    address = disambiguate_ip_address(address, info.get("location"))
    session = Session(
        key=str(info["key"]).encode(),
        signature_scheme=info["signature_scheme"],
        packer=info["pack"],
        unpacker=info["unpack"],
    )
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
    with context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        if info.get("curve_serverkey"):
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey = str(info["curve_serverkey"]).encode()
        socket.connect(f"{protocol}://{address}:{info['registration']}")
        session.send(socket, "connection_request")
        if not socket.poll(round(timeout * 1000)):
            return None
        _, message = session.recv(socket, mode=0)
        content = message["content"] if message else {}
        return len(content["engines"]) if content.get("status") == "ok" else None


def _state(sighting: Sighting, count: int) -> State:
    wanted = sighting.engines_requested
    if count and (wanted is None or count >= wanted):
        return "ready"
    if sighting.state in WAITING:
        return sighting.state
    if sighting.state != "unknown":
        return "degraded"  # it was complete once
    late = sighting.since is not None and time.time() - sighting.since > _ENGINES_MAY_TAKE
    return "degraded" if late else "starting"
