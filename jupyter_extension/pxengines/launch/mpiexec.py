"""Which ``mpiexec`` starts the engines, whose it is, and which MPI library matches it.

An ``mpiexec`` of one MPI and an mpi4py that loads the library of another give N worlds
of size 1 instead of one of size N, without an error. mpi4py's wheels choose the library when they
are imported and can be told which (``MPI4PY_MPIABI``, ``MPI4PY_LIBMPI``), so the launcher decides.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from .batch import BatchJob, short

Vendor = Literal["mpich", "openmpi", "intel", "unknown"]

_VERSION_SECONDS = 20
_LIBRARY_NAMES: dict[Vendor, tuple[str, ...]] = {
    "mpich": ("libmpi.so.12", "libmpich.so.12"),
    "intel": ("libmpi.so.12",),
    "openmpi": ("libmpi.so.40",),
    "unknown": (),
}
_NODE_FILE_OPTION: dict[Vendor, str] = {
    "mpich": "-machinefile",
    "intel": "-machinefile",
    "openmpi": "--hostfile",
}
_PLACING = {
    *("-machinefile", "--machinefile", "-machine", "-f", "-hostfile", "--hostfile", "-hosts", "--hosts"),
    *("-host", "--host", "-H", "-rmk", "--rmk", "-launcher", "--launcher", "-bootstrap", "--bootstrap"),
}
"""Options that say where ranks go or who starts them there."""
_FORWARDED = {"PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "IPYTHONDIR", "LANG"}
_FORWARDED_BEGINNINGS = ("PXENGINES_", "MPI4PY_", "PYTHON", "OMP_", "MKL_", "OPENBLAS_", "NUMBA_", "LC_")


def find_mpiexec(python: str, search_path: str | None = None) -> str | None:
    """Return the path of the ``mpiexec`` to use, or None.

    The one beside `python` comes first (an MPI installed from a wheel), as mpi4py too looks
    into its own environment first; then `search_path` (default: ``$PATH``).
    """
    beside = Path(python).parent / "mpiexec"
    if os.access(beside, os.X_OK) and beside.is_file():
        return str(beside)
    return shutil.which("mpiexec", path=search_path)


def vendor_of(version_text: str) -> Vendor:
    """Tell whose ``mpiexec`` printed `version_text` for ``--version``."""
    text = version_text.lower()
    if "intel" in text:
        return "intel"
    if "open mpi" in text or "openrte" in text or "open-mpi" in text or "prrte" in text:
        return "openmpi"
    if "hydra" in text or "mpich" in text:
        return "mpich"
    return "unknown"


def ask_vendor(mpiexec: list[str]) -> Vendor:
    """Return the vendor of the launcher `mpiexec`, asked by ``--version``.

    Raises
    ------
    OSError
        If it cannot be run at all.
    """
    try:
        done = subprocess.run(
            [*mpiexec, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "unknown"
    return vendor_of(done.stdout.decode("utf-8", "replace"))


def library_of(mpiexec: str, vendor: Vendor) -> str | None:
    """Return the MPI library that was installed together with `mpiexec`, or None if not found beside it."""
    for start in (Path(mpiexec), Path(mpiexec).resolve()):
        prefix = start.parent.parent
        folders = [prefix / "lib", prefix / "lib64", *sorted((prefix / "lib").glob("*-linux-gnu*"))]
        for folder in folders:
            for name in _LIBRARY_NAMES[vendor]:
                if (folder / name).exists():
                    return str(folder / name)
    return None


def world_args(vendor: Vendor) -> list[str]:
    """Return the arguments with which mpiexec leaves it to the job to end the world when a rank has ended.

    MPICH's would kill all other ranks within milliseconds, report any of them as the culprit, and wait
    for ever if the rank ended before ``MPI_Init``. Others are left as they are: they name the culprit.
    """
    return ["-disable-auto-cleanup"] if vendor == "mpich" else []


def spread_args(vendor: Vendor, batch: BatchJob | None, given: Sequence[str]) -> list[str]:
    """Return the arguments with which mpiexec starts ranks on all nodes of the job.

    Under Slurm every mpiexec asks Slurm. Elsewhere only one that was built for this PBS knows of the node
    file, so it is named, unless `given` (what the profile sets) has its own idea of where ranks go.
    """
    option = _NODE_FILE_OPTION.get(vendor)
    if batch is None or batch.by_slurm or batch.node_file is None or option is None:
        return []
    here = short(socket.gethostname())
    if all(short(node) == here for node in batch.nodes) or _PLACING & {a.partition("=")[0] for a in given}:
        return []
    return [option, batch.node_file]


def forward_args(vendor: Vendor, names: Iterable[str]) -> list[str]:
    """Return the arguments with which mpiexec hands the variables `names` on to other nodes.

    MPICH's and Intel's hand on all; Open MPI's only its own, and what it is told. Only names, no values.
    """
    if vendor != "openmpi":
        return []
    return [part for name in sorted(names) if _forwarded(name) for part in ("-x", name)]


def _forwarded(name: str) -> bool:
    return name in _FORWARDED or name.startswith(_FORWARDED_BEGINNINGS)


def mpi_environment(
    mpiexec: str, vendor: Vendor, environ: Mapping[str, str], *, oversubscribe: bool = True
) -> dict[str, str]:
    """Return the variables to add so that engines join the world that `mpiexec` makes.

    What the user or the site has set in `environ` is left alone: the world check judges it.
    `oversubscribe` says that more engines than cores are meant. Not for a batch job that has room for all:
    Open MPI would put them all on its first node.
    """
    wanted: dict[str, str] = {}
    library = library_of(mpiexec, vendor)
    if library is not None and not {"MPI4PY_MPIABI", "MPI4PY_LIBMPI"} & set(environ):
        # Not MPI4PY_MPIABI as well: with it, mpi4py trusts the word and does not load the library.
        wanted["MPI4PY_LIBMPI"] = library
    if vendor == "openmpi":
        # Engines may use several cores each. Version 4 and 5 read different names.
        if oversubscribe:
            wanted["OMPI_MCA_rmaps_base_oversubscribe"] = "1"
            wanted["PRTE_MCA_rmaps_default_mapping_policy"] = ":oversubscribe"
        wanted["OMPI_MCA_hwloc_base_binding_policy"] = "none"
        wanted["PRTE_MCA_hwloc_default_binding_policy"] = "none"
        if os.geteuid() == 0:
            for name in ("OMPI_ALLOW_RUN_AS_ROOT", "PRTE_ALLOW_RUN_AS_ROOT"):
                wanted[name] = wanted[f"{name}_CONFIRM"] = "1"
    return {name: value for name, value in wanted.items() if name not in environ}
