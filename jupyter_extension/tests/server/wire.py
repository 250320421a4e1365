"""Our REST API as tests speak it: typed replies, and waiting for a state."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from tornado.httpclient import HTTPClientError

from jupyterlab_engines.api.models import Cluster, ClusterList, ClusterLog, Error, ProfileList

BASE = "jupyterlab-engines"
WAIT_SECONDS = 90
_T = TypeVar("_T")


def new_key() -> str:
    """Return an idempotency key."""
    return uuid.uuid4().hex


class Refused(Exception):
    """A reply with a status of 400 or above."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status}: {body!r}")
        self.status = status
        self.error = msgspec.json.decode(body, type=Error)


class Api:
    """REST calls through pytest-jupyter's `jp_fetch`."""

    def __init__(self, fetch: Any) -> None:
        self._fetch = fetch

    async def call(
        self, *parts: str, method: str = "GET", body: str | bytes | None = None, **kwargs: Any
    ) -> Any:
        """Return the response; raises Refused."""
        if method in ("POST", "PUT", "PATCH") and body is None:
            body = b""
        try:
            return await self._fetch(BASE, *parts, method=method, body=body, **kwargs)
        except HTTPClientError as error:
            if error.response is None:
                raise
            raise Refused(error.code, error.response.body) from error

    async def start(self, engines: Any = 2, profile: str = "local", key: str | None = None) -> Cluster:
        """Start a cluster; must be accepted."""
        body = {"profile": profile, "engines": engines, "idempotency_key": key or new_key()}
        response = await self.call("clusters", method="POST", body=json.dumps(body))
        assert response.code == 202
        return msgspec.json.decode(response.body, type=Cluster)

    async def stop(self, key: str = "local") -> Cluster:
        """Stop a cluster; must be accepted."""
        response = await self.call("clusters", key, "stop", method="POST")
        assert response.code == 202
        return msgspec.json.decode(response.body, type=Cluster)

    async def cluster(self, key: str = "local") -> Cluster:
        """Return one cluster."""
        return msgspec.json.decode((await self.call("clusters", key)).body, type=Cluster)

    async def clusters(self) -> ClusterList:
        """Return all clusters."""
        return msgspec.json.decode((await self.call("clusters")).body, type=ClusterList)

    async def profiles(self) -> ProfileList:
        """Return the profiles."""
        return msgspec.json.decode((await self.call("profiles")).body, type=ProfileList)

    async def log(self, key: str = "local", **params: Any) -> ClusterLog:
        """Return a log."""
        return msgspec.json.decode(
            (await self.call("clusters", key, "log", params=params)).body, type=ClusterLog
        )

    async def until(
        self,
        condition: Callable[[Cluster], bool],
        what: str,
        key: str = "local",
        seconds: float = WAIT_SECONDS,
    ) -> Cluster:
        """Return the cluster when `condition` holds; fail, naming `what`, if it never does."""
        deadline = time.monotonic() + seconds
        while True:
            cluster = await self.cluster(key)
            if condition(cluster):
                return cluster
            assert time.monotonic() < deadline, f"waited in vain for {what}: {cluster}"
            await asyncio.sleep(0.05)

    async def until_state(self, *states: str, key: str = "local") -> Cluster:
        """Return the cluster when it is in one of `states`; fail at once if it failed instead."""

        def there(cluster: Cluster) -> bool:
            assert cluster.state in states or cluster.state != "failed", cluster.failure
            return cluster.state in states

        return await self.until(there, " or ".join(states), key)

    async def ready(self, engines: int = 2) -> Cluster:
        """Start a cluster and wait until it is ready."""
        await self.start(engines)
        return await self.until_state("ready")


def quoted(key: str) -> str:
    """Return `key` as one part of a path."""
    return quote(key, safe="")
