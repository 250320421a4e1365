"""Examinations of what is ours: profiles, clusters, the audit file, the server's last warnings."""

from __future__ import annotations

import asyncio
import json
import time

from pxengines.launch.files import read_tail

from ..api.models import Cluster, Profile
from ..clusters.discovery import look
from ..clusters.state import LIVE
from ..clusters.store import RunRecord, read_record
from ..jobs.service import TAG
from ..profiles.catalogue import Entry, describe, entries
from ..profiles.text import duration
from ..profiles.validate import problems
from .batch import Findings
from .report import Section
from .settings import DoctorSettings
from .threads import in_thread

_AUDIT_LINES = 10
_TROUBLE_LINES = 12


async def profiles(section: Section, settings: DoctorSettings, findings: asyncio.Future[Findings]) -> None:
    """Tell the profiles and what is wrong with each."""
    found = await in_thread(lambda: entries(settings.site_dirs))
    section.fact("count", len(found))
    batch = None
    if any(entry.kind != "local" for entry in found):
        batch = await asyncio.shield(findings)
    for entry in found:
        # What is wrong because there is no batch system is told once, by its own section.
        profile = describe(entry, settings.limits, scheduler=True)
        section.fact(f"profile {entry.name}", *_profile(profile))
        if profile.problem is not None and entry.origin != "site":
            section.problem(f"Profile {entry.name} cannot be started: {profile.problem}")
        elif entry.problem is not None:
            section.problem(f"The site's profile {entry.name} cannot be used: {entry.problem}")
        for words in _wrong(entry, settings, batch):
            section.problem(f"Profile {entry.name}: {words}")
    unchecked = batch is not None and batch.info is None and any(entry.settings for entry in found)
    if unchecked:
        section.fact("limits of the queues", "not compared: the batch system did not tell them")


def _profile(profile: Profile) -> list[str]:
    placed = f", {profile.placement}" if profile.placement else ""
    lines = [f"{profile.origin}, {profile.kind}{placed}. {profile.summary}"]
    if profile.locked:
        lines.append(f"fixed by the site: {', '.join(profile.locked)}")
    return lines + [f"note: {note}" for note in profile.notes]


def _wrong(entry: Entry, settings: DoctorSettings, batch: Findings | None) -> list[str]:
    if entry.settings is None or entry.resources is None or entry.engines is None or batch is None:
        return []
    found = problems(
        entry.settings, entry.engines, entry.resources, batch.info, entry.limits(settings.limits)
    )
    return [f"{p.severity} in {p.field}: {p.message}" if p.field else p.message for p in found]


async def clusters(section: Section, settings: DoctorSettings, findings: asyncio.Future[Findings]) -> None:
    """Tell the clusters that left a record, those of terminals, and jobs of ours that no cluster knows."""
    seen = await in_thread(look)
    records: list[RunRecord] = []
    for key, paths in seen.runs.items():
        record = await in_thread(lambda path=paths.record: read_record(path))  # type: ignore[misc]
        if record is None:
            section.fact(f"cluster {key}", "its record is missing or cannot be read")
            section.problem(f"The record of cluster {key} is missing or cannot be read: {paths.record}")
            continue
        records.append(record)
        section.fact(f"cluster {key}", *_cluster(record.cluster))
        if record.cluster.state == "failed" and record.cluster.failure is not None:
            failure = record.cluster.failure
            section.problem(f"Cluster {key} failed: {failure.message}", failure.next_step)
    ours = {record.cluster.key for record in records if record.cluster.state in LIVE}
    for key, terminal in seen.terminals.items():
        if key in ours:
            continue  # our batch jobs write ipyparallel's cluster file, too
        section.fact(f"cluster {key}", f"of a terminal, {terminal.engines or 'unknown'} engines asked for")
    if not section.facts:
        section.fact("clusters", "none")
    jobs = (await asyncio.shield(findings)).jobs
    if jobs is None:
        section.fact("orphaned jobs", "not known: there is no batch system, or it did not tell its jobs")
        return
    live = {
        job.name
        for r in records
        if r.cluster.state in LIVE
        for job in (r.cluster.batch.jobs if r.cluster.batch else ())
    }
    orphans = [
        f"{job.job_id} {job.name} {job.state}"
        for job in jobs.values()
        if TAG.fullmatch(job.name) and job.state != "finished" and job.name not in live
    ]
    section.fact("orphaned jobs", *(orphans or ["none"]))
    if orphans:
        section.problem(
            f"{len(orphans)} of this user's jobs look like ours, and no cluster here knows them.",
            "If no other machine uses them, delete them in the job table.",
        )


def _cluster(cluster: Cluster) -> list[str]:
    age = duration(max(0, int(time.time() - cluster.state_since)))
    engines = f"{cluster.engines_registered} of {cluster.engines_requested} engines"
    origin = "a terminal" if cluster.origin == "terminal" else "the panel"
    lines = [f"{cluster.state} for {age}, {engines}, run {cluster.run_id[:8]}, started in {origin}"]
    lines.append("history: " + " → ".join(entered.state for entered in cluster.history))
    if cluster.batch is not None:
        for job in cluster.batch.jobs:
            ended = "" if job.outcome is None else f", {job.outcome.code} ({job.outcome.exit_status})"
            lines.append(
                f"job {job.job_id or 'without an id yet'}: {job.role}, {job.state or 'not asked'}{ended}"
            )
        if cluster.batch.reason:
            lines.append(f"reason: {cluster.batch.reason}")
        if cluster.batch.unknown_why:
            lines.append(f"the scheduler did not answer: {cluster.batch.unknown_why}")
    if cluster.failure is not None:
        lines.append(f"failure {cluster.failure.code}: {cluster.failure.message}")
        lines += [f"log: {line}" for line in cluster.failure.log_tail.splitlines()[-4:]]
    return lines


async def audit(section: Section, settings: DoctorSettings) -> None:
    """Tell the last changes of jobs that were asked for here."""
    section.fact("file", settings.audit_file)
    lines, _ = await in_thread(lambda: read_tail(settings.audit_file, _AUDIT_LINES))
    section.fact("last lines", *map(_audited, lines.splitlines()))


def _audited(line: str) -> str:
    """Return a line of the audit file in words, without who asked."""
    try:
        said = json.loads(line)
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(said["at"]))
        words = [
            when,
            said["action"],
            said.get("job_id"),
            said.get("name"),
            said["outcome"],
            said.get("detail"),
        ]
    except (ValueError, KeyError, TypeError, OverflowError):
        return f"cannot be read: {line[:100]}"
    return " ".join(str(word) for word in words if word)


async def trouble(section: Section, settings: DoctorSettings) -> None:
    """Tell the server's last warnings."""
    if settings.trouble is None:
        section.fact("warnings", "not known: no Jupyter server was asked; the panel's Doctor tells them")
        return
    section.fact("warnings", *(settings.trouble[-_TROUBLE_LINES:] or ["none since the server started"]))
