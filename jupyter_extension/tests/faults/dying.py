"""A server extension that lets its server die by its own hand, in the middle of what a test names.

``DYING_STEPS`` is a comma-separated list of ``MODULE:FUNCTION:before|after``; the server dies at one of them
once the file ``DYING_ARMED`` names it. So one server can be used until it is its turn to die.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import signal
from pathlib import Path
from typing import Any


def die_if_armed(step: str) -> None:
    """End this process as a crash does, if it is the turn of `step`."""
    armed = Path(os.environ["DYING_ARMED"])
    if armed.exists() and armed.read_text(encoding="utf-8") == step:
        os.kill(os.getpid(), signal.SIGKILL)


def mine(step: str) -> None:
    """Put the end of this process before or after a function."""
    module, name, when = step.split(":")
    owner: Any = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    original = getattr(owner, last)

    async def later(*args: Any, **given: Any) -> Any:
        if when == "before":
            die_if_armed(step)
        result = await original(*args, **given)
        die_if_armed(step)
        return result

    def now(*args: Any, **given: Any) -> Any:
        if when == "before":
            die_if_armed(step)
        result = original(*args, **given)
        die_if_armed(step)
        return result

    wrapper = later if inspect.iscoroutinefunction(original) else now
    setattr(owner, last, functools.wraps(original, updated=())(wrapper))


def _load_jupyter_server_extension(app: Any) -> None:
    for step in filter(None, os.environ["DYING_STEPS"].split(",")):
        mine(step)
