"""How a job ended, from the exit status that the scheduler kept. Pure.

Facts are in tests/data/pbs/OPENPBS.md and TORQUE.md; the negative numbers that were not seen there are those
of the servers' own headers (``JOB_EXEC_…``).
"""

from __future__ import annotations

import re
import signal

from ..api.jobs import JobOutcome
from ..api.names import OutcomeCode

_OPENPBS_KILLED: dict[int, OutcomeCode] = {-26: "memory", -27: "memory", -28: "cpu_time", -29: "walltime"}
_TORQUE_KILLED: dict[int, OutcomeCode] = {-10: "memory", -11: "walltime", -12: "cpu_time"}
_NOT_STARTED = frozenset({-1, -2, -3})
"""Both: the execution host could not start the job."""
_OPENPBS_DELETED_SUBSTATE = 91
_COMMAND_NOT_FOUND = 127
_SHELL_MISSING = 254
_BY_THE_SHELL = 128
_BY_PBS = 256
"""Added to a signal's number: by the job's shell, by the scheduler's daemon."""
_DELETED = _BY_PBS + signal.SIGTERM
_MEMORY_WORDS = re.compile(
    r"\boom\b|out of memory|exceeded resource v?mem|memory limit|mem\w* exceeded", re.IGNORECASE
)

UNKNOWN = JobOutcome(code="unknown", exit_status=None, signal=None)
"""It has ended; how, the scheduler does not say."""


def _signal_name(number: int) -> str | None:
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def _of_status(status: int, out_of_memory: bool) -> JobOutcome:
    """Return what a status of 0 or more means in every dialect."""
    plain: dict[int, OutcomeCode] = {
        0: "succeeded",
        _COMMAND_NOT_FOUND: "command_not_found",
        _SHELL_MISSING: "shell_missing",
    }
    if status in plain:
        return JobOutcome(code=plain[status], exit_status=status, signal=None)
    name = _signal_name(status - (_BY_PBS if status > _BY_PBS else _BY_THE_SHELL))
    if name is None:
        return JobOutcome(code="exit_status", exit_status=status, signal=None)
    code: OutcomeCode = "signal"
    if status == _DELETED:
        code = "deleted"
    elif name == "SIGXCPU":
        code = "cpu_time"
    elif name == "SIGKILL" and out_of_memory:
        code = "memory"
    return JobOutcome(code=code, exit_status=status, signal=name)


def openpbs_outcome(
    status: int | None,
    *,
    substate: int | None = None,
    started: bool = True,
    comment: str | None = None,
    memory_full: bool = False,
) -> JobOutcome:
    """Return how a finished OpenPBS job ended.

    Parameters
    ----------
    status : `Exit_status`; None: the server kept none.
    substate : 91 says that it was deleted, whatever its status.
    started : whether it has a start time.
    comment : the scheduler's words.
    memory_full : it used as much memory as it had asked for.
    """
    if status is None:
        code: OutcomeCode = "unknown"
        if substate == _OPENPBS_DELETED_SUBSTATE:
            code = "deleted"
        elif not started:
            code = "never_ran"
        return JobOutcome(code=code, exit_status=None, signal=None)
    if status in _OPENPBS_KILLED:
        return JobOutcome(code=_OPENPBS_KILLED[status], exit_status=status, signal=None)
    if substate == _OPENPBS_DELETED_SUBSTATE:
        return JobOutcome(code="deleted", exit_status=status, signal=_of_status(status, False).signal)
    return _common(status, comment, memory_full)


def torque_outcome(
    status: int | None, *, started: bool = True, comment: str | None = None, memory_full: bool = False
) -> JobOutcome:
    """Return how a completed Torque job ended: one without a status that never started was deleted."""
    if status is None:
        return JobOutcome(code="unknown" if started else "deleted", exit_status=None, signal=None)
    if status in _TORQUE_KILLED:
        return JobOutcome(code=_TORQUE_KILLED[status], exit_status=status, signal=None)
    return _common(status, comment, memory_full)


def _common(status: int, comment: str | None, memory_full: bool) -> JobOutcome:
    if status in _NOT_STARTED:
        return JobOutcome(code="never_ran", exit_status=status, signal=None)
    if status < 0:
        return JobOutcome(code="exit_status", exit_status=status, signal=None)
    return _of_status(status, memory_full or bool(comment and _MEMORY_WORDS.search(comment)))
