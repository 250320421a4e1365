"""Client and views as `connect` hands them out: ipyparallel's, and they can reduce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ipyparallel import Client, DirectView

from . import reductions

if TYPE_CHECKING:
    from .dispatch.result import EnginesResult
    from .mpi.partial import Axis


class EnginesView(DirectView):  # type: ignore[misc] # ipyparallel has no types
    """A DirectView with the reductions of `pxengines.reductions` as methods, and our magics."""

    def activate(self, suffix: str = "") -> None:
        """Make ``%px``, ``%%px``, ``%autopx``, ``%pxresult`` and ``%pxconfig`` work on this view.

        Parameters
        ----------
        suffix : of these names, so that several views can have magics at the same time.
        """
        from IPython import get_ipython

        shell = get_ipython()
        if shell is None:
            super().activate(suffix)  # which tells that there is no IPython
            return
        from .dispatch import autopx
        from .dispatch.magics import EnginesParallelMagics

        autopx.end(shell, suffix)
        shell.magics_manager.register(EnginesParallelMagics(shell, self, suffix))

    def execute(
        self,
        code: str,
        silent: bool = True,
        targets: Any = None,
        block: bool | None = None,
        label: str | None = None,
    ) -> EnginesResult:
        """Run `code` on the engines; as ipyparallel's, and the result is live in a notebook.

        With `block` the engines are interrupted with the notebook, and what they raise is raised.
        """
        from .dispatch.cell_wait import WAIT, Terms, wait_as_one
        from .dispatch.result import submit

        result = submit(self, code, silent=silent, targets=targets, label=label, name="execute")
        if self.block if block is None else block:
            wait_as_one(result, Terms(WAIT), lambda: None)
        return result

    def psum(
        self, expression: str, axis: Axis = None, *, timeout: float | None = None, **options: Any
    ) -> Any:
        """Return the sum of `expression` over all engines; see `pxengines.psum`."""
        return reductions.psum(self, expression, axis, timeout=timeout, **options)

    def pmean(
        self, expression: str, axis: Axis = None, *, timeout: float | None = None, **options: Any
    ) -> Any:
        """Return the mean of `expression` over all engines; see `pxengines.pmean`."""
        return reductions.pmean(self, expression, axis, timeout=timeout, **options)

    def pmin(
        self, expression: str, axis: Axis = None, *, timeout: float | None = None, **options: Any
    ) -> Any:
        """Return the least value of `expression` over all engines; see `pxengines.pmin`."""
        return reductions.pmin(self, expression, axis, timeout=timeout, **options)

    def pmax(
        self, expression: str, axis: Axis = None, *, timeout: float | None = None, **options: Any
    ) -> Any:
        """Return the greatest value of `expression` over all engines; see `pxengines.pmax`."""
        return reductions.pmax(self, expression, axis, timeout=timeout, **options)

    def pargmin(
        self, expression: str, axis: int | None = None, *, timeout: float | None = None, **options: Any
    ) -> Any:
        """Return where `expression` is least over all engines; see `pxengines.pargmin`."""
        return reductions.pargmin(self, expression, axis, timeout=timeout, **options)

    def pargmax(
        self, expression: str, axis: int | None = None, *, timeout: float | None = None, **options: Any
    ) -> Any:
        """Return where `expression` is greatest over all engines; see `pxengines.pargmax`."""
        return reductions.pargmax(self, expression, axis, timeout=timeout, **options)

    def pdot(self, a: str, b: str, *, timeout: float | None = None, **options: Any) -> Any:
        """Return the dot product of `a` and `b` over all engines; see `pxengines.pdot`."""
        return reductions.pdot(self, a, b, timeout=timeout, **options)


class EnginesClient(Client):  # type: ignore[misc]
    """A Client whose direct views, such as ``cluster[:]``, are of class `EnginesView`."""

    def direct_view(self, targets: Any = "all", **flags: Any) -> EnginesView:
        """Return a view of the engines `targets`; as ipyparallel's."""
        view = super().direct_view(targets, **flags)
        return EnginesView(client=self, socket=view._socket, targets=view.targets, **flags)
