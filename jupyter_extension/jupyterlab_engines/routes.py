"""Which handler answers which path."""

from __future__ import annotations

from tornado.web import RequestHandler

from .handlers.base import NoSuchRoute
from .handlers.clusters import (
    ClusterHandler,
    ClustersHandler,
    LogHandler,
    ProfilesHandler,
    ServerHandler,
    StopHandler,
)
from .handlers.stream import StreamHandler

BASE = "/jupyterlab-engines"
_KEY = r"([^/]+)"

ROUTES: list[tuple[str, type[RequestHandler]]] = [
    (rf"{BASE}/server", ServerHandler),
    (rf"{BASE}/profiles", ProfilesHandler),
    (rf"{BASE}/clusters", ClustersHandler),
    (rf"{BASE}/clusters/{_KEY}", ClusterHandler),
    (rf"{BASE}/clusters/{_KEY}/stop", StopHandler),
    (rf"{BASE}/clusters/{_KEY}/log", LogHandler),
    (rf"{BASE}/stream", StreamHandler),
    (rf"{BASE}/.*", NoSuchRoute),
]
"""The first match answers."""
