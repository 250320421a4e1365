"""Faults that tests switch on: what a healthy scheduler never does.

``FAULTS`` names them all; `FakePBS.set_fault` refuses others. Several may be on for one command at once.
"""

from __future__ import annotations

import os
import signal
import time

from .store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .command import Context
    from .store import State

    Fault = dict[str, Any]


FAULTS: dict[str, str] = {
    # --- any command
    "server_down": "the dialect's words for a server that does not answer (seconds=0: how long it takes)",
    "hang": "hangs before it does anything (ignore_term=False)",
    "slow": "takes `seconds` longer, then works",
    "status": "works, then ends with `status`",
    "empty": "prints nothing, status 0",
    "text": "prints `stdout` and `stderr` as given, ends with `status`; does nothing else",
    "noise": "prints `text` before its answer (stream='stdout')",
    "non_utf8": "puts `data` (latin-1) behind the first `after`, or at the part `at` (0..1) of the answer",
    "truncated": "prints only the part `keep` (0..1) of its answer",
    "flood": "prints `bytes` more bytes",
    # --- qstat, qselect
    "missing_job": "leaves out `job` (None: all)",
    "unknown_state": "gives `job` (None: all) the state `letter`",
    "foreign_server": "gives all ids the server `server`",
    # --- qsub
    "refuse": "refuses with the dialect's words for `reason` (unknown_queue, bad_walltime, over_limits, "
    "too_big, no_permission, queue_closed, empty_script, crlf_script, missing_script)",
    "never_runs": "accepts the job, which never runs",
    "submit_then_hang": "submits, then hangs without a word",
    "submit_then_fail": "submits, then says that the server is down",
    # --- qdel
    "unknown_job": "says that there is no such job",
    "fails": "says that it could not reach the node, does nothing",
    "ignored": "says nothing, status 0, and the job lives on for `seconds` (default: for ever)",
    "not_yours": "says that it is somebody else's job",
}


def take(state: State, command: str, argv: list[str]) -> list[Fault]:
    """Return the faults for this call, and count it."""
    live = []
    for fault in state["faults"]:
        if fault["command"] not in ("*", command) or fault["times"] == 0:
            continue
        words = fault["options"].get("argv_has")
        if words is None:
            # A client tells its version without a server: what is broken does not show there.
            if "--version" in argv:
                continue
        elif not any(words in word for word in argv):
            continue
        if fault["times"] is not None:
            fault["times"] -= 1
        live.append(dict(fault))
    state["faults"] = [fault for fault in state["faults"] if fault["times"] != 0]
    return live


def before(store: Store, live: list[Fault]) -> None:
    """Hang or wait before anything is done; without the lock, so that others go on."""
    for fault in live:
        if fault["fault"] == "hang":
            _hang(store, fault["options"])
        if fault["fault"] in ("slow", "server_down"):
            time.sleep(float(fault["options"].get("seconds", 0)))


def after(store: Store, live: list[Fault], hanging: bool) -> None:
    """Hang once everything is done."""
    if hanging:
        _hang(store, {})
    for fault in live:
        if fault["fault"] == "submit_then_hang":
            _hang(store, fault["options"])


def _hang(store: Store, options: dict[str, Any]) -> None:
    """Wait for ever, or until the test is over."""
    if options.get("ignore_term"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while store.owned():
        time.sleep(0.2)
    os._exit(1)


def instead(context: Context) -> int | None:
    """Answer in place of the command; None: no fault says so."""
    from . import words

    voice = words.of(context.state["dialect"])
    for fault in context.faults:
        options = fault["options"]
        name = fault["fault"]
        if name == "server_down":
            return voice.server_down(context)
        if name == "empty":
            return 0
        if name == "text":
            context.out.append(options.get("stdout", ""))
            context.err.append(options.get("stderr", ""))
            return int(options.get("status", 0))
        if name == "refuse":
            return voice.refuse(context, options["reason"])
        if name == "unknown_job":
            return voice.unknown_job(context, context.argv[-1])
        if name == "not_yours":
            return voice.not_yours(context, context.argv[-1])
        if name == "fails":
            return voice.cannot_reach_node(context, context.argv[-1])
        if name == "ignored" and "seconds" not in options:
            return 0
    if context.state["down"] and "--version" not in context.argv:
        return voice.server_down(context)
    return None


def mangle(live: list[Fault], out: bytes, err: bytes, status: int) -> tuple[bytes, bytes, int]:
    """Spoil the answer."""
    for fault in live:
        options = fault["options"]
        name = fault["fault"]
        if name == "status":
            status = int(options["status"])
        elif name == "noise":
            noise = options.get("text", "Warning: your password expires in 3 days\n").encode()
            if options.get("stream", "stdout") == "stdout":
                out = noise + out
            else:
                err = noise + err
        elif name == "non_utf8":
            word = str(options.get("after", "")).encode()
            where = out.find(word) if word else -1
            place = where + len(word) if where >= 0 else int(len(out) * float(options.get("at", 0.5)))
            data = str(options.get("data", "\xff\xfe")).encode("latin-1")
            out = out[:place] + data + out[place:]
        elif name == "truncated":
            out = out[: int(len(out) * float(options.get("keep", 0.5)))]
        elif name == "flood":
            out += b"x" * int(options["bytes"])
        elif name == "foreign_server":
            out = out.replace(options["own"].encode(), str(options.get("server", "elsewhere")).encode())
    return out, err, status
