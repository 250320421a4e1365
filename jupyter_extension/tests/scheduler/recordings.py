"""What real schedulers printed: ``tests/data/pbs/FOLDER/NAME.{cmd,out,err,rc}``."""

from __future__ import annotations

import shlex
from pathlib import Path

from jupyterlab_engines.scheduler.base import Completed

FOLDER = Path(__file__).resolve().parents[1] / "data" / "pbs"


def names(folder: str) -> list[str]:
    """Return the names of all recordings of one scheduler."""
    return sorted(path.stem for path in (FOLDER / folder).glob("*.cmd"))


def recorded(folder: str, name: str) -> Completed:
    """Return a recording as if the command had just run; one that hung was killed."""
    base = FOLDER / folder / name
    status = base.with_name(f"{name}.rc").read_text().strip()
    return Completed(
        argv=tuple(shlex.split(base.with_name(f"{name}.cmd").read_text())),
        status=None if status == "timeout" else int(status),
        stdout=base.with_name(f"{name}.out").read_bytes(),
        stderr=base.with_name(f"{name}.err").read_bytes(),
    )
