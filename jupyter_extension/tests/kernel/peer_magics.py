"""A pytest plugin that lets ipyparallel's own tests of its magics run against ours.

For a pytest of its own (`test_dispatch_peer.py`), which knows nothing of our configuration.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ipyparallel.client import magics
from IPython import get_ipython

from pxengines.dispatch.magics import EnginesParallelMagics

# They raise on each engine at another second and expect to see all; ours end with the first, unless told.
WAIT_FOR_ALL = {"test_cellpx_error_stream", "test_cellpx_error_no_stream"}


@pytest.fixture(autouse=True)
def our_magics(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let ``view.activate()`` take our class; nothing else differs."""
    monkeypatch.setattr(magics, "ParallelMagics", EnginesParallelMagics)
    if request.node.name in WAIT_FOR_ALL:
        monkeypatch.setattr(EnginesParallelMagics, "on_error", "wait")
    yield
    shell = get_ipython()  # type: ignore[no-untyped-call]
    assert type(shell.magics_manager.magics["line"]["px"].__self__) is EnginesParallelMagics
