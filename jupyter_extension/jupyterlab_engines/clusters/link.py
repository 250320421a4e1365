"""A line to one controller's hub: who is registered, who comes and goes, and questions to engines.

Asynchronous ZeroMQ on the server's own loop, with ipyparallel's messages but without its client:
that one starts a thread, unpickles what engines send, and listens to all their output.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.session import Session

from pxengines.launch.questions import ACTIVITY, USAGE

_ANSWER = "pxengines"
_FIELDS = frozenset(
    (
        "interface",
        "registration",
        "mux",
        "control",
        "notification",
        "key",
        "signature_scheme",
        "pack",
        "unpack",
    )
)


class LinkError(Exception):
    """The hub or an engine did not answer as it should; the text says what."""


class NotUnderstood(LinkError):
    """The hub is of another kind and does not know the question."""


class HubLink:
    """A connection to the hub that a connection file describes.

    Parameters
    ----------
    info : content of ``ipcontroller-client.json``.
    changed : called, on the loop, with the engines now registered (id → uuid) after each change.
    shut_down : called when the hub says that it ends.
    log : for messages that make no sense.
    """

    def __init__(
        self,
        info: dict[str, Any],
        *,
        changed: Callable[[dict[int, str]], None],
        shut_down: Callable[[], None],
        log: logging.Logger,
    ) -> None:
        self._info = info
        self._changed = changed
        self._shut_down = shut_down
        self._log = log
        self._session = Session(
            key=info["key"].encode(),
            signature_scheme=info["signature_scheme"],
            packer=info["pack"],
            unpacker=info["unpack"],
        )
        self._context: zmq.asyncio.Context | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self.engines: dict[int, str] = {}
        # By question under way: who came (uuid) or went (None) while its answer was.
        self._news: dict[object, dict[int, str | None]] = {}

    async def connect(self, timeout: float) -> None:
        """Connect, and ask who is registered.

        Raises
        ------
        LinkError
            If the hub does not answer within `timeout` seconds.
        """
        address = await asyncio.to_thread(_address, self._info)
        self._context = zmq.asyncio.Context()
        self._query = self._socket(zmq.DEALER, address, self._info["registration"])
        self._mux = self._socket(zmq.DEALER, address, self._info["mux"])
        self._control = self._socket(zmq.DEALER, address, self._info["control"])
        # Listen before asking: an engine that registers in between is heard of twice, not never.
        notifications = self._socket(zmq.SUB, address, self._info["notification"])
        notifications.subscribe(b"")
        self._tasks = [
            asyncio.create_task(self._receive(self._query, self._on_reply)),
            asyncio.create_task(self._receive(self._mux, self._on_reply)),
            asyncio.create_task(self._receive(self._control, self._on_reply)),
            asyncio.create_task(self._receive(notifications, self._on_notification)),
        ]
        await self.ask(timeout)

    async def ask(self, timeout: float) -> None:
        """Ask the hub who is registered; also a sign of life.

        Raises
        ------
        LinkError
            If it does not answer within `timeout` seconds.
        """
        question = object()
        news = self._news[question] = {}
        try:
            reply = await self._request(self._query, "connection_request", {}, None, timeout)
        finally:
            del self._news[question]
        if reply["content"].get("status") != "ok":
            raise LinkError("the hub refused the connection")
        engines = {int(i): str(uuid) for i, uuid in reply["content"]["engines"].items()}
        # Answer and notifications travel on lines of their own: what came meanwhile may be newer.
        for engine_id, uuid in news.items():
            if uuid is None:
                engines.pop(engine_id, None)
            else:
                engines[engine_id] = uuid
        self.engines = engines
        self._changed(dict(engines))

    async def evaluate(self, engine_uuid: str, expression: str, timeout: float | None) -> str:
        """Return the string that `expression` is on an engine; it runs after what the engine is doing.

        Raises
        ------
        LinkError
            If it raises there, is no string, or does not come within `timeout` seconds.
        """
        content = {
            "code": "",
            "silent": True,
            "store_history": False,
            "user_expressions": {_ANSWER: expression},
            "allow_stdin": False,
        }
        reply = await self._request(self._mux, "execute_request", content, engine_uuid.encode(), timeout)
        answer = reply["content"].get("user_expressions", {}).get(_ANSWER)
        if reply["content"].get("status") != "ok" or answer is None:
            raise LinkError(f"{reply['content'].get('ename', 'error')}: {reply['content'].get('evalue', '')}")
        if answer["status"] != "ok":
            raise LinkError(f"{answer.get('ename')}: {answer.get('evalue')}")
        try:
            value = ast.literal_eval(answer["data"]["text/plain"])
        except (ValueError, SyntaxError, KeyError) as error:
            raise LinkError(f"an engine answered something that is no text: {error}") from error
        if not isinstance(value, str):
            raise LinkError(f"an engine answered a {type(value).__name__}")
        return value

    async def activity(self, since: int, timeout: float) -> dict[str, Any]:
        """Return what a hub of ours (`pxengines.activity`) says changed after revision `since`.

        Raises
        ------
        NotUnderstood
            If it is of another kind.
        LinkError
            If it does not answer within `timeout` seconds.
        """
        return await self._answer(self._query, ACTIVITY, {"since": since}, None, timeout)

    async def usage(self, engine_uuid: str, pids: list[int], timeout: float) -> dict[str, Any]:
        """Return what processes use, read by the nanny of an engine on their host (`pxengines.usage`).

        Raises
        ------
        LinkError
            If it does not answer within `timeout` seconds.
        """
        identity = engine_uuid.encode()
        return await self._answer(self._control, USAGE, {"pids": pids}, identity, timeout)

    async def interrupt(self, engine_uuid: str, timeout: float) -> None:
        """Interrupt what an engine does; its nanny signals it.

        Raises
        ------
        LinkError
            If it does not answer within `timeout` seconds.
        """
        await self._answer(self._control, "signal_request", {"sig": "SIGINT"}, engine_uuid.encode(), timeout)

    async def unregister(self, engine_id: int, engine_uuid: str) -> None:
        """Tell the hub of a cluster of ours that an engine ends, before that one's nanny does."""
        content = {"id": engine_id, "uuid": engine_uuid}
        message = self._session.msg("unregistration_request", content=content)
        await self._query.send_multipart(self._session.serialize(message))

    async def kill(self, engine_uuid: str) -> None:
        """Have the nanny of an engine, if both still live, end it; does not wait."""
        message = self._session.msg("signal_request", content={"sig": "SIGKILL"})
        await self._control.send_multipart(self._session.serialize(message, ident=engine_uuid.encode()))

    async def close(self) -> None:
        """Close all sockets; waiting questions raise LinkError."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = []
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LinkError("the connection to the hub was closed"))
        self._waiting.clear()
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None

    def _socket(self, kind: int, address: str, port: int) -> zmq.asyncio.Socket:
        if self._context is None:
            raise LinkError("the connection to the hub was closed")
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.rcvhwm = 0
        serverkey = self._info.get("curve_serverkey")
        if serverkey:
            public, secret = zmq.curve_keypair()
            socket.curve_serverkey = serverkey.encode()
            socket.curve_publickey = public
            socket.curve_secretkey = secret
        socket.connect(f"{address}:{port}")
        return socket

    async def _request(
        self,
        socket: zmq.asyncio.Socket,
        kind: str,
        content: dict[str, Any],
        identity: bytes | None,
        timeout: float | None,
    ) -> dict[str, Any]:
        message = self._session.msg(kind, content=content)
        identifier = message["header"]["msg_id"]
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[identifier] = future
        try:
            await socket.send_multipart(self._session.serialize(message, ident=identity))
            return await asyncio.wait_for(future, timeout)
        except asyncio.TimeoutError as error:
            raise LinkError(f"no answer to {kind} within {timeout:g} s") from error
        finally:
            self._waiting.pop(identifier, None)

    async def _answer(
        self,
        socket: zmq.asyncio.Socket,
        kind: str,
        content: dict[str, Any],
        identity: bytes | None,
        timeout: float,
    ) -> dict[str, Any]:
        reply = await self._request(socket, kind, content, identity, timeout)
        answer: dict[str, Any] = reply["content"]
        if answer.get("status") != "ok":
            if reply["header"]["msg_type"] == "hub_error":
                raise NotUnderstood(str(answer.get("evalue")))
            raise LinkError(f"{answer.get('ename', 'error')}: {answer.get('evalue', kind)}")
        return answer

    async def _receive(self, socket: zmq.asyncio.Socket, handle: Callable[[dict[str, Any]], None]) -> None:
        while True:
            frames = await socket.recv_multipart()
            try:
                _, parts = self._session.feed_identities(frames)
                message = self._session.deserialize(parts)
            except (ValueError, TypeError, KeyError) as error:
                self._log.warning("A message of a controller could not be read: %s", error)
                continue
            handle(message)

    def _on_reply(self, message: dict[str, Any]) -> None:
        future = self._waiting.get(message["parent_header"].get("msg_id", ""))
        if future is not None and not future.done():
            future.set_result(message)

    def _on_notification(self, message: dict[str, Any]) -> None:
        kind = message["header"]["msg_type"]
        if kind == "shutdown_notification":
            self._shut_down()
        elif kind == "registration_notification":
            self._note(int(message["content"]["id"]), str(message["content"]["uuid"]))
        elif kind == "unregistration_notification":
            self._note(int(message["content"]["id"]), None)

    def _note(self, engine_id: int, uuid: str | None) -> None:
        for news in self._news.values():
            news[engine_id] = uuid
        if uuid is None:
            self.engines.pop(engine_id, None)
        else:
            self.engines[engine_id] = uuid
        self._changed(dict(self.engines))


def read_connection_file(path: Path) -> dict[str, Any] | None:
    """Return the content of a client connection file; None if it is missing or not whole yet."""
    with contextlib.suppress(OSError, ValueError):
        info = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(info, dict) and _FIELDS <= info.keys():
            return info
    return None


def _address(info: dict[str, Any]) -> str:
    """Return ``tcp://HOST`` to connect to; may look up names, so not for the loop."""
    from ipyparallel.util import disambiguate_ip_address  # late: importing it takes 0.5 s

    protocol, _, host = str(info["interface"]).partition("://")
    return f"{protocol}://{disambiguate_ip_address(host, info.get('location'))}"
