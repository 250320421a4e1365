"""Reductions over all engines that a notebook asks for: ``psum(view, "a")`` gives one value.

Each engine evaluates the expression and calls the function of the same name in ``pxengines.mpi``. The client
checks that all ranks have the same result, and makes one exception of whatever went wrong on some of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .asking import Asked, NoAnswerError
from .mpi.errors import AgreementError, PeerError, ranks_in_words
from .rank_answers import Answer, ExpressionError, PartialWorldError, Question
from .waiting import EnginesError

if TYPE_CHECKING:
    from ipyparallel import DirectView

    from .mpi.partial import Axis

_STOP_AND_START = "Stop the cluster and start it again."
_NAME_RANKS = {error.__name__ for error in (AgreementError, PeerError, PartialWorldError, TimeoutError)}
"""Exceptions whose message itself tells which ranks it is about, or that it is about all."""


class ReductionError(EnginesError):
    """A reduction over all engines has failed; the message says why, naming ranks.

    Attributes
    ----------
    errors : what each rank raised that did, by rank; ipyparallel's RemoteError with the engine's traceback.
    """

    __module__ = "pxengines"

    def __init__(self, message: str, errors: Mapping[int, Exception] | None = None) -> None:
        super().__init__(message)
        self.errors = dict(errors or {})


def psum(
    view: DirectView, expression: str, axis: Axis = None, *, timeout: float | None = None, **options: Any
) -> Any:
    """Return the sum of `expression` over all engines: ``np.sum`` of the distributed array.

    Parameters
    ----------
    view : view of all engines of the cluster.
    expression : what to add up, such as the name ``"a"``; evaluated on each engine, in its namespace.
    axis : axis or axes of each engine's array along which to add; None: all.
    timeout : seconds that the engines wait for each other at most; None: as long as it takes.
    **options : other keyword arguments of `pxengines.mpi.psum`, such as ``mode="exact"``.

    Returns
    -------
    The result, the same on all ranks: a numpy scalar or array.

    Raises
    ------
    ReductionError
        If it failed on any engine, or the ranks do not have the same result.
    KeyboardInterrupt
        If interrupted. The engines are interrupted too, and the next reduction is right.
    TypeError
        If `view` is not a view, or `expression` is not text.
    """
    return reduce("psum", view, (expression,), timeout=timeout, axis=axis, **options)


def pmean(
    view: DirectView, expression: str, axis: Axis = None, *, timeout: float | None = None, **options: Any
) -> Any:
    """Return the mean of `expression` over all engines; as `psum`, with `pxengines.mpi.pmean`."""
    return reduce("pmean", view, (expression,), timeout=timeout, axis=axis, **options)


def pmin(
    view: DirectView, expression: str, axis: Axis = None, *, timeout: float | None = None, **options: Any
) -> Any:
    """Return the least value of `expression` over all engines; as `psum`, with `pxengines.mpi.pmin`."""
    return reduce("pmin", view, (expression,), timeout=timeout, axis=axis, **options)


def pmax(
    view: DirectView, expression: str, axis: Axis = None, *, timeout: float | None = None, **options: Any
) -> Any:
    """Return the greatest value of `expression` over all engines; as `psum`, with `pxengines.mpi.pmax`."""
    return reduce("pmax", view, (expression,), timeout=timeout, axis=axis, **options)


def pargmin(
    view: DirectView,
    expression: str,
    axis: int | None = None,
    *,
    timeout: float | None = None,
    **options: Any,
) -> Any:
    """Return where `expression` is least over all engines; as `psum`, with `pxengines.mpi.pargmin`."""
    return reduce("pargmin", view, (expression,), timeout=timeout, axis=axis, **options)


def pargmax(
    view: DirectView,
    expression: str,
    axis: int | None = None,
    *,
    timeout: float | None = None,
    **options: Any,
) -> Any:
    """Return where `expression` is greatest over all engines; as `psum`, with `pxengines.mpi.pargmax`."""
    return reduce("pargmax", view, (expression,), timeout=timeout, axis=axis, **options)


def pdot(view: DirectView, a: str, b: str, *, timeout: float | None = None, **options: Any) -> Any:
    """Return the dot product of `a` and `b` over all engines; as `psum`, with `pxengines.mpi.pdot`."""
    return reduce("pdot", view, (a, b), timeout=timeout, **options)


def reduce(
    function: str, view: DirectView, expressions: Sequence[str], *, timeout: float | None, **options: Any
) -> Any:
    """Have all engines call a function of ``pxengines.mpi``, and return its one result; see `psum`."""
    from ipyparallel import DirectView

    if not isinstance(view, DirectView):
        raise TypeError(
            f"{function} needs a view of the engines first, such as cluster[:], not {type(view).__name__}; "
            f"on an engine itself use pxengines.mpi.{function}"
        )
    for name in ("out", "comm"):
        if name in options:
            raise TypeError(f"{function} of a view takes no {name}; use it on the engines")
    given = {name: value for name, value in options.items() if name != "axis" or value is not None}
    if timeout is not None:
        if not timeout >= 0:
            raise ValueError(f"timeout must be a number of seconds, not {timeout!r}")
        given["timeout"] = timeout
    cleaned = tuple(_checked(expression, function) for expression in expressions)
    call = f"{function} of {' and '.join(cleaned)}"
    engines = _engines_of(view, call)
    question = Question(function, cleaned, len(engines), uuid.uuid4().hex, given)
    answers = Asked(view.client, engines, question, call).answers(timeout)
    errors = {rank: answer for rank, answer in answers.items() if isinstance(answer, Exception)}
    if errors:
        message = _what_failed(function, errors, len(engines), len(view.client.ids))
        raise ReductionError(f"{call}: {message}", errors)
    return _the_one([Answer(**answer) for answer in answers.values()], call)


def _checked(expression: str, function: str) -> str:
    if not isinstance(expression, str):
        raise TypeError(
            f"{function} needs the name of what is to be reduced on the engines, such as 'a', "
            f"not {type(expression).__name__}"
        )
    try:
        compile(expression.strip(), "<reduction>", "eval")
    except SyntaxError as error:
        words = f"{function} of {expression}: this is not a Python expression ({error.msg})."
        raise ReductionError(words) from None
    return expression.strip()


def _engines_of(view: DirectView, call: str) -> list[int]:
    client, targets = view.client, view.targets
    if client._closed:
        raise ReductionError(f"{call}: the connection of this view is closed. Connect again.")
    ids: list[int] = client.ids
    if targets is None or targets == "all":
        engines = list(ids)
    else:
        engines = [targets] if isinstance(targets, int) else sorted(targets)
    gone = set(engines) - set(ids)
    if gone or not engines:
        who = f"engine {ranks_in_words(gone).split(' ', 1)[1]} of this view" if gone else "every engine"
        raise ReductionError(f"{call}: {who} has ended, so that ranks are missing. {_STOP_AND_START}")
    return engines


def _the_one(answers: list[Answer], call: str) -> Any:
    """Return the value that all ranks have.

    Raises
    ------
    ReductionError
        If they do not have the same one, or are not the ranks of one world.
    """
    ranks = sorted(answer.rank for answer in answers)
    if ranks != list(range(answers[0].size)):
        raise ReductionError(
            f"{call}: the engines are not one MPI world, but have the ranks {ranks}. {_STOP_AND_START}"
        )
    groups: dict[bytes, list[Answer]] = {}
    for answer in sorted(answers, key=lambda answer: answer.rank):
        groups.setdefault(answer.digest, []).append(answer)
    if len(groups) > 1:
        details = "; ".join(
            f"{ranks_in_words(answer.rank for answer in same)}: {same[0].words}" for same in groups.values()
        )
        raise ReductionError(
            f"{call}: the ranks do not have the same result ({details}). They may run on different kinds of "
            'processors; mode="exact" does not depend on that.'
        )
    value = next(answer.value for answer in answers if answer.rank == 0)
    if isinstance(value, np.ndarray) and not value.flags.writeable:
        return value.copy()  # what came over the network is the network's memory
    return value


def _what_failed(function: str, errors: Mapping[int, Exception], asked: int, engines: int) -> str:
    """Return in words what `errors` of some of the `asked` ranks come to; there are so many `engines`."""
    causes: dict[str, list[int]] = {}
    peers: dict[str, list[int]] = {}
    interrupts: dict[str, list[int]] = {}
    silence: dict[str, list[int]] = {}
    kinds = {"PeerError": peers, "KeyboardInterrupt": interrupts, "NoAnswerError": silence}
    for rank, error in errors.items():
        kinds.get(_kind(error), causes).setdefault(_words(error, function), []).append(rank)
    # What happened to a peer is news only where the peer does not tell it itself.
    told = {**(causes or peers or ({} if silence else interrupts)), **silence}
    sentences = []
    for words, ranks in told.items():
        if _kind(errors[ranks[0]]) in _NAME_RANKS:
            sentences.append(words)
        elif len(ranks) < asked:
            sentences.append(f"{ranks_in_words(ranks)}: {words}")
        else:
            sentences.append(words if asked == 1 else f"all ranks: {words}")
    return f"{'; '.join(sentences).rstrip('.')}.{_advice(set(map(_kind, errors.values())), asked < engines)}"


def _advice(kinds: set[str], partial: bool) -> str:
    if "PartialWorldError" in kinds and partial:
        return " Use a view of all engines: cluster[:]."
    if kinds & {"PartialWorldError", "EngineError"}:
        return f" {_STOP_AND_START}"
    return ""


def _kind(error: Exception) -> str:
    return str(getattr(error, "ename", type(error).__name__))


def _words(error: Exception, function: str) -> str:
    kind, text = _kind(error), " ".join(str(getattr(error, "evalue", error)).split())
    if kind in ("ImportError", "ModuleNotFoundError", "AttributeError") and "pxengines" in text:
        return (
            f"the engines cannot do {function} for this kernel ({text}): they have another version of "
            "pxengines, or none. Use the same environment for both, and start the cluster again"
        )
    if kind == PartialWorldError.__name__:
        return f"{text}; all ranks must take part"
    if kind == "EngineError":
        return "has ended"
    if kind == KeyboardInterrupt.__name__:
        return "was interrupted"
    if kind in (*_NAME_RANKS, ExpressionError.__name__, NoAnswerError.__name__):
        return text
    return f"{kind}: {text}" if text else kind
