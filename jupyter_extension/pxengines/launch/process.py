"""Starting children that cannot outlive their parent, and what they may inherit."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from collections.abc import Mapping

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

# Secrets of the Jupyter server and of JupyterHub: engines have no use for them, and the
# environment of a process is easily printed into a log.
_SECRET_ENDINGS = ("_TOKEN", "_PASSWORD", "_SECRET", "_COOKIE")
_SECRET_BEGINNINGS = ("JUPYTER", "JPY_", "CONFIGPROXY")
_OF_OTHER_CLUSTERS = "IPP_"


WORK_DIR_VARIABLE = "PXENGINES_WORK_DIR"
"""Where an engine goes once its own modules are loaded."""
SAFE_PATH = {"PYTHONSAFEPATH": "pxengines"}
"""For the job: a file of the user's such as ``random.py`` in the folder where Jupyter was started must not
take a module's place (Python 3.11 and later). Engines must not inherit it: users want such files there."""


def die_with_parent(signum: int = signal.SIGTERM) -> None:
    """Ask the kernel to send `signum` to this process when its parent ends (Linux; else nothing)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without the tokens of Jupyter and JupyterHub, and what is for the job alone.

    Nor does it keep what ipyparallel puts into the environment of its own engines (``IPP_CONNECTION_INFO``
    and others): keys, which would moreover lead our engines to another cluster's controller.
    """
    return {
        name: value
        for name, value in environ.items()
        if not (name.startswith(_SECRET_BEGINNINGS) and name.endswith(_SECRET_ENDINGS))
        and not name.startswith(_OF_OTHER_CLUSTERS)
        and SAFE_PATH.get(name) != value
    }


def end_group(group: int, signum: int) -> None:
    """Send `signum` to every process of the process group `group`; a group that is gone is fine."""
    try:
        os.killpg(group, signum)
    except ProcessLookupError:
        pass


def wait_for_end(pid: int) -> bool:
    """Sleep until process `pid` has ended; False, at once, where the system cannot do that."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):
        return False  # not Linux, or an old kernel
    select.select([descriptor], [], [])
    os.close(descriptor)
    return True
