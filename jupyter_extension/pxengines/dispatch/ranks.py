"""Ranks in words, as people write them: ``0-7, 9``, with en dashes."""

from __future__ import annotations

from collections.abc import Iterable

from ..mpi.errors import ranks_in_words


def rank_words(ranks: Iterable[int], *, most: int | None = None) -> str:
    """Return `ranks` as ``0-7, 9``, with en dashes, the empty string for none.

    Parameters
    ----------
    ranks : ids, none of them twice.
    most : how many ranges at most; what is left out is counted: ``0, 2, 4, … (500 in all)``.
    """
    known = list(ranks)
    if not known:
        return ""
    words = ranks_in_words(known).partition(" ")[2].replace("-", "\N{EN DASH}").split(", ")
    if most is None or len(words) <= most:
        return ", ".join(words)
    return f"{', '.join(words[:most])}, … ({len(known):,} in all)"
