"""Examination of the batch system: which one, whether it answers, its queues and nodes."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from ..api.jobs import Job, NodeShape, Queue, SchedulerInfo, SchedulerStatus
from ..api.names import JobId
from ..clusters.store import user_name
from ..jobs.status import no_scheduler
from ..profiles.text import duration, memory
from ..scheduler.base import Dialect, Scheduler, SchedulerError
from ..scheduler.detect import detect
from .report import Section
from .settings import DoctorSettings
from .threads import in_thread

T = TypeVar("T")
_COMMANDS = ("qsub", "qstat", "qdel", "qhold", "qrls", "qalter", "pbsnodes")


@dataclass(frozen=True)
class Findings:
    """What other examinations need of this one; None: not known.

    Attributes
    ----------
    found : whether there is a batch system.
    rules : what scripts for it look like.
    info : its queues and nodes.
    jobs : this user's jobs.
    """

    found: bool = False
    rules: Dialect | None = None
    info: SchedulerInfo | None = None
    jobs: Mapping[JobId, Job] | None = None


async def batch_system(
    section: Section, settings: DoctorSettings, findings: asyncio.Future[Findings]
) -> None:
    """Examine the batch system; `findings` gets a result in any case."""
    known = Findings()
    try:
        if not settings.use_scheduler:
            section.fact("found", "not looked for: EnginesApp.use_scheduler is false")
            return
        scheduler = await _found(section, settings)
        if scheduler is None:
            return
        known = Findings(found=True, rules=scheduler.rules)
        seconds = settings.seconds / 4
        jobs = await _asked(section, "this user's jobs", scheduler.jobs(), seconds)
        if jobs is not None:
            states = Counter(job.state for job in jobs.values())
            section.fact("this user's jobs", ", ".join(f"{n} {s}" for s, n in states.items()) or "none")
            known = Findings(found=True, rules=scheduler.rules, jobs=jobs)
        queues = await _asked(section, "queues", scheduler.queues(), seconds)
        nodes = await _asked(section, "nodes", scheduler.nodes(), seconds)
        if queues is not None:
            section.fact("queues", *map(_queue, queues))
        if nodes is not None:
            section.fact("nodes", *map(_shape, nodes))
        if queues is not None and nodes is not None:
            status = settings.status or _status_of(scheduler)
            info = SchedulerInfo(status=status, queues=queues, nodes=nodes)
            known = Findings(found=True, rules=scheduler.rules, info=info, jobs=jobs)
    finally:
        if not findings.done():
            findings.set_result(known)


async def _found(section: Section, settings: DoctorSettings) -> Scheduler | None:
    where = await in_thread(lambda: {name: shutil.which(name) for name in _COMMANDS})
    section.fact("commands", ", ".join(path for path in where.values() if path) or "none in PATH")
    missing = [name for name, path in where.items() if path is None]
    if missing and len(missing) < len(where):
        section.fact("commands not in PATH", ", ".join(missing))
    if settings.status is not None:
        section.fact("as this server sees it", _status(settings.status))
        if not settings.status.answering and settings.status.problem:
            section.problem(f"This server has no answer from it: {settings.status.problem}")
    began = time.monotonic()
    scheduler = settings.scheduler or await detect(os.environ)
    if scheduler is None:
        section.fact("found", "none: profiles for a batch system cannot be started from this machine")
        return None
    section.fact("found", f"{scheduler.dialect} {scheduler.version}".strip())
    section.fact("server", scheduler.server or "it does not tell its name")
    section.fact("can", ", ".join(sorted(scheduler.actions)))
    if settings.scheduler is None:
        section.fact("time to find it", f"{time.monotonic() - began:.2f} s")
    return scheduler


async def _asked(section: Section, what: str, work: Coroutine[Any, Any, T], seconds: float) -> T | None:
    """Return the answer; None if there is none, which is told."""
    began = time.monotonic()
    try:
        answer = await asyncio.wait_for(work, seconds)
    except asyncio.TimeoutError:
        section.problem(f"It did not tell {what} within {seconds:g} s. It may be down or busy.")
        return None
    except SchedulerError as error:
        section.problem(f"It did not tell {what}: {error.message}", error.hint, _quoted(error.output))
        return None
    section.fact("time to answer", f"{what} {time.monotonic() - began:.2f} s")
    return answer


def _quoted(output: str) -> str:
    return f"Its words: {output[:1000]}" if output.strip() else ""


def _status_of(scheduler: Scheduler) -> SchedulerStatus:
    return msgspec.structs.replace(
        no_scheduler(user_name(), time.time()),
        dialect=scheduler.dialect,
        version=scheduler.version,
        server=scheduler.server,
    )


def _status(status: SchedulerStatus) -> str:
    said = "answers" if status.answering else "does not answer"
    read = "never read" if status.read_at is None else f"read {_ago(status.read_at)}"
    return f"{status.dialect or 'no batch system'}, {said} since {_ago(status.since)}, its jobs {read}"


def _ago(when: float) -> str:
    return f"{duration(max(0, int(time.time() - when)))} ago"


def _queue(queue: Queue) -> str:
    limits = [
        f"walltime ≤ {duration(queue.max_walltime_seconds)}" if queue.max_walltime_seconds else "",
        f"default {duration(queue.default_walltime_seconds)}" if queue.default_walltime_seconds else "",
        f"nodes ≤ {queue.max_nodes}" if queue.max_nodes else "",
        f"cores ≤ {queue.max_cores}" if queue.max_cores else "",
        "" if queue.enabled else "takes no jobs",
        "" if queue.started else "runs no jobs",
    ]
    told = ", ".join(limit for limit in limits if limit) or "no limits known"
    return f"{queue.name}{' (default)' if queue.is_default else ''}: {told}"


def _shape(shape: NodeShape) -> str:
    size = "" if shape.memory_bytes is None else f", {memory(shape.memory_bytes)}"
    return f"{shape.count} nodes of {shape.cores} cores{size}, {shape.up} up"
