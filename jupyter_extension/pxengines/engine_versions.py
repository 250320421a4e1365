"""What the engines of any cluster, ours or not, run: asked when a kernel connects."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyparallel import AsyncResult, Client

_ANSWER_SECONDS = 3.0

# Sent as text, because bytecode of another Python is what is being looked for. MPI is asked only where
# it is loaded: importing it could start it on an engine that mpiexec did not start.
_QUESTION = """(lambda platform, ipyparallel, MPI: [
    platform.python_version(),
    ipyparallel.__version__,
    MPI and MPI.COMM_WORLD.Get_size(),
    MPI and MPI.get_vendor(),
])(__import__("platform"), __import__("ipyparallel"), __import__("sys").modules.get("mpi4py.MPI"))"""


@dataclass(frozen=True)
class EngineVersions:
    """What one engine runs; `world_size` and `library` are None where MPI is not loaded."""

    python: str
    ipyparallel: str
    world_size: int | None
    library: str | None


def ask_versions(client: Client) -> AsyncResult:
    """Ask each engine of `client` what it runs; returns at once."""
    # A builtin travels by its name: no Python of another version has to unpack our code.
    return client[:].apply_async(eval, _QUESTION)


def versions_told(asked: AsyncResult) -> list[EngineVersions] | None:
    """Return the answers to `ask_versions`; None if engines are too busy to answer within seconds."""
    if not asked.wait(_ANSWER_SECONDS):
        return None
    return [_versions(answer) for answer in asked.get()]


def world_words(versions: list[EngineVersions] | None, recorded: dict[str, Any] | None, count: int) -> str:
    """Return the MPI world in words: ``one MPI world of 8, MPICH 5.0.2``."""
    if versions is None:
        if recorded is None:
            return "busy"
        return f"one MPI world of {recorded.get('size')}, {library_words(str(recorded.get('library', '')))}"
    sizes = {v.world_size for v in versions}
    libraries = ", ".join(sorted({v.library for v in versions if v.library}))
    if sizes == {None}:
        return "without MPI"
    return f"one MPI world of {count}, {libraries}" if sizes == {count} else f"not one MPI world, {libraries}"


def differences(
    versions: list[EngineVersions] | None, recorded: dict[str, Any] | None, size: int
) -> list[str]:
    """Return what differs between this kernel and the engines, or among them, a sentence each.

    Parameters
    ----------
    versions : what the engines told; None if they were too busy.
    recorded : the world in the cluster's record, or None.
    size : how large the MPI world should be.
    """
    import ipyparallel

    mine = platform.python_version()
    if versions is None:
        told = str((recorded or {}).get("python_version", mine))
        words = [] if same_python(told, mine) else [_skew("Python", {told}, mine)]
        return [*words, "the engines are busy: their versions could not be compared with this kernel's."]
    words = []
    pythons = {v.python for v in versions if not same_python(v.python, mine)}
    if pythons:
        words.append(_skew("Python", pythons, mine))
    major = ipyparallel.__version__.split(".")[0]
    others = {v.ipyparallel for v in versions if v.ipyparallel.split(".")[0] != major}
    if others:
        words.append(_skew("ipyparallel", others, ipyparallel.__version__))
    sizes = {v.world_size for v in versions if v.world_size is not None}
    if sizes and sizes != {size}:
        told = ", ".join(str(s) for s in sorted(sizes))
        words.append(
            f"the engines are not one MPI world of {size} (sizes seen: {told}): psum and other collective "
            "calls give each engine a part of the answer, without an error. Start the cluster in the "
            "Engines panel, which checks this."
        )
    return words


def library_words(text: str) -> str:
    """Return an MPI library's version text as people say it: ``MPICH Version:      5.0.2`` is MPICH 5.0.2."""
    found = re.match(r"(?P<name>.*?)\s*(?:Version:?|v)?\s*(?P<version>\d[\w.]*)", text)
    return f"{found['name']} {found['version']}" if found else " ".join(text.split())


def same_python(one: str, other: str) -> bool:
    """Tell whether two Python versions can exchange code: same major and minor."""
    return one.split(".")[:2] == other.split(".")[:2]


def _versions(answer: list[Any]) -> EngineVersions:
    python, ipyparallel, size, vendor = answer
    library = None if vendor is None else f"{vendor[0]} {'.'.join(str(part) for part in vendor[1])}"
    return EngineVersions(python, ipyparallel, size, library)


def _skew(what: str, theirs: set[str], mine: str) -> str:
    return (
        f"the engines run {what} {', '.join(sorted(theirs))}, this kernel {what} {mine}: functions and "
        "objects sent between them may fail. Use the same environment for both."
    )
