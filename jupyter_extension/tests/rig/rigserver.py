"""A Jupyter server of the rig's job user: it sees the PBS commands, as on a login node."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from realserver import RealServer
from rigside import Rig

RESOURCES: dict[str, Any] = {
    "queue": None,
    "walltime_seconds": 900,
    "nodes": 2,
    "engines_per_node": None,
    "cores_per_engine": None,
    "memory_bytes": None,
    "account": None,
}


class RigServer(RealServer):
    """A server that runs as the job user, in a folder of that user."""

    def __init__(self, rig: Rig, folder: Path | None = None, **environment: str) -> None:
        self._rig = rig
        self.python = rig.python
        folder = folder or rig.folder("server")
        super().__init__(folder, **{**rig.environment, **environment})
        # Nothing of the tests' own user leaks into the server of another one.
        self._environment = {
            name: value
            for name, value in self._environment.items()
            if name in rig.environment or name in environment or name.startswith(("JUPYTER_", "IPYTHON"))
        }

    def command(self, argv: list[str]) -> list[str]:
        """Return the argument list that runs `argv` as the job user."""
        return self._rig.command(argv)

    def make_profile(self, name: str = "pbs", **settings: Any) -> None:
        """Make a batch profile."""
        body = {
            "create": True,
            "settings": {
                "placement": "in_job",
                "engines": 8,
                "resources": RESOURCES,
                "prologue": [],
                "directives": [],
                "python": [],
                "mpiexec": [],
                "mpi_args": [],
                "controller_address": "",
                **settings,
            },
        }
        response = self.call("PUT", "profiles", name, body=body)
        assert response.status_code == 201, response.text


def new_key() -> str:
    """Return an idempotency key."""
    return uuid.uuid4().hex
