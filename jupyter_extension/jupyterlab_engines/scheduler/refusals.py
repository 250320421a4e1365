"""A batch system's "no" in sentences: what OpenPBS and Torque print when they refuse. Pure.

The words decide, not the exit status: the same number means different things in the two
(170 is an unknown queue in one and a wrong state in the other).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .answer import text
from .base import Completed, NoAnswer, RefusalCode, Refused, SchedulerError, UnknownJob

_MOST_WORDS = 2000
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

_NOT_ANSWERING = re.compile(
    r"cannot connect to server|connection refused|couldn't connect to cluster|communication failure"
    r"|unknown host\b|conf variables not found|unable to communicate with|could not connect to trqauthd"
    r"|socket_connect|can ?not resolve|no route to host|timed? ?out|end of file|server shutting down"
    r"|could not connect to mom|no reply from mom|server is busy|system error",
    re.IGNORECASE,
)
_UNKNOWN_JOB = re.compile(
    r"unknown job id|nonexistent job id|illegally formed job identifier|cannot locate job", re.IGNORECASE
)
_UNKNOWN_JOB_STATUS = 153
"""15001 & 255 in both; Torque's qhold, qrls and qalter say no more than that."""


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    code: RefusalCode
    message: str
    hint: str = ""


def _rule(pattern: str, code: RefusalCode, message: str, hint: str = "") -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), code, message, hint)


_SEE_QUEUES = "Choose another queue, or see what each allows with `qstat -Qf`."
_RULES = (
    _rule(
        r"unknown queue|requested queue not found",
        "unknown_queue",
        "There is no queue of that name.",
        "Choose one of the queues that `qstat -Q` lists.",
    ),
    _rule(
        r"queue is not enabled|queue disabled|route queue.*not",
        "queue_closed",
        "The queue takes no jobs at the moment.",
        "Choose another queue, or ask your administrators when it opens.",
    ),
    _rule(
        r"queue max walltime",
        "over_limits",
        "The walltime is longer than the queue allows.",
        "Ask for less walltime, or choose a queue with a longer limit; `qstat -Qf` lists the limits.",
    ),
    _rule(
        r"cannot locate feasible nodes",
        "over_limits",
        "The queue has no nodes for so many nodes or engines per node.",
        "Ask for fewer nodes or fewer cores on each; `pbsnodes -a` lists what there is.",
    ),
    _rule(
        r"violates queue and/or server resource limits|exceeds queue resource limits",
        "over_limits",
        "The job asks for more than the queue or the server allows.",
        f"Ask for less walltime, fewer nodes or fewer cores. {_SEE_QUEUES}",
    ),
    _rule(
        r"would exceed|maximum number of jobs|job limit|rejected by all possible destinations",
        "over_limits",
        "A limit on your jobs is reached, or no queue takes a job like this one.",
        f"Wait until one of your jobs has ended, or ask for less. {_SEE_QUEUES}",
    ),
    _rule(
        r"illegal attribute or resource value[^\n]*walltime",
        "bad_walltime",
        "The walltime cannot be read.",
        "Write it as HH:MM:SS.",
    ),
    _rule(
        r"cannot be used with select or place",
        "bad_resource",
        "`-l nodes=…` and `-l select=…` cannot be used together.",
        "Remove one of them from the profile's own directives.",
    ),
    _rule(
        r"invalid account|illegal account|account[^\n]*(?:invalid|not found|unknown)",
        "bad_account",
        "The account is not known or not yours.",
        "Set an account that you may use.",
    ),
    _rule(
        r"unknown resource|illegal attribute|command syntax invalid|undefined attribute",
        "bad_resource",
        "A resource that the job asks for is not known here, or its value cannot be read.",
        "Look for it among the profile's own directives.",
    ),
    _rule(
        r"bad uid|run as root",
        "no_permission",
        "This user may not submit jobs.",
        "Batch systems take no jobs from root: run the Jupyter server as a user who has an account there.",
    ),
    _rule(
        r"unauthorized request|permission denied|not permitted|access denied|no permission",
        "no_permission",
        "You have no permission for that.",
        "Jobs of others, queues with an access list and longer walltimes are for their owners or managers.",
    ),
    _rule(
        r"contains cr, lf",
        "bad_script",
        "The script has Windows line ends.",
        "Save the profile's template with Unix line ends, e.g. with dos2unix.",
    ),
    _rule(
        r"script file|cannot be loaded|cannot send environment",
        "bad_script",
        "The script cannot be submitted.",
        "See what qsub said.",
    ),
    _rule(r"has finished|state of job[^\n]*complete", "finished", "The job has already ended."),
    _rule(
        r"while job running|invalid for state|state of job",
        "wrong_state",
        "That cannot be done to a job in this state.",
        "See the state of the job; some changes are only possible while it is queued.",
    ),
    _rule(
        r"job name is too long|illegal -N value",
        "other",
        "A job cannot have this name.",
        "Names begin with a letter and have at most 15 letters, digits, '_', '.' and '-'.",
    ),
    _rule(
        r"bad job array|array", "bad_resource", "The job array cannot be read.", "See the script's options."
    ),
    _rule(
        r"invalid option|illegal -|usage:",
        "not_supported",
        "The command does not know one of its options, or not this value.",
        "Look for it among the profile's own directives.",
    ),
)


def words(done: Completed) -> str:
    """Return the scheduler's own words: standard error, else standard output, not too long."""
    said = _CONTROLS.sub(" ", text(done.stderr).strip() or text(done.stdout).strip())
    return said if len(said) <= _MOST_WORDS else said[:_MOST_WORDS] + " …"


def refusal(done: Completed, doing: str, job_id: str = "") -> SchedulerError:
    """Return the error for a command that ended with a status other than 0.

    Parameters
    ----------
    doing : the attempt, e.g. "submit the job"; begins the sentence.
    job_id : the job that the command was for, if it was for one.
    """
    said = words(done)
    if _NOT_ANSWERING.search(said):
        return NoAnswer(
            "The batch system does not answer.", "It is asked again; your jobs there are not affected.", said
        )
    if job_id and (_UNKNOWN_JOB.search(said) or (done.status == _UNKNOWN_JOB_STATUS and not said)):
        return UnknownJob(f"The batch system does not know job {job_id}.", "", said)
    if not said:
        return NoAnswer(f"{done.argv[0]} failed with status {done.status} and said nothing.")
    for rule in _RULES:
        if rule.pattern.search(said):
            return Refused(rule.code, f"Could not {doing}. {rule.message}", rule.hint, said)
    return Refused("other", f"Could not {doing}. The batch system refused.", "See what it said.", said)
