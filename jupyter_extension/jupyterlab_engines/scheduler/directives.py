"""What goes into ``#PBS`` lines in all dialects: engines over nodes, values that are safe. Pure."""

from __future__ import annotations

import re
from itertools import groupby

from ..api.profiles import Resources

_QUEUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,99}")
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:+-]{0,99}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,14}")
_ANY_NAME = re.compile(r"[!-,.-~][!-~]{0,235}")
_KILOBYTE = 1024


def safe_queue(queue: str) -> str:
    """Return `queue`; raise ValueError if it could be more than a queue's name."""
    return _safe("resources.queue", queue, _QUEUE)


def safe_account(account: str) -> str:
    """Return `account`; raise ValueError if it could be more than an account."""
    return _safe("resources.account", account, _ACCOUNT)


def safe_name(name: str) -> str:
    """Return `name`; raise ValueError if it is no job name that every dialect takes."""
    return _safe("name", name, _NAME)


def any_name(name: str) -> str:
    """Return `name`; raise ValueError if no job can have it. Users' templates have longer ones than ours."""
    return _safe("name", name, _ANY_NAME)


def _safe(field: str, value: str, pattern: re.Pattern[str]) -> str:
    if pattern.fullmatch(value) is None:
        raise ValueError(
            f"{field}: {value[:100]!r} cannot be written into a #PBS line; "
            "use letters, digits, '_', '.' and '-', and no blanks."
        )
    return value


def _positive(field: str, value: int | None) -> int | None:
    if value is not None and value < 1:
        raise ValueError(f"{field}: {value} is not at least 1.")
    return value


def engines_over_nodes(engines: int, resources: Resources) -> list[tuple[int, int]]:
    """Return [(nodes, engines on each of them), …] with the fullest first, e.g. [(1, 4), (1, 3)].

    With neither nodes nor engines per node all go on one node: what a node holds is for the caller to know.
    Raises ValueError, naming the field, if they do not fit.
    """
    _positive("engines", engines)
    nodes = _positive("resources.nodes", resources.nodes)
    per_node = _positive("resources.engines_per_node", resources.engines_per_node)
    if nodes is None:
        full, rest = divmod(engines, per_node or engines)
        counts = [per_node or engines] * full + ([rest] if rest else [])
    else:
        if nodes > engines:
            raise ValueError(f"resources.nodes: {nodes} nodes are more than {engines} engines.")
        if per_node is not None and nodes * per_node < engines:
            raise ValueError(
                f"resources.engines_per_node: {nodes} nodes with {per_node} engines each "
                f"do not hold {engines} engines."
            )
        low, more = divmod(engines, nodes)
        if per_node is not None and (nodes - 1) * per_node < engines:
            # Full nodes and one with the rest, as asked for, rather than an even split.
            counts = [per_node] * (nodes - 1) + [engines - (nodes - 1) * per_node]
        else:
            counts = [low + 1] * more + [low] * (nodes - more)
    return [(len(list(group)), count) for count, group in groupby(counts)]


def cores_per_engine(resources: Resources) -> int:
    """Return how many cores an engine gets, 1 unless asked for."""
    return _positive("resources.cores_per_engine", resources.cores_per_engine) or 1


def walltime_seconds(resources: Resources) -> int | None:
    """Return the walltime asked for; raise ValueError if it is none."""
    return _positive("resources.walltime_seconds", resources.walltime_seconds)


def memory_text(resources: Resources, nodes: int = 1) -> str | None:
    """Return the memory of so many nodes together, in whole kilobytes as every dialect reads it."""
    memory = _positive("resources.memory_bytes", resources.memory_bytes)
    return None if memory is None else f"{-(-memory // _KILOBYTE) * nodes}kb"


def queue_account_name(resources: Resources, name: str) -> list[str]:
    """Return the lines that are the same in all dialects: ``-q``, ``-A`` and ``-N``."""
    lines = [f"#PBS -N {safe_name(name)}"] if name else []
    if resources.queue is not None:
        lines.append(f"#PBS -q {safe_queue(resources.queue)}")
    if resources.account is not None:
        lines.append(f"#PBS -A {safe_account(resources.account)}")
    return lines
