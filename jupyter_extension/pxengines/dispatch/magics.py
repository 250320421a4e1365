"""``%px`` and its kin: ipyparallel's magics, whose cells end as one and show themselves live."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from ipyparallel.client import magics as stock
from IPython.core import magic_arguments
from IPython.core.error import UsageError

from ..waiting import EnginesError
from . import autopx, showing
from .cell_wait import STOP, WAIT, CellInterrupted, Terms, stop_unseen, wait_as_one
from .elsewhere import NAME_LENGTH, PastCells, find, is_known, past_cells
from .errors import CellError, ShownCellError
from .follow import follow
from .kept import Kept
from .result import EnginesResult, submit_whole
from .run import Group
from .targets import parse_targets

if TYPE_CHECKING:
    from ipyparallel import DirectView
    from IPython.core.interactiveshell import InteractiveShell

_KEPT = 100
"""So many past cells %pxresult can bring back, if they do not hold too much."""

_Magic = Callable[..., Any]


def _ending_args(magic: _Magic) -> _Magic:
    """Give a magic the options that say when a cell ends."""
    for argument in (
        magic_arguments.argument(
            "--on-error",
            dest="on_error",
            choices=[STOP, WAIT],
            default=None,
            help="""What to do when one engine raises: stop interrupts the others within 2 seconds
            (the default), wait lets them go on.
            """,
        ),
        magic_arguments.argument(
            "--timeout",
            type=float,
            default=None,
            metavar="SECONDS",
            help="Interrupt the engines after so many seconds; 0: never. Only for blocking execution.",
        ),
    ):
        magic = argument(magic)
    return magic


class EnginesParallelMagics(stock.ParallelMagics):
    """ipyparallel's magics for one view, with what this package adds; see `cell_px`.

    Attributes
    ----------
    on_error : ``"stop"`` or ``"wait"``, where a cell does not say.
    timeout : seconds, or None, where a cell does not say.
    """

    on_error = STOP
    timeout: float | None = None

    def __init__(self, shell: InteractiveShell, view: DirectView, suffix: str = "") -> None:
        self._results: Kept[EnginesResult] = Kept(_KEPT)
        self._followed: Kept[EnginesResult] = Kept(_KEPT)
        super().__init__(shell, view, suffix)

    def _eval_target_str(self, ts: str) -> str | int | list[int]:
        return parse_targets(ts, self.view.client.ids)

    def _eval_signal_str(self, sig_str: str) -> str | int:
        number: str | int = super()._eval_signal_str(sig_str)
        known = number in signal.Signals.__members__ or number in range(signal.NSIG)
        if not known:
            raise UsageError(
                f"--signal-on-interrupt {sig_str}: there is no such signal. Use a name such as SIGINT, a "
                "number, or 0: then the cell goes on."
            )
        return number

    @magic_arguments.magic_arguments()
    @stock.exec_args
    @_ending_args
    def pxconfig(self, line: str) -> None:
        """Set what %px and %%px do where they are not told otherwise."""
        args = magic_arguments.parse_argstring(self.pxconfig, line)
        timeout = _seconds(args.timeout)
        if args.targets:
            self.view.targets = self._eval_target_str(args.targets)
        if args.block is not None:
            self.view.block = args.block
        if args.set_verbose is not None:
            self.verbose = args.set_verbose
        if args.stream is not None:
            self.stream_output = args.stream
        if args.signal_on_interrupt is not None:
            self.signal_on_interrupt = self._eval_signal_str(args.signal_on_interrupt)
        if args.progress_after_seconds is not None:
            self.progress_after_seconds = args.progress_after_seconds
        if args.on_error is not None:
            self.on_error = args.on_error
        if timeout is not None:
            self.timeout = timeout or None

    @magic_arguments.magic_arguments()
    @stock.output_args
    @magic_arguments.argument(
        "which",
        nargs="?",
        default=None,
        help="""Which cell: 1 or nothing for the last one, 2 for the one before it, and so on;
        or the id of a cell, or of a request as in `status.msg_ids`.
        """,
    )
    def result(self, line: str = "") -> PastCells | None:
        """Show the output and result of a past %px, and raise what it raised; waits for it if it still runs.

        ::

            %pxresult              the last cell; if this kernel sent none, lists those of others
            %pxresult 3            the third last
            %pxresult 3fa2c1       a cell by its id, also of this notebook before its kernel restarted
            %pxresult -o status    put it into the variable `status` instead
        """
        args = magic_arguments.parse_argstring(self.result, line)
        if args.which is None and not self._results and not args.save_name:
            others = PastCells(past_cells(self.view.client))
            if others.rows:
                return others
        found = self._past(args.which)
        if args.save_name:
            self.shell.user_ns[args.save_name] = found
            return None
        if not isinstance(found, EnginesResult):  # a request that is no cell, of another client
            found.get()
            found.display_outputs(groupby=args.groupby)
            return None
        found.run.group = args.groupby
        stream = showing.in_kernel()  # the live view has a place for all; a terminal wants it in order
        terms = Terms(found.on_error, interrupt=self.signal_on_interrupt, again=True)
        self._wait(found, terms, stream=stream, groupby=args.groupby, always=True)
        return None

    def parallel_execute(
        self,
        cell: str,
        block: bool | None = None,
        groupby: Group = "type",
        save_name: str | None = None,
        stream_output: bool | None = None,
        progress_after: float | None = None,
        signal_on_interrupt: str | int | None = None,
        on_error: str | None = None,
        timeout: float | None = None,
    ) -> EnginesResult | None:
        """Run `cell` on the engines of the view; return its result unless it blocks."""
        block = self.view.block if block is None else block
        if self.verbose:
            print(f"{'Parallel' if block else 'Async parallel'} execution on engine(s): {self._who()}")
        on_error = on_error or self.on_error
        result, pressed = submit_whole(self.view, cell, on_error=on_error, group=groupby)
        self.last_result = result
        self._results.add(result)
        if save_name:
            self.shell.user_ns[save_name] = result
        if not block:
            if pressed:
                raise stop_unseen(result)
            return result
        terms = Terms(
            result.on_error,
            (self.timeout if timeout is None else timeout) or None,
            interrupt=self.signal_on_interrupt if signal_on_interrupt is None else signal_on_interrupt,
            interrupted=pressed,
        )
        stream = self.stream_output if stream_output is None else stream_output
        after = self.progress_after_seconds if progress_after is None else progress_after
        self._wait(result, terms, stream=stream, groupby=groupby, progress_after=after)
        return None

    def _wait(
        self,
        result: EnginesResult,
        terms: Terms,
        *,
        stream: bool,
        groupby: Group,
        progress_after: float = 0.0,
        always: bool = False,
    ) -> None:
        try:
            with showing.output(
                result, stream=stream, groupby=groupby, progress_after=progress_after, always=always
            ) as shown:
                wait_as_one(result, terms, shown.update)
        except CellError as error:
            if not shown.shows_errors:
                raise
            let_go = error.outcome.stopped or error.outcome.withdrawn or error.outcome.busy
            # In a terminal each was just printed with its engine; ipyparallel counts them then.
            brief = str(error) if showing.in_kernel() or let_go else f"{len(error.elist)} errors"
            raise ShownCellError(error, brief) from None
        except CellInterrupted as interrupted:
            if showing.in_kernel():
                raise
            # A terminal has no cells queued behind this one: as ipyparallel, say so and go on.
            print(interrupted, file=sys.stderr)

    @magic_arguments.magic_arguments()
    @stock.exec_args
    @_ending_args
    @stock.output_args
    @magic_arguments.argument(
        "--local",
        action="store_const",
        const=True,
        dest="local",
        help="also execute the cell in the local namespace",
    )
    def cell_px(self, line: str = "", cell: str = "") -> EnginesResult | None:
        """Run the cell on the engines.

        ::

            %%px                             on all engines of the view
            %%px --targets 0-3,7             on some: ids, ranges, slices as in ::2, all
            %%px --noblock -o status         return at once; `status` is the result
            %%px --timeout 60                interrupt the engines after a minute
            %%px --on-error wait             let the others go on when one raises
        """
        args = magic_arguments.parse_argstring(self.cell_px, line)
        timeout = _seconds(args.timeout)
        blocks = self.view.block if args.block is None else args.block
        if timeout and not blocks:
            raise UsageError(
                "--timeout is for cells that block. Add --block, or use "
                "status.wait_interactive(timeout=SECONDS)."
            )
        signal_on_interrupt = (
            self._eval_signal_str(args.signal_on_interrupt)
            if args.signal_on_interrupt
            else self.signal_on_interrupt
        )
        saved = self.view.targets
        if args.targets:
            self.view.targets = self._eval_target_str(args.targets)
        try:
            result = self.parallel_execute(
                cell,
                block=False if args.local else args.block,  # where it runs here too, it does so meanwhile
                groupby=args.groupby,
                save_name=args.save_name,
                stream_output=args.stream,
                progress_after=args.progress_after_seconds,
                signal_on_interrupt=signal_on_interrupt,
                on_error=args.on_error,
                timeout=timeout,
            )
        finally:
            self.view.targets = saved
        if args.local:
            self.shell.run_cell(cell)
            if blocks and result is not None:
                limit = (self.timeout if timeout is None else timeout) or None
                terms = Terms(result.on_error, limit, interrupt=signal_on_interrupt)
                self._wait(result, terms, stream=showing.in_kernel(), groupby=args.groupby)
        return None if blocks else result

    def pxrun_nodes(self, *args: Any, **kwargs: Any) -> bool:
        """Run the cell of ``%autopx`` on the engines and show it; tell whether it failed."""
        if re.match(rf"\s*%autopx{re.escape(self.suffix)}\b", self._px_cell):
            self._disable_autopx()
            return False
        try:
            result = self.parallel_execute(self._px_cell)
            if result is not None:
                showing.show_live(result)
        except (Exception, CellInterrupted) as error:
            if (outcome := kwargs.get("result")) is not None:
                outcome.error_in_exec = error  # or the notebook would go on with the next cell
            self.shell.showtraceback()
            return True
        return False

    def _enable_autopx(self) -> None:
        super()._enable_autopx()
        original = self._original_run_async = self.shell.run_cell_async

        @wraps(original)  # ipykernel looks which arguments it takes
        async def run_cell_async(raw_cell: str, *args: Any, **kwargs: Any) -> Any:
            self._px_cell = raw_cell  # cells with a top-level await come only here
            return await original(raw_cell, *args, **kwargs)

        self.shell.run_cell_async = run_cell_async
        self.shell.run_ast_nodes = self._px_run_nodes

    def _disable_autopx(self) -> None:
        if self._autopx:
            self.shell.run_cell_async = self._original_run_async
        super()._disable_autopx()

    async def _px_run_nodes(self, *args: Any, **kwargs: Any) -> Any:
        if autopx.stays_here(self._px_cell):
            return await self._original_run_nodes(*args, **kwargs)
        return self.pxrun_nodes(*args, **kwargs)

    def _who(self) -> str:
        targets = self.view.targets
        if isinstance(targets, list) and len(targets) > 10:
            return f"{str(targets[:4])[:-1]}, ..., {str(targets[-4:])[1:]}"
        return str(targets)

    def _past(self, which: str | None) -> Any:
        """Return the result of the past cell `which`."""
        if which is None or (which.lstrip("-").isdecimal() and len(which) < NAME_LENGTH):
            back = abs(int(which or 1))
            if not self._results:
                raise UsageError("%pxresult: there was no cell on engines yet.")
            if not 1 <= back <= len(self._results):
                raise UsageError(
                    f"%pxresult: there are {len(self._results)} past cells, counted back from 1; no {which}. "
                    "Older ones, and those before much output, are not kept; the cluster may still know "
                    "them by their ids."
                )
            return self._results[-back]
        for result in (*self._results, *self._followed):
            if which in result.msg_ids or result.run.run_id.startswith(which):
                return result
        client = self.view.client
        if cell := find(client, which):
            self._followed.add(follow(client, cell))
            return self._followed[-1]
        if not is_known(client, which):
            raise UsageError(f"%pxresult: no cell is known by the id {which!r}. Without an id it lists them.")
        return client.get_result(which, owner=False)


def _seconds(value: float | None) -> float | None:
    if value is not None and not 0 <= value < float("inf"):
        raise EnginesError(f"--timeout needs a number of seconds, not {value:g}; 0: no limit.")
    return value
