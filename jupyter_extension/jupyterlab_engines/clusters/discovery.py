"""What lies on disk: clusters that terminals started, and runs of this and other servers.

Reads folders and process tables: call it in a thread. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pxengines.launch.paths import RUN_ID_VARIABLE, RunPaths, profile_names, profile_path, split_key

from .processes import controller_pid, read_cluster_file
from .store import run_folders

_PROGRAMS = ("ipyparallel", "ipcontroller", "ipengine", "ipcluster", "mpiexec", "mpirun", "prterun", "srun")


@dataclass(frozen=True)
class TerminalSighting:
    """A cluster that ``ipcluster`` started, as its cluster file tells.

    Attributes
    ----------
    paths : its files.
    created_at : when the cluster file was last written, epoch seconds.
    engines : how many were asked for; None if not recorded.
    controller_pid : None if a batch system runs it.
    engine_pids : of what started the engines; empty if a batch system did.
    logs : files of the controller's and the engines' output, if recorded.
    """

    paths: RunPaths
    created_at: float
    engines: int | None
    controller_pid: int | None
    engine_pids: tuple[int, ...]
    logs: dict[str, Path]


@dataclass(frozen=True)
class Sightings:
    """All that one look at the disk found, by key: live clusters of terminals, and run directories."""

    terminals: dict[str, TerminalSighting]
    runs: dict[str, RunPaths]


def look() -> Sightings:
    """Look at all profiles."""
    runs = {paths.key: paths for paths in run_folders()}
    terminals = {paths.key: seen for paths in _cluster_files() if (seen := sight_terminal(paths)) is not None}
    return Sightings(terminals=terminals, runs=runs)


def sight_terminal(paths: RunPaths) -> TerminalSighting | None:
    """Return the cluster that the cluster file in `paths` tells of; None if it is ours, or ended."""
    content = read_cluster_file(paths.cluster_file)
    if content is None:
        return None
    try:
        written_at = paths.cluster_file.stat().st_mtime
    except OSError:
        return None
    pid = controller_pid(content)
    if pid is None and not paths.connection_file("client").exists():
        return None
    if pid is not None:
        process = identify(pid, written_at)
        if process is None or _is_ours(process):
            return None
    count, pids, log = _engines_of(content)
    logs = {"controller": _log_of(content.get("controller")), "engines": log}
    return TerminalSighting(
        paths=paths,
        created_at=written_at,
        engines=count,
        controller_pid=pid,
        engine_pids=pids,
        logs={name: path for name, path in logs.items() if path is not None},
    )


def identify(pid: int, written_at: float) -> psutil.Process | None:
    """Return process `pid` if a cluster file written at `written_at` meant it; None if it is a later one."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.create_time() > written_at + 1.0:
            return None
        words = " ".join(process.cmdline())
    except psutil.Error:
        return None
    return process if any(program in words for program in _PROGRAMS) else None


def _is_ours(process: psutil.Process) -> bool:
    try:
        return RUN_ID_VARIABLE in process.environ()
    except psutil.Error:
        return False


def _cluster_files() -> Iterator[RunPaths]:
    for name in profile_names():
        folder = profile_path(name) / "security"
        for file in sorted(folder.glob("cluster-*.json")):
            paths = RunPaths(profile_path(name), file.name.removeprefix("cluster-").removesuffix(".json"))
            try:
                split_key(paths.key)
            except ValueError:
                continue
            yield paths


def _engines_of(content: dict[str, Any]) -> tuple[int | None, tuple[int, ...], Path | None]:
    """Return how many engines a cluster file tells of, the processes that hold them, and their log."""
    engines = content.get("engines")
    sets = engines.get("sets") if isinstance(engines, dict) else None
    count, pids, log = 0, [], None
    for engine_set in sets.values() if isinstance(sets, dict) else ():
        if not isinstance(engine_set, dict):
            continue
        size = engine_set.get("n")
        count += size if isinstance(size, int) else 0
        members = engine_set.get("engines")
        for state in [engine_set, *(members.values() if isinstance(members, dict) else ())]:
            pid = state.get("pid") if isinstance(state, dict) else None
            if isinstance(pid, int) and pid > 0:
                pids.append(pid)
            log = log or _log_of({"state": state})
    asked = content["cluster"].get("n")
    return (asked if isinstance(asked, int) else count) or None, tuple(pids), log


def _log_of(launcher: object) -> Path | None:
    state = launcher.get("state") if isinstance(launcher, dict) else None
    file = state.get("output_file") if isinstance(state, dict) else None
    return Path(file) if isinstance(file, str) and file else None
