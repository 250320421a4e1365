"""What a job finds around it when it starts, and what is left when it has ended, by dialect."""

from __future__ import annotations

import os
import signal
import time
from functools import cache

from . import core
from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .store import Job, State


_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


class Prepared:
    """How to start a job's script."""

    def __init__(self, argv: list[str], environ: dict[str, str], cwd: str, stdout: str, stderr: str) -> None:
        self.argv = argv
        self.environ = environ
        self.cwd = cwd
        self.stdout = stdout
        self.stderr = stderr


def stamp(when: float, style: str = "%a %b %e %H:%M:%S %Y") -> str:
    """Return a time as PBS prints it: local, without a zone."""
    return _stamp(int(when), style)


@cache
def _stamp(when: int, style: str) -> str:
    return time.strftime(style.replace("%e", f"{time.localtime(when).tm_mday:2d}"), time.localtime(when))


def vnodes(job: Job) -> str:
    """Return OpenPBS's ``exec_vnode``."""
    return "+".join(f"({name}:ncpus={len(slots)})" for name, slots in job["exec_host"])


def start_comment(state: State, job: Job, now: float) -> str:
    """Return what the server says of a job that was started."""
    day = f"{stamp(now, '%a %b %e')} at {stamp(now, '%H:%M')}"
    if state["dialect"] == "openpbs":
        return f"Job run at {day} on {vnodes(job)}"
    return f"Job started on {day}"


def local_path(path: str, workdir: str) -> str:
    """Return a path of ``-o`` or ``-e`` without its host."""
    head, colon, tail = path.partition(":")
    if colon and "/" not in head:
        path = tail
    return os.path.join(workdir, path)


def output_paths(state: State, job: Job) -> tuple[str, str]:
    """Return where the user wants stdout and stderr; the same path twice if they are joined."""
    request = job["request"]
    if state["dialect"] == "slurm":
        base = request.get("cmdline_name") or os.path.basename(request.get("script_name") or "STDIN")
        names = (f"{base}.o{job['seq']}", f"{base}.e{job['seq']}")
    else:
        names = (f"{job['name']}.o{job['seq']}", f"{job['name']}.e{job['seq']}")
    paths = []
    for given, name in zip((job["output"], job["error"]), names, strict=True):
        path = local_path(given or name, job["workdir"])
        for form in ("$PBS_JOBID", "${PBS_JOBID}"):
            path = path.replace(form, job["id"])
        suffix = ".OU" if name == names[0] else ".ER"
        paths.append(os.path.join(path, job["id"] + suffix) if os.path.isdir(path) else path)
    if job["join"].startswith("o"):
        return paths[0], paths[0]
    if job["join"].startswith("e"):
        return paths[1], paths[1]
    return paths[0], paths[1]


def _spooled(state: State, job: Job) -> bool:
    """Tell whether the output comes to its place only when the job has ended."""
    return state["dialect"] != "slurm" and "d" not in job["keep"]


def prepare(store: Store, state: State, job: Job, hosts: list[str]) -> Prepared:
    """Write the node file; return how to start the job."""
    request = job["request"]
    slurm = state["dialect"] == "slurm"
    base = os.path.join(store.spool, str(job["seq"]))
    lines = []
    for host, chunk in zip(hosts, job["chunks"], strict=True):
        lines += [host] * (chunk["mpiprocs"] or 1)
    with open(base + ".nodes", "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in lines))
    home = request["home"]
    environ = {
        "HOME": home,
        "USER": job["owner"],
        "LOGNAME": job["owner"],
        "SHELL": "/bin/bash",
        "PATH": _DEFAULT_PATH,
        **dict(job["variables"]),
        "PBS_JOBID": job["id"],
        "PBS_JOBNAME": job["name"],
        "PBS_QUEUE": job["queue"],
        "PBS_NODEFILE": base + ".nodes",
        "PBS_JOBDIR": job["workdir"] if slurm else home,
        "PBS_TASKNUM": "1",
        "PBS_NODENUM": "0",
    }
    if slurm:
        environ |= {"ENVIRONMENT": "BATCH", "TMPDIR": "/tmp"}  # noqa: S108  # as it says there
    else:
        environ["PBS_ENVIRONMENT"] = "PBS_BATCH"
        environ["PBS_O_QUEUE"] = job["queue"]
        temporary = os.path.join(store.spool, f"tmp.{job['seq']}")
        os.makedirs(temporary, mode=0o700, exist_ok=True)
        environ["TMPDIR"] = temporary
    if state["dialect"] == "openpbs":
        environ["NCPUS"] = environ["OMP_NUM_THREADS"] = str(job["chunks"][0]["ncpus"])
    if state["dialect"] == "torque":
        environ |= {
            "PBS_NP": str(len(lines)),
            "PBS_NUM_NODES": str(core.node_count(job)),
            "PBS_NUM_PPN": str(job["chunks"][0]["ncpus"]),
            "PBS_VERSION": "TORQUE-6.1.3.h5",
            "PBS_SERVER": state["server"],
        }
    script = base + ".sh"
    # As on the recorded servers, the first line of the script does not count there. They start a login
    # shell; here nobody's profile is read: what is in it is slow, and may break when it is killed.
    argv = [script] if slurm else [job["shell"] or "/bin/bash", script]
    if request.get("command"):
        argv = list(request["command"])
    if _spooled(state, job):
        stdout = base + ".OU"
        stderr = stdout if job["join"] != "n" else base + ".ER"
    else:
        stdout, stderr = output_paths(state, job)
    return Prepared(argv, environ, job["workdir"] if slurm else home, stdout, stderr)


def finish(store: Store, state: State, job: Job, now: float, status: int, reason: str) -> None:
    """End a job that ran: exit status, comment and output as the dialect has them.

    `status` is what wait() told of the script; `reason` is "deleted", "walltime" or "".
    """
    dialect = state["dialect"]
    number = os.waitstatus_to_exitcode(status)
    code = 128 - number if number < 0 else number
    last_words = ""
    substate = 92 if code == 0 else 93
    ending = "and finished" if code == 0 else "and failed"
    job["used"] = now - job["started"]
    if reason == "deleted":
        code = 256 + signal.SIGTERM
        substate, ending = 91, f"and terminated by {job.get('killed_by')}"
        if dialect == "slurm":
            last_words = f"slurmstepd-{{}}: error: *** JOB {job['id']} ON {{}} CANCELLED AT {{}} ***\n"
    elif reason == "walltime":
        code = -29 if dialect == "openpbs" else -11
        substate, ending = 93, "and exceeded resource walltime"
        limit = int(job["walltime"] or 0)
        job["used"] = max(job["used"], limit + 1)
        last_words = f"=>> PBS: job killed: walltime {int(job['used'])} exceeded limit {limit}\n"
        if dialect == "slurm":
            last_words = (
                f"slurmstepd-{{}}: error: *** JOB {job['id']} ON {{}} "
                "CANCELLED AT {} DUE TO TIME LIMIT ***\n"
            )
    if dialect == "slurm":
        node = job["exec_host"][0][0]
        last_words = last_words.format(node, node, stamp(now, "%Y-%m-%dT%H:%M:%S"))
    comment = job["comment"]
    if dialect == "openpbs":
        # Recorded: nothing follows the blank when the line is full; JSON says "and finished" too.
        comment = f"{comment} {ending}"
    core.finish(job, now, code, substate, comment)
    job["delivered"] = _deliver(store, state, job, last_words)


def _deliver(store: Store, state: State, job: Job, last_words: str) -> bool:
    """Bring the output to where the user wants it; False: it stays in the spool."""
    wanted = output_paths(state, job)
    base = os.path.join(store.spool, str(job["seq"]))
    spooled = _spooled(state, job)
    sources = (base + ".OU", base + (".ER" if job["join"] == "n" else ".OU")) if spooled else wanted
    if last_words:
        with open(sources[1], "a", encoding="utf-8") as file:
            file.write(last_words)
    if not spooled:
        return True
    try:
        for source, target in dict(zip(sources, wanted, strict=True)).items():
            with open(source, "rb") as file:
                text = file.read()
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as out:
                out.write(text)
    except OSError:
        # As a real node does: the job is finished all the same, its output lies in "undelivered".
        return False
    return True
