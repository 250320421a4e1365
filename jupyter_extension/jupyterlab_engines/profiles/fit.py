"""How many nodes a start needs that does not say: as few as hold its engines. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..api.jobs import NodeShape
from ..api.profiles import Resources


def fitted(resources: Resources, engines: int, nodes: Sequence[NodeShape]) -> Resources:
    """Return `resources` with the number of nodes that `engines` engines need, if one node is too small.

    Nothing is changed where nodes or engines per node are given, or where no node is known to hold an engine.
    """
    if resources.nodes is not None or resources.engines_per_node is not None:
        return resources
    cores = max((shape.cores for shape in nodes), default=0)
    on_one = cores // (resources.cores_per_engine or 1)
    if on_one < 1 or engines <= on_one:
        return resources
    return msgspec.structs.replace(resources, nodes=-(-engines // on_one))
