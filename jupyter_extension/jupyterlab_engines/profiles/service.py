"""Profiles as the handlers and the manager use them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pxengines.launch.paths import RunPaths, profile_path

from ..api.models import (
    AdoptProfile,
    Cluster,
    FieldProblem,
    Preview,
    PreviewProfile,
    Profile,
    ProfileDetail,
    ProfileSettings,
    Resources,
    SaveProfile,
    SchedulerInfo,
    StartCluster,
)
from ..api.names import ClusterKey, JobRole
from ..errors import ApiError, BadSettings, NotWritable, UnknownProfile, WrongState
from ..scheduler.base import Dialect
from . import settings as on_disk
from .catalogue import BUILTIN, NO_SCHEDULER, Entry, check_name, describe, entries, find
from .diff import against_template
from .fit import fitted
from .plan import StartPlan, changed_by_start, enforce, enforce_walltime, plan
from .script import roles
from .site import adopt, changed_locks, find_site
from .strings import error
from .validate import Limits, problems

PREVIEW_NAMES: dict[JobRole, str] = {
    "cluster": "pxe-cluster",
    "controller": "pxe-controller",
    "engines": "pxe-engines",
}
"""Job names in a preview; a job that is submitted gets a unique one, all else is the same."""


@dataclass(frozen=True)
class _Asked:
    """What a preview or a start asks for: a profile with these settings, this many engines, resources."""

    entry: Entry
    engines: int
    resources: Resources | None


class ProfileService:
    """Finds, shows, changes and plans with profiles.

    Parameters
    ----------
    limits : of the server, for all profiles; a site's profile may have tighter ones.
    site_dirs : folders with the site's profiles.
    python : command line of the Python for profiles that name none.
    info : the batch system's queues and nodes; None: it has not told them.
    dialect : the batch system that scripts are for; None: there is none.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        site_dirs: Sequence[Path],
        python: Sequence[str],
        info: Callable[[], Awaitable[SchedulerInfo | None]],
        dialect: Callable[[], Dialect | None],
    ) -> None:
        self._limits = limits
        self._site_dirs = tuple(site_dirs)
        self._python = tuple(python)
        self._info = info
        self._dialect = dialect

    # --- for threads: they touch the disk

    def list_profiles(self) -> list[Profile]:
        """Return all profiles, the built-in one first."""
        return [self._describe(entry) for entry in entries(self._site_dirs)]

    def find_profile(self, name: str) -> Profile:
        """Return one profile; raises BadRequest or UnknownProfile."""
        return self._describe(find(name, self._site_dirs))

    # --- for the event loop

    async def detail(self, name: str) -> ProfileDetail:
        """Return a profile with its settings and scripts; raises BadRequest or UnknownProfile."""
        entry = await asyncio.to_thread(find, name, self._site_dirs)
        return await self._detail(entry)

    async def preview(self, request: PreviewProfile) -> Preview:
        """Return the scripts of settings or of a start, and what is wrong with them.

        Raises
        ------
        BadRequest, UnknownProfile
            If there is no such profile and no settings are given.
        """
        if request.settings is None:
            entry = await asyncio.to_thread(find, request.profile, self._site_dirs)
        else:
            entry = await asyncio.to_thread(self._with, request.profile, request.settings)
        return await self._preview(_asked(entry, request.engines, request.resources))

    async def save(self, name: str, request: SaveProfile) -> ProfileDetail:
        """Make a profile or replace its settings.

        Raises
        ------
        ApiError
            If the settings could never work, there is a profile already or none, or it is not ours.
        """
        check_name(name)
        entry = await asyncio.to_thread(self._saved, name, request)
        return await self._detail(entry)

    async def adopt(self, name: str, request: AdoptProfile) -> ProfileDetail:
        """Make a site's profile the user's own; raises UnknownProfile, WrongState or NotWritable."""
        entry = await asyncio.to_thread(self._adopted, name, request.name)
        return await self._detail(entry)

    async def to_forget(self, name: str, clusters: Iterable[Cluster]) -> list[ClusterKey]:
        """Return the ended clusters of a profile that is to be deleted.

        Raises
        ------
        ApiError
            If it cannot be deleted: there is none, it is not ours, or a cluster of it lives.
        """
        await asyncio.to_thread(self._deletable, name)
        of_it = [cluster for cluster in clusters if cluster.profile == name]
        for cluster in of_it:
            if cluster.state not in ("stopped", "failed"):
                raise WrongState(f"The cluster {cluster.key} is {cluster.state}.", "Stop it first.")
        return [cluster.key for cluster in of_it]

    async def delete(self, name: str) -> None:
        """Remove a profile that was made or adopted here, and has no clusters; see `to_forget`.

        Files of others in its folder stay, and then it stays too, as a profile of this machine.
        """
        await asyncio.to_thread(self._deleted, name)

    async def check_walltime(self, name: str, seconds: int) -> None:
        """Refuse to give a job of a cluster a walltime that its profile may not ask for.

        Parameters
        ----------
        name : the cluster's profile; where it is gone by now, the server's own limits hold.

        Raises
        ------
        OverLimit
            If it is too long.
        """
        allowed = self._limits
        with contextlib.suppress(UnknownProfile):
            allowed = (await asyncio.to_thread(find, name, self._site_dirs)).limits(allowed)
        enforce_walltime(name, seconds, allowed)

    async def plan(
        self,
        request: StartCluster,
        *,
        run_dir: Path,
        job_name: Callable[[JobRole], str],
        running: Iterable[Cluster],
    ) -> StartPlan:
        """Return what a start submits.

        Parameters
        ----------
        request : the start.
        run_dir : the run directory.
        job_name : gives each job its unique name.
        running : the clusters of this user that live.

        Raises
        ------
        ApiError
            If it is not allowed, could not work, or there is no batch system.
        """
        entry = await asyncio.to_thread(find, request.profile, self._site_dirs)
        dialect = self._dialect()
        if dialect is None:
            raise WrongState(NO_SCHEDULER, "Choose the profile local, or ask your administrator.")
        enforce(
            entry,
            self._limits,
            engines=request.engines,
            resources=request.resources,
            running_clusters=sum(cluster.batch is not None for cluster in running),
        )
        wanted = _asked(entry, request.engines, request.resources)
        asked = await self._fitted(wanted)
        wrong = [p for p in await self._problems(asked, wanted) if p.severity == "error"]
        if wrong:
            raise BadSettings(
                wrong[0].message,
                "Change what is asked for, or the profile.",
                "\n".join(f"{p.field}: {p.message}" if p.field else p.message for p in wrong),
            )
        return self._plan(asked, dialect, run_dir, job_name)

    # --- how

    def _describe(self, entry: Entry) -> Profile:
        return describe(entry, self._limits, scheduler=self._dialect() is not None)

    async def _detail(self, entry: Entry) -> ProfileDetail:
        return ProfileDetail(
            profile=self._describe(entry),
            settings=entry.settings,
            preview=await self._preview(_asked(entry, None, None)),
        )

    def _plan(
        self, asked: _Asked, dialect: Dialect, run_dir: Path, job_name: Callable[[JobRole], str]
    ) -> StartPlan:
        placement = asked.entry.placement
        return plan(
            asked.entry,
            engines=asked.engines,
            resources=asked.resources,
            dialect=dialect,
            run_dir=run_dir,
            names={} if placement is None else {role: job_name(role) for role in roles(placement)},
            python=self._python,
            limits=self._limits,
        )

    async def _fitted(self, asked: _Asked) -> _Asked:
        """Return what is asked for with as many nodes as it needs, if it does not say how many."""
        info = await self._info()
        if asked.resources is None or asked.entry.settings is None or info is None:
            return asked
        return replace(asked, resources=fitted(asked.resources, asked.engines, info.nodes))

    async def _problems(self, asked: _Asked, wanted: _Asked) -> list[FieldProblem]:
        """Return what is wrong with `asked`; `wanted` is the same before it was fitted, for the locks."""
        entry = asked.entry
        limits = entry.limits(self._limits)
        if entry.settings is None or asked.resources is None:
            most = limits.max_engines
            if most is not None and asked.engines > most:
                return [error("engines", f"At most {most} engines are allowed; you ask for {asked.engines}.")]
            return []
        found = [
            error(field, "The site has fixed this: leave it as it is.")
            for field in changed_by_start(entry, wanted.engines, wanted.resources)
        ]
        dialect = self._dialect()
        return found + problems(
            entry.settings,
            asked.engines,
            asked.resources,
            await self._info(),
            limits,
            nodes_alike=dialect is not None and dialect.nodes_alike,
        )

    async def _preview(self, wanted: _Asked) -> Preview:
        asked = await self._fitted(wanted)
        entry = asked.entry
        found = await self._problems(asked, wanted)
        dialect = self._dialect()
        if entry.kind == "local" or entry.placement is None:
            return Preview(scripts=[], problems=found + ([error("", entry.problem)] if entry.problem else []))
        if dialect is None:
            return Preview(scripts=[], problems=[*found, error("", NO_SCHEDULER)])
        run_dir = RunPaths(profile_path(entry.name), "").run_dir
        try:
            made = self._plan(asked, dialect, run_dir, PREVIEW_NAMES.__getitem__)
        except ApiError as refusal:
            if not any(p.severity == "error" for p in found):
                words = f"{refusal.message} {refusal.detail or refusal.next_step}".strip()
                found = [*found, error("", words)]
            return Preview(scripts=[], problems=found)
        scripts = await asyncio.to_thread(
            against_template,
            entry,
            made,
            dialect=dialect,
            run_dir=run_dir,
            names=PREVIEW_NAMES,
            python=self._python,
        )
        return Preview(scripts=scripts, problems=found)

    def _with(self, name: str, settings: ProfileSettings) -> Entry:
        """Return the profile `name` as it would be with these settings."""
        check_name(name)
        known = next((e for e in entries(self._site_dirs) if e.name == name), None)
        if known is None or known.kind != "batch":
            return Entry(name, profile_path(name), "user", "batch", settings=settings)
        # They may mend what is wrong with the settings on the disk, but not that the site's are missing.
        problem = None if known.settings is None else known.problem
        return Entry(
            name, known.path, known.origin, "batch", settings=settings, site=known.site, problem=problem
        )

    def _saved(self, name: str, request: SaveProfile) -> Entry:
        known = next((e for e in entries(self._site_dirs) if e.name == name), None)
        if name == BUILTIN:
            raise WrongState("The profile local is built in: it has no settings.", "Choose another name.")
        if request.create and known is not None:
            raise WrongState(f"There is a profile {name} already.", "Choose another name.")
        if known is not None and known.origin == "site":
            raise WrongState(
                f"The profile {name} is the site's.", "Use it first: that makes a copy of yours."
            )
        if known is not None and known.kind != "batch":
            raise WrongState(
                f"The profile {name} was not made here: its own files say what it starts.",
                "Make a new profile, or change its files.",
            )
        if known is None and not request.create:
            raise WrongState(f"There is no profile {name} any more.", "Make it anew.")
        template = known.site if known is not None else None
        self._check_savable(request.settings, Entry(name, profile_path(name), "user", "batch", site=template))
        try:
            on_disk.write(
                profile_path(name),
                on_disk.Stored(
                    settings=request.settings, template_of=None if known is None else known.template_of
                ),
            )
        except OSError as reason:
            raise _unwritable(profile_path(name), reason) from reason
        return find(name, self._site_dirs)

    def _check_savable(self, settings: ProfileSettings, entry: Entry) -> None:
        """Refuse settings that could work at no time; queues may open and nodes may come."""
        changed = changed_locks(settings, entry.site)
        if changed:
            raise BadSettings(f"The site has fixed {', '.join(changed)}.", "Leave it as it is.")
        limits = entry.limits(self._limits)
        wrong = problems(settings, settings.engines, settings.resources, None, limits)
        errors = [p for p in wrong if p.severity == "error"]
        if errors:
            raise BadSettings(
                f"{errors[0].field}: {errors[0].message}",
                "Correct it.",
                "\n".join(f"{p.field}: {p.message}" for p in errors),
            )

    def _adopted(self, name: str, new_name: str) -> Entry:
        check_name(name)
        check_name(new_name)
        site = find_site(self._site_dirs, name)
        if site is None:
            find(name)  # raises UnknownProfile unless it is the user's own
            raise WrongState(f"The profile {name} is yours already.", "Start it as it is.")
        if new_name == BUILTIN or any(e.name == new_name and e.origin == "user" for e in entries()):
            raise WrongState(f"There is a profile {new_name} already.", "Choose another name.")
        try:
            adopt(site, new_name)
        except on_disk.SettingsError as reason:
            raise WrongState(f"The site's profile {name} cannot be copied: {reason}.") from reason
        except OSError as reason:
            raise _unwritable(profile_path(new_name), reason) from reason
        return find(new_name, self._site_dirs)

    def _deletable(self, name: str) -> Entry:
        entry = find(name, self._site_dirs)
        if entry.origin != "user" or entry.kind != "batch":
            raise WrongState(
                f"The profile {name} was not made here.",
                "Remove its folder yourself, if it is yours." if entry.origin == "user" else "",
            )
        return entry

    def _deleted(self, name: str) -> None:
        entry = self._deletable(name)
        try:
            on_disk.remove(entry.path)
        except OSError as reason:
            raise _unwritable(entry.path, reason) from reason


def _asked(entry: Entry, engines: int | None, resources: Resources | None) -> _Asked:
    return _Asked(entry, engines or entry.engines or 1, entry.resources if resources is None else resources)


def _unwritable(path: Path, reason: OSError) -> NotWritable:
    return NotWritable(f"The folder {path} cannot be written.", "Make it writable.", str(reason))
