"""ipyparallel's own tests of its magics, as they are installed, against ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).resolve().parent
EXPECTED_SKIPS = {
    "test_cellpx_stream",  # by ipyparallel itself: "ordering issues in ipykernel 7"
    "test_px_matplotlib",  # where there is no matplotlib
}


@pytest.mark.timeout(330)
def test_ipyparallels_own_tests_of_its_magics_pass_against_ours(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "peer_magics", "-p", "no:cacheprovider"]
    paths = [str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [*command, "-c", "pytest.ini", f"--junitxml={report}", "--pyargs", "ipyparallel.tests.test_magics"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314 - pytest's own
    skipped = {str(case.get("name")) for case in cases if case.find("skipped") is not None}
    assert skipped <= EXPECTED_SKIPS
    assert len(cases) - len(skipped) >= 20
