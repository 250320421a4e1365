"""The server killed between any two steps, its records spoiled, and other servers in its place."""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from batchsite import BatchSite, jobs_of
from killing import STEPS, Step

from jupyterlab_engines.clusters.claims import STALE_SECONDS

HERE = Path(__file__).resolve().parent


class DyingSite(BatchSite):
    """A site whose server dies when it is told to."""

    def __init__(self, folder: Path, dialect: str) -> None:
        super().__init__(
            folder,
            dialect,
            PYTHONPATH=os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")])),
            DYING_STEPS=",".join(step.place for step in STEPS),
            DYING_ARMED=str(folder / "armed"),
        )
        config = folder / "jupyter" / "config" / "jupyter_server_config.d"
        config.mkdir(parents=True)
        (config / "dying.json").write_text('{"ServerApp": {"jpserver_extensions": {"dying": true}}}')
        self.armed = folder / "armed"

    def arm(self, step: Step) -> None:
        """Let the server die at this step from now on."""
        self.armed.write_text(step.place)

    def disarm(self) -> None:
        """Let the server live."""
        self.armed.unlink(missing_ok=True)

    def again(self) -> None:
        """Start the next server."""
        self.disarm()
        self.begin()
        self.server.clusters()


@pytest.fixture(scope="module")
def dying_sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[DyingSite]]:
    """The site in use, last; one that a failed test left in disorder is replaced."""
    used: list[DyingSite] = []
    yield used
    for site in used:
        site.close()


@pytest.fixture
def site(
    dying_sites: list[DyingSite], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[DyingSite]:
    """A server that dies when it is told to, and no cluster."""
    if dying_sites and dying_sites[-1].spoiled:
        dying_sites.pop().close()
    if not dying_sites:
        dying_sites.append(DyingSite(tmp_path_factory.mktemp("killed"), "openpbs"))
        dying_sites[-1].begin_with_profile()
    found = dying_sites[-1]
    found.reset()
    found.spoiled = True
    yield found
    found.end()
    found.dismiss()
    found.spoiled = False


@pytest.mark.parametrize("step", STEPS, ids=[f"{step.phase}-{step.at}" for step in STEPS])
def test_killed_at(site: DyingSite, step: Step) -> None:
    before = {job.job_id for job in site.pbs.jobs()}
    site.pbs.pause(step.phase != "engines")
    key = uuid.uuid4().hex
    if step.phase == "stop":
        site.server.start(2, "pbs", key=key)
        site.until_state("queued")
    site.arm(step)
    ends = (*step.ends, "queued") if step.phase == "stop" else step.ends
    with contextlib.suppress(requests.ConnectionError):  # it may die before it answers
        if step.phase == "stop":
            site.server.stop("pbs")
            ends = step.ends  # it was promised
        else:
            site.server.start(2, "pbs", key=key)
    assert site.server.died() == -9
    site.again()
    if "none" in step.ends:
        assert site.server.cluster("pbs") is None
    else:
        cluster = site.until(
            lambda c: (c.failure.code if c.failure else c.state) in (*ends, "failed"), str(ends)
        )
        assert (cluster.failure.code if cluster.failure else cluster.state) in ends, cluster.failure
    new = {job.job_id for job in site.pbs.jobs()} - before
    assert len(new) in step.jobs
    site.check()
    # The browser did not hear an answer and asks once more: that is the same cluster, or the first one.
    again = site.server.start(2, "pbs", key=key)
    if "none" not in step.ends:
        assert again.run_id == site.cluster().run_id
        assert {job.job_id for job in site.pbs.jobs()} - before == new


@pytest.mark.parametrize(
    "at", ["clusters.batch_run:BatchRun._submit:before", "scheduler.pbs_common:Pbs.read_submit:before"]
)
def test_killed_between_controller_and_engines(site: DyingSite, at: str) -> None:
    site.put_profile(placement="own_job")
    site.pbs.pause()
    site.start()
    site.until_state("queued")
    site.arm(next(step for step in STEPS if step.at == at))
    site.pbs.pause(False)  # the controller runs, and the engines are submitted
    assert site.server.died() == -9
    site.again()
    cluster = site.until_state("ready", "failed")
    assert cluster.state == "ready", cluster.failure
    assert [job.role for job in jobs_of(cluster)] == ["controller", "engines"]
    assert {job.job_id for job in jobs_of(cluster)} == {job.job_id for job in site.alive()}
    site.check()


def test_killed_while_qsub_works(site: DyingSite) -> None:
    site.pbs.pause()
    site.pbs.set_fault("qsub", "slow", times=1, seconds=1.5)
    site.start()
    site.server.until(lambda: site.pbs.calls("qsub") and site.pbs.calls("qsub")[-1].end is None, "qsub")
    site.server.kill()
    site.again()
    assert site.until_state("queued", "failed").state == "queued"
    assert len(site.alive()) == 1
    site.check()


def test_killed_while_qsub_hangs(site: DyingSite) -> None:
    site.pbs.set_fault("qsub", "hang", times=1)
    site.start()
    site.server.until(lambda: site.pbs.calls("qsub") and site.pbs.calls("qsub")[-1].end is None, "qsub")
    site.server.kill()
    site.again()
    cluster = site.until_state("failed")
    assert cluster.failure is not None
    assert cluster.failure.code == "submit_unknown"
    assert site.alive() == []
    site.check()


@pytest.mark.parametrize("spoil", ["truncated", "garbage", "empty"])
def test_the_record_is_spoiled(site: DyingSite, spoil: str) -> None:
    site.pbs.pause()
    site.start()
    site.until_state("queued")
    (job,) = site.alive()
    site.server.kill()
    ((paths, _),) = site.records()
    content = paths.record.read_bytes()
    spoiled = {"truncated": content[: len(content) // 2], "garbage": b"\x00\xff{]", "empty": b""}
    paths.record.write_bytes(spoiled[spoil])
    site.again()
    cluster = site.until_state("queued", "failed")
    assert [found.job_id for found in jobs_of(cluster)] == [job.job_id], cluster.failure
    assert cluster.state == "queued"
    site.check()


def test_killed_while_ready_and_the_record_lost_its_end(site: DyingSite) -> None:
    site.start()
    ready = site.until_state("ready")
    site.server.kill()
    ((paths, _),) = site.records()
    paths.record.write_bytes(paths.record.read_bytes()[:-20])
    site.again()
    found = site.until_state("ready", "failed")
    assert (found.state, found.run_id) == ("ready", ready.run_id), found.failure
    site.check()


@pytest.mark.parametrize("age", ["fresh", "stale"])
def test_a_claim_of_a_server_on_another_host(site: DyingSite, age: str) -> None:
    site.pbs.pause()
    site.start()
    site.until_state("queued")
    # It is told to browsers before it is on disk, and that server will only know what is on disk.
    site.server.until(
        lambda: [record.cluster.state for _, record in site.records() if record] == ["queued"], "the record"
    )
    site.server.kill()
    ((paths, _),) = site.records()
    record = json.loads(paths.record.read_text())
    record["owner"]["host"] = "another-login-node"
    paths.record.write_text(json.dumps(record))
    touched = time.time() - (0 if age == "fresh" else STALE_SECONDS + 10)
    os.utime(paths.claim, (touched, touched))
    site.again()
    assert site.cluster().state == "queued"
    if age == "fresh":
        stopped = site.server.call("POST", "clusters", "pbs", "stop")
        assert stopped.status_code == 409, stopped.text
        assert "Another Jupyter server" in stopped.json()["message"]
        assert json.loads(paths.record.read_text())["owner"]["host"] == "another-login-node"
        # That server is gone: nobody renews its claim.
        touched = time.time() - STALE_SECONDS - 10
        os.utime(paths.claim, (touched, touched))
    site.server.until(
        lambda: json.loads(paths.record.read_text())["owner"]["host"] != "another-login-node", "the new owner"
    )
    assert len(site.alive()) == 1
    site.check()


def test_a_server_that_finds_its_run_taken_over_lets_go(site: DyingSite) -> None:
    site.pbs.pause()
    site.start()
    site.until_state("queued")
    site.server.end()  # in order: a batch job goes on without a server
    assert len(site.alive()) == 1
    site.again()
    assert site.until_state("queued").state == "queued"
    site.check()
