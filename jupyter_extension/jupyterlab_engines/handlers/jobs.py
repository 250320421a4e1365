"""The batch system and its jobs over REST."""

from __future__ import annotations

from typing import ClassVar

from ..api.models import AlterWalltime
from ..api.names import JobAction
from ..errors import BadRequest
from .base import EnginesHandler, allowed


class SchedulerHandler(EnginesHandler):
    """``scheduler``."""

    _track_activity = False

    @allowed("read")
    async def get(self) -> None:
        """Tell which batch system there is, and what may be asked of it."""
        self.reply(await self.manager.jobs.info())


class JobsHandler(EnginesHandler):
    """``jobs``."""

    _track_activity = False

    @allowed("read")
    async def get(self) -> None:
        """List the user's jobs, or everybody's."""
        scope = self.get_query_argument("scope", "mine")
        if scope not in ("mine", "all"):
            raise BadRequest(f"scope must be mine or all, not {scope!r}.")
        self.manager.poke()
        self.reply(await self.manager.jobs.list_jobs(everybody=scope == "all"))


class RawJobsHandler(EnginesHandler):
    """``jobs/raw``."""

    _track_activity = False

    @allowed("read")
    async def get(self) -> None:
        """Return the scheduler's own table."""
        self.reply(await self.manager.jobs.raw())


class RefreshHandler(EnginesHandler):
    """``jobs/refresh``."""

    @allowed("write")
    async def post(self) -> None:
        """Read the jobs as soon as that is polite."""
        self.refuse_body()
        self.reply(await self.manager.jobs.refresh(), 202)


class JobActionHandler(EnginesHandler):
    """``jobs/{id}/ACTION`` for the actions that need no more words."""

    action: ClassVar[JobAction]

    @allowed("write")
    async def post(self, job_id: str) -> None:
        """Do it to a job."""
        self.refuse_body()
        self.reply(await self.manager.change_job(job_id, self.action), 202)


class HoldHandler(JobActionHandler):
    """``jobs/{id}/hold``."""

    action = "hold"


class ReleaseHandler(JobActionHandler):
    """``jobs/{id}/release``."""

    action = "release"


class DeleteJobHandler(JobActionHandler):
    """``jobs/{id}/delete``."""

    action = "delete"


class WalltimeHandler(EnginesHandler):
    """``jobs/{id}/walltime``."""

    @allowed("write")
    async def post(self, job_id: str) -> None:
        """Change a job's walltime."""
        seconds = self.decode_body(AlterWalltime).walltime_seconds
        self.reply(await self.manager.change_job(job_id, "alter_walltime", seconds), 202)
