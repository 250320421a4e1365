"""A job for the controller and one for the engines: they find each other, and neither outlives the other."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import time
from pathlib import Path

import pytest
from realjob import RealJob, wait_for

from pxengines.job import EXIT_TAKEN, take_lock
from pxengines.launch.events import append_event, read_events

pytestmark = pytest.mark.apart


def names(job: RealJob, role: str) -> list[str]:
    return [event["event"] for event in read_events(job.paths.events_of(role))]


def test_engines_that_start_first_wait_for_their_controller(job: RealJob, tmp_path: Path) -> None:
    job.order(2, placement="own_job")
    # What a killed run may have left: neither its words nor its connection file count.
    job.paths.security_dir.mkdir(parents=True)
    stale = {"registration": 9, "interface": "tcp://127.0.0.1", "pxengines_run_id": "another"}
    for kind in ("client", "engine"):
        job.paths.connection_file(kind).write_text(json.dumps(stale))
    append_event(job.paths.events_of("controller"), "job_started", run_id="another")
    append_event(job.paths.events_of("controller"), "job_ended")
    node_file = tmp_path / "nodes"
    node_file.write_text(f"{os.uname().nodename}\n" * 2)
    engines = job.spawn_in_batch("engines", PBS_NODEFILE=str(node_file))
    started = job.wait_for_event("job_started", "engines")
    assert (started["job_id"], started["nodes"]) == ("0.test", {os.uname().nodename: 2})
    assert started["host"] == os.uname().nodename
    # As long as a queue would have the controller's job wait, at this scale.
    wait_for(lambda: time.time() - started["at"] > 3, "some time to pass")
    assert engines.poll() is None
    controller = job.spawn_in_batch("controller")
    job.wait_for_event("controller_started", "controller")
    client = job.client(2)
    try:
        client[:].execute("total = MPI.COMM_WORLD.allreduce(mpi_rank + 1)", block=False).get(60)
        assert client[:]["total"] == [3, 3]
    finally:
        client.close()
    assert names(job, "engines") == ["job_started", "controller_found", "engines_started"]
    assert not job.paths.events.exists()

    engines.send_signal(signal.SIGTERM)
    assert job.wait_for_end(engines) == 0
    # Nobody needs a controller whose engines have ended in order.
    assert job.wait_for_end(controller) == 0
    assert job.event("stopping", "controller")["reason"] == "engines_gone"


def test_engines_end_with_their_controller(job: RealJob) -> None:
    job.order(2, placement="server")
    controller = job.spawn_in_batch("controller")
    engines = job.spawn_in_batch("engines")
    job.client(2).close()
    # Beside Jupyter, which may be in a batch job itself: that one is not ours.
    assert "job_id" not in job.event("job_started", "controller")
    controller.send_signal(signal.SIGTERM)
    assert job.wait_for_end(controller) == 0
    assert job.wait_for_end(engines) == 0
    assert job.event("stopping", "engines")["reason"] == "controller_gone"


def test_engines_whose_controller_has_ended_give_up_in_words(job: RealJob) -> None:
    job.order(2, placement="own_job", controller_address="no-such-interface")
    controller = job.spawn_in_batch("controller")
    assert job.wait_for_end(controller) == 1
    told = job.event("cannot_start", "controller")
    assert told["code"] == "internal"
    assert "'no-such-interface' is neither an address" in told["params"]["detail"]
    engines = job.spawn_in_batch("engines")
    assert job.wait_for_end(engines) == 1
    told = job.event("cannot_start", "engines")
    assert told["code"] == "controller_exited"
    assert "before the engines could start" in told["params"]["detail"]
    assert names(job, "engines") == ["job_started", "cannot_start", "job_ended"]


def test_engines_that_wait_can_be_stopped(job: RealJob) -> None:
    job.order(2, placement="own_job")
    engines = job.spawn_in_batch("engines")
    job.wait_for_event("job_started", "engines")
    engines.send_signal(signal.SIGTERM)
    assert job.wait_for_end() == 0
    assert names(job, "engines") == ["job_started", "stopping", "job_ended"]


def test_no_mpiexec_on_the_node(job: RealJob) -> None:
    job.order(2, placement="own_job", mpiexec=["/opt/site/bin/mpiexec"])
    job.spawn_in_batch("controller")
    engines = job.spawn_in_batch("engines")
    assert job.wait_for_end(engines) == 1
    told = job.event("cannot_start", "engines")
    assert (told["code"], told["params"]["mpiexec"]) == ("mpiexec_missing", "/opt/site/bin/mpiexec")


def test_each_role_has_a_lock_of_its_own(job: RealJob) -> None:
    job.order(1, placement="own_job")
    job.spawn_in_batch("engines")
    job.wait_for_event("job_started", "engines")
    job.spawn_in_batch("controller")
    job.wait_for_event("controller_started", "controller")
    again = job.spawn_in_batch("controller")
    assert again.wait(timeout=60) == EXIT_TAKEN
    assert "lock-controller is locked" in job.log("job-controller")


def test_who_is_stopped_by_the_scheduler_was_asked(job: RealJob) -> None:
    """A scheduler signals all processes of a job, and mpiexec or a rank may be gone before our own turn."""
    job.order(2, placement="in_job")
    process = job.spawn_in_batch()
    job.client(2).close()
    os.kill(job.wait_for_event("engines_started")["pid"], signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    assert job.wait_for_end() == 0
    assert job.event("stopping")["reason"] == "asked"


def test_a_local_cluster_of_a_jupyter_in_a_batch_job_stays_on_its_host(job: RealJob, tmp_path: Path) -> None:
    node_file = tmp_path / "nodes"
    node_file.write_text("here\nelsewhere\n")
    slurm = {
        "JOB_ID": "1",
        "JOBID": "1",
        "NODELIST": "here,elsewhere",
        "NNODES": "2",
        "TASKS_PER_NODE": "1(x2)",
    }
    job.environment.update({f"SLURM_{name}": value for name, value in slurm.items()})
    job.environment.update(PBS_JOBID="1.head", PBS_NODEFILE=str(node_file))
    job.start(2)
    client = job.client(2)
    try:
        assert client[:].apply_sync(os.uname)[1][1] == os.uname().nodename
        client[:].execute("total = MPI.COMM_WORLD.allreduce(mpi_rank + 1)", block=False).get(60)
        assert client[:]["total"] == [3, 3]
    finally:
        client.close()
    assert "job_id" not in job.event("job_started")


def test_unknown_role(job: RealJob) -> None:
    job.order(1)
    process = job.spawn_in_batch("nurse")  # type: ignore[arg-type]
    assert process.wait(timeout=60) == 2
    assert "RUN_DIR [cluster|controller|engines]" in job.log("job-nurse")


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(handle: object, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    handle = take_lock(tmp_path / "lock")
    assert handle is not None
    handle.close()
    assert "cannot be locked here" in capsys.readouterr().err


def test_another_fault_of_the_lock_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: object, operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        take_lock(tmp_path / "lock")
