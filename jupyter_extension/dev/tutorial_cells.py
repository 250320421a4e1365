"""The tutorial's code cells: which notebook is run, and what each of its outputs must be."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np

ELEMENTS = 32
TOTAL = ELEMENTS * (ELEMENTS - 1) // 2
INTEGERS_READ_AS_DOUBLES = TOTAL * 5e-324
"""Small integers, read as doubles, are tiny multiples of the smallest number, and add up as such."""

EXACT_TOTAL = 16.0
"""Of numbers that cancel: added up one after the other, they give something else."""

CONNECT = "connect-by-magic"
"""Id of the cell that the panel's Connect inserts."""

Output = dict[str, Any]


def load(path: Path, profile: str, *, connect_to: str | None) -> list[tuple[str, str]]:
    """Return (id, source) of the code cells, with `profile` for a parameter as papermill would put it.

    `connect_to` : put the cell of the panel's Connect, for this cluster, at the top.
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cells.append((cell.id, cell.source))
        if "parameters" in cell.metadata.get("tags", []):
            cells.append(("injected-parameters", f"profile = {profile!r}"))
    if connect_to is not None:
        cells.insert(0, (CONNECT, f"%load_ext pxengines\n%engines connect {connect_to}"))
    return cells


def difference(cell_id: str, outputs: list[Output], engines: int, key: str) -> str | None:
    """Return how the outputs of a cell differ from what they must be, or None.

    Any output that is not expected is a difference: also a warning, also one on stderr.
    """
    check = _EXPECTED.get(cell_id)
    if check is None:
        return "no expectation is written down for this cell"
    return check(outputs, engines, key)


def cells_without_outputs_checked(cells: list[tuple[str, str]]) -> set[str]:
    """Return expectations for which there is no cell: the notebook has lost it."""
    return set(_EXPECTED) - {cell_id for cell_id, _ in cells} - {CONNECT}


def _nothing(outputs: list[Output], engines: int, key: str) -> str | None:
    return None if not outputs else _unexpected("no output", outputs)


def _connected(outputs: list[Output], engines: int, key: str) -> str | None:
    counted = "1 engine" if engines == 1 else f"{engines} engines"
    want = (
        rf"Connected to {re.escape(key)}: {counted} \(one MPI world of {engines}, [\w .()-]+\)\. .*try %px\."
    )
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return None if len(texts) == 1 and re.fullmatch(want, texts[0].strip()) else _unexpected(want, outputs)


def _live(outputs: list[Output], engines: int, key: str) -> str | None:
    """Accept one live result over all engines, in the words that are kept when it is over."""
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    over = "1 engine" if engines == 1 else f"{engines} engines"
    done = len(texts) == 1 and re.search(rf": done on {over}, [\d.]+ s\b", texts[0])
    return None if done else _unexpected(f"a result that is done on {over}", outputs)


def _value(make: Callable[[int], Any]) -> Callable[[list[Output], int, str], str | None]:
    def check(outputs: list[Output], engines: int, key: str) -> str | None:
        want = make(engines)
        if len(outputs) != 1 or outputs[0]["output_type"] != "execute_result":
            return _unexpected(repr(want), outputs)
        try:
            got = parse(outputs[0]["data"]["text/plain"])
        except ValueError:
            return _unexpected(repr(want), outputs)
        return None if _same(got, want) else _unexpected(repr(want), outputs)

    return check


def _slices(engines: int) -> list[Any]:
    return np.split(np.arange(ELEMENTS, dtype=float), engines)


_EXPECTED: dict[str, Callable[[list[Output], int, str], str | None]] = {
    CONNECT: _connected,
    "profile": _nothing,
    "injected-parameters": _nothing,
    "connect": _value(lambda n: list(range(n))),
    "view": _value(lambda n: n),
    "activate": _nothing,
    "size-run": _live,
    "size": _value(lambda n: [n] * n),
    "scatter": _value(_slices),
    "psum": _value(lambda n: [np.array(float(TOTAL))] * n),
    "remote": _value(lambda n: [np.array(float(TOTAL))] * n),
    "wrong": _value(lambda n: [np.array(INTEGERS_READ_AS_DOUBLES)] * n),
    "typed": _value(lambda n: [TOTAL] * n),
    "one": _value(lambda n: TOTAL),
    "exact": _value(lambda n: EXACT_TOTAL),
}


def parse(text: str) -> Any:
    """Return the value whose repr is `text`: numbers, lists, arrays and numpy numbers.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    try:
        return _evaluate(ast.parse(text, mode="eval").body)
    except SyntaxError as error:
        raise ValueError(text) from error


def _evaluate(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    if isinstance(node, ast.List):
        return [_evaluate(element) for element in node.elts]
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        name, value = ast.unparse(node.func), _evaluate(node.args[0])
        if name == "array":
            return np.array(value)
        kind = re.fullmatch(r"np\.(u?int|float)\d+", name)
        if kind and isinstance(value, float if kind[1] == "float" else int):
            return value  # numpy 2 says the type, numpy 1 does not
    raise ValueError(ast.unparse(node))


def _same(got: Any, want: Any) -> bool:
    """Tell whether both are the same, types and shapes included."""
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(_same, got, want))
    if isinstance(want, np.ndarray):
        return (
            isinstance(got, np.ndarray)
            and got.dtype == want.dtype
            and got.shape == want.shape
            and bool(np.allclose(got, want, rtol=1e-8, atol=0))
        )
    return type(got) is type(want) and bool(got == want)


def _unexpected(want: str, outputs: list[Output]) -> str:
    got = [_words(output) for output in outputs]
    return f"expected {want}\n  got      " + ("\n           ".join(got) if got else "no output")


def _words(output: Output) -> str:
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    if output["output_type"] == "stream":
        return f"{output['name']}: {output['text'].strip()}"
    return str(output["data"].get("text/plain", output["data"]))
