"""OpenPBS's dialect: what is asked, submitted and changed, and what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pbs_contract import asked
from pbs_recordings import of, ran

from jupyterlab_engines.api.jobs import NodeShape
from jupyterlab_engines.scheduler.base import Completed, NoAnswer, Refused, Submission, UnknownJob, Unreadable
from jupyterlab_engines.scheduler.openpbs import OpenPbs


def dialect() -> OpenPbs:
    return OpenPbs("23.06.06", "pbshead")


# --- questions


def test_queries() -> None:
    pbs = dialect()
    assert [command.argv for command in pbs.query(["16.pbshead", "18[2].pbshead"])] == [
        ("qstat", "-x", "-f", "-F", "json", "16.pbshead"),
        ("qstat", "-x", "-f", "-F", "json", "18[2].pbshead"),
    ]
    assert pbs.list_jobs("pbsuser").argv == ("qstat", "-f", "-t", "-F", "json")
    assert pbs.raw_table("pbsuser").argv == ("qstat", "-tn", "-u", "pbsuser")
    assert pbs.find("px-1a2b3c", "pbsuser").argv == ("qselect", "-x", "-N", "px-1a2b3c", "-u", "pbsuser")
    assert pbs.read_find(ran("openpbs", "qselect"), "x") == ["16.pbshead", "19.pbshead"]


def test_a_question_about_a_job() -> None:
    done = ran("openpbs", "fin_OK_xf_json")
    assert list(dialect().read_query(done)) == ["16.pbshead"]
    short = Completed((*done.argv[:-1], "16"), 0, done.stdout, b"")
    assert set(dialect().read_query(short)) == {"16", "16.pbshead"}
    other = Completed((*done.argv[:-1], "17.pbshead"), 0, done.stdout, b"")
    with pytest.raises(Unreadable):
        dialect().read_query(other)


def test_a_server_without_history_is_asked_without() -> None:
    pbs = dialect()
    refused = b"qstat: PBS is not configured to maintain job history\n"
    with pytest.raises(NoAnswer):
        pbs.read_query(Completed(("qstat", "-x", "1.s"), 38, b"", refused))
    assert pbs.query(["1.s"])[0].argv == ("qstat", "-f", "-F", "json", "1.s")
    assert "-x" not in pbs.find("name", "user").argv
    with pytest.raises(NoAnswer):
        pbs.read_query(ran("openpbs", "fin_OK_noX"))
    assert "-x" in pbs.query(["1.s"])[0].argv


def test_queues() -> None:
    queues = {queue.name: queue for queue in dialect().read_queues(ran("openpbs", "qstat_Qf_json"))}
    assert list(queues) == ["workq", "default", "debug", "priv", "closed"]
    assert queues["debug"].max_walltime_seconds == 1800
    assert queues["default"].max_walltime_seconds is None
    assert (queues["closed"].enabled, queues["closed"].started) == (False, False)
    assert (queues["priv"].enabled, queues["priv"].started) == (True, True)


def test_nodes() -> None:
    memory = 24684084 * 1024
    for name, up in (("pbsnodes_a_json", 2), ("pbsnodes_a_offline_json", 1)):
        shape = NodeShape(count=2, up=up, cores=16, memory_bytes=memory)
        assert dialect().read_nodes(ran("openpbs", name)) == [shape]


# --- submitting and changing


def test_submit(tmp_path: Path) -> None:
    order = Submission(tmp_path / "job.sh", "px-1a2b3c", tmp_path, tmp_path / "job.out")
    made = dialect().submit(order)
    output, script = str(tmp_path / "job.out"), str(tmp_path / "job.sh")
    assert made.argv == ("qsub", "-N", "px-1a2b3c", "-j", "oe", "-o", output, script)
    assert (made.seconds, made.cwd) == (60.0, tmp_path)
    assert "-N" not in dialect().submit(Submission(tmp_path, "", tmp_path, tmp_path)).argv
    with pytest.raises(ValueError, match="name"):
        dialect().submit(Submission(tmp_path, "-x; rm", tmp_path, tmp_path))


@pytest.mark.parametrize("name", sorted(set(of("openpbs", "qsub")) - {"qsub_version"}))
def test_submitted(name: str) -> None:
    done = ran("openpbs", name)
    if done.status == 0:
        assert dialect().read_submit(done) == done.stdout.decode().strip()


@pytest.mark.parametrize(
    ("stdout", "job_id"),
    [
        (b"16.pbshead\n", "16.pbshead"),
        (b"Project: physics, 40000 hours left\n12\n16.pbshead\n", "16.pbshead"),
        (b"\xff\xfe\n18[].pbs-head.site.org\nHave a nice day.\n", "18[].pbs-head.site.org"),
        (b"", None),
        (b"submitted\n", None),
        (b"16\n", None),
        (b"16.pbshead 17.pbshead\n", None),
        (b"16.pbshead\n17.pbshead\n", None),
        (b"-16.pbshead\n", None),
    ],
)
def test_the_id_among_other_words(stdout: bytes, job_id: str | None) -> None:
    done = Completed(("qsub",), 0, stdout, b"")
    if job_id is None:
        with pytest.raises(NoAnswer):
            dialect().read_submit(done)
    else:
        assert dialect().read_submit(done) == job_id


def test_refusals_have_the_servers_words_and_a_hint() -> None:
    with pytest.raises(Refused) as caught:
        dialect().read_submit(ran("openpbs", "qsub_over_queue_walltime"))
    assert caught.value.output == "qsub: Job violates queue and/or server resource limits"
    assert "qstat -Qf" in caught.value.hint
    assert caught.value.message.startswith("Could not submit the job. ")
    with pytest.raises(Refused, match=r"Could not delete job 26\.pbshead\. ") as other:
        dialect().read_change(ran("openpbs", "qdel_other"), "delete", "26.pbshead")
    assert other.value.code == "no_permission"


def test_changes() -> None:
    pbs = dialect()
    assert pbs.delete("18[].pbshead").argv == ("qdel", "18[].pbshead")
    assert pbs.hold("1.s").argv == ("qhold", "1.s")
    assert pbs.release("1.s").argv == ("qrls", "1.s")
    assert pbs.alter_walltime("1.s", 90061).argv == ("qalter", "-l", "walltime=25:01:01", "1.s")


@pytest.mark.parametrize("bad", ["", "-x", "all", "1.s 2.s", "1.s;x", "1.s\n", "abc", "1[", "\u0661.s", "@s"])
def test_no_option_passes_for_an_id(bad: str) -> None:
    pbs = dialect()
    for make in (pbs.delete, pbs.hold, pbs.release):
        with pytest.raises(UnknownJob):
            make(bad)
    with pytest.raises(UnknownJob):
        pbs.alter_walltime(bad, 60)
    with pytest.raises(UnknownJob):
        pbs.query([bad])


@pytest.mark.parametrize(
    ("engines", "wanted", "lines"),
    [
        (8, {}, ["-l select=1:ncpus=8:mpiprocs=8"]),
        (8, {"nodes": 2}, ["-l select=2:ncpus=4:mpiprocs=4", "-l place=scatter"]),
        (7, {"nodes": 2}, ["-l select=1:ncpus=4:mpiprocs=4+1:ncpus=3:mpiprocs=3", "-l place=scatter"]),
        (
            9,
            {"engines_per_node": 4},
            ["-l select=2:ncpus=4:mpiprocs=4+1:ncpus=1:mpiprocs=1", "-l place=scatter"],
        ),
        (
            4,
            {"cores_per_engine": 2, "memory_bytes": 4 << 30},
            ["-l select=1:ncpus=8:mpiprocs=4:mem=4194304kb"],
        ),
        (
            1,
            {"queue": "debug", "account": "proj1", "walltime_seconds": 90061},
            ["-q debug", "-A proj1", "-l select=1:ncpus=1:mpiprocs=1", "-l walltime=25:01:01"],
        ),
    ],
)
def test_directives(engines: int, wanted: dict[str, object], lines: list[str]) -> None:
    made = dialect().directives(asked(**wanted), engines, "px-1a2b3c")
    assert made == ["#PBS -N px-1a2b3c", *(f"#PBS {line}" for line in lines)]


@pytest.mark.parametrize(
    ("engines", "wanted", "name", "field"),
    [
        (8, {"queue": "a\n#PBS -V"}, "n", "resources.queue"),
        (8, {"queue": ""}, "n", "resources.queue"),
        (8, {"account": "a b"}, "n", "resources.account"),
        (8, {"account": "$(id)"}, "n", "resources.account"),
        (8, {}, "1name", "name"),
        (8, {}, "name-that-is-too-long", "name"),
        (8, {"nodes": 2, "engines_per_node": 3}, "n", "resources.engines_per_node"),
        (8, {"nodes": 9}, "n", "resources.nodes"),
        (8, {"nodes": 0}, "n", "resources.nodes"),
        (8, {"walltime_seconds": 0}, "n", "resources.walltime_seconds"),
        (8, {"cores_per_engine": -1}, "n", "resources.cores_per_engine"),
        (8, {"memory_bytes": 0}, "n", "resources.memory_bytes"),
        (0, {}, "n", "engines"),
    ],
)
def test_no_directive_for_what_cannot_be(
    engines: int, wanted: dict[str, object], name: str, field: str
) -> None:
    with pytest.raises(ValueError, match=rf"^{field}: "):
        dialect().directives(asked(**wanted), engines, name)
