"""Small reductions in compiled code: the same to the bit; and what it does not take is left alone."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from mpiranks import Library, run_ranks

from pxengines.mpi import lane_kernel
from pxengines.mpi.lane_kernel import BEGUN, COMPLETE, FAILED, NOT_BEGUN, REDUCED, USUAL, Kernel

Array = np.ndarray[Any, Any]
_BUILD = Path(__file__).resolve().parents[2] / "dev" / "build_kernel.py"
WORKER = Path(__file__).with_name("mpi_lane_worker.py")
HEAD_BYTES, VALUES_AT = 8, 16
UFUNCS = {1: np.add, 2: np.multiply}
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e-310, 1.7e308, -1.7e308, 1e-45, 3.4e38]


@pytest.fixture(scope="module")
def build() -> Any:
    """The module that compiles the kernel; skips without a C compiler."""
    spec = importlib.util.spec_from_file_location("build_kernel", _BUILD)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.find_compiler() is None:
        pytest.skip("there is no C compiler")
    return module


@pytest.fixture(scope="module")
def kernel(build: Any, tmp_path_factory: pytest.TempPathFactory) -> Kernel:
    """The compiled code, from the source that is in the tree now; without MPI."""
    made = tmp_path_factory.mktemp("kernel") / "libkernel.so"
    assert build.compile_kernel(made) is None
    return Kernel(made)


class Slots:
    """What the exchange left of all ranks; that of rank 0 is its own."""

    def __init__(self, kernel: Kernel, rows: Array, reduction: int = 1) -> None:
        ranks, count = rows.shape
        self.memory = np.zeros((ranks, VALUES_AT + count * rows.itemsize + 8), np.uint8)
        self.values = self.memory[:, VALUES_AT : VALUES_AT + count * rows.itemsize].view(rows.dtype)
        self.values[1:] = rows[1:]
        self.heads = np.arange(ranks * HEAD_BYTES, dtype=np.uint8).reshape(ranks, HEAD_BYTES)
        self.memory[1:, :HEAD_BYTES] = self.heads[1:]
        self.state, self.run = kernel.function(self.memory, HEAD_BYTES, VALUES_AT, 0)
        self.state.heads = self.heads.ctypes.data
        self.state.count, self.state.itemsize, self.state.reduction = count, rows.itemsize, reduction


def expected(rows: Array, reduction: int) -> Array:
    total = rows[0].copy()
    with np.errstate(all="ignore"):
        for row in rows[1:]:
            total = UFUNCS[reduction](total, row)
    return total


@settings(max_examples=examples(200), deadline=None)
@given(data=st.data())
def test_it_reduces_as_numpy_does(kernel: Kernel, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([np.float64, np.float32]))
    ranks, count = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 40))
    width = np.dtype(dtype).itemsize * 8
    usual = st.sampled_from(SPECIAL) | st.floats()
    drawn = [[data.draw(usual) for _ in range(count)] for _ in range(ranks)]
    with np.errstate(all="ignore"):
        rows = np.array(drawn).reshape(ranks, count).astype(dtype)
    reduction = data.draw(st.sampled_from([1, 2]))
    slots, out, wanted = Slots(kernel, rows, reduction), np.empty(count, dtype), expected(rows, reduction)
    how_far = slots.run(rows[0].copy(), out)
    if ranks > 1 and np.isnan(wanted).any():
        assert how_far == USUAL  # which of several comes out, numpy says
    else:
        assert how_far == REDUCED
        assert np.array_equal(out.view(f"u{width // 8}"), wanted.view(f"u{width // 8}"))
    assert slots.values.tobytes() == rows.tobytes()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("place", [0, 1, 3, 998, 999])
def test_a_nan_is_seen_wherever_it_is(kernel: Kernel, dtype: Any, place: int) -> None:
    for sign in (1, -1):
        rows = np.ones((2, 1000), dtype)
        rows[1, place] = np.copysign(np.nan, sign)
        assert Slots(kernel, rows).run(rows[0], np.empty(1000, dtype)) == USUAL
        rows[1, place] = sign * np.inf
        assert Slots(kernel, rows).run(rows[0], np.empty(1000, dtype)) == REDUCED
        rows[0, place] = -sign * np.inf
        assert Slots(kernel, rows).run(rows[0], np.empty(1000, dtype)) == USUAL


def test_the_result_may_lie_where_the_values_do(kernel: Kernel) -> None:
    memory = np.arange(11.0)
    rows = np.array([memory[:10], np.ones(10)])
    assert Slots(kernel, rows).run(memory[:10], memory[1:]) == REDUCED
    assert memory.tolist() == [0.0, *range(1, 11)]
    mine = np.arange(10.0)
    assert Slots(kernel, rows).run(mine, mine) == REDUCED
    assert mine.tolist() == [*range(1, 11)]


@pytest.mark.parametrize("shape", [(), (1,), (6,), (2, 3), (1, 6, 1), (0,), (3, 0)])
def test_arrays_of_any_shape(kernel: Kernel, shape: tuple[int, ...]) -> None:
    mine = np.full(shape, 2.0)
    out = np.zeros(shape)
    assert Slots(kernel, np.full((3, mine.size), 2.0)).run(mine, out) == REDUCED
    assert (out == 6).all()


STRANGE: dict[str, Callable[[], Any]] = {
    "strided": lambda: np.ones(20)[::2],
    "reversed": lambda: np.ones(10)[::-1],
    "in Fortran's order": lambda: np.ones((2, 5), order="F"),
    "broadcast": lambda: np.broadcast_to(np.ones(()), (10,)),
    "longer": lambda: np.ones(11),
    "shorter": lambda: np.ones(9),
    "of a narrower dtype": lambda: np.ones(20, np.float32),
    "a list": lambda: [1.0] * 10,
    "a number": lambda: 1.0,
}


@pytest.mark.parametrize("kind", STRANGE)
def test_other_values_are_left_to_python(kernel: Kernel, kind: str) -> None:
    slots = Slots(kernel, np.ones((2, 10)))
    before = slots.memory.tobytes()
    assert slots.run(STRANGE[kind](), np.zeros(10)) == NOT_BEGUN
    assert slots.memory.tobytes() == before


@pytest.mark.parametrize("kind", [*STRANGE, "read-only", "misaligned", "none"])
def test_nothing_is_written_into_another_result(kernel: Kernel, kind: str) -> None:
    slots = Slots(kernel, np.ones((2, 10)))
    out: Any
    if kind == "read-only":
        out = np.ones(10)
        out.flags.writeable = False
    elif kind == "misaligned":
        out = np.zeros(88, np.uint8)[4:84].view(np.float64)
    else:
        out = None if kind == "none" else STRANGE[kind]()
    before = np.asarray(out).tobytes()
    assert slots.run(np.ones(10), out) == USUAL
    assert np.asarray(out).tobytes() == before


@pytest.mark.parametrize("rank", [1, 2])
def test_another_head_has_to_be_looked_at(kernel: Kernel, rank: int) -> None:
    slots, out = Slots(kernel, np.ones((3, 4))), np.zeros(4)
    slots.memory[rank, HEAD_BYTES - 1] ^= 1
    assert slots.run(np.ones(4), out) == COMPLETE
    assert not out.any()
    # What is between head and values, and behind them, is nobody's.
    slots.memory[rank, HEAD_BYTES - 1] ^= 1
    slots.memory[:, HEAD_BYTES] += 1
    assert slots.run(np.ones(4), out) == REDUCED


def test_values_that_are_in_the_slot_already(kernel: Kernel) -> None:
    slots, out = Slots(kernel, np.ones((2, 4))), np.zeros(4)
    slots.values[0] = 5
    assert slots.run(None, out) == REDUCED
    assert (out == 6).all()


class Fake:
    """An MPI whose exchanges are complete after some tests, or never."""

    def __init__(self, slots: Slots, requests: int, handle: type[Any], complete_after: int = 3) -> None:
        self.calls: list[str] = []
        self.fails = ""
        self.told = 0
        self.left = complete_after
        word = ctypes.POINTER(ctypes.c_int)
        self._made = {
            "MPI_Start": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: self._note("start")),
            "MPI_Startall": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)(
                lambda count, _: self._note(f"start {count}")
            ),
            "MPI_Test": ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, word, ctypes.c_void_p)(
                lambda _, flag, status: self._test("test", flag)
            ),
            "MPI_Testall": ctypes.CFUNCTYPE(
                ctypes.c_int, ctypes.c_int, ctypes.c_void_p, word, ctypes.c_void_p
            )(lambda count, _, flag, status: self._test(f"test {count}", flag)),
            "MPI_Request_get_status": ctypes.CFUNCTYPE(ctypes.c_int, handle, word, ctypes.c_void_p)(
                self._get_status
            ),
        }
        self._functions = lane_kernel._MPI(
            **{name: ctypes.cast(made, ctypes.c_void_p).value for name, made in self._made.items()}
        )
        self._notices = handle(77)
        state = slots.state
        state.mpi, state.notices = ctypes.addressof(self._functions), ctypes.addressof(self._notices)
        state.request_count, state.tests, state.handle_bytes = requests, 5, ctypes.sizeof(handle)

    def _note(self, call: str) -> int:
        self.calls.append(call)
        return 13 if self.fails and call.startswith(self.fails) else 0

    def _test(self, call: str, flag: Any) -> int:
        self.left -= 1
        flag[0] = self.left == 0
        return self._note(call)

    def _get_status(self, request: int, flag: Any, status: Any) -> int:
        flag[0] = self.told
        return self._note(f"status {request}")


@pytest.mark.parametrize("handle", [ctypes.c_int, ctypes.c_void_p])
@pytest.mark.parametrize(("requests", "count"), [(1, ""), (6, " 6")])
def test_the_exchange_is_begun_once_and_tested_until_it_is_complete(
    kernel: Kernel, requests: int, count: str, handle: type[Any]
) -> None:
    slots, out = Slots(kernel, np.ones((2, 4))), np.zeros(4)
    fake = Fake(slots, requests, handle)
    assert slots.run(np.ones(4), out) == REDUCED
    assert fake.calls == [f"start{count}", *[f"test{count}"] * 3, "status 77"]
    fake = Fake(slots, requests, handle, complete_after=9)
    assert slots.run(np.ones(4), out) == BEGUN
    assert fake.calls == [f"start{count}", *[f"test{count}"] * 5]
    # A later call begins the next one, whatever came of this one.
    fake.calls.clear()
    assert slots.run(None, out) == REDUCED
    assert fake.calls == [f"start{count}", *[f"test{count}"] * 4, "status 77"]


def test_what_another_rank_tells_has_to_be_looked_at(kernel: Kernel) -> None:
    slots, out = Slots(kernel, np.ones((2, 4))), np.zeros(4)
    fake = Fake(slots, 1, ctypes.c_int)
    fake.told = 1
    assert slots.run(np.ones(4), out) == COMPLETE
    assert not out.any()


@pytest.mark.parametrize("fails", ["start", "test", "status"])
def test_an_error_of_mpi_is_told(kernel: Kernel, fails: str) -> None:
    slots, out = Slots(kernel, np.ones((2, 4))), np.zeros(4)
    fake = Fake(slots, 1, ctypes.c_int)
    fake.fails = fails
    assert slots.run(np.ones(4), out) == FAILED
    assert slots.state.error == 13 and not out.any()
    assert fake.calls[-1].startswith(fails)


def test_nothing_is_held_after_a_call(kernel: Kernel) -> None:
    slots, mine, out = Slots(kernel, np.ones((2, 4))), np.ones(4), np.zeros(4)
    odd, none = np.ones(8)[::2], sys.getrefcount(None)
    before = [sys.getrefcount(each) for each in (mine, out, odd, slots.run)]
    for _ in range(1000):
        assert slots.run(mine, out) == REDUCED
        assert slots.run(odd, out) == NOT_BEGUN
        assert slots.run(mine, odd) == USUAL
        assert slots.run(1.0, None) == NOT_BEGUN
        assert slots.run(mine) == NOT_BEGUN
    assert [sys.getrefcount(each) for each in (mine, out, odd, slots.run)] == before
    assert abs(sys.getrefcount(None) - none) < 100
    mine.resize(8)  # numpy refuses while a buffer of it is held


def test_a_function_keeps_its_memory_and_gives_it_back(kernel: Kernel) -> None:
    slots = Slots(kernel, np.ones((2, 4)))
    run, gone = slots.run, weakref.ref(slots.state)
    slots.state = slots.run = None
    gc.collect()
    assert gone() is None and isinstance(run.__self__, bytearray)
    out = np.zeros(4)
    assert run(np.ones(4), out) == REDUCED
    assert sys.getrefcount(run) == 2


@pytest.fixture
def fresh() -> Any:
    """The function that gives the compiled code, as it is before its first call, and after this test."""
    lane_kernel.kernel.cache_clear()
    yield lane_kernel.kernel
    lane_kernel.kernel.cache_clear()


def test_python_can_be_asked_for(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PXENGINES_LANE", "python")
    assert fresh() is None


def test_without_a_library_all_is_python(fresh: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lane_kernel, "LIBRARY", tmp_path / "libkernel.so")
    assert fresh() is None


LIBRARIES = {
    "no library": ("", "cannot use"),
    "another one": ("int nothing;", "small reductions cannot use it"),
    "an old one": (
        "int pxengines_lane_version(void){return 0;} long pxengines_lane_bytes(void){return 1;}"
        "void *pxengines_lane_method(void *p){return p;}",
        "it has version 0, not 1; build this package again",
    ),
    "other structures": (
        "int pxengines_lane_version(void){return 1;} long pxengines_lane_bytes(void){return 1;}"
        "void *pxengines_lane_method(void *p){return p;}",
        "build this package again",
    ),
}


@pytest.mark.parametrize("kind", LIBRARIES)
def test_one_that_cannot_be_used_is_told_once(
    kind: str, fresh: Any, build: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text, words = LIBRARIES[kind]
    library, source = tmp_path / "libkernel.so", tmp_path / "source.c"
    source.write_text(text, encoding="utf-8")
    if text:
        command = [*build.find_compiler(), "-shared", "-fPIC", "-o", str(library), str(source)]
        subprocess.run(command, check=True)
    else:
        library.write_bytes(b"nothing")
    monkeypatch.setattr(lane_kernel, "LIBRARY", library)
    with pytest.warns(RuntimeWarning, match=words):
        assert fresh() is None
    assert fresh() is None


def test_one_that_reads_arrays_wrongly_is_not_used(
    kernel: Kernel, build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = build.SOURCES[1].read_text(encoding="utf-8")
    assert "+ lane->values_at, view.data," in source
    wrong = tmp_path / "wrong.c"
    wrong.write_text(source.replace("+ lane->values_at, view.data,", "+ lane->values_at, mine,"), "utf-8")
    library = tmp_path / "libkernel.so"
    assert build.compile_kernel(library, [wrong]) is None
    with pytest.raises(OSError, match="it does not work here"):
        Kernel(library)


@pytest.mark.parametrize(
    ("ranks", "library"),
    [(1, "mpich"), (2, "mpich"), (3, "mpich"), (1, "openmpi"), (2, "openmpi"), (3, "openmpi")],
)
def test_ranks_reduce_the_same_in_both_ways(ranks: int, library: Library) -> None:
    assert lane_kernel.LIBRARY.exists(), "not compiled in this tree: npm run setup"
    assert run_ranks(ranks, WORKER, library=library).stdout.splitlines() == ["right"] * ranks
