"""Slurm's Torque dialect: what it makes of submissions and changes, and of a real one's answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from recordings import recorded

from jupyterlab_engines.api.profiles import Resources
from jupyterlab_engines.scheduler.base import Completed, NoAnswer, Refused, Submission, UnknownJob, Unreadable
from jupyterlab_engines.scheduler.slurm_torque import SlurmTorque

DIALECT = SlurmTorque("22.05.8", "vm")
NOTHING = Resources(
    queue=None,
    walltime_seconds=None,
    nodes=None,
    engines_per_node=None,
    cores_per_engine=None,
    memory_bytes=None,
    account=None,
)


def slurm(name: str) -> Completed:
    return recorded("slurm", name)


def printed(stdout: bytes, status: int = 0) -> Completed:
    return Completed(("qsub",), status, stdout, b"")


# --- submitting


@pytest.mark.parametrize("name", ["qsub_array_cmd", "qsub_cmdline"])
def test_submitted(name: str) -> None:
    assert DIALECT.read_submit(slurm(name)).isdigit()
    noisy = printed(b"Welcome!\nquota: 7\n" + slurm(name).stdout + b"\nsee you\n")
    assert DIALECT.read_submit(noisy) == slurm(name).stdout.decode().strip()


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("err_bad_walltime_cmd", "bad_walltime", "Invalid time limit specified (banana)"),
        ("err_bad_walltime_script", "bad_walltime", "Invalid --time specification"),
        ("err_no_script", "bad_script", "Unable to open file nosuchfile.sh"),
        ("err_queue_maxnodes", "over_limits", "Node count specification invalid"),
        ("err_too_many_nodes", "over_limits", "Node count specification invalid"),
        ("err_too_many_ppn", "over_limits", "More processors requested than permitted"),
        ("err_walltime_over", "over_limits", "Requested time limit is invalid"),
        ("qsub_badopt", "bad_resource", "Unrecognized command line parameter"),
        ("err_qsub_badopt", "bad_resource", "Unknown option: bogus"),
        ("qsub_bare", "bad_script", "For instance: #!/bin/sh"),
    ],
)
def test_refused(name: str, code: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        DIALECT.read_submit(slurm(name))
    assert caught.value.code == code
    assert words in caught.value.message
    assert "sbatch: error" not in caught.value.message
    assert caught.value.hint


def test_refused_for_an_unknown_queue() -> None:
    block = slurm("err_no_script").stdout.replace(
        b"'sbatch: error: Unable to open file nosuchfile.sh\n",
        b"'sbatch: error: invalid partition specified: nosuch\n"
        b" sbatch: error: Batch job submission failed: Invalid partition name specified\n",
    )
    with pytest.raises(Refused) as caught:
        DIALECT.read_submit(printed(block, 1))
    assert caught.value.code == "unknown_queue"
    assert "/usr/bin/sbatch" not in caught.value.output


def test_a_scheduler_that_is_down_has_not_refused() -> None:
    with pytest.raises(NoAnswer, match=r"Unable to contact slurm controller \(connect failure\)"):
        DIALECT.read_submit(slurm("down_qsub"))
    with pytest.raises(Unreadable):
        DIALECT.read_submit(printed(b"on cluster2\n"))


def test_the_command_that_submits(tmp_path: Path) -> None:
    order = Submission(tmp_path / "a.sh", "pxe-1a2b3c", tmp_path, tmp_path / "out.txt")
    command = DIALECT.submit(order)
    assert command.argv == (
        "qsub",
        "-j",
        "oe",
        "-o",
        f"{tmp_path}/out.txt",
        "-N",
        "pxe-1a2b3c",
        f"{tmp_path}/a.sh",
    )
    assert (command.cwd, command.seconds) == (tmp_path, 30.0)
    unnamed = DIALECT.submit(Submission(order.script, "", tmp_path, order.output))
    assert "-N" not in unnamed.argv


def test_paths_are_safe_in_the_wrapper_s_shell() -> None:
    folder = Path("/scratch/a b;id")
    argv = DIALECT.submit(Submission(folder / "$(id).sh", "n", folder, folder / "100%.txt")).argv
    assert argv[4] == "'/scratch/a b;id/100%%.txt'"
    assert argv[-1] == "'/scratch/a b;id/$(id).sh'"


def test_directives() -> None:
    asked = Resources(
        queue="batch",
        walltime_seconds=90061,
        nodes=2,
        engines_per_node=None,
        cores_per_engine=2,
        memory_bytes=3 << 30,
        account="proj1",
    )
    assert DIALECT.directives(asked, 7, "pxe-1") == [
        "#PBS -N pxe-1",
        "#PBS -q batch",
        "#PBS -A proj1",
        "#PBS -l select=2:ncpus=8:mpiprocs=4",
        "#PBS -l walltime=25:01:01",
        "#PBS -l mem=3145728kb",
    ]
    assert DIALECT.directives(NOTHING, 8, "") == ["#PBS -l select=1:ncpus=8:mpiprocs=8"]


# --- changing


@pytest.mark.parametrize("bad", ["17_2", "17[3]", "1.vm", "-1", "", "foo", "1 2", "\u0661"])
def test_only_bare_numbers_are_handed_on(bad: str) -> None:
    for make in (DIALECT.delete, DIALECT.hold, DIALECT.release):
        with pytest.raises(UnknownJob):
            make(bad)
    with pytest.raises(UnknownJob):
        DIALECT.query([bad])


def test_commands_that_change() -> None:
    assert DIALECT.delete("17").argv == ("qdel", "17")
    assert DIALECT.hold("17").argv == ("qhold", "-h", "u", "17")
    assert DIALECT.release("17").argv == ("qrls", "-h", "u", "17")
    assert [command.argv for command in DIALECT.query(["1", "2"])] == [("qstat", "-f", "1", "2")]
    assert [command.argv for command in DIALECT.query([str(n) for n in range(999)])] == [("qstat", "-f")]
    assert DIALECT.query([]) == []


def test_the_walltime_cannot_be_changed() -> None:
    assert "alter_walltime" not in DIALECT.actions
    with pytest.raises(Refused) as caught:
        DIALECT.alter_walltime("1", 60)
    assert caught.value.code == "not_supported"


@pytest.mark.parametrize("name", ["qdel_held", "qhold", "qhold_running", "qrls_h_u", "qrls_noopt"])
def test_accepted(name: str) -> None:
    DIALECT.read_change(slurm(name), "delete", "1")


def test_a_silent_no_says_nothing() -> None:
    for name in ("err_qdel_unknown", "qdel_other_user"):
        with pytest.raises(UnknownJob) as caught:
            DIALECT.read_change(slurm(name), "delete", "99999")
        assert caught.value.output == ""


@pytest.mark.parametrize("name", ["err_qhold_unknown", "err_qrls_unknown"])
def test_an_unknown_job(name: str) -> None:
    with pytest.raises(UnknownJob) as caught:
        DIALECT.read_change(slurm(name), "hold", "99999")
    assert "Invalid job id" in caught.value.output


@pytest.mark.parametrize("name", ["down_qdel", "munge_down_qdel"])
def test_a_change_that_nobody_answered(name: str) -> None:
    with pytest.raises(NoAnswer):
        DIALECT.read_change(slurm(name), "delete", "23")


def test_a_job_of_another_user() -> None:
    with pytest.raises(Refused) as caught:
        DIALECT.read_change(slurm("qhold_root_job_as_alice"), "hold", "1")
    assert (caught.value.code, caught.value.message) == (
        "no_permission",
        "The batch system did not hold job 1: Invalid user id.",
    )


def test_a_job_that_has_ended() -> None:
    done = Completed(("qhold",), 1, b"qhold: Error on job id 2: Job has already finished\n", b"")
    with pytest.raises(Refused) as caught:
        DIALECT.read_change(done, "hold", "2")
    assert caught.value.code == "finished"
