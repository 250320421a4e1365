"""The line on which a client hears what engines print: proving that it stands.

It is a line of its own, beside the one of requests and answers, and drops what is sent before it stands: on
a busy machine that is later than the first answers. What is lost then is output, and the message that
tells its end, for which ipyparallel waits for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyparallel import AsyncResult, Client

PROOF_SECONDS = 10.0
"""How long the line may take to stand."""
_HEARD_SECONDS = 0.5
"""What an engine says comes within this, or was lost."""
_ANSWER_SECONDS = 3.0
_POLL_SECONDS = 0.005


def unheard_engines(client: Client, asked: AsyncResult, show: Callable[[list[int]], None]) -> list[int]:
    """Wait until something was heard of every engine that is not busy; return those of which nothing was.

    Parameters
    ----------
    asked : a request, just now; engines that have not answered it are busy.
    show : is told which engines are still unheard.
    """
    deadline = time.monotonic() + PROOF_SECONDS
    said: dict[int, list[Any]] = {engine: [part.output] for engine, part in _parts(asked) if part.done()}
    while True:
        unheard = _unheard(said)
        there = [engine for engine in unheard if engine in client.ids]
        if not there or time.monotonic() >= deadline:
            return there
        show(there)
        # The shortest request; like every other it is told when it begins and when it ends.
        again = client.direct_view(there).execute("", silent=True, block=False)
        again.wait(_ANSWER_SECONDS)
        for engine, part in _parts(again):
            said[engine].append(part.output)


def _unheard(said: dict[int, list[Any]]) -> list[int]:
    """Return the engines of which nothing is heard in time."""
    deadline = time.monotonic() + _HEARD_SECONDS
    while True:
        unheard = [engine for engine, outputs in said.items() if not any(map(_heard, outputs))]
        if not unheard or time.monotonic() >= deadline:
            return unheard
        time.sleep(_POLL_SECONDS)


def _heard(output: Any) -> bool:
    return bool(output.done())


def _parts(asked: Any) -> list[tuple[int, Any]]:
    return list(zip(asked._targets, asked._children, strict=True))
