"""Exact sums of float64 and float32 by compiled code (exact_kernel.c), where that was built.

It finds the same whole numbers as exact_blocks.py, so the same bits, but reads memory once: numpy needs five
passes over each block. It is C and not numba, because this is one loop that hardly changes: 24 kB for all
versions of Python and numpy, loaded in a millisecond, against 208 MB for numba 0.68 with llvmlite, 0.4 s to
import and 0.5 to 0.9 s to compile in each engine, and a bound on the version of numpy.

``PXENGINES_EXACT=numpy`` in the environment keeps to numpy.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from .exact_blocks import Array
from .exact_sinks import LIMB_BITS, OneSum

LIBRARY = Path(__file__).with_name("libkernel.so")
"""What the build makes of all C sources; not there if it had no C compiler."""

_VERSION = 2  # of the functions in the library and of the words below
_LIMBS, _LOWEST = 68, -1088  # 32 bits each; the bit of the first one
_POSITIVE, _NEGATIVE, _OTHER, _WORDS = _LIMBS, _LIMBS + 1, _LIMBS + 2, _LIMBS + 7
DOT_BLOCK = 2048
"""Products are taken in blocks of so many."""

_CHUNK = 1 << 20  # values in one call, about a millisecond: until then no signal is seen


class Kernel:
    """The compiled code.

    Parameters
    ----------
    library : path of the shared library.
    extensions : whether it may use extensions of the processor.

    Raises
    ------
    OSError
        If it is not there, not for this machine, or of another version of this package.
    """

    def __init__(self, library: Path, extensions: bool = True) -> None:
        loaded = ctypes.CDLL(str(library))
        try:
            version, words = int(loaded.pxengines_exact_version()), int(loaded.pxengines_exact_words())
        except AttributeError as error:
            raise OSError(f"it is no kernel of exact sums ({error})") from error
        if (version, words) != (_VERSION, _WORDS):
            raise OSError(f"it has version {version}, not {_VERSION}; build this package again")
        self.extensions = extensions
        self.call: Any = loaded.pxengines_exact_add
        self.call.restype = None
        self.call.argtypes = [
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_ssize_t,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_void_p,
        ]
        self.multiply: Any = loaded.pxengines_exact_add_products
        self.multiply.restype = ctypes.c_size_t
        self.multiply.argtypes = [
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_double,
            ctypes.c_int,
            ctypes.c_void_p,
        ]


class KernelSum:
    """Adds values to one sum by compiled code.

    Attributes
    ----------
    other : whether there was anything but negative zeros.
    """

    def __init__(self, kernel: Kernel, sink: OneSum) -> None:
        self._kernel = kernel
        self._sink = sink
        self._words = np.zeros(_WORDS, np.int64)
        self.other = False

    def add(self, values: Array, stride: int) -> None:
        """Add all values of `values`.

        Parameters
        ----------
        values : native float64 or float32, of which each next value in memory is `stride` bytes further
            on than the last, and the first comes first; see `evenly_spaced`.
        """
        address, size, kind = values.ctypes.data, values.size, values.itemsize
        words = self._words.ctypes.data
        for start in range(0, size, _CHUNK):
            count = min(_CHUNK, size - start)
            self._kernel.call(address + start * stride, count, stride, kind, self._kernel.extensions, words)
            self._drain()

    def _drain(self) -> None:
        positive, negative, other = self._words[_POSITIVE : _OTHER + 1].tolist()
        _drain(self._words, self._sink)
        self._sink.positive |= bool(positive)
        self._sink.negative |= bool(negative)
        self.other = bool(other)


class KernelDot:
    """Adds products to one sum by compiled code."""

    def __init__(self, kernel: Kernel, sink: OneSum) -> None:
        self._kernel = kernel
        self._sink = sink
        # Two sums, of products and of errors: each is told what its own last block was like.
        self._words = np.zeros((2, _WORDS), np.int64)

    def add(self, first: Array, second: Array, sign: float) -> int:
        """Add ``first * second * sign`` from the beginning; return how many of the products were added.

        It stops before a block of `DOT_BLOCK` values in which a product is infinite, too large or too small.

        Parameters
        ----------
        first, second : float64, one-dimensional, contiguous, native, aligned, of one size of at most 2**30.
        """
        done = self._kernel.multiply(
            first.ctypes.data,
            second.ctypes.data,
            first.size,
            sign,
            self._kernel.extensions,
            self._words.ctypes.data,
        )
        for words in self._words:
            _drain(words, self._sink)
        return int(done)


def _drain(words: Array, sink: OneSum) -> None:
    """Move what `words` have so far to `sink`."""
    for i, limb in enumerate(words[:_LIMBS].tolist()):
        if limb:
            sink.add(limb, 0, _LOWEST + LIMB_BITS * i)
    words[:_LIMBS] = 0


@functools.cache
def kernel() -> Kernel | None:
    """Return the compiled code; None if there is none, or if it is not wanted.

    Warns
    -----
    RuntimeWarning
        If there is some that cannot be used.
    """
    if os.environ.get("PXENGINES_EXACT") == "numpy" or not LIBRARY.exists():
        return None
    try:
        return Kernel(LIBRARY)
    except OSError as error:
        warnings.warn(
            f"cannot use {LIBRARY}: {error}. Exact sums are as exact without it, but slower",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


def takes(dtype: np.dtype[Any]) -> bool:
    """Say whether compiled code reads values of `dtype` as they lie in memory."""
    return dtype.char in "fd" and dtype.isnative


def evenly_spaced(values: Array) -> tuple[Array, int] | None:
    """Return a view of the same values, in any order, and their distance in memory in bytes.

    The view begins with the lowest address. None if they do not lie at equal distances.
    """
    backward = [size > 1 and stride < 0 for size, stride in zip(values.shape, values.strides, strict=True)]
    if any(backward):
        values = values[tuple(slice(None, None, -1) if turn else slice(None) for turn in backward)]
    axes = sorted(
        (stride, size) for size, stride in zip(values.shape, values.strides, strict=True) if size > 1
    )
    if not axes:
        return values, values.itemsize
    for (inner, size), (outer, _) in itertools.pairwise(axes):
        if outer != inner * size:
            return None
    return values, axes[0][0]
