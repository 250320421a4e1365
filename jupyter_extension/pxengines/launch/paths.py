"""Where the files of one run of a cluster lie (ARCHITECTURE.md, contract 2)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

PROFILE_PREFIX = "profile_"
RUNS_FOLDER = "pxengines"
DEFAULT_RUN = "default"
RUN_ID_VARIABLE = "PXENGINES_RUN_ID"
"""Environment variable that every process of a run carries. Not a secret."""

Role = Literal["cluster", "controller", "engines"]
"""What a job runs: controller and engines, or one of them. The wire contract's JobRole."""
ROLES: tuple[Role, ...] = get_args(Role)

# A profile name becomes a folder name and part of a URL; ipyparallel itself would
# take anything. Spaces and non-ASCII letters are fine, separators and control characters are not.
_PROFILE_NAME = re.compile(r"[^\W][\w .+@-]{0,63}")
_CLUSTER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def valid_profile_name(name: str) -> bool:
    """Tell whether `name` can name a profile: one path component, no control characters."""
    return _PROFILE_NAME.fullmatch(name) is not None and ".." not in name and not name.endswith(" ")


def ipython_dir() -> Path:
    """Return IPython's folder, ``$IPYTHONDIR`` or ``~/.ipython``; it need not exist."""
    configured = os.environ.get("IPYTHONDIR")
    return Path(configured).expanduser() if configured else Path.home() / ".ipython"


def profile_path(name: str) -> Path:
    """Return the folder of the profile `name`; it need not exist.

    Raises
    ------
    ValueError
        If `name` could leave IPython's folder or is no name.
    """
    if not valid_profile_name(name):
        raise ValueError(f"{name!r} cannot be the name of a profile")
    return ipython_dir() / f"{PROFILE_PREFIX}{name}"


def profile_names() -> list[str]:
    """Return the names of the profiles that exist, sorted; none if IPython's folder is missing."""
    try:
        entries = list(os.scandir(ipython_dir()))
    except OSError:
        return []
    names = (e.name.removeprefix(PROFILE_PREFIX) for e in entries if e.name.startswith(PROFILE_PREFIX))
    return sorted(n for n in names if valid_profile_name(n) and profile_path(n).is_dir())


def cluster_key(profile: str, cluster_id: str) -> str:
    """Return the name people use for a cluster: ``PROFILE`` or ``PROFILE:CLUSTER_ID``."""
    return f"{profile}:{cluster_id}" if cluster_id else profile


def split_key(key: str) -> tuple[str, str]:
    """Return (profile, cluster_id) of a cluster's key.

    Raises
    ------
    ValueError
        If either part could not be a name.
    """
    profile, separator, cluster_id = key.partition(":")
    if not valid_profile_name(profile) or (separator and not _CLUSTER_ID.fullmatch(cluster_id)):
        raise ValueError(f"{key!r} cannot be the name of a cluster")
    return profile, cluster_id


@dataclass(frozen=True)
class RunPaths:
    """The files of one cluster of one profile."""

    profile_dir: Path
    cluster_id: str

    @classmethod
    def of_key(cls, key: str) -> RunPaths:
        """Return the paths of the cluster that `key` names."""
        profile, cluster_id = split_key(key)
        return cls(profile_path(profile), cluster_id)

    @classmethod
    def of_run_dir(cls, run_dir: Path) -> RunPaths:
        """Return the paths of the cluster whose run directory is `run_dir`."""
        cluster_id = "" if run_dir.name == DEFAULT_RUN else run_dir.name
        return cls(run_dir.parent.parent, cluster_id)

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self.profile_dir.name.removeprefix(PROFILE_PREFIX)

    @property
    def key(self) -> str:
        """The cluster's key."""
        return cluster_key(self.profile, self.cluster_id)

    @property
    def run_dir(self) -> Path:
        """The run directory."""
        return self.profile_dir / RUNS_FOLDER / (self.cluster_id or DEFAULT_RUN)

    @property
    def record(self) -> Path:
        """The server's journal of this run."""
        return self.run_dir / "record.json"

    @property
    def spec(self) -> Path:
        """What the job was asked to start."""
        return self.run_dir / "spec.json"

    @property
    def lock(self) -> Path:
        """Locked for as long as the job lives that runs both controller and engines."""
        return self.lock_of("cluster")

    @property
    def stop_request(self) -> Path:
        """Made by a terminal that stops a run which a Jupyter server looks after: its end was asked for."""
        return self.run_dir / "stop-asked"

    @property
    def restart_request(self) -> Path:
        """Made by a server: the job is to end all engines and start them anew. It holds the run's id."""
        return self.run_dir / "restart-asked"

    @property
    def claim(self) -> Path:
        """Touched by the server that looks after this run, if a batch system runs it."""
        return self.run_dir / "claim"

    @property
    def events(self) -> Path:
        """What the job of both controller and engines did, a JSON object a line."""
        return self.events_of("cluster")

    def lock_of(self, role: Role) -> Path:
        """Return the file that is locked for as long as the job of `role` lives."""
        return self.run_dir / ("lock" if role == "cluster" else f"lock-{role}")

    def events_of(self, role: Role) -> Path:
        """Return the file in which the job of `role` tells what it does."""
        return self.run_dir / ("events.jsonl" if role == "cluster" else f"events-{role}.jsonl")

    def job_log(self, role: Role) -> Path:
        """Return the log of the job of `role` itself: what its script and `pxengines.job` print."""
        return self.log("job" if role == "cluster" else f"job-{role}")

    def log(self, source: str) -> Path:
        """Return the log of ``engines``, ``controller``, ``job``, ``job-controller`` or ``job-engines``."""
        return self.run_dir / f"{source}.log"

    @property
    def security_dir(self) -> Path:
        """Where ipyparallel keeps connection files."""
        return self.profile_dir / "security"

    def connection_file(self, kind: str) -> Path:
        """Return ipyparallel's connection file for ``client`` or ``engine``."""
        prefix = f"ipcontroller-{self.cluster_id}" if self.cluster_id else "ipcontroller"
        return self.security_dir / f"{prefix}-{kind}.json"

    @property
    def cluster_file(self) -> Path:
        """ipyparallel's cluster file: what ``ipcluster list`` and ``ipcluster stop`` read."""
        return self.security_dir / f"cluster-{self.cluster_id}.json"
