"""Numbers to add exactly, what their exact sum is, and how it rounds: from the definitions, in fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

Array = npt.NDArray[Any]
FLOATS = ["f2", "f4", "f8", "g"]
X86_LONG_DOUBLE = np.finfo(np.longdouble).nmant == 63
REAL = [name for name in FLOATS if name != "g" or np.finfo(np.longdouble).nmant in (52, 63)]


def from_bits(bits: int, dtype: np.dtype[Any]) -> Any:
    """Return the number of float16, float32 or float64 with these bits: all exponents are as likely."""
    return np.array(bits, f"u{dtype.itemsize}").view(dtype)[()]


def numbers(name: str) -> st.SearchStrategy[Any]:
    """Return all finite numbers of a type: near one another, anywhere, tiny, huge, powers of two."""
    dtype = np.dtype(name)
    info = np.finfo(dtype)
    if name == "g":
        whole = st.integers(-(2**64) + 1, 2**64 - 1)
        anywhere = st.integers(int(info.minexp) - 63, int(info.maxexp) - 64)
        exponent = st.integers(-70, 5) | anywhere
        return st.builds(lambda m, e: np.ldexp(np.longdouble(m), e), whole, exponent)
    anything = st.integers(0, 2 ** (8 * dtype.itemsize) - 1).map(lambda bits: from_bits(bits, dtype))
    powers = st.builds(
        lambda sign, e: dtype.type(sign * math.ldexp(1.0, e)),
        st.sampled_from([-1, 1]),
        st.integers(int(info.minexp) - int(info.nmant), int(info.maxexp) - 1),
    )
    special = st.sampled_from([0.0, -0.0, info.max, -info.max, info.smallest_subnormal, info.tiny, 1.0, -1.0])
    near = st.integers(-1000, 1000).map(lambda i: i / 8)
    return (anything | powers | special.map(dtype.type) | near.map(dtype.type)).filter(np.isfinite)


def lists(name: str) -> st.SearchStrategy[list[Any]]:
    """Return numbers, with their negatives mixed in: sums that cancel."""
    some = st.lists(numbers(name), max_size=12)
    return st.builds(lambda a, b: a + [-x for x in b], some, some) | st.builds(
        lambda a, b, order: order.sample(a + [-x for x in a] + b, 2 * len(a) + len(b)),
        some,
        st.lists(numbers(name), max_size=2),
        st.randoms(use_true_random=False),
    )


def fraction(value: Any) -> Fraction:
    """Return a finite number exactly."""
    numerator, denominator = value.as_integer_ratio()
    return Fraction(numerator, denominator)


def exact_sum(values: Array) -> Fraction:
    """Return the exact sum of finite float64 values; in integers, as adding many fractions takes long."""
    fractions, exponents = np.frexp(values)
    whole = np.ldexp(fractions, 53).astype(np.int64).tolist()
    scaled = sum(m << e + 1200 for m, e in zip(whole, exponents.tolist(), strict=True))
    return Fraction(scaled, 1 << 1200 + 53)


def nearest(exact_value: Fraction, name: str) -> Any:
    """Return the number of a type nearest to `exact_value`, ties to even, from the definition."""
    dtype = np.dtype(name)
    info = np.finfo(dtype)
    precision = {"f2": 11, "f4": 24, "f8": 53, "g": int(info.nmant) + 1}[name]
    least = {"f2": -24, "f4": -149, "f8": -1074, "g": -16445 if X86_LONG_DOUBLE else -1074}[name]
    most = {"f2": 16, "f4": 128, "f8": 1024, "g": 16384 if X86_LONG_DOUBLE else 1024}[name]
    size = abs(exact_value)
    if size == 0:
        return dtype.type(0)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if Fraction(2) ** exponent > size:
        exponent -= 1
    unit = max(exponent - precision + 1, least)
    whole = round(size / Fraction(2) ** unit)
    if whole * Fraction(2) ** unit >= Fraction(2) ** most:
        return dtype.type(math.inf if exact_value > 0 else -math.inf)
    if name == "g":
        result = np.ldexp(np.longdouble(whole), unit)
    else:
        result = dtype.type(math.ldexp(float(whole), unit))
    return -result if exact_value < 0 else result


def same(found: Any, expected: Any) -> bool:
    """Say whether two arrays have the same bits, but for nans."""
    found, expected = np.asarray(found), np.asarray(expected)
    nans = np.isnan(expected)
    return (
        found.dtype == expected.dtype
        and found.shape == expected.shape
        and bool(((found == expected) | nans & np.isnan(found)).all())
        and bool((np.signbit(found) == np.signbit(expected))[~nans].all())
    )


def finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, 1.0)


KINDS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "uniform": lambda rng, n: rng.random(n),
    "whole": lambda rng, n: rng.integers(-(10**6), 10**6, n).astype(float),
    "wide": lambda rng, n: rng.standard_normal(n) * 10.0 ** rng.integers(-300, 300, n),
    "bits": lambda rng, n: finite(rng.integers(-(2**63), 2**63 - 1, n).view(float)),
    "tiny": lambda rng, n: rng.standard_normal(n) * 1e-310,
    "huge": lambda rng, n: rng.standard_normal(n) * 1e307,
    "cancelling": lambda rng, n: np.append(np.outer([1e20, -1e20], rng.random(n // 2)), rng.random(n % 2)),
    "zeros": lambda rng, n: np.zeros(n),
    "negative zeros": lambda rng, n: np.full(n, -0.0),
    "equal": lambda rng, n: np.full(n, 1 - 2.0**-53),
    "equal, squares overflow": lambda rng, n: np.full(n, (1 - 2.0**-53) * 2.0**700),
    "equal, squares underflow": lambda rng, n: np.full(n, (1 - 2.0**-53) * 2.0**-700),
}  # fmt: skip
