"""Which handler answers which path."""

from __future__ import annotations

from tornado.web import RequestHandler

from .handlers.base import NoSuchRoute
from .handlers.clusters import (
    ClusterHandler,
    ClustersHandler,
    InterruptHandler,
    LogHandler,
    ProfilesHandler,
    RestartHandler,
    ServerHandler,
    StopHandler,
)
from .handlers.doctor import DoctorHandler
from .handlers.jobs import (
    DeleteJobHandler,
    HoldHandler,
    JobsHandler,
    RawJobsHandler,
    RefreshHandler,
    ReleaseHandler,
    SchedulerHandler,
    WalltimeHandler,
)
from .handlers.profiles import AdoptHandler, PreviewHandler, ProfileHandler
from .handlers.stream import StreamHandler

BASE = "/jupyterlab-engines"
_KEY = r"([^/]+)"

ROUTES: list[tuple[str, type[RequestHandler]]] = [
    (rf"{BASE}/server", ServerHandler),
    (rf"{BASE}/profiles", ProfilesHandler),
    (rf"{BASE}/profiles/preview", PreviewHandler),
    (rf"{BASE}/profiles/{_KEY}", ProfileHandler),
    (rf"{BASE}/profiles/{_KEY}/adopt", AdoptHandler),
    (rf"{BASE}/clusters", ClustersHandler),
    (rf"{BASE}/clusters/{_KEY}", ClusterHandler),
    (rf"{BASE}/clusters/{_KEY}/stop", StopHandler),
    (rf"{BASE}/clusters/{_KEY}/interrupt", InterruptHandler),
    (rf"{BASE}/clusters/{_KEY}/restart", RestartHandler),
    (rf"{BASE}/clusters/{_KEY}/log", LogHandler),
    (rf"{BASE}/scheduler", SchedulerHandler),
    (rf"{BASE}/jobs", JobsHandler),
    (rf"{BASE}/jobs/raw", RawJobsHandler),
    (rf"{BASE}/jobs/refresh", RefreshHandler),
    (rf"{BASE}/jobs/{_KEY}/hold", HoldHandler),
    (rf"{BASE}/jobs/{_KEY}/release", ReleaseHandler),
    (rf"{BASE}/jobs/{_KEY}/delete", DeleteJobHandler),
    (rf"{BASE}/jobs/{_KEY}/walltime", WalltimeHandler),
    (rf"{BASE}/doctor", DoctorHandler),
    (rf"{BASE}/stream", StreamHandler),
    (rf"{BASE}/.*", NoSuchRoute),
]
"""The first match answers."""
