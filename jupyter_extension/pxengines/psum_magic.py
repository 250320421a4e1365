"""``%psum``: a reduction over all engines, from a line."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from . import connection
from .waiting import EnginesError

if TYPE_CHECKING:
    from ipyparallel import DirectView
    from IPython.core.interactiveshell import InteractiveShell

NAME = "%psum"
_USAGE = "Use: %psum EXPRESSION [AXIS] [--op mean] [--mode exact] [--dtype NAME] [--wrap] [--timeout SECONDS]"
_FUNCTIONS = {name: f"p{name}" for name in ("sum", "mean", "min", "max", "argmin", "argmax")}
_MODES = ("fast", "exact")
_VALUED = ("axis", "dtype", "mode", "op", "timeout")
_FLAGS = ("keepdims", "wrap")
_NAMES_SECONDS = 0.5

# Numbers and arrays in an engine's namespace; text, so that an engine of any version understands it.
_NAMES = (
    "[name for name, value in list(globals().items()) if not name.startswith('_')"
    " and (hasattr(value, '__array__') or isinstance(value, (int, float, complex))) and not callable(value)]"
)


@magics_class
class PsumMagics(Magics):
    """The ``%psum`` line magic."""

    @no_var_expand
    @line_magic
    def psum(self, line: str) -> Any:
        """Add up over all engines, and return the one result.

        ::

            %psum a                       the sum of all engines' a
            %psum a * b                   any expression; each engine evaluates it
            %psum a 0                     along axis 0 of each engine's array
            total = %psum a               keep it
                --axis AXIS               the same; also -1, or several as in 0,1
                --op mean                 sum, mean, min, max, argmin or argmax
                --mode exact              the same bits for any number of engines, correctly rounded
                --dtype NAME              add in this type
                --keepdims                keep the axes that are added along, with length 1
                --wrap                    let whole numbers wrap around instead of raising OverflowError
                --timeout SECONDS         give up when engines do not come

        It runs on the engines that ``%px`` runs on, which must be all engines of the cluster. Interrupting
        stops it on the engines, too.
        """
        from . import reductions  # with numpy, for which %load_ext need not wait

        expression, options = parse(line)
        function = _FUNCTIONS[options.pop("op", "sum")]
        return getattr(reductions, function)(_view(self.shell), expression, **options)


def parse(line: str) -> tuple[str, dict[str, Any]]:
    """Return the expression of a ``%psum`` line and its options, by name.

    Raises
    ------
    EnginesError
        If it cannot be understood, or be understood in two ways.
    """
    expression, options = "", {}
    for piece in re.split(r"(?:^|\s+)(?=--[A-Za-z])", line.strip()):
        if not piece.startswith("--"):
            expression = piece.strip()
            continue
        name, value, rest = _option(piece)
        options[name] = value
        if rest and expression:
            raise EnginesError(f"%psum: cannot read {rest!r} after --{name}. {_USAGE}")
        expression = rest or expression
    if not expression:
        raise EnginesError(f"%psum: what is to be added up? {_USAGE}")
    before, after = _last_word(expression)
    if before and _is_expression(before) and (axis := _axis_of(after)) is not None:
        if _is_expression(expression):
            raise EnginesError(
                f"%psum: {expression!r} can be read in two ways: write {before}{after} without the space, or "
                f"{before} --axis {after.replace(' ', '')}"
            )
        if "axis" in options:
            raise EnginesError(f"%psum: two axes, {after} and {options['axis']}. {_USAGE}")
        options["axis"] = axis
        expression = before
    return expression, options


def load(shell: InteractiveShell) -> None:
    """Register the magic and its completion with `shell`."""
    shell.register_magics(PsumMagics)
    shell.set_hook("complete_command", _complete, str_key=NAME)  # type: ignore[no-untyped-call]


def unload(shell: InteractiveShell) -> None:
    """Take the magic away from `shell` again."""
    shell.magics_manager.magics["line"].pop("psum", None)
    shell.strdispatchers["complete_command"].strs.pop(NAME, None)


def _option(piece: str) -> tuple[str, Any, str]:
    """Return name and value of the option that `piece` begins with, and what comes after it."""
    word, _, rest = piece.partition(" ")
    name, equals, text = word[2:].partition("=")
    if name in _FLAGS and not equals:
        return name, True, rest.strip()
    if name not in _VALUED:
        raise EnginesError(f"%psum has no option --{name}. {_USAGE}")
    if not equals:
        found = re.match(r"\s*(\([^)]*\)|\S+)\s*(.*)", rest, re.DOTALL)
        text, rest = (found[1], found[2]) if found else ("", "")
    return name, _value(name, text), rest.strip()


def _value(name: str, text: str) -> Any:
    if name == "axis":
        axis = _axis_of(text)
        if axis is None:
            raise EnginesError(f"%psum: --axis needs a number or (0, 1), not {text!r}. {_USAGE}")
        return axis
    if name == "timeout":
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < float("inf"):
            raise EnginesError(f"%psum: --timeout needs a number of seconds, not {text!r}. {_USAGE}")
        return seconds
    known = {"op": tuple(_FUNCTIONS), "mode": _MODES}.get(name)
    if not text or (known is not None and text not in known):
        words = f"one of {', '.join(known)}" if known else "a name"
        raise EnginesError(f"%psum: --{name} needs {words}, not {text!r}. {_USAGE}")
    return text


def _last_word(expression: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*?\S)\s+(\([\d\s,+-]*\)|[+-]?\d+)", expression, re.DOTALL)
    return (found[1], found[2]) if found else ("", "")


def _axis_of(text: str) -> int | tuple[int, ...] | None:
    try:
        axis = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    if type(axis) is int:
        return axis
    if isinstance(axis, tuple) and all(type(each) is int for each in axis):
        return axis
    return None


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def _view(shell: Any) -> DirectView:
    """Return the view that ``%px`` uses, or one of all engines of the present connection."""
    view = getattr(getattr(shell.find_line_magic("px"), "__self__", None), "view", None)
    if view is None:
        client = connection.current_client()
        view = None if client is None else client[:]
    if view is None:
        raise EnginesError(
            "%psum: this notebook is connected to no engines. Use %engines connect NAME first, "
            "or view.activate() for a view that you have."
        )
    return view


def _complete(shell: Any, event: Any) -> list[str]:
    """Complete options, and names that the first engine knows if it is idle."""
    options = [f"--{name}" for name in (*_VALUED, *_FLAGS)]
    previous = event.line.split()[-1] if event.line.endswith(" ") else (event.line.split()[:-1] or [""])[-1]
    if previous in ("--op", "--mode"):
        return list(_FUNCTIONS if previous == "--op" else _MODES)
    try:
        view = _view(shell)
        first = view.client[min(view.client.ids)]
    except (EnginesError, ValueError):
        return options
    asked = first.apply_async(eval, _NAMES)
    if not asked.wait(_NAMES_SECONDS) or not asked.successful():
        return options
    return [*asked.get(), *options]
