"""Waiting for a cluster until it can be connected to, or saying why it cannot."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from . import hub, records
from .interrupts import Deferred
from .launch.paths import RunPaths, profile_names
from .records import Sighting

POLL_SECONDS = 0.2
_JOURNAL_SECONDS = 3.0
"""How long the Jupyter server may take to note why a cluster of its own has ended."""

_HOW_TO_START = (
    "Start it in the Engines panel, or in a terminal with: "
    "ipcluster start --profile={profile} --engines=mpi -n 4"
)
_BUILT_IN_PROFILE = "local"


class EnginesError(Exception):
    """A cluster cannot be used as asked; the message says why and what to do.

    IPython shows the message alone: where in our code it was raised helps nobody.
    """

    __module__ = "pxengines"  # where people import it from

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class WaitingStopped(KeyboardInterrupt):
    """The user stopped waiting; the message says what goes on."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class StatusLine:
    """One line of progress that replaces itself: in a notebook's output, in a terminal, or nowhere."""

    def __init__(self, shell: Any, quiet: bool) -> None:
        self._quiet = quiet
        self._in_kernel = shell is not None and getattr(shell, "kernel", None) is not None
        self._handle: Any = None
        self._width = 0
        self._shown = ""

    def show(self, text: str) -> None:
        """Show `text` in place of what was shown."""
        if self._quiet or text == self._shown:
            return
        if self._in_kernel:
            from IPython.display import display

            data = {"text/plain": text}
            with Deferred():  # the line is there and known, or neither: `finish` replaces it
                if self._handle is None:
                    self._handle = display(data, raw=True, display_id=True)  # type: ignore[no-untyped-call]
                else:
                    self._handle.update(data, raw=True)
        elif sys.stdout.isatty():
            before, self._width = self._width, len(text)
            print("\r" + text.ljust(before), end="", flush=True)
        self._shown = text

    def finish(self, text: str) -> None:
        """Show `text` as the last one, on a line of its own."""
        if self._quiet:
            return
        if self._handle is not None:
            self.show(text)
        elif self._width:
            self.show(text)
            print()
        else:
            print(text)


def wait_until_usable(
    key: str, timeout: float | None, line: StatusLine, *, clock: Callable[[], float] = time.monotonic
) -> Sighting:
    """Return the cluster `key` once it is ready or degraded, or once only a client can tell more.

    Waits without a limit (`timeout` None) as long as it is being started.

    Raises
    ------
    EnginesError
        If there is no such cluster, it failed, was stopped or is gone, or `timeout` seconds have passed.
    WaitingStopped
        If interrupted.
    """
    paths = paths_of(key)
    began = clock()
    gone_since: float | None = None
    told = ""
    try:
        while True:
            found = records.look(paths)
            if found is None:
                raise EnginesError(_not_there(paths))
            found = hub.ask(found)
            elapsed = clock() - began
            if found.state == "gone" and found.followed:
                gone_since = elapsed if gone_since is None else gone_since
                if elapsed - gone_since >= _JOURNAL_SECONDS:
                    break
                told = "its job has ended"
            elif found.state in records.WAITING:
                told = _progress(found)
            else:
                break
            if timeout is not None and elapsed >= timeout:
                line.finish(f"{key}: {told}")
                raise EnginesError(
                    f"{key} is not ready after {timeout:g} s ({told}). It goes on starting: "
                    "run this again to go on waiting."
                )
            line.show(f"waiting for {key}: {told}, {elapsed:.0f} s")
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        line.finish(f"{key}: stopped waiting" + (f" ({told})" if told else ""))
        words = f"Stopped waiting for {key}. It goes on starting: run this again to connect."
        raise WaitingStopped(words) from None
    if found.state in (*records.ENDED, "stopping"):
        if told:
            line.finish(f"{key}: {found.state}")
        raise EnginesError(_why_not(found))
    return found


def paths_of(key: str) -> RunPaths:
    """Return where the files of the cluster `key` lie.

    Raises
    ------
    EnginesError
        If `key` cannot be a cluster's name.
    """
    try:
        return RunPaths.of_key(key)
    except ValueError as error:
        raise EnginesError(f"{error}. {_known()}") from None


def _progress(found: Sighting) -> str:
    if found.state == "submitting":
        return "being submitted"
    if found.state == "queued":
        return "in the queue"
    count, wanted = found.engines_registered or 0, found.engines_requested
    return f"{count} of {wanted} engines" if wanted else f"{count} engines"


def _not_there(paths: RunPaths) -> str:
    words = f"There is no cluster {paths.key!r}. {_known()}"
    if paths.profile == _BUILT_IN_PROFILE or paths.profile in profile_names():
        words += f" {_HOW_TO_START.format(profile=paths.profile)}"
    return words


def _known() -> str:
    keys = [found.key for found in records.sightings() if found.state not in records.ENDED]
    if not keys:
        return "No cluster is running."
    return f"Known clusters: {', '.join(keys)}."


def _why_not(found: Sighting) -> str:
    key = found.key
    if found.state == "failed":
        return " ".join(f"{key} failed: {found.reason or 'no cause was recorded.'} {found.next_step}".split())
    if found.state == "gone":
        return " ".join(f"{key} is gone: {found.reason} {found.next_step}".split())
    if found.state == "stopping":
        return f"{key} is being stopped. When it has stopped, start it again, then run this again."
    return f"{key} was stopped. {_HOW_TO_START.format(profile=found.paths.profile)}"
