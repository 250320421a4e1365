"""What every `Scheduler` promises, on simulated PBS in three dialects, on the rig and on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from contract import FAKES, Place, eventually, local, real, simulated
from fakepbs import FakePBS

from jupyterlab_engines.scheduler.base import (
    NoAnswer,
    Refused,
    Scheduler,
    SchedulerError,
    Submission,
    UnknownJob,
)
from jupyterlab_engines.scheduler.client import TimeLimits

pytestmark = pytest.mark.asyncio
SLEEP = "exec sleep 600"
UNKNOWN = {"openpbs": "999999.pbshead", "torque": "999999.vm", "slurm_torque": "999999"}


async def of_fake(dialect: str, tmp_path: Path) -> AsyncIterator[Place]:
    """Yield a simulated batch system; in the end nothing of it is left, and nothing went wrong in it."""
    fake = FakePBS(tmp_path / "pbs", dialect)
    folder = tmp_path / "work"
    folder.mkdir()
    try:
        place = await simulated(fake, folder)
        yield place
        fake.clear_faults()
        await place.clear()
        # Slurm says C at once, and the job's processes may need a moment more.
        await asyncio.to_thread(fake.wait, lambda: not any(job.pids for job in fake.jobs()))
        assert fake.failures() == []
    finally:
        fake.shutdown()


@pytest_asyncio.fixture(params=[*FAKES, "rig", "local"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param in FAKES:
        async for place in of_fake(request.param, tmp_path):
            yield place
        return
    if request.param == "rig":
        rig = request.getfixturevalue("rig")
        place = await real(rig, rig.folder("contract"))
        yield place
        await place.clear()
        await asyncio.to_thread(rig.cancel, place.folder)
        return
    place = await local(tmp_path)
    yield place
    await place.clear()
    assert list((tmp_path / "jobs").glob("*")) == []


@pytest_asyncio.fixture(params=FAKES)
async def broken(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Places that can be broken."""
    async for place in of_fake(request.param, tmp_path):
        yield place


def unknown(scheduler: Scheduler) -> str:
    return UNKNOWN.get(scheduler.dialect or "", "local-999999-1")


# --- a job's life


async def test_a_job_that_was_submitted_is_there(place: Place) -> None:
    order = place.order(SLEEP)
    job_id = await place.scheduler.submit(order)
    listed = (await place.scheduler.jobs())[job_id]
    asked = await place.job(job_id)
    assert asked is not None
    assert listed.job_id == asked.job_id == job_id
    assert listed.name == asked.name == order.name
    assert listed.owner == place.scheduler.user  # type: ignore[attr-defined]
    assert await place.scheduler.find(order.name) == [job_id]
    assert await place.scheduler.find(f"{order.name}x") == []
    running = await place.until(job_id, "running")
    assert running is not None
    assert running.started_at is not None
    assert running.ended_at is None
    assert running.outcome is None
    assert running.hosts


async def test_a_job_runs_and_its_output_is_where_it_was_asked_for(place: Place) -> None:
    order = place.order("echo to stdout", "echo to stderr >&2", "pwd", 'echo "[$PBS_JOBID]"')
    job_id = await place.scheduler.submit(order)
    job = await place.until_over(job_id)
    if job is not None:
        assert job.outcome is not None
        assert job.outcome.code in ("succeeded", "unknown")

    async def output() -> str:
        return await asyncio.to_thread(read, order.output)

    said = await eventually(output, lambda text: "[" in text)
    assert "to stdout\n" in said
    assert "to stderr\n" in said
    assert f"[{job_id}]" in said


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_a_job_that_fails(place: Place) -> None:
    job_id = await place.scheduler.submit(place.order("exit 3"))
    job = await place.until_over(job_id)
    if job is not None:
        assert job.outcome is not None
        assert (job.outcome.code, job.outcome.exit_status) in [("exit_status", 3), ("unknown", None)]


async def test_a_running_job_is_deleted(place: Place) -> None:
    job_id = await place.scheduler.submit(place.order(SLEEP))
    await place.until(job_id, "running")
    await place.scheduler.delete(job_id)
    job = await place.until_over(job_id)
    if job is not None:
        assert job.outcome is not None
        assert job.outcome.code in ("deleted", "unknown")


async def test_a_waiting_job_is_deleted(place: Place) -> None:
    if place.waits is None:
        pytest.skip("nothing waits here")
    job_id = await place.scheduler.submit(place.order(SLEEP, directives=place.waits))
    await place.until(job_id, "held")
    await place.scheduler.delete(job_id)
    job = await place.until_over(job_id)
    if job is not None:
        assert job.started_at is None
        assert job.outcome is not None
        assert job.outcome.code in ("deleted", "never_ran", "unknown")


async def test_hold_and_release_a_waiting_job(place: Place) -> None:
    if place.waits is None:
        pytest.skip("nothing waits here")
    job_id = await place.scheduler.submit(place.order(SLEEP, directives=place.waits))
    await place.until(job_id, "held")
    await place.scheduler.release(job_id)
    await place.until(job_id, "running")


async def test_hold_and_release_on_this_machine(tmp_path: Path) -> None:
    place = await local(tmp_path)
    job_id = await place.scheduler.submit(place.order(SLEEP))
    await place.scheduler.hold(job_id)
    await place.until(job_id, "suspended")
    await place.scheduler.release(job_id)
    await place.until(job_id, "running")
    await place.scheduler.hold(job_id)
    await place.scheduler.delete(job_id)  # ends also while it is held
    await place.until_over(job_id)


async def test_a_queued_job_is_held(broken: Place) -> None:
    assert broken.fake is not None
    broken.fake.pause()
    job_id = await broken.scheduler.submit(broken.order(SLEEP))
    await broken.until(job_id, "queued")
    await broken.scheduler.hold(job_id)
    await broken.until(job_id, "held")
    await broken.scheduler.release(job_id)
    await broken.until(job_id, "queued")


async def test_two_jobs(place: Place) -> None:
    first = await place.scheduler.submit(place.order(SLEEP))
    second = await place.scheduler.submit(place.order(SLEEP))
    assert first != second
    assert {first, second} <= set(await place.scheduler.jobs())
    assert set(await place.scheduler.query([first, second])) == {first, second}
    await place.scheduler.delete(first)
    await place.until_over(first)
    job = await place.job(second)
    assert job is not None
    assert job.state in ("queued", "running")


async def test_two_jobs_of_one_name_newest_last(place: Place) -> None:
    order = place.order(SLEEP)
    first = await place.scheduler.submit(order)
    again = place.order(SLEEP, name=order.name)
    second = await place.scheduler.submit(
        Submission(again.script, order.name, again.work_dir, place.folder / "b")
    )
    assert await place.scheduler.find(order.name) == [first, second]


# --- what is refused


async def test_an_unknown_job(place: Place) -> None:
    job_id = unknown(place.scheduler)
    assert await place.scheduler.query([job_id]) == {}
    with pytest.raises(UnknownJob):
        await place.scheduler.delete(job_id)
    for change in (place.scheduler.hold, place.scheduler.release):
        with pytest.raises(UnknownJob):
            await change(job_id)


@pytest.mark.parametrize("bad", ["", "-f", "x", "1 2", "1;id", "$(id)", "17_2"])
async def test_what_is_no_id_never_reaches_a_command(place: Place, bad: str) -> None:
    for change in (place.scheduler.delete, place.scheduler.hold, place.scheduler.release):
        with pytest.raises(UnknownJob):
            await change(bad)


async def test_a_job_that_has_ended_is_not_deleted(place: Place) -> None:
    job_id = await place.scheduler.submit(place.order("true"))
    await place.until_over(job_id)
    with pytest.raises((UnknownJob, Refused)) as caught:
        await place.scheduler.delete(job_id)
    if isinstance(caught.value, Refused):
        assert caught.value.code == "finished"


async def test_an_unknown_queue_is_refused_in_words(place: Place) -> None:
    if place.waits is None:
        pytest.skip("there are no queues here")
    order = place.order(SLEEP, directives=["#PBS -q nosuch"])
    with pytest.raises(Refused) as caught:
        await place.scheduler.submit(order)
    assert caught.value.code == "unknown_queue"
    assert caught.value.message.endswith(".")
    assert caught.value.hint
    assert caught.value.output
    assert await place.scheduler.find(order.name) == []


async def test_a_walltime_is_changed_or_that_is_not_offered(place: Place) -> None:
    waits = [] if place.waits is None else place.waits
    job_id = await place.scheduler.submit(
        place.order(SLEEP, directives=[*waits, "#PBS -l walltime=00:30:00"])
    )
    if "alter_walltime" not in place.scheduler.actions:
        with pytest.raises(Refused) as caught:
            await place.scheduler.alter_walltime(job_id, 600)
        assert caught.value.code == "not_supported"
        return
    await place.scheduler.alter_walltime(job_id, 600)
    job = await place.job(job_id)
    assert job is not None
    assert job.walltime_seconds == 600


# --- what else it tells


async def test_queues_nodes_and_the_table_people_watch(place: Place) -> None:
    job_id = await place.scheduler.submit(place.order(SLEEP))
    await place.until(job_id, "running")
    command, table = await place.scheduler.raw_table()
    assert command.startswith(("qstat ", "ps "))
    assert job_id.split(".")[0].split("-")[-1 if place.waits else 1] in table
    nodes = await place.scheduler.nodes()
    assert sum(shape.up for shape in nodes) > 0
    assert all(0 <= shape.up <= shape.count and shape.cores > 0 for shape in nodes)
    queues = await place.scheduler.queues()
    assert (queues != []) == (place.waits is not None)


async def test_without_jobs_of_ours(place: Place) -> None:
    assert await place.scheduler.find("no-such-name") == []
    assert await place.scheduler.query([]) == {}
    mine = await place.scheduler.jobs()
    assert all(job.owner == place.scheduler.user for job in mine.values())  # type: ignore[attr-defined]


# --- not answering is not gone


async def test_a_server_that_is_down_has_said_nothing(broken: Place) -> None:
    assert broken.fake is not None
    scheduler = broken.scheduler
    job_id = await scheduler.submit(broken.order(SLEEP))
    await broken.until(job_id, "running")
    broken.fake.down()
    asks = (
        lambda: scheduler.jobs(),
        lambda: scheduler.query([job_id]),
        lambda: scheduler.find("x"),
        lambda: scheduler.queues(),
        lambda: scheduler.nodes(),
        lambda: scheduler.raw_table(),
        lambda: scheduler.delete(job_id),
        lambda: scheduler.hold(job_id),
        lambda: scheduler.release(job_id),
        lambda: scheduler.submit(broken.order(SLEEP)),
    )
    for ask in asks:
        with pytest.raises(NoAnswer) as caught:
            await ask()
        assert caught.value.message.endswith(".")
        assert caught.value.output
    broken.fake.up()
    job = await broken.job(job_id)
    assert job is not None
    assert job.state == "running"


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("hang", {}),
        ("hang", {"ignore_term": True}),
        ("status", {"status": 255}),
        ("truncated", {"keep": 0.6}),
        ("text", {"stdout": "garbage\n", "stderr": "", "status": 0}),
        ("text", {"stdout": "", "stderr": "internal error\n", "status": 1}),
        ("flood", {"bytes": 100_000_000}),
    ],
)
async def test_an_answer_that_cannot_be_had_is_no_answer(
    broken: Place, fault: str, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert broken.fake is not None
    monkeypatch.setattr(broken.scheduler, "_limits", TimeLimits(other=3.0))
    job_id = await broken.scheduler.submit(broken.order(SLEEP))
    before = await broken.scheduler.jobs()
    broken.fake.set_fault("qstat", fault, **options)
    for ask in (lambda: broken.scheduler.jobs(), lambda: broken.scheduler.query([job_id])):
        with pytest.raises(NoAnswer):
            await ask()
    broken.fake.clear_faults()
    assert set(await broken.scheduler.jobs()) == set(before) == {job_id}


async def test_a_table_with_bytes_that_are_no_text_and_words_before_it(broken: Place) -> None:
    assert broken.fake is not None
    job_id = await broken.scheduler.submit(broken.order(SLEEP))
    broken.fake.set_fault("qstat", "slow", seconds=0.2, times=1)
    assert job_id in await broken.scheduler.jobs()
    broken.fake.set_fault("qsub", "noise", text="Welcome to the cluster!\n", times=1)
    noisy = await broken.scheduler.submit(broken.order(SLEEP))
    assert noisy in await broken.scheduler.jobs()


async def test_submitted_though_qsub_failed(broken: Place) -> None:
    assert broken.fake is not None
    broken.fake.set_fault("qsub", "submit_then_fail", times=1)
    order = broken.order(SLEEP)
    with pytest.raises(NoAnswer):
        await broken.scheduler.submit(order)
    (job_id,) = await broken.scheduler.find(order.name)
    assert await broken.job(job_id) is not None


async def test_a_deletion_without_reason_is_looked_into(tmp_path: Path) -> None:
    """Slurm's qdel says nothing of a job that it knows and does not delete."""
    async for place in of_fake("slurm", tmp_path):
        assert place.fake is not None
        job_id = await place.scheduler.submit(place.order(SLEEP))
        place.fake.set_fault("qdel", "text", times=1, stdout="", stderr="", status=1)
        with pytest.raises(Refused, match="did not delete job"):
            await place.scheduler.delete(job_id)


# --- manners


async def test_one_reading_for_all_who_ask(broken: Place) -> None:
    assert broken.fake is not None
    job_id = await broken.scheduler.submit(broken.order(SLEEP))
    before = len(broken.fake.calls("qstat"))
    broken.fake.set_fault("qstat", "slow", seconds=0.5)
    tables = await asyncio.gather(*(broken.scheduler.jobs() for _ in range(5)))
    assert all(job_id in table for table in tables)
    assert len(broken.fake.calls("qstat")) == before + 1


async def test_queries_wait_for_each_other(broken: Place) -> None:
    assert broken.fake is not None
    job_id = await broken.scheduler.submit(broken.order(SLEEP))
    broken.fake.set_fault("*", "slow", seconds=0.2)
    await asyncio.gather(
        broken.scheduler.jobs(),
        broken.scheduler.query([job_id]),
        broken.scheduler.queues(),
        broken.scheduler.nodes(),
    )
    calls = [call for call in broken.fake.calls() if call.command in ("qstat", "pbsnodes")][-4:]
    ends = [call.end for call in calls]
    starts = [call.start for call in calls]
    assert all(end is not None and end <= start for end, start in zip(ends, starts[1:], strict=False))


async def test_who_stops_waiting_disturbs_nobody(broken: Place) -> None:
    assert broken.fake is not None
    job_id = await broken.scheduler.submit(broken.order(SLEEP))
    broken.fake.set_fault("qstat", "slow", seconds=0.5)
    first, second = (asyncio.create_task(broken.scheduler.jobs()) for _ in range(2))
    await asyncio.sleep(0.1)
    first.cancel()
    assert job_id in await second
    third = asyncio.create_task(broken.scheduler.jobs())
    await asyncio.sleep(0.1)
    third.cancel()
    fourth = asyncio.create_task(broken.scheduler.jobs())
    assert job_id in await fourth
    assert first.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await third


async def test_jobs_of_others(broken: Place) -> None:
    assert broken.fake is not None
    broken.fake.let_others_be_seen()
    job_id = await broken.scheduler.submit(broken.order(SLEEP))
    others = set(broken.fake.add_foreign_jobs(20))
    assert set(await broken.scheduler.jobs()) == {job_id}
    assert set(await broken.scheduler.jobs(all_users=True)) == {job_id} | others
    assert set(await broken.scheduler.jobs()) == {job_id}


async def test_every_error_is_a_sentence(broken: Place) -> None:
    assert broken.fake is not None
    for reason in ("unknown_queue", "bad_walltime", "over_limits", "no_permission", "queue_closed"):
        try:
            broken.fake.set_fault("qsub", "refuse", times=1, reason=reason)
        except ValueError:
            continue  # this dialect does not refuse so
        with pytest.raises(SchedulerError) as caught:
            await broken.scheduler.submit(broken.order(SLEEP))
        assert isinstance(caught.value, Refused), reason
        assert caught.value.code == reason
        assert caught.value.message[0].isupper()
        assert caught.value.message.endswith(".")
