"""Tells the reductions of this engine which cell runs, and how it ended.

Thus an exception in one engine's cell reaches the others that wait for it, instead of a hang.
"""

from __future__ import annotations

import asyncio
from typing import Any

from .mpi import cells
from .mpi.channels import poll

POLL_SECONDS = 0.5
"""How often an engine that is idle looks whether others wait for it in a cell that it has ended."""


def announce_cells(kernel: Any, rank: int) -> None:
    """Let every request that runs code on `kernel`, of MPI rank `rank`, be a cell of ``pxengines.mpi``.

    Called on the running event loop of the kernel.
    """
    execute, apply = kernel.do_execute, kernel.do_apply

    async def do_execute(*args: Any, **kwargs: Any) -> Any:
        cells.begin(cells.key_of_request(kernel.get_parent("shell"), rank))
        failure: tuple[str, str] | None = ("an exception", "")
        try:
            reply = await execute(*args, **kwargs)
            failure = _failure(reply)
            return reply
        finally:
            cells.end(failure)

    def do_apply(*args: Any, **kwargs: Any) -> Any:
        cells.begin(cells.key_of_request(kernel.get_parent("shell"), rank))
        failure: tuple[str, str] | None = ("an exception", "")
        try:
            reply, buffers = apply(*args, **kwargs)
            failure = _failure(reply)
            return reply, buffers
        finally:
            cells.end(failure)

    kernel.do_execute, kernel.do_apply = do_execute, do_apply
    # On the loop that runs the cells: so it never looks in the middle of a reduction.
    _poll_now_and_then(asyncio.get_running_loop())


def _poll_now_and_then(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_later(POLL_SECONDS, _poll_now_and_then, loop)
    poll()


def _failure(reply: dict[str, Any]) -> tuple[str, str] | None:
    if reply.get("status") != "error":
        return None
    return str(reply.get("ename")), str(reply.get("evalue"))
