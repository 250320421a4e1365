"""MPI engines from a notebook: magics, connection, reductions over all engines.

Imported in kernels and engines; never imports the server side. Importing this package is cheap: IPython,
ipyparallel and MPI are imported when something needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipyparallel import Client
    from IPython.core.interactiveshell import InteractiveShell

    from .connection import EnginesError
    from .reductions import ReductionError, pargmax, pargmin, pdot, pmax, pmean, pmin, psum

__all__ = [
    "EnginesError",
    "ReductionError",
    "autopx_is_on",
    "connect",
    "connected_key",
    "load_ipython_extension",
    "pargmax",
    "pargmin",
    "pdot",
    "pmax",
    "pmean",
    "pmin",
    "psum",
    "unload_ipython_extension",
]

_HOMES = {"EnginesError": "waiting"} | dict.fromkeys(
    ("ReductionError", "pargmax", "pargmin", "pdot", "pmax", "pmean", "pmin", "psum"), "reductions"
)
"""Which module has what is loaded when somebody asks for it."""


def connect(key: str, *, timeout: float | None = None, quiet: bool = False) -> Client:
    """Connect this kernel to the cluster `key`; the Python form of ``%engines connect``.

    In IPython, sets `cluster` and `view` in the user's namespace and activates ``%px``; an older
    connection is closed.

    Parameters
    ----------
    key : ``PROFILE`` or ``PROFILE:CLUSTER_ID``, as ``%engines`` lists them.
    timeout : seconds to wait at most; None: as long as the cluster is starting.
    quiet : print neither progress nor success. Warnings are still printed.

    Raises
    ------
    EnginesError
        If it cannot be connected to; the message says why and what to do.
    KeyboardInterrupt
        If interrupted while waiting. The cluster goes on starting.
    """
    from . import connection

    return connection.connect(key, timeout=timeout, quiet=quiet)


def connected_key() -> str | None:
    """Return the key of the cluster this kernel is connected to; None if there is none. Never raises.

    A closed client does not count, nor does a cluster whose controller has ended or was replaced.
    """
    from . import connection

    return connection.connected_key()


def autopx_is_on() -> bool:
    """Tell whether ``%autopx`` sends each cell of this kernel to engines, living or not. Never raises."""
    from IPython import get_ipython

    from .dispatch import autopx

    return autopx.is_on(get_ipython())


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register ``%engines`` and ``%psum``; called by ``%load_ext pxengines``."""
    from . import magics

    magics.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove the magics; an open connection stays."""
    from . import magics

    magics.unload(shell)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
