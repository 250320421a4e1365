"""A mime bundle of a rank: a plot, a table, the value of an expression."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from .screen_text import encodable

PLAIN = "text/plain"


class Rich:
    """A mime bundle, or what is known of one that is too large to be kept.

    Attributes
    ----------
    data, metadata : as in a Jupyter message; `data` is empty once it was refused.
    size : bytes of the data as JSON, roughly.
    digest : equal for bundles with equal data and metadata.
    """

    __slots__ = ("data", "digest", "metadata", "mimes", "refused", "size")

    def __init__(self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
        self.data: dict[str, Any] = dict(data)
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.mimes = sorted(self.data)
        self.refused = False
        hashed = blake2b(digest_size=16)
        self.size = 0
        for mime in self.mimes:
            value = self.data[mime]
            if isinstance(value, str):
                value = self.data[mime] = encodable(value)
            encoded = value.encode() if isinstance(value, str) else _encode(value)
            self.size += len(encoded)
            hashed.update(f"{mime}\0{len(encoded)}\0".encode())
            hashed.update(encoded)
        hashed.update(_encode(self.metadata))
        self.digest = hashed.digest()

    @property
    def plain(self) -> str | None:
        """The bundle as text, if it has one."""
        text = self.data.get(PLAIN)
        return text if isinstance(text, str) else None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but text in it."""
        return self.mimes == [PLAIN]

    def refuse(self) -> None:
        """Let the data go: they are too large to keep."""
        self.data, self.metadata, self.refused = {}, {}, True

    def become(self, other: Rich) -> None:
        """Take over what `other` is."""
        self.data, self.metadata, self.mimes = other.data, other.metadata, other.mimes
        self.refused, self.size, self.digest = other.refused, other.size, other.digest


def size_of(data: Mapping[str, Any]) -> int:
    """Return the bytes of the data of a mime bundle, about."""
    return sum(len(value) if isinstance(value, str) else len(_encode(value)) for value in data.values())


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value, enc_hook=repr, order="deterministic")
