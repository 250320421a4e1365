"""Why a cluster ended, read from what its job told and from the ends of its logs.

Pure: events and texts in, a `Failure` out; or None if it ended because somebody asked.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ..api.models import Engine, Failure, FailureCode
from .words import PARAMETERS, failure

CANNOT_START = "pxengines: cannot start:"
"""Begins a line in the engines' log that tells why an engine did not start: code, then words."""

_CODES: frozenset[str] = frozenset(get_args(FailureCode))

# How mpiexec ends when somebody stops it (`ipcluster stop`, Ctrl-C): by the signal, as a shell says it,
# or with the bare number, as MPICH's does.
_ASKED = frozenset(
    {-signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGINT, int(signal.SIGTERM)}
)

_HYDRA = re.compile(
    r"BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES\s*"
    r"\n?=\s+(?:RANK (?P<rank>\d+) )?PID (?P<pid>\d+) RUNNING AT (?P<host>\S+)[ \t]*"
    r"(?:\n=\s+(?:EXIT CODE: (?P<code>-?\d+)|KILLED BY SIGNAL: (?P<signal>\d+)))?"
)
_HYDRA_SIGNAL = re.compile(r"YOUR APPLICATION TERMINATED WITH THE EXIT STRING: .*\(signal (\d+)\)")
_OPEN_MPI_SIGNAL = re.compile(
    r"process rank (?P<rank>\d+) with PID (?P<pid>\d+) on node\s+(?P<host>\S+)\s+"
    r"exited on\s+signal (?P<signal>\d+)"
)
_OPEN_MPI_EXIT = re.compile(r"Process name: \[[^\]]*?,(?P<rank>\d+)\]\s+Exit code:\s+(?P<code>\d+)")
_NO_IPYPARALLEL = re.compile(
    r"^(?:\S*python\S*: Error while finding module specification for .*|ModuleNotFoundError: )"
    r".*(?P<words>No module named '?(?:ipyparallel|pxengines)[\w.]*'?).*$",
    re.MULTILINE,
)
_MPI_WORDS = (
    (re.compile(r"^ModuleNotFoundError: (No module named '?mpi4py.*)$", re.MULTILINE), "mpi4py_missing"),
    (
        re.compile(r"^(?:RuntimeError|ImportError): (cannot load MPI library.*)$", re.MULTILINE),
        "mpi_library_missing",
    ),
)


_AFTER_THE_OTHER = frozenset({"controller_gone", "engines_gone"})
"""Reasons of a job that stopped because the other one of its cluster had."""

# MPICH under another MPI's launcher gives up in so many words.
_REFUSED = re.compile(r"Runtime environment uses unsupported PMI version")

LAUNCHERS: Mapping[str, str] = {"mpich": "MPICH", "openmpi": "Open MPI", "intel": "Intel MPI"}
"""The job's words for who made mpiexec, and people's."""


@dataclass(frozen=True)
class Death:
    """How one engine died, as mpiexec told; what it did not tell is None."""

    rank: int | None
    pid: int | None
    host: str | None
    status: int | None
    """As `os.waitstatus_to_exitcode`: negative = signal."""


@dataclass(frozen=True)
class Evidence:
    """All that is known when a job has ended.

    Attributes
    ----------
    events : what the job told, oldest first (``pxengines.launch.events``).
    logs : the end of each log, by source (``engines``, ``controller``, ``job``).
    engines : the engines last known.
    engines_requested : how many were asked for.
    registered_most : the most engines the controller ever counted in this run.
    python : the engines' Python, for the sentences.
    was_ready : whether the cluster was ready once.
    stop_asked : whether this server asked the job to end.
    """

    events: Sequence[Mapping[str, Any]]
    logs: Mapping[str, str]
    engines: Sequence[Engine]
    engines_requested: int
    registered_most: int
    python: str
    was_ready: bool
    stop_asked: bool


def since_last_start(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events of a job's last run: a requeued job tells its story again, in the same file."""
    starts = [i for i, event in enumerate(events) if event["event"] == "job_started"]
    return list(events[starts[-1] :]) if starts else list(events)


def why_ended(evidence: Evidence) -> Failure | None:
    """Return why a job that has ended did so; None if somebody asked it to."""
    if evidence.stop_asked:
        return None
    by_name = {str(event["event"]): event for event in evidence.events}
    if "cannot_start" in by_name:
        return _cannot_start(by_name["cannot_start"], evidence)
    reason = _reason(evidence.events)
    if reason == "asked":
        return None
    if reason == "engine_lost":
        return _engine_lost(by_name["engine_lost"], evidence)
    if reason == "engines_exited":
        vendor = str(by_name.get("engines_started", {}).get("mpi"))
        return _engines_exited(by_name["engines_exited"], evidence, LAUNCHERS.get(vendor, ""))
    if reason == "controller_exited":
        status = words_for_status(_as_int(by_name["controller_exited"].get("status")))
        log = evidence.logs.get("controller", "")
        missing = _missing_package(log, evidence.python)
        return missing or failure("controller_exited", {"status": status}, log)
    if "job_started" not in by_name:
        missing = _missing_package(evidence.logs.get("job", ""), evidence.python)
        detail = "the job did not start"
        return missing or failure("internal", {"detail": detail}, evidence.logs.get("job", ""))
    return failure("job_killed", log_tail=evidence.logs.get("job", ""))


def _reason(events: Sequence[Mapping[str, Any]]) -> str | None:
    """Return why the first job stopped that did not stop because the other had; None if none told."""
    reasons = [str(event.get("reason")) for event in events if event["event"] == "stopping"]
    return next((reason for reason in reasons if reason not in _AFTER_THE_OTHER), None)


def words_for_status(status: int | None) -> str:
    """Return an exit status in words: ``exit status 3``, ``signal 9 (SIGKILL)``; empty if not known."""
    if status is None:
        return ""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"signal {-status}"


def find_death(log: str) -> Death | None:
    """Return the first death of an engine in `log`, as mpiexec (MPICH's or Open MPI's) tells it."""
    match = _OPEN_MPI_SIGNAL.search(log)
    if match:
        # Open MPI may print PID 0 for a process it has reaped.
        pid = int(match["pid"]) or None
        return Death(int(match["rank"]), pid, match["host"], -int(match["signal"]))
    match = _HYDRA.search(log)
    if match:
        status: int | None = None
        if match["signal"]:
            status = -int(match["signal"])
        elif match["code"]:
            status = int(match["code"])
            told = _HYDRA_SIGNAL.search(log)
            if told and int(told[1]) == status:
                status = -status  # Hydra calls a signal's number an exit code
        rank = int(match["rank"]) if match["rank"] else None
        return Death(rank, int(match["pid"]), match["host"], status)
    match = _OPEN_MPI_EXIT.search(log)
    if match:
        return Death(int(match["rank"]), None, None, int(match["code"]))
    return None


def _cannot_start(event: Mapping[str, Any], evidence: Evidence) -> Failure:
    code, params = str(event.get("code")), event.get("params")
    given = {str(k): str(v) for k, v in params.items()} if isinstance(params, dict) else {}
    log = evidence.logs.get("job", "")
    if code not in PARAMETERS:
        return failure("internal", {"detail": " ".join([code, *given.values()])}, log)
    given.setdefault("command", given.get("mpiexec", ""))
    given.setdefault("detail", given.get("error", ""))
    given.setdefault("python", evidence.python)
    return failure(code, given, log)


def _engine_lost(event: Mapping[str, Any], evidence: Evidence) -> Failure:
    log = evidence.logs.get("engines", "")
    told = _told_by_engine(log, evidence.python) or _missing_package(log, evidence.python)
    if told is not None and not evidence.was_ready:
        return told
    status = _as_int(event.get("status"))
    if not evidence.was_ready and status is not None and status >= 0:
        return _ended(evidence, status, log)  # it gave up: the log says why
    params = {name: str(event.get(name, "")) for name in ("rank", "host", "pid")}
    return failure("engine_died", {**params, "status": words_for_status(status)}, log)


def _engines_exited(event: Mapping[str, Any], evidence: Evidence, launcher: str) -> Failure | None:
    status = _as_int(event.get("status"))
    log = evidence.logs.get("engines", "")
    told = _told_by_engine(log, evidence.python) or _missing_package(log, evidence.python)
    if told is not None and not evidence.was_ready:
        return told
    if _REFUSED.search(log) and not evidence.was_ready:
        engines = str(evidence.engines_requested)
        params = {"engines": engines, "sizes": "", "library": "MPICH", "launcher": launcher}
        return failure("mpi_world_split", params, log)
    if status in _ASKED:
        return None  # somebody ended mpiexec from outside, as `ipcluster stop` does
    if status == 0 and evidence.was_ready:
        return None  # all engines left in order, as `Client.shutdown` asks them to
    death = find_death(log)
    victim = _victim(evidence, death)
    if victim is not None:
        known = death is not None and _is(victim, death)
        params = {
            "rank": "" if victim.rank is None else str(victim.rank),
            "host": victim.host or "",
            "pid": "" if victim.pid is None else str(victim.pid),
            "status": words_for_status(death.status) if known and death else "",
        }
        return failure("engine_died", params, log)
    worst = death.status if death is not None and death.status is not None else status
    by_signal = _HYDRA_SIGNAL.search(log)
    if by_signal is not None and worst == int(by_signal[1]):
        worst = -worst  # Hydra hands on a signal's number as an exit status
    return _ended(evidence, worst, log)


def _ended(evidence: Evidence, status: int | None, log: str) -> Failure:
    return failure(
        "engines_exited",
        {
            "engines": str(evidence.engines_requested),
            "registered": str(evidence.registered_most),
            "status": words_for_status(status),
        },
        log,
    )


def _victim(evidence: Evidence, death: Death | None) -> Engine | None:
    """Return the engine whose death ended the others; None if that cannot be told."""
    if death is None or evidence.registered_most == 0:
        return None
    for engine in evidence.engines:
        if _is(engine, death):
            return engine
    # It died before it told about itself.
    return Engine(engine_id=-1, rank=death.rank, host=death.host, pid=death.pid, alive=False)


def _is(engine: Engine, death: Death) -> bool:
    if death.pid is not None and engine.pid is not None:
        return engine.pid == death.pid and _same(engine.host, death.host)
    return death.rank is not None and engine.rank == death.rank


def _same(host: str | None, other: str | None) -> bool:
    return host is None or other is None or host.split(".")[0] == other.split(".")[0]


def _told_by_engine(log: str, python: str) -> Failure | None:
    """Return what an engine of ours said before it gave up, if any did."""
    for line in log.splitlines():
        _, found, rest = line.partition(CANNOT_START)
        if not found:
            continue
        code, _, words = rest.strip().partition(" ")
        if code in _CODES:
            params = {"python": python, "detail": words.strip()}
            return failure(code, params, log)  # type: ignore[arg-type]  # it is one of _CODES
    return None


def _missing_package(log: str, python: str) -> Failure | None:
    match = _NO_IPYPARALLEL.search(log)
    if match:
        return failure("ipyparallel_missing", {"python": python, "detail": match["words"]}, log)
    for pattern, code in _MPI_WORDS:
        found = pattern.search(log)
        if found:
            params = {"python": python, "detail": found[1]}
            return failure(code, params, log)  # type: ignore[arg-type]  # one of the two above
    return None


def _as_int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
