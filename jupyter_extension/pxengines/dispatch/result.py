"""The result of a cell on engines: ipyparallel's AsyncResult, which ends as one and shows itself live."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ALL_COMPLETED
from typing import TYPE_CHECKING, Any

from ipyparallel import AsyncResult
from ipyparallel.error import NoEnginesRegistered, RemoteError

from ..connection import has_ended, key_of
from ..controller_watch import ENDED
from ..interrupts import Deferred, heeding_interrupts
from ..mpi.cells import CELL_METADATA
from ..mpi.errors import ranks_in_words
from ..together import Together
from ..waiting import EnginesError
from . import cell_wait, showing
from .cell_wait import STOP, Terms, gone_error, let_go, outcome_of, stopped_words, wait_as_one
from .errors import CellError, ShownCellError
from .feed import Feed, size_of_record
from .run import CellRun, Group
from .sending import send_cell
from .where import tell

if TYPE_CHECKING:
    from ipyparallel import DirectView

_SURE_SECONDS = 0.1
QUIET_SECONDS = 3.0
"""Output that has not come so long after the answer, and after any other output, is not waited for."""
_GIVE_UP_SECONDS = 1.0
_START_AGAIN = "Start the cluster again, then connect to it."


class EnginesResult(AsyncResult):
    """The result of a cell on engines.

    Attributes
    ----------
    code : the cell.
    together : the request, as one.
    run : what is known of the cell, for display.
    on_error : ``"stop"`` or ``"wait"``, for those who wait.
    let_go : engines that were interrupted for all.
    missing_output : engines whose output was given up waiting for.
    """

    def __init__(
        self,
        client: Any,
        children: Any,
        targets: list[int],
        code: str,
        feed: Feed,
        run: CellRun,
        name: str = "%px",
    ) -> None:
        self.code = code
        self.run = run
        self.on_error = STOP
        self.let_go: set[int] = set()
        self.missing_output: list[int] = []
        self._feed = feed
        self._stop_lock = threading.Lock()
        self._stopper: threading.Thread | None = None
        self._size = (-1, 0)
        super().__init__(client, children, fname=name, targets=targets, owner=True)
        self.together = Together(client, dict(zip(targets, self._children, strict=True)))

    def __len__(self) -> int:
        return len(self.msg_ids)  # ipyparallel's keeps a result alive for good, in a cache

    def _count_chunks(self, *msg_ids: str) -> int:
        return len(msg_ids)

    # --- waiting --------------------------------------------------------------------------------

    def wait_interactive(
        self,
        interval: float = 0.1,
        timeout: float | None = -1,
        widget: bool | None = None,
        return_when: str = ALL_COMPLETED,
        *,
        on_error: str | None = None,
    ) -> None:
        """Wait, show progress, and raise what the engines raised.

        Interrupting it interrupts the engines.

        Parameters
        ----------
        interval : seconds between updates of the progress.
        timeout : seconds to wait at most; negative or None: without end. The cell goes on.
        widget : whether the progress bar is a widget; None: in notebooks.
        return_when : other than ALL_COMPLETED: as ipyparallel's, which raises nothing.
        on_error : ``"stop"`` ends the cell on all engines at the first error; default: as it was sent.

        Raises
        ------
        CellError, RemoteError
            If the cell failed; the latter if it was sent to one engine by its number.
        TimeoutError
            If it is not done in time.
        EnginesError
            If the cluster has ended.
        KeyboardInterrupt
            If interrupted.
        """
        if return_when != ALL_COMPLETED:
            super().wait_interactive(interval, timeout, widget, return_when)
            return
        limit = None if timeout is None or timeout < 0 else timeout
        terms = Terms(on_error or self.on_error, limit, stop_at_timeout=False, tick_seconds=interval)
        try:
            with showing.progress(self, widget) as shown:
                wait_as_one(self, terms, shown.update)
        except CellError as error:
            if not shown.shows_errors:
                raise
            raise ShownCellError(error, str(error)) from None

    def get(
        self, timeout: float | None = None, return_exceptions: bool | None = None, return_when: Any = None
    ) -> Any:
        """Return the result when it is there, as ipyparallel's; what is shown of it comes with it."""
        try:
            return super().get(timeout, return_exceptions, return_when)
        except RemoteError:
            if why := self.together.gone():
                raise gone_error(self, why) from None
            raise
        finally:
            # It comes on another line. Callbacks run in the thread that brings it, and cannot wait for it.
            if self._ready and threading.current_thread() is not self._client._io_thread:
                self.wait_for_output(QUIET_SECONDS)

    def wait_for_output(self, timeout: float | None = -1) -> bool:
        """Wait until the output is complete, or will not be: see `missing_output`; as ipyparallel's.

        The line that brings output may lose the message that tells its end.
        """
        deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout
        while not self._output_ready:
            left = QUIET_SECONDS if deadline is None else deadline - time.monotonic()
            if self._output_event.wait(max(0.0, min(left, QUIET_SECONDS / 10))):
                break
            if not self.together.pending() and not self.output_may_come():
                self.give_up_output()
                return bool(self._output_event.wait(_GIVE_UP_SECONDS))
            if left <= 0:
                return False
        return True

    def late_output(self) -> list[int]:
        """Return the engines that have answered and whose output is not complete."""
        parts = self.together.parts.items()
        return [engine for engine, part in parts if part.done() and not part.output.done()]

    def output_may_come(self) -> bool:
        """Tell whether output is late that may still be on its way."""
        since = time.monotonic() - QUIET_SECONDS
        return any(self._feed.heard_at.get(engine, since) > since for engine in self.late_output())

    def give_up_output(self) -> None:
        """Take the output of engines that have answered for complete."""
        for engine in self.late_output():
            self.missing_output.append(engine)
            # In the thread that does it otherwise: it is never done twice.
            self._client._io_loop.add_callback(_resolve, self.together.parts[engine].output)

    def stop(self) -> None:
        """Interrupt the engines that are at it, withdraw it from the others; returns at once, in any thread.

        What became of it is told in what is shown of the cell.
        """
        self.let_go.update(pending := self.together.pending())
        with self._stop_lock:
            if not pending or (self._stopper is not None and self._stopper.is_alive()):
                return  # who is at it looks again and again
            if self._stopper is None:
                self.add_done_callback(lambda _: self.run.tell(stopped_words(self)))
            self._stopper = threading.Thread(target=self._stop, name="stop of a cell", daemon=True)
            self._stopper.start()

    def _stop(self) -> None:
        self.run.tell("")  # so that the same words again are news
        let_go(self, cell_wait.STOP_SECONDS)
        if self.together.pending():
            self.run.tell(stopped_words(self))
            if not outcome_of(self).busy:
                self.run.over("interrupted", time.time())  # who is left is at something else

    @property
    def size(self) -> int:
        """Bytes of output and results that are kept of the cell, in ipyparallel's records and in the run."""
        version = self.run.version  # all that changes what is kept is an event of the run
        if self._size[0] != version:
            records = (part.output.metadata for part in self._children)
            self._size = (version, self.run.size + sum(map(size_of_record, records)))
        return self._size[1]

    # --- display --------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        if not showing.show_live(self):
            raise NotImplementedError  # IPython then shows the repr

    def _iopub_streaming_output_callback(self, engine: int, future: Any, message: dict[str, Any]) -> None:
        if message["header"]["msg_type"] == "error" and (
            showing.in_kernel()  # there the exception that is raised shows each traceback once
            or (engine in self.let_go and message["content"]["ename"] == "KeyboardInterrupt")
        ):
            return
        super()._iopub_streaming_output_callback(engine, future, message)


def submit(
    view: DirectView,
    code: str,
    *,
    on_error: str = STOP,
    group: Group = "type",
    silent: bool = False,
    targets: Any = None,
    label: Any = None,
    name: str = "%px",
) -> EnginesResult:
    """Send a cell to the engines of `view`; returns at once.

    Parameters
    ----------
    silent : neither counted nor kept in the engines' history; its last value is not shown.
    targets, label : in place of the view's own.
    name : what the call is named by its result.
    on_error : ``"stop"`` or ``"wait"``, for those who wait for it.
    group : order of what is shown, as ``--group-outputs`` has it.

    Raises
    ------
    EnginesError
        If there is nobody to send it to.
    """
    client = view.client
    targets = view.targets if targets is None else targets
    chosen = _engines_of(client, targets)
    engines = [engine for engine, _ in chosen]
    cell = uuid.uuid4().hex
    run = CellRun(
        run_id=cell,
        code=code,
        ranks=engines,
        started_at=time.time(),
        cluster=key_of(client) or "",
        group=group,
    )
    feed = Feed(run)
    futures = send_cell(
        client,
        client._mux_stream,  # of any view: that of a broadcast view takes requests of another form
        code,
        chosen,
        silent=silent,
        # Its name makes it one cell to the reductions, whichever engines it is sent to.
        metadata={"label": view.label if label is None else label, CELL_METADATA: cell},
        attach=feed.attach,
    )
    sent = [future.msg_id for future in futures]
    view.history.extend(sent)
    view.outstanding.update(sent)
    view._sync_results()
    children = futures[0] if isinstance(targets, int) else futures
    result = EnginesResult(client, children, engines, code, feed, run, name)
    result.on_error = on_error
    tell(run)
    return result


def submit_whole(view: Any, code: str, **options: Any) -> tuple[EnginesResult, bool]:
    """Do as `submit`, to all or none: half a cell would leave half of the engines waiting.

    Returns
    -------
    The result, and whether there was an interrupt meanwhile.
    """
    result: EnginesResult | None = None
    try:
        with heeding_interrupts(), Deferred():
            result = submit(view, code, **options)
    except KeyboardInterrupt:
        if result is None:
            raise
        return result, True
    return result, False


def _engines_of(client: Any, targets: Any) -> list[tuple[int, bytes]]:
    """Return id and identity of each of `targets`."""
    if client._closed:
        raise EnginesError("This view's connection is closed. Connect again.")
    if has_ended(client):
        time.sleep(_SURE_SECONDS)  # a file that cannot be read just now is no end of a cluster
    if has_ended(client):
        raise EnginesError(f"{ENDED[0].upper()}{ENDED[1:]}. {_START_AGAIN}")
    try:
        idents, engines = client._build_targets(targets)
    except NoEnginesRegistered:
        raise EnginesError(f"There are no engines. {_START_AGAIN}") from None
    except (KeyError, IndexError):
        wanted = [targets] if isinstance(targets, int) else list(targets)
        gone = ranks_in_words(set(wanted) - set(client.ids)).split(" ", 1)[1]
        there = ranks_in_words(client.ids).split(" ", 1)[1]
        raise EnginesError(
            f"There is no engine {gone} any more, which this view includes; there are {there}. "
            "Use %pxconfig --targets, or start the cluster again."
        ) from None
    if not engines:
        raise EnginesError("This view has no engines. Use %pxconfig --targets all.")
    return list(zip(engines, idents, strict=True))


def _resolve(output: Any) -> None:
    if not output.done():
        output.set_result(None)
