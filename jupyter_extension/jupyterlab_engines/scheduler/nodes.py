"""Nodes counted by shape. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ..api.jobs import NodeShape

_NOT_UP = re.compile(r"down|offline|unknown|stale|maintenance|unresolvable|provisioning|initializing|drain")


@dataclass(frozen=True)
class Node:
    """A node, or one of several parts of it that have the same host.

    Attributes
    ----------
    host : what the parts have in common.
    state : as printed, e.g. ``free``, ``down,offline``, ``job-exclusive``.
    """

    host: str
    state: str
    cores: int
    memory_bytes: int | None


def shapes(nodes: Iterable[Node]) -> list[NodeShape]:
    """Return how many nodes of which shape there are, those with most cores first.

    The cores and memory of a host's parts are added up; it is up if all of its parts are.
    """
    whole: dict[str, Node] = {}
    for node in nodes:
        before = whole.get(node.host)
        if before is not None:
            memory = [part for part in (before.memory_bytes, node.memory_bytes) if part is not None]
            node = Node(
                host=node.host,
                state=f"{before.state},{node.state}",
                cores=before.cores + node.cores,
                memory_bytes=sum(memory) if memory else None,
            )
        whole[node.host] = node
    count: Counter[tuple[int, int | None]] = Counter()
    up: Counter[tuple[int, int | None]] = Counter()
    for node in whole.values():
        shape = (node.cores, node.memory_bytes)
        count[shape] += 1
        up[shape] += _NOT_UP.search(node.state.lower()) is None
    return [
        NodeShape(count=count[shape], up=up[shape], cores=shape[0], memory_bytes=shape[1])
        for shape in sorted(count, key=lambda shape: (-shape[0], -(shape[1] or 0)))
    ]
