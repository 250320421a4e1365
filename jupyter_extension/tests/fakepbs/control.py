"""What tests hold in hand: start a simulated batch system, look behind its words, and break it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from . import core, words
from .crowd import crowd_of
from .faults import FAULTS
from .runner import descendants
from .store import BULK_START, Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .store import Job, State


DialectName = Literal["openpbs", "torque", "slurm"]
COMMANDS = ("qsub", "qstat", "qdel", "qhold", "qrls", "qalter", "qselect", "pbsnodes", "sinfo")
_HERE = Path(__file__).resolve().parent
_SERVERS = {"openpbs": "pbshead", "torque": "vm", "slurm": ""}


@dataclass(frozen=True)
class FakeJob:
    """The truth about a job.

    Attributes
    ----------
    job_id : as the commands print it.
    state : Q, H, W, R, S, E; F when it has ended, in every dialect.
    pid : the job's first process (a session leader) while it runs.
    pids : all processes of the job that live now.
    exit_status : as the dialect counts; None: it never ran, or has not ended.
    """

    job_id: str
    name: str
    owner: str
    queue: str
    state: str
    pid: int | None
    pids: tuple[int, ...]
    exit_status: int | None
    run_count: int
    comment: str


@dataclass(frozen=True)
class Call:
    """One command that was run; `status` and `end` are None while it runs, or if it was killed."""

    command: str
    argv: tuple[str, ...]
    pid: int
    start: float
    end: float | None
    status: int | None


class FakePBS:
    """A simulated batch system in a folder of its own.

    Parameters
    ----------
    folder : an empty or new folder.
    dialect : whose voice the commands have.
    nodes : name and slots of each node.
    queue_delay : seconds that a job waits at least.
    delete_delay : seconds from qdel's answer to the first signal.
    kill_delay : seconds from SIGTERM to SIGKILL.
    keep_finished : seconds that ended jobs stay known.
    virtual_names : write the nodes' names into node files instead of this machine's.

    Attributes
    ----------
    environ : the environment with the commands first on PATH.
    bin : the folder of the commands.
    """

    def __init__(
        self,
        folder: Path,
        dialect: DialectName = "openpbs",
        *,
        nodes: dict[str, int] | None = None,
        queue_delay: float = 0.05,
        delete_delay: float = 0.0,
        kill_delay: float = 2.0,
        keep_finished: float = 3600.0,
        virtual_names: bool = False,
    ) -> None:
        self.folder = folder
        self.dialect: DialectName = dialect
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.server = _SERVERS[dialect]
        self.bin = folder / "bin"
        (folder / "spool").mkdir(parents=True, mode=0o700)
        self.bin.mkdir()
        self._store = Store(str(folder))
        self._store.take_ownership()
        self._store.save(
            {
                "dialect": dialect,
                "server": self.server,
                "next": 1,
                "created": time.time(),
                "jobs": {},
                "bulk": False,
                "queues": _queues(dialect),
                "default_queue": "batch" if dialect == "slurm" else "default",
                "aliases": {"default": "batch"} if dialect == "slurm" else {},
                "nodes": nodes or {"n1": 16, "n2": 16},
                "down_nodes": [],
                "query_other_jobs": dialect != "torque",
                "virtual_names": virtual_names,
                "paused": False,
                "down": False,
                "faults": [],
                "options": {
                    "queue_delay": queue_delay,
                    "delete_delay": delete_delay,
                    "kill_delay": kill_delay,
                    "keep_finished": keep_finished,
                    "known_bugs": True,
                },
            }
        )
        self._write_commands()

    def _write_commands(self) -> None:
        python = os.path.realpath(sys.executable)
        for name in COMMANDS:
            # The wrappers have no qselect; sinfo is there lest this machine's own is asked.
            if name == ("qselect" if self.dialect == "slurm" else "sinfo"):
                continue
            path = self.bin / name
            path.write_text(
                f"#!{python} -SEs\nimport sys\nsys.path.insert(0, {str(_HERE.parent)!r})\n"
                f"from fakepbs.command import start\nstart({str(self.folder)!r})\n",
                encoding="utf-8",
            )
            path.chmod(0o755)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of this process, with the commands first on PATH."""
        path = f"{self.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {**os.environ, "PATH": path, "FAKEPBS_STATE": str(self.folder)}

    # --- looking

    def jobs(self) -> list[FakeJob]:
        """Return the truth about all jobs that are run here (not those of `add_…`)."""
        return [self._truth(job) for job in self._store.load()["jobs"].values()]

    def job(self, job_id: str) -> FakeJob:
        """Return the truth about one job; KeyError if the scheduler forgot it."""
        return self._truth(self._store.load()["jobs"][job_id])

    def _truth(self, job: Job) -> FakeJob:
        alive = descendants(job["runner"]) if job["runner"] else []
        return FakeJob(
            job_id=job["id"],
            name=job["name"],
            owner=job["owner"],
            queue=job["queue"],
            state=job["state"],
            pid=job["session"] if job["session"] in alive else None,
            pids=tuple(alive),
            exit_status=job["exit_status"],
            run_count=job["run_count"],
            comment=job["comment"],
        )

    def calls(self, command: str | None = None) -> list[Call]:
        """Return the commands that were run, in order, of all or of one name."""
        found: dict[str, dict[str, Any]] = {}
        for line in self._store.log_lines():
            if "call" in line:
                found.setdefault(line["call"], {}).update(line)
        calls = [
            Call(
                call["command"],
                tuple(call["argv"]),
                call["pid"],
                call["start"],
                call.get("end"),
                call.get("status"),
            )
            for call in found.values()
        ]
        return [call for call in calls if command in (None, call.command)]

    def failures(self) -> list[str]:
        """Return what went wrong inside the fake itself; a test should find nothing here."""
        return [line["failed"] for line in self._store.log_lines() if "failed" in line]

    def wait(self, what: Callable[[], object], seconds: float = 30.0) -> None:
        """Wait until `what()` is true; TimeoutError with the jobs if it never is."""
        deadline = time.monotonic() + seconds
        while not what():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds} s: {self.jobs()} {self.failures()}")
            time.sleep(0.02)

    # --- breaking

    def set_fault(self, command: str, fault: str, times: int | None = None, **options: Any) -> None:
        """Switch a fault on for the next `times` calls of a command (None: for all, "*": of any command).

        See `faults.FAULTS` for names and options. ``argv_has="-f"`` limits it to calls with such a word.
        """
        if fault not in FAULTS:
            raise ValueError(f"there is no fault {fault!r}; known: {', '.join(FAULTS)}")
        if fault == "refuse":
            voice: Any = words.of(self.dialect)
            known = {**voice.reasons, **getattr(voice, "plain", {})}
            if options.get("reason") not in known:
                raise ValueError(f"{self.dialect} refuses for one of {', '.join(known)}")
        if fault == "foreign_server":
            options.setdefault("own", self.server or "\0")

        def change(state: State) -> None:
            state["faults"].append({"command": command, "fault": fault, "times": times, "options": options})

        self._edit(change)

    def clear_faults(self) -> None:
        """Switch all faults off, a crashed server included."""
        self._edit(lambda state: state.update(faults=[], down=False))

    def down(self) -> None:
        """Let no command reach the server, until `up`; jobs go on."""
        self._edit(lambda state: state.update(down=True))

    def up(self) -> None:
        """Let the server answer again."""
        self._edit(lambda state: state.update(down=False))

    def pause(self, paused: bool = True) -> None:
        """Start no more jobs, or start them again."""
        self._edit(lambda state: state.update(paused=paused))

    def set_limits(self, queue: str, **limits: Any) -> None:
        """Change a queue, or make one.

        `max_walltime`, `default_walltime` in seconds, `max_nodes`, `max_cores`, `enabled`, `started`,
        `users` (a list: nobody else may submit).
        """
        self._edit(lambda state: state["queues"].setdefault(queue, {}).update(limits))

    def set_option(self, **options: Any) -> None:
        """Change what was given at start (`queue_delay`, `kill_delay` …), or ``known_bugs=False``.

        With known bugs, ``qdel KNOWN UNKNOWN`` takes the OpenPBS server down, as the real one.
        """
        self._edit(lambda state: state["options"].update(options))

    def let_others_be_seen(self, seen: bool = True) -> None:
        """Let users see jobs of others (``query_other_jobs``)."""
        self._edit(lambda state: state.update(query_other_jobs=seen))

    # --- doing things to a job from outside

    def hold(self, job_id: str) -> None:
        """Hold a job as an operator would."""
        self._change(job_id, lambda job: core.hold(job, time.time()))

    def release(self, job_id: str) -> None:
        """Release a job."""
        self._change(job_id, lambda job: core.release(job, time.time()))

    def delete(self, job_id: str, by: str = "root@admin") -> None:
        """Delete a job as an operator, or its user in a terminal, would."""
        self._edit(lambda state: core.delete(state, state["jobs"][job_id], by))

    def requeue(self, job_id: str, delay: float = 0.0) -> None:
        """Kill a running job and put it back into the queue; it runs again after `delay` seconds."""
        self._change(job_id, lambda job: job.update(requeue=delay or 1e-9))

    def kill_by_walltime(self, job_id: str) -> None:
        """Let a running job's walltime be over now."""
        self._change(job_id, lambda job: job.update(overtime=True))

    def node_lost(
        self, job_id: str, then: Literal["stays", "requeue", "fail"] = "stays", after: float = 0.5
    ) -> None:
        """Let the first node of a job die: its processes are gone at once and nobody tells the server.

        The job is shown as running; `after` seconds later it stays so, is requeued or fails.
        """

        def change(state: State) -> None:
            job = state["jobs"][job_id]
            node = job["exec_host"][0][0]
            if node not in state["down_nodes"]:
                state["down_nodes"].append(node)
            job["lost"] = {"then": then, "after": after}

        self._edit(change)

    def nodes_back(self) -> None:
        """Let all nodes work again."""
        self._edit(lambda state: state.update(down_nodes=[]))

    def forget(self, job_id: str) -> None:
        """Let the scheduler lose a job for good; its processes are killed."""
        self._edit(lambda state: state["jobs"].pop(job_id))

    def set_letter(self, job_id: str, letter: str) -> None:
        """Show a state that no manual knows; an empty one ends that."""
        self._change(job_id, lambda job: job.update(letter=letter))

    def set_comment(self, job_id: str, comment: str) -> None:
        """Give a job a comment."""
        self._change(job_id, lambda job: job.update(comment=comment))

    # --- crowds

    def add_foreign_jobs(self, count: int, owner: str = "somebody") -> list[str]:
        """Add jobs of another user, half of them running, that are only shown; return their ids."""
        return self._add(count, owner)

    def add_jobs_of_user(self, count: int) -> list[str]:
        """Add jobs of this user, half of them running, that are only shown; return their ids."""
        return self._add(count, self.user)

    def _add(self, count: int, owner: str) -> list[str]:
        with self._store.locked() as state:
            crowd = self._store.bulk()
            following = BULK_START + len(crowd)
            ids = []
            for job in crowd_of(state, following, count, owner):
                crowd[job["id"]] = job
                ids.append(job["id"])
            self._store.save_bulk(crowd)
            state["bulk"] = True
            self._store.save(state)
        return ids

    # --- the end

    def shutdown(self) -> None:
        """End everything that was started here, jobs and hanging commands, and wait until it is gone."""
        state = self._store.load()
        mine = [call.pid for call in self.calls() if call.end is None]
        runners = [job["runner"] for job in state["jobs"].values() if job["runner"]]
        everything = [pid for pid in {*mine, *runners, *_runners(self.folder)} if _is_ours(pid, self.folder)]
        for pid in [child for parent in everything for child in descendants(parent)] + everything:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        shutil.rmtree(self.folder)
        deadline = time.monotonic() + 10
        while any(_is_ours(pid, self.folder) for pid in everything) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _edit(self, change: Callable[[State], object]) -> None:
        with self._store.locked() as state:
            change(state)
            self._store.save(state)

    def _change(self, job_id: str, change: Callable[[Job], object]) -> None:
        self._edit(lambda state: change(state["jobs"][job_id]))


def _queues(dialect: str) -> dict[str, dict[str, Any]]:
    if dialect == "slurm":
        return {
            "batch": {"max_walltime": 24 * 3600, "default_walltime": 3600},
            "debug": {"max_walltime": 2 * 3600, "max_nodes": 2, "default_walltime": 3600},
        }
    queues: dict[str, dict[str, Any]] = {
        "default": {} if dialect == "openpbs" else {"default_walltime": 3600},
        "debug": {"max_walltime": 1800, "priority": 100},
        "priv": {"users": ["somebody"]},
        "closed": {"enabled": False, "started": False},
    }
    if dialect == "torque":
        queues["debug"]["default_walltime"] = 600
    return queues


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _is_ours(pid: int, folder: Path) -> bool:
    """Tell whether a process was started from our folder's commands: pids are used again."""
    return str(folder / "bin").encode() in _command_line(pid)


def _runners(folder: Path) -> list[int]:
    """Return the processes of our commands: runners are forks of qsub and keep its command line."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _is_ours(int(entry), folder)]
