"""The Doctor over REST."""

from __future__ import annotations

import asyncio

from ..api.models import DoctorReport
from ..doctor.collect import examine
from ..doctor.report import as_text
from ..doctor.ring import RECENT, RecentTrouble
from ..doctor.settings import DoctorSettings
from .base import EnginesHandler, allowed

_RUNNING = "jupyterlab_engines_doctor"
"""Where the examination that is going on is among the settings: who asks meanwhile gets the same."""
_EXTENSION = "jupyterlab_engines"


class DoctorHandler(EnginesHandler):
    """``doctor``."""

    @allowed("read")
    async def get(self) -> None:
        """Examine scheduler, MPI, profiles and folders, and return the report."""
        running: asyncio.Task[str] | None = self.settings.get(_RUNNING)
        if running is None or running.done():
            running = asyncio.get_running_loop().create_task(self._examine())
            self.settings[_RUNNING] = running
        self.reply(DoctorReport(text=await asyncio.shield(running)))

    async def _examine(self) -> str:
        recent: RecentTrouble | None = self.settings.get(RECENT)
        jobs = self.manager.jobs
        settings = DoctorSettings.of(
            self.settings[_EXTENSION],
            scheduler=jobs.scheduler,
            status=jobs.status,
            trouble=None if recent is None else recent.lines,
        )
        secrets = [self.settings.get("cookie_secret"), getattr(self.identity_provider, "token", None)]
        return as_text(await examine(settings, [_as_text(secret) for secret in secrets if secret]))


def _as_text(secret: str | bytes) -> str:
    return secret.decode("latin-1") if isinstance(secret, bytes) else secret
