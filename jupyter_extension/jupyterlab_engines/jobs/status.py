"""What the browsers are told of the batch system itself."""

from __future__ import annotations

from ..api.jobs import SchedulerStatus


def no_scheduler(user: str, at: float) -> SchedulerStatus:
    """Return the status of a machine without a batch system."""
    return SchedulerStatus(
        dialect=None,
        version="",
        server="",
        user=user,
        actions=[],
        all_users=False,
        answering=True,
        since=at,
        read_at=None,
        problem=None,
    )
