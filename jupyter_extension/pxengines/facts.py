"""What one engine knows about itself: the material of the world check.

Runs on the engine, asked by the server for ``as_json()`` before a cluster is called ready. Each engine is
asked for itself: the check that the ranks make together (`pxengines.mpi.check`, of the same facts) knows
nothing of engines that are in another world.
"""

from __future__ import annotations

import json
import os
from typing import Any

from .mpi.world import rank_facts


def collect() -> dict[str, Any]:
    """Return the facts of this engine.

    Keys: ``rank``, ``size`` (of MPI.COMM_WORLD), ``expected_size`` (ranks that mpiexec was asked
    for, None if unknown), ``host``, ``pid``, ``library`` (first line of the MPI library's version),
    ``vendor`` (mpi4py's word, such as ``MPICH 5.0.2``), ``abi`` and ``thread_level`` (see
    `pxengines.mpi.World`), and the versions ``mpi4py_version``, ``python_version``,
    ``ipyparallel_version``, ``numpy_version``.
    """
    import ipyparallel
    from mpi4py import MPI

    name, version = MPI.get_vendor()
    facts = rank_facts()
    return {
        "rank": MPI.COMM_WORLD.Get_rank(),
        "size": MPI.COMM_WORLD.Get_size(),
        "expected_size": facts["expected"],
        "host": facts["host"],
        "pid": os.getpid(),
        "library": facts["library"],
        "vendor": f"{name} {'.'.join(str(part) for part in version)}",
        "abi": facts["abi"],
        "thread_level": facts["thread_level"],
        "mpi4py_version": facts["mpi4py"],
        "python_version": facts["python"],
        "ipyparallel_version": ipyparallel.__version__,
        "numpy_version": facts["numpy"],
    }


def as_json() -> str:
    """Return ``collect()`` as JSON text."""
    return json.dumps(collect())
