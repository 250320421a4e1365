"""Every failure of a cluster in English: the cause and the next step.

The browser words the same codes in the user's language, from the same parameters.
All parameters of a code are always sent; all are strings; one that is not known is
the empty string.

===================== =========================================================================
code                  parameters
===================== =========================================================================
mpiexec_missing       ``command``: what was looked for, e.g. ``mpiexec`` or a configured path
mpi4py_missing        ``python``: the engines' Python; ``detail``: the import's own words
mpi_library_missing   ``python``; ``detail``: mpi4py's own words
ipyparallel_missing   ``python``; ``detail``: the import's own words
mpi_world_split       ``engines``: how many were asked for; ``sizes``: the world sizes found,
                      ``1`` (each engine alone) or e.g. ``2, 6``; empty if MPI refused to start
                      at all; ``library``: what mpi4py loaded, first line;
                      ``launcher``: who made mpiexec: ``MPICH``, ``Open MPI``,
                      ``Intel MPI`` or empty
mpi_world_mixed       ``what``: ``library``, ``mpi4py``, ``python``, ``ipyparallel`` or ``rank``
                      (engine id differs from MPI rank); ``groups``: who has what, e.g.
                      ``ranks 0-2: 4.1.2; rank 3: 4.0.0``
engines_exited        ``engines``: how many were asked for; ``registered``: how many the
                      controller ever counted; ``status``: how mpiexec ended, e.g.
                      ``exit status 1`` or ``signal 9 (SIGKILL)``
engine_died           ``rank``, ``host``, ``pid``: of the engine; ``status``: as above
controller_exited     ``status``: as above
job_killed            none
start_interrupted     none
profile_unwritable    ``path``: folder or file; ``detail``: the system's own words
stop_incomplete       ``pids``: processes that did not end, comma-separated; ``host``
job_refused           ``queue``: where the job was to go, empty: the default; ``detail``: a sentence
                      on what the scheduler refused; ``hint``: what to do about it, empty: not known
job_never_runs        ``job_id``; ``comment``: the scheduler's own words
job_walltime          ``job_id``; ``walltime``: what it had, ``HH:MM:SS``
job_memory            ``job_id``; ``memory``: what it had, e.g. ``4 GB``
job_deleted           ``job_id``
job_exited            ``job_id``; ``status``: in words, e.g. ``exit status 127: command not found``
                      or ``signal 9 (SIGKILL)``
job_lost              ``job_id``: the scheduler no longer knows it, and it left no end
submit_unknown        ``seconds``: how long qsub was waited for; no job of the name was found
scheduler_missing     ``command``: what was looked for, e.g. ``qsub``
internal              ``detail``: what happened
===================== =========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..api.models import Failure, FailureCode

PARAMETERS: dict[FailureCode, tuple[str, ...]] = {
    "mpiexec_missing": ("command",),
    "mpi4py_missing": ("python", "detail"),
    "mpi_library_missing": ("python", "detail"),
    "ipyparallel_missing": ("python", "detail"),
    "mpi_world_split": ("engines", "sizes", "library", "launcher"),
    "mpi_world_mixed": ("what", "groups"),
    "engines_exited": ("engines", "registered", "status"),
    "engine_died": ("rank", "host", "pid", "status"),
    "controller_exited": ("status",),
    "job_killed": (),
    "start_interrupted": (),
    "profile_unwritable": ("path", "detail"),
    "stop_incomplete": ("pids", "host"),
    "job_refused": ("queue", "detail", "hint"),
    "job_never_runs": ("job_id", "comment"),
    "job_walltime": ("job_id", "walltime"),
    "job_memory": ("job_id", "memory"),
    "job_deleted": ("job_id",),
    "job_exited": ("job_id", "status"),
    "job_lost": ("job_id",),
    "submit_unknown": ("seconds",),
    "scheduler_missing": ("command",),
    "internal": ("detail",),
}
"""The parameters of each code, in the order of the table above."""

TAIL_LINES = 40
"""Most lines of a log that a failure carries; the whole log can be asked for."""

START_AGAIN = "Start the cluster again."
_READ_LOG = "Read the job's log: its last lines say why. Then start the cluster again."

_MIXED = {
    "library": "MPI libraries",
    "mpi4py": "versions of mpi4py",
    "python": "versions of Python",
    "ipyparallel": "versions of ipyparallel",
}


def failure(code: FailureCode, params: Mapping[str, str] | None = None, log_tail: str = "") -> Failure:
    """Return the `Failure` of `code`, worded in English.

    Parameters
    ----------
    code : what happened.
    params : values for the code's parameters; missing ones become empty, others are left out.
    log_tail : the log that shows it; its last `TAIL_LINES` lines are kept.
    """
    given = params or {}
    full = {name: str(given.get(name, "")) for name in PARAMETERS[code]}
    message, next_step = _WORDS[code](full)
    tail = "\n".join(log_tail.splitlines()[-TAIL_LINES:])
    return Failure(code=code, params=full, message=message, next_step=next_step, log_tail=tail)


def _colon(detail: str) -> str:
    words = detail.rstrip(". ")
    return f": {words}." if words else "."


def _mpiexec_missing(p: Mapping[str, str]) -> tuple[str, str]:
    return (
        f"The MPI launcher {p['command'] or 'mpiexec'} was not found.",
        "Install an MPI, for example with `pip install mpich`, or load your site's MPI module "
        "before you start Jupyter.",
    )


def _mpi4py_missing(p: Mapping[str, str]) -> tuple[str, str]:
    python = p["python"] or "python"
    return (
        f"mpi4py cannot be imported by {python}{_colon(p['detail'])}",
        f"Install it with `{python} -m pip install mpi4py`, then start the cluster again.",
    )


def _mpi_library_missing(p: Mapping[str, str]) -> tuple[str, str]:
    python = p["python"] or "python"
    return (
        f"mpi4py of {python} finds no MPI library{_colon(p['detail'])}",
        f"Install one with `{python} -m pip install mpich`, or load your site's MPI module "
        "before you start Jupyter.",
    )


def _ipyparallel_missing(p: Mapping[str, str]) -> tuple[str, str]:
    python = p["python"] or "python"
    return (
        f"ipyparallel cannot be imported by {python}{_colon(p['detail'])}",
        f"Install it with `{python} -m pip install ipyparallel`, then start the cluster again.",
    )


def _mpi_world_split(p: Mapping[str, str]) -> tuple[str, str]:
    if p["sizes"] == "1":
        found = f"Each of the {p['engines']} engines is alone in its own MPI world, "
        found += "so a sum would be wrong"
    elif p["sizes"]:
        found = f"The {p['engines']} engines are not one MPI world: the world sizes are {p['sizes']}"
    else:
        found = f"The {p['engines']} engines could not form one MPI world"
    launcher, library = p["launcher"], p["library"] or "an unknown MPI library"
    cause = f"mpi4py loaded {library}, and mpiexec is {'of ' + launcher if launcher else 'of another MPI'}."
    same = f"the MPI library of {launcher}" if launcher else "the MPI library that mpiexec belongs to"
    return (
        f"{found}. {cause}",
        f"Use one MPI for both: let mpi4py load {same} (environment variable MPI4PY_MPIABI "
        "or MPI4PY_LIBMPI), or put the mpiexec of the loaded library first in PATH.",
    )


def _mpi_world_mixed(p: Mapping[str, str]) -> tuple[str, str]:
    if p["what"] == "rank":
        return (
            f"Engine ids and MPI ranks differ ({p['groups']}).",
            "Stop all other engines that connect to this cluster, then start it again.",
        )
    what = _MIXED.get(p["what"], p["what"])
    return (
        f"The engines use different {what} ({p['groups']}).",
        "Give all engines the same environment, then start the cluster again.",
    )


def _engines_exited(p: Mapping[str, str]) -> tuple[str, str]:
    status = f" ({p['status']})" if p["status"] else ""
    if p["registered"] in ("", "0"):
        return (
            f"The engines ended before any of them was ready{status}.",
            "Read the engines' log: its last lines say why. Then start the cluster again.",
        )
    count = f"{p['registered']} of {p['engines']}" if p["engines"] else p["registered"]
    return (
        f"The engines ended{status}; {count} had registered.",
        "Read the engines' log: its last lines say why. Then start the cluster again.",
    )


def _engine_died(p: Mapping[str, str]) -> tuple[str, str]:
    name = f"The engine of rank {p['rank']}" if p["rank"] else "An engine"
    where = ", ".join(
        part
        for part in (f"process {p['pid']}" if p["pid"] else "", f"on {p['host']}" if p["host"] else "")
        if part
    )
    place = f" ({where})" if where else ""
    status = f": {p['status']}" if p["status"] else ""
    return (
        f"{name}{place} died{status}. The MPI world is broken, and the other engines ended with it.",
        "Variables on the engines are lost. Start the cluster again. "
        "If it happens again, look for too little memory.",
    )


def _controller_exited(p: Mapping[str, str]) -> tuple[str, str]:
    status = f" ({p['status']})" if p["status"] else ""
    return (
        f"The controller ended unexpectedly{status}, and the engines with it.",
        "Read the controller's log, then start the cluster again.",
    )


def _job_killed(_: Mapping[str, str]) -> tuple[str, str]:
    return (
        "The process that held the cluster together was killed, "
        "and the controller and the engines ended with it.",
        START_AGAIN,
    )


def _start_interrupted(_: Mapping[str, str]) -> tuple[str, str]:
    return ("The Jupyter server ended while this cluster was starting.", START_AGAIN)


def _profile_unwritable(p: Mapping[str, str]) -> tuple[str, str]:
    return (
        f"The folder {p['path']} cannot be written{_colon(p['detail'])}",
        "Make it writable, or set the environment variable IPYTHONDIR to a folder you can write "
        "before you start Jupyter.",
    )


def _stop_incomplete(p: Mapping[str, str]) -> tuple[str, str]:
    host = f" on {p['host']}" if p["host"] else ""
    return (
        f"Some processes of this cluster did not end{host}: {p['pids']}.",
        f"End them in a terminal with `kill -9 {p['pids'].replace(',', '')}`, then start the cluster again.",
    )


def _job(p: Mapping[str, str]) -> str:
    return f"job {p['job_id']}" if p["job_id"] else "the job"


def _job_refused(p: Mapping[str, str]) -> tuple[str, str]:
    queue = f" for the queue {p['queue']}" if p["queue"] else ""
    detail = p["detail"].rstrip(". ")
    return (
        f"PBS refused the job{queue}{': ' + detail if detail else ''}.",
        f"{p['hint'].rstrip('. ') or 'Change what the job asks for, then start the cluster again'}.",
    )


def _job_never_runs(p: Mapping[str, str]) -> tuple[str, str]:
    said = f" PBS says: {p['comment'].rstrip('. ')}." if p["comment"] else ""
    return (
        f"PBS took {_job(p)}, but it can never run as it was asked for.{said}",
        "Ask for fewer nodes, cores or memory, or for another queue, then start the cluster again.",
    )


def _job_walltime(p: Mapping[str, str]) -> tuple[str, str]:
    walltime = f" of {p['walltime']}" if p["walltime"] else ""
    return (
        f"The walltime{walltime} of {_job(p)} was over, and PBS ended the controller and the engines.",
        "Variables on the engines are lost. Start the cluster again, with more walltime if you need it.",
    )


def _job_memory(p: Mapping[str, str]) -> tuple[str, str]:
    memory = f": {p['memory']} on each node" if p["memory"] else ""
    return (
        f"PBS ended {_job(p)}, because it used more memory than it had asked for{memory}.",
        "Ask for more memory or put fewer engines on a node, then start the cluster again.",
    )


def _job_deleted(p: Mapping[str, str]) -> tuple[str, str]:
    return (
        f"Somebody deleted {_job(p)}, for example with qdel, and the cluster ended with it.",
        "Start the cluster again. If it was not you, ask who runs the batch system.",
    )


def _job_exited(p: Mapping[str, str]) -> tuple[str, str]:
    status = f" ({p['status']})" if p["status"] else ""
    name = _job(p)
    return (f"{name[0].upper()}{name[1:]} ended by itself{status}, and the engines with it.", _READ_LOG)


def _job_lost(p: Mapping[str, str]) -> tuple[str, str]:
    return (
        f"PBS no longer knows {_job(p)}, and the job left no note of its end: "
        "its node may have failed, or its output could not be written.",
        _READ_LOG,
    )


def _submit_unknown(p: Mapping[str, str]) -> tuple[str, str]:
    waited = f" within {p['seconds']} s" if p["seconds"] else ""
    return (
        f"qsub did not answer{waited}, and no job of this start was found in the queue.",
        "Start the cluster again. Should the job turn up after all, the job table offers to delete it.",
    )


def _scheduler_missing(p: Mapping[str, str]) -> tuple[str, str]:
    return (
        f"The command {p['command'] or 'qsub'} was not found where the Jupyter server runs.",
        "Load the module of your batch system before you start Jupyter, "
        "or start Jupyter on a node that has its commands.",
    )


def _internal(p: Mapping[str, str]) -> tuple[str, str]:
    return (
        f"Something went wrong inside jupyterlab-engines{_colon(p['detail'])}",
        "Look into the Jupyter server's log and report it. Then start the cluster again.",
    )


_WORDS: dict[FailureCode, Callable[[Mapping[str, str]], tuple[str, str]]] = {
    "mpiexec_missing": _mpiexec_missing,
    "mpi4py_missing": _mpi4py_missing,
    "mpi_library_missing": _mpi_library_missing,
    "ipyparallel_missing": _ipyparallel_missing,
    "mpi_world_split": _mpi_world_split,
    "mpi_world_mixed": _mpi_world_mixed,
    "engines_exited": _engines_exited,
    "engine_died": _engine_died,
    "controller_exited": _controller_exited,
    "job_killed": _job_killed,
    "start_interrupted": _start_interrupted,
    "profile_unwritable": _profile_unwritable,
    "stop_incomplete": _stop_incomplete,
    "job_refused": _job_refused,
    "job_never_runs": _job_never_runs,
    "job_walltime": _job_walltime,
    "job_memory": _job_memory,
    "job_deleted": _job_deleted,
    "job_exited": _job_exited,
    "job_lost": _job_lost,
    "submit_unknown": _submit_unknown,
    "scheduler_missing": _scheduler_missing,
    "internal": _internal,
}
