"""Exact sums by compiled code: the same limbs as numpy's, for whatever is added."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
import math
import platform
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from effort import examples
from exact_data import KINDS, Array, exact_sum, lists, nearest, numbers, same
from hypothesis import given, settings
from hypothesis import strategies as st

from pxengines.mpi import exact, exact_dot, exact_kernel
from pxengines.mpi.exact import Accumulator, accumulate
from pxengines.mpi.exact_dot import accumulate_dot
from pxengines.mpi.exact_kernel import Kernel

_BUILD = Path(__file__).resolve().parents[2] / "dev" / "build_kernel.py"
_C_BLOCK = 2048  # values; BLOCK of exact_kernel.c
SPECIAL = [math.inf, -math.inf, math.nan, -math.nan, 0.0, -0.0]


@pytest.fixture(scope="session")
def build() -> Any:
    """The module that compiles the kernel."""
    spec = importlib.util.spec_from_file_location("build_kernel", _BUILD)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def compile_c(build: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Compiles C text into a shared library; skips where there is no working compiler."""
    compiler = build.find_compiler()
    if compiler is None:
        pytest.skip("there is no C compiler")

    def compile_c(text: str) -> Path:
        source = tmp_path_factory.mktemp("c") / "source.c"
        source.write_text(text, encoding="utf-8")
        library = source.with_suffix(".so")
        command = [*compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return library

    try:
        compile_c("#include <fenv.h>\nint here(void) { return fegetround(); }\n")
    except AssertionError as error:
        pytest.skip(f"the C compiler makes nothing: {error}")
    return compile_c


@pytest.fixture(scope="session")
def library(build: Any, compile_c: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kernel, compiled from the source that is in the tree now."""
    made = tmp_path_factory.mktemp("kernel") / "libkernel.so"
    assert build.compile_kernel(made) is None
    return made


@pytest.fixture(scope="session", params=[True, False], ids=["extensions", "plain"])
def kernel(request: pytest.FixtureRequest, library: Path) -> Kernel:
    """The compiled code, with and without extensions of the processor."""
    return Kernel(library, extensions=request.param)


def by(kernel: Kernel | None, array: Array, axes: tuple[int, ...] | None = None) -> Accumulator:
    """Return the exact sums of `array` by compiled code, or by numpy if None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "kernel", lambda: kernel)
        return accumulate(array, axes)


def agree(kernel: Kernel, array: Array, axes: tuple[int, ...] | None = None) -> Accumulator:
    """Check that compiled code and numpy find the same, to the bit; return it."""
    found, expected = by(kernel, array, axes), by(None, array, axes)
    assert (found.low, found.count) == (expected.low, expected.count)
    assert np.array_equal(found.limbs, expected.limbs)
    assert (found.special is None) == (expected.special is None)
    assert expected.special is None or np.array_equal(found.special, expected.special)
    return found


def dots_agree(kernel: Kernel, first: Array, second: Array) -> Accumulator:
    """As `agree`, of dot products."""
    found = []
    for each in (kernel, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(exact_dot, "kernel", lambda each=each: each)
            found.append(accumulate_dot(first, second))
    assert (found[0].low, found[0].count) == (found[1].low, found[1].count)
    assert np.array_equal(found[0].limbs, found[1].limbs)
    assert (found[0].special is None) == (found[1].special is None)
    assert found[1].special is None or np.array_equal(found[0].special, found[1].special)
    return found[0]


def test_where_there_is_a_compiler_the_compiled_code_is_used(library: Path) -> None:
    assert exact_kernel.LIBRARY.exists(), "not compiled in this tree: npm run setup"
    used = exact_kernel.kernel()
    assert used is not None
    calls = []
    counting = Kernel(exact_kernel.LIBRARY)
    call = counting.call
    counting.call = lambda *arguments: (calls.append(arguments[1]), call(*arguments))
    assert by(counting, np.ones(5000)).total(np.dtype(float)) == 5000
    assert calls == [5000]


def test_signals_are_seen_between_calls(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_kernel, "_CHUNK", 3 * _C_BLOCK)
    calls = 0
    call = kernel.call

    def interrupted(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        call(*arguments)

    monkeypatch.setattr(kernel, "call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        by(kernel, np.ones(100 * _C_BLOCK))
    assert calls == 3


@pytest.mark.parametrize("name", ["f4", "f8"])
@settings(max_examples=examples(30), deadline=None, derandomize=True)
@given(data=st.data())
def test_any_values(kernel: Kernel, name: str, data: st.DataObject) -> None:
    values = np.array(data.draw(lists(name)), name)
    if data.draw(st.integers(0, 3)) == 0:
        some = data.draw(st.lists(st.sampled_from(SPECIAL), max_size=4))
        values = np.append(values, np.array(some, name))
    # As blocks of one kind each, in turn: what one block leaves behind is wrong for the next.
    repeats = data.draw(st.sampled_from([1, 1, 1, _C_BLOCK // 2, _C_BLOCK + 1]))
    each_in_turn = data.draw(st.booleans())
    values = np.repeat(values, repeats) if each_in_turn else np.tile(values, repeats)
    agree(kernel, values)


@pytest.mark.parametrize("name", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("kind", KINDS)
def test_many_blocks(kernel: Kernel, kind: str, name: str) -> None:
    rng = np.random.default_rng(5)
    with np.errstate(all="ignore"):
        values = KINDS[kind](rng, 10 * _C_BLOCK + 101)
        values = (values + 1j * values[::-1] if name[0] == "c" else values).astype(name)
    found = agree(kernel, values)
    if name == "f8":
        expected = nearest(exact_sum(values), "f8")
        assert same(found.total(values.dtype), -expected if kind == "negative zeros" else expected)


def test_blocks_of_all_kinds_in_any_order(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_kernel, "_CHUNK", 7 * _C_BLOCK)
    rng = np.random.default_rng(7)
    kinds = [KINDS[name](rng, _C_BLOCK) for name in KINDS]
    for _ in range(3):
        chosen = [kinds[i] for i in rng.integers(0, len(kinds), 300)]
        values = np.concatenate([rng.permutation(block) for block in chosen])
        found = agree(kernel, values)
        assert found.total(values.dtype) == nearest(exact_sum(values), "f8")


@pytest.mark.parametrize("sign", [-1, 1])
def test_counts_at_their_greatest_in_a_whole_block(kernel: Kernel, sign: int) -> None:
    # After a block of ones, levels begin at 2**4 with units of 2**-47; rests are at most half of that.
    ones = np.ones(_C_BLOCK)
    for value in (16 - 2.0**-47, 1 + 2.0**-48 - 2.0**-52, 1 + 2.0**-48, 16 - 2.0**-48):
        values = np.append(ones, np.full(20 * _C_BLOCK, sign * value))
        expected = _C_BLOCK + 20 * _C_BLOCK * sign * Fraction(value)
        assert agree(kernel, values).total(values.dtype) == nearest(expected, "f8")


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_nan_of_either_sign(kernel: Kernel, sign: float) -> None:
    values = np.copysign(np.array([math.nan]), sign)
    assert np.isnan(agree(kernel, values).total(values.dtype))


@pytest.mark.parametrize("step", [-1, 1])
@pytest.mark.parametrize("factor", [1.0, 1 - 2.0**-53, 1 + 2.0**-52, -1.0, -1 + 2.0**-53])
def test_every_magnitude_as_a_whole_block(kernel: Kernel, factor: float, step: int) -> None:
    # All values at the limit of what a block may have: the sums of their counts are the greatest.
    powers = np.ldexp(factor, np.arange(-1074, 1024)[::step])
    for some in (*[powers[start::97] for start in range(97)], powers):
        found = agree(kernel, np.repeat(some, _C_BLOCK if len(some) < 100 else 5))
        expected = sum((Fraction(x) for x in some.tolist()), Fraction(0)) * (found.count // len(some))
        assert found.total(powers.dtype) == nearest(expected, "f8")


@pytest.mark.parametrize(
    "name",
    ["?", "i1", "u2", "i4", "f2", "f4", "f8", "c8", "c16", ">i4", ">f2", ">f4", ">f8", ">c16", "i8", "g"],
)
@settings(max_examples=examples(8), deadline=None, derandomize=True)
@given(data=st.data())
def test_layouts(kernel: Kernel, name: str, data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=7))
    count = math.prod(shape)
    # Each value a power of two of its own: one that is left out or read twice is seen.
    dtype = np.dtype(name)
    whole = np.arange(count) % 7 + 1 if dtype.kind in "biu" else np.ldexp(1.0, np.arange(count) % 15)
    base = whole.astype(dtype).reshape(shape)
    base = base * 1j + base if dtype.kind == "c" else base
    array = data.draw(
        st.permutations(range(len(shape))).map(lambda order: base.astype(dtype).transpose(order))
    )
    cut = [slice(None, None, data.draw(st.sampled_from([1, 1, 1, -1, 2, -2, 3]))) for _ in range(array.ndim)]
    array = array[tuple(cut)]
    if data.draw(st.booleans()):
        array = array[..., None]
    if data.draw(st.booleans()):
        array = np.broadcast_to(array, (3, *array.shape))
    if data.draw(st.booleans()):
        # At an odd address.
        raw = np.empty(array.nbytes + 1, np.uint8)[1:].view(np.uint8)
        odd = np.ndarray(array.shape, array.dtype, raw.data)
        odd[...] = array
        array = odd
    agree(kernel, array)


def test_one_by_one_along_an_axis(kernel: Kernel) -> None:
    rng = np.random.default_rng(4)
    table = rng.standard_normal((3, 5000))
    table[1, 77] = math.inf
    table[2] = -0.0
    for array in (table, table[:, ::-1], table.astype("f4"), np.asfortranarray(table)):
        agree(kernel, array, (1,))


@pytest.mark.parametrize("name", ["f4", "f8", "c16"])
@settings(max_examples=examples(12), deadline=None, derandomize=True)
@given(data=st.data())
def test_dots_of_any_values(kernel: Kernel, name: str, data: st.DataObject) -> None:
    real = {"c16": "f8"}.get(name, name)
    first = data.draw(lists(real))
    second = data.draw(st.lists(numbers(real), min_size=len(first), max_size=len(first)))
    if first and data.draw(st.integers(0, 3)) == 0:
        first[0] = data.draw(st.sampled_from(SPECIAL))
    repeats = data.draw(st.sampled_from([1, 1, _C_BLOCK // 2, _C_BLOCK + 1]))
    a, b = np.repeat(np.array(first, real), repeats), np.repeat(np.array(second, real), repeats)
    if name == "c16":
        with np.errstate(all="ignore"):
            a, b = a - 1j * b, b + 1j * np.flip(a)
    dots_agree(kernel, a.astype(name), b.astype(name))


@pytest.mark.parametrize("kind", KINDS)
def test_dots_of_many_blocks(kernel: Kernel, kind: str) -> None:
    rng = np.random.default_rng(11)
    for other in (kind, "normal"):
        first, second = (KINDS[name](rng, 6 * _C_BLOCK + 101) for name in (kind, other))
        dots_agree(kernel, first, second)
        dots_agree(kernel, first[::-1], second)


def test_one_dot_is_right(kernel: Kernel) -> None:
    rng = np.random.default_rng(12)
    first, second = rng.standard_normal((2, 3 * _C_BLOCK))
    first[5000] = 1e-305  # its block is not for compiled code
    expected = sum((Fraction(a) * Fraction(b) for a, b in zip(first, second, strict=True)), Fraction(0))
    assert dots_agree(kernel, first, second).total(first.dtype) == nearest(expected, "f8")


@pytest.mark.parametrize("direction", [0x400, 0x800])
def test_the_rounding_of_the_thread_does_not_matter(kernel: Kernel, direction: int) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("the numbers of rounding directions are those of x86")
    values = np.random.default_rng(2).standard_normal(20_000)
    expected = by(None, values)
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    before = libm.fegetround()
    libm.fesetround(direction)
    try:
        found = by(kernel, values)
        assert libm.fegetround() == direction
    finally:
        libm.fesetround(before)
    assert np.array_equal(found.limbs, expected.limbs)


def test_subnormals_count_where_they_were_turned_off(
    kernel: Kernel, compile_c: Callable[[str], Path]
) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("how subnormals are turned off is x86's")
    control = ctypes.CDLL(
        str(
            compile_c(
                "#include <xmmintrin.h>\n"
                "unsigned get(void) { return _mm_getcsr(); }\n"
                "void set(unsigned x) { _mm_setcsr(x); }\n"
            )
        )
    )
    values = np.tile([5e-324, 3e-310, -1e-320, 1e-300], 3000)
    expected = by(None, values)
    before = control.get()
    control.set(before | 0x8040)  # as libraries do that were compiled for fast arithmetic
    try:
        found = by(kernel, values)
        assert control.get() & 0x8040
    finally:
        control.set(before)
    assert np.array_equal(found.limbs, expected.limbs)


def test_the_environment_keeps_to_numpy(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_kernel, "LIBRARY", library)
    chosen = exact_kernel.kernel.__wrapped__
    assert chosen() is not None
    monkeypatch.setenv("PXENGINES_EXACT", "numpy")
    assert chosen() is None


def test_without_a_library_there_is_numpy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exact_kernel, "LIBRARY", tmp_path / "none.so")
    assert exact_kernel.kernel.__wrapped__() is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "cannot use .*broken.so: .*[Ff]ile"),
        ("int other(void) { return 1; }", "no kernel of exact sums"),
        (
            "int pxengines_exact_version(void) { return 1000; }\n"
            "int pxengines_exact_words(void) { return 75; }",
            "has version 1000, not 2; build this package again",
        ),
    ],
    ids=["no library", "another library", "another version"],
)
def test_a_library_that_cannot_be_used_is_told(
    text: str | None,
    why: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    library = tmp_path / "broken.so"
    library.write_text("no library", encoding="utf-8")
    if text is not None:
        library = request.getfixturevalue("compile_c")(text)
    monkeypatch.setattr(exact_kernel, "LIBRARY", library)
    with pytest.warns(RuntimeWarning, match=why):
        assert exact_kernel.kernel.__wrapped__() is None
