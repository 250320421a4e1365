"""All profiles that there are, and what each would start.

An `Entry` is a profile as found: built in, of the user, or of the site. `describe` tells it to the browser;
plan.py says what a start submits. A profile's configuration is read, never run. Finding touches the disk:
call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pxengines.launch.paths import profile_names, profile_path, valid_profile_name

from ..api.models import Profile, ProfileSettings, Resources
from ..api.names import Placement
from ..errors import BadRequest, UnknownProfile
from .legacy import LegacyProfile, NotLegacy, read_legacy
from .settings import SETTINGS_FILE, SettingsError, Stored, has_settings, read
from .site import (
    ADOPTED_FILE,
    SiteProfile,
    changed_locks,
    find_site,
    locked_settings,
    site_profiles,
    template_of,
)
from .text import count, duration, memory
from .validate import Limits

BUILTIN = "local"
_OF_IPYTHON = "default"
_CONFIG_FILES = ("ipcluster_config.py", "ipcontroller_config.py", "ipengine_config.py")
NO_SCHEDULER = "No batch system was found on this machine: neither qsub nor qstat is in PATH."
SITE_ONLY = "It is the site's. Use it: that makes a copy of your own, which can be started."

_LOCAL = "Starts a controller and MPI engines on this machine."
_PLACED: dict[Placement, str] = {
    "in_job": "One job with controller and engines",
    "own_job": "One job for the controller, one for the engines",
    "server": "One job for the engines; the controller runs beside Jupyter",
}


@dataclass(frozen=True)
class Entry:
    """A profile as found on the disk.

    Attributes
    ----------
    name, path : its name and folder; of a site's profile, the folder of the site.
    origin, kind : as `Profile` has them.
    settings : of a batch profile, with what the site has fixed put back; None: there is a problem.
    legacy : of a legacy profile.
    site : the site's profile that it is, or was adopted from; None: neither, or that one is not there now.
    template_of : the name of the site's profile that it was adopted from, there or not.
    notes : what to know of it.
    problem : why it cannot be started, whatever the batch system says; None: nothing known.
    """

    name: str
    path: Path
    origin: Literal["builtin", "user", "site"]
    kind: Literal["local", "batch", "legacy"]
    settings: ProfileSettings | None = None
    legacy: LegacyProfile | None = None
    site: SiteProfile | None = None
    template_of: str | None = None
    notes: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def placement(self) -> Placement | None:
        """Where the controller runs; None for local ones."""
        if self.settings is not None:
            return self.settings.placement
        return None if self.legacy is None else self.legacy.placement

    @property
    def engines(self) -> int | None:
        """How many engines a start proposes; None: no proposal."""
        if self.settings is not None:
            return self.settings.engines
        return None if self.legacy is None else self.legacy.n

    @property
    def resources(self) -> Resources | None:
        """What a start proposes; None for local ones."""
        if self.settings is not None:
            return self.settings.resources
        return None if self.legacy is None else self.legacy.resources

    def limits(self, server: Limits) -> Limits:
        """Return what a cluster of it may have, given the server's own limits."""
        return server if self.site is None else server.within(self.site.limits)


def entries(site_dirs: Sequence[Path] = ()) -> list[Entry]:
    """Return all profiles: the built-in one, the user's, the site's that the user has none of the name of.

    IPython's own, ``default``, is among them only if it is configured for clusters; `find` knows it always.
    """
    site = site_profiles(site_dirs)
    own = [name for name in profile_names() if name != BUILTIN and _is_for_clusters(name)]
    shared = [_of_site(profile) for profile in site if profile.name not in (BUILTIN, *own)]
    return [_builtin(), *(_of_user(name, site) for name in own), *shared]


def find(name: str, site_dirs: Sequence[Path] = ()) -> Entry:
    """Return the profile `name`.

    Raises
    ------
    BadRequest
        If `name` cannot be a profile's name.
    UnknownProfile
        If there is none of that name.
    """
    check_name(name)
    if name == BUILTIN:
        return _builtin()
    if name in profile_names():
        return _of_user(name, site_profiles(site_dirs))
    site = find_site(site_dirs, name)
    if site is None:
        raise UnknownProfile(
            f"There is no profile {name}.",
            f"Make it in the panel, or with `ipython profile create --parallel '{name}'`.",
        )
    return _of_site(site)


def check_name(name: str) -> None:
    """Raise BadRequest if `name` cannot name a profile."""
    if not valid_profile_name(name):
        raise BadRequest(
            f"{name!r} cannot be the name of a profile.",
            "A name has letters, digits, spaces and . + @ - _, and at most 64 of them.",
        )


def describe(entry: Entry, limits: Limits, *, scheduler: bool) -> Profile:
    """Return what the browser is told of a profile; `scheduler`: whether there is a batch system."""
    problem = entry.problem
    if problem is None and entry.origin == "site":
        problem = SITE_ONLY
    if problem is None and entry.kind != "local" and not scheduler:
        problem = NO_SCHEDULER
    return Profile(
        name=entry.name,
        origin=entry.origin,
        kind=entry.kind,
        placement=entry.placement,
        engines=entry.engines,
        resources=entry.resources,
        locked=[] if entry.site is None else list(entry.site.locked),
        notes=list(entry.notes),
        summary=_summary(entry),
        startable=problem is None,
        problem=problem,
        max_engines=entry.limits(limits).max_engines or 1_000_000,
    )


def _is_for_clusters(name: str) -> bool:
    """Tell whether a profile of the user's is one to list.

    IPython makes the one called ``default`` when a kernel starts: it is for clusters only if there is a file
    in it that says something of them.
    """
    if name != _OF_IPYTHON:
        return True
    path = profile_path(name)
    return any((path / file).is_file() for file in (SETTINGS_FILE, ADOPTED_FILE, *_CONFIG_FILES))


def _builtin() -> Entry:
    return Entry(name=BUILTIN, path=profile_path(BUILTIN), origin="builtin", kind="local")


def _of_site(site: SiteProfile) -> Entry:
    if site.settings is not None or site.problem is not None:
        return Entry(
            site.name, site.path, "site", "batch", settings=site.settings, site=site, problem=site.problem
        )
    try:
        legacy = read_legacy(site.path)
    except NotLegacy as reason:
        return Entry(site.name, site.path, "site", "local", site=site, problem=reason.problem)
    return Entry(
        site.name,
        site.path,
        "site",
        "legacy",
        legacy=legacy,
        site=site,
        notes=legacy.notes,
        problem=legacy.problem,
    )


def _of_user(name: str, site: Sequence[SiteProfile]) -> Entry:
    path = profile_path(name)
    typed = has_settings(path)
    kind: Literal["batch", "legacy"] = "batch" if typed else "legacy"
    stored: Stored | None = None
    try:
        stored = read(path) if typed else None
        template = template_of(path, stored)
    except (SettingsError, OSError) as error:
        return Entry(name, path, "user", kind, problem=f"Its settings cannot be used: {error}.")
    of = next((profile for profile in site if profile.name == template), None)
    problem = None if of is None else of.problem
    if template is not None and of is None:
        problem = (
            f"It was made from the site's profile {template}, which is not among the site's profiles now. "
            "Ask those who look after them, or make a new profile."
        )
    notes = []
    if of is None and any(profile.name == name for profile in site):
        notes.append("The site has a profile of this name too. It is shown when this one has another name.")
    if stored is not None:
        notes += [
            f"The site has fixed {field}: its value is used, not the one in your copy."
            for field in changed_locks(stored.settings, of)
        ]
        return Entry(
            name,
            path,
            "user",
            "batch",
            settings=locked_settings(stored.settings, of),
            site=of,
            template_of=template,
            notes=tuple(notes),
            problem=problem,
        )
    try:
        legacy = read_legacy(path)
    except NotLegacy as reason:
        return Entry(
            name, path, "user", "local", site=of, notes=tuple(notes), problem=problem or reason.problem
        )
    notes += legacy.notes
    problem = problem or legacy.problem
    return Entry(name, path, "user", "legacy", legacy=legacy, site=of, notes=tuple(notes), problem=problem)


def _summary(entry: Entry) -> str:
    title = "" if entry.origin != "site" or entry.site is None else f"{entry.site.display_name}. "
    if entry.kind == "local":
        usable = entry.problem is None
        return title + (_LOCAL if usable else "Configured for launchers that this version does not start.")
    if entry.placement is None or entry.resources is None:
        return f"{title}Its settings cannot be used."
    if entry.legacy is not None:
        sources = {part.source for part in (entry.legacy.controller, entry.legacy.engines) if part.template}
        return f"{title}{_PLACED[entry.placement]}, from {', '.join(sorted(sources)) or 'our templates'}."
    asked = entry.resources
    details = [f"queue {asked.queue}" if asked.queue else "default queue"]
    if asked.nodes:
        details.append(count(asked.nodes, "node"))
    if asked.engines_per_node:
        details.append(f"{asked.engines_per_node} engines per node")
    if asked.memory_bytes:
        details.append(f"{memory(asked.memory_bytes)} per node")
    if asked.walltime_seconds:
        details.append(duration(asked.walltime_seconds))
    return f"{title}{_PLACED[entry.placement]}: {', '.join(details)}."
