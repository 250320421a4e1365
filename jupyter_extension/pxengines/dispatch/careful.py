"""Showing is no part of a cell: what fails in it is told, and stops nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable


class Careful:
    """Calls what only shows something. Its first error is told, in a line; none is raised."""

    def __init__(self) -> None:
        self._told = False

    def __call__(self, show: Callable[[], None]) -> None:
        """Call `show`."""
        try:
            show()
        except Exception as error:
            if self._told:
                return
            self._told = True
            print(
                f"Note: this cell on engines cannot be shown as it should be "
                f"({type(error).__name__}: {error}). The engines are not affected by that; "
                "`%pxresult -o status` brings the output as `status.stdout` and `status.outputs`.",
                file=sys.stderr,
            )
