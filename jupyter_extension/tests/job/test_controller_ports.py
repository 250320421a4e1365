"""Ports of a controller: nobody else gets them between their choice and their use."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import zmq

from pxengines import controller_ports
from pxengines.controller_ports import ReservedPorts

# In a network of its own, whose system has ten ports to give to who asks for any.
_TEN_PORTS = """
import errno, socket
from pxengines.controller_ports import ReservedPorts

with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as file:
    file.write("40000 40009")
reserved = ReservedPorts()
ours = reserved.select(4)
server = socket.create_server(("127.0.0.1", 50000))
others, sockets = [], [server]
try:
    while True:
        one = socket.socket()
        sockets.append(one)
        if len(others) % 2:
            one.bind(("127.0.0.1", 0))
        else:
            one.connect(server.getsockname())
        others.append(one.getsockname()[1])
except OSError as error:
    assert error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL), error
print(sorted(ours + others) == list(range(40000, 40010)), len(ours), len(others))
"""


def test_who_asks_for_any_port_never_gets_one_of_them() -> None:
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode != 0:
        pytest.skip("this system lets nobody have a network of their own")
    script = f"import subprocess; subprocess.check_call(['ip', 'link', 'set', 'lo', 'up'])\n{_TEN_PORTS}"
    done = subprocess.run([*alone, sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True 4 6\n", "")


def test_on_this_host_they_are_none_that_the_system_gives_to_anybody() -> None:
    """Who was given one, gave it back and names it now would take it."""
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    here, elsewhere = ReservedPorts(on_this_host=True), ReservedPorts()
    try:
        ours = here.select(20)
        assert len(set(ours)) == 20
        assert high == 65535 or min(ours) > high
        assert all(low <= port <= high for port in elsewhere.select(20))
        for port in ours:
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
    finally:
        here.release()
        elsewhere.release()


def test_a_system_that_does_not_tell_its_range_gives_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller_ports, "_RANGE", tmp_path / "none")
    reserved = ReservedPorts(on_this_host=True)
    assert len(set(reserved.select(3))) == 3
    reserved.release()


@pytest.mark.parametrize("on_this_host", [True, False])
def test_one_listener_can_use_each(on_this_host: bool) -> None:
    reserved = ReservedPorts(on_this_host=on_this_host)
    port, *more = reserved.select(3)
    assert len({port, *more}) == 3
    context = zmq.Context()
    first, second, peer = (context.socket(kind) for kind in (zmq.ROUTER, zmq.ROUTER, zmq.DEALER))
    try:
        first.bind(f"tcp://127.0.0.1:{port}")
        with pytest.raises(zmq.ZMQError, match="in use"):
            second.bind(f"tcp://127.0.0.1:{port}")
        peer.connect(f"tcp://127.0.0.1:{port}")
        peer.send(b"hello")
        assert first.poll(60_000)
        assert first.recv_multipart()[1] == b"hello"
    finally:
        context.destroy(linger=0)
        reserved.release()
