"""Which secrets, names and folders there are to be kept out of a report."""

from __future__ import annotations

import json
import os
import pwd
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from pxengines.launch.paths import ipython_dir

from .redact import Private

_SECRET_NAME = re.compile(
    r"token|passw|secret|cookie|credential|private_?key|api_?key|_key$|(?:^|_)auth(?:_|$)|connection_info",
    re.IGNORECASE,
)
_SECRET_FIELD = re.compile(r"^key$|_key$|secretkey|publickey|^token$|^password$", re.IGNORECASE)
_SHORTEST = 8
"""A shorter value in the environment is a switch, such as ``true``: taking it out would spoil the report."""
_MOST_BYTES = 64 << 10


def private_things(environ: Mapping[str, str], given: Iterable[str] = ()) -> Private:
    """Return what is known to be private; reads files, so call it in a thread.

    `given` are secrets that the caller knows of.
    """
    secrets = {
        value for name, value in environ.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST
    }
    secrets.update(given)
    for path in _files_with_keys():
        secrets.update(_keys_in(path))
    users = {environ.get(name, "") for name in ("USER", "LOGNAME", "JUPYTERHUB_USER")}
    homes = {os.path.expanduser("~"), environ.get("HOME", "")}
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:  # a container without an entry for it
        pass
    else:
        users.add(entry.pw_name)
        homes.add(entry.pw_dir)
    homes |= {os.path.realpath(home) for home in homes if home}
    return Private(tuple(filter(None, secrets)), tuple(filter(None, users)), tuple(filter(None, homes)))


def _files_with_keys() -> Iterator[Path]:
    yield from ipython_dir().glob("profile_*/security/*.json")
    runtime = Path(jupyter_runtime_dir())
    yield from runtime.glob("jpserver-*.json")
    yield from runtime.glob("kernel-*.json")


def _keys_in(path: Path) -> Iterator[str]:
    try:
        with open(path, "rb") as file:
            content = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError):
        return  # gone, or not ours to read: then nothing of it can be in the report
    for name, value in content.items() if isinstance(content, dict) else ():
        if _SECRET_FIELD.search(name) and isinstance(value, str):
            yield value
