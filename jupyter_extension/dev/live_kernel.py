"""A kernel of a running Jupyter server, used as a notebook uses it: session, WebSocket, messages."""

from __future__ import annotations

import asyncio
import datetime
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nbformat.v4
from jupyter_server.services.kernels.connection.base import deserialize_binary_message
from live_server import LiveServer, ServerError
from tornado.websocket import WebSocketClientConnection

_OUTPUTS = ("stream", "display_data", "execute_result", "error")


class LiveKernel:
    """One kernel; made by `open_kernel`."""

    def __init__(self, connection: WebSocketClientConnection, session: str) -> None:
        self._connection = connection
        self._session = session

    async def run(self, code: str, timeout: float) -> tuple[bool, list[dict[str, Any]]]:
        """Run a cell; return whether it succeeded, and its outputs as a notebook would save them.

        Raises
        ------
        TimeoutError
            If it takes longer than `timeout` seconds.
        ServerError
            If the kernel goes away.
        """
        return await asyncio.wait_for(self._run(code), timeout)

    async def _run(self, code: str) -> tuple[bool, list[dict[str, Any]]]:
        message_id = uuid.uuid4().hex
        header = {
            "msg_id": message_id,
            "msg_type": "execute_request",
            "session": self._session,
            "username": "",
            "version": "5.3",
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        }
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "allow_stdin": False,
            "stop_on_error": True,
        }
        message = {
            "channel": "shell",
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
        }
        await self._connection.write_message(json.dumps(message))
        outputs: list[dict[str, Any]] = []
        shown: dict[str, dict[str, Any]] = {}
        status: str | None = None
        idle = False
        while not (idle and status is not None):
            told = await self._read()
            if told["parent_header"].get("msg_id") != message_id:
                continue
            kind, body = told["header"]["msg_type"], told["content"]
            if kind == "status":
                idle = body["execution_state"] == "idle"
            elif kind == "execute_reply":
                status = body["status"]
            elif kind == "update_display_data":
                shown[body["transient"]["display_id"]].update(data=body["data"], metadata=body["metadata"])
            elif kind in _OUTPUTS:
                _add(outputs, _output(told))
                if body.get("transient", {}).get("display_id"):
                    shown[body["transient"]["display_id"]] = outputs[-1]
        return status == "ok", outputs

    async def _read(self) -> dict[str, Any]:
        text = await self._connection.read_message()
        if text is None:
            raise ServerError("the server closed the kernel's connection")
        if isinstance(text, bytes):  # with buffers: those of widgets
            message: dict[str, Any] = deserialize_binary_message(text)  # type: ignore[no-untyped-call]
        else:
            message = json.loads(text)
        return message


@asynccontextmanager
async def open_kernel(server: LiveServer, notebook: str) -> AsyncIterator[LiveKernel]:
    """Open `notebook` (a path below the server's root) in a kernel of its own; end both afterwards."""
    body = {"path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}}
    session = await server.fetch("POST", "api/sessions", body)
    try:
        own_id = uuid.uuid4().hex
        path = f"api/kernels/{session['kernel']['id']}/channels?session_id={own_id}"
        async with server.websocket(path) as connection:
            yield LiveKernel(connection, own_id)
    finally:
        await server.fetch("DELETE", f"api/sessions/{session['id']}")


def _output(message: dict[str, Any]) -> dict[str, Any]:
    return dict(nbformat.v4.output_from_msg(message))  # type: ignore[no-untyped-call]


def _add(outputs: list[dict[str, Any]], output: dict[str, Any]) -> None:
    """Append, joining texts of the same stream, as a notebook does."""
    last = outputs[-1] if outputs else {}
    if output["output_type"] == "stream" and last.get("name") == output["name"]:
        last["text"] += output["text"]
    else:
        outputs.append(output)
