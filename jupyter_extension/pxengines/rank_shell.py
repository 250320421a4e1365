"""The shell inside an engine: ipykernel's, whose tracebacks end where a reduction was called."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from ipykernel.zmqshell import ZMQInteractiveShell

from .mpi.errors import AgreementError, PeerError

_OURS = f"{__package__}.mpi"
_TOLD = (AgreementError, PeerError, OverflowError, TimeoutError, KeyboardInterrupt)
"""What a reduction raises because of the other ranks, or of the user: nothing in its code is to blame."""


class RankShell(ZMQInteractiveShell):
    """The shell of a `RankKernel`.

    Where in a reduction a rank has learned that it cannot be done is a matter of moments. Without those
    frames the tracebacks of all ranks are the same, and the notebook shows them once.
    """

    def showtraceback(self, exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:
        """Show an exception; see IPython."""
        error = sys.exc_info()[1] if exc_tuple is None else exc_tuple[1]
        if isinstance(error, _TOLD):
            _end_before_reductions(error.__traceback__)
        super().showtraceback(exc_tuple, *args, **kwargs)


def _end_before_reductions(trace: TracebackType | None) -> None:
    while trace is not None:
        after = trace.tb_next
        if after is not None:
            name = str(after.tb_frame.f_globals.get("__name__", ""))
            if name == _OURS or name.startswith(f"{_OURS}."):
                trace.tb_next = None
        trace = trace.tb_next
