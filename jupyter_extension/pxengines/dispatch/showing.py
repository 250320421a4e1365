"""How a cell on engines is shown while somebody waits for it: live in notebooks, streamed in terminals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ipyparallel.util import progress as progress_bar
from IPython import get_ipython

from . import live
from .careful import Careful

if TYPE_CHECKING:
    from .result import EnginesResult
    from .run import Group


@dataclass(frozen=True)
class Shown:
    """A cell that is shown while somebody waits for it.

    Attributes
    ----------
    update : shows what is new; raises nothing.
    shows_errors : who sees this sees the tracebacks.
    """

    update: Callable[[], None]
    shows_errors: bool


def in_kernel() -> bool:
    """Tell whether this is a notebook's kernel, and not a terminal or a script."""
    return getattr(get_ipython(), "kernel", None) is not None


def show_live(result: EnginesResult) -> bool:
    """Show `result`, for which nobody waits, live as a cell's output; False if that cannot be done here."""
    if not in_kernel():
        return False
    live.showing(result, blocking=False)
    return True


@contextmanager
def output(
    result: EnginesResult, *, stream: bool, groupby: Group, progress_after: float, always: bool = False
) -> Iterator[Shown]:
    """Show the output of `result` within the block, while `update` is called; the rest at its end.

    Parameters
    ----------
    stream : show it as it comes.
    always : show in a notebook that it is done also if there is no output.
    """
    shown: live.Showing | Streamed | Collected
    if stream and in_kernel():
        shown = live.showing(result, blocking=True, always=always)
    elif stream:
        shown = Streamed(result, progress_after)
    else:
        shown = Collected(result, groupby, progress_after)
    with _carefully(shown) as careful:
        yield careful


@contextmanager
def progress(result: EnginesResult, widget: bool | None) -> Iterator[Shown]:
    """Show how far `result` is within the block, while `update` is called; with `widget` as a mere bar."""
    shown: live.Showing | Bar
    if in_kernel() and widget is None:
        shown = live.showing(result, blocking=True, always=True)
    else:
        shown = Bar(result, 0.0, widget)
    with _carefully(shown) as careful:
        yield careful


@contextmanager
def _carefully(shown: live.Showing | Bar) -> Iterator[Shown]:
    careful = Careful()
    try:
        yield Shown(partial(careful, shown.update), shown.shows_errors)
    finally:
        careful(shown.finish)


class Bar:
    """A progress bar of engines that are done, if that takes longer than `after` seconds; -1: none."""

    shows_errors = False

    def __init__(self, result: EnginesResult, after: float, widget: bool | None = None) -> None:
        self._result = result
        self._widget = widget
        self._due = time.monotonic() + after if after >= 0 else float("inf")
        self._bar: Any = None

    def update(self) -> None:
        """Show how far it is."""
        if self._bar is None and time.monotonic() >= self._due and self._result.together.pending():
            self._bar = progress_bar(widget=self._widget, total=len(self._result), unit="tasks", desc="%px")
        if self._bar is not None:
            done = len(self._result) - len(self._result.together.pending())
            self._bar.update(done - self._bar.n)

    def finish(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self.update()
            self._bar.close()


class Streamed(Bar):
    """Output as it comes, each piece with its engine; as ipyparallel's."""

    def __init__(self, result: EnginesResult, progress_after: float) -> None:
        super().__init__(result, progress_after)
        self.shows_errors = not in_kernel()
        self._stack = ExitStack()
        self._stack.enter_context(result.stream_output())

    def finish(self) -> None:
        """Show no more of it."""
        super().finish()
        self._stack.close()


class Collected(Bar):
    """Output when all is there, grouped; as ipyparallel's."""

    def __init__(self, result: EnginesResult, groupby: Group, progress_after: float) -> None:
        super().__init__(result, progress_after)
        self._groupby = groupby

    def finish(self) -> None:
        """Show it; if engines did not finish, what there is."""
        super().finish()
        if self._result.ready():
            self._result.display_outputs(self._groupby)
            return
        with self._result.stream_output():
            pass
