"""ipyparallel's controller, made to notice a new engine at once.

``python -m pxengines.controller`` takes ipcontroller's options. What differs:

- The stock heart monitor counts an engine only when it has answered one beat and the next
  beat is due: up to two periods of 3 s. Here the subscription of a new engine's heart makes the
  monitor repeat its current beat (same value, so that nothing else changes for the others), and the
  first answer counts at once. Between arrivals it beats exactly as slowly as the stock one.
- Connection files appear whole and private (0600), never half written.
- The hub also keeps what each engine does, and answers who asks (`activity.py`).
- Its helper processes die with it, also when it is killed; and it ends when one of them does, because a
  cluster without its heart monitor or a scheduler waits for ever.
- The ports that it chooses are its own from then on (`controller_ports`).
- Told an address, it listens on that one whatever the profile's ipcontroller_config.py says, and
  everything that can be reached from elsewhere is encrypted (CURVE).
- What it remembers of requests is bounded, and what still runs stays in it (`task_db`).
- Noting a request costs it a third of the time (`request_hub`).
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import sys
import time
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from ipyparallel.controller import app, heartmonitor
from ipyparallel.controller.app import IPController
from ipyparallel.util import bind, connect, disambiguate_url, set_hwm
from jupyter_client.session import new_id_bytes
from traitlets import Bool, Unicode, default
from traitlets.config import Config
from zmq.eventloop.zmqstream import ZMQStream

from .activity import HEARTBEATS, ActivityLog
from .controller_ports import ReservedPorts
from .launch.addresses import is_loopback
from .launch.connection_file import RUN_ID_FIELD
from .launch.files import write_atomic
from .launch.paths import RUN_ID_VARIABLE
from .launch.process import die_with_parent
from .rejoining import Rejoining
from .request_hub import RequestHub
from .task_db import TaskDB

_GATHER_SECONDS = 0.03
"""How long to wait for more engines before repeating the beat: one repeat serves all of them."""


class PromptHeartMonitor(heartmonitor.HeartMonitor):
    """A heart monitor that pings when an engine arrives, not only when the period is over."""

    _repeat_due = False

    def start(self) -> None:
        """Start beating, and listen for new engines."""
        super().start()
        self.ping_stream.on_recv(self._heard_subscription)

    def _heard_subscription(self, frames: list[bytes]) -> None:
        if frames[0][:1] == b"\x01" and not self._repeat_due:
            self._repeat_due = True
            self.loop.call_later(_GATHER_SECONDS, self._repeat_beat)

    def beat(self) -> None:
        """Tell the hub who answered the last beat, then beat again."""
        self.pong_stream.flush()
        missed = sorted(heart.decode() for heart in self.hearts - self.responses)
        at = time.time() - (time.monotonic() - self.tic)
        content = {"at": at, "missed": missed}
        self.session.send(self.monitor_stream, "beat", content=content, ident=[HEARTBEATS, b""])
        super().beat()

    def _repeat_beat(self) -> None:
        self._repeat_due = False
        self.ping_stream.send(str(self.lifetime).encode("ascii"))
        self.ping_stream.flush()

    def handle_pong(self, msg: list[bytes]) -> None:
        """Count an answer; a heart's first one makes its engine known to the hub."""
        super().handle_pong(msg)
        heart = msg[0]
        if heart in self.responses and heart not in self.hearts:
            self.handle_new_hearts({heart})


def run_heart_monitor(
    *,
    ping_url: str,
    pong_url: str,
    monitor_url: str,
    log_level: int,
    curve_publickey: bytes | None,
    curve_secretkey: bytes | None,
    config: Config,
) -> None:
    """Run a PromptHeartMonitor until killed; the body of the controller's heart monitor process."""
    import asyncio

    async def set_up() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        keys = {"curve_publickey": curve_publickey, "curve_secretkey": curve_secretkey}
        ping = context.socket(zmq.XPUB)
        ping.setsockopt(zmq.XPUB_VERBOSE, 1)  # tell of every subscriber, not of the first one only
        bind(ping, ping_url, **keys)
        pong = context.socket(zmq.ROUTER)
        set_hwm(pong, 0)
        bind(pong, pong_url, **keys)
        monitor = context.socket(zmq.XPUB)
        connect(monitor, monitor_url, curve_serverkey=curve_publickey, **keys)
        log = IPController(log_level=log_level).log
        PromptHeartMonitor(
            ping_stream=ZMQStream(ping),
            pong_stream=ZMQStream(pong),
            monitor_stream=ZMQStream(monitor),
            config=config,
            log=log,
        ).start()

    # A context inherited by fork must not be used; instance() makes a new one in this process.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(set_up())
    loop.run_forever()


class EngineController(IPController):
    """The controller of our clusters."""

    address = Unicode("", help="The one address to listen on; empty: as ipcontroller's options say.").tag(
        config=True
    )
    encrypt = Bool(False, help="Encrypt also what does not leave this host.").tag(config=True)
    exit_status = 0
    """1 when it ended because a helper process had."""
    _ending = False

    @default("db_class")
    def _default_db_class(self) -> type[TaskDB]:
        return TaskDB

    def save_connection_dict(self, fname: str, cdict: dict[str, Any]) -> None:
        """Write a connection file at once and 0600: engines wait for it to appear."""
        path = Path(self.profile_dir.security_dir) / fname
        self.log.info("writing connection info to %s", path)
        run_id = os.environ.get(RUN_ID_VARIABLE)
        content = {**cdict, RUN_ID_FIELD: run_id} if run_id else cdict
        write_atomic(path, json.dumps(content, indent=2).encode())

    def cleanup_connection_files(self) -> None:
        """Remove the connection files, if the job has not done so already."""
        for fname in () if self.reuse_files else (self.client_json_file, self.engine_json_file):
            (Path(self.profile_dir.security_dir) / fname).unlink(missing_ok=True)

    def secure(self) -> None:
        """Settle where to listen, and whether to encrypt."""
        if self.address:
            self.engine_ip = self.client_ip = self.address
            self.monitor_ip = "127.0.0.1"  # only this process and its children talk there
        local = self.engine_transport == self.client_transport == "ipc" or all(
            map(is_loopback, (self.engine_ip, self.client_ip, self.monitor_ip))
        )
        if self.encrypt or not local:
            # Signed as well, which ipyparallel would give up: the key also tells one controller from another.
            if "key" not in self.config.Session:
                self.config.Session.key = new_id_bytes()
            self.enable_curve = True

    def init_hub(self) -> None:
        """Set up the hub as ipyparallel does, with our heart monitor in place of its own."""
        self.secure()
        # ipyparallel has no options for these; this process is one controller.
        app.Hub = RequestHub
        if sys.platform == "linux":
            here = all(map(is_loopback, (self.engine_ip, self.client_ip, self.monitor_ip)))
            app.util.select_random_ports = ReservedPorts(on_this_host=here).select
        super().init_hub()
        ActivityLog(self.hub).attach()
        Rejoining(self.hub).attach()
        config = Config()
        for name in ("Session", "HeartMonitor"):
            if name in self.config:
                config[name] = self.config[name]
        config.Session.key = self.session.key
        self.heartmonitor_process = multiprocessing.Process(
            target=run_heart_monitor,
            kwargs={
                "ping_url": self.engine_url("hb_ping"),
                "pong_url": self.engine_url("hb_pong"),
                "monitor_url": disambiguate_url(self.monitor_url),
                "config": config,
                "log_level": self.log.getEffectiveLevel(),
                "curve_publickey": self.curve_publickey,
                "curve_secretkey": self.curve_secretkey,
            },
            name="HeartMonitor",
            daemon=True,
        )

    def start(self) -> None:
        """Run until told to end, or until a helper process has ended; `exit_status` tells which."""
        self.loop.add_callback(self._watch_helpers)
        super().start()

    def _watch_helpers(self) -> None:
        parts = (getattr(child, "launcher", child) for child in (*self.children, self.heartmonitor_process))
        for helper in parts:
            if isinstance(helper, BaseProcess):  # not a thread, which ipcontroller's options allow
                # A copy, because the loop closes at its end what it watches.
                copy = os.dup(helper.sentinel)
                self.loop.add_handler(copy, partial(self._helper_ended, helper), self.loop.READ)

    def _helper_ended(self, helper: BaseProcess, _fd: int, _events: int) -> None:
        if self._ending:
            return
        helper.join()
        self.log.critical(
            "%s has ended with exit status %s, so the controller ends.", helper.name, helper.exitcode
        )
        self.exit_status = 1
        self.terminate_children()
        self.loop.stop()

    def terminate_children(self) -> None:
        """End the helper processes."""
        self._ending = True
        super().terminate_children()


def main() -> None:
    """Run the controller; command line as ipcontroller's, exit status 1 if a part of it has ended."""
    # Python 3.14 no longer forks by default; the schedulers are many and a fork is cheap.
    multiprocessing.set_start_method("fork")
    os.register_at_fork(after_in_child=die_with_parent)
    logging.captureWarnings(True)
    EngineController.launch_instance()
    sys.exit(EngineController.instance().exit_status)


if __name__ == "__main__":
    main()
