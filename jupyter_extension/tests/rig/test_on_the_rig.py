"""What the rig promises to the tests that use it, on the rig itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from rigside import REPO, Rig, call_rig, until

PIDS = REPO / ".cache" / "rig" / "pids"

TWO_NODES = "#!/bin/bash\n#PBS -l nodes=2:ppn=4,walltime=00:05:00\n"
WORLD = """
import json, socket
from mpi4py import MPI
world = MPI.COMM_WORLD
where = world.gather(socket.gethostname(), 0)
if world.rank == 0:
    print(json.dumps([world.size, where]))
"""


@pytest.fixture
def folder(rig: Rig) -> Path:
    return rig.folder("job")


def notes() -> dict[str, str]:
    return {file.name: file.read_text() for file in PIDS.iterdir()}


def test_up_again_changes_nothing(rig: Rig) -> None:
    before = notes(), Path("/etc/hosts").read_text(), Path("/etc/slurm/slurm.conf").read_text()
    done = call_rig("up", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["started"] is False
    assert (notes(), Path("/etc/hosts").read_text(), Path("/etc/slurm/slurm.conf").read_text()) == before


def test_lost_notes_are_written_again(rig: Rig) -> None:
    before = notes()
    for note in PIDS.iterdir():
        note.unlink()
    assert call_rig("up", "--json").returncode == 0
    assert notes() == before


def test_status_names_nodes_queues_and_user(rig: Rig) -> None:
    done = call_rig("status")
    assert done.returncode == 0, done.stdout
    assert all(
        name in done.stdout for name in [*rig.nodes, *rig.queues, rig.user, "slurmctld", "rig -- down"]
    )


def test_run_passes_on_what_the_command_says(rig: Rig) -> None:
    done = call_rig("run", "sh", "-c", 'id -un; echo "$HOME"; command -v qsub; exit 7')
    assert done.stdout.split() == [rig.user, str(rig.home), "/usr/bin/qsub"]
    assert done.returncode == 7


def test_a_job_runs_on_both_nodes(rig: Rig, folder: Path) -> None:
    script = TWO_NODES + 'cat "$PBS_NODEFILE"; srun hostname | sort; id -un; pwd; getent hosts n1 n2'
    lines = rig.output_of(folder, rig.qsub(folder, script)).splitlines()
    nodes = ["n1"] * 4 + ["n2"] * 4
    assert lines[:8] == nodes
    assert lines[8:16] == nodes
    assert lines[16:18] == [rig.user, str(folder)]
    assert [line.split()[1] for line in lines[18:]] == ["n1", "n2"]


def test_mpiexec_makes_one_world_of_both_nodes(rig: Rig, folder: Path) -> None:
    (folder / "world.py").write_text(WORLD)
    mpiexec = Path(rig.python).with_name("mpiexec")
    job = rig.qsub(folder, f"{TWO_NODES}'{mpiexec}' -n 8 '{rig.python}' world.py\n")
    output = rig.output_of(folder, job)
    assert json.loads(output) == [8, ["n1"] * 4 + ["n2"] * 4]


def test_jobs_belong_to_an_ordinary_user(rig: Rig) -> None:
    if rig.why_root and not os.environ.get("CI"):
        pytest.skip(f"jobs run as root, because {rig.why_root}")
    assert rig.why_root is None
    assert rig.user != "root"
    assert rig.run_as_job_user(["cat", "/etc/shadow"]).returncode != 0
    done = rig.run_as_job_user([rig.python, "-c", "import jupyterlab_engines, mpi4py.MPI; print('imported')"])
    assert done.stdout == "imported\n", done.stderr


def test_the_view_shows_only_what_it_has_to(rig: Rig, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "needed" / "inner").mkdir(parents=True)
    (closed / "secret").mkdir()
    closed.chmod(0o700)
    view = REPO / "jupyter_extension" / "dev" / "rig" / "view.sh"
    options = ["--cover", str(closed), "--bind", str(closed / "needed")]
    program = 'echo $$; ls "$0"; ls "$0/needed"; stat --format=%a "$0"'
    process = subprocess.Popen(
        [str(view), *options, "--", "sh", "-c", program, str(closed)], stdout=subprocess.PIPE, text=True
    )
    output, _ = process.communicate(timeout=60)
    # One process all the way: who started it can signal it.
    assert output.split() == [str(process.pid), "needed", "inner", "755"]
    assert closed.stat().st_mode & 0o777 == 0o700
    assert {folder.name for folder in closed.iterdir()} == {"needed", "secret"}


def test_the_queues_are_seen_with_the_commands_of_pbs(rig: Rig) -> None:
    queues = rig.run_as_job_user(["qstat", "-Q"]).stdout
    nodes = rig.run_as_job_user(["pbsnodes", "-a"]).stdout
    assert all(name in queues for name in rig.queues)
    assert nodes.count(f"np = {rig.slots}") == len(rig.nodes)


def test_cancel_ends_only_what_was_submitted_there(rig: Rig, folder: Path) -> None:
    other = rig.folder("other")
    sleeper = "#!/bin/bash\n#PBS -l nodes=1:ppn=1\nexec sleep 600\n"
    ours, theirs = rig.qsub(folder, sleeper), rig.qsub(other, sleeper)
    until(lambda: [job.state for job in rig.jobs(folder)] == ["RUNNING"], "a running job")
    rig.cancel(folder)
    assert rig.job(ours).state == "CANCELLED"
    assert not rig.job(theirs).is_over
    rig.cancel(other)
    assert rig.job(theirs).is_over


def test_a_job_of_a_node_that_is_lost_waits_for_it(rig: Rig, folder: Path) -> None:
    job = rig.qsub(folder, TWO_NODES + "exec sleep 600\n")
    until(lambda: rig.job(job).state == "RUNNING", "a running job")
    with rig.node_down("n2"):
        assert rig.node_state("n2").startswith("down")
        until(lambda: rig.job(job).state == "PENDING", "the job to be requeued")
    assert rig.node_state("n2") in {"idle", "mixed", "allocated"}
    rig.cancel(folder)


def test_a_stopped_scheduler_comes_back_with_its_jobs(rig: Rig, folder: Path) -> None:
    job = rig.qsub(folder, "#!/bin/bash\n#PBS -l nodes=1:ppn=1\nexec sleep 600\n")
    until(lambda: rig.job(job).state == "RUNNING", "a running job")
    with rig.scheduler_stopped():
        with socket.socket() as caller:
            assert caller.connect_ex(("127.0.0.1", 6817)) != 0
    assert rig.job(job).state == "RUNNING"
    rig.cancel(folder)


def test_a_frozen_scheduler_lets_qstat_hang(rig: Rig) -> None:
    with rig.scheduler_frozen(), pytest.raises(subprocess.TimeoutExpired):
        rig.run_as_job_user(["qstat"], timeout=1)
    assert rig.run_as_job_user(["qstat", "-Q"]).returncode == 0


def test_finished_jobs_are_forgotten_soon_if_asked(rig: Rig, folder: Path) -> None:
    with rig.finished_jobs_forgotten(2):
        job = rig.qsub(folder, "#!/bin/bash\ntrue\n")
        rig.output_of(folder, job)
        # Slurm looks for what to forget once a minute.
        until(lambda: rig.job(job) is None, f"job {job} to be forgotten", seconds=150)
