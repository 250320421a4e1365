"""The fixture of all tests that need a real scheduler."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rigside import Rig, ask_up, call_rig


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """The rig, up; ``npm test`` brings it up before, otherwise it is brought up and taken down here.

    Tests are skipped where it cannot run, but fail there if CI is set.
    """
    told = ask_up()
    if told["verdict"] == "skip":
        pytest.skip(told["reason"])
    if told["verdict"] == "fail":
        pytest.fail(f"{told['reason']} CI is set, so this is a failure and no skip.", pytrace=False)
    real = Rig(told)
    if real.why_root:
        print(f"The jobs of the rig run as root, because {real.why_root}.")
    yield real
    real.close()
    if told["started"]:
        done = call_rig("down")
        assert done.returncode == 0, done.stdout + done.stderr
