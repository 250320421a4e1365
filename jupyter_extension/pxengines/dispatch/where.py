"""Tells the frontend where a cell ran, in the reply to it: also of cells that show nothing."""

from __future__ import annotations

from typing import Any

from IPython import get_ipython

from .ranks import rank_words
from .run import CellRun

SOURCE = "jupyterlab-engines.ran"
"""Names the payload; frontends pass over those they do not know."""


def where(run: CellRun) -> dict[str, Any]:
    """Return the cluster's key, empty if it has none, and the ranks as ``0-7, 9`` with en dashes."""
    return {"cluster": run.cluster, "ranks": rank_words(run.ranks)}


def tell(run: CellRun) -> None:
    """Note for the reply to the cell that runs now that it ran on engines; once for the same engines."""
    shell: Any = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    # What a widget's callback runs is no part of the cell whose reply comes next.
    if parent.get("header", {}).get("msg_type") != "execute_request":
        return
    payloads = shell.payload_manager
    runs: list[dict[str, Any]] = next(
        (known["runs"] for known in payloads.read_payload() if known.get("source") == SOURCE), []
    )
    told = where(run)
    if told not in runs:
        payloads.write_payload({"source": SOURCE, "runs": [*runs, told]})
