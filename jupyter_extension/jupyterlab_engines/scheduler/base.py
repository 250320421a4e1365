"""What this project needs of a batch system, whichever it is.

Two layers. A `Dialect` is pure: it says which command to run and what its output means. A
`Scheduler` does things, asynchronously; `BatchScheduler` (client.py) is the one for every dialect, and
`LocalScheduler` (local.py) treats the processes of this machine as jobs.

Adding a batch system means one file with a `Dialect`, listed in detect.py.

Truth has three values. A job is *present* (a `Job` was read), *gone* (the scheduler answered and does not
know it) or *unknown* (`NoAnswer`: it did not answer, or in words that cannot be read). Nothing here turns
unknown into gone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from ..api.jobs import Job, NodeShape, Queue
from ..api.names import Dialect as DialectName
from ..api.names import JobAction, JobId
from ..api.profiles import Resources
from .remember import Remembered, jobs_in
from .reread import Printed, reread

RefusalCode = Literal[
    "unknown_queue",
    "queue_closed",
    "bad_walltime",
    "over_limits",
    "bad_resource",
    "no_permission",
    "bad_script",
    "bad_account",
    "wrong_state",
    "finished",
    "not_supported",
    "other",
]


class SchedulerError(Exception):
    """Something a batch system said, or failed to say.

    Attributes
    ----------
    message : one English sentence that names the thing.
    hint : what to do about it; may be empty.
    output : the scheduler's own words; may be empty.
    """

    def __init__(self, message: str, hint: str = "", output: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.output = output


class NoAnswer(SchedulerError):
    """It did not answer, or what it said cannot be read: nothing is known."""


class CommandMissing(NoAnswer):
    """The command could not be started: nothing was asked, and nothing can have happened.

    Attributes
    ----------
    command : its name, e.g. ``qsub``.
    """

    def __init__(self, command: str, message: str, hint: str = "", output: str = "") -> None:
        super().__init__(message, hint, output)
        self.command = command


class Unreadable(NoAnswer):
    """The one error that parsers raise; `output` has the text at which they stopped."""


class UnknownJob(SchedulerError):
    """It answered, and does not know this job."""


class Refused(SchedulerError):
    """It answered no."""

    def __init__(self, code: RefusalCode, message: str, hint: str = "", output: str = "") -> None:
        super().__init__(message, hint, output)
        self.code = code


@dataclass(frozen=True)
class Command:
    """A command line to run; never through a shell.

    Attributes
    ----------
    argv : program and arguments.
    seconds : how long it may take before it is killed.
    cwd : where to run it; None: anywhere.
    """

    argv: tuple[str, ...]
    seconds: float = 30.0
    cwd: Path | None = None


@dataclass(frozen=True)
class Completed:
    """What came of a command.

    Attributes
    ----------
    status : exit status, negative for a signal; None: killed because it took too long, or for `overflow`.
    stdout, stderr : raw bytes.
    overflow : it printed more than is accepted.
    missing : the program could not be started; `stderr` says why.
    """

    argv: tuple[str, ...]
    status: int | None
    stdout: bytes
    stderr: bytes
    overflow: bool = False
    missing: bool = False


@dataclass(frozen=True)
class Submission:
    """A job to submit.

    Attributes
    ----------
    script : path of the batch script: on disk, executable, 0700, it stays until the job has ended.
    name : unique name tag, at most 15 characters, first one a letter; "" keeps the name in the script.
    work_dir : folder to submit from.
    output : file for the job's output, errors joined in.
    """

    script: Path
    name: str
    work_dir: Path
    output: Path


@dataclass(frozen=True)
class Listing:
    """All jobs that were asked for, as of one answer.

    Attributes
    ----------
    jobs : by id, in the scheduler's order.
    raw : by id, what is remembered of each, other users' jobs too: the next reading only parses what differs.
    printed : the bytes of those, in the same order; None where the output is not cut into them.
    """

    jobs: Mapping[JobId, Job]
    raw: Mapping[JobId, Remembered] = field(default_factory=dict)
    printed: Printed | None = field(default=None, repr=False, compare=False)

    def then(
        self,
        printed: Printed,
        id_of: Callable[[bytes], JobId],
        read: Callable[[JobId, bytes], Remembered],
    ) -> Listing:
        """Return the listing read after this one, see `reread`; with the very same `jobs` if none changed."""
        raw, printed, changed = reread(printed, self.raw, self.printed, id_of, read)
        if changed is None:
            return Listing(jobs_in(raw), raw, printed)
        if not changed:
            return Listing(self.jobs, self.raw, printed)
        ours = {known.job_id: known.job for known in changed if known.job is not None}
        if len(ours) == len(changed) and ours.keys() <= self.jobs.keys():
            return Listing({**self.jobs, **ours}, raw, printed)
        return Listing(jobs_in(raw), raw, printed)


EMPTY = Listing({})


class Dialect(ABC):
    """One batch system's commands, and what they print. Pure: runs nothing, reads no clock.

    Every ``read_…`` takes what came of the command of the same name, and raises `NoAnswer` if the scheduler
    did not answer (server down, command killed, missing or flooded), `Unreadable` if it cannot be
    read, `UnknownJob` or `Refused` where it answered so.
    """

    name: ClassVar[DialectName]
    actions: ClassVar[frozenset[JobAction]]
    default_seconds: ClassVar[float] = 30.0
    nodes_alike: ClassVar[bool] = False
    """Whether it can only ask for the same on each node of a job; see `directives`."""

    def __init__(self, version: str, server: str) -> None:
        self.version = version
        self.server = server

    # --- submitting

    @abstractmethod
    def directives(self, resources: Resources, engines: int, name: str) -> list[str]:
        """Return the ``#PBS …`` lines for a job of `engines` MPI ranks called `name`, in order.

        Where the output goes is said on qsub's command line, see `submit`.
        """

    @abstractmethod
    def submit(self, order: Submission) -> Command:
        """Return the command that submits."""

    @abstractmethod
    def read_submit(self, done: Completed) -> JobId:
        """Return the new job's id; noise before it is skipped.

        A killed qsub may have submitted: `NoAnswer` says nothing about the job (look for its name).
        """

    @abstractmethod
    def find(self, name: str, user: str) -> Command:
        """Return the command that lists the user's jobs, finished ones too where there is a history."""

    @abstractmethod
    def read_find(self, done: Completed, name: str) -> list[JobId]:
        """Return the ids of the jobs with exactly this name, newest last; none is an answer."""

    # --- looking

    @abstractmethod
    def list_jobs(self, user: str | None) -> Command:
        """Return the command that lists the jobs of `user` (None: of all) with everything known of them."""

    @abstractmethod
    def read_jobs(self, done: Completed, user: str | None, last: Listing = EMPTY) -> Listing:
        """Return the listing; entries whose bytes are the same as in `last` are taken from there."""

    @abstractmethod
    def query(self, ids: Sequence[JobId]) -> list[Command]:
        """Return the commands that ask for just these jobs, with history where there is one."""

    @abstractmethod
    def read_query(self, done: Completed) -> Mapping[JobId, Job]:
        """Return what one of these commands told; a job that is missing in it is gone."""

    @abstractmethod
    def raw_table(self, user: str) -> Command:
        """Return the command whose output people watch: ``qstat -tn -u USER`` or the nearest to it."""

    @abstractmethod
    def queues(self) -> Command:
        """Return the command that tells the queues and their limits."""

    @abstractmethod
    def read_queues(self, done: Completed) -> list[Queue]:
        """Return the queues."""

    @abstractmethod
    def default_queue(self) -> Command:
        """Return the command that tells which queue a job without one gets."""

    @abstractmethod
    def read_default_queue(self, done: Completed) -> str | None:
        """Return that queue's name, as `read_queues` has it; None: there is none."""

    @abstractmethod
    def nodes(self) -> Command:
        """Return the command that tells the nodes."""

    @abstractmethod
    def read_nodes(self, done: Completed) -> list[NodeShape]:
        """Return how many nodes of which shape there are."""

    # --- changing; one job a command, always: see `qdel KNOWN UNKNOWN` in tests/data/pbs/OPENPBS.md

    @abstractmethod
    def delete(self, job_id: JobId) -> Command:
        """Return the command that deletes a job."""

    @abstractmethod
    def hold(self, job_id: JobId) -> Command:
        """Return the command that holds a job."""

    @abstractmethod
    def release(self, job_id: JobId) -> Command:
        """Return the command that releases a held job."""

    @abstractmethod
    def alter_walltime(self, job_id: JobId, seconds: int) -> Command:
        """Return the command that changes a job's walltime."""

    @abstractmethod
    def read_change(self, done: Completed, action: JobAction, job_id: JobId) -> None:
        """Return if the scheduler accepted the change: not yet a proof that it happened."""


class Scheduler(ABC):
    """A batch system at work. Methods raise `SchedulerError`s and never block the event loop."""

    dialect: DialectName | None
    rules: Dialect | None = None
    """What scripts for it look like; None where it takes any script."""
    version: str
    server: str
    actions: frozenset[JobAction]
    submit_seconds: float = 120.0
    """After how long a command that submits is killed."""

    @abstractmethod
    async def submit(self, order: Submission) -> JobId:
        """Submit; after `NoAnswer` the job may exist."""

    @abstractmethod
    async def find(self, name: str) -> list[JobId]:
        """Return the ids of this user's jobs of exactly this name, newest last."""

    @abstractmethod
    async def jobs(self, *, all_users: bool = False) -> Mapping[JobId, Job]:
        """Return all jobs of this user, or of all users."""

    @abstractmethod
    async def query(self, ids: Sequence[JobId]) -> Mapping[JobId, Job]:
        """Return those of the jobs that the scheduler knows, finished ones too where there is a history."""

    @abstractmethod
    async def delete(self, job_id: JobId) -> None:
        """Ask for a job's end; it may go on for a while."""

    @abstractmethod
    async def hold(self, job_id: JobId) -> None:
        """Hold a job."""

    @abstractmethod
    async def release(self, job_id: JobId) -> None:
        """Release a held job."""

    @abstractmethod
    async def alter_walltime(self, job_id: JobId, seconds: int) -> None:
        """Change a job's walltime."""

    @abstractmethod
    async def raw_table(self) -> tuple[str, str]:
        """Return (command line, text) of the table people watch."""

    @abstractmethod
    async def queues(self) -> list[Queue]:
        """Return the queues and their limits."""

    @abstractmethod
    async def nodes(self) -> list[NodeShape]:
        """Return how many nodes of which shape there are."""
