"""What the simulated batch system does to jobs and to commands on demand, read by our own dialects."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fakepbs import FakePBS
from fakepbs.faults import FAULTS

from jupyterlab_engines.scheduler.base import NoAnswer, Refused, SchedulerError, Submission, UnknownJob
from jupyterlab_engines.scheduler.client import BatchScheduler
from jupyterlab_engines.scheduler.detect import detect

pytestmark = pytest.mark.asyncio

SLEEP = "#!/bin/bash\n#PBS -l nodes=2:ppn=4,walltime=00:30:00\necho out of $PBS_JOBID\nexec sleep 600\n"


@pytest.fixture(params=["openpbs", "torque", "slurm"])
def pbs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakePBS]:
    fake = FakePBS(tmp_path / "pbs", request.param, kill_delay=0.3)
    yield fake
    broken = fake.failures()
    fake.shutdown()
    assert [
        p.cmdline() for p in psutil.process_iter(["cmdline"]) if str(tmp_path) in str(p.info["cmdline"])
    ] == []
    assert broken == []


async def scheduler_of(pbs: FakePBS) -> BatchScheduler:
    found = await detect(pbs.environ)
    assert isinstance(found, BatchScheduler)
    return found


def order(tmp_path: Path, text: str = SLEEP, name: str = "tag1") -> Submission:
    script = tmp_path / f"{name}.sh"
    script.write_bytes(text.encode())
    script.chmod(0o700)
    return Submission(script=script, name=name, work_dir=tmp_path, output=tmp_path / f"{name}.out")


async def started(pbs: FakePBS, tmp_path: Path, text: str = SLEEP, name: str = "tag1") -> str:
    job_id = await (await scheduler_of(pbs)).submit(order(tmp_path, text, name))
    pbs.wait(lambda: pbs.job(job_id).state in "RF")
    return job_id


def begin(pbs: FakePBS, folder: Path, *argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, cwd=folder, env=pbs.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


# --- a healthy batch system


async def test_is_found_and_read(pbs: FakePBS, tmp_path: Path) -> None:
    scheduler = await scheduler_of(pbs)
    assert (scheduler.dialect or "").startswith(pbs.dialect)
    pbs.pause()
    job_id = await scheduler.submit(order(tmp_path))
    assert (await scheduler.jobs())[job_id].state == "queued"
    pbs.pause(False)
    pbs.wait(lambda: pbs.job(job_id).state == "R")
    job = (await scheduler.jobs())[job_id]
    assert (job.state, job.name, job.owner, job.nodes, job.cores) == ("running", "tag1", pbs.user, 2, 8)
    assert [host.name for host in job.hosts] == ["n1", "n2"]
    assert job.walltime_seconds == 1800
    assert (await scheduler.query([job_id]))[job_id] == (await scheduler.jobs())[job_id]
    assert await scheduler.find("tag1") == [job_id]
    assert {queue.name for queue in await scheduler.queues()} >= {"debug"}
    assert sum(shape.count for shape in await scheduler.nodes()) == 2
    assert job_id in (await scheduler.raw_table())[1]
    await scheduler.delete(job_id)
    pbs.wait(lambda: pbs.job(job_id).state == "F")
    assert pbs.job(job_id).pids == ()
    assert (tmp_path / "tag1.out").read_text().startswith("out of")
    assert pbs.calls("qsub")[-1].status == 0


async def test_hold_and_release(pbs: FakePBS, tmp_path: Path) -> None:
    scheduler = await scheduler_of(pbs)
    pbs.pause()
    job_id = await scheduler.submit(order(tmp_path))
    await scheduler.hold(job_id)
    assert (await scheduler.jobs())[job_id].state == "held"
    pbs.pause(False)
    await scheduler.release(job_id)
    pbs.wait(lambda: pbs.job(job_id).state == "R")


ENDINGS = {"exit 0": 0, "exit 3": 3, "no-such-program": 127, "kill -SEGV $$": 139, "kill -KILL $$": 137}


async def test_exit_status(pbs: FakePBS, tmp_path: Path) -> None:
    scheduler = await scheduler_of(pbs)
    for number, (ending, status) in enumerate(ENDINGS.items()):
        job_id = await scheduler.submit(order(tmp_path, f"#!/bin/bash\n{ending}\n", f"end{number}"))
        pbs.wait(lambda job_id=job_id: pbs.job(job_id).state == "F")
        assert pbs.job(job_id).exit_status == status
        job = (await scheduler.query([job_id]))[job_id]
        assert job.state == "finished"
        if pbs.dialect != "slurm":
            assert job.outcome is not None
            assert job.outcome.exit_status == status


async def test_environment_of_a_job(pbs: FakePBS, tmp_path: Path) -> None:
    text = SLEEP.replace("exec sleep 600", "pwd; wc -l < $PBS_NODEFILE; echo $PBS_O_WORKDIR; echo oops >&2")
    job_id = await started(pbs, tmp_path, text)
    pbs.wait(lambda: pbs.job(job_id).state == "F")
    home = str(tmp_path) if pbs.dialect == "slurm" else os.environ["HOME"]
    lines = (tmp_path / "tag1.out").read_text().split()
    assert lines == ["out", "of", job_id, home, "8", str(tmp_path), "oops"]


async def test_walltime_ends_a_job(pbs: FakePBS, tmp_path: Path) -> None:
    job_id = await started(pbs, tmp_path)
    pbs.kill_by_walltime(job_id)
    pbs.wait(lambda: pbs.job(job_id).state == "F")
    assert "limit" in (tmp_path / "tag1.out").read_text().lower()
    job = (await (await scheduler_of(pbs)).query([job_id]))[job_id]
    if pbs.dialect != "slurm":
        assert job.outcome is not None
        assert job.outcome.code == "walltime"


async def test_a_job_that_ignores_sigterm_is_killed(pbs: FakePBS, tmp_path: Path) -> None:
    text = "#!/bin/bash\ntrap '' TERM\nsetsid sleep 600 &\nsleep 600\nsleep 600\n"
    job_id = await started(pbs, tmp_path, text)
    pbs.wait(lambda: len(pbs.job(job_id).pids) >= 3)
    pids = pbs.job(job_id).pids
    await (await scheduler_of(pbs)).delete(job_id)
    pbs.wait(lambda: pbs.job(job_id).state == "F")
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_requeue(pbs: FakePBS, tmp_path: Path) -> None:
    job_id = await started(pbs, tmp_path)
    first = pbs.job(job_id).pid
    pbs.requeue(job_id)
    pbs.wait(lambda: pbs.job(job_id).state == "R" and pbs.job(job_id).run_count == 2)
    assert pbs.job(job_id).pid != first


@pytest.mark.parametrize(("then", "state"), [("stays", "R"), ("requeue", "R"), ("fail", "F")])
async def test_node_lost(pbs: FakePBS, tmp_path: Path, then: str, state: str) -> None:
    job_id = await started(pbs, tmp_path)
    pids = pbs.job(job_id).pids
    pbs.node_lost(job_id, then=then, after=0.2)  # type: ignore[arg-type]
    pbs.wait(lambda: not any(map(psutil.pid_exists, pids)))
    assert sum(shape.up for shape in await (await scheduler_of(pbs)).nodes()) == 1
    if then == "requeue":
        # Two nodes are needed and only one is left.
        pbs.wait(lambda: pbs.job(job_id).state == "Q")
        pbs.nodes_back()
        pbs.wait(lambda: pbs.job(job_id).run_count == 2)
    pbs.wait(lambda: pbs.job(job_id).state == state)


async def test_a_job_the_scheduler_forgets(pbs: FakePBS, tmp_path: Path) -> None:
    job_id = await started(pbs, tmp_path)
    pids = pbs.job(job_id).pids
    pbs.forget(job_id)
    scheduler = await scheduler_of(pbs)
    assert job_id not in await scheduler.jobs()
    assert job_id not in await scheduler.query([job_id])
    pbs.wait(lambda: not any(map(psutil.pid_exists, pids)))
    with pytest.raises((UnknownJob, Refused)):
        await scheduler.delete(job_id)


async def test_slots_are_limited(pbs: FakePBS, tmp_path: Path) -> None:
    scheduler = await scheduler_of(pbs)
    text = SLEEP.replace("nodes=2:ppn=4", "nodes=1:ppn=16")
    ids = [await scheduler.submit(order(tmp_path, text, f"big{n}")) for n in range(3)]
    pbs.wait(lambda: sorted(job.state for job in pbs.jobs()) == ["Q", "R", "R"])
    running = [job_id for job_id in ids if pbs.job(job_id).state == "R"]
    await scheduler.delete(running[0])
    pbs.wait(lambda: sorted(job.state for job in pbs.jobs()) == ["F", "R", "R"])


# --- commands that fail


async def test_down_once(pbs: FakePBS, tmp_path: Path) -> None:
    job_id = await started(pbs, tmp_path)
    scheduler = await scheduler_of(pbs)
    pbs.set_fault("qstat", "server_down", times=1)
    with pytest.raises(NoAnswer):
        await scheduler.jobs()
    assert job_id in await scheduler.jobs()


async def test_an_answer_that_is_none(pbs: FakePBS, tmp_path: Path) -> None:
    await started(pbs, tmp_path)
    scheduler = await scheduler_of(pbs)
    faults: dict[str, dict[str, object]] = {
        "status": {"status": 255},
        "text": {"stdout": "Segmentation fault\n", "status": 139},
        "flood": {"bytes": 300_000_000},
    }
    if pbs.dialect != "slurm":  # half a text of lines cannot always be told from a whole one
        faults["truncated"] = {"keep": 0.4}
    for fault, given in faults.items():
        pbs.set_fault("qstat", fault, times=1, **given)
        with pytest.raises(NoAnswer):
            await scheduler.jobs()


async def test_bytes_that_are_no_text(pbs: FakePBS, tmp_path: Path) -> None:
    job_id = await started(pbs, tmp_path, name="tagged")
    scheduler = await scheduler_of(pbs)
    known = (await scheduler.jobs())[job_id]
    pbs.set_fault("qstat", "non_utf8", times=1, after="Job_Owner", data="\xff\xfe")
    with contextlib.suppress(NoAnswer):
        assert (await scheduler.jobs())[job_id].name == known.name


async def test_missing_once(pbs: FakePBS, tmp_path: Path) -> None:
    job_id = await started(pbs, tmp_path)
    scheduler = await scheduler_of(pbs)
    pbs.set_fault("qstat", "missing_job", times=1, job=job_id)
    assert job_id not in await scheduler.jobs()
    assert job_id in await scheduler.jobs()


async def test_states_no_manual_knows(pbs: FakePBS, tmp_path: Path) -> None:
    job_id = await started(pbs, tmp_path)
    scheduler = await scheduler_of(pbs)
    pbs.set_fault("qstat", "unknown_state", times=1, letter="Z")
    assert ((await scheduler.jobs())[job_id].state, pbs.job(job_id).state) == ("unknown", "R")
    pbs.set_letter(job_id, "Y")
    assert (await scheduler.jobs())[job_id].letter == "Y"


async def test_a_crowd_of_others(pbs: FakePBS, tmp_path: Path) -> None:
    mine = await started(pbs, tmp_path)
    pbs.let_others_be_seen()
    others = pbs.add_foreign_jobs(300)
    pbs.add_jobs_of_user(20)
    scheduler = await scheduler_of(pbs)
    own = await scheduler.jobs()
    everybody = await scheduler.jobs(all_users=True)
    assert mine in own
    assert len(own) == 21
    assert len(everybody) == 321
    with pytest.raises(SchedulerError):
        await scheduler.delete(others[0])


async def test_ids_of_another_server(pbs: FakePBS, tmp_path: Path) -> None:
    if pbs.dialect == "slurm":
        pytest.skip("its ids name no server")
    job_id = await started(pbs, tmp_path)
    scheduler = await scheduler_of(pbs)
    pbs.set_fault("qstat", "foreign_server", times=1, server="elsewhere")
    assert job_id not in await scheduler.jobs()


REASONS = ("unknown_queue", "bad_walltime", "over_limits", "no_permission", "queue_closed")


async def test_refusals(pbs: FakePBS, tmp_path: Path) -> None:
    scheduler = await scheduler_of(pbs)
    for reason in REASONS:
        pbs.set_fault("qsub", "refuse", times=1, reason=reason)
        with pytest.raises(Refused) as refused:
            await scheduler.submit(order(tmp_path))
        assert refused.value.code == reason
    assert pbs.jobs() == []


async def test_a_job_that_never_runs(pbs: FakePBS, tmp_path: Path) -> None:
    scheduler = await scheduler_of(pbs)
    pbs.set_fault("qsub", "never_runs", times=1)
    never = await scheduler.submit(order(tmp_path))
    after = await scheduler.submit(order(tmp_path, name="tag2"))
    pbs.wait(lambda: pbs.job(after).state == "R")
    assert pbs.job(never).state == "Q"
    assert (await scheduler.jobs())[never].never_runs == (pbs.dialect == "openpbs")
    await scheduler.delete(never)
    pbs.wait(lambda: pbs.job(never).state == "F")


async def test_noise_before_the_id(pbs: FakePBS, tmp_path: Path) -> None:
    scheduler = await scheduler_of(pbs)
    pbs.set_fault("qsub", "noise", times=1, text="Project balance: 17 h\n")
    assert await scheduler.submit(order(tmp_path)) == pbs.jobs()[0].job_id


async def test_killed_after_submitting(pbs: FakePBS, tmp_path: Path) -> None:
    pbs.set_fault("qsub", "submit_then_hang", times=1)
    order(tmp_path)
    process = begin(pbs, tmp_path, "qsub", "-N", "tag1", "tag1.sh")
    pbs.wait(lambda: pbs.jobs() and pbs.jobs()[0].state == "R")
    process.kill()
    assert process.communicate() == (b"", b"")
    assert process.returncode == -signal.SIGKILL
    scheduler = await scheduler_of(pbs)
    assert await scheduler.find("tag1") == [pbs.jobs()[0].job_id]
    assert pbs.calls("qsub")[0].status is None


async def test_a_command_that_hangs(pbs: FakePBS, tmp_path: Path) -> None:
    pbs.set_fault("qstat", "hang", times=1, ignore_term=True)
    process = begin(pbs, tmp_path, "qstat")
    pbs.wait(lambda: any(call.end is None for call in pbs.calls("qstat")))
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.kill()
    process.communicate()


async def test_qdel_fails_three_times_then_works(pbs: FakePBS, tmp_path: Path) -> None:
    job_id = await started(pbs, tmp_path)
    scheduler = await scheduler_of(pbs)
    for fault in ("unknown_job", "not_yours", "fails"):
        pbs.set_fault("qdel", fault, times=1)
        with pytest.raises(SchedulerError):
            await scheduler.delete(job_id)
        assert pbs.job(job_id).state == "R"
    await scheduler.delete(job_id)
    pbs.wait(lambda: pbs.job(job_id).state == "F")


async def test_qdel_that_takes_its_time(pbs: FakePBS, tmp_path: Path) -> None:
    job_id = await started(pbs, tmp_path)
    scheduler = await scheduler_of(pbs)
    pbs.set_fault("qdel", "ignored", times=1)
    await scheduler.delete(job_id)
    assert pbs.job(job_id).state == "R"
    pbs.set_fault("qdel", "ignored", times=1, seconds=0.5)
    await scheduler.delete(job_id)
    assert (await scheduler.jobs())[job_id].state == "running"
    pbs.wait(lambda: pbs.job(job_id).state == "F")


async def test_the_known_bug_of_openpbs(tmp_path: Path) -> None:
    pbs = FakePBS(tmp_path / "pbs", "openpbs")
    try:
        pbs.pause()
        job_id = await (await scheduler_of(pbs)).submit(order(tmp_path))
        process = begin(pbs, tmp_path, "qdel", job_id, "99999")
        assert process.communicate() == (b"", b"")
        assert process.returncode == 0
        assert b"cannot connect" in begin(pbs, tmp_path, "qstat").communicate()[1]
    finally:
        pbs.shutdown()


async def test_only_faults_that_exist(tmp_path: Path) -> None:
    pbs = FakePBS(tmp_path / "pbs", "torque")
    try:
        with pytest.raises(ValueError, match="no fault 'nosuch'"):
            pbs.set_fault("qstat", "nosuch")
        with pytest.raises(ValueError, match="unknown_queue"):
            pbs.set_fault("qsub", "refuse", reason="bad_hair")
        assert "refuse" in FAULTS
    finally:
        pbs.shutdown()
