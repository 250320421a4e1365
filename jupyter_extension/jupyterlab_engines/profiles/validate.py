"""What is wrong with the settings of a profile, or with a start, before anything is submitted. Pure.

Judged is what is known: the settings alone always, queues and nodes if the scheduler has told them. Paths
of fields are those of `ProfileSettings`; errors keep a job from being submitted, warnings do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..api.jobs import NodeShape, Queue, SchedulerInfo
from ..api.profiles import FieldProblem, ProfileSettings, Resources
from ..scheduler.directives import cores_per_engine
from .layout import Layout, core_field, idle_cores, node_field, spread_problems
from .strings import error, string_problems, warning
from .text import count, duration, memory

MIN_WALLTIME_SECONDS = 60
MAX_WALLTIME_SECONDS = 366 * 86400
_MOST = 100_000
_LEAST_MEMORY = 1024**2
_THIN_MEMORY = 128 * 1024**2
"""What an engine needs to import numpy and MPI, roughly."""

Problems = Iterator[FieldProblem]


@dataclass(frozen=True)
class Limits:
    """What one cluster, and one user, may have at most; None: no limit."""

    max_engines: int | None = None
    max_walltime_seconds: int | None = None
    max_clusters_per_user: int | None = None

    def within(self, other: Limits) -> Limits:
        """Return the tighter of both, limit by limit."""
        return Limits(
            _least(self.max_engines, other.max_engines),
            _least(self.max_walltime_seconds, other.max_walltime_seconds),
            _least(self.max_clusters_per_user, other.max_clusters_per_user),
        )


def problems(
    settings: ProfileSettings,
    engines: int,
    resources: Resources,
    info: SchedulerInfo | None,
    limits: Limits,
    *,
    nodes_alike: bool = False,
) -> list[FieldProblem]:
    """Return what is wrong with starting `engines` engines on `resources`; empty: nothing is known to be.

    Parameters
    ----------
    settings : the profile's; its own proposals of engines and resources are not looked at.
    engines, resources : of the start.
    info : queues and nodes; None: the scheduler has not told them.
    limits : the site's.
    nodes_alike : each node of a job is asked for the same, see `Dialect`.
    """
    found = [*string_problems(settings, resources), *_numbers(engines, resources)]
    sound = not any(p.severity == "error" and not p.field.startswith(_TEXTS) for p in found)
    found += _limits(engines, resources, info, limits)
    spread = [*spread_problems(engines, resources)] if sound else []
    if sound and not any(p.severity == "error" for p in spread):
        layout = Layout.of(engines, resources)
        spread += idle_cores(engines, resources, layout) if nodes_alike else ()
        spread += _thin(resources, layout)
        if info is not None:
            if not any(p.field == "resources.queue" for p in found):
                found += _queue(engines, resources, layout, info.queues)
            found += _nodes(resources, layout, info.nodes)
    return [*found, *spread]


_TEXTS = ("resources.queue", "resources.account", "prologue", "directives", "python", "mpi", "controller")


def _numbers(engines: int, resources: Resources) -> Problems:
    yield from _between("engines", engines, 1, _MOST)
    yield from _between("resources.nodes", resources.nodes, 1, _MOST)
    yield from _between("resources.engines_per_node", resources.engines_per_node, 1, _MOST)
    yield from _between("resources.cores_per_engine", resources.cores_per_engine, 1, _MOST)
    walltime = resources.walltime_seconds
    if walltime is not None and walltime < MIN_WALLTIME_SECONDS:
        yield error("resources.walltime_seconds", "The walltime must be at least 1 minute.")
    if walltime is not None and walltime > MAX_WALLTIME_SECONDS:
        yield error("resources.walltime_seconds", "The walltime can be 366 days at most.")
    size = resources.memory_bytes
    if size is not None and not _LEAST_MEMORY <= size <= 2**60:
        yield error("resources.memory_bytes", "The memory of a node must be between 1 MiB and 1 EiB.")


def _between(field: str, number: int | None, least: int, most: int) -> Problems:
    if number is not None and not least <= number <= most:
        yield error(field, f"It must be a whole number from {least} to {most}, not {number}.")


def _limits(engines: int, resources: Resources, info: SchedulerInfo | None, limits: Limits) -> Problems:
    if limits.max_engines is not None and engines > limits.max_engines:
        yield error("engines", f"At most {limits.max_engines} engines are allowed; you ask for {engines}.")
    most, walltime = limits.max_walltime_seconds, resources.walltime_seconds
    if most is None:
        return
    if walltime is None:
        queue = _the_queue(resources, [] if info is None else info.queues)
        default = None if queue is None else queue.default_walltime_seconds
        if default is None or default > most:
            yield error("resources.walltime_seconds", f"Set a walltime; {duration(most)} is allowed here.")
    elif walltime > most:
        yield error(
            "resources.walltime_seconds",
            f"At most {duration(most)} is allowed here; you ask for {duration(walltime)}.",
        )


def _thin(resources: Resources, layout: Layout) -> Problems:
    if resources.memory_bytes is not None and resources.memory_bytes < _THIN_MEMORY * layout.engines_per_node:
        yield warning(
            "resources.memory_bytes",
            f"{memory(resources.memory_bytes)} is little for {count(layout.engines_per_node, 'engine')} on a "
            "node: the scheduler may end them.",
        )


def _queue(engines: int, resources: Resources, layout: Layout, queues: list[Queue]) -> Problems:
    if not queues:
        return
    queue = _the_queue(resources, queues)
    if queue is None:
        if resources.queue is not None:
            names = ", ".join(sorted(q.name for q in queues if q.enabled))
            yield error(
                "resources.queue", f"There is no queue `{resources.queue}`. There is: {names or 'none'}."
            )
        else:
            yield from _no_queue_allows(resources, queues)
        return
    if not queue.enabled:
        yield error("resources.queue", f"The queue `{queue.name}` is closed: it takes no jobs.")
    elif not queue.started:
        yield warning("resources.queue", f"The queue `{queue.name}` takes jobs, but runs none at present.")
    most, walltime = queue.max_walltime_seconds, resources.walltime_seconds
    if most is not None and walltime is not None and walltime > most:
        yield error(
            "resources.walltime_seconds",
            f"`{queue.name}` allows {duration(most)}; you ask for {duration(walltime)}.",
        )
    if queue.max_nodes is not None and layout.nodes > queue.max_nodes:
        yield error(
            node_field(resources),
            f"`{queue.name}` allows {count(queue.max_nodes, 'node')}; you ask for {layout.nodes}.",
        )
    cores = engines * cores_per_engine(resources)
    if queue.max_cores is not None and cores > queue.max_cores:
        yield error(
            "engines", f"`{queue.name}` allows {count(queue.max_cores, 'core')}; you ask for {cores}."
        )


def _no_queue_allows(resources: Resources, queues: list[Queue]) -> Problems:
    """Yield that a walltime is too long for any queue: for when it is not known which one it will be."""
    limits = [(queue.max_walltime_seconds, queue.name) for queue in queues if queue.enabled]
    known = [(most, name) for most, name in limits if most is not None]
    walltime = resources.walltime_seconds
    if walltime is None or not known or len(known) < len(limits):
        return
    most, name = max(known)
    if walltime > most:
        yield warning(
            "resources.walltime_seconds",
            f"No queue allows {duration(walltime)}: `{name}` allows most, {duration(most)}.",
        )


def _nodes(resources: Resources, layout: Layout, shapes: list[NodeShape]) -> Problems:
    """Yield what no node, or not enough of them, can give."""
    if not shapes:
        return
    most_cores = max(shape.cores for shape in shapes)
    if layout.cores_per_node > most_cores:
        yield error(
            core_field(resources),
            f"No node has more than {count(most_cores, 'core')}; you ask for {layout.cores_per_node} on one"
            f"{'' if resources.engines_per_node or resources.nodes else ': spread the engines over nodes'}.",
        )
        return
    wanted = resources.memory_bytes
    sizes = [shape.memory_bytes for shape in shapes]
    if wanted is not None and all(size is not None and size < wanted for size in sizes):
        largest = max(size for size in sizes if size is not None)
        yield error(
            "resources.memory_bytes",
            f"No node has more than {memory(largest)}; you ask for {memory(wanted)} on each.",
        )
        return
    fitting = [
        shape
        for shape in shapes
        if shape.cores >= layout.cores_per_node
        and (wanted is None or shape.memory_bytes is None or shape.memory_bytes >= wanted)
    ]
    there, up = sum(shape.count for shape in fitting), sum(shape.up for shape in fitting)
    nodes = layout.nodes
    if nodes > there:
        kind = "" if len(fitting) == len(shapes) else " with that many cores and that much memory"
        verb = "is" if there == 1 else "are"
        yield error(node_field(resources), f"There {verb} {count(there, 'node')}{kind}; you ask for {nodes}.")
    elif nodes > up:
        yield warning(
            node_field(resources),
            f"{up} of {count(there, 'node')} {'is' if up == 1 else 'are'} up: the job waits for others.",
        )


def _the_queue(resources: Resources, queues: list[Queue]) -> Queue | None:
    """Return the queue that is asked for, or the default one; None if it is not known."""
    for queue in queues:
        if queue.name == resources.queue or (resources.queue is None and queue.is_default):
            return queue
    return None


def _least(one: int | None, other: int | None) -> int | None:
    given = [limit for limit in (one, other) if limit is not None]
    return min(given) if given else None
