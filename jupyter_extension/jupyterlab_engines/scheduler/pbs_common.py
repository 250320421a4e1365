"""The commands that OpenPBS and Torque have in common, and what they answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from ..api.jobs import Job
from ..api.names import JobAction, JobId
from .answer import exit_status, text
from .base import Command, Completed, Dialect, NoAnswer, Refused, SchedulerError, Submission, Unreadable
from .directives import safe_name
from .jobids import PBS_ID, checked_id, id_in
from .qstat import duration_text
from .refusals import refusal, words

_SUBMIT_SECONDS = 60.0
_DEFAULT_QUEUE = re.compile(r"^ {4}default_queue = (\S+)$", re.MULTILINE)
DOING: dict[JobAction, str] = {
    "hold": "hold job {}",
    "release": "release job {}",
    "delete": "delete job {}",
    "alter_walltime": "change the walltime of job {}",
}


class Pbs(Dialect):
    """What the family has in common: one job a command, and words on standard error when it refuses."""

    actions: ClassVar[frozenset[JobAction]] = frozenset(DOING)

    # --- submitting

    def submit(self, order: Submission) -> Command:
        """Return ``qsub -N NAME -j oe -o OUTPUT SCRIPT``."""
        name = ["-N", safe_name(order.name)] if order.name else []
        argv = ("qsub", *name, "-j", "oe", "-o", str(order.output), str(order.script))
        return Command(argv, _SUBMIT_SECONDS, order.work_dir)

    def read_submit(self, done: Completed) -> JobId:
        """Return the new job's id."""
        status, job_id = exit_status(done), id_in(done.stdout)
        if status == 0 and job_id is not None:
            return job_id
        if status == 0 or job_id is not None:
            raise NoAnswer(
                "qsub did not say clearly which job it made.",
                "The job is looked for by its name.",
                text(done.stdout) + words(done),
            )
        raise refusal(done, "submit the job")

    def read_find(self, done: Completed, name: str) -> list[JobId]:
        """Return the ids that qselect printed, in the order of their numbers."""
        if exit_status(done) != 0:
            raise no_answer(self._refusal(done, f"look for job {name}"))
        lines = text(done.stdout).split()
        for line in lines:
            if PBS_ID.fullmatch(line) is None:
                raise Unreadable("qselect printed something that is no job id.", "", line[:2000])
        return sorted(lines, key=lambda job_id: int(re.split(r"\D", job_id)[0]))

    # --- looking

    def raw_table(self, user: str) -> Command:
        """Return ``qstat -tn -u USER``."""
        return Command(("qstat", "-tn", "-u", user), self.default_seconds)

    def default_queue(self) -> Command:
        """Return ``qstat -B -f``, which tells of the server itself."""
        return Command(("qstat", "-B", "-f"), self.default_seconds)

    def read_default_queue(self, done: Completed) -> str | None:
        """Return the server's ``default_queue``."""
        if exit_status(done) != 0:
            raise no_answer(self._refusal(done, "tell its default queue"))
        said = text(done.stdout)
        if not said.startswith("Server:"):
            raise Unreadable("qstat did not tell of the server.", "", said[:2000])
        found = _DEFAULT_QUEUE.search(said)
        return found[1] if found else None

    # --- changing

    def delete(self, job_id: JobId) -> Command:
        """Return ``qdel ID``."""
        return Command(("qdel", checked_id(job_id)), self.default_seconds)

    def hold(self, job_id: JobId) -> Command:
        """Return ``qhold ID``."""
        return Command(("qhold", checked_id(job_id)), self.default_seconds)

    def release(self, job_id: JobId) -> Command:
        """Return ``qrls ID``."""
        return Command(("qrls", checked_id(job_id)), self.default_seconds)

    def alter_walltime(self, job_id: JobId, seconds: int) -> Command:
        """Return ``qalter -l walltime=HH:MM:SS ID``."""
        walltime = f"walltime={duration_text(seconds)}"
        return Command(("qalter", "-l", walltime, checked_id(job_id)), self.default_seconds)

    def read_change(self, done: Completed, action: JobAction, job_id: JobId) -> None:
        """Return if the server took it; a running job that is deleted may live for a while."""
        if exit_status(done) != 0:
            raise refusal(done, DOING[action].format(job_id), job_id)

    def _refusal(self, done: Completed, doing: str, job_id: JobId = "") -> SchedulerError:
        """Return the error for a question that ended with a status other than 0."""
        return refusal(done, doing, job_id)


def no_answer(error: SchedulerError) -> SchedulerError:
    """Return what a failed question means: it told nothing, unless it is that one may not ask."""
    if isinstance(error, NoAnswer) or (isinstance(error, Refused) and error.code == "no_permission"):
        return error
    return NoAnswer(error.message, error.hint, error.output)


def answer_to(asked: JobId, jobs: Mapping[JobId, Job], output: bytes) -> Mapping[JobId, Job]:
    """Return the jobs with the one that was asked for, which may have come back with its server's other name.

    Raises `Unreadable` if it is not among them: a question that succeeds tells of its job.
    """
    if asked in jobs:
        return jobs
    numbers = {job_id.partition(".")[0]: job for job_id, job in jobs.items()}
    job = numbers.get(asked.partition(".")[0])
    if job is None:
        raise Unreadable(f"qstat was asked for job {asked} and did not tell of it.", "", text(output[:2000]))
    return {**jobs, asked: job}
