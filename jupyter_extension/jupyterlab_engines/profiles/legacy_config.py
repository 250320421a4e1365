"""What a configuration file of IPython or ipyparallel sets, read from its syntax tree and never run.

Understood are assignments to ``c.CLASS.KEY`` of constants, of names assigned or imported before, of sums,
lists and dicts of such, and of the few functions of `os.path` that people use there. A value that only
running the file could tell is an `Unread`.
"""

from __future__ import annotations

import ast
import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MOST_CHARACTERS = 100_000
_DOTTED = re.compile(r"(?!c\.)\w+(\.\w+)+")
_BLOCKS = ("body", "orelse", "handlers", "finalbody")


@dataclass(frozen=True)
class Unread:
    """A value that only running the file could tell; `text` is how it is written there."""

    text: str


@dataclass(frozen=True)
class Setting:
    """One assignment ``c.CLASS.KEY = VALUE`` and its line, counted from 1."""

    cls: str
    key: str
    value: object
    line: int

    @property
    def name(self) -> str:
        """How it is written, without the ``c.``."""
        return f"{self.cls}.{self.key}"


def read_config(path: Path) -> list[Setting]:
    """Return what the file sets, in its order; nothing if it is missing.

    Branches of conditions are read as if all were taken.

    Raises
    ------
    OSError
        If the file cannot be read.
    SyntaxError, ValueError
        If it is not Python.
    """
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        return []
    return list(_parsed(path, source))


@functools.lru_cache(maxsize=512)  # profiles are looked at every few seconds, and hardly ever change
def _parsed(path: Path, source: bytes) -> tuple[Setting, ...]:
    try:
        tree = ast.parse(source)
        return tuple(_Reader(path).settings(tree.body))
    except (RecursionError, MemoryError) as error:
        raise ValueError("it is nested too deeply") from error


@dataclass
class _Reader:
    """Goes through a file, remembering the names it binds."""

    path: Path
    names: dict[str, object] = field(default_factory=dict)

    def settings(self, statements: Iterable[ast.AST]) -> Iterator[Setting]:
        for node in statements:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    yield from self._assigned(target, node.value, node.lineno)
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
                yield from self._assigned(node.target, node.value, node.lineno)
            elif isinstance(node, ast.Expr):
                yield from self._called(node.value)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self.names.update((a.asname or a.name, _Imported(a.name)) for a in node.names)
            for block in _BLOCKS:
                inner = getattr(node, block, None)
                if isinstance(inner, list):
                    yield from self.settings(inner)

    def _assigned(self, target: ast.expr, value: ast.expr, line: int) -> Iterator[Setting]:
        if isinstance(target, ast.Name):
            self.names[target.id] = self.value(value)
        owner = target.value if isinstance(target, ast.Attribute) else None
        if isinstance(target, ast.Attribute) and isinstance(owner, ast.Attribute):
            yield Setting(owner.attr, target.attr, self.value(value), line)

    def _called(self, node: ast.expr) -> Iterator[Setting]:
        """Yield what ``c.CLASS.KEY.append(...)`` and the like change, as something that is not read."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Attribute):
                yield Setting(of.value.attr, of.attr, Unread(ast.unparse(node)), node.lineno)

    def value(self, node: ast.expr) -> object:
        """Return what `node` comes to, or an `Unread`."""
        try:
            found = self._value(node)
        except (_Unknown, TypeError, ValueError, OSError, RuntimeError):
            return Unread(ast.unparse(node))
        return found.name if isinstance(found, _Imported) else found

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return [self._value(item) for item in node.elts]
        if isinstance(node, ast.Dict):
            return {
                self._value(key): self._value(value)
                for key, value in zip(node.keys, node.values, strict=True)
                if key is not None
            }
        if isinstance(node, ast.Name) and node.id == "__file__":
            return str(self.path)
        if isinstance(node, ast.Name) and node.id in self.names:
            known = self.names[node.id]
            if isinstance(known, Unread):
                raise _Unknown
            return known
        if isinstance(node, ast.JoinedStr):
            return _short("".join(str(self._value(part)) for part in node.values))
        if isinstance(node, ast.FormattedValue) and node.format_spec is None and node.conversion == -1:
            return self._value(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._value(node.operand)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return _short(self._value(node.left) + self._value(node.right))
        if isinstance(node, ast.Attribute) and _DOTTED.fullmatch(ast.unparse(node)):
            return _Imported(node.attr)  # launcher.PBSEngineSetLauncher: the class of that name
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("os.environ", "environ"):
            return os.environ.get(self._value(node.slice), "")
        if isinstance(node, ast.Call) and not node.keywords:
            return self._call(node)
        raise _Unknown

    def _call(self, node: ast.Call) -> Any:
        name = ast.unparse(node.func)
        function = _FUNCTIONS.get(name.removeprefix("os.").removeprefix("path."))
        if function is None or not name.startswith(("os.", "path.", "join", "expand", "str", "Path")):
            raise _Unknown
        arguments = [self._value(argument) for argument in node.args]
        if not all(isinstance(argument, str) for argument in arguments):
            raise _Unknown
        return function(*arguments)


class _Unknown(Exception):
    pass


@dataclass(frozen=True)
class _Imported:
    """A module, class or function: only its name is known."""

    name: str


def _short(value: Any) -> Any:
    if isinstance(value, str | list) and len(value) <= _MOST_CHARACTERS:
        return value
    if isinstance(value, int | float):
        return value
    raise _Unknown


def _environment(name: str, default: str = "") -> str:
    return os.environ.get(name, default)


_FUNCTIONS: dict[str, Callable[..., str]] = {
    "join": os.path.join,
    "expanduser": os.path.expanduser,
    "expandvars": os.path.expandvars,
    "abspath": os.path.abspath,
    "realpath": os.path.realpath,
    "normpath": os.path.normpath,
    "dirname": os.path.dirname,
    "getenv": _environment,
    "environ.get": _environment,
    "str": str,
    "Path": str,
}
