"""Runs the examples of a page as one MPI rank: ``python page_on_ranks.py BLOCKS.json``.

BLOCKS is a list of source texts. Lines that end in ``# → TEXT`` must give that: the text of a value, or the
name of the exception. Rank 0 prints the number of such lines, and what differs on any rank.
"""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

from mpi4py import MPI

from pxengines.mpi import guard

COMM = MPI.COMM_WORLD


def differences(source: str, names: dict[str, Any]) -> tuple[int, list[str]]:
    """Run `source` in the namespace `names`; return how many lines say what they give, and which do not."""
    count, wrong = 0, []
    lines = source.splitlines()
    for statement in ast.parse(source).body:
        _, said, text = (
            lines[statement.end_lineno - 1].partition("# → ") if statement.end_lineno else ("", "", "")
        )
        told = run(statement, names)
        if said or told.endswith("Error"):
            count += bool(said)
            if told != text.strip():
                wrong.append(f"{lines[statement.lineno - 1]} gives {told}")
    return count, wrong


def run(statement: ast.stmt, names: dict[str, Any]) -> str:
    """Return what a statement gives, as the page writes it."""
    try:
        with guard():
            if isinstance(statement, ast.Expr):
                return str(eval(compile(ast.Expression(statement.value), "page", "eval"), names))  # noqa: S307
            exec(compile(ast.Module([statement], []), "page", "exec"), names)  # noqa: S102
    except Exception as error:
        return type(error).__name__
    return ""


def main() -> None:
    """Run the blocks one after the other, in one namespace."""
    names: dict[str, Any] = {"rank": COMM.rank}
    count, wrong = 0, []
    for source in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        more, different = differences(source, names)
        count += more
        wrong += different
    every = COMM.gather(wrong)
    if every is not None:
        print(json.dumps({"count": count, "wrong": every}))


if __name__ == "__main__":
    main()
