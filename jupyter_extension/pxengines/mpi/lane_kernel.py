"""The short way for small data in compiled code (lane_kernel.c), where that was built.

It does the usual of what `lane.Lane` does, with MPI's own functions, and leaves the rest to it: Python and
mpi4py take longer over a thousand values than MPI and the processor do. Results are the same to the bit.

``PXENGINES_LANE=python`` in the environment keeps to Python.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .exact_kernel import LIBRARY

if TYPE_CHECKING:
    from .partial import Array
    from .recipe import Recipe
    from .slots import Slots

_VERSION = 1  # of the functions in the library and of the structures below
_PYTHON = (
    "PyObject_GetBuffer",
    "PyBuffer_Release",
    "PyErr_Clear",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
    "PyByteArray_AsString",
    "PyLong_FromLong",
)
_MPI_FUNCTIONS = ("MPI_Start", "MPI_Startall", "MPI_Test", "MPI_Testall", "MPI_Request_get_status")
_REDUCTIONS = {"sum": 1, "prod": 2}
_TESTS = 200
"""Tests before the waiting is left to Python: some 20 us, within which peers that are there answer."""


REDUCED, USUAL, COMPLETE, BEGUN, NOT_BEGUN, FAILED = range(6)
"""How far a reduction has come.

The result is in `out`; or nothing is reduced, but the exchange is complete and as expected, or is complete
and has to be looked at, or is begun. Or nothing was done, because the values do not lie in memory one behind
the other; or MPI has returned an error.
"""


class _Python(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("None", *_PYTHON)]


class _MPI(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in _MPI_FUNCTIONS]


class _State(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("mpi", "requests", "statuses", "notices", "slots", "heads")),
        *((name, ctypes.c_int64) for name in ("slot_bytes", "head_bytes", "values_at", "rank", "ranks")),
        *((name, ctypes.c_int64) for name in ("request_count", "handle_bytes", "tests")),
        *((name, ctypes.c_int64) for name in ("count", "itemsize", "reduction", "error")),
    ]


class Kernel:
    """The compiled code.

    Parameters
    ----------
    library : path of the shared library.
    mpi : path of one that is linked to MPI: that of mpi4py. None if nothing is exchanged.

    Raises
    ------
    OSError
        If it is not there, not for this machine, of another version of this package, or does not work.
    """

    def __init__(self, library: Path, mpi: str | None = None) -> None:
        loaded = ctypes.PyDLL(str(library))
        try:
            version, size = int(loaded.pxengines_lane_version()), int(loaded.pxengines_lane_bytes())
            method = loaded.pxengines_lane_method
            python = _Python(id(None), *_addresses(ctypes.pythonapi, _PYTHON))
            found = [] if mpi is None else _addresses(ctypes.CDLL(mpi), _MPI_FUNCTIONS)
            kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
            self._builtin: Any = kind(("PyCFunction_NewEx", ctypes.pythonapi))
        except AttributeError as error:
            raise OSError(f"small reductions cannot use it ({error})") from error
        if (version, size) != (_VERSION, sum(map(ctypes.sizeof, (_State, _MPI, _Python)))):
            raise OSError(f"it has version {version}, not {_VERSION}; build this package again")
        method.restype, method.argtypes = ctypes.c_void_p, [ctypes.POINTER(_Python)]
        self._method, self._mpi = method(python), _MPI(*found)
        self._try()

    def function(self, slots: Array, head_bytes: int, values_at: int, rank: int) -> tuple[_State, Any]:
        """Return a state for `slots`, a row for each rank, in which all else is 0; and the function for it.

        The function makes the next reduction, or begins it, and returns how far it has come: see `REDUCED`.
        It takes values of the lane's dtype and shape, or None if they are in this rank's slot already; and
        an array for the result, or None if nothing is to be reduced.
        """
        memory = bytearray(ctypes.sizeof(_State))
        state = _State.from_buffer(memory)
        state.mpi = ctypes.addressof(self._mpi)
        state.slots, state.slot_bytes, state.ranks = slots.ctypes.data, slots.strides[0], len(slots)
        state.head_bytes, state.values_at, state.rank = head_bytes, values_at, rank
        return state, self._builtin(self._method, memory, None)

    def _try(self) -> None:
        """Raise `OSError` if it does not read and write arrays as it should."""
        slots, values, out = np.zeros((1, 4)), np.array([[1.5], [-2.5]]), np.zeros((2, 1))
        state, function = self.function(slots, 8, 16, 0)
        heads = np.array([7.0])
        state.heads, state.count, state.itemsize, state.reduction = heads.ctypes.data, 2, 8, 1
        how_far = function(values, out)
        if how_far != REDUCED or not (out == values).all() or slots[0, 0] != heads[0]:
            raise OSError(f"it does not work here: {how_far}, {out.tolist()}")


class NativeLane:
    """The small reductions of one recipe with one set of slots, in compiled code.

    Parameters
    ----------
    kernel : the compiled code.
    how : the recipe.
    exchange : the slots.
    notices : MPI's persistent request that is complete when another rank has told something.
    reduces : whether results may be made here; otherwise only the exchange is.

    Attributes
    ----------
    call : see `Kernel.function`.
    reduces : whether it ever reduces.
    """

    def __init__(self, kernel: Kernel, how: Recipe, exchange: Slots, notices: Any, reduces: bool) -> None:
        from mpi4py import MPI

        requests = exchange.requests
        handle = MPI._sizeof(MPI.Request)
        state, self.call = kernel.function(*exchange.layout)
        self._state = state
        if len(requests) == 1:
            state.requests = MPI._addressof(requests[0])
            handles = None
        else:
            each = [ctypes.string_at(MPI._addressof(request), handle) for request in requests]
            handles = ctypes.create_string_buffer(b"".join(each), handle * len(each))
            state.requests = ctypes.addressof(handles)
        # A single rank may have nothing to exchange.
        statuses = ctypes.create_string_buffer(MPI._sizeof(MPI.Status) * max(1, len(requests)))
        state.statuses, state.notices = ctypes.addressof(statuses), MPI._addressof(notices)
        state.request_count, state.handle_bytes, state.tests = len(requests), handle, _TESTS
        wire = how.plan.wire
        state.count, state.itemsize = how.count, wire.itemsize
        if reduces and wire.char in "fd" and wire == how.plan.result:
            state.reduction = _REDUCTIONS.get(how.op, 0)
        self.reduces = bool(state.reduction)
        self._exception: Any = MPI.Exception
        self._used = kernel, exchange, notices, handles, statuses
        self._heads = ctypes.create_string_buffer(state.ranks * state.head_bytes)
        state.heads = ctypes.addressof(self._heads)

    def expect(self, heads: bytes) -> None:
        """Expect these heads of all ranks, and bring this rank's of them."""
        self._heads.raw = heads

    def error(self) -> BaseException:
        """Return as an exception what MPI has returned."""
        error: BaseException = self._exception(self._state.error)
        return error


def _addresses(library: Any, names: tuple[str, ...]) -> list[int | None]:
    return [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in names]


@functools.cache
def kernel() -> Kernel | None:
    """Return the compiled code; None if there is none, or if it is not wanted.

    Warns
    -----
    RuntimeWarning
        If there is some that cannot be used.
    """
    if os.environ.get("PXENGINES_LANE") == "python" or not LIBRARY.exists():
        return None
    if sys.implementation.name != "cpython":
        return None
    from mpi4py import MPI

    try:
        return Kernel(LIBRARY, MPI.__file__)
    except OSError as error:
        warnings.warn(
            f"cannot use {LIBRARY}: {error}. Small reductions work without it, but take longer",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
