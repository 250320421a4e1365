"""Sites that many rows share: starting a server costs more than most rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from batchsite import BatchSite


class Sites:
    """One site for each dialect; one that a failed row left in disorder is replaced."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._sites: dict[str, BatchSite] = {}

    def get(self, dialect: str) -> BatchSite:
        """Return the site of a dialect."""
        site = self._sites.get(dialect)
        if site is not None and site.spoiled:
            site.close()
            site = None
        if site is None:
            site = self._sites[dialect] = BatchSite(self._factory.mktemp(dialect), dialect)
            site.begin_with_profile()
        site.reset()
        return site

    def close(self) -> None:
        """End them all."""
        for site in self._sites.values():
            site.close()


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """The sites of this run of the tests."""
    found = Sites(tmp_path_factory)
    yield found
    found.close()


@pytest.fixture
def dialect() -> str:
    """The voice of the batch system; rows override it."""
    return "openpbs"


@pytest.fixture
def site(sites: Sites, dialect: str, request: pytest.FixtureRequest) -> Iterator[BatchSite]:
    """A site in order, of the row's dialect."""
    found = sites.get(dialect)
    found.spoiled = True
    yield found
    found.spoiled = found.crowded or not request.node.stash.get(PASSED, False)


PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note whether the row held."""
    yield
    if call.when == "call":
        item.stash[PASSED] = call.excinfo is None
