"""How engines are spread over nodes, and what is odd about that. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..api.profiles import FieldProblem, Resources
from ..scheduler.directives import cores_per_engine, engines_over_nodes
from .strings import error, warning
from .text import count


@dataclass(frozen=True)
class Layout:
    """How engines are spread over nodes.

    Attributes
    ----------
    nodes : how many.
    engines_per_node : most engines on one node.
    cores_per_node : most cores that one node must have.
    """

    nodes: int
    engines_per_node: int
    cores_per_node: int

    @classmethod
    def of(cls, engines: int, resources: Resources) -> Layout:
        """Return the layout of `engines` engines; raises ValueError if they cannot be spread like that."""
        spread = engines_over_nodes(engines, resources)
        per_node = spread[0][1]
        nodes = sum(nodes for nodes, _ in spread)
        return cls(nodes, per_node, per_node * cores_per_engine(resources))


def spread_problems(engines: int, resources: Resources) -> Iterator[FieldProblem]:
    """Yield what does not fit, or is asked for otherwise than the fields say."""
    nodes, per_node = resources.nodes, resources.engines_per_node
    if nodes is not None and nodes > engines:
        yield error(
            "resources.nodes", f"{count(nodes, 'node')} for {count(engines, 'engine')}: some are empty."
        )
    elif nodes is not None and per_node is not None and nodes * per_node < engines:
        yield error(
            "resources.engines_per_node",
            f"{count(nodes, 'node')} with {count(per_node, 'engine')} each hold {nodes * per_node}; "
            f"you ask for {engines}.",
        )
    elif nodes is not None and per_node is not None and (nodes - 1) * per_node >= engines:
        yield warning(
            "resources.nodes",
            f"{count(engines, 'engine')} fit on {count(-(-engines // per_node), 'node')}; "
            f"the job asks for {_in_words(engines, resources)}.",
        )
    elif per_node is not None and per_node > engines:
        yield warning(
            "resources.engines_per_node",
            f"{per_node} are more than there are engines: the job asks for {_in_words(engines, resources)}.",
        )


def idle_cores(engines: int, resources: Resources, layout: Layout) -> Iterator[FieldProblem]:
    """Yield how many cores stay idle where each node is asked for the same, see `Dialect.nodes_alike`."""
    asked, used = layout.nodes * layout.cores_per_node, engines * cores_per_engine(resources)
    if asked > used:
        idle = asked - used
        yield warning(
            core_field(resources),
            f"This batch system's commands ask for the same on each node: {layout.nodes} nodes with "
            f"{count(layout.cores_per_node, 'core')} each, {asked} in all. {count(idle, 'core')} of them "
            f"{'stays' if idle == 1 else 'stay'} idle.",
        )


def _in_words(engines: int, resources: Resources) -> str:
    """Return how engines are spread, e.g. ``1 node with 4 engines and 2 nodes with 3 engines each``."""
    return " and ".join(
        f"{count(nodes, 'node')} with {count(here, 'engine')}{' each' if nodes > 1 else ''}"
        for nodes, here in engines_over_nodes(engines, resources)
    )


def node_field(resources: Resources) -> str:
    """Return the field at which to say that there are not enough nodes."""
    return "resources.nodes" if resources.nodes is not None else "engines"


def core_field(resources: Resources) -> str:
    """Return the field at which to say that a node has not enough cores."""
    if resources.engines_per_node is not None:
        return "resources.engines_per_node"
    return node_field(resources)
