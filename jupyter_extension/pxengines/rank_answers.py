"""What an engine does when the client asks all engines for a reduction, and what it sends back.

Only rank 0 sends the result; the others send a digest, so that a large array travels once.
"""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

_FEW_VALUES = 4
_X87_BYTES, _X87_MANTISSA = 10, 63


class ExpressionError(Exception):
    """What was to be reduced could not be evaluated; the message begins with the class of the exception."""


class PartialWorldError(Exception):
    """Not all ranks of the MPI world were asked."""


@dataclass(frozen=True)
class Answer:
    """What one rank has found.

    Attributes
    ----------
    rank, size : in the MPI world.
    digest : the same on two ranks if and only if their results are.
    words : the result, or what it is, for an error message.
    value : the result itself; from rank 0 only.
    """

    rank: int
    size: int
    digest: bytes
    words: str
    value: Any


@dataclass(frozen=True)
class Question:
    """A reduction to be done by all engines together.

    An instance is what the client has them call. It travels by name and fields: each engine runs its own
    code, of whatever version, under its own Python.

    Attributes
    ----------
    function : name of a function of ``pxengines.mpi``.
    expressions : its arguments: Python, evaluated in each engine's namespace.
    engines : to how many engines this goes.
    token : another one for each question, the same for all engines.
    options : keyword arguments of the function.
    """

    function: str
    expressions: tuple[str, ...]
    engines: int
    token: str
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self) -> dict[str, Any]:
        """Evaluate, reduce, and return the fields of an `Answer`. Collective."""
        from .mpi import cells

        if cells.current != cells.SCRIPT:
            return self._answer()
        # Engines that ipyparallel started have no cells: the next reduction would heed how this one ended.
        cells.begin(cells.key_of(self.token))
        failure: tuple[str, str] | None = None
        try:
            return self._answer()
        except BaseException as error:
            failure = type(error).__name__, str(error)
            raise
        finally:
            cells.end(failure)

    def _answer(self) -> dict[str, Any]:
        from mpi4py import MPI

        from . import mpi

        rank, size = MPI.COMM_WORLD.Get_rank(), MPI.COMM_WORLD.Get_size()
        if size != self.engines:
            raise PartialWorldError(
                f"the MPI world has {size} {'rank' if size == 1 else 'ranks'}, and {self.engines} "
                f"{'engine was' if self.engines == 1 else 'engines were'} asked"
            )
        function = getattr(mpi, self.function, None)
        if function is None:
            raise AttributeError(f"module 'pxengines.mpi' has no function {self.function!r}")
        value = function(*self._arguments(), **self.options)
        digest, words = fingerprint(value)
        return {
            "rank": rank,
            "size": size,
            "digest": digest,
            "words": words,
            "value": value if rank == 0 else None,
        }

    def _arguments(self) -> list[Any]:
        from IPython import get_ipython

        names = get_ipython().user_ns
        try:
            return [eval(expression, names) for expression in self.expressions]  # noqa: S307 - the user's own
        except Exception as error:
            from .mpi.channels import channel_of
            from .mpi.recipe import refuse

            # The other ranks are told within the reduction itself, for which they are waiting.
            text = f"{type(error).__name__}: {error}"
            refuse(channel_of(None), ExpressionError(text), self.options.get("timeout"))


def fingerprint(value: Any) -> tuple[bytes, str]:
    """Return 16 bytes that stand for `value`, type and shape included, and what to call it.

    Values that differ only in the bits of a NaN, or in bytes that mean nothing, have the same ones.
    """
    if isinstance(value, tuple):
        each = [fingerprint(item) for item in value]
        digest = hashlib.blake2b(b"".join(part for part, _ in each), digest_size=16)
        return digest.digest(), f"({', '.join(words for _, words in each)})"
    if not isinstance(value, (np.ndarray, np.generic)):
        return hashlib.blake2b(pickle.dumps(value), digest_size=16).digest(), repr(value)
    array = np.asarray(value)
    digest = hashlib.blake2b(f"{array.dtype.str} {array.shape}".encode(), digest_size=16)
    digest.update(_meaningful_bytes(array))
    if array.size <= _FEW_VALUES:
        return digest.digest(), f"{array.dtype} {array.tolist()}"
    return digest.digest(), f"{array.dtype} of shape {array.shape}"


def _meaningful_bytes(array: npt.NDArray[Any]) -> memoryview:
    flat = np.ascontiguousarray(array).reshape(-1)
    if flat.dtype.kind == "c":
        flat = flat.view(flat.real.dtype)
    if flat.dtype.kind == "f" and flat.size:
        if np.isnan(flat.min()):  # min passes NaN on, without a temporary
            flat = np.where(np.isnan(flat), flat.dtype.type("nan"), flat)
        if np.finfo(flat.dtype).nmant == _X87_MANTISSA:
            # The processor fills 10 bytes of 12 or 16.
            flat = np.ascontiguousarray(flat.view(np.uint8).reshape(flat.size, -1)[:, :_X87_BYTES]).reshape(
                -1
            )
    return flat.view(np.uint8).data
