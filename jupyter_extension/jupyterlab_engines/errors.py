"""What can be wrong with a request, each with its HTTP status and words for people."""

from __future__ import annotations

from .api.models import Error, ErrorCode


class ApiError(Exception):
    """A request that cannot be done; the handlers turn it into an `Error` and its status."""

    status: int = 500
    code: ErrorCode = "internal"

    def __init__(self, message: str, next_step: str = "", detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.detail = detail

    def as_error(self) -> Error:
        """Return the body of the reply."""
        return Error(code=self.code, message=self.message, next_step=self.next_step, detail=self.detail)


class BadRequest(ApiError):
    """The request is malformed."""

    status, code = 400, "bad_request"


class TooLarge(ApiError):
    """The body is longer than any request of ours can be."""

    status, code = 413, "bad_request"


class UnknownProfile(ApiError):
    """There is no such profile."""

    status, code = 404, "unknown_profile"


class UnknownCluster(ApiError):
    """There is no such cluster."""

    status, code = 404, "unknown_cluster"


class BadSettings(ApiError):
    """Settings of a profile, or what a start asks for, that no job can be made from."""

    status, code = 400, "bad_settings"


class OverLimit(ApiError):
    """More is asked for than the site allows."""

    status, code = 403, "over_limit"


class UnknownJobId(ApiError):
    """The scheduler answered, and does not know the job."""

    status, code = 404, "unknown_job"


class NotAllowed(ApiError):
    """The site does not allow it."""

    status, code = 403, "forbidden"


class SchedulerRefused(ApiError):
    """The batch system answered no."""

    status, code = 502, "scheduler_refused"


class SchedulerSilent(ApiError):
    """The batch system did not answer: nothing is known."""

    status, code = 504, "scheduler_silent"


class WrongState(ApiError):
    """The cluster or profile is not in a state where this can be done."""

    status, code = 409, "wrong_state"


class NotWritable(ApiError):
    """A folder that must be written cannot be."""

    status, code = 409, "not_writable"


class DiskFull(ApiError):
    """There is no room on the disk."""

    status, code = 507, "disk_full"
