"""A batch system that is this machine: what the contract leaves open; jobs that outlive the server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from contract import Place, eventually, local

from jupyterlab_engines.scheduler.base import Refused, Submission, UnknownJob
from jupyterlab_engines.scheduler.local import LocalScheduler

pytestmark = pytest.mark.asyncio
SLEEP = "exec sleep 600"


def later(place: Place) -> LocalScheduler:
    """Return the scheduler of a server that starts later."""
    return LocalScheduler(place.folder / "jobs", os.environ, "somebody")


def pid_of(job_id: str) -> int:
    return int(job_id.split("-")[1])


def files(place: Place) -> list[Path]:
    return sorted((place.folder / "jobs").iterdir())


async def until_ended(pid: int) -> None:
    async def alive() -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    await eventually(alive, lambda lives: not lives)


async def test_a_later_server_finds_and_ends_a_job(tmp_path: Path) -> None:
    place = await local(tmp_path)
    order = place.order(SLEEP)
    job_id = await place.scheduler.submit(order)
    other = later(place)
    assert await other.find(order.name) == [job_id]
    job = (await other.jobs())[job_id]
    assert (job.state, job.name) == ("running", order.name)
    await other.delete(job_id)
    await until_ended(pid_of(job_id))
    ended = (await other.query([job_id]))[job_id]
    assert ended.outcome is not None
    assert (ended.state, ended.outcome.code) == ("finished", "unknown")  # it was no child of that server
    assert files(place) == []
    assert await later(place).jobs() == {}


async def test_a_record_is_private_and_goes_once_its_end_was_told(tmp_path: Path) -> None:
    place = await local(tmp_path)
    job_id = await place.scheduler.submit(place.order("exit 5"))
    await until_ended(pid_of(job_id))
    (record,) = files(place)
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    job = (await place.scheduler.jobs())[job_id]
    assert job.outcome is not None
    assert (job.outcome.code, job.outcome.exit_status) == ("exit_status", 5)
    assert files(place) == []
    assert (await place.scheduler.query([job_id]))[job_id] == job  # and is still told when asked


async def test_no_zombie_though_nobody_asks(tmp_path: Path) -> None:
    place = await local(tmp_path)
    job_id = await place.scheduler.submit(place.order("true"))

    async def there() -> bool:
        return psutil.pid_exists(pid_of(job_id))

    await eventually(there, lambda exists: not exists)
    await place.clear()


async def test_a_number_that_is_used_again_is_another_process(tmp_path: Path) -> None:
    place = await local(tmp_path)
    order = place.order(SLEEP)
    job_id = await place.scheduler.submit(order)
    (record,) = files(place)
    told = json.loads(record.read_bytes())
    for change in ({"birth": told["birth"] - 1}, {"boot": "another"}):
        record.unlink(missing_ok=True)
        forged = {**told, **change}
        forged_id = f"local-{forged['pid']}-{forged['birth']}"
        (record.parent / f"{forged_id}.json").write_text(json.dumps(forged))
        other = later(place)
        assert (await other.jobs())[forged_id].state == "finished"
        with pytest.raises(Refused):
            await other.delete(forged_id)
        assert psutil.pid_exists(pid_of(job_id))
    os.killpg(pid_of(job_id), signal.SIGKILL)
    await until_ended(pid_of(job_id))


async def test_a_damaged_record_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = await local(tmp_path)
    job_id = await place.scheduler.submit(place.order(SLEEP))
    (tmp_path / "jobs" / "local-1-1.json").write_text("{")
    assert list(await place.scheduler.jobs()) == [job_id]
    assert "cannot be read" in caplog.text
    (tmp_path / "jobs" / "local-1-1.json").unlink()
    await place.clear()


async def test_term_then_kill(tmp_path: Path) -> None:
    place = await local(tmp_path)
    order = place.order('trap "echo no" TERM', "echo ready", "while :; do sleep 0.05; done")
    job_id = await place.scheduler.submit(order)

    async def output() -> str:
        return await asyncio.to_thread(order.output.read_text)

    await eventually(output, lambda text: "ready" in text)
    await place.scheduler.delete(job_id)
    await eventually(output, lambda text: "no" in text)
    assert (await place.job(job_id)) is not None
    await place.scheduler.delete(job_id)
    job = await place.until_over(job_id)
    assert job is not None
    assert job.outcome is not None
    assert (job.outcome.code, job.outcome.signal) == ("deleted", "SIGKILL")


async def test_what_a_job_leaves_behind_is_ended(tmp_path: Path) -> None:
    place = await local(tmp_path)
    note = tmp_path / "pid"
    job_id = await place.scheduler.submit(place.order(f"sleep 600 & echo $! > '{note}'"))
    await place.until_over(job_id)
    await until_ended(int(await asyncio.to_thread(note.read_text)))


async def test_what_a_job_gets(tmp_path: Path) -> None:
    environ = {**os.environ, "JUPYTERHUB_API_TOKEN": "s3cret"}
    scheduler = LocalScheduler(tmp_path / "jobs", environ, "somebody")
    place = Place(scheduler, tmp_path)
    order = place.order("env", "ps -o sid= -p $$", "cat", "pwd")
    job_id = await scheduler.submit(order)
    await place.until_over(job_id)
    said = await asyncio.to_thread(order.output.read_text)
    assert "s3cret" not in said
    lines = said.splitlines()
    assert {f"PBS_JOBID={job_id}", f"PBS_JOBNAME={order.name}", f"PBS_O_WORKDIR={tmp_path}"} <= set(lines)
    assert int(lines[-2]) == pid_of(job_id)
    assert lines[-1].endswith(tmp_path.name)
    assert stat.S_IMODE(order.output.stat().st_mode) == 0o600


async def test_a_script_that_is_none(tmp_path: Path) -> None:
    place = await local(tmp_path)
    order = place.order(SLEEP)
    missing = Submission(tmp_path / "no.sh", "x", tmp_path, order.output)
    nowhere = Submission(order.script, "x", tmp_path / "no", order.output)
    for wrong, code in ((missing, "bad_script"), (nowhere, "other")):
        with pytest.raises(Refused) as caught:
            await place.scheduler.submit(wrong)
        assert caught.value.code == code
    assert await place.scheduler.jobs() == {}


async def test_a_record_that_cannot_be_written_starts_nothing(
    tmp_path: Path, new_children: Callable[[], list[psutil.Process]]
) -> None:
    (tmp_path / "jobs").write_text("a file in the folder's place")
    scheduler = LocalScheduler(tmp_path / "jobs", os.environ, "somebody")
    mark = tmp_path / "ran"
    order = Place(scheduler, tmp_path).order(f"touch '{mark}'")
    with pytest.raises(Refused, match="could not be recorded"):
        await scheduler.submit(order)
    assert not mark.exists()
    assert new_children() == []


async def test_nothing_to_ask_for(tmp_path: Path) -> None:
    scheduler = LocalScheduler(tmp_path / "never made", os.environ, "somebody")
    assert await scheduler.jobs() == {}
    assert (await scheduler.raw_table())[1] == ""
    assert await scheduler.queues() == []
    with pytest.raises(UnknownJob):
        await scheduler.delete("local-1-1")
    assert not (tmp_path / "never made").exists()
