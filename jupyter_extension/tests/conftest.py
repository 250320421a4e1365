"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["pytest_jupyter.jupyter_server"]

_TESTS = Path(__file__).resolve().parent


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Keep a file's tests in one process, and all that need the one real scheduler in another.

    For pytest-xdist with ``--dist loadgroup``: tests of one file share servers, and tests that stop the
    scheduler or a node of it must not meet others that use it. Tests marked ``apart`` share nothing; they
    come last, and fill the time of the process that is done first.
    """
    for item in items:
        asked = item.callspec.params.values() if hasattr(item, "callspec") else ()
        parameters = [
            each for each in asked if isinstance(each, str)
        ]  # others may not compare to true or false
        if "rig" in [*getattr(item, "fixturenames", ()), *parameters]:
            item.add_marker(pytest.mark.xdist_group("rig"))
        elif item.get_closest_marker("apart") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(_TESTS).as_posix()))
    yield  # pytest-xdist reads the marks in the same hook, and puts the group behind the name
    if getattr(config.option, "loadgroup", False):
        for item in items:
            if item.get_closest_marker("xdist_group") is not None and "@" not in item.nodeid:
                raise pytest.UsageError(
                    "pytest-xdist did not take the groups: this pytest is too new for it."
                )
