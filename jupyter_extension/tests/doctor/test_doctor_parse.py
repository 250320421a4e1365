"""``jupyter engines parse``: every recording, in all three dialects, and what cannot be read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from jupyterlab_engines import __version__
from jupyterlab_engines.api.jobs import Job
from jupyterlab_engines.api.names import Dialect
from jupyterlab_engines.cli import main

RECORDINGS = Path(__file__).resolve().parents[1] / "data" / "pbs"
FOLDERS = {"openpbs": "openpbs", "torque": "torque", "slurm_torque": "slurm"}
_IDS = re.compile(rb'^Job Id:\s+(\S+)$|<Job_Id>([^<]+)</Job_Id>|^\s{4,8}"([0-9][^"\s]*)":\{$', re.MULTILINE)


def ids_in(output: bytes) -> list[str]:
    """Return the ids that stand in full output of qstat, found without our readers."""
    return [next(filter(None, found)).decode() for found in _IDS.findall(output)]


def full_recordings() -> list[Any]:
    """Return (dialect, file) of each recording of full output with jobs in it."""
    return [
        pytest.param(dialect, path, id=f"{folder}-{path.stem}")
        for dialect, folder in FOLDERS.items()
        for path in sorted((RECORDINGS / folder).glob("*.out"))
        if ids_in(path.read_bytes()) and "dsv" not in path.name
    ]


def test_there_are_recordings_of_each() -> None:
    of = [parameter.values[0] for parameter in full_recordings()]
    assert {dialect: of.count(dialect) > 3 for dialect in FOLDERS} == dict.fromkeys(FOLDERS, True)
    assert set(FOLDERS) == set(get_args(Dialect))


@pytest.mark.parametrize(("dialect", "path"), full_recordings())
def test_a_recording_is_printed_as_jobs(dialect: str, path: Path, capfdbinary: Any) -> None:
    assert main(["parse", dialect, str(path)]) == 0
    printed = capfdbinary.readouterr()
    jobs = msgspec.json.decode(printed.out, type=list[Job])
    assert [job.job_id for job in jobs] == ids_in(path.read_bytes())
    assert printed.err == b""


@pytest.mark.parametrize("dialect", sorted(FOLDERS))
def test_nothing_is_no_jobs(dialect: str, tmp_path: Path, capsys: Any) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    status = main(["parse", dialect, str(empty)])
    printed = capsys.readouterr()
    assert (status, json.loads(printed.out)) == (0, [])


@pytest.mark.parametrize("dialect", sorted(FOLDERS))
def test_what_is_no_output_of_qstat_is_refused_with_its_words(
    dialect: str, tmp_path: Path, capsys: Any
) -> None:
    odd = tmp_path / "odd"
    odd.write_text("Dear user, the server is down for maintenance.\n")
    assert main(["parse", dialect, str(odd)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert dialect in printed.err
    assert "the server is down for maintenance" in printed.err


def test_half_an_answer_is_refused(tmp_path: Path, capsys: Any) -> None:
    whole = (RECORDINGS / "openpbs" / "qstat_f_json.out").read_bytes()
    half = tmp_path / "half.json"
    half.write_bytes(whole[: len(whole) // 2])
    assert main(["parse", "openpbs", str(half)]) == 1
    assert "It stopped at:" in capsys.readouterr().err


def test_a_missing_file_and_a_wrong_dialect_are_usage(tmp_path: Path, capsys: Any) -> None:
    assert main(["parse", "torque", str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["parse", "lsf", "-"])
    assert ended.value.code == 2
    assert "slurm_torque" in capsys.readouterr().err


def test_as_a_command_it_reads_standard_input_without_a_jupyter_server() -> None:
    code = (
        "import sys; from jupyterlab_engines.cli import main; status = main(); "
        "assert 'jupyter_server' not in sys.modules; sys.exit(status)"
    )
    output = (RECORDINGS / "torque" / "qstat_x.out").read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", code, "parse", "torque", "-"], input=output, capture_output=True, check=False
    )
    assert done.stderr == b""
    assert done.returncode == 0
    assert [job["job_id"] for job in json.loads(done.stdout)] == ids_in(output)


def test_version_and_help_name_what_there_is(capsys: Any) -> None:
    for argument in ("--version", "--help"):
        with pytest.raises(SystemExit) as ended:
            main([argument])
        assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith(__version__)
    assert "jupyter engines doctor" in printed
    assert "parse" in printed
