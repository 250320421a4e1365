"""Simulated batch systems with a job in them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakepbs import FakePBS

Submit = Callable[[FakePBS, str], str]


@pytest.fixture
def dialect() -> str:
    """The voice of the batch system; tests override it."""
    return "openpbs"


@pytest.fixture
def pbs(tmp_path: Path, dialect: str) -> Iterator[FakePBS]:
    """A simulated batch system."""
    fake = FakePBS(tmp_path / "pbs", dialect)  # type: ignore[arg-type]  # a name of a dialect
    yield fake
    fake.shutdown()


@pytest.fixture
def submit(tmp_path: Path) -> Submit:
    """Submit a job of this name that does nothing for long; return its id."""

    def qsub(pbs: FakePBS, name: str) -> str:
        script = tmp_path / f"{name}.sh"
        script.write_text(f"#!/bin/bash\n#PBS -N {name}\n#PBS -l walltime=2:00:00\nexec sleep 600\n")
        script.chmod(0o700)
        before = {job.job_id for job in pbs.jobs()}
        subprocess.run(
            ["qsub", "-N", name, str(script)], env=pbs.environ, cwd=tmp_path, check=True, capture_output=True
        )
        (job_id,) = {job.job_id for job in pbs.jobs()} - before
        return job_id

    return qsub
