"""Runs cells one after the other, as a notebook does: ``python notebook_side.py CELLS.json RESULTS.json``.

CELLS is a list of source texts. RESULTS gets, for each, whether it ended well, its value as text (empty for
none) and its error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell


def main(cells: Path, results: Path) -> None:
    """Run the cells."""
    shell = InteractiveShell.instance()
    told = []
    for source in json.loads(cells.read_text(encoding="utf-8")):
        done = shell.run_cell(source, store_history=False)
        error = done.error_in_exec or done.error_before_exec
        value = "" if done.result is None else repr(done.result)
        told.append({"ok": bool(done.success), "value": value, "error": "" if error is None else repr(error)})
    results.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
