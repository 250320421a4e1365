"""How fast exact sums are on one core, against ``np.sum``: the local part, without MPI.

Run with ``python jupyter_extension/dev/bench_exact.py [MEGABYTES]``. Times are the processor's, of this
process, so that other work on the machine counts little; the best of several alternating runs.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pxengines.mpi.exact import accumulate

Array = npt.NDArray[np.generic]
REPEATS = 7


def data(count: int) -> dict[str, tuple[Array, tuple[int, ...] | None]]:
    """Return by name what is summed, and over which axes; all but float32 of ``8 * count`` bytes."""
    rng = np.random.default_rng(1)
    normal = rng.standard_normal(count)
    return {
        "normal": (normal, None),
        "uniform": (rng.random(count), None),
        "whole numbers": (rng.integers(-(10**6), 10**6, count).astype(float), None),
        "exponents of 600 decades": (normal * 10.0 ** rng.integers(-300, 300, count), None),
        "normal, float32": (normal.astype(np.float32), None),
        "normal, complex128": (normal.view(np.complex128), None),
        "normal, every second": (np.repeat(normal[: count // 2], 2)[::2], None),
        "1000 columns, axis 0": (normal.reshape(-1, 1000), (0,)),
        "1000 columns, axis 1": (normal.reshape(-1, 1000), (1,)),
        "each on its own": (normal[: count // 10], ()),
    }


def rounded_once(array: Array, axes: tuple[int, ...] | None) -> Array:
    """Return the sums of `array` over `axes`, correctly rounded."""
    return accumulate(array, axes).total(array.dtype)


def seconds(call: Callable[[], object]) -> float:
    """Return the processor time of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Measure, and print one line of JSON for each kind of data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("megabytes", nargs="?", type=int, default=80)
    count = parser.parse_args().megabytes * 125_000
    for name, (array, axes) in data(count).items():
        exact, plain = [], []
        for _ in range(REPEATS if axes is None else 3):
            exact.append(seconds(functools.partial(rounded_once, array, axes)))
            plain.append(seconds(functools.partial(np.sum, array, axis=axes)))
        print(
            json.dumps(
                {
                    "data": name,
                    "megabytes": array.nbytes / 1e6,
                    "exact_ms": round(min(exact) * 1e3, 1),
                    "exact_gb_per_s": round(array.nbytes / min(exact) / 1e9, 2),
                    "np_sum_ms": round(min(plain) * 1e3, 1),
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
