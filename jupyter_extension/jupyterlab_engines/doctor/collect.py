"""Runs all examinations at once, each with its time limit; one that fails or hangs is told as such."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable

from .. import __version__
from ..scheduler.base import SchedulerError
from . import machine, own
from .batch import Findings, batch_system
from .known import private_things
from .mpi import mpi
from .redact import Private
from .report import Report, Section, redacted
from .settings import DoctorSettings
from .threads import in_thread

_LONG = 1.5
"""What starts ranks, or asks a scheduler that is slow several things, gets this much more time."""
_KNOWN_SECONDS = 10.0


async def examine(settings: DoctorSettings, secrets: Iterable[str] = ()) -> Report:
    """Return the report of all examinations, without secrets.

    Parameters
    ----------
    secrets : what must not be in it, beside all that is found in files and the environment.
    """
    loop = asyncio.get_running_loop()
    findings: asyncio.Future[Findings] = loop.create_future()
    known = loop.create_task(_private(tuple(secrets)))
    seconds = settings.seconds
    sections = await asyncio.gather(
        _section("Versions", machine.versions, settings, seconds),
        _section("This host", machine.addresses, settings, seconds),
        _section("Batch system", lambda s, t: batch_system(s, t, findings), settings, seconds * _LONG),
        _section("MPI", mpi, settings, seconds * _LONG),
        # These two wait for the batch system's findings, so they may take a little longer than it.
        _section("Profiles", lambda s, t: own.profiles(s, t, findings), settings, seconds * _LONG + 5.0),
        _section("Folders", machine.folders, settings, seconds),
        _section("Clusters", lambda s, t: own.clusters(s, t, findings), settings, seconds * _LONG + 5.0),
        _section("Audit", own.audit, settings, seconds),
        _section("Last warnings of the server", own.trouble, settings, seconds),
    )
    report = Report(version=__version__, made_at=time.time(), sections=list(sections))
    private, told = await known
    if told:
        report.sections[0].problem(told)
    return await in_thread(lambda: redacted(report, private))


async def _section(
    title: str,
    probe: Callable[[Section, DoctorSettings], Awaitable[None]],
    settings: DoctorSettings,
    seconds: float,
) -> Section:
    section = Section(title=title)
    began = time.monotonic()
    try:
        await asyncio.wait_for(probe(section, settings), seconds)
    except asyncio.TimeoutError:
        section.problem(f"This examination was given up after {seconds:g} s; what it had found is told.")
    except SchedulerError as error:
        words = f"Its words: {error.output[:1000]}" if error.output else ""
        section.problem(error.message, error.hint, words)
    except Exception as error:
        section.problem(f"This examination failed: {type(error).__name__}: {error}")
    section.seconds = round(time.monotonic() - began, 2)
    # A thread that was given up may still write into the section it has.
    return Section(
        title=title,
        facts={name: list(values) for name, values in section.facts.items()},
        problems=list(section.problems),
        seconds=section.seconds,
    )


async def _private(given: tuple[str, ...]) -> tuple[Private, str]:
    """Return what is private, and what to tell if not all of it could be found out."""
    environ = dict(os.environ)
    try:
        return await asyncio.wait_for(in_thread(lambda: private_things(environ, given)), _KNOWN_SECONDS), ""
    except asyncio.TimeoutError:
        told = "The files with keys could not be read in time: look at this report before you pass it on."
    names = tuple(filter(None, (environ.get("USER"), environ.get("LOGNAME"))))
    values = tuple(value for name, value in environ.items() if name.endswith(("TOKEN", "PASSWORD", "SECRET")))
    return Private((*given, *values), names, tuple(filter(None, [environ.get("HOME")]))), told
