"""A Jupyter server that is killed, and the next one: clusters are adopted or cleaned up, never forgotten."""

from __future__ import annotations

import contextlib

import ipyparallel as ipp
import psutil
import pytest
import requests
from leftovers import processes_in, wait_until
from realjob import lost_at_once
from realserver import RealServer

from jupyterlab_engines.api.models import Cluster
from jupyterlab_engines.clusters.store import read_record

pytestmark = pytest.mark.apart

RUN = "jupyterlab_engines.clusters.run"
CARE = "jupyterlab_engines.clusters.care"
MANAGER = "jupyterlab_engines.clusters.manager"


def sums(server: RealServer) -> list[float]:
    """Return what an allreduce over all engines gives on each: n * (n - 1) / 2."""
    with ipp.Client(profile_dir=str(server.ipython_dir / "profile_local")) as client:
        view = client[:]
        # Not blocking: that waits for output, too, which a client does not hear in its first moments.
        view.execute("total = MPI.COMM_WORLD.allreduce(MPI.COMM_WORLD.Get_rank())", block=False).get(60)
        return list(view["total"])


def test_killed_while_ready_the_next_server_adopts(real_server: RealServer) -> None:
    real_server.begin()
    real_server.start(2)
    before = real_server.until_state("ready")
    real_server.kill()
    assert all(psutil.pid_exists(engine.pid) for engine in before.engines if engine.pid)
    real_server.begin()
    after = real_server.until_state("ready")
    assert after.run_id == before.run_id
    real_server.until(lambda: (c := real_server.cluster()) and c.engines_registered == 2, "both engines")
    assert [e.pid for e in after.engines] == [e.pid for e in before.engines]
    assert after.mpi == before.mpi
    assert sums(real_server) == [1, 1]
    real_server.stop()
    real_server.until_state("stopped")


def test_after_adoption_a_lost_engine_is_still_noticed(real_server: RealServer) -> None:
    real_server.begin()
    real_server.start(2)
    before = real_server.until_state("ready")
    real_server.kill()
    real_server.begin()
    real_server.until_state("ready")
    victim = before.engines[1].pid
    assert victim is not None
    psutil.Process(victim).kill()
    failed = real_server.until_state("failed")
    assert failed.failure is not None
    assert failed.failure.code == "engine_died"
    run_dir = real_server.ipython_dir / "profile_local" / "pxengines" / "default"
    assert {1, int(failed.failure.params["rank"])} <= set(lost_at_once(run_dir))


@pytest.mark.parametrize(
    "dies_at",
    [
        f"{RUN}:ClusterRun.begin:before",
        f"{RUN}:spawn_job:before",
        f"{RUN}:spawn_job:after",
        f"{RUN}:ClusterRun._started:after",
        f"{CARE}:HubLink:before",
        f"{CARE}:judge:before",
    ],
)
def test_killed_while_starting(real_server: RealServer, dies_at: str) -> None:
    real_server.begin(dies_at=dies_at)
    accepted: Cluster | None = None
    with contextlib.suppress(requests.ConnectionError):  # it may die before it answers
        accepted = real_server.start(2)
    assert real_server.died() == -9
    real_server.begin()
    real_server.until(
        lambda: (c := real_server.cluster()) is not None and c.state in ("ready", "failed"), "ready or failed"
    )
    cluster = real_server.cluster()
    assert cluster is not None
    assert accepted is None or cluster.run_id == accepted.run_id
    if cluster.state == "ready":
        assert sums(real_server) == [1, 1]
        real_server.stop()
        real_server.until_state("stopped")
    else:
        assert cluster.failure is not None
        assert cluster.failure.code == "start_interrupted"
        wait_until(lambda: not mine(real_server), "the end of all its processes")
    real_server.start(2)
    real_server.until_state("ready")


def test_killed_before_the_order_was_on_disk_nothing_was_started(real_server: RealServer) -> None:
    real_server.begin(dies_at="jupyterlab_engines.clusters.opening:open_run:before")
    with pytest.raises(requests.ConnectionError):
        real_server.start(2)
    assert real_server.died() == -9
    real_server.begin()
    assert real_server.clusters() == []
    assert mine(real_server) == []


def test_killed_while_stopping_the_next_server_finishes_it(real_server: RealServer) -> None:
    real_server.begin(dies_at="jupyterlab_engines.clusters.processes:JobProcess.send:before")
    real_server.start(2)
    real_server.until_state("ready")
    with contextlib.suppress(requests.ConnectionError):  # it may die before it answers
        real_server.stop()
    assert real_server.died() == -9
    real_server.begin()
    stopped = real_server.until_state("stopped")
    assert stopped.failure is None
    assert mine(real_server) == []


def test_everything_killed_at_once_is_told(real_server: RealServer) -> None:
    real_server.begin()
    real_server.start(2)
    real_server.until_state("ready")
    # It is told to browsers before it is on disk, and the next server will only know what is on disk.
    record = real_server.ipython_dir / "profile_local" / "pxengines" / "default" / "record.json"
    real_server.until(lambda: (r := read_record(record)) and r.cluster.state == "ready", "the record")
    real_server.kill()
    for process in mine(real_server):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended by itself, with those before it
            process.kill()
    real_server.begin()
    failed = real_server.until_state("failed")
    assert failed.failure is not None and failed.failure.code == "job_killed"
    assert not list(real_server.ipython_dir.glob("profile_local/security/*.json"))


def test_a_server_that_ends_in_order_stops_its_clusters(real_server: RealServer) -> None:
    real_server.begin()
    real_server.start(2)
    real_server.until_state("ready")
    real_server.end()
    assert mine(real_server) == []
    real_server.begin()
    cluster = real_server.cluster()
    assert cluster is not None and cluster.state == "stopped"


def test_a_server_may_be_told_to_leave_its_clusters(real_server: RealServer) -> None:
    option = "--EnginesApp.stop_local_clusters_on_exit=False"
    real_server.begin(option)
    before = real_server.start(2)
    real_server.until_state("ready")
    real_server.end()
    real_server.begin()
    after = real_server.until_state("ready")
    assert after.run_id == before.run_id
    real_server.stop()
    real_server.until_state("stopped")


def test_a_record_that_is_cut_off_loses_no_cluster(real_server: RealServer) -> None:
    real_server.begin()
    before = real_server.start(2)
    real_server.until_state("ready")
    real_server.kill()
    record = real_server.ipython_dir / "profile_local" / "pxengines" / "default" / "record.json"
    record.write_bytes(record.read_bytes()[:100])
    real_server.begin()
    after = real_server.until_state("ready")
    assert after.run_id == before.run_id
    assert after.mpi is not None and after.mpi.size == 2


def test_a_record_of_garbage_without_a_cluster_is_told(real_server: RealServer) -> None:
    real_server.begin()
    real_server.start(2)
    real_server.until_state("ready")
    real_server.end()
    record = real_server.ipython_dir / "profile_local" / "pxengines" / "default" / "record.json"
    record.write_bytes(b"\xff\x00 garbage")
    real_server.begin()
    cluster = real_server.until_state("failed")
    assert cluster.failure is not None
    assert str(record) in cluster.failure.message
    assert real_server.call("DELETE", "clusters", "local").status_code == 204
    assert real_server.clusters() == []


def mine(server: RealServer) -> list[psutil.Process]:
    return [process for process in processes_in(server.ipython_dir) if process.pid != server.pid]
