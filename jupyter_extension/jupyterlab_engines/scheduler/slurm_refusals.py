"""What Slurm's qsub, qdel, qhold and qrls say when they do not do it. Pure."""

from __future__ import annotations

import re

from ..api.names import JobAction, JobId
from .answer import exit_status, text
from .base import Completed, NoAnswer, RefusalCode, Refused, UnknownJob

_USAGE = 2
_BLOCK = re.compile(r"and the output was:\s*'(.*?)'?\s*\Z", re.DOTALL)
_PREFIX = re.compile(
    r"^\s*(?:sbatch: )?(?:error: )?(?:Batch job submission failed: )?(?:q\w+: .*? on job id \d+: )?"
)
_SILENT = re.compile(
    r"unable to contact slurm controller|connect failure|authentication|munge|timed out|zero bytes"
    r"|communication|connection refused|transport endpoint|temporarily unable|problem loading"
    r"|configuration source",
    re.IGNORECASE,
)
"""It was not asked, or its answer was lost: nothing is known."""

_REFUSALS: tuple[tuple[str, RefusalCode, str], ...] = (
    (r"invalid partition", "unknown_queue", "Choose one of the queues that the scheduler has."),
    (r"partition.*(?:inactive|drain|down)|required partition not available", "queue_closed",
     "Choose another queue or wait until it is opened."),
    (r"invalid --time|invalid time limit", "bad_walltime", "Write the walltime as hours:minutes:seconds."),
    (r"account/qos policy|accounting/qos policy|time limit is invalid|node count specification"
     r"|more processors requested|node configuration is not available|exceeds? |memory specification"
     r"|more than .* permitted",
     "over_limits", "Ask for less: nodes, engines per node, memory or walltime."),
    (r"invalid account|invalid wckey|invalid qos", "bad_account", "Check the account."),
    (r"permission denied|not permitted|invalid user", "no_permission",
     "Use a queue or a job that is yours to use."),
    (r"unable to open file|not look like a batch script|script is empty|dos line breaks", "bad_script",
     "Check the profile's script: it starts with a line such as `#!/bin/sh`."),
    (r"invalid option|unrecognized|unknown option|invalid (?:generic|feature|depend|constraint)|bad value",
     "bad_resource", "Check the profile's further #PBS options."),
    (r"no longer pending|already running|not running|is pending", "wrong_state",
     "Look at the job's state again."),
    (r"already (?:done|complet|finished)|completing or completed", "finished", "The job has ended."),
)  # fmt: skip


def read_refusal(done: Completed) -> None:
    """Return if qsub accepted the job.

    Raises
    ------
    NoAnswer : nothing is known; the job may have been submitted.
    Refused : it was not.
    """
    if exit_status(done) == 0:
        return
    output = _said(done)
    reason = _reason(output)
    if _SILENT.search(output):
        raise NoAnswer(f"qsub could not reach the batch system: {reason}.", "It is asked again.", output)
    code, hint = _code(output)
    raise Refused(code, f"The batch system did not take the job: {reason}.", hint, output)


def read_change(done: Completed, action: JobAction, job_id: JobId) -> None:
    """Return if the command accepted the change.

    Raises
    ------
    NoAnswer : nothing is known.
    UnknownJob : no such job; with empty `output` it may as well have ended, or belong to another user.
    Refused : it was not done.
    """
    status = exit_status(done)
    if status == 0:
        return
    output = _said(done)
    if not output:
        raise UnknownJob(
            f"The batch system gave no reason why it did not {_VERBS[action]} job {job_id}.",
            "It has ended, or is not yours.",
        )
    reason = _reason(output)
    if _SILENT.search(output):
        raise NoAnswer(f"The batch system could not be reached: {reason}.", "Try again in a moment.", output)
    if re.search("invalid job id", output, re.IGNORECASE):
        raise UnknownJob(f"The batch system does not know job {job_id}.", "It has ended.", output)
    code, hint = _code(output)
    if status == _USAGE:
        code, hint = "not_supported", "Ask your centre how it is done there."
    raise Refused(code, f"The batch system did not {_VERBS[action]} job {job_id}: {reason}.", hint, output)


_VERBS: dict[JobAction, str] = {
    "delete": "delete",
    "hold": "hold",
    "release": "release",
    "alter_walltime": "change the walltime of",
}


def _said(done: Completed) -> str:
    """Return the words without the command line that the wrapper shows around them."""
    output = text(done.stdout).strip()
    block = _BLOCK.search(output)
    if block is not None:
        output = block[1].strip()
    return "\n".join(part for part in (output, text(done.stderr).strip()) if part)


def _reason(output: str) -> str:
    """Return the line that says most: the last one that is no part of a usage message."""
    lines = [line.strip() for line in output.partition("Usage:")[0].splitlines() if line.strip()]
    if not lines:
        return "it gave no reason"
    return _PREFIX.sub("", lines[-1]).strip().rstrip(".") or lines[-1]


def _code(output: str) -> tuple[RefusalCode, str]:
    for pattern, code, hint in _REFUSALS:
        if re.search(pattern, output, re.IGNORECASE):
            return code, hint
    return "other", "Ask your centre what it means."
