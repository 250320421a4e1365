"""Torque's dialect on all that a real server printed."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pbs_contract import asked, at, failed, reading, table, verdict
from pbs_recordings import command, of, ran
from recordings import names

from jupyterlab_engines.api.jobs import Job, JobHost, JobOutcome, NodeShape
from jupyterlab_engines.scheduler.base import Completed, NoAnswer, Refused, Submission, UnknownJob, Unreadable
from jupyterlab_engines.scheduler.torque import Torque, parse

FAILED = table("""
    NoAnswer: authdown_qsub otherserver otherserver_blackhole pbsnodes_unknown qalter_running_shorter
        qalter_running_shorter2 qstat_Q_unknown qstat_badid qsub_unknown_queue_at serverdown_pbsnodes
        serverdown_qdel serverdown_qhold serverdown_qselect serverdown_qstat serverdown_qstat_f
        serverdown_qstat_x serverdown_qsub
    gone: qstat_arr_nobrackets qstat_badid2 qstat_empty0 qstat_empty1 qstat_empty2 qstat_f_unknown
        qstat_unknown qstat_x_unknown
    UnknownJob: qdel_arr_nobrackets qdel_unknown_short qhold_unknown qrls_unknown unknown_qalter
        unknown_qhold unknown_qrls
    Refused bad_resource: qalter_bad qsub_array_bad qsub_bad_nodes_syntax qsub_bad_resource qsub_terse
    Refused bad_script: qsub_bad_option qsub_missing_script
    Refused bad_walltime: qsub_bad_directive qsub_bad_walltime qsub_bad_walltime3
    Refused finished: qalter_completed qdel_twice qhold_completed qrls_completed
    Refused no_permission: qalter_running qdel_qoj qstat_f_other_user qstat_other_user qsub_root
    Refused not_supported: qdel_noargs qsub_J
    Refused other: qsub_bad_name sub_a_b_c
    Refused over_limits: qsub_too_many_nodes qsub_too_many_ppn qsub_unknown_node qsub_walltime_too_long
    Refused unknown_queue: qsub_unknown_queue
""")

# Successful commands that are not what we ask; all else is read.
NOT_READ = {
    "tables for people: names are cut off": 30,
    "about the server": 1,
    "pbsnodes as text: XML says the same": 3,
    "changes a node": 1,
    "the version: for detection": 2,
    "qsub -z: says no id": 1,
}


def dialect() -> Torque:
    return Torque("6.1.3.h5", "vm")


def kind(name: str) -> str:
    """Return "xml", "text", "reader" (a reader of its own reads it), or why it is not read."""
    program, typed = command("torque", name)
    if "--version" in typed:
        return "the version: for detection"
    if program == "pbsnodes":
        if typed.startswith("-o"):
            return "changes a node"
        return "reader" if typed == "-x" else "pbsnodes as text: XML says the same"
    if name == "qsub_z":
        return "qsub -z: says no id"
    if program != "qstat":
        return "reader"
    if typed.startswith("-B"):
        return "about the server"
    if typed == "-Q -f":
        return "reader"
    if re.search(r"-f?x", typed):
        return "xml"
    return "text" if re.search(r"(^| )-f", typed) else "tables for people: names are cut off"


WORKED = [name for name in names("torque") if name not in FAILED]
XML = [name for name in WORKED if kind(name) == "xml"]
TEXT = [name for name in WORKED if kind(name) == "text"]


def test_every_recording_is_accounted_for() -> None:
    assert set(FAILED) == failed("torque")
    kinds = [kind(name) for name in WORKED]
    assert {what: kinds.count(what) for what in kinds if what not in ("xml", "text", "reader")} == NOT_READ
    assert (len(WORKED), len(FAILED)) == (131, 60)


@pytest.mark.parametrize("name", FAILED)
def test_what_failed(name: str) -> None:
    assert reading(dialect(), "torque", name) == FAILED[name]


@pytest.mark.parametrize("name", [name for name in WORKED if kind(name) == "reader"])
def test_what_worked(name: str) -> None:
    assert reading(dialect(), "torque", name) == "ok"


@pytest.mark.parametrize("name", XML)
def test_xml(name: str) -> None:
    done = ran("torque", name)
    jobs = parse(done.stdout).jobs
    known = {job.findtext("Job_Id"): job for job in ElementTree.fromstring(done.stdout)}  # noqa: S314
    assert [(job_id, job.job_id, job.letter, job.name) for job_id, job in jobs.items()] == [
        (job_id, job_id, job.findtext("job_state"), job.findtext("Job_Name")) for job_id, job in known.items()
    ]
    assert all(job.owner == "tuser" and job.queue and job.submitted_at for job in jobs.values())
    assert all((job.outcome is not None) == (job.state == "finished") for job in jobs.values())


@pytest.mark.parametrize("name", TEXT)
def test_text(name: str) -> None:
    done = ran("torque", name)
    jobs = parse(done.stdout).jobs
    heads = [line[8:] for line in done.stdout.decode("latin-1").split("\n") if line.startswith("Job Id: ")]
    assert list(jobs) == heads
    assert verdict(dialect().read_jobs, done, None) == "Unreadable"


@pytest.mark.parametrize(
    ("text", "xml"),
    [
        ("qstat_f_C_badinterp", "qstat_x_C_badinterp"),
        ("qstat_f_C_badout", "qstat_x_C_badout"),
        ("qstat_f_C_segv", "qstat_x_C_segv"),
        ("qstat_f_escape", "qstat_x_escape"),
        ("qstat_f_held", "qstat_fx_job"),
        ("qstat_f_run", "qstat_x_job"),
    ],
)
def test_text_and_xml_say_the_same(text: str, xml: str) -> None:
    assert parse(ran("torque", text).stdout).jobs == parse(ran("torque", xml).stdout).jobs


def one(name: str) -> Job:
    (job,) = parse(ran("torque", name).stdout).jobs.values()
    return job


def test_a_running_job() -> None:
    assert one("qstat_x_job") == Job(
        job_id="33.vm",
        name="long",
        owner="tuser",
        queue="default",
        state="running",
        letter="R",
        array_id=None,
        nodes=1,
        cores=8,
        memory_bytes=None,
        walltime_seconds=600,
        elapsed_seconds=None,
        submitted_at=1795330764.0,
        started_at=1795330764.0,
        ended_at=None,
        estimated_start_at=None,
        hosts=[JobHost(name="vm", cores=8)],
        comment="Job started on Sun Nov 22 at 06:59",
        never_runs=False,
        outcome=None,
        cluster=None,
        role=None,
        orphan=False,
    )


def test_waiting_and_held_jobs() -> None:
    jobs = parse(ran("torque", "qstat_x").stdout).jobs
    wait, held, queued = jobs["35.vm"], jobs["34.vm"], jobs["36.vm"]
    assert (wait.state, wait.letter, wait.estimated_start_at) == ("waiting", "W", 1795334340.0)
    assert (held.state, held.memory_bytes, held.hosts) == ("held", 2 << 30, [])
    assert (queued.state, queued.cores) == ("queued", 16)
    assert queued.comment == "Not Running: Not enough of the right type of nodes are available"
    assert one("qstat_f_wait").estimated_start_at == at("Sun Nov 22 07:59:00 2026")


@pytest.mark.parametrize(
    ("name", "code", "status", "signal"),
    [
        ("qstat_x_C_done0", "succeeded", 0, None),
        ("qstat_f_C_done3", "exit_status", 3, None),
        ("qstat_x_C_badout", "succeeded", 0, None),
        ("qstat_x_C_selfkill", "signal", 137, "SIGKILL"),
        ("qstat_x_C_segv", "signal", 139, "SIGSEGV"),
        ("qstat_f_C_notfound", "command_not_found", 127, None),
        ("qstat_x_C_badinterp", "shell_missing", 254, None),
        ("qstat_f_C_walltime", "walltime", -11, None),
        ("qstat_f_C_wt", "walltime", -11, None),
        ("qstat_f_C_delrun", "deleted", 271, "SIGTERM"),
        ("qstat_f_C_delign", "deleted", 271, "SIGTERM"),
    ],
)
def test_how_a_job_ended(name: str, code: str, status: int | None, signal: str | None) -> None:
    job = one(name)
    assert job.outcome == JobOutcome(code=code, exit_status=status, signal=signal)  # type: ignore[arg-type]
    assert job.state == "finished"
    assert job.ended_at is not None
    assert job.elapsed_seconds is not None


def test_a_job_deleted_before_it_ran() -> None:
    job = parse(ran("torque", "qstat_x").stdout).jobs["12.vm"]
    assert job.outcome == JobOutcome(code="deleted", exit_status=None, signal=None)
    assert (job.started_at, job.elapsed_seconds) == (None, None)


@pytest.mark.parametrize(
    ("status", "code"), [(-10, "memory"), (-12, "cpu_time"), (-1, "never_ran"), (-4, "exit_status")]
)
def test_other_ends(status: int, code: str) -> None:
    stdout = ran("torque", "qstat_x_C_done0").stdout
    changed = stdout.replace(b"<exit_status>0<", b"<exit_status>%d<" % status)
    (job,) = parse(changed).jobs.values()
    assert job.outcome == JobOutcome(code=code, exit_status=status, signal=None)  # type: ignore[arg-type]


def test_what_a_variable_can_forge() -> None:
    """In text a variable's newline looks like an attribute of a held job; a backslash tells."""
    for name in ("qstat_f_V_newline", "qstat_f1_V_newline"):
        assert b"\n    exit_status = 7,COMMA" in ran("torque", name).stdout
        assert one(name) == one("qstat_f_qoj")
    text = ran("torque", "qstat_f_V_newline").stdout
    forged = text.replace(
        b"line2\\\n", b"line2\\\n    job_state = R\\\n\\\nJob Id: 9.vm\\\n    Job_Name = x\\\n"
    )
    assert list(parse(forged).jobs.values()) == [one("qstat_f_qoj")]


def test_names_with_the_signs_of_xml() -> None:
    assert one("qstat_x_escape").name == "a<b&c"


def test_several_nodes() -> None:
    stdout = ran("torque", "qstat_x_job").stdout
    for hosts in (b"n1/0-3+n2/0,2,5", b"n1/0+n1/1+n1/2+n1/3+n2/0+n2/1+n2/2"):
        changed = stdout.replace(b"vm/4-11", hosts).replace(b"1:ppn=8", b"1:ppn=4+n2:ppn=3")
        (job,) = parse(changed).jobs.values()
        assert job.hosts == [JobHost(name="n1", cores=4), JobHost(name="n2", cores=3)]
        assert (job.nodes, job.cores) == (2, 7)


# --- arrays


def test_arrays_are_made_of_their_elements() -> None:
    done = ran("torque", "qstat_xt")
    jobs = dialect().read_jobs(done, "tuser").jobs
    order = list(jobs)
    assert order.index("38[].vm") + 1 == order.index("38[1].vm")
    array = jobs["38[].vm"]
    assert (array.name, array.state, array.letter, array.array_id) == ("arr2", "finished", "C", None)
    assert array.outcome == JobOutcome(code="exit_status", exit_status=1, signal=None)
    assert {job.array_id for job_id, job in jobs.items() if job_id.startswith("38[")} == {None, "38[].vm"}
    assert jobs["38[2].vm"].name == "arr2-2"
    # One element is held again: the array lives, whatever its own row would say.
    held = re.sub(
        rb"(<Job_Id>38\[4\]\.vm</Job_Id>.*?<job_state>)C", rb"\1H", done.stdout, count=1, flags=re.DOTALL
    )
    alive = dialect().read_jobs(Completed(done.argv, 0, held, b""), "tuser").jobs["38[].vm"]
    assert (alive.state, alive.letter, alive.outcome, alive.ended_at) == ("array", "H", None, None)


def test_an_arrays_own_row_is_not_believed() -> None:
    row = parse(ran("torque", "qstat_x").stdout).jobs["38[].vm"]
    assert (row.state, row.letter, row.outcome) == ("array", "C", None)


def test_questions_about_arrays() -> None:
    torque = dialect()
    assert [command.argv for command in torque.query(["33.vm", "38[].vm", "38[2].vm"])] == [
        ("qstat", "-x", "33.vm"),
        ("qstat", "-x", "-t", "38[].vm"),
        ("qstat", "-x", "38[2].vm"),
    ]
    everything = ran("torque", "qstat_xt").stdout
    elements = re.findall(rb"<Job><Job_Id>38\[.*?</Job>", everything, re.DOTALL)
    stdout = b'<?xml version="1.0"?>\n<Data>' + b"".join(elements) + b"</Data>\n"
    told = torque.read_query(Completed(("qstat", "-x", "-t", "38[].vm"), 0, stdout, b""))
    assert list(told) == ["38[].vm", "38[1].vm", "38[2].vm", "38[3].vm", "38[4].vm"]
    single = b'<?xml version="1.0"?>\n<Data>' + elements[1] + b"</Data>\n"
    told = torque.read_query(Completed(("qstat", "-x", "38[2].vm"), 0, single, b""))
    # Of one element nothing is said about its array.
    assert list(told) == ["38[2].vm"]


# --- answers that are none


@pytest.mark.parametrize(
    "stdout",
    [b"", b"\n", b"<Data>", b"</Data>", b"busy", b"<Data></Data><Data></Data>", b"<Data>1.vm</Data>"],
)
def test_no_list_of_jobs(stdout: bytes) -> None:
    with pytest.raises(Unreadable):
        dialect().read_jobs(Completed(("qstat",), 0, stdout, b""), None)


def test_no_jobs_is_an_answer() -> None:
    assert dialect().read_jobs(ran("torque", "qstat_x_empty_list"), None).jobs == {}
    with pytest.raises(NoAnswer):
        dialect().read_jobs(ran("torque", "serverdown_qstat_x"), None)


def test_a_job_listed_twice() -> None:
    stdout = ran("torque", "qstat_x_job").stdout
    job = stdout[stdout.index(b"<Job>") : stdout.index(b"</Data>")]
    with pytest.raises(Unreadable, match="twice"):
        parse(stdout.replace(job, job + job))


def test_odd_but_readable() -> None:
    done = ran("torque", "qstat_xt")
    expected = parse(done.stdout)
    assert parse(b"Welcome <here>\n" + done.stdout) == expected
    assert list(parse(done.stdout.replace(b"</Job><Job>", b"</Job>\n<Job>")).jobs) == list(expected.jobs)
    # Not as Torque is known to print it: a declaration of the other kind, and an attribute.
    (job,) = parse(
        ran("torque", "qstat_x_job").stdout.replace(b"<comment>", b'<comment lang="en">')
    ).jobs.values()
    assert job == one("qstat_x_job")
    for byte in (b"\xe9", b"\x01"):
        (job,) = parse(
            ran("torque", "qstat_x_job").stdout.replace(b">long<", b">l" + byte + b"g<")
        ).jobs.values()
        assert (job.job_id, job.state, job.name[0], job.name[-1]) == ("33.vm", "running", "l", "g")


def test_only_what_changed_is_read_again() -> None:
    done = ran("torque", "qstat_xt")
    first = dialect().read_jobs(done, "tuser")
    again = dialect().read_jobs(done, "tuser", first)
    assert again == first
    assert again.jobs is first.jobs
    changed = done.stdout.replace(b"<Remaining>564<", b"<Remaining>504<")
    changed = re.sub(rb"(<cput>)[^<]*(</cput>.{,199}<job_state>R)", rb"\g<1>99:00:00\2", changed)
    assert changed.count(b"99:00:00") == 2
    third = dialect().read_jobs(Completed(done.argv, 0, changed, b""), "tuser", first)
    assert third.jobs is first.jobs
    held = changed.replace(b"<job_state>R<", b"<job_state>S<", 1)
    fourth = dialect().read_jobs(Completed(done.argv, 0, held, b""), "tuser", first)
    assert [i for i, job in fourth.jobs.items() if job != first.jobs[i]] == ["31.vm"]
    assert fourth.jobs["31.vm"].state == "suspended"
    assert dialect().read_jobs(done, "someone").jobs == {}


# --- questions and changes


def test_commands(tmp_path: Path) -> None:
    torque = dialect()
    assert torque.list_jobs("tuser").argv == ("qstat", "-x", "-t")
    assert torque.find("px-1a2b3c", "tuser").argv == ("qselect", "-N", "px-1a2b3c", "-u", "tuser")
    assert torque.read_find(ran("torque", "qselect"), "x")[:4] == ["0.vm", "1.vm", "2.vm", "12.vm"]
    assert torque.raw_table("tuser").argv == ("qstat", "-tn", "-u", "tuser")
    assert torque.delete("43[].vm").argv == ("qdel", "43[].vm")
    assert torque.alter_walltime("1.vm", 60).argv == ("qalter", "-l", "walltime=00:01:00", "1.vm")
    order = Submission(tmp_path / "job.sh", "px", tmp_path, tmp_path / "out")
    output, script = str(tmp_path / "out"), str(tmp_path / "job.sh")
    assert torque.submit(order).argv == ("qsub", "-N", "px", "-j", "oe", "-o", output, script)
    for make in (torque.delete, torque.hold, torque.release):
        for bad in ("all", "ALL", "", "-p", "@other", "1.vm 2.vm"):
            with pytest.raises(UnknownJob):
                make(bad)


@pytest.mark.parametrize("name", [name for name in of("torque", "qsub") if kind(name) == "reader"])
def test_submitted(name: str) -> None:
    done = ran("torque", name)
    if done.status == 0:
        assert dialect().read_submit(done) == done.stdout.decode().strip()


def test_refusals_have_the_servers_words_and_a_hint() -> None:
    with pytest.raises(Refused, match="walltime is longer than the queue allows") as caught:
        dialect().read_submit(ran("torque", "qsub_walltime_too_long"))
    assert "cannot satisfy queue max walltime requirement" in caught.value.output
    assert "qstat -Qf" in caught.value.hint
    with pytest.raises(Refused, match="no nodes for so many") as nodes:
        dialect().read_submit(ran("torque", "qsub_too_many_ppn"))
    assert "pbsnodes" in nodes.value.hint


def test_queues_and_nodes() -> None:
    queues = {queue.name: queue for queue in dialect().read_queues(ran("torque", "qstat_Qf"))}
    assert list(queues) == ["default", "debug"]
    assert (queues["debug"].max_walltime_seconds, queues["debug"].default_walltime_seconds) == (1800, 600)
    assert (queues["default"].enabled, queues["default"].started) == (True, True)
    done = ran("torque", "pbsnodes_x")
    shape = NodeShape(count=1, up=1, cores=16, memory_bytes=24684084 * 1024)
    assert dialect().read_nodes(done) == [shape]
    down = Completed(done.argv, 0, done.stdout.replace(b"<state>free<", b"<state>down,offline<"), b"")
    assert [node.up for node in dialect().read_nodes(down)] == [0]
    for cut in (done.stdout[:-10], b""):
        with pytest.raises(Unreadable):
            dialect().read_nodes(Completed(done.argv, 0, cut, b""))
    queue = ran("torque", "qstat_Qf")
    for cut in (queue.stdout[:-10], b""):
        with pytest.raises(Unreadable):
            dialect().read_queues(Completed(queue.argv, 0, cut, b""))


@pytest.mark.parametrize(
    ("engines", "wanted", "lines"),
    [
        (8, {}, ["-l nodes=1:ppn=8"]),
        (8, {"nodes": 2, "engines_per_node": 4}, ["-l nodes=2:ppn=4"]),
        (7, {"nodes": 2}, ["-l nodes=1:ppn=4+1:ppn=3"]),
        (
            4,
            {"cores_per_engine": 2, "nodes": 2, "memory_bytes": 1 << 30},
            ["-l nodes=2:ppn=4", "-l mem=2097152kb"],
        ),
        (
            1,
            {"queue": "debug", "account": "proj1", "walltime_seconds": 600},
            ["-q debug", "-A proj1", "-l nodes=1:ppn=1", "-l walltime=00:10:00"],
        ),
    ],
)
def test_directives(engines: int, wanted: dict[str, object], lines: list[str]) -> None:
    made = dialect().directives(asked(**wanted), engines, "px")
    assert made == ["#PBS -N px", *(f"#PBS {line}" for line in lines)]
    with pytest.raises(ValueError, match=r"^resources\.queue: "):
        dialect().directives(asked(**{**wanted, "queue": "x\n#PBS -V"}), engines, "px")
