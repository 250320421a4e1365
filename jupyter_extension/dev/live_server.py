"""A real Jupyter server in a folder of its own, and the two ways the panel talks to it.

For the tutorial and the benchmarks: what they measure and compare goes through the same routes and the same
stream as a click on Start.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

START_SECONDS = 120
STOP_SECONDS = 60


class ServerError(RuntimeError):
    """The server did not do what was asked; the message says what it answered."""


class LiveServer:
    """A Jupyter server process with the extension enabled.

    Parameters
    ----------
    folder : an empty folder for its runtime files, settings and log.
    root : the folder it serves.
    environment : variables on top of this process's own, such as IPYTHONDIR.
    """

    def __init__(self, folder: Path, root: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._root = root
        self._environment = environment
        self._token = secrets.token_hex(24)
        self._process: subprocess.Popen[bytes] | None = None
        self._runtime = folder / "runtime"
        self.url = ""
        self.log = folder / "server.log"

    async def __aenter__(self) -> LiveServer:
        """Start the server and wait until it answers."""
        self._process = process = self._spawn()
        try:
            await self._wait_until_it_answers(process)
        except BaseException:
            await self.close()
            raise
        return self

    def _spawn(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(self._folder / "config"),
            "JUPYTER_DATA_DIR": str(self._folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "JUPYTER_TOKEN": self._token,  # not on the command line, where everybody could read it
            **self._environment,
        }
        argv = [sys.executable, "-m", "jupyter_server", "--no-browser", "--ServerApp.port=0"]
        argv += [f"--ServerApp.root_dir={self._root}", "--ServerApp.log_level=WARN"]
        if os.geteuid() == 0:
            argv.append("--allow-root")
        with open(self.log, "wb") as log:
            return subprocess.Popen(
                argv,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to handle: we stop the cluster, then the server
            )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the server."""
        await self.close()

    async def close(self) -> None:
        """End the server as Ctrl-C does; kill it if that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    async def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerError(f"the Jupyter server ended at once:\n{self._log_text()}")
            self.url = self._told_url(process.pid)
            if self.url:
                try:
                    await self.fetch("GET", "jupyterlab-engines/server")
                except OSError:
                    pass  # not listening yet
                else:
                    return
            await asyncio.sleep(0.05)
        raise ServerError(f"the Jupyter server did not answer within {START_SECONDS} s; see {self.log}")

    def _told_url(self, pid: int) -> str:
        """Return the URL in the file that the server writes when it is up; empty before that."""
        try:
            return str(json.loads((self._runtime / f"jpserver-{pid}.json").read_text())["url"])
        except (OSError, ValueError):
            return ""  # not there yet, or half written

    def _log_text(self) -> str:
        return self.log.read_text(errors="replace")

    async def fetch(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request; return the decoded reply, None if it is empty.

        Raises
        ------
        ServerError
            If the server answered with an error; its own words are in the message.
        """
        request = HTTPRequest(
            f"{self.url}{path}",
            method=method,
            headers={"Authorization": f"token {self._token}", "Content-Type": "application/json"},
            body=None if body is None else json.dumps(body),
            allow_nonstandard_methods=True,
            request_timeout=60,
        )
        try:
            reply = await AsyncHTTPClient().fetch(request)
        except HTTPClientError as error:
            text = error.response.body.decode(errors="replace") if error.response else str(error)
            raise ServerError(f"{method} {path}: {error.code} {text}") from error
        return json.loads(reply.body) if reply.body else None

    async def start_cluster(self, profile: str, engines: int) -> dict[str, Any]:
        """Start a cluster as the panel does; return it as it is then."""
        body = {"profile": profile, "engines": engines, "idempotency_key": uuid.uuid4().hex}
        cluster: dict[str, Any] = await self.fetch("POST", "jupyterlab-engines/clusters", body)
        return cluster

    async def stop_cluster(self, key: str) -> None:
        """Ask for the end of a cluster as the panel does."""
        await self.fetch("POST", f"jupyterlab-engines/clusters/{quote(key, safe='')}/stop")

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[ClusterStream]:
        """Open the stream that the panel listens to."""
        async with self.websocket("jupyterlab-engines/stream") as connection:
            yield ClusterStream(connection)

    @asynccontextmanager
    async def websocket(self, path: str) -> AsyncIterator[WebSocketClientConnection]:
        """Open a WebSocket of the server; `path` is relative to its base URL."""
        request = HTTPRequest(
            f"{self.url.replace('http', 'ws', 1)}{path}", headers={"Authorization": f"token {self._token}"}
        )
        connection = await websocket_connect(request)
        try:
            yield connection
        finally:
            connection.close()


class ClusterStream:
    """The clusters as the stream tells them."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self._connection = connection

    async def follow(self, key: str, run_id: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the cluster `key` each time it is told, from now on; only the run `run_id`.

        Raises
        ------
        ServerError
            If the stream ends.
        """
        while True:
            text = await self._connection.read_message()
            if text is None:
                raise ServerError("the server closed the stream")
            message = json.loads(text)
            for cluster in message.get("clusters", []) + message.get("changed", []):
                if cluster["key"] == key and cluster["run_id"] == run_id:
                    yield cluster

    async def wait_for(self, key: str, run_id: str, *states: str) -> dict[str, Any]:
        """Return the cluster once it is in one of `states`; see `follow`."""
        async for cluster in self.follow(key, run_id):
            if cluster["state"] in states:
                return cluster
        raise AssertionError("follow never ends")
