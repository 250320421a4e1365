"""Whether a command of the batch system answered at all: the same for every dialect. Pure."""

from __future__ import annotations

import signal

from .base import CommandMissing, Completed, NoAnswer


def text(output: bytes) -> str:
    """Return what was printed as text; bytes that are not UTF-8 become U+FFFD."""
    return output.decode("utf-8", "replace")


def exit_status(done: Completed) -> int:
    """Return the exit status, at least 0, of a command that ended by itself.

    Raises
    ------
    NoAnswer : it could not be started, was killed, or printed more than is accepted; in words.
    """
    program = done.argv[0].rsplit("/", 1)[-1]
    said = text(done.stderr).strip()
    if done.missing:
        raise CommandMissing(
            program,
            f"{program} cannot be run: {said}.",
            "Check that the batch system's commands are on the PATH of the Jupyter server.",
        )
    if done.overflow:
        raise NoAnswer(
            f"{program} printed more than is accepted and was stopped.", "It is asked again.", said
        )
    if done.status is None:
        raise NoAnswer(
            f"{program} did not answer in time and was stopped.",
            "The scheduler may be down or busy. It is asked again.",
            said,
        )
    if done.status < 0:
        try:
            name = signal.Signals(-done.status).name
        except ValueError:
            name = str(-done.status)
        raise NoAnswer(f"{program} was ended by signal {name}.", "It is asked again.", said)
    return done.status
