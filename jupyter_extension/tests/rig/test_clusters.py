"""Clusters on a real scheduler, over REST: the walk, restarts of the server, ends from outside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from rigserver import RESOURCES, RigServer, new_key
from rigside import Rig, until

from jupyterlab_engines.api.models import Cluster

LEGACY = Path(__file__).resolve().parents[1] / "data" / "profiles" / "profile_pbs_legacy"


@pytest.fixture
def server(rig: Rig) -> Iterator[RigServer]:
    server = RigServer(rig)
    rig.run_as_job_user(["mkdir", "-p", str(server.folder / "root")])
    server.begin()
    server.make_profile()
    yield server
    server.end()
    rig.cancel(server.folder)
    until(lambda: not stray(rig, server), "the end of all processes of the test")


def stray(rig: Rig, server: RigServer) -> list[str]:
    """Return the command lines of the job user's processes that belong to this server's folder."""
    found = []
    for process in rig.processes():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:  # it ended while we looked
            continue
        if str(server.folder) in line:
            found.append(line)
    return found


def only_job(cluster: Cluster) -> str:
    assert cluster.batch is not None
    (job,) = cluster.batch.jobs
    assert job.job_id is not None
    return job.job_id


def start_body(profile: str, resources: dict[str, Any]) -> dict[str, Any]:
    return {"profile": profile, "engines": 2, "resources": resources, "idempotency_key": new_key()}


def assert_nothing_left(rig: Rig, server: RigServer, job_id: str) -> None:
    until(lambda: (job := rig.job(job_id)) is None or job.is_over, f"the end of job {job_id}")
    security = server.ipython_dir / "profile_pbs" / "security"
    assert os.listdir(security) == []
    until(lambda: not any("pxengines" in line for line in stray(rig, server)), "the end of the job")


def test_the_walk(rig: Rig, server: RigServer) -> None:
    submitted = server.start(8, "pbs")
    assert (submitted.state, [s.name for s in submitted.stages][:2]) == (
        "submitting",
        ["submitted", "queued"],
    )
    cluster = server.until_state("ready", "pbs")
    job_id = only_job(cluster)
    assert cluster.mpi is not None and cluster.mpi.size == 8
    assert {engine.host for engine in cluster.engines} == {"n1", "n2"}
    assert cluster.batch is not None and cluster.batch.dialect == "slurm_torque"
    truth = rig.job(job_id)
    assert truth is not None and (truth.state, truth.user) == ("RUNNING", rig.user)
    assert truth.name == cluster.batch.jobs[0].name
    assert cluster.batch.ends_at is not None
    jobs = server.call("GET", "jobs").json()["jobs"]
    (row,) = [job for job in jobs if job["job_id"] == job_id]
    assert (row["state"], row["cluster"], row["orphan"], row["nodes"], row["cores"]) == (
        "running",
        "pbs",
        False,
        2,
        8,
    )
    assert row["hosts"] == [{"name": "n1", "cores": 4}, {"name": "n2", "cores": 4}]
    raw = server.call("GET", "jobs", "raw").json()
    assert job_id in raw["text"] and raw["command"].startswith("qstat ")
    assert [t.state for t in cluster.history] == ["submitting", "queued", "starting", "ready"]
    # The engines' keys are in files of mode 0600 and nowhere else that others can look.
    connection = server.ipython_dir / "profile_pbs" / "security" / "ipcontroller-client.json"
    info = json.loads(connection.read_text())
    assert connection.stat().st_mode & 0o777 == 0o600
    assert info["curve_serverkey"]
    shown = rig.control("scontrol", "show", "job", job_id) + "".join(stray(rig, server))
    assert info["key"] not in shown and info["curve_serverkey"] not in shown
    server.stop("pbs")
    server.until_state("stopped", "pbs")
    assert_nothing_left(rig, server, job_id)
    audit = (server.folder / "data" / "engines" / "audit.jsonl").read_text().splitlines()
    assert [(line["action"], line["outcome"], line["job_id"]) for line in map(json.loads, audit)] == [
        ("submit", "accepted", job_id),
        ("delete", "accepted", job_id),
    ]


def test_engines_are_restarted_in_the_job_that_they_had(rig: Rig, server: RigServer) -> None:
    server.start(4, "pbs", nodes=2, **{k: v for k, v in RESOURCES.items() if k != "nodes"})
    first = server.until_state("ready", "pbs")
    job_id = only_job(first)

    def processes() -> int:
        return sum("pxengines.engine" in line for line in stray(rig, server))

    before = processes()
    assert before >= 4
    assert server.call("POST", "clusters", "pbs", "restart").status_code == 202
    server.until_state("starting", "pbs")
    second = server.until_state("ready", "pbs")
    assert (second.run_id, only_job(second)) == (first.run_id, job_id)
    assert [(e.engine_id, e.rank, e.host) for e in second.engines] == [
        (e.engine_id, e.rank, e.host) for e in first.engines
    ]
    where = [{(e.host, e.pid) for e in cluster.engines} for cluster in (first, second)]
    assert where[0].isdisjoint(where[1])
    assert second.mpi is not None and second.mpi.size == 4
    # Of the engines that ended, on both nodes, nothing is left.
    until(lambda: processes() == before, "the end of the engines of before")
    server.stop("pbs")
    server.until_state("stopped", "pbs")
    assert_nothing_left(rig, server, job_id)


@pytest.mark.parametrize("when", ["submitting", "queued", "starting", "ready"])
def test_a_server_killed_and_started_again_has_its_cluster(rig: Rig, server: RigServer, when: str) -> None:
    server.start(4, "pbs", nodes=2, **{k: v for k, v in RESOURCES.items() if k != "nodes"})
    if when != "submitting":
        server.until_state(when, "pbs")
    before = {job.id for job in rig.jobs(server.folder)}
    server.kill()
    server.begin()
    server.until(lambda: (c := server.cluster("pbs")) is not None and c.state != "submitting", "a verdict")
    cluster = server.cluster("pbs")
    assert cluster is not None
    if when == "submitting" and cluster.state == "failed":
        # Killed before qsub was begun, or before it had told the scheduler: there is no job, and the card
        # says which of the two.
        assert cluster.failure is not None
        assert cluster.failure.code in ("start_interrupted", "submit_unknown")
        assert rig.jobs(server.folder) == []
        return
    cluster = server.until_state("ready", "pbs")
    job_id = only_job(cluster)
    assert {job.id for job in rig.jobs(server.folder)} == {job_id}
    assert before <= {job_id}
    server.stop("pbs")
    server.until_state("stopped", "pbs")
    assert_nothing_left(rig, server, job_id)


def test_a_job_deleted_from_a_terminal_is_told(rig: Rig, server: RigServer) -> None:
    server.start(2, "pbs")
    job_id = only_job(server.until_state("ready", "pbs"))
    done = rig.run_as_job_user(["qdel", job_id])
    assert done.returncode == 0
    cluster = server.until_state("failed", "pbs")
    assert cluster.failure is not None and cluster.failure.code == "job_deleted", cluster.failure
    assert job_id in cluster.failure.message
    assert_nothing_left(rig, server, job_id)


def test_a_refusal_is_told_in_the_schedulers_words(rig: Rig, server: RigServer) -> None:
    resources = {**RESOURCES, "queue": "debug"}
    refused = server.call("POST", "clusters", body=start_body("pbs", {**RESOURCES, "queue": "nosuch"}))
    assert refused.status_code == 400 and "nosuch" in refused.json()["message"]
    server.call("GET", "scheduler")  # what the queues allow is known from now on, and will be wrong
    rig.control("scontrol", "update", "partitionname=debug", "state=inactive")
    try:
        server.start(2, "pbs", **resources)
        cluster = server.until_state("failed", "pbs")
    finally:
        rig.control("scontrol", "update", "partitionname=debug", "state=up")
    assert cluster.failure is not None and cluster.failure.code == "job_refused"
    assert "partition" in cluster.failure.log_tail
    assert rig.jobs(server.folder) == []


def test_a_held_job_is_shown_and_released(rig: Rig, server: RigServer) -> None:
    job_script = server.folder / "root" / "other.sh"
    rig.run_as_job_user(["sh", "-c", f"printf '#!/bin/sh\\nsleep 300\\n' > {job_script}"])
    done = rig.run_as_job_user(
        ["qsub", "-h", "-N", "mine", "-l", "walltime=00:10:00", str(job_script)], cwd=server.folder / "root"
    )
    job_id = done.stdout.strip()

    def row() -> dict[str, object]:
        server.call("POST", "jobs", "refresh")
        jobs = server.call("GET", "jobs").json()["jobs"]
        return next((job for job in jobs if job["job_id"] == job_id), {})

    until(lambda: row().get("state") == "held", "the held job in the table")
    assert server.call("POST", "jobs", job_id, "release").status_code == 202
    until(lambda: row().get("state") == "running", "the released job")
    assert server.call("POST", "jobs", job_id, "delete").status_code == 202
    until(lambda: row().get("state") in (None, "finished"), "its end")
    refused = server.call("POST", "jobs", "999999", "delete")
    assert refused.status_code == 404 and refused.json()["code"] == "unknown_job"


@pytest.mark.parametrize("placement", ["own_job", "server"])
def test_the_controller_in_another_place(rig: Rig, server: RigServer, placement: str) -> None:
    server.make_profile("apart", placement=placement)
    server.start(4, "apart")
    cluster = server.until_state("ready", "apart")
    assert cluster.batch is not None
    roles = [job.role for job in cluster.batch.jobs]
    assert roles == (["controller", "engines"] if placement == "own_job" else ["engines"])
    assert {job.id for job in rig.jobs(server.folder) if not job.is_over} == {
        job.job_id for job in cluster.batch.jobs
    }
    if placement == "server":
        server.kill()  # the controller beside Jupyter outlives it, and is taken over
        server.begin()
        assert server.until_state("ready", "apart").run_id == cluster.run_id
    server.stop("apart")
    server.until_state("stopped", "apart")
    until(lambda: all(job.is_over for job in rig.jobs(server.folder)), "the end of both jobs")
    until(lambda: not any("pxengines" in line for line in stray(rig, server)), "the end of the controller")


def test_a_profile_made_by_hand_years_ago(rig: Rig, server: RigServer) -> None:
    folder = server.ipython_dir / "profile_old"
    done = rig.run_as_job_user(["cp", "-r", str(LEGACY), str(folder)])
    assert done.returncode == 0, done.stderr
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    profile = server.call("GET", "profiles", "old").json()["profile"]
    assert (profile["kind"], profile["startable"], profile["placement"]) == ("legacy", True, "own_job")
    assert any("HubFactory.ip" in note for note in profile["notes"])
    server.start(8, "old")
    cluster = server.until_state("ready", "old")
    assert cluster.batch is not None and cluster.mpi is not None
    assert cluster.mpi.size == 8
    names = {job.name for job in rig.jobs(server.folder) if not job.is_over}
    assert names == {"ipython_controller", "ipython_engine"}
    server.stop("old")
    server.until_state("stopped", "old")
    until(lambda: all(job.is_over for job in rig.jobs(server.folder)), "the end of both jobs")
    assert {name: (folder / name).read_bytes() for name in before} == before, "it is left as it was"


def test_a_terminal_stops_what_the_panel_looks_after(rig: Rig, server: RigServer) -> None:
    server.start(2, "pbs")
    job_id = only_job(server.until_state("ready", "pbs"))
    done = rig.run_as_job_user(
        ["ipcluster", "stop", "--profile=pbs"],
        cwd=server.folder / "root",
        IPYTHONDIR=str(server.ipython_dir),
        JUPYTER_DATA_DIR=str(server.folder / "data"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cluster = server.until_state("stopped", "pbs")
    assert cluster.failure is None, "its end was asked for"
    assert_nothing_left(rig, server, job_id)
