"""Profiles that a site shares: folders named by ``c.EnginesApp.site_profile_dirs``.

Each holds profiles, as ``profile_NAME`` or ``NAME``, with typed settings (``pxengines.json``) or legacy ones.
Beside the settings, ``site.json`` may say what the site insists on::

    {"display_name": "Cluster of the institute", "locked": ["resources.queue", "mpiexec"],
     "limits": {"max_engines": 64, "max_walltime_seconds": 86400, "max_clusters_per_user": 2}}

Locks and limits are always read here, never from a user's copy; if they cannot be read, nothing starts.
Links are not followed. All functions touch the disk: call them in a thread.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pxengines.launch.files import write_atomic
from pxengines.launch.paths import PROFILE_PREFIX, profile_path, valid_profile_name

from ..api.profiles import ProfileSettings, Resources
from ..errors import WrongState
from .settings import (
    CONFIG_FILE,
    SETTINGS_FILE,
    SettingsError,
    Stored,
    decode,
    decode_strictly,
    read_limited,
    write,
)
from .validate import Limits

SITE_FILE = "site.json"
ADOPTED_FILE = "pxengines-site.json"
"""In a legacy profile that was adopted: the name of the site's profile."""

_MOST_PROFILES = 200
_MOST_FILES = 50
_COPIED = re.compile(
    r"ip(cluster|controller|engine|ython|ython_kernel)_config\.py|[\w.-]+\.template|README(\.\w+)?"
)
_STARTUP = re.compile(r"[\w.-]+\.(py|ipy)|README")


class _SiteLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    max_engines: Annotated[int, Meta(ge=1)] | None = None
    max_walltime_seconds: Annotated[int, Meta(ge=60)] | None = None
    max_clusters_per_user: Annotated[int, Meta(ge=0)] | None = None


class _SiteFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    display_name: str = ""
    locked: list[str] = []
    limits: _SiteLimits = msgspec.field(default_factory=_SiteLimits)


class _Adopted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    template_of: str


@dataclass(frozen=True)
class SiteProfile:
    """A profile of the site.

    Attributes
    ----------
    name, path : its name and folder.
    display_name : for people; its name if the site gives no other.
    locked : fields of `ProfileSettings` that the site has fixed; of resources also single ones.
    limits : what a cluster of it, or of a copy, may have.
    settings : None for a legacy profile, or if there is a problem.
    problem : why neither it nor a copy can be started; None: nothing.
    """

    name: str
    path: Path
    display_name: str
    locked: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    settings: ProfileSettings | None = None
    problem: str | None = None


LOCKABLE = frozenset(
    [*ProfileSettings.__struct_fields__, *(f"resources.{name}" for name in Resources.__struct_fields__)]
)


def site_profiles(folders: Sequence[Path]) -> list[SiteProfile]:
    """Return the site's profiles by name; of two with the same name, the one of the earlier folder."""
    found: dict[str, SiteProfile] = {}
    for folder in folders:
        for name, path in _folders(folder):
            if name not in found and len(found) < _MOST_PROFILES:
                found[name] = _read(name, path)
    return [found[name] for name in sorted(found)]


def find_site(folders: Sequence[Path], name: str) -> SiteProfile | None:
    """Return the site's profile of that name, None if there is none."""
    return next((profile for profile in site_profiles(folders) if profile.name == name), None)


def template_of(profile_dir: Path, stored: Stored | None) -> str | None:
    """Return the name of the site's profile that a user's was adopted from; None: it is the user's own.

    Raises
    ------
    OSError, SettingsError
        If that cannot be read.
    """
    if stored is not None:
        return stored.template_of
    path = profile_dir / ADOPTED_FILE
    try:
        return decode_strictly(read_limited(path, follow=False), path, _Adopted).template_of
    except FileNotFoundError:
        return None


def adopt(profile: SiteProfile, name: str) -> Path:
    """Copy a site's profile into the user's folder as `name`; return the new folder.

    It appears whole or not at all. Copied are the files that profiles consist of, no links and nothing else.

    Raises
    ------
    WrongState
        If the site's profile is broken or there is a profile of the new name.
    OSError, SettingsError, ValueError
        If something cannot be read or written, or `name` cannot be a name.
    """
    if profile.problem is not None:
        raise WrongState(f"The site's profile {profile.name} cannot be used: {profile.problem}")
    target = profile_path(name)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix=".adopting-"))
    try:
        for source, relative in _copied(profile.path):
            copy = scratch / relative
            copy.parent.mkdir(mode=0o700, exist_ok=True)
            write_atomic(copy, read_limited(source, follow=False))
        if profile.settings is not None:
            write(scratch, Stored(settings=profile.settings, template_of=profile.name))
        else:
            write_atomic(scratch / ADOPTED_FILE, msgspec.json.encode({"template_of": profile.name}) + b"\n")
        _move(scratch, target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return target


def locked_settings(own: ProfileSettings, site: SiteProfile | None) -> ProfileSettings:
    """Return a user's settings with what the site has fixed put back."""
    if site is None or site.settings is None:
        return own
    for name in site.locked:
        outer, _, inner = name.partition(".")
        if inner:
            value = getattr(site.settings.resources, inner)
            resources = msgspec.structs.replace(own.resources, **{inner: value})
            own = msgspec.structs.replace(own, resources=resources)
        else:
            own = msgspec.structs.replace(own, **{outer: getattr(site.settings, outer)})
    return own


def changed_locks(own: ProfileSettings, site: SiteProfile | None) -> list[str]:
    """Return the locked fields in which a user's settings differ from the site's."""
    if site is None or site.settings is None:
        return []
    return [name for name in site.locked if _value(own, name) != _value(site.settings, name)]


def _value(settings: ProfileSettings, name: str) -> object:
    outer, _, inner = name.partition(".")
    value: object = getattr(settings, outer)
    return getattr(value, inner) if inner else value


def _folders(folder: Path) -> Iterator[tuple[str, Path]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return  # a site's folder that is not mounted here has no profiles
    for entry in entries:
        name = entry.name.removeprefix(PROFILE_PREFIX)
        if valid_profile_name(name) and entry.is_dir(follow_symlinks=False):
            path = Path(entry.path)
            if (path / SETTINGS_FILE).exists() or (path / CONFIG_FILE).exists():
                yield name, path


def _read(name: str, path: Path) -> SiteProfile:
    profile = SiteProfile(name=name, path=path, display_name=name)
    try:
        try:
            insists = decode_strictly(
                read_limited(path / SITE_FILE, follow=False), path / SITE_FILE, _SiteFile
            )
        except FileNotFoundError:
            insists = _SiteFile()
        unknown = [locked for locked in insists.locked if locked not in LOCKABLE]
        if unknown:
            raise SettingsError(path / SITE_FILE, f"there is no setting {unknown[0]!r}", "locked")
        settings = None
        if (path / SETTINGS_FILE).exists():
            settings = decode(read_limited(path / SETTINGS_FILE, follow=False), path / SETTINGS_FILE).settings
    except SettingsError as error:
        return replace(profile, problem=f"In the site's folder, {error}. Tell those who look after it.")
    except OSError as error:
        return replace(
            profile, problem=f"In the site's folder, {error.filename} cannot be read: {error.strerror}."
        )
    return replace(
        profile,
        display_name=insists.display_name or name,
        locked=tuple(insists.locked),
        limits=Limits(**msgspec.structs.asdict(insists.limits)),
        settings=settings,
    )


def _copied(folder: Path) -> Iterable[tuple[Path, Path]]:
    """Yield (file, path relative to the profile) of what a profile consists of."""
    count = 0
    for sub, pattern in ((Path(), _COPIED), (Path("startup"), _STARTUP)):
        if (folder / sub).is_symlink() or not (folder / sub).is_dir():
            continue
        for entry in sorted(os.scandir(folder / sub), key=lambda entry: entry.name):
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                count += 1
                if count > _MOST_FILES:
                    raise SettingsError(folder, f"it has more than {_MOST_FILES} files")
                yield Path(entry.path), sub / entry.name


def _move(scratch: Path, target: Path) -> None:
    """Give the finished folder its name; an empty one of that name is replaced, no other."""
    try:
        os.rename(scratch, target)
    except OSError as error:
        if target.exists():
            raise WrongState(
                f"There is a profile {target.name.removeprefix(PROFILE_PREFIX)} already.",
                "Choose another name.",
            ) from error
        raise
