"""ipyparallel's batch templates, filled in as it does, without evaluating Python. Pure.

ipyparallel gives what stands between braces to Python's ``eval``. Here a small evaluator of arithmetic does
what templates do with it: ``{n}``, ``{n//8}``, ``{(n+7)//8}``, ``{max(n//8, 1)}``, ``{queue or 'batch'}``,
``{n:03d}``. ``{{`` and ``}}`` are braces for the shell.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

MOST_CHARACTERS = 256 * 1024
_MOST_INTEGER = 2**63
_MOST_TEXT = 64 * 1024
_MOST_WIDTH = 1000

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CALLS: dict[str, Callable[..., Any]] = {
    "abs": abs, "float": float, "int": int, "len": len, "max": max, "min": min, "round": round, "str": str,
}  # fmt: skip


class TemplateError(ValueError):
    """A placeholder that cannot be filled in.

    Attributes
    ----------
    placeholder : as it is written, braces included.
    line : where, counted from 1.
    reason : why not.
    """

    def __init__(self, placeholder: str, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {placeholder}: {reason}")
        self.placeholder = placeholder
        self.line = line
        self.reason = reason


class _Cannot(Exception):
    """Why an expression has no value."""


def fill(template: str, values: Mapping[str, object]) -> str:
    """Return `template` with its placeholders filled in.

    Raises
    ------
    TemplateError
        Naming the placeholder and its line.
    """
    if len(template) > MOST_CHARACTERS:
        raise TemplateError("", 1, f"the template is longer than {MOST_CHARACTERS} characters")
    parts: list[str] = []
    line = 1
    size = 0
    try:
        for literal, expression, spec, conversion in Formatter().parse(template):
            parts.append(literal)
            line += literal.count("\n")
            if expression is not None:
                written = _written(expression, spec or "", conversion)
                parts.append(_one(expression, spec or "", conversion, values, written, line))
                line += written.count("\n")
            size += sum(map(len, parts[-2:]))
            if size > 4 * MOST_CHARACTERS:
                raise TemplateError("", line, "the script becomes too long")
    except TemplateError:
        raise
    except ValueError as error:
        raise TemplateError(
            "{ or }", _lone_brace(template), f"{error}. Write {{{{ and }}}} for the shell's own braces"
        ) from error
    return "".join(parts)


def _written(expression: str, spec: str, conversion: str | None) -> str:
    return "{" + expression + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "") + "}"


def _one(
    expression: str,
    spec: str,
    conversion: str | None,
    values: Mapping[str, object],
    written: str,
    line: int,
) -> str:
    """Return what one placeholder comes to."""
    try:
        tree = _parsed(expression)
        value = _value(tree, values)
        if "{" in spec or any(int(digits) > _MOST_WIDTH for digits in re.findall(r"\d+", spec)):
            raise _Cannot(f"the format {spec!r} is not supported")
        if conversion == "r":
            return format(repr(value), spec)
        if conversion in ("s", "a"):
            return format(str(value), spec)
        if not spec and isinstance(value, float):
            return _quotient(tree, value, values)
        return format(value, spec)
    except _Cannot as reason:
        raise TemplateError(written, line, str(reason)) from reason
    except (ArithmeticError, ValueError, TypeError, IndexError, RecursionError, MemoryError) as error:
        raise TemplateError(written, line, str(error) or type(error).__name__) from error


def _parsed(expression: str) -> ast.expr:
    if not expression.strip():
        raise _Cannot("it is empty. Write {{}} for the shell's own braces")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise _Cannot("it is no expression. Write {{ and }} for the shell's own braces") from error


def _quotient(tree: ast.expr, value: float, values: Mapping[str, object]) -> str:
    """Return a number as text: what is whole without a point, as templates of Python 2 mean ``{n/8}``."""
    if value.is_integer():
        return str(int(value))
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div):
        left, right = _value(tree.left, values), _value(tree.right, values)
        if isinstance(left, int) and isinstance(right, int):
            raise _Cannot(
                f"{left}/{right} is not a whole number. Ask for a multiple of {right} engines, or write "
                f"// in the template, which rounds down"
            )
    return str(value)


def _value(node: ast.expr, values: Mapping[str, object]) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float | str):
        return _small(node.value)
    if isinstance(node, ast.Name):
        if node.id not in values:
            known = ", ".join(sorted(values))
            raise _Cannot(
                f"there is no value {node.id!r}; there is {known}. "
                "Write {{ and }} for the shell's own braces"
            )
        return values[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _binary(node, values)
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand, values))
    if isinstance(node, ast.BoolOp):
        result: Any = None
        for item in node.values:
            result = _value(item, values)
            if bool(result) == isinstance(node.op, ast.Or):
                break
        return result
    if isinstance(node, ast.IfExp):
        return _value(node.body if _value(node.test, values) else node.orelse, values)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        compare = _COMPARE[type(node.ops[0])]
        return compare(_value(node.left, values), _value(node.comparators[0], values))
    if isinstance(node, ast.Subscript):
        of = _value(node.value, values)
        if isinstance(node.slice, ast.Slice):
            edges = (node.slice.lower, node.slice.upper, node.slice.step)
            return of[slice(*(None if edge is None else _value(edge, values) for edge in edges))]
        return of[_value(node.slice, values)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        if not node.keywords:
            return _small(_CALLS[node.func.id](*(_value(argument, values) for argument in node.args)))
    raise _Cannot("only arithmetic on the values is understood, e.g. {n//8} or {max(n//8, 1)}")


def _binary(node: ast.BinOp, values: Mapping[str, object]) -> Any:
    left, right = _value(node.left, values), _value(node.right, values)
    texts = isinstance(left, str) or isinstance(right, str)
    if texts and not (isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str)):
        raise _Cannot("texts can only be joined, by +")
    return _small(_BINARY[type(node.op)](left, right))


def _small(value: Any) -> Any:
    if isinstance(value, int) and abs(value) >= _MOST_INTEGER:
        raise _Cannot("a number becomes too large")
    if isinstance(value, str) and len(value) > _MOST_TEXT:
        raise _Cannot("a text becomes too long")
    return value


def _lone_brace(template: str) -> int:
    """Return the line of the first brace without its partner, as well as it can be told."""
    without = template.replace("{{", "  ").replace("}}", "  ")
    depth_at = 0
    for number, line in enumerate(without.split("\n"), 1):
        for character in line:
            if character == "}" and not depth_at:
                return number
            if character == "{":
                depth_at = number
            elif character == "}":
                depth_at = 0
    return depth_at or 1
