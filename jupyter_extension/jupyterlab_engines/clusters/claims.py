"""Which server looks after a run of a batch system, when they cannot see each other's processes.

A batch job outlives the Jupyter server, and JupyterHub may start the next one on another host. So the
server that looks after a run touches a file beside its record; one whose file is old is free to be taken
over. All functions touch the disk: call them in a thread.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time

from pxengines.launch.paths import RunPaths

from .store import Owner, RunRecord, read_record

CLAIM_SECONDS = 20.0
"""How often a claim is renewed."""
STALE_SECONDS = 90.0
"""How old a claim must be to be over, by the clock of the file system that both hosts share."""


def renew_claim(paths: RunPaths, owner: Owner) -> bool:
    """Renew the claim of `owner`; False if another server has the run now."""
    record = read_record(paths.record)
    if record is not None and record.owner != owner:
        return False
    try:
        paths.claim.touch(mode=0o600)
        os.utime(paths.claim)
    except OSError:
        pass  # a full disk, or a folder that is gone: the run itself will tell
    return True


def is_claimed(paths: RunPaths, record: RunRecord, owner: Owner) -> bool:
    """Tell whether a server other than `owner` looks after the run."""
    if record.owner == owner:
        return False
    if not record.owner.elsewhere():
        return record.owner.lives()
    try:
        touched = paths.claim.stat().st_mtime
    except OSError:
        return False
    # One from the future was made before the clock was set back: it would hold until then.
    return abs(_time_there(paths) - touched) < STALE_SECONDS


def _time_there(paths: RunPaths) -> float:
    """Return what the file system takes for now: its clock, not ours, stamped the claim."""
    probe = paths.claim.with_name(f".{paths.claim.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        probe.touch(mode=0o600)
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
