"""Small files that must be whole and private, or not there at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def make_private_dir(path: Path) -> None:
    """Create `path` and its parents; `path` itself gets mode 0700."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(path, 0o700)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, mode 0600: readers see the old file or the new one, never a part.

    The data and the folder's entry are on disk when this returns (fsync of both).

    Raises
    ------
    OSError
        If it cannot be written; the old file is then unchanged and nothing else is left.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_tail(path: Path, lines: int, limit_bytes: int = 256 * 1024) -> tuple[str, bool]:
    """Return the last `lines` lines of `path` and whether older ones were left out.

    Undecodable bytes are shown as U+FFFD. A missing file is empty. At most `limit_bytes` are read.
    """
    try:
        with open(path, "rb") as handle:
            size = handle.seek(0, os.SEEK_END)
            start = max(0, size - limit_bytes)
            handle.seek(start)
            data = handle.read(limit_bytes)
    except FileNotFoundError:
        return "", False
    text = data.decode("utf-8", "replace")
    all_lines = text.splitlines()
    if start > 0 and len(all_lines) > 1:
        all_lines = all_lines[1:]  # the first one is cut
    return "\n".join(all_lines[-lines:]), start > 0 or len(all_lines) > lines
