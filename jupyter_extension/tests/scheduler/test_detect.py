"""Which batch system there is: real recordings of what commands say of themselves, and fakes that talk so."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from recordings import FOLDER

from jupyterlab_engines.scheduler import detect as detection
from jupyterlab_engines.scheduler.base import NoAnswer
from jupyterlab_engines.scheduler.detect import detect

pytestmark = pytest.mark.asyncio

VERSIONS = {
    "openpbs": ("pbs_version = 23.06.06\n", "", 0),
    "torque": ("Version: 6.1.3.h5\nCommit: 4decc716daa73044648b5578ef68d89713d2f6a2\n", "", 0),
}


def put(folder: Path, program: str, stdout: str, stderr: str, status: int, *, hang: str = "") -> None:
    """Make a command that says just this, whatever it is asked."""
    path = folder / program
    path.write_text(
        f"#!{sys.executable} -SEs\nimport sys, time\n"
        f"time.sleep({hang or 0})\n"
        f"sys.stdout.write({stdout!r})\nsys.stderr.write({stderr!r})\nsys.exit({status})\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def environ(folder: Path) -> dict[str, str]:
    return {**os.environ, "PATH": str(folder)}


async def test_none(tmp_path: Path) -> None:
    assert await detect(environ(tmp_path)) is None


@pytest.mark.parametrize("name", ["openpbs", "torque"])
async def test_a_version_tells(tmp_path: Path, name: str) -> None:
    stdout, stderr, status = VERSIONS[name]
    put(tmp_path, "qstat", stdout, stderr, status)
    found = await detect(environ(tmp_path))
    assert found is not None
    assert found.dialect == name
    assert found.version == stdout.split()[1 if name == "torque" else 2]
    assert found.server == ""  # this qstat says nothing of a server


async def test_older_torque_tells_on_stderr(tmp_path: Path) -> None:
    put(tmp_path, "qstat", "", "version: 2.5.13\n", 0)
    found = await detect({**environ(tmp_path), "PBS_DEFAULT": "head"})
    assert found is not None
    assert (found.dialect, found.version, found.server) == ("torque", "2.5.13", "head")


async def test_slurm_s_commands_know_no_version(tmp_path: Path) -> None:
    usage = (FOLDER / "slurm" / "qstat_version.err").read_text()
    put(tmp_path, "qstat", "", usage, 2)
    put(tmp_path, "sinfo", "slurm-wlm 22.05.8\n", "", 0)
    found = await detect(environ(tmp_path))
    assert found is not None
    assert (found.dialect, found.version) == ("slurm_torque", "22.05.8")
    assert found.server == os.uname().nodename
    assert found.actions == {"hold", "release", "delete"}
    (tmp_path / "sinfo").unlink()
    found = await detect(environ(tmp_path))
    assert found is not None
    assert (found.dialect, found.version) == ("slurm_torque", "")


async def test_qsub_tells_where_qstat_does_not(tmp_path: Path) -> None:
    put(tmp_path, "qstat", "", "qstat: site wrapper\n", 1)
    put(tmp_path, "qsub", *VERSIONS["openpbs"])
    found = await detect(environ(tmp_path))
    assert found is not None
    assert found.dialect == "openpbs"


async def test_a_batch_system_that_we_do_not_speak(tmp_path: Path) -> None:
    for program in ("qstat", "qsub"):
        put(tmp_path, program, "", "error: Unknown option --version\nusage: qstat [options]\n", 1)
    assert await detect(environ(tmp_path)) is None


async def test_commands_that_hang_are_not_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_children: Callable[[], list[psutil.Process]]
) -> None:
    monkeypatch.setattr(detection, "_SECONDS", 0.5)
    for program in ("qstat", "qsub"):
        put(tmp_path, program, "", "", 0, hang="600")
    with pytest.raises(NoAnswer, match="did not tell its version"):
        await detect(environ(tmp_path))
    assert new_children() == []


async def test_commands_that_we_may_not_run(tmp_path: Path) -> None:
    (tmp_path / "qstat").write_text(f"#!{shlex.quote(sys.executable)}\n")
    assert await detect(environ(tmp_path)) is None
