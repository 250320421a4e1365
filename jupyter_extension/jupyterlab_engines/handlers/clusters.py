"""Profiles and clusters over REST."""

from __future__ import annotations

import socket
from typing import get_args

from .. import __version__
from ..api.models import API_VERSION, LogSource, ProfileList, ServerInfo, StartCluster
from ..errors import BadRequest
from .base import EnginesHandler, allowed

_MOST_LINES = 10_000


def server_info() -> ServerInfo:
    """Return who answers."""
    return ServerInfo(version=__version__, api_version=API_VERSION, host=socket.gethostname())


class ServerHandler(EnginesHandler):
    """``server``."""

    @allowed("read")
    async def get(self) -> None:
        """Tell who answers."""
        self.reply(server_info())


class ProfilesHandler(EnginesHandler):
    """``profiles``."""

    _track_activity = False

    @allowed("read")
    async def get(self) -> None:
        """List the profiles."""
        self.reply(ProfileList(profiles=await self.manager.profiles()))


class ClustersHandler(EnginesHandler):
    """``clusters``."""

    @allowed("read")
    async def get(self) -> None:
        """List the clusters."""
        self._track_activity = False  # browsers without a WebSocket poll this
        self.reply(await self.manager.clusters())

    @allowed("write")
    async def post(self) -> None:
        """Start a cluster."""
        self.reply(await self.manager.start(self.decode_body(StartCluster)), 202)


class ClusterHandler(EnginesHandler):
    """``clusters/{key}``."""

    @allowed("read")
    async def get(self, key: str) -> None:
        """Return one cluster."""
        self._track_activity = False
        self.reply(await self.manager.get(key))

    @allowed("write")
    async def delete(self, key: str) -> None:
        """Forget an ended cluster."""
        self.refuse_body()
        await self.manager.forget(key)
        self.reply(None, 204)


class StopHandler(EnginesHandler):
    """``clusters/{key}/stop``."""

    @allowed("write")
    async def post(self, key: str) -> None:
        """Stop a cluster."""
        self.refuse_body()
        self.reply(await self.manager.stop(key), 202)


class InterruptHandler(EnginesHandler):
    """``clusters/{key}/interrupt``."""

    @allowed("write")
    async def post(self, key: str) -> None:
        """Interrupt what the engines of a cluster do."""
        self.refuse_body()
        await self.manager.interrupt(key)
        self.reply(None, 204)


class RestartHandler(EnginesHandler):
    """``clusters/{key}/restart``."""

    @allowed("write")
    async def post(self, key: str) -> None:
        """End all engines of a cluster and start others."""
        self.refuse_body()
        self.reply(await self.manager.restart_engines(key), 202)


class LogHandler(EnginesHandler):
    """``clusters/{key}/log``."""

    _track_activity = False

    @allowed("read")
    async def get(self, key: str) -> None:
        """Return the end of one of a cluster's logs."""
        self.reply(await self.manager.log_of(key, self._source(), self._lines()))

    def _source(self) -> LogSource:
        given = self.get_query_argument("source", "engines")
        for source in get_args(LogSource):
            if source == given:
                known: LogSource = source
                return known
        raise BadRequest(f"source must be one of {', '.join(get_args(LogSource))}, not {given!r}.")

    def _lines(self) -> int:
        given = self.get_query_argument("lines", "200")
        if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= _MOST_LINES):
            raise BadRequest(f"lines must be a whole number from 1 to {_MOST_LINES}, not {given!r}.")
        return int(given)
