"""The stream: one WebSocket a browser, on which all states arrive."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ..api.models import API_VERSION, ClientMessage, Hello
from ..clusters.broadcast import Subscriber
from ..clusters.manager import ClusterManager
from .base import AUTH_RESOURCE, MANAGER
from .clusters import server_info

_UNSUPPORTED = 1003
"""WebSocket close code: a message that cannot be accepted."""

_MAX_MESSAGE_BYTES = 4096


class _Tagged(msgspec.Struct):
    """Every message of a browser has a type."""

    type: str


class StreamHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``stream``: hello, snapshot, then deltas."""

    auth_resource = AUTH_RESOURCE
    _subscriber: Subscriber | None = None

    @property
    def manager(self) -> ClusterManager:
        """The manager of all clusters."""
        manager: ClusterManager = self.settings[MANAGER]
        return manager

    def set_default_headers(self) -> None:
        """Set none: they are for pages."""

    def get_compression_options(self) -> dict[str, Any]:
        """Compress: snapshots shrink to a tenth."""
        return {"compression_level": 4, "mem_level": 6}

    @property
    def max_message_size(self) -> int:
        """Longest message a browser may send, in bytes."""
        return _MAX_MESSAGE_BYTES

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the stream, if the user may read."""
        allowed = await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "read", AUTH_RESOURCE)
        )
        if not allowed:
            raise HTTPError(403, "User is not authorized to read on resource: jupyterlab_engines.")
        await super().get(*args, **kwargs)

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Send hello, then subscribe: the first message after it is a snapshot."""
        super().open(*args, **kwargs)
        await self.manager.ready()
        hello = Hello(api_version=API_VERSION, server=server_info(), now=time.time())
        try:
            await self._send(msgspec.json.encode(hello))
        except ConnectionError:
            return
        if self.ws_connection is not None:
            self._subscriber = self.manager.broadcast.subscribe(self._send)
            self.manager.poke()

    def on_message(self, message: str | bytes) -> None:
        """Take a message of the browser; one that makes no sense ends the stream."""
        try:
            msgspec.json.decode(
                message, type=_Tagged
            )  # msgspec itself lets the tag of a lone type be missing
            msgspec.json.decode(message, type=ClientMessage)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            # A close reason has at most 123 bytes.
            self.close(_UNSUPPORTED, f"unknown message: {error}"[:100].encode("ascii", "replace").decode())
            return
        if self._subscriber is not None:
            self._subscriber.resync()

    def on_close(self) -> None:
        """Unsubscribe."""
        if self.ping_callback is not None:
            self.ping_callback.stop()
        if self._subscriber is not None:
            self.manager.broadcast.unsubscribe(self._subscriber)
            self._subscriber = None
        super().on_close()

    async def _send(self, message: bytes) -> None:
        """Send one message and wait until the connection took it.

        Raises
        ------
        ConnectionError
            If the browser is gone.
        """
        try:
            await asyncio.ensure_future(self.write_message(message.decode()))
        except WebSocketClosedError as error:
            raise ConnectionError("the browser is gone") from error
