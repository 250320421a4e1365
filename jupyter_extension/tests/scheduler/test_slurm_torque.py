"""Slurm's Torque dialect on what a real one printed, and on what it might."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import names, recorded

from jupyterlab_engines.api.jobs import JobHost, NodeShape, Queue
from jupyterlab_engines.scheduler.base import (
    EMPTY,
    Completed,
    Listing,
    NoAnswer,
    SchedulerError,
    Unreadable,
)
from jupyterlab_engines.scheduler.slurm_torque import SlurmTorque

DIALECT = SlurmTorque("22.05.8", "vm")


def slurm(name: str) -> Completed:
    return recorded("slurm", name)


def printed(stdout: bytes, status: int = 0, argv: tuple[str, ...] = ("qstat", "-f")) -> Completed:
    return Completed(argv, status, stdout, b"")


def at(words: str) -> float:
    return time.mktime(time.strptime(words, "%a %b %d %H:%M:%S %Y"))


# --- listing


def test_all_jobs_of_a_user() -> None:
    jobs = DIALECT.read_jobs(slurm("qstat_f"), "alice").jobs
    assert list(jobs) == [str(number) for number in range(1, 13)]
    states = {job_id: job.state for job_id, job in jobs.items() if job.state != "finished"}
    assert states == {"9": "running", "10": "queued", "11": "held", "12": "queued"}
    assert {job.letter for job in jobs.values()} == {"C", "R", "Q"}


def test_a_running_job() -> None:
    job = DIALECT.read_jobs(slurm("qstat_f"), "alice").jobs["9"]
    assert (job.name, job.owner, job.queue, job.nodes, job.cores) == ("sleeper", "alice", "debug", 2, 8)
    assert job.walltime_seconds == 3600
    assert job.hosts == [JobHost(name="n1", cores=4), JobHost(name="n2", cores=4)]
    assert job.started_at == at("Sun Nov 22 06:51:27 2026")
    # ctime is when its walltime will be over: not an end.
    assert (job.ended_at, job.elapsed_seconds, job.outcome, job.estimated_start_at) == (
        None,
        None,
        None,
        None,
    )


def test_a_queued_job_has_an_estimate_and_no_start() -> None:
    job = DIALECT.read_query(slurm("qstat_f_queued"))["10"]
    assert (job.state, job.started_at, job.ended_at, job.hosts) == ("queued", None, None, [])
    assert job.estimated_start_at == at("Sun Nov 22 07:51:27 2026")
    assert job.submitted_at == at("Sun Nov 22 06:51:29 2026")


def test_a_finished_job_does_not_say_how() -> None:
    job = DIALECT.read_jobs(slurm("qstat_completed_f"), "alice").jobs["3"]
    assert job.outcome is not None
    assert (job.state, job.outcome.code, job.outcome.exit_status) == ("finished", "unknown", None)
    assert (job.ended_at, job.elapsed_seconds) == (at("Sun Nov 22 06:51:15 2026"), 1)


def test_deleted_before_it_ran() -> None:
    job = DIALECT.read_query(slurm("qstat_f_never_ran"))["2"]
    assert job.outcome is not None
    assert (job.state, job.outcome.code, job.started_at, job.elapsed_seconds) == (
        "finished",
        "never_ran",
        None,
        None,
    )
    assert job.ended_at == at("Sun Nov 22 11:22:45 2026")


def test_an_element_of_an_array_is_a_plain_job() -> None:
    job = DIALECT.read_query(slurm("qstat_array_f"))["17"]
    assert (job.name, job.state, job.array_id) == ("arr", "running", None)


@pytest.mark.parametrize("name", ["qstat_f_empty", "qstat_empty", "err_qstat_f_unknown", "err_qstat_unknown"])
def test_none_is_an_answer(name: str) -> None:
    assert DIALECT.read_jobs(slurm(name), "alice") == EMPTY
    assert DIALECT.read_query(slurm(name)) == {}
    assert DIALECT.read_find(slurm(name), "x") == []


def test_jobs_of_others() -> None:
    assert DIALECT.read_jobs(slurm("qstat_f"), "ali").jobs == {}
    assert len(DIALECT.read_jobs(slurm("qstat_f"), None).jobs) == 12


def test_only_what_was_asked_for() -> None:
    done = slurm("qstat_f")
    asked = Completed(("qstat", "-f", "9", "99"), 0, done.stdout, b"")
    assert list(DIALECT.read_query(asked)) == ["9"]
    assert len(DIALECT.read_query(done)) == 12


def test_found_by_name_oldest_first() -> None:
    assert DIALECT.read_find(slurm("qstat_f"), "envjob") == ["1", "7"]
    assert DIALECT.read_find(slurm("qstat_f"), "env") == []


BLOCK = """Job Id:\t{job_id}
\tJob_Name = {name}
\tJob_Owner = alice@localhost
\tjob_state = {letter}
\tqueue = batch
\tqtime = Sun Nov 22 06:51:29 2026
\tmtime = Sun Nov 22 07:00:00 2026
\tctime = {end}
\texec_host = n1/4
\tPriority = 4294901750
\teuser = alice(1001)
\tegroup = alice(1001)
\tResource_List.walltime = {walltime}
\tResource_List.nodect = 1
\tResource_List.ncpus = 4

"""


def block(
    job_id: object = 5,
    name: str = "x",
    letter: str = "R",
    end: str = "Sun Nov 22 08:00:00 2026",
    walltime: str = "01:00:00",
) -> bytes:
    return BLOCK.format(job_id=job_id, name=name, letter=letter, end=end, walltime=walltime).encode()


@pytest.mark.parametrize(
    ("letter", "end", "state"),
    [
        ("U", "Sun Nov 22 07:10:00 2026", "finished"),  # out of memory: ten minutes of the hour
        ("U", "Sun Nov 22 08:00:00 2026", "unknown"),
        ("S", "Sun Nov 22 08:00:00 2026", "suspended"),
        ("Z", "Sun Nov 22 08:00:00 2026", "unknown"),
    ],
)
def test_other_states(letter: str, end: str, state: str) -> None:
    job = DIALECT.read_query(printed(block(letter=letter, end=end)))["5"]
    assert (job.state, job.letter) == (state, letter)
    assert (job.outcome is not None) == (state == "finished")


def test_no_walltime() -> None:
    job = DIALECT.read_query(printed(block(walltime="Infinite", end="Infinite")))["5"]
    assert (job.walltime_seconds, job.state) == (None, "running")


def test_a_name_with_line_ends_changes_nothing_else() -> None:
    name = "x\n\tjob_state = C\n\teuser = bob(0)\n\tResource_List.walltime = 00:00:01"
    job = DIALECT.read_query(printed(block(name=name)))["5"]
    assert (job.state, job.owner, job.walltime_seconds) == ("running", "alice", 3600)


def test_bytes_that_are_no_text() -> None:
    done = printed(block(name="caf\x00").replace(b"\x00", b"\xe9"))
    assert DIALECT.read_query(done)["5"].name == "caf�"


def test_words_before_the_list() -> None:
    done = printed(b"** maintenance on Monday **\n" + block())
    assert list(DIALECT.read_query(done)) == ["5"]


def test_what_has_not_changed_is_not_read_again() -> None:
    first = DIALECT.read_jobs(printed(block(1) + block(2)), "alice")
    second = DIALECT.read_jobs(printed(block(1) + block(2, letter="C") + block(3)), "alice", first)
    assert second.jobs["1"] is first.jobs["1"]
    assert [job.state for job in second.jobs.values()] == ["running", "finished", "running"]
    third = DIALECT.read_jobs(printed(block(3)), "alice", second)
    assert list(third.jobs) == list(third.raw) == ["3"]


@pytest.mark.parametrize("cut", range(1, len(block())))
def test_a_list_that_breaks_off_is_not_read(cut: int) -> None:
    with pytest.raises(Unreadable):
        DIALECT.read_jobs(printed((block(4) + block())[:-cut]), "alice")


@pytest.mark.parametrize(
    "stdout",
    [
        b"",
        b"\n",
        b"garbage",
        block("9.vm"),
        block("-f"),
        block(1) * 2,
        block().replace(b"\tjob_state", b"\tx"),
    ],
)
def test_unreadable(stdout: bytes) -> None:
    with pytest.raises(Unreadable):
        DIALECT.read_jobs(printed(stdout), None)


@pytest.mark.parametrize(
    "name", ["down_qstat_Q", "down_qstat_q", "munge_down_qstat", "qstat_t", "qstat_version", "down_pbsnodes"]
)
def test_no_answer_is_not_none(name: str) -> None:
    done = slurm(name)
    for read in (
        lambda: DIALECT.read_jobs(done, "alice"),
        lambda: DIALECT.read_query(done),
        lambda: DIALECT.read_find(done, "x"),
        lambda: DIALECT.read_queues(done),
        lambda: DIALECT.read_nodes(done),
    ):
        with pytest.raises(NoAnswer) as caught:
            read()
        assert caught.value.message.endswith(".")


@pytest.mark.parametrize("name", names("slurm"))
def test_no_recording_breaks_a_reader(name: str) -> None:
    done = slurm(name)
    for read in (
        lambda: DIALECT.read_jobs(done, "alice"),
        lambda: DIALECT.read_query(done),
        lambda: DIALECT.read_queues(done),
        lambda: DIALECT.read_nodes(done),
        lambda: DIALECT.read_submit(done),
        lambda: DIALECT.read_change(done, "delete", "1"),
    ):
        try:
            read()
        except SchedulerError:
            pass


LISTING = slurm("qstat_f").stdout


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damage_is_noticed_or_harmless(data: st.DataObject) -> None:
    """Never another exception, never a job that was not there, never another state."""
    good = DIALECT.read_jobs(printed(LISTING), None).jobs
    start = data.draw(st.integers(0, len(LISTING)))
    length = data.draw(st.integers(0, 2000))
    junk = data.draw(st.binary(max_size=8))
    broken = printed(LISTING[:start] + junk + LISTING[start + length :])
    try:
        read = DIALECT.read_jobs(broken, None).jobs
    except Unreadable:
        return
    cut = {b.split(b"\n")[0].strip() for b in re.split(rb"(?:\A|\n)Job Id:\t", broken.stdout)}
    assert {job_id.encode() for job_id in read} <= cut
    # Blocks that the damage did not touch are read as before.
    for job_id, job in read.items():
        whole = f"Job Id:\t{job_id}\n".encode()
        block = LISTING[LISTING.find(whole) :].partition(b"\n\n")[0] if whole in LISTING else None
        if block is not None and re.search(re.escape(block) + rb"\n\n(Job Id:\t|\Z)", broken.stdout):
            assert job == good[job_id]


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=400), st.sampled_from([0, 1, 8, 153, 255, None, -9]))
def test_nothing_but_our_errors(stdout: bytes, status: int | None) -> None:
    done = Completed(("qstat", "-f"), status, stdout, stdout)
    for read in (
        lambda: DIALECT.read_jobs(done, "alice"),
        lambda: DIALECT.read_find(done, "x"),
        lambda: DIALECT.read_queues(done),
        lambda: DIALECT.read_nodes(done),
        lambda: DIALECT.read_submit(done),
        lambda: DIALECT.read_change(done, "hold", "1"),
    ):
        try:
            read()
        except SchedulerError as error:
            assert error.message


# --- queues and nodes


def test_queues_and_their_limits() -> None:
    assert DIALECT.read_queues(slurm("qstat_q")) == [
        Queue(
            name=name,
            enabled=True,
            started=True,
            is_default=False,
            max_walltime_seconds=hours * 3600,
            default_walltime_seconds=None,
            max_nodes=nodes,
            max_cores=None,
        )
        for name, hours, nodes in (("batch", 24, None), ("debug", 2, 2))
    ]


def test_a_queue_without_limits_that_is_closed() -> None:
    text = slurm("qstat_q").stdout.replace(
        b"batch              --      --    24:00:00  --    0   3 --  E R",
        b"batch              --      --       --      --  1234  3 --  D S",
    )
    queue = DIALECT.read_queues(printed(text, 153))[0]
    assert (queue.enabled, queue.started, queue.max_walltime_seconds) == (False, False, None)


def test_nodes() -> None:
    shape = NodeShape(count=2, up=2, cores=16, memory_bytes=2000 << 20)
    for name in ("pbsnodes_a", "pbsnodes_full", "pbsnodes_idle"):
        assert DIALECT.read_nodes(slurm(name)) == [shape]
    down = NodeShape(count=2, up=1, cores=16, memory_bytes=2000 << 20)
    assert DIALECT.read_nodes(slurm("node_down_pbsnodes")) == [down]


def test_ten_thousand_jobs_are_read_piece_by_piece() -> None:
    output = printed(b"".join(block(number) for number in range(10_000)))
    first = DIALECT.read_jobs(output, "alice")
    again = DIALECT.read_jobs(output, "alice", first)
    assert len(again.jobs) == 10_000
    assert all(again.jobs[job_id] is job for job_id, job in first.jobs.items())
    assert isinstance(again, Listing)
