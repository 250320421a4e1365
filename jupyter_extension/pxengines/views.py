"""Client and views as `connect` hands them out: ipyparallel's, and they can reduce."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ipyparallel import Client, DirectView
from jupyter_client.session import DELIM

from . import reductions
from .controller_gone import ControllerCare, end_requests
from .controller_watch import CLOSED
from .quick_messages import parse_date, receive_many, use_quick_unpacker

if TYPE_CHECKING:
    from .dispatch.result import EnginesResult
    from .mpi.partial import Axis

_PARENT = 2
"""Where among the parts of a message, of which the signature is the first, that is which it belongs to."""
_dispatch_iopub = Client._dispatch_iopub.__wrapped__
"""What ipyparallel does with a message from an engine when it is unpacked."""


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
        from .dispatch.cell_wait import WAIT, Terms, stop_unseen, wait_as_one
        from .dispatch.result import submit_whole

        result, pressed = submit_whole(
            self, code, silent=silent, targets=targets, label=label, name="execute"
        )
        if self.block if block is None else block:
            wait_as_one(result, Terms(WAIT, interrupted=pressed), lambda: None)
        elif pressed:
            raise stop_unseen(result)
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
    """A Client whose direct views, such as ``cluster[:]``, are of class `EnginesView`.

    It takes in what engines say with less work for each message than ipyparallel's, and ends what waits for
    a controller that is gone.

    Attributes
    ----------
    care : looks whether there is still a controller.
    ended : futures of cells that have ended, by their message, as long as somebody has their results.
    """

    care: ControllerCare

    def __init__(self, *args: Any, **options: Any) -> None:
        try:
            super().__init__(*args, **options)
        except BaseException:  # ipyparallel does so for what is no interrupt
            self.close(linger=0)
            raise

    def _setup_streams(self) -> None:
        super()._setup_streams()
        self.ended: WeakValueDictionary[str, Any] = WeakValueDictionary()
        use_quick_unpacker(self.session)
        # Results may be large.
        self._take_replies = receive_many(self._mux_stream, self._dispatch_reply, copy=False)
        receive_many(self._iopub_stream, self._hear, copy=True)
        self.care = ControllerCare(self)
        self.care.start()

    def close(self, linger: int | None = None) -> None:
        """Close the connection; what still waits for an answer ends, with an error."""
        try:
            super().close(linger)
        finally:
            if not sys.is_finalizing():  # then there is nobody left to tell
                end_requests(self, CLOSED)

    def ask_for_engines(self) -> None:
        """Ask the hub which engines there are; `ids` has them when the answer is there."""

        def note(asked: Any) -> None:
            if asked.exception() is None:
                self._update_engines(asked.result()["content"].get("engines") or {})

        self._send(self._query_stream, "connection_request").add_done_callback(note)

    def take_replies(self) -> None:
        """Take the answers that are there; in ipyparallel's thread, after something was sent."""
        self._take_replies()

    def _hear(self, frames: list[bytes]) -> None:
        """Take a message that an engine has published, for whomever."""
        parts = frames[frames.index(DELIM) + 1 :]
        if len(parts) > _PARENT and self.session.bsession not in parts[_PARENT]:
            return  # what other clients have asked for need not be read
        message = self.session.deserialize(parts)
        msg_id = message["parent_header"].get("msg_id")
        if msg_id in self.metadata:
            _dispatch_iopub(self, message)
        elif (future := self.ended.get(msg_id)) is not None:
            self._hear_late(msg_id, future, message)
        elif message["header"]["msg_type"].startswith("comm_"):
            _dispatch_iopub(self, message)
            self.metadata.pop(msg_id, None)
        # For what nobody has any more ipyparallel would make a new record, and keep it for good.

    def _hear_late(self, msg_id: str, future: Any, message: dict[str, Any]) -> None:
        """Take what a thread of a cell put out after its end as if it were part of it."""
        self.metadata[msg_id], self._futures[msg_id] = future.output.metadata, future
        try:
            _dispatch_iopub(self, message)
        finally:
            del self.metadata[msg_id], self._futures[msg_id]

    def _extract_metadata(self, msg: dict[str, Any]) -> dict[str, Any]:
        started = msg["metadata"].pop("started", None)
        found: dict[str, Any] = super()._extract_metadata(msg)
        if started is not None:
            msg["metadata"]["started"] = started
            found["started"] = parse_date(started)
        return found

    def direct_view(self, targets: Any = "all", **flags: Any) -> EnginesView:
        """Return a view of the engines `targets`; as ipyparallel's."""
        view = super().direct_view(targets, **flags)
        return EnginesView(client=self, socket=view._socket, targets=view.targets, **flags)
