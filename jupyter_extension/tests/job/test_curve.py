"""Encrypted clusters: everything of ours speaks CURVE, and without the key nothing is heard."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
import sys
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import psutil
import pytest
import zmq
from jupyter_client.session import Session
from realjob import RealJob, lost_at_once, processes_of, wait_for

from jupyterlab_engines.clusters.link import HubLink
from pxengines.hub import count_engines
from pxengines.launch.addresses import choose_address, is_loopback

pytestmark = pytest.mark.apart

SILENCE_MILLISECONDS = 1500
"""How long to listen for an answer that must not come; the hub answers in a few milliseconds."""


def read(job: RealJob, kind: str) -> dict[str, Any]:
    return json.loads(job.paths.connection_file(kind).read_text())


async def ask_by_link(info: dict[str, Any], question: str) -> tuple[list[int], str]:
    """Return the engines that the server's own link sees, and what the first one answers."""
    link = HubLink(info, changed=lambda _: None, shut_down=lambda: None, log=logging.getLogger("test.curve"))
    try:
        await link.connect(timeout=30)
        return sorted(link.engines), await link.evaluate(link.engines[0], question, timeout=30)
    finally:
        await link.close()


def hub_answers(info: dict[str, Any], *, serverkey: str | None) -> bool:
    """Tell whether the hub answers to one who knows the signing key, but of CURVE only `serverkey`."""
    session = Session(
        key=info["key"].encode(),
        signature_scheme=info["signature_scheme"],
        packer=info["pack"],
        unpacker=info["unpack"],
    )
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        if serverkey is not None:
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey = serverkey.encode()
        socket.connect(f"{info['interface']}:{info['registration']}")
        session.send(socket, "connection_request")
        return bool(socket.poll(SILENCE_MILLISECONDS))


def hears_beats(info: dict[str, Any], *, serverkey: str | None) -> bool:
    """Tell whether the heart monitor lets one listen: a new listener gets the current beat at once."""
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.linger = 0
        if serverkey is not None:
            socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
            socket.curve_serverkey = serverkey.encode()
        socket.subscribe(b"")
        socket.connect(f"{info['interface']}:{info['hb_ping']}")
        return bool(socket.poll(SILENCE_MILLISECONDS))


def places_with(secret: str, job: RealJob) -> list[str]:
    """Return where `secret` can be read besides the connection files: processes and files of the run."""
    needle = secret.encode()
    processes = [
        f"{what} of {process.pid}"
        for process in processes_of(job.run_id)
        for what in ("cmdline", "environ")
        if needle in Path(f"/proc/{process.pid}/{what}").read_bytes()
    ]
    allowed = {job.paths.connection_file("client"), job.paths.connection_file("engine")}
    files = [
        str(path)
        for path in job.paths.profile_dir.rglob("*")
        if path.is_file() and path not in allowed and needle in path.read_bytes()
    ]
    return processes + files


@pytest.mark.parametrize("placement", ["local", "in_job"])
def test_an_encrypted_cluster_works_with_the_key_only(job: RealJob, placement: str) -> None:
    job.order(2, placement=placement, encrypt=placement == "local")
    # As `#PBS -V` would bring them along from where an engine of another cluster runs.
    job.environment["IPP_CONNECTION_INFO"] = '{"key": "of-another-cluster"}'
    job.environment["JUPYTERHUB_API_TOKEN"] = "not-for-the-job"
    if placement == "local":
        job.spawn()
    else:
        job.spawn_in_batch()
    client = job.client(2)
    try:
        client[:].execute("total = MPI.COMM_WORLD.allreduce(mpi_rank + 1)", block=False).get(60)
        assert client[:]["total"] == [3, 3]
    finally:
        client.close()
    info, engine_info = read(job, "client"), read(job, "engine")
    assert asyncio.run(ask_by_link(info, "str(mpi_size)")) == ([0, 1], "2")
    assert count_engines(job.paths.connection_file("client"), 10.0) == 2

    key = info["curve_serverkey"]
    assert hub_answers(info, serverkey=key)
    assert hears_beats(engine_info, serverkey=key)
    other_key = zmq.curve_keypair()[0].decode()
    for wrong in (None, other_key):
        assert not hub_answers(info, serverkey=wrong)
        assert not hears_beats(engine_info, serverkey=wrong)
    with pytest.raises(TimeoutError):
        ipp.Client({**info, "curve_serverkey": other_key}, timeout=SILENCE_MILLISECONDS / 1000)

    for kind in ("client", "engine"):
        assert stat.S_IMODE(job.paths.connection_file(kind).stat().st_mode) == 0o600
    assert info["key"], "messages are signed as well"
    for secret in (key, info["key"]):
        assert places_with(secret, job) == []
    if placement != "local":
        for secret in ("of-another-cluster", "not-for-the-job"):
            assert places_with(secret, job) == []


def test_the_profiles_own_config_does_not_open_it_to_all(job: RealJob) -> None:
    job.order(1, placement="in_job")
    job.paths.profile_dir.mkdir(parents=True, exist_ok=True)
    config = "c.IPController.ip = '*'\nc.IPController.location = 'elsewhere'\n"
    (job.paths.profile_dir / "ipcontroller_config.py").write_text(config)
    job.spawn_in_batch()
    job.client(1).close()
    address = job.wait_for_event("controller_started")["address"]
    assert read(job, "client")["interface"] == read(job, "engine")["interface"] == f"tcp://{address}"
    controller = psutil.Process(job.wait_for_event("controller_started")["pid"])
    listening = {
        connection.laddr.ip
        for process in (controller, *controller.children(recursive=True))
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {address, "127.0.0.1"}
    assert address in listening


@pytest.mark.skipif(is_loopback(choose_address("")), reason="this host has no address but loopback")
def test_a_local_cluster_opened_by_its_profile_is_encrypted(job: RealJob) -> None:
    job.order(1)
    job.paths.profile_dir.mkdir(parents=True, exist_ok=True)
    config = f"c.IPController.ip = {choose_address('')!r}\n"
    (job.paths.profile_dir / "ipcontroller_config.py").write_text(config)
    job.spawn()
    job.client(1).close()
    assert read(job, "client")["curve_serverkey"]


def test_a_killed_engine_is_noticed_in_an_encrypted_cluster(job: RealJob) -> None:
    job.order(2, encrypt=True)
    job.spawn()
    client = job.client(2)
    try:
        client[:].execute("import os, signal", block=False).get(60)
        client[1].execute("os.kill(os.getpid(), signal.SIGKILL)")
        lost = job.wait_for_event("engine_lost")["rank"]
    finally:
        client.close()
    job.wait_for_end()
    assert {1, lost} <= set(lost_at_once(job.paths.run_dir))


def test_an_engine_waits_for_the_controller_of_its_own_run(job: RealJob) -> None:
    """What a killed run has left in the folder is not taken for the controller."""
    job.order(1)
    stale = {"registration": 9, "interface": "tcp://127.0.0.1", "pxengines_run_id": "another"}
    arguments = [f"--profile-dir={job.paths.profile_dir}", "--cluster-id="]
    job.paths.security_dir.mkdir(parents=True)
    job.paths.connection_file("engine").write_text(json.dumps(stale))
    environment = {**job.environment, "PXENGINES_RUN_ID": job.run_id}
    engine = psutil.Popen([sys.executable, "-m", "pxengines.engine", *arguments], env=environment)
    try:
        wait_for(lambda: len(engine.children()) > 0, "the engine's nanny")
        job.spawn()  # whose own engine makes two
        job.client(2).close()
    finally:
        engine.terminate()
        engine.wait(60)
