"""Which cells ``%autopx`` leaves in the notebook's kernel: those with magics that engines do not know."""

from __future__ import annotations

import pytest

from pxengines.dispatch.autopx import is_on, stays_here


@pytest.mark.parametrize(
    "cell",
    [
        "%%px\nx = 1",
        "\n  %%px --noblock\nx = 1",
        "%px x = 1",
        "a = 1\nstatus = %px x = 1",
        "%pxresult",
        "%pxconfig --block",
        "%load_ext pxengines\n%engines connect local",
        "total = %psum x",
    ],
)
def test_cells_about_engines_stay(cell: str) -> None:
    assert stays_here(cell)


@pytest.mark.parametrize(
    "cell", ["", "x = 1", "%autopx", "%matplotlib inline", "%%time\nx = 1", "print('%px')", "%load_ext other"]
)
def test_other_cells_go(cell: str) -> None:
    assert not stays_here(cell)


def test_it_is_off_without_ipython() -> None:
    assert not is_on(None)
