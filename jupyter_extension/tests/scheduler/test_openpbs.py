"""OpenPBS's dialect on all that a real server printed."""

from __future__ import annotations

import json
import re

import pytest
from pbs_contract import at, failed, reading, table, verdict
from pbs_recordings import command, ran
from recordings import names

from jupyterlab_engines.api.jobs import Job, JobHost, JobOutcome
from jupyterlab_engines.scheduler.base import Completed, NoAnswer, Unreadable
from jupyterlab_engines.scheduler.openpbs import OpenPbs, parse

FAILED = table("""
    NoAnswer: badhost_qstat badhost_qsub down_pbsnodes down_qdel down_qhold down_qrls down_qstat
        down_qstat_Q down_qstat_f_job down_qstat_f_json down_qstat_x down_qsub down_qsub_again
        frozen_qdel frozen_qstat frozen_qstat_f frozen_qsub noconf_qstat noconf_qsub pbsnodes_unknown
        qstat_Q_bad qstat_after_ktu qstat_badid qstat_badqueue qsub_block unreach_qstat unreach_qsub
    NoAnswer: fin_ARR1sub1_noX fin_ARR2sub_noX fin_ARR_noX fin_DELHELD_noX fin_DELRUN_noX fin_E0_noX
        fin_E3_noX fin_MEM_noX fin_OK_noX fin_OLD_noX fin_WALLKILL_noX qstat_deleted_f_json
        qstat_deleted_noX qstat_deleted_noX_f
    gone: qstat_after_qdel_x qstat_array_noidx qstat_known_and_unknown qstat_unknown_f
        qstat_unknown_f_json
    UnknownJob: qalter_unknown qdel_array_noidx qdel_bad qdel_unknown_then_known qhold_unknown
        qrls_unknown
    Refused bad_resource: qsub_bad_resource qsub_bad_select_res qsub_mix_nodes_select
    Refused bad_script: odd16_qsub qsub_CRLF
    Refused bad_walltime: qsub_bad_walltime_opt qsub_bad_walltime_script
    Refused no_permission: qalter_running_raise qdel_other qhold_other qsub_no_permission_queue
    Refused not_supported: qalter_Q_over qsub_array_t qsub_bad_array qsub_bad_option
    Refused other: qsub_bad_name qsub_long_name
    Refused over_limits: qalter_Q_over2 qsub_over_queue_walltime
    Refused queue_closed: qsub_disabled_queue
    Refused unknown_queue: qsub_unknown_queue
    Refused wrong_state: qalter_running_ncpus
""")  # fmt: skip

# Successful qstat and pbsnodes that are not what we ask; all else is read.
NOT_READ = {
    "tables for people: names and ids are cut off with *": 49,
    "dsv: JSON says the same": 20,
    "one of two jobs: what JSON does with two ids": 1,
    "about the server": 3,
    "pbsnodes as text: JSON says the same": 4,
    "the version: for detection": 2,
}


def dialect() -> OpenPbs:
    return OpenPbs("23.06.06", "pbshead")


def kind(name: str) -> str:
    """Return "json", "text", "reader" (a reader of its own reads it), or why it is not read."""
    program, typed = command("openpbs", name)
    if "--version" in typed:
        return "the version: for detection"
    if program == "pbsnodes":
        return "reader" if "json" in typed else "pbsnodes as text: JSON says the same"
    if program != "qstat":
        return "reader"
    if "-B" in typed:
        return "about the server"
    if "-F dsv" in typed:
        return "dsv: JSON says the same"
    if "-Qf" in typed:
        return "reader" if "json" in typed else "text"
    if name == "qstat_f_json_two":
        return "one of two jobs: what JSON does with two ids"
    if "json" in typed:
        return "json"
    return (
        "text" if "-f" in typed or "-xf" in typed else "tables for people: names and ids are cut off with *"
    )


WORKED = [name for name in names("openpbs") if name not in FAILED]
JSON = [name for name in WORKED if kind(name) == "json"]
TEXT = [name for name in WORKED if kind(name) == "text" and name != "qstat_Qf"]


def test_every_recording_is_accounted_for() -> None:
    assert set(FAILED) == failed("openpbs")
    kinds = [kind(name) for name in WORKED]
    assert {what: kinds.count(what) for what in kinds if what not in ("json", "text", "reader")} == NOT_READ
    assert (len(WORKED), len(FAILED)) == (242, 74)


@pytest.mark.parametrize("name", FAILED)
def test_what_failed(name: str) -> None:
    assert reading(dialect(), "openpbs", name) == FAILED[name]


@pytest.mark.parametrize("name", [name for name in WORKED if kind(name) == "reader"])
def test_what_worked(name: str) -> None:
    assert reading(dialect(), "openpbs", name) == "ok"


@pytest.mark.parametrize("name", JSON)
def test_json(name: str) -> None:
    done = ran("openpbs", name)
    jobs = dialect().read_jobs(done, None).jobs
    known = json.loads(done.stdout.decode("utf-8", "replace")).get("Jobs", {})
    assert [(job_id, job.job_id, job.letter) for job_id, job in jobs.items()] == [
        (job_id, job_id, values["job_state"]) for job_id, values in known.items()
    ]
    assert all(job.owner in ("pbsuser", "pbsuser2") and job.queue for job in jobs.values())
    assert all(job.state != "unknown" and job.submitted_at for job in jobs.values())
    assert all((job.outcome is not None) == (job.state == "finished") for job in jobs.values())


@pytest.mark.parametrize("name", TEXT)
def test_text(name: str) -> None:
    done = ran("openpbs", name)
    jobs = parse(done.stdout).jobs
    heads = [line[8:] for line in done.stdout.decode("latin-1").split("\n") if line.startswith("Job Id: ")]
    assert list(jobs) == heads
    assert verdict(dialect().read_jobs, done, None) == "Unreadable"


@pytest.mark.parametrize(
    "name", [name for name in TEXT for twin in (f"{name}_json", name.replace("_f", "_json")) if twin in JSON]
)
def test_text_and_json_say_the_same(name: str) -> None:
    twin = next(twin for twin in (f"{name}_json", name.replace("_f", "_json")) if twin in JSON)
    text, json_ = parse(ran("openpbs", name).stdout).jobs, parse(ran("openpbs", twin).stdout).jobs
    # A long value is wrapped in mid-word, after a blank too: the blank is lost. Big differs by a second.
    assert {job_id: job for job_id, job in text.items() if job_id != "24.pbshead"} == {
        job_id: job for job_id, job in json_.items() if job_id != "24.pbshead"
    }


def one(name: str) -> Job:
    (job,) = parse(ran("openpbs", name).stdout).jobs.values()
    return job


def test_a_running_job() -> None:
    begun = at("Sun Nov 22 06:33:21 2026")
    assert parse(ran("openpbs", "qstat_f_json").stdout).jobs["17.pbshead"] == Job(
        job_id="17.pbshead",
        name="oldstyle",
        owner="pbsuser",
        queue="default",
        state="running",
        letter="R",
        array_id=None,
        nodes=2,
        cores=8,
        memory_bytes=None,
        walltime_seconds=300,
        elapsed_seconds=None,
        submitted_at=begun,
        started_at=begun,
        ended_at=None,
        estimated_start_at=None,
        hosts=[JobHost(name="pbsnode2", cores=4), JobHost(name="pbshead", cores=4)],
        comment="Job run at Sun Nov 22 at 06:33 on (pbsnode2:ncpus=4)+(pbshead:ncpus=4)",
        never_runs=False,
        outcome=None,
        cluster=None,
        role=None,
        orphan=False,
    )


def test_the_users_table() -> None:
    done = ran("openpbs", "qstat_ftJ_json")
    jobs = dialect().read_jobs(done, "pbsuser").jobs
    assert "26.pbshead" not in jobs
    assert len(jobs) == 17
    assert list(dialect().read_jobs(done, "pbsuser2").jobs) == ["26.pbshead"]
    assert dialect().read_jobs(done, "pbsuse").jobs == {}
    subjobs = [job for job in jobs.values() if job.array_id == "18[].pbshead"]
    assert [(job.job_id, job.state, job.letter) for job in subjobs] == [
        ("18[1].pbshead", "finished", "X"),
        ("18[2].pbshead", "running", "R"),
        ("18[3].pbshead", "running", "R"),
        ("18[4].pbshead", "running", "R"),
    ]
    array = jobs["18[].pbshead"]
    assert (array.state, array.letter, array.array_id, array.outcome) == ("array", "B", None, None)
    # Two chunks on one node: the node is there once, with the cores of both.
    assert jobs["16.pbshead"].hosts == [JobHost(name="pbsnode2", cores=8)]
    assert jobs["16.pbshead"].nodes == 1


def test_a_job_that_never_runs() -> None:
    job = parse(ran("openpbs", "qstat_f_json").stdout).jobs["4.pbshead"]
    assert (job.state, job.never_runs, job.cores) == ("queued", True, 64)
    assert job.comment == "Can Never Run: Insufficient amount of resource: ncpus (R: 64 A: 32 T: 32)"
    waits = parse(ran("openpbs", "qstat_f_json").stdout).jobs["24.pbshead"]
    assert (waits.state, waits.never_runs, waits.nodes, waits.cores) == ("queued", False, 2, 32)


def test_a_job_that_waits_for_its_time() -> None:
    job = one("qstat_f_wait")
    assert (job.state, job.letter, job.estimated_start_at) == ("waiting", "W", at("Thu Dec 31 23:59:00 2026"))


def test_an_estimated_start() -> None:
    done = ran("openpbs", "qstat_f_Q_wait_json")
    for printed in (b'"Sun Nov 22 09:00:00 2026"', b"%d" % at("Sun Nov 22 09:00:00 2026")):
        estimated = b'"estimated":{"exec_vnode":"(n1:ncpus=1)","start_time":' + printed + b'},"substate":'
        (job,) = parse(done.stdout.replace(b'"substate":', estimated)).jobs.values()
        assert job.estimated_start_at == at("Sun Nov 22 09:00:00 2026")


@pytest.mark.parametrize(
    ("name", "code", "status", "signal"),
    [
        ("fin_OK_xf_json", "succeeded", 0, None),
        ("fin_E0_xf_json", "succeeded", 0, None),
        ("fin_MEM_xf_json", "succeeded", 0, None),
        ("fin_E3_xf_json", "exit_status", 3, None),
        ("fin_SEGV_xf_json", "signal", 139, "SIGSEGV"),
        ("fin_WALLKILL_xf", "walltime", -29, None),
        ("fin_DELRUN_xf_json", "deleted", 143, "SIGTERM"),
        ("fin_TRAP_xf", "deleted", 271, "SIGTERM"),
        ("fin_DELHELD_xf_json", "deleted", None, None),
        ("qstat_deleted_x", "deleted", None, None),
        ("fin_NF_xf", "command_not_found", 127, None),
        ("qstat_badS", "shell_missing", 254, None),
        ("fin_BADDEP_xf", "never_ran", None, None),
        ("fin_ARR_xf_json", "exit_status", 1, None),
        ("fin_ARR1sub1_xf_json", "succeeded", 0, None),
        ("fin_ARR2sub_xf_json", "exit_status", 1, None),
        ("fin_ARR4subdel_xf", "deleted", 271, "SIGTERM"),
        ("qstat_subjob_X_f", "succeeded", 0, None),
    ],
)
def test_how_a_job_ended(name: str, code: str, status: int | None, signal: str | None) -> None:
    job = one(name)
    assert job.state == "finished"
    assert job.outcome == JobOutcome(code=code, exit_status=status, signal=signal)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        (b'"Exit_status":-27,"substate":93', "memory"),
        (b'"Exit_status":-28,"substate":93', "cpu_time"),
        (b'"Exit_status":-1,"substate":93', "never_ran"),
        (b'"Exit_status":137,"substate":93', "signal"),
        (b'"Exit_status":137,"substate":93,"comment":"Cgroup memory limit exceeded"', "memory"),
        (
            b'"Exit_status":137,"Resource_List":{"mem":"4gb"},"resources_used":{"mem":"4194304kb"}',
            "memory",
        ),
        (b'"Exit_status":265,"substate":91', "deleted"),
        (b'"substate":93,"stime":"Sun Nov 22 06:33:21 2026"', "unknown"),
        (b'"Exit_status":"soon","stime":"Sun Nov 22 06:33:21 2026"', "unknown"),
    ],
)
def test_other_ends(attributes: bytes, code: str) -> None:
    head = b'{"pbs_version":"20","pbs_server":"s","Jobs":{"1.s":{"Job_Name":"n","Job_Owner":"u@h",'
    (job,) = parse(head + b'"job_state":"F",' + attributes + b"}}}").jobs.values()
    assert job.outcome is not None
    assert job.outcome.code == code


def test_states() -> None:
    assert one("qstat_suspended_f").state == "suspended"
    assert one("qstat_suspended_f").hosts == [JobHost(name="pbshead", cores=8)]
    assert one("qstat_E_f_json").state == "exiting"
    assert one("qstat_f_dep").state == "held"
    held = parse(ran("openpbs", "qstat_xf_json_all").stdout).jobs["19.pbshead"]
    # It ran, was put back and is held: the hosts and the end of its last run are not of now.
    assert (held.state, held.hosts, held.started_at, held.outcome) == ("held", [], None, None)
    odd = ran("openpbs", "qstat_f_held").stdout.replace(b"job_state = H", b"job_state = Z")
    (job,) = parse(odd).jobs.values()
    assert (job.state, job.letter) == ("unknown", "Z")


def test_text_that_others_chose() -> None:
    names_ = {name: one(name).name for name in ("odd13_json", "odd14_json", "qstat_long_fw")}
    assert names_ == {
        "odd13_json": "123",
        "odd14_json": "a.b+c",
        "qstat_long_fw": "averyveryverylongjobname_0123456789",
    }
    # A byte that is not UTF-8, and control characters as old servers print them.
    plain = ran("openpbs", "odd10_json").stdout
    for byte in (b"\xe9", b"\x01"):
        (job,) = parse(
            plain.replace(b'"Job_Name":\t"short"', b'"Job_Name":\t"sh' + byte + b'rt"')
        ).jobs.values()
        assert (job.job_id, job.state, job.name[:2], job.name[-2:]) == ("7014.pbshead", "held", "sh", "rt")


@pytest.mark.parametrize(
    "variables",
    [
        b'"FOO":005',
        rb"""'"MYVAR":"\'asads\'" """,
        b'"F":"() {  echo "a\n}"',
        b'"A":1,',
        b'"A":nan',
        b'"A":"\\,"',
    ],
)
def test_variables_that_are_no_json(variables: bytes) -> None:
    """As versions up to 20 print them; nothing of a job is lost or taken from another."""
    stdout = ran("openpbs", "qstat_f_json").stdout
    broken = stdout.replace(b'"PBS_O_LANG":\t"C.UTF-8"', variables)
    assert parse(broken).jobs == parse(stdout).jobs
    first = parse(broken)
    assert dialect().read_jobs(Completed(("qstat",), 0, broken, b""), None, first) == first
    lines = broken.split(b"\n")
    for cut in (len(broken) // 2, len(broken) - 3):
        with pytest.raises(Unreadable):
            parse(broken[:cut])
    # The end of one job's variables is lost: they must not swallow the next job.
    at_ = lines.index(b"\t\t\t},", lines.index(b'\t\t\t"Variable_List":\t{'))
    with pytest.raises(Unreadable):
        parse(b"\n".join([*lines[:at_], *lines[at_ + 1 :]]))


def test_a_variable_cannot_forge_an_attribute() -> None:
    """In text, where OpenPBS prints a variable's newline as it is; JSON escapes it."""
    forged = b"BIG=line1\n    job_state = R\n    Exit_status = 7\n\nJob Id: 99.pbshead\n    Job_Name = x\n"
    text = ran("openpbs", "qstat_f_envbig").stdout.replace(b"BIG=line1\n", forged)
    assert list(parse(text).jobs.values()) == list(
        parse(ran("openpbs", "qstat_f_envbig").stdout).jobs.values()
    )


# --- answers that are none


def test_down_but_valid_json() -> None:
    done = ran("openpbs", "down_qstat_f_json")
    assert json.loads(done.stdout)["pbs_server"] == "pbshead"
    with pytest.raises(NoAnswer, match="does not answer") as caught:
        dialect().read_jobs(done, "pbsuser")
    assert "Connection refused" in caught.value.output
    assert dialect().read_jobs(ran("openpbs", "qstat_f_json_empty"), "pbsuser").jobs == {}


@pytest.mark.parametrize("stdout", [b"", b"\n", b"{}", b"[]", b"Server busy", b'{"a": 1}', b'{"Jobs": {}}'])
def test_no_list_of_jobs(stdout: bytes) -> None:
    with pytest.raises(Unreadable):
        dialect().read_jobs(Completed(("qstat",), 0, stdout, b""), None)


def test_words_before_the_json() -> None:
    done = ran("openpbs", "qstat_f_json")
    noisy = Completed(done.argv, 0, b"Welcome {to} the cluster\n" + done.stdout, b"")
    assert dialect().read_jobs(noisy, None) == dialect().read_jobs(done, None)


def test_only_what_changed_is_read_again() -> None:
    done = ran("openpbs", "qstat_f_json")
    first = dialect().read_jobs(done, None)
    again = dialect().read_jobs(done, None, first)
    assert all(again.jobs[job_id] is job for job_id, job in first.jobs.items())
    changed = done.stdout.replace(b"R: 32 A: 9 T: 32", b"R: 32 A: 8 T: 32")
    third = dialect().read_jobs(Completed(done.argv, 0, changed, b""), None, first)
    assert [job_id for job_id in third.jobs if third.jobs[job_id] is not first.jobs[job_id]] == ["24.pbshead"]
    assert third.jobs["24.pbshead"].comment is not None
    assert "A: 8" in third.jobs["24.pbshead"].comment


def test_the_time_that_a_running_job_has_used_is_not_read_again() -> None:
    done = ran("openpbs", "qstat_f_json")
    job = one("qstat_f_job_json")
    assert job.state == "running"
    first = dialect().read_jobs(done, None)
    later = re.sub(
        rb'("walltime":\t)"00:00:\d\d"(\n\t\t\t\},\n\t\t\t"job_state":\t"R")', rb'\1"77:00:00"\2', done.stdout
    )
    assert later.count(b"77:00:00") > 0
    later = later.replace(b'"timestamp":\t1', b'"timestamp":\t2')
    assert dialect().read_jobs(Completed(done.argv, 0, later, b""), None, first).jobs is first.jobs
    ended = later.replace(b'"job_state":\t"R"', b'"job_state":\t"F"')
    jobs = dialect().read_jobs(Completed(done.argv, 0, ended, b""), None, first).jobs
    assert 77 * 3600 in [job.elapsed_seconds for job in jobs.values()]
    assert jobs == dialect().read_jobs(Completed(done.argv, 0, ended, b""), None).jobs
    for damage in (b'"77:00:00', b'77:00:00"', b'"77:00:00",'):
        with pytest.raises(Unreadable):
            damaged = later.replace(b'"77:00:00"', damage)
            dialect().read_jobs(Completed(done.argv, 0, damaged, b""), None, first)
