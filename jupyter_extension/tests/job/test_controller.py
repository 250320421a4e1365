"""The controller's heart monitor: a new engine is noticed at once, the others are not hurried."""

from __future__ import annotations

import json

import psutil
import pytest
import zmq
from realjob import RealJob, wait_for

PERIOD_SECONDS = 3.0


def test_a_running_cluster_beats_no_faster_than_the_stock_one(job: RealJob) -> None:
    job.start(2)
    job.client(2).close()
    info = json.loads(job.paths.connection_file("engine").read_text())
    context = zmq.Context()

    def listen() -> zmq.Socket[bytes]:
        listener = context.socket(zmq.SUB)
        listener.linger = 0
        listener.setsockopt(zmq.SUBSCRIBE, b"")
        listener.connect(f"{info['interface']}:{info['hb_ping']}")
        return listener

    def heard(listener: zmq.Socket[bytes]) -> float:
        assert listener.poll(30_000), "the heart monitor fell silent"
        return float(listener.recv())

    first = listen()
    listeners = [first]
    try:
        # A beat carries the monitor's own clock. A subscription repeats the current beat, the way a new
        # engine's does: who subscribes right after a new beat must hear that one, and no other earlier.
        values = [heard(first)]
        while len(set(values)) < 2:
            values.append(heard(first))
        listeners.append(listen())
        assert heard(listeners[1]) == values[-1]
        while len(set(values)) < 4:
            values.append(heard(first))
    finally:
        for listener in listeners:
            listener.close()
        context.term()
    repeats = len(values) - len(set(values))
    assert repeats <= 2
    beats = sorted(set(values))
    # The beats keep to a grid: one that comes late makes what follows it short. So all of them are compared.
    assert beats[-1] - beats[0] > (len(beats) - 2) * PERIOD_SECONDS


def test_an_engine_that_joins_later_is_counted(job: RealJob) -> None:
    job.start(1)
    client = job.client(1)
    try:
        argv = psutil.Process(job.wait_for_event("engines_started")["pid"]).cmdline()
        engine = argv[argv.index("-m") - 1 :]
        extra = psutil.Popen(engine, env={**job.environment, "PXENGINES_RUN_ID": job.run_id})
        try:
            wait_for(lambda: len(client.ids) == 2, "the second engine")
        finally:
            extra.terminate()
            extra.wait(60)
        wait_for(lambda: len(client.ids) == 1, "the hub to notice that it left")
    finally:
        client.close()


@pytest.mark.parametrize("part", ["HeartMonitor", "DirectScheduler"])
def test_it_ends_when_a_part_of_it_does(job: RealJob, part: str) -> None:
    """Without one, engines never come or cells never begin: nobody would be told."""
    job.start(1)
    job.client(1).close()
    parts = psutil.Process(job.wait_for_event("controller_started")["pid"]).children()
    by_port = {
        connection.laddr.port: process
        for process in parts
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    info = json.loads(job.paths.connection_file("engine").read_text())
    by_port[info["hb_pong" if part == "HeartMonitor" else "mux"]].kill()
    assert job.wait_for_event("controller_exited")["status"] == 1
    assert job.wait_for_end() == 1
    assert f"{part} has ended with exit status -9, so the controller ends." in job.log("controller")
    job.wait_until_nothing_lives()
