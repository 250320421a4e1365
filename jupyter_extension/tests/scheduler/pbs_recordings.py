"""The recordings of OpenPBS and Torque as if their commands had just run."""

from __future__ import annotations

import re

from recordings import FOLDER, names

from jupyterlab_engines.scheduler.base import Completed

COMMANDS = ("qstat", "qsub", "qdel", "qhold", "qrls", "qalter", "pbsnodes", "qselect")
_COMMAND = re.compile(rf"(?:^|[ ;|])({'|'.join(COMMANDS)})(?: (.*))?$", re.DOTALL)
_WHO = re.compile(r"^(?:\[\w+\]|\w+\$) ")


def command(folder: str, name: str) -> tuple[str, str]:
    """Return (program, its arguments as they were typed)."""
    typed = (FOLDER / folder / f"{name}.cmd").read_bytes().decode("utf-8", "replace").rstrip("\n")
    found = _COMMAND.search(_WHO.sub("", typed))
    assert found is not None, typed
    return found[1], (found[2] or "").strip()


def ran(folder: str, name: str) -> Completed:
    """Return a recording; its arguments are split at blanks, without quotes."""
    base = FOLDER / folder
    program, typed = command(folder, name)
    status = (base / f"{name}.rc").read_text().strip()
    # 124 is the status of the `timeout` command that killed what hung.
    return Completed(
        argv=(program, *(part.strip("'") for part in typed.split())),
        status=None if status in ("timeout", "124") else int(status),
        stdout=(base / f"{name}.out").read_bytes(),
        stderr=(base / f"{name}.err").read_bytes(),
    )


def of(folder: str, program: str) -> list[str]:
    """Return the names of all recordings of one program."""
    return [name for name in names(folder) if command(folder, name)[0] == program]
