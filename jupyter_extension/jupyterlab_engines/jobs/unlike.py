"""Which jobs of a reading are not those of the reading before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress
from operator import is_not
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


def unlike(new: Mapping[K, T], old: Mapping[K, T]) -> list[K]:
    """Return the keys of `new`, in its order, under which `old` does not have the very same object.

    Parsers hand on the objects of jobs that did not change, so this finds all that did. No step of it is
    Python's own: 10,000 of those would take as long as all else that is done with a reading.
    """
    return list(compress(new, map(is_not, new.values(), map(old.get, new))))
