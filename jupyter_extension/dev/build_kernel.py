"""Compiles the kernel (all that is in C): a step of building the wheel, and of the set-up of this tree.

``python jupyter_extension/dev/build_kernel.py`` compiles it into the tree. What needs it works without it,
in Python and numpy; so where there is no C compiler it is left out, with a note. ``CC`` names the compiler;
``PXENGINES_PURE=1`` leaves it out of a wheel, which then fits every platform. ``CFLAGS`` are not read: they
may allow arithmetic that is not exact, or instructions that the next machine does not have.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# From the file, as hatchling runs it from anywhere.
PACKAGE = Path(__file__).resolve().parents[1] / "pxengines" / "mpi"
SOURCES = (PACKAGE / "exact_kernel.c", PACKAGE / "lane_kernel.c")
LIBRARY = PACKAGE / "libkernel.so"  # on macOS too: ctypes takes any name
IN_WHEEL = "pxengines/mpi/libkernel.so"
FLAGS = ["-std=c11", "-O3", "-ffp-contract=off", "-fno-fast-math", "-fPIC", "-shared", "-fvisibility=hidden"]
COMPILERS = ["cc", "gcc", "clang"]


def find_compiler() -> list[str] | None:
    """Return the command of the C compiler; None if there is none that fits."""
    if sys.platform == "win32":
        return None
    named = shlex.split(os.environ.get("CC", ""))
    if named:
        return named
    found = next((name for name in COMPILERS if shutil.which(name)), None)
    return [found] if found else None


def compile_kernel(library: Path, sources: Sequence[Path] = SOURCES) -> str | None:
    """Compile the kernel into `library`; return why that was not possible, or None.

    Programs that have an old file open keep it. If there is no new one, the old one is removed.
    """
    why = _compiled(library, sources)
    if why is not None:
        library.unlink(missing_ok=True)
    return why


def _compiled(library: Path, sources: Sequence[Path]) -> str | None:
    compiler = find_compiler()
    if compiler is None:
        return "there is no C compiler (cc, gcc or clang; CC names another)"
    # Beside its place, so that it can be moved there in one step.
    with tempfile.TemporaryDirectory(dir=library.parent, prefix=".kernel-") as folder:
        made = Path(folder) / library.name
        command = [*compiler, *FLAGS, "-o", str(made), *map(str, sources), "-lm"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            return f"{compiler[0]} cannot be run: {error}"
        if done.returncode:
            return f"{shlex.join(command)} failed:\n{done.stderr.strip()}"
        made.replace(library)
    return None


def platform_tag() -> str:
    """Return the platform of what the compiler makes, as wheels name it."""
    if sys.platform == "darwin":
        # What Python was built for may be two processors; the compiler makes code for this one.
        from packaging.tags import mac_platforms

        return next(mac_platforms())
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def left_out(why: str) -> str:
    """Return the note that there is no compiled kernel."""
    return f"jupyterlab-engines: exact sums and small reductions will run in Python, slower: {why}"


class CustomBuildHook(BuildHookInterface[Any]):
    """Puts the kernel into the wheel; for an editable installation, into the tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling."""
        if version == "editable":
            why = compile_kernel(LIBRARY)
        elif os.environ.get("PXENGINES_PURE", "") not in ("", "0"):
            why = "PXENGINES_PURE is set"
        else:
            self._folder = tempfile.TemporaryDirectory(prefix="jupyterlab-engines-")
            library = Path(self._folder.name) / LIBRARY.name
            why = compile_kernel(library)
            if why is None:
                build_data["force_include"][str(library)] = IN_WHEEL
                build_data["pure_python"] = False
                # No version of Python: ctypes loads it.
                build_data["tag"] = f"py3-none-{platform_tag()}"
        if why is not None:
            self.app.display_warning(left_out(why))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """See hatchling."""
        folder = getattr(self, "_folder", None)
        if folder is not None:
            folder.cleanup()


if __name__ == "__main__":
    reason = compile_kernel(LIBRARY)
    if reason is not None:
        print(left_out(reason))
