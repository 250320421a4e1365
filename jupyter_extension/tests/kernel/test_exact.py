"""Exact sums against ``fractions.Fraction``: one rounding, whatever the split, order and memory layout."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from effort import examples
from exact_data import KINDS, REAL, Array, exact_sum, fraction, lists, nearest, numbers, same
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pxengines.mpi import exact, exact_blocks, exact_dot, exact_sinks
from pxengines.mpi.exact import Accumulator, accumulate, combine
from pxengines.mpi.exact_dot import accumulate_dot
from pxengines.mpi.exact_round import rounded


@pytest.fixture(scope="module", autouse=True)
def in_numpy() -> Iterator[None]:
    """Everything here is added up by numpy; test_exact_kernel.py compares the compiled code with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "kernel", lambda: None)
        patch.setattr(exact_dot, "kernel", lambda: None)
        yield


def test_the_reference_itself() -> None:
    for value in [0.1, 5e-324, 1.7976931348623157e308, 1 / 3]:
        assert nearest(Fraction(value), "f8") == value
        assert nearest(Fraction(value), "f4") == np.float32(min(value, 3e38)) or value > 1e300
    assert nearest(Fraction(2) ** 1024, "f8") == math.inf
    assert nearest(Fraction(2) ** -1075, "f8") == 0


@pytest.mark.parametrize("name", REAL)
@settings(max_examples=examples(25), deadline=None, derandomize=True)
@given(data=st.data())
def test_sum_and_mean_are_rounded_once(name: str, data: st.DataObject) -> None:
    values = data.draw(lists(name))
    total = sum((fraction(value) for value in values), Fraction(0))
    found = accumulate(np.array(values, name))
    assert found.count == len(values)
    sum_, expected = found.total(np.dtype(name))[()], nearest(total, name)
    if total == 0 and values and all(value == 0 and np.signbit(value) for value in values):
        expected = -expected
    assert same(sum_, expected)
    if values and total:
        assert same(found.mean(np.dtype(name))[()], nearest(total / len(values), name))
    if name == "f8":
        try:
            assert sum_ == math.fsum(float(value) for value in values)
        except OverflowError:
            pass  # of fsum, on the way


@settings(max_examples=examples(25), deadline=None, derandomize=True)
@given(
    st.lists(st.integers(-(2**62), 2**62), min_size=0, max_size=5),
    st.integers(-520, 515),
    st.sampled_from([1, 2, 3, 7, 10, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**33 - 1, 3**39]),
    st.sampled_from(REAL),
    st.integers(1, 20),
)
@example([1263248596961149231, -2123342786782762096, -4233771963502889892], -3, 2**33 - 1, "f8", 20)
def test_rounding_of_any_limbs(limbs: list[int], low: int, divisor: int, name: str, copies: int) -> None:
    value = sum(
        (Fraction(limb) * Fraction(2) ** (32 * (low + i)) for i, limb in enumerate(limbs)), Fraction(0)
    )
    planes = np.repeat(np.array(limbs, np.int64).reshape(-1, 1), copies, axis=1)
    found = rounded(planes, low, np.dtype(name), divisor)
    expected = nearest(value / divisor, name)
    assert same(found, np.full(copies, expected) if value else np.zeros(copies, name))


@pytest.mark.parametrize("name", REAL)
@settings(max_examples=examples(15), deadline=None, derandomize=True)
@given(data=st.data())
def test_any_split_and_order_gives_the_same_bits(name: str, data: st.DataObject) -> None:
    special = st.sampled_from([math.inf, -math.inf, math.nan, -0.0, 0.0])
    values = data.draw(lists(name))
    values += data.draw(st.lists(special.map(np.dtype(name).type), max_size=3) | st.just([]))
    whole = accumulate(np.array(values, name))
    shuffled = data.draw(st.permutations(values))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=7)))
    edges = [0, *cuts, len(values)]
    parts = [accumulate(np.array(shuffled[a:b], name)) for a, b in itertools.pairwise(edges)]
    together = combine(parts)
    assert together.count == whole.count
    for result in REAL:
        assert same(together.total(np.dtype(result)), whole.total(np.dtype(result)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0.0),
        ([-0.0], -0.0),
        ([-0.0, -0.0], -0.0),
        ([-0.0, 0.0], 0.0),
        ([1.0, -1.0], 0.0),
        ([math.inf, 1.0], math.inf),
        ([-math.inf, 1e308, 1e308], -math.inf),
        ([math.inf, -math.inf], math.nan),
        ([math.nan, math.inf], math.nan),
        ([1.7e308, 1.7e308], math.inf),
        ([-1.7e308, -1.7e308], -math.inf),
        ([1.7e308, 1.7e308, -1.7e308], 1.7e308),
        ([5e-324, 5e-324], 1e-323),
        ([1.0, 2.0**-53], 1.0),
        ([1.0, 2.0**-53, 5e-324], 1.0 + 2.0**-52),
        ([1e308, 5e-324, -1e308], 5e-324),
    ],
)
def test_sums_as_of_ieee(values: list[float], expected: float) -> None:
    array = np.array(values)
    assert same(accumulate(array).total(array.dtype), expected)
    # One rank for each value, and some ranks with none.
    parts = [accumulate(array[:0]), *[accumulate(array[i : i + 1]) for i in range(len(values))]]
    assert same(combine(parts).total(array.dtype), expected)
    # Each value a sum of its own.
    each = [accumulate(array[i : i + 1], ()) for i in range(len(values))]
    if each:
        assert same(combine(each).total(array.dtype), [expected])


DTYPES = [
    "?",
    "i1",
    "u2",
    "i4",
    "i8",
    "u8",
    "f2",
    "f4",
    "f8",
    "g",
    "c8",
    "c16",
    "G",
    ">i8",
    ">f2",
    ">f4",
    ">f8",
    ">c16",
]


@pytest.mark.parametrize("name", [name for name in DTYPES if name not in "gG" or "g" in REAL])
@settings(max_examples=examples(8), deadline=None, derandomize=True)
@given(data=st.data())
def test_axes_and_layouts(name: str, data: st.DataObject) -> None:
    dtype = np.dtype(name)
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    axes = tuple(data.draw(st.lists(st.sampled_from(range(len(shape))), unique=True)) if shape else [])
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    if dtype.kind in "iub":
        # Through 64 bits at most: numpy draws no wider ones.
        array = rng.integers(0, 256, (*shape, dtype.itemsize), np.uint8).view(dtype)[..., 0]
        array = array if dtype.kind != "b" else rng.random(shape) < 0.5
    else:
        array = rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 4, shape)
        array = array + 1j * np.flip(array) if dtype.kind == "c" else array
        array = array.astype(dtype)
    layout = data.draw(st.sampled_from(["c", "fortran", "strided", "reversed", "read-only", "moved"]))
    if layout == "fortran" and shape:
        array = np.asfortranarray(array)
    elif layout == "strided" and shape:
        array = np.repeat(array, 2, axis=-1)[..., ::2]
    elif layout == "reversed" and shape:
        array = array[::-1]
    elif layout == "read-only":
        array.setflags(write=False)
    elif layout == "moved" and shape:
        array = np.ascontiguousarray(array.T).T
    before = array.copy()
    found = accumulate(array, axes)
    assert np.array_equal(before, array)
    result = np.dtype(np.float64) if dtype.kind in "iub" else dtype.newbyteorder("=")
    expected_shape = tuple(n for i, n in enumerate(shape) if i not in axes)
    real = {"c8": "f4", "c16": "f8", "G": "g"}.get(result.char if result.char == "G" else result.str[1:], "")
    moved = np.moveaxis(array, axes, range(-len(axes), 0)) if axes else array

    def reference(part: Array, kind: str) -> Array:
        flat = part.reshape(*expected_shape, math.prod(shape[i] for i in axes))
        out = np.zeros(expected_shape, kind)
        for place in np.ndindex(*expected_shape):
            values = [Fraction(int(x)) if dtype.kind in "iub" else fraction(x) for x in flat[place]]
            out[place] = nearest(sum(values, Fraction(0)), kind)
        return out

    total = found.total(result)
    assert total.dtype == result
    if real:
        assert same(total.real, reference(moved.real, real))
        assert same(total.imag, reference(moved.imag, real))
    else:
        assert same(total, reference(moved, "g" if result.char == "g" else result.str[1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_many_blocks(kind: str) -> None:
    rng = np.random.default_rng(5)
    values = KINDS[kind](rng, exact_blocks.BLOCK + 101)
    expected = nearest(exact_sum(values), "f8")
    expected = -expected if kind == "negative zeros" else expected
    assert same(accumulate(values).total(values.dtype), expected)
    assert same(accumulate(values[::-1]).total(values.dtype), expected)
    table = values[: exact_blocks.BLOCK].reshape(-1, 64)
    for axis in (0, 1):
        found = accumulate(table, (axis,)).total(values.dtype)
        columns = np.moveaxis(table, axis, -1)
        sums = [accumulate(np.ascontiguousarray(column)).total(values.dtype) for column in columns]
        assert same(found, np.array(sums))
    assert same(accumulate(values, ()).total(values.dtype), values)


def test_most_ranks_do_not_overflow() -> None:
    for values in (
        np.full(1000, 1e300),
        np.full(1000, -1.1e-5),
        np.random.default_rng(3).standard_normal(1000),
    ):
        part = accumulate(values)
        assert (np.abs(part.limbs) <= 2**31).all()
        words = part.words()
        # What 2**31 - 1 equal ranks add up to; in int64 as MPI would.
        wire = part.to_wire(words)
        assert max(abs(int(word)) for word in wire) * exact.MOST_RANKS < 2**63
        together = Accumulator.from_wire(wire * np.int64(exact.MOST_RANKS), words, part.shape)
        expected = exact_sum(values) * exact.MOST_RANKS
        assert together.total(values.dtype) == nearest(expected, "f8")
        assert together.mean(values.dtype) == nearest(expected / together.count, "f8")


def test_only_the_bins_that_occur_are_sent() -> None:
    part = accumulate(np.array([1.0, 2.0, -3.0]), ())
    assert part.limbs.shape == (1, 3) and part.low == 0 and part.special is None
    assert len(part.to_wire(part.words())) == 3 + 1
    far = accumulate(np.array([2.0**-64, 0.0, 2.0**64]), ())
    words = exact.agreed([part.words(), far.words()])
    assert len(part.to_wire(words)) == len(far.to_wire(words)) == 5 * 3 + 1


def test_fields_of_special_counts_hold_most_ranks() -> None:
    words = (0, 0, 1)
    for values in ([math.inf], [-math.inf], [math.nan], [-0.0], [1.0]):
        part = accumulate(np.array(values))
        wire = part.to_wire(words) * np.int64(exact.MOST_RANKS)
        assert same(Accumulator.from_wire(wire, words, ()).special[0] >= 0, np.array(True))  # type: ignore[index]


def test_sorted_sums_are_emptied_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_sinks, "_SORTED_MOST", 4 * exact_blocks.BLOCK)
    values = KINDS["bits"](np.random.default_rng(6), 20 * exact_blocks.BLOCK)
    values[np.abs(values) > 1e290] = 1.5
    expected = exact_sum(values)
    assert accumulate(values).total(values.dtype) == nearest(expected, "f8")


@pytest.mark.parametrize("bad", [np.array([object()]), np.array(["a"]), np.array(["2020"], "M8[Y]")])
def test_what_are_no_numbers_is_refused(bad: Array) -> None:
    with pytest.raises(TypeError, match=r"cannot add values of dtype .* exactly"):
        accumulate(bad)


def test_mean_of_nothing() -> None:
    assert same(accumulate(np.zeros(0)).mean(np.dtype(float)), math.nan)
    assert same(accumulate(np.zeros((0, 2)), (0,)).mean(np.dtype("f4")), np.full(2, np.nan, "f4"))


@pytest.mark.parametrize("name", ["f2", "f4", "f8"])
@settings(max_examples=examples(25), deadline=None, derandomize=True)
@given(data=st.data())
def test_dot_is_rounded_once(name: str, data: st.DataObject) -> None:
    first = data.draw(lists(name))
    second = data.draw(st.lists(numbers(name), min_size=len(first), max_size=len(first)))
    products = [fraction(a) * fraction(b) for a, b in zip(first, second, strict=True)]
    total = sum(products, Fraction(0))
    a, b = np.array(first, name), np.array(second, name)
    found = accumulate_dot(a, b)
    assert found.count == len(first)
    if total:
        assert same(found.total(np.dtype(name)), nearest(total, name))
        turned = combine([accumulate_dot(b[2:], a[2:]), accumulate_dot(b[:2], a[:2])])
        assert same(turned.total(np.dtype(name)), nearest(total, name))
    if name == "f2":
        return
    # (a + ib)(b + ia) = i(a**2 + b**2), in which the real parts cancel exactly.
    kind = np.dtype("c8" if name == "f4" else "c16")
    z, w = a.astype(kind), b.astype(kind)
    z.imag, w.imag = b, a
    squares = sum((fraction(x) ** 2 for x in [*first, *second]), Fraction(0))
    product = accumulate_dot(z, w)
    assert product.count == len(first)
    assert product.total(kind).real == 0
    assert product.total(kind).imag == nearest(squares, name)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([], [], 0.0),
        ([-0.0], [1.0], -0.0),
        ([-0.0, 1.0], [1.0, 0.0], 0.0),
        ([-1e-300], [1e-300], -0.0),  # the product is not zero, but rounds to it
        ([1e300, -1e300], [1e300, 1e300], 0.0),
        ([1e300], [1e300], math.inf),
        ([1e300, 1e300, 1.5], [1e300, -1e300, 2.0], 3.0),
        ([math.inf], [0.0], math.nan),
        ([math.inf, 1e300], [-1.0, 1e300], -math.inf),
        ([math.nan], [1.0], math.nan),
        ([5e-324, 5e-324], [0.5, 0.5], 5e-324),
        ([1e-200, 1.0], [1e-200, 1.0], 1.0),
    ],
)
def test_dots_as_of_ieee(first: list[float], second: list[float], expected: float) -> None:
    found = accumulate_dot(np.array(first), np.array(second)).total(np.dtype(float))
    assert found == expected or (np.isnan(found) and np.isnan(expected))
    if expected:
        assert same(found, expected)


@pytest.mark.parametrize("exponent", range(-1070, -940, 10))
def test_dot_of_products_with_a_tiny_error(exponent: int) -> None:
    rng = np.random.default_rng(9)
    first = np.ldexp(rng.random(50) + 1, exponent // 2)
    second = np.ldexp(rng.random(50) + 1, exponent - exponent // 2)
    # Less their rounded products, so that the errors are what is left.
    first, second = np.append(first, -first * second), np.append(second, np.ones(50))
    products = [fraction(a) * fraction(b) for a, b in zip(first, second, strict=True)]
    found = accumulate_dot(first, second)
    # Times 2**320, which makes a number of what is left.
    found = Accumulator(found.limbs, found.low + 10, found.special, found.count)
    assert found.total(first.dtype) == nearest(sum(products, Fraction(0)) * 2**320, "f8")


def test_dot_of_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(TypeError, match="exact dot product of values of dtype int64"):
        accumulate_dot(np.arange(3), np.ones(3))
    with pytest.raises(ValueError, match="they differ"):
        accumulate_dot(np.ones(2), np.ones(3))


@pytest.mark.parametrize("name", REAL)
def test_sums_side_by_side_are_those_one_by_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Small blocks, so that small tables are cut along both axes.
    monkeypatch.setattr(exact, "BLOCK", 64)
    rng = np.random.default_rng(8)
    greatest, least = np.finfo(name).max, np.finfo(name).tiny
    pool = np.array([math.inf, -math.inf, math.nan, -0.0, 0.0, 1.0, -1.0, greatest, least])
    zeros = pool[3:5]
    for share, values in [(0, pool), (0.02, pool), (0.2, pool), (1, pool), (1, zeros), (1, zeros[:1])]:
        shape = (40, 30) if name != "g" else (10, 12)  # whose exponents fill a thousand bins
        table = (rng.standard_normal(shape) * 2.0 ** rng.integers(-30, 10, shape)).astype(name)
        chosen = rng.random(table.shape) < share
        table[chosen] = rng.choice(values, chosen.sum())
        table[:, :3], table[:2] = -0.0, -0.0
        for array in (table, np.asfortranarray(table), table[::-1, ::2]):
            for axis in (0, 1):
                columns = np.moveaxis(array, axis, -1)
                each = [accumulate(np.ascontiguousarray(column)) for column in columns]
                expected = np.array([one.total(table.dtype) for one in each])
                assert same(accumulate(array, (axis,)).total(table.dtype), expected)
                # Two ranks: the special words of one may be there only for the other.
                halves = np.array_split(array, 2, axis=axis)
                assert same(
                    combine(accumulate(half, (axis,)) for half in halves).total(table.dtype), expected
                )
            assert same(accumulate(array, ()).total(table.dtype), array)
