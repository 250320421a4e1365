"""The typed settings of a profile on disk: ``PROFILE_DIR/pxengines.json``, and what makes a profile of it.

Beside the settings the file has a ``version`` and, for a profile that was adopted, the site profile's name.
People may write it by hand: what is left out has its default, what is wrong is named by its field.
All functions touch the disk: call them in a thread.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from pxengines.launch.files import make_private_dir, write_atomic
from pxengines.launch.paths import RUNS_FOLDER

from ..api.names import Placement
from ..api.profiles import ProfileSettings, Resources

SETTINGS_FILE = "pxengines.json"
CONFIG_FILE = "ipcluster_config.py"
VERSION = 1
MOST_BYTES = 64 * 1024
"""Longest settings file that is read; ours have about one kilobyte."""

CONTROLLER_LAUNCHER = "jupyterlab_engines.launchers.EngineJobControllerLauncher"
ENGINE_LAUNCHER = "jupyterlab_engines.launchers.EngineJobEngineSetLauncher"

CONFIG_TEXT = f"""\
# Made by jupyterlab-engines, so that `ipcluster start --profile=...` submits the same job as the panel.
# What the job is made from is in {SETTINGS_FILE}, beside this file.
c = get_config()  # noqa

c.Cluster.controller_launcher_class = "{CONTROLLER_LAUNCHER}"
c.Cluster.engine_launcher_class = "{ENGINE_LAUNCHER}"
"""


_T = TypeVar("_T")


class SettingsError(ValueError):
    """A settings file that cannot be used; `field` is the path of what is wrong in it, or empty."""

    def __init__(self, path: Path, message: str, field: str = "") -> None:
        super().__init__(f"{path.name}: {field + ': ' if field else ''}{message}")
        self.path = path
        self.field = field
        self.message = message


class _Resources(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    queue: str | None = None
    walltime_seconds: int | None = None
    nodes: int | None = None
    engines_per_node: int | None = None
    cores_per_engine: int | None = None
    memory_bytes: int | None = None
    account: str | None = None


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1)]
    template_of: str | None = None
    placement: Placement = "in_job"
    engines: int = 4
    resources: _Resources = msgspec.field(default_factory=_Resources)
    prologue: list[str] = []
    directives: list[str] = []
    python: list[str] = []
    mpiexec: list[str] = []
    mpi_args: list[str] = []
    controller_address: str = ""


class Stored(Struct, frozen=True, kw_only=True):
    """What a settings file holds.

    Attributes
    ----------
    settings : the settings.
    template_of : name of the site profile that this one was adopted from; None: made by the user.
    """

    settings: ProfileSettings
    template_of: str | None = None


_WORDS = re.compile(r"(?P<words>.*?)(?: - at `\$\.?(?P<field>[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<field>.*)`", re.DOTALL)


def defaults() -> ProfileSettings:
    """Return the settings of a new profile: four engines, in one job, in the default queue."""
    return _settings(_File(version=VERSION))


def has_settings(profile_dir: Path) -> bool:
    """Tell whether the profile has typed settings."""
    return (profile_dir / SETTINGS_FILE).is_file()


def decode(data: bytes, path: Path) -> Stored:
    """Return the settings in `data`, the content of the file `path`.

    Raises
    ------
    SettingsError
        If it is not JSON, of another version, or has an unknown field or a wrong value.
    """
    read = decode_strictly(data, path, _File)
    if read.version > VERSION:
        raise SettingsError(path, f"it is of version {read.version}; this server knows {VERSION}", "version")
    return Stored(settings=_settings(read), template_of=read.template_of)


def decode_strictly(data: bytes, path: Path, wanted: type[_T]) -> _T:
    """Return `data`, the content of the file `path`, as a `wanted`; SettingsError names what is wrong."""
    try:
        return msgspec.json.decode(data, type=wanted, strict=True)
    except msgspec.ValidationError as error:
        match = _WORDS.match(str(error))
        field, words = (match["field"] or "", match["words"]) if match else ("", str(error))
        unknown = _FIELD.search(words)
        if unknown:
            field = f"{field}.{unknown['field']}" if field else unknown["field"]
            words = "there is no such field" if "unknown" in unknown["what"] else "it is missing"
        raise SettingsError(path, words, field) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(path, f"it is not JSON: {error}") from error


def read(profile_dir: Path) -> Stored:
    """Return the settings of a profile.

    Raises
    ------
    OSError, SettingsError
        If there are none, or they cannot be read.
    """
    path = profile_dir / SETTINGS_FILE
    return decode(read_limited(path), path)


def read_limited(path: Path, *, follow: bool = True) -> bytes:
    """Return the bytes of a small regular file; a link as `path` itself is refused unless `follow`.

    Raises
    ------
    OSError, SettingsError
        If it cannot be read, is no regular file, or is longer than `MOST_BYTES`.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    with open(os.open(path, flags), "rb") as handle:
        if not _is_regular(handle.fileno()):
            raise SettingsError(path, "it is not a regular file")
        data = handle.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise SettingsError(path, f"it is longer than {MOST_BYTES} bytes")
    return data


def write(profile_dir: Path, stored: Stored) -> None:
    """Write the settings, mode 0600, whole or not at all; makes the folder if needed.

    A new profile also gets an ``ipcluster_config.py`` that names our launchers. One that is there stays.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    if not profile_dir.is_dir():
        make_private_dir(profile_dir)
    flat = {
        "version": VERSION,
        "template_of": stored.template_of,
        **msgspec.to_builtins(stored.settings),
    }
    write_atomic(
        profile_dir / SETTINGS_FILE, msgspec.json.format(msgspec.json.encode(flat), indent=2) + b"\n"
    )
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(profile_dir / CONFIG_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as handle:
            handle.write(CONFIG_TEXT)


def remove(profile_dir: Path) -> bool:
    """Remove a profile's typed settings and what came with them; tell whether the folder is gone too.

    Removed are our settings and an ``ipcluster_config.py`` that is still exactly ours. What IPython and
    ipyparallel make in every profile goes only if nothing but that is left.

    Raises
    ------
    OSError
        If something cannot be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        if (profile_dir / CONFIG_FILE).read_bytes() == CONFIG_TEXT.encode():
            (profile_dir / CONFIG_FILE).unlink()
    with contextlib.suppress(FileNotFoundError):
        (profile_dir / SETTINGS_FILE).unlink()
    for folder in (RUNS_FOLDER, "security", "log", "pid", "startup", "db", "static"):
        with contextlib.suppress(OSError):  # it has files, or is not there: both are fine
            (profile_dir / folder).rmdir()
    try:
        profile_dir.rmdir()
    except OSError:
        return False
    return True


def _is_regular(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _settings(read: _File) -> ProfileSettings:
    return ProfileSettings(
        placement=read.placement,
        engines=read.engines,
        resources=Resources(**msgspec.structs.asdict(read.resources)),
        prologue=read.prologue,
        directives=read.directives,
        python=read.python,
        mpiexec=read.mpiexec,
        mpi_args=read.mpi_args,
        controller_address=read.controller_address,
    )
