"""A Jupyter server with our extension in a process of its own, which tests may kill and start again."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import requests

from jupyterlab_engines.api.models import Cluster, ClusterList

TOKEN = "for-this-test-only"
# Ours alone: all that are installed beside it make a start three times as long.
_EXTENSIONS = {"jupyterlab_engines": True} | dict.fromkeys(
    ("ipyparallel", "jupyter_lsp", "jupyter_server_terminals", "jupyterlab", "notebook", "notebook_shim"),
    False,
)
WAIT_SECONDS = 90

# What a server runs that dies by its own hand in the middle of something: a fault, injected.
_DYING = """
import importlib, os, signal, sys
module, name, when = sys.argv.pop(1).split(":")
owner = importlib.import_module(module)
*path, last = name.split(".")
for part in path:
    owner = getattr(owner, part)
original = getattr(owner, last)
def dying(*args, **kwargs):
    if when == "after":
        original(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, last, dying)
from jupyter_server.serverapp import main
main()
"""


def _free_port() -> int:
    """Return a port that nobody listens on; outside of the range from which all other programs get theirs."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


class RealServer:
    """One Jupyter server, its folders, and its REST API."""

    python = sys.executable

    def __init__(self, folder: Path, base_url: str = "/user/some%20one/", **environment: str) -> None:
        self.folder = folder
        self.ipython_dir = folder / "ipython"
        self.base_url = base_url
        self.log = folder / "server.log"
        self._environment = {
            **{n: v for n, v in os.environ.items() if not n.startswith(("JUPYTER", "PYTEST"))},
            "IPYTHONDIR": str(self.ipython_dir),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(folder / f"runtime-{uuid.uuid4().hex[:6]}"),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def command(self, argv: list[str]) -> list[str]:
        """Return the argument list that runs `argv` as the user of this server."""
        return argv

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None
        return self._process.pid

    def begin(self, *arguments: str, dies_at: str | None = None) -> None:
        """Start it and wait until it answers.

        `dies_at` is ``MODULE:FUNCTION:before|after``: there it kills itself.
        """
        self._port = _free_port()
        root = self.folder / "root"
        root.mkdir(parents=True, exist_ok=True)
        program = ["-m", "jupyter_server"] if dies_at is None else ["-c", _DYING, dies_at]
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                self.command(
                    [
                        self.python,
                        *program,
                        "--no-browser",
                        "--allow-root",
                        "--ip=127.0.0.1",
                        f"--port={self._port}",
                        "--ServerApp.port_retries=0",
                        f"--ServerApp.root_dir={root}",
                        f"--ServerApp.base_url={self.base_url}",
                        f"--IdentityProvider.token={TOKEN}",
                        f"--ServerApp.jpserver_extensions={_EXTENSIONS}",
                        *arguments,
                    ]
                ),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.until(self._answers, "the server")

    def kill(self) -> None:
        """End it with SIGKILL, as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(WAIT_SECONDS)

    def died(self) -> int:
        """Wait until it has ended by itself; return its exit status."""
        assert self._process is not None
        return self._process.wait(WAIT_SECONDS)

    def end(self) -> None:
        """End it in order, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(WAIT_SECONDS)

    def call(self, method: str, *parts: str, body: Any = None, **params: Any) -> requests.Response:
        """Send one request."""
        path = "/".join(quote(part, safe="") for part in parts)
        return requests.request(
            method,
            f"http://127.0.0.1:{self._port}{self.base_url}jupyterlab-engines/{path}",
            headers={"Authorization": f"token {TOKEN}"},
            data=None if body is None else json.dumps(body),
            params=params,
            timeout=30,
        )

    def start(
        self, engines: int = 2, profile: str = "local", key: str | None = None, **resources: Any
    ) -> Cluster:
        """Start a cluster."""
        body: dict[str, Any] = {
            "profile": profile,
            "engines": engines,
            "idempotency_key": key or uuid.uuid4().hex,
        }
        if resources:
            body["resources"] = resources
        response = self.call("POST", "clusters", body=body)
        assert response.status_code == 202, response.text
        return msgspec.json.decode(response.content, type=Cluster)

    def stop(self, key: str = "local") -> Cluster:
        """Stop a cluster."""
        response = self.call("POST", "clusters", key, "stop")
        assert response.status_code == 202, response.text
        return msgspec.json.decode(response.content, type=Cluster)

    def clusters(self) -> list[Cluster]:
        """Return all clusters."""
        response = self.call("GET", "clusters")
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content, type=ClusterList).clusters

    def cluster(self, key: str = "local") -> Cluster | None:
        """Return one cluster, or None."""
        return next((cluster for cluster in self.clusters() if cluster.key == key), None)

    def until_state(self, state: str, key: str = "local", seconds: float = WAIT_SECONDS) -> Cluster:
        """Return the cluster when it is in `state`."""
        self.until(
            lambda: (c := self.cluster(key)) is not None and c.state == state, f"{key} {state}", seconds
        )
        cluster = self.cluster(key)
        assert cluster is not None
        return cluster

    def until(self, condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Return when `condition` is true; fail, naming `what`, if it never is or the server ends."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self._process is not None
            assert self._process.poll() is None, f"the server ended:\n{self.log.read_text()[-4000:]}"
            assert time.monotonic() < deadline, f"waited in vain for {what}: {self.seen()}"
            time.sleep(0.05)

    def seen(self) -> str:
        """Return what can be seen now, for messages of failed tests."""
        try:
            return repr(self.clusters())
        except requests.RequestException:
            return self.log.read_text()[-4000:]

    def _answers(self) -> bool:
        try:
            return self.call("GET", "server").status_code == 200
        except requests.ConnectionError:
            return False
