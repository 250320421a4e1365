"""What one engine knows about itself: the material of the world check.

Runs on the engine, asked by the server for ``as_json()`` before a cluster is called ready.
"""

from __future__ import annotations

import json
import os
import platform
import socket
from typing import Any

EXPECTED_SIZE_VARIABLE = "PXENGINES_WORLD_SIZE"


def collect() -> dict[str, Any]:
    """Return the facts of this engine.

    Keys: ``rank``, ``size`` (of MPI.COMM_WORLD), ``expected_size`` (ranks that mpiexec was asked
    for, None if unknown), ``host``, ``pid``, ``library`` (first line of the MPI library's version),
    ``vendor`` (mpi4py's word, such as ``MPICH 5.0.2``), and the versions ``mpi4py_version``,
    ``python_version``, ``ipyparallel_version``, ``numpy_version``.
    """
    import ipyparallel
    import mpi4py
    import numpy as np
    from mpi4py import MPI

    name, version = MPI.get_vendor()
    expected = os.environ.get(EXPECTED_SIZE_VARIABLE)
    return {
        "rank": MPI.COMM_WORLD.Get_rank(),
        "size": MPI.COMM_WORLD.Get_size(),
        "expected_size": int(expected) if expected else None,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "library": MPI.Get_library_version().splitlines()[0].strip("\0 \t"),
        "vendor": f"{name} {'.'.join(str(part) for part in version)}",
        "mpi4py_version": mpi4py.__version__,
        "python_version": platform.python_version(),
        "ipyparallel_version": ipyparallel.__version__,
        "numpy_version": np.__version__,
    }


def as_json() -> str:
    """Return ``collect()`` as JSON text."""
    return json.dumps(collect())
