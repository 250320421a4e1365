"""How many nodes a start gets that does not say."""

from __future__ import annotations

import msgspec
import pytest

from jupyterlab_engines.api.models import NodeShape, Resources
from jupyterlab_engines.profiles.fit import fitted

NONE = Resources(
    queue=None,
    walltime_seconds=None,
    nodes=None,
    engines_per_node=None,
    cores_per_engine=None,
    memory_bytes=None,
    account=None,
)
NODES = [
    NodeShape(count=2, up=2, cores=16, memory_bytes=None),
    NodeShape(count=1, up=1, cores=8, memory_bytes=None),
]


@pytest.mark.parametrize(
    ("engines", "cores", "nodes"),
    [(1, None, None), (16, None, None), (17, None, 2), (33, None, 3), (8, 2, None), (9, 2, 2), (4, 20, None)],
)
def test_as_few_nodes_as_hold_the_engines(engines: int, cores: int | None, nodes: int | None) -> None:
    asked = msgspec.structs.replace(NONE, cores_per_engine=cores)
    assert fitted(asked, engines, NODES).nodes == nodes


def test_what_was_asked_for_stays() -> None:
    for asked in (
        msgspec.structs.replace(NONE, nodes=1),
        msgspec.structs.replace(NONE, engines_per_node=3),
    ):
        assert fitted(asked, 64, NODES) is asked
    assert fitted(NONE, 64, []) is NONE
