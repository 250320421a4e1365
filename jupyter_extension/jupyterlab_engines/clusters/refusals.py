"""Why a start is refused, in words."""

from __future__ import annotations

import errno

from pxengines.launch.paths import RunPaths, ipython_dir

from ..api.models import Cluster
from ..errors import ApiError, DiskFull, NotWritable, WrongState
from . import state
from .store import is_disk_full

_UNWRITABLE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EEXIST})


def already(cluster: Cluster) -> WrongState:
    """Return the refusal of a start because `cluster` lives."""
    key, count = cluster.key, cluster.engines_requested or len(cluster.engines)
    if cluster.state == "stopping":
        return WrongState(f"The cluster {key} is stopping.", "Start it again when it has stopped.")
    if cluster.state in state.IN_MOTION:
        return WrongState(
            f"The cluster {key} is starting already, with {count} engines.",
            "Wait until it is ready, or stop it first.",
        )
    return WrongState(
        f"The cluster {key} runs already, with {count} engines.", "Connect to it, or stop it first."
    )


def unwritten(paths: RunPaths, error: OSError) -> ApiError:
    """Return the refusal of a start that could not be put on disk."""
    where = error.filename or paths.run_dir
    if is_disk_full(error):
        return DiskFull(
            f"There is no room on the disk of {paths.profile_dir.parent}, so the cluster was not started.",
            "Remove files you do not need, or ask for a larger quota. Then start the cluster again.",
            str(error),
        )
    if error.errno in _UNWRITABLE:
        return NotWritable(
            f"The folder {where} cannot be written, so the cluster was not started.",
            f"Make {ipython_dir()} writable, or set the environment variable IPYTHONDIR "
            "to a folder you can write before you start Jupyter.",
            str(error),
        )
    return ApiError(f"The cluster {paths.key} could not be put on disk.", "Read the detail.", str(error))
