"""Which batch system this machine has, by what its commands say of themselves."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
from collections.abc import Mapping

from .answer import text
from .base import Command, Completed, Dialect, NoAnswer, Scheduler
from .client import DEFAULT_LIMITS, BatchScheduler, TimeLimits
from .openpbs import OpenPbs
from .process import query_environment, run
from .slurm_torque import SlurmTorque
from .torque import Torque

_SECONDS = 15.0
"""Time for a command that only tells its version; the server is not asked for it."""
_SERVER_SECONDS = 10.0
"""Time for the server to tell its name; Torque waits 28 s for a host that is not there."""
_ASKED = ("qstat", "qsub")
_SERVER = re.compile(r"^Server: *(\S+)", re.MULTILINE)
_VERSIONS: tuple[tuple[re.Pattern[str], type[Dialect]], ...] = (
    (re.compile(r"^pbs_version *= *(\S+)", re.MULTILINE), OpenPbs),
    (re.compile(r"^version: *(\S+)", re.MULTILINE | re.IGNORECASE), Torque),
)
_SLURM_USAGE = re.compile(
    r"Unknown option: version\b.*^ *(?:qstat \[-f\]|qsub \[-a)", re.DOTALL | re.MULTILINE
)
_SLURM_VERSION = re.compile(r"^slurm\S* +(\S+)", re.MULTILINE)


async def detect(environ: Mapping[str, str], limits: TimeLimits = DEFAULT_LIMITS) -> Scheduler | None:
    """Return the batch system whose commands are on the PATH of `environ`; None: there is none.

    One whose server is down is found as well: its commands tell their version all the same.

    Raises
    ------
    NoAnswer : there are commands, but they do not say what they are (killed after a time limit).
    """
    commands = query_environment(environ)
    dialect = await _dialect(commands)
    if dialect is None:
        return None
    return BatchScheduler(dialect, environ, await asyncio.to_thread(_user), limits)


async def _dialect(environ: Mapping[str, str]) -> Dialect | None:
    silent: list[Completed] = []
    for program in _ASKED:
        done = await run(Command((program, "--version"), _SECONDS), environ)
        if done.missing:
            return None
        if done.status is None:
            silent.append(done)
            continue
        said = f"{text(done.stdout)}\n{text(done.stderr)}"
        for pattern, dialect in _VERSIONS:
            found = pattern.search(said)
            if found is not None:
                return dialect(found[1], await _server(environ))
        if _SLURM_USAGE.search(said):
            return SlurmTorque(await _slurm_version(environ), os.uname().nodename)
    if silent:
        raise NoAnswer(
            f"{silent[0].argv[0]} is there, but did not tell its version within {_SECONDS:g} s.",
            "The batch system is looked for again.",
        )
    return None


async def _server(environ: Mapping[str, str]) -> str:
    """Return the server's name; if it does not answer, the one that the user's environment names."""
    done = await run(Command(("qstat", "-B", "-f"), _SERVER_SECONDS), environ)
    found = _SERVER.search(text(done.stdout)) if done.status == 0 else None
    if found is not None:
        return found[1]
    return environ.get("PBS_SERVER") or environ.get("PBS_DEFAULT") or ""


async def _slurm_version(environ: Mapping[str, str]) -> str:
    done = await run(Command(("sinfo", "--version"), _SECONDS), environ)
    found = _SLURM_VERSION.search(text(done.stdout))
    return found[1] if found is not None else ""


def _user() -> str:
    """Return the name of the user this server runs as, as the batch system knows it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container without an entry for it
        return str(os.getuid())
