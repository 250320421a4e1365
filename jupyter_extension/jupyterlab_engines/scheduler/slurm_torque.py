"""Slurm behind its Torque commands: ``qsub``, ``qstat`` and the others of slurm-wlm-torque. Pure.

What they do not say: how a job ended, why it waits, its memory, its array. Jobs
that have ended stay listed for MinJobAge (300 s unless the site changed it); later they are unknown.

- ``mtime`` is when it started (for a queued job: when Slurm expects it to), ``ctime`` when it ended or will.
- A held job shows ``Q``; its priority is 0.
- Every other state shows ``U``: out of memory, past its deadline; from old wrappers also completing.
- ``C`` comes with the request to end: processes may need seconds more (Slurm's KillWait).
- ``qdel`` reads ``17_2`` as 17, the whole array: only bare numbers are handed to a command.
- The wrapper of ``qsub`` hands its arguments to a shell as one line: here they are quoted.
- There is no command of Torque's here that changes a walltime.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..api.jobs import Job, JobOutcome, NodeShape, Queue
from ..api.names import Dialect as DialectName
from ..api.names import JobAction, JobId, JobState
from ..api.profiles import Resources
from .answer import exit_status, text
from .base import EMPTY, Command, Completed, Dialect, Listing, NoAnswer, Refused, Submission, Unreadable
from .directives import (
    cores_per_engine,
    engines_over_nodes,
    memory_text,
    queue_account_name,
    walltime_seconds,
)
from .jobids import checked_id, id_in
from .outcome import UNKNOWN
from .qstat import date_seconds, duration_seconds, duration_text, integer, slurm_hosts
from .remember import Remembered, remembered
from .reread import Printed, Twice
from .slurm_refusals import read_change, read_refusal

_BARE = re.compile(r"[0-9]{1,18}", re.ASCII)
_LISTED = re.compile(r"[0-9]{1,18}(?:_[0-9]{1,10})?", re.ASCII)
_NOTHING = 153
"""Exit status of qstat when no job matched, and always of ``qstat -q``."""
_MOST_OF_A_NAME = 16
"""Characters of a queue's name that ``qstat -q`` prints."""
_MOST_IDS = 200
"""More than that are looked up in the table of all: the wrapper reads it anyway."""
_HEAD = b"Job Id:\t"
_BLOCK_END = b"\n\n"
_VALUES = ((re.compile(rb"\n\tPriority = "), re.compile(rb"[1-9]\d*(?=\n)")),)
"""A waiting job's grows with its age; all that it tells is whether it is 0."""
_LETTERS: dict[str, JobState] = {
    "Q": "queued",
    "H": "held",
    "R": "running",
    "S": "suspended",
    "E": "exiting",
    "C": "finished",
}
_NEVER_RAN = JobOutcome(code="never_ran", exit_status=None, signal=None)
_QUEUE = re.compile(
    r"(\S+) +(?:--|\S+) +(?:--|\S+) +(--|[\d:]+|Infinite) +(--|\d+) +\d+ +\d+ +\S+ +([ED]) +([RS])"
)
_DOWN = re.compile("down|offline|drain|fail|unknown|future|inval", re.IGNORECASE)
_MEMORY = re.compile(r"\bavailmem=(\d+)mb")


class SlurmTorque(Dialect):
    """Slurm's Torque commands.

    ``nodes=2:ppn=4`` would become ``-N2 -n8``, which Slurm may place as 7+1 unless the site's job_submit
    plugin helps; ``select=2:ncpus=4:mpiprocs=4`` becomes 4 tasks on each node. Nothing of ours relies on it:
    the world check proves how many ranks there are, wherever they run.
    """

    name: ClassVar[DialectName] = "slurm_torque"
    actions: ClassVar[frozenset[JobAction]] = frozenset({"hold", "release", "delete"})
    nodes_alike: ClassVar[bool] = True

    # --- submitting

    def directives(self, resources: Resources, engines: int, name: str) -> list[str]:
        """Return the ``#PBS`` lines; a walltime has to be HH:MM:SS: a bare number would mean minutes."""
        shape = engines_over_nodes(engines, resources)
        nodes = sum(count for count, _ in shape)
        fullest = max(per_node for _, per_node in shape)  # it cannot say (1:4)+(1:3)
        cores = fullest * cores_per_engine(resources)
        lines = queue_account_name(resources, name)
        lines.append(f"#PBS -l select={nodes}:ncpus={cores}:mpiprocs={fullest}")
        walltime = walltime_seconds(resources)
        if walltime is not None:
            lines.append(f"#PBS -l walltime={duration_text(walltime)}")
        memory = memory_text(resources)  # Slurm's --mem is for each node
        if memory is not None:
            lines.append(f"#PBS -l mem={memory}")
        return lines

    def submit(self, order: Submission) -> Command:
        """Return the command that submits; ``#PBS -o`` and ``-j`` in a script would be ignored."""
        output = str(order.output).replace("%", "%%")  # sbatch fills in %j and the like
        argv = ["qsub", "-j", "oe", "-o", shlex.quote(output)]
        if order.name:
            argv += ["-N", shlex.quote(order.name)]
        argv.append(shlex.quote(str(order.script)))
        return Command(tuple(argv), self.default_seconds, order.work_dir)

    def read_submit(self, done: Completed) -> JobId:
        """Return the id."""
        read_refusal(done)
        job_id = id_in(done.stdout, _BARE)
        if job_id is None:
            raise Unreadable(
                "qsub printed no job id.", "The job is looked for by its name.", text(done.stdout)
            )
        return job_id

    def find(self, name: str, user: str) -> Command:
        """Return the command that lists all jobs: with ``-u`` it would cut names and say less."""
        return self.list_jobs(user)

    def read_find(self, done: Completed, name: str) -> list[JobId]:
        """Return the ids of the jobs with this name, whoever owns them."""
        found = [job for job in _jobs(done, None, EMPTY).jobs.values() if job.name == name]
        found.sort(key=lambda job: (job.submitted_at or 0.0, integer(job.job_id) or 0))
        return [job.job_id for job in found]

    # --- looking

    def list_jobs(self, user: str | None) -> Command:
        """Return the command that lists all jobs: ``-f`` and ``-u`` exclude each other."""
        return self._query("qstat", "-f")

    def read_jobs(self, done: Completed, user: str | None, last: Listing = EMPTY) -> Listing:
        """Return the jobs of `user`."""
        return _jobs(done, user, last)

    def query(self, ids: Sequence[JobId]) -> list[Command]:
        """Return the command; it reads all jobs inside, however few are asked for."""
        if not ids:
            return []
        checked = [checked_id(job_id, _BARE) for job_id in ids]
        return [self._query("qstat", "-f", *(checked if len(checked) <= _MOST_IDS else []))]

    def read_query(self, done: Completed) -> Mapping[JobId, Job]:
        """Return the jobs that were asked for: some versions list job 1 as well when asked for 17."""
        asked = frozenset(done.argv[2:])
        jobs = _jobs(done, None, EMPTY).jobs
        return {job_id: job for job_id, job in jobs.items() if not asked or job_id in asked}

    def raw_table(self, user: str) -> Command:
        """Return the nearest to ``qstat -tn -u USER``: ``-t`` is unknown here."""
        return self._query("qstat", "-n", "-u", user)

    def queues(self) -> Command:
        """Return the only command that tells limits; it cuts names at 16 characters."""
        return self._query("qstat", "-q")

    def read_queues(self, done: Completed) -> list[Queue]:
        """Return the queues."""
        lines = _answer(done).decode("utf-8", "replace").splitlines()
        if not any(line.startswith("Queue") for line in lines):
            raise Unreadable("The list of queues cannot be read.", "It is asked again.", "\n".join(lines))
        found = (_QUEUE.match(line) for line in lines)
        return [
            Queue(
                name=queue[1],
                enabled=queue[4] == "E",
                started=queue[5] == "R",
                is_default=False,  # see default_queue
                max_walltime_seconds=duration_seconds(queue[2]),
                default_walltime_seconds=None,
                max_nodes=integer(queue[3]),
                max_cores=None,
            )
            for queue in found
            if queue is not None
        ]

    def default_queue(self) -> Command:
        """Return Slurm's own command: none of Torque's here tells it."""
        return self._query("sinfo", "--noheader", "--format=%P")

    def read_default_queue(self, done: Completed) -> str | None:
        """Return the partition with a star, cut as in the list of queues."""
        found = re.search(r"^(\S+)\*$", _answer(done).decode("utf-8", "replace"), re.MULTILINE)
        return found[1][:_MOST_OF_A_NAME] if found else None

    def nodes(self) -> Command:
        """Return the command that tells the nodes."""
        return self._query("pbsnodes", "-a")

    def read_nodes(self, done: Completed) -> list[NodeShape]:
        """Return how many nodes there are of each size."""
        count: Counter[tuple[int, int | None]] = Counter()
        up: Counter[tuple[int, int | None]] = Counter()
        for block in _answer(done).decode("utf-8", "replace").split("\n\n"):
            if not block.strip():
                continue
            values = _values(block)
            cores = integer(values.get("np"))
            if cores is None or "state" not in values:
                raise Unreadable("The list of nodes cannot be read.", "It is asked again.", block)
            memory = _MEMORY.search(values.get("status", ""))
            # 1 MB is what Slurm assumes of a node that the site has not described.
            megabytes = int(memory[1]) if memory and int(memory[1]) > 1 else None
            shape = (cores, None if megabytes is None else megabytes << 20)
            count[shape] += 1
            up[shape] += _DOWN.search(values["state"]) is None
        return [
            NodeShape(count=number, up=up[shape], cores=shape[0], memory_bytes=shape[1])
            for shape, number in count.items()
        ]

    # --- changing

    def delete(self, job_id: JobId) -> Command:
        """Return the command that deletes a job; by its first job, an array as a whole."""
        return self._query("qdel", checked_id(job_id, _BARE))

    def hold(self, job_id: JobId) -> Command:
        """Return the command that holds a job; a running one goes on, and no word is said."""
        return self._query("qhold", "-h", "u", checked_id(job_id, _BARE))

    def release(self, job_id: JobId) -> Command:
        """Return the command that releases a held job."""
        return self._query("qrls", "-h", "u", checked_id(job_id, _BARE))

    def alter_walltime(self, job_id: JobId, seconds: int) -> Command:
        """Raise `Refused`: ``qalter`` here knows no ``-l``."""
        raise Refused(
            "not_supported",
            f"The walltime of job {job_id} cannot be changed: this scheduler's qalter has no -l.",
            "Stop and start again with the walltime that you need.",
        )

    def read_change(self, done: Completed, action: JobAction, job_id: JobId) -> None:
        """Return if it was accepted; qdel's silent no is `UnknownJob` without `output`: ask again."""
        read_change(done, action, job_id)

    def _query(self, *argv: str) -> Command:
        # While the controller is down, each command takes 9 s to say so.
        return Command(argv, self.default_seconds)


def _answer(done: Completed) -> bytes:
    """Return what a query printed; raise `NoAnswer` where it failed."""
    status = exit_status(done)
    said = text(done.stderr).strip()
    if status not in (0, _NOTHING) or (status == _NOTHING and said and not done.stdout):
        raise NoAnswer(
            "The batch system does not answer.",
            "It is asked again; your jobs there are not affected.",
            said or f"{done.argv[0]} ended with exit status {status}.",
        )
    return done.stdout


def _jobs(done: Completed, user: str | None, last: Listing) -> Listing:
    output = _answer(done)
    if not output or output.isspace():
        if done.status == _NOTHING:
            return EMPTY
        raise Unreadable("qstat said that it found jobs, and printed none.", "It is asked again.")
    begin = 0 if output.startswith(_HEAD) else output.find(b"\n" + _HEAD) + 1
    if not output.startswith(_HEAD, begin):
        raise Unreadable("The list of jobs cannot be read.", "It is asked again.", text(output))
    # An empty line ends each job, the last one too, and nothing else.
    if not output.endswith(_BLOCK_END):
        raise Unreadable("The list of jobs is damaged.", "It is asked again.", text(output[-2000:]))
    printed = Printed(output, begin + len(_HEAD), len(output) - len(_BLOCK_END), _BLOCK_END + _HEAD)

    def id_of(piece: bytes) -> JobId:
        if (piece + _BLOCK_END).find(_BLOCK_END) < len(piece) or b"\n" + _HEAD in piece:
            raise Unreadable("The list of jobs is damaged.", "It is asked again.", text(piece))
        return text(piece.partition(b"\n")[0].rstrip())

    def read(job_id: JobId, piece: bytes) -> Remembered:
        if mark is not None and mark not in piece:
            return remembered(job_id, None, piece, _VALUES)
        job = _job(job_id, text(piece))
        return remembered(job_id, job if user is None or job.owner == user else None, piece, _VALUES)

    mark = None if user is None else f"\teuser = {user}(".encode()
    try:
        return last.then(printed, id_of, read)
    except Twice as error:
        raise Unreadable(
            f"Job {error.job_id} is listed twice.", "It is asked again.", text(error.piece)
        ) from None


def _values(block: str) -> dict[str, str]:
    """Return the ``key = value`` lines; of one key the last, since a name may have line ends in it."""
    values: dict[str, str] = {}
    for line in block.split("\n"):
        key, equals, value = line.partition(" = ")
        if equals:
            values[key.strip()] = value.strip()
    return values


def _job(job_id: JobId, block: str) -> Job:
    values = _values(block)
    letter = values.get("job_state", "")
    owner = values.get("euser", "").rpartition("(")[0]
    # The walltime is its last line but for nodes and cores: without it the block has been cut.
    whole = owner and letter and "queue" in values and "Resource_List.walltime" in values
    if not whole or _LISTED.fullmatch(job_id) is None:
        raise Unreadable(f"Job {job_id[:50]!r} cannot be read.", "It is asked again.", block)
    walltime = duration_seconds(values["Resource_List.walltime"])
    start, end = date_seconds(values.get("mtime")), date_seconds(values.get("ctime"))
    state = _LETTERS.get(letter, "unknown")
    if state == "queued" and values.get("Priority") == "0":
        state = "held"
    elif letter == "U" and start and end and walltime and end < start + walltime:
        state = "finished"  # its end is not the one that its walltime would give: it is over
    waits = state in ("queued", "held")
    ran = "exec_host" in values and not waits
    ended = state == "finished"
    return Job(
        job_id=job_id,
        name=values.get("Job_Name", ""),
        owner=owner,
        queue=values["queue"],
        state=state,
        letter=letter,
        array_id=None,
        nodes=integer(values.get("Resource_List.nodect")),
        cores=integer(values.get("Resource_List.ncpus")),
        memory_bytes=None,
        walltime_seconds=walltime,
        elapsed_seconds=max(0, int(end - start)) if ended and ran and start and end else None,
        submitted_at=date_seconds(values.get("qtime")),
        started_at=start if ran else None,
        ended_at=end if ended else None,
        estimated_start_at=start if waits else None,
        hosts=slurm_hosts(values.get("exec_host")),
        comment=None,
        never_runs=False,
        outcome=(UNKNOWN if ran else _NEVER_RAN) if ended else None,
        cluster=None,
        role=None,
        orphan=False,
    )
