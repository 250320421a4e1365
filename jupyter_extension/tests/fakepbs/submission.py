"""From ``qsub``'s command line and the script to a job, as far as the dialects share it."""

from __future__ import annotations

import os
import sys

from . import core, options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .command import Context
    from .store import Job


class Refusal(Exception):
    """The submission cannot be accepted, for a reason of `words`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class Order:
    """What is asked of ``qsub``.

    Attributes
    ----------
    given : last value of each option; the command line wins over the script.
    wanted : resources of all ``-l``.
    script : text of the script; empty with `command`.
    """

    def __init__(self) -> None:
        self.given: dict[str, str] = {}
        self.wanted: dict[str, str] = {}
        self.walltime_in_script = False
        self.script = ""
        self.script_name = ""
        self.command: list[str] = []

    def take(self, pairs: list[tuple[str, str]], weak: bool = False) -> None:
        """Take options; weak ones give way to what is there."""
        for letter, value in pairs:
            if letter == "l":
                for name, amount in options.resources(value).items():
                    if not weak or name not in self.wanted:
                        self.wanted[name] = amount
                        if name == "walltime":
                            self.walltime_in_script = weak
            elif not weak or letter not in self.given:
                self.given[letter] = value


def read_script(path: str) -> str:
    """Return a script's text, any bytes; OSError if it cannot be read."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.read()


def read_order(argv: list[str], spec: str) -> Order:
    """Parse the command line and the script's directives."""
    order = Order()
    pairs, operands = options.getopt(argv, spec)
    order.take(pairs)
    if operands and operands[0] == "--":
        order.command = operands[1:]
        order.script_name = os.path.basename(operands[1]) if operands[1:] else ""
    elif operands and operands[0] != "-":
        order.script_name = operands[0]
        try:
            order.script = read_script(operands[0])
        except OSError:
            raise Refusal("missing_script", operands[0]) from None
    else:
        order.script = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    for words in options.directives(order.script):
        try:
            weak, _ = options.getopt(words, spec)
        except options.BadOption as error:
            raise Refusal("directive", " ".join(words)) from error
        order.take(weak, weak=True)
    return order


def arguments(argv: list[str]) -> str:
    """Return the command line as the server keeps it."""
    return " ".join(argv)


def variables(context: Context, order: Order, base: list[tuple[str, str]]) -> list[list[str]]:
    """Return the job's variables: what qsub always adds, ``-v``, ``-V``."""
    found = dict(base)
    for item in order.given.get("v", "").split(","):
        name, equals, value = item.partition("=")
        if name:
            found[name] = value if equals else os.environ.get(name, "")
    if "V" in order.given:
        for name, value in os.environ.items():
            found.setdefault(name, value)
    return [[name, value] for name, value in found.items()]


def origin(context: Context) -> list[tuple[str, str]]:
    """Return the ``PBS_O_…`` variables that dialects share."""
    environ = os.environ
    return [
        ("PBS_O_HOME", environ.get("HOME", "/")),
        ("PBS_O_LANG", environ.get("LANG", "C.UTF-8")),
        ("PBS_O_LOGNAME", context.user),
        ("PBS_O_PATH", environ.get("PATH", "")),
        ("PBS_O_MAIL", f"/var/mail/{context.user}"),
        ("PBS_O_SHELL", "/bin/bash"),
        ("PBS_O_WORKDIR", os.getcwd()),
    ]


def queue_of(context: Context, order: Order) -> tuple[str, dict[str, Any]]:
    """Return the queue, checked; Refusal if the job may not go there."""
    state = context.state
    name = order.given.get("q") or state["default_queue"]
    name = state["aliases"].get(name, name)
    queue = state["queues"].get(name)
    if queue is None:
        raise Refusal("unknown_queue", name)
    if not queue.get("enabled", True):
        raise Refusal("queue_closed", name)
    users = queue.get("users")
    if users is not None and context.user not in users:
        raise Refusal("no_permission", name)
    return name, queue


def make_job(context: Context, order: Order, **fields: Any) -> Job:
    """Put the job into the state and its script into the spool; its runner starts with the answer."""
    if context.fault("never_runs") is not None:
        fields["never"] = True
    given = order.given
    home = os.environ.get("HOME", "/")
    defaults: dict[str, Any] = {
        "workdir": os.getcwd(),
        "name": given.get("N") or os.path.basename(order.script_name) or "STDIN",
        "output": given.get("o", ""),
        "error": given.get("e", ""),
        "join": given.get("j", "n"),
        "keep": given.get("k", "n"),
        "account": given.get("A", ""),
        "shell": given.get("S", ""),
        "rerunable": given.get("r", "y") != "n",
        "request": {"home": home, "command": order.command, "script_name": order.script_name},
    }
    job = core.new_job(context.state, context.user, context.now, **(defaults | fields))
    if "h" in given:
        job["hold"] = "u"
        core.touch(job, "H", context.now)
    path = os.path.join(context.store.spool, f"{job['seq']}.sh")
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(order.script)
    os.chmod(path, 0o700)
    context.state["jobs"][job["id"]] = job
    context.spawn.append(job["id"])
    return job
