"""Which clusters there are, as their files tell: run directories and ipyparallel's cluster files.

A file may be older than the truth. What can be seen from here is checked (is the job's lock held? does
the controller's process live?); what cannot is called unknown, never gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .launch.events import events_of_run, read_events
from .launch.paths import RUNS_FOLDER, Role, RunPaths, profile_names, profile_path, split_key

State = Literal[
    "submitting",
    "queued",
    "starting",
    "ready",
    "degraded",
    "stopping",
    "stopped",
    "failed",
    "gone",
    "unknown",
]
"""The states of the wire contract, and two that only an onlooker needs: ``gone`` (a file says it runs,
but it does not) and ``unknown`` (that cannot be told from here)."""

ENDED: tuple[State, ...] = ("stopped", "failed", "gone")
WAITING: tuple[State, ...] = ("submitting", "queued", "starting")
_WRITING_SECONDS = 60.0
_CLAIM_SECONDS = 90.0
"""How old the sign of life of the server that looks after a batch cluster may be."""
_WITH_ENGINES: tuple[Role, ...] = ("cluster", "engines")
_ON_THE_WIRE: tuple[State, ...] = (*WAITING, "ready", "degraded", "stopping", "stopped", "failed")


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One cluster, as seen from here.

    Attributes
    ----------
    paths : where its files lie; names it.
    origin : ``panel``: has a record; ``terminal``: found by ipyparallel's own files.
    state : what is known to be true, not only what a file says.
    since : when it entered that state, epoch seconds; None if not known.
    run_id : unique for each start; empty for a cluster of a terminal.
    hosts : where its engines run, or else its controller; may be empty.
    engines_requested, engines_registered : None if not known.
    world : what the record says of the MPI world, as in the wire contract's ``MpiWorld``, or None.
    reason, next_step : why it is not usable and what to do, in words; may be empty.
    followed : whether somebody keeps the record up to date. If not, ask its hub.
    """

    paths: RunPaths
    origin: Literal["panel", "terminal"]
    state: State
    since: float | None
    run_id: str = ""
    hosts: tuple[str, ...] = ()
    engines_requested: int | None = None
    engines_registered: int | None = None
    world: dict[str, Any] | None = None
    reason: str = ""
    next_step: str = ""
    followed: bool = False

    @property
    def key(self) -> str:
        """The cluster's key."""
        return self.paths.key


def sightings() -> list[Sighting]:
    """Return all clusters of all profiles, sorted by key."""
    folders = [profile_path(name) for name in profile_names()]
    found = [look(RunPaths(folder, i)) for folder in folders for i in _cluster_ids(folder)]
    return sorted((s for s in found if s is not None), key=lambda s: s.key)


def look(paths: RunPaths) -> Sighting | None:
    """Return what the files of one cluster tell; None if there are none."""
    recorded = _from_record(paths)
    if recorded is not None and recorded.state not in ENDED:
        return recorded
    found = _from_cluster_file(paths) or _from_connection_file(paths)
    if recorded is not None and (found is None or found.state == "gone"):
        return recorded
    return found


def _cluster_ids(profile_dir: Path) -> list[str]:
    ids: set[str] = set()
    try:
        runs = os.scandir(profile_dir / RUNS_FOLDER)
        ids.update(RunPaths.of_run_dir(Path(entry.path)).cluster_id for entry in runs)
    except OSError:
        pass  # no cluster of the panel yet
    security = RunPaths(profile_dir, "").security_dir
    for path in security.glob("cluster-*.json"):
        ids.add(path.name.removeprefix("cluster-").removesuffix(".json"))
    for path in security.glob("ipcontroller*-client.json"):
        ids.add(path.name.removeprefix("ipcontroller").removesuffix("-client.json").removeprefix("-"))
    return [i for i in ids if _is_key(RunPaths(profile_dir, i).key)]


def _is_key(key: str) -> bool:
    try:
        split_key(key)
    except ValueError:
        return False
    return True


def _from_record(paths: RunPaths) -> Sighting | None:
    record = read_json(paths.record)
    cluster = record.get("cluster")
    if not isinstance(cluster, dict) or cluster.get("state") not in _ON_THE_WIRE:
        return None
    state: State = cluster["state"]
    owner = record.get("owner") or {}
    elsewhere = owner.get("host") != socket.gethostname()
    batch = isinstance(cluster.get("batch"), dict)
    followed = elsewhere or _process_lives(owner.get("pid"), owner.get("started"))
    if batch and elsewhere:
        followed = _claimed(paths)
    failure = cluster.get("failure") or {}
    reason, next_step = str(failure.get("message", "")), str(failure.get("next_step", ""))
    if state not in ENDED and state != "stopping" and batch:
        state, reason = _of_batch(paths, state, str(cluster.get("run_id", "")), followed)
        next_step = "Start it again in the Engines panel." if state == "gone" else ""
    elif state not in ENDED and state != "stopping":
        alive = _job_lives(paths, elsewhere)
        if alive is False:
            state, reason = "gone", "its job has ended, and nobody noted why."
        elif alive is None and not followed:
            state, reason = "gone", "the Jupyter server that was starting it has ended."
        elif alive is None and state not in WAITING:
            state = "unknown"
        if state == "gone":
            next_step = "Start it again in the Engines panel."
    hosts = {str(engine["host"]) for engine in cluster.get("engines") or [] if engine.get("host")}
    if not hosts and owner.get("host"):
        hosts = {str(owner["host"])}
    return Sighting(
        paths=paths,
        origin=cluster.get("origin", "panel"),
        state=state,
        since=None if state == "gone" else cluster.get("state_since"),
        run_id=str(cluster.get("run_id", "")),
        hosts=tuple(sorted(hosts)),
        engines_requested=cluster.get("engines_requested"),
        engines_registered=cluster.get("engines_registered"),
        world=cluster.get("mpi"),
        reason=reason,
        next_step=next_step,
        followed=followed,
    )


def _of_batch(paths: RunPaths, state: State, run_id: str, followed: bool) -> tuple[State, str]:
    """Return the state of a batch cluster and why, given what its record says and whether it is kept true.

    Its jobs outlive a Jupyter server, in the queue too, and run where neither a lock nor a process can be
    seen from here: gone is only one whose engines' job has said that it ended. Such a job may be in the
    queue again; a server that follows it knows.
    """
    if followed and state in ("submitting", "queued"):
        return state, ""
    for role in _WITH_ENGINES:
        if any(event["event"] == "job_ended" for event in events_of_run(paths.events_of(role), run_id)):
            return "gone", "its job has ended."
    if followed or state in WAITING:
        return state, ""
    return "unknown", ""


def _claimed(paths: RunPaths) -> bool:
    """Tell whether a server on another host looks after a batch cluster: it touches a file now and then."""
    touched = _modified_at(paths.claim)
    return touched is not None and time.time() - touched < _CLAIM_SECONDS


def _job_lives(paths: RunPaths, elsewhere: bool) -> bool | None:
    """Tell whether the job of a run lives: its lock is held as long as it does; None: not known."""
    # A lock that is tried is held for a moment, and a job that starts at this moment would find it
    # taken. So it is tried only when this run's job has said that it had it.
    if not any(event["event"] == "job_started" for event in read_events(paths.events)):
        return None
    try:
        handle = open(paths.lock, "rb")
    except FileNotFoundError:
        return False
    except OSError:
        return None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return None  # a file system without locks
    # Some network file systems keep locks to one host.
    return None if elsewhere else False


def _from_cluster_file(paths: RunPaths) -> Sighting | None:
    written_at = _modified_at(paths.cluster_file)
    if written_at is None:
        return None
    content = read_json(paths.cluster_file)
    if not content:
        # ipcluster empties the file and then works out what to write into it.
        being_written = time.time() - written_at < _WRITING_SECONDS
        return (
            Sighting(paths=paths, origin="terminal", state="starting", since=written_at)
            if being_written
            else None
        )
    controller = (content.get("controller") or {}).get("state") or {}
    sets = (content.get("engines") or {}).get("sets") or {}
    counts = [int(s["n"]) for s in sets.values() if isinstance(s, dict) and isinstance(s.get("n"), int)]
    requested = sum(counts) if counts else (content.get("cluster") or {}).get("n")
    host, here = _controller_host(paths)
    state: State = "unknown"
    reason = next_step = ""
    if here and not _process_lives(controller.get("pid"), None):
        state, reason = "gone", "its controller has ended."
        next_step = f"Remove its files with: ipcluster stop --profile={paths.profile}"
        if paths.cluster_id:
            next_step += f" --cluster-id={paths.cluster_id}"
    elif not paths.connection_file("client").exists():
        state = "starting"
    return Sighting(
        paths=paths,
        origin="terminal",
        state=state,
        since=None if state == "gone" else written_at,
        hosts=(host,) if host else (),
        engines_requested=requested,
        reason=reason,
        next_step=next_step,
    )


def _from_connection_file(paths: RunPaths) -> Sighting | None:
    """Return a controller that was started without ipcluster; or what one has left behind."""
    if not paths.connection_file("client").exists():
        return None
    host, _ = _controller_host(paths)
    return Sighting(
        paths=paths,
        origin="terminal",
        state="unknown",
        since=_modified_at(paths.connection_file("client")),
        hosts=(host,) if host else (),
    )


def _controller_host(paths: RunPaths) -> tuple[str, bool]:
    """Return the controller's host, empty if not known, and whether it is known to be this one."""
    location = str(read_json(paths.connection_file("client")).get("location") or "")
    return location, location in ("", "localhost", socket.gethostname())


def _process_lives(pid: Any, started: float | None) -> bool:
    """Tell whether the process, started at `started` (epoch seconds; None: any time), lives on this host."""
    import psutil

    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        process = psutil.Process(pid)
        same = started is None or abs(process.create_time() - started) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _modified_at(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in `path`; empty if it is missing, half written or no object."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
