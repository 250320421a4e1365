"""What the ranks agree on before they reduce, worked out once for all calls that look the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, NoReturn

from .channel import Channel
from .dtypes import Op, Plan, plan
from .slots import NO_FACTS


@dataclass(frozen=True, eq=False)  # each is made once: compared and hashed by identity
class Recipe:
    """One way to reduce: the same on all ranks that can reduce together.

    Attributes
    ----------
    op : operation.
    plan : dtypes.
    shape : of what each rank sends, and of the result.
    words : all of it in words, and whatever else the ranks must agree on.
    wrap : whether integers may wrap.
    usual : whether the result's dtype is the one that comes of itself.
    digest : of `words`.
    count : values that each rank sends.
    nbytes : their size.
    whole : whether it is a sum or product of integers that must not wrap.
    """

    op: Op
    plan: Plan
    shape: tuple[int, ...]
    words: str
    wrap: bool = False
    usual: bool = True
    digest: bytes = field(init=False)
    count: int = field(init=False)
    nbytes: int = field(init=False)
    whole: bool = field(init=False)

    def __post_init__(self) -> None:
        count = 1
        for length in self.shape:
            count *= length
        for name, value in {
            "digest": digest_of(self.words),
            "count": count,
            "whole": self.plan.kind == "integer" and self.op in ("sum", "prod") and not self.wrap,
            "nbytes": count * self.plan.wire.itemsize,
        }.items():
            object.__setattr__(self, name, value)

    def describe(self) -> str:
        """Return `words`."""
        return self.words


_MOST_KEPT = 1024
_kept: dict[Any, Recipe] = {}


def recipe(
    op: Op, how: Plan, shape: tuple[int, ...], *, function: str = "", mode: str = "fast", wrap: bool = False
) -> Recipe:
    """Return the recipe for reducing parts of `shape` as `how` says."""
    key = (op, how, shape, function, mode, wrap)
    found = _kept.get(key)
    if found is None:
        usual = how == _usual(how, op)
        as_what = "" if usual else f" as {how.result}"
        extras = "".join(
            f", {extra}" for extra in (function, f"mode {mode}" * (mode != "fast"), "wrap" * wrap) if extra
        )
        words = f"{op} of {how.given}{as_what}, shape {shape}{extras}"
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        found = _kept[key] = Recipe(op, how, shape, words, wrap, usual)
    return found


def refuse(channel: Channel, error: Exception, timeout: float | None) -> NoReturn:
    """Raise `error` if it keeps all ranks from reducing; `AgreementError` if it keeps only some."""
    words = f"refused: {error}"

    def work() -> None:
        channel.agree(digest_of(words), NO_FACTS, lambda: words)
        channel.done()
        raise error

    channel.run(work, timeout)
    raise AssertionError("work has raised")


def digest_of(words: str) -> bytes:
    """Return the 16 bytes that stand for `words` in an exchange."""
    return hashlib.blake2b(words.encode(), digest_size=16).digest()


def _usual(how: Plan, op: Op) -> Plan:
    return plan(how.given, op)
