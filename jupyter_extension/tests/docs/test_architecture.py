"""ARCHITECTURE.md: its table of routes, its states and files, and the import rules of the batch side."""

from __future__ import annotations

import re

import pytest
from documents import rows, text_of
from test_imports import IMPURE_STANDARD, graph, within

from jupyterlab_engines import routes
from jupyterlab_engines.clusters import state
from jupyterlab_engines.handlers.base import NoSuchRoute
from pxengines.launch.spec import JobSpec

MAY_IMPORT = {
    "scheduler": ("api.names", "api.jobs", "api.profiles", "waiting"),
    "jobs": ("scheduler", "api", "audit", "errors", "waiting"),
    "profiles": ("scheduler.base", "scheduler.directives", "api", "errors"),
}
DIALECTS = ("openpbs", "openpbs_jobs", "torque", "torque_jobs", "slurm_torque", "pbs_common")
SIDE_DOORS = {"doctor", "cli", "launchers", "terminal_run"}


def test_all_routes_are_told() -> None:
    told: set[str] = set()
    for cells in rows("ARCHITECTURE.md", "route"):
        methods = [part.partition("?")[0].partition(" ") for part in re.findall(r"`([^`]+)`", cells[0])]
        first = methods[0][2]
        told.add(first)
        told |= {first.rpartition("/")[0] + f"/{name}" for name, blank, _ in methods[1:] if not blank}
    expected = {
        pattern.removeprefix(f"{routes.BASE}/").replace(routes._KEY, "{}")
        for pattern, handler in routes.ROUTES
        if handler is not NoSuchRoute
    }
    assert {re.sub(r"{\w+}", "{}", path) for path in told} == expected


def test_all_states_and_files_are_told() -> None:
    text = text_of("ARCHITECTURE.md")
    assert [name for name in state.EDGES if not re.search(rf"\b{name}\b", text)] == []
    requeued = {name for name, after in state.EDGES.items() if "queued" in after and name != "submitting"}
    assert requeued == {"starting", "ready", "degraded"}
    assert [name for name in state._STAGES if f"`{name}`" not in text] == []
    spec = set(JobSpec.__dataclass_fields__)
    assert [name for name in sorted(spec) if f"`{name}`" not in text] == []


# --- imports


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_the_batch_side_imports_what_is_told(package: str) -> None:
    allowed = [f"jupyterlab_engines.{name}" for name in (package, *MAY_IMPORT[package])]
    guilty = [
        (module, name)
        for module, names in graph().items()
        if within(module, f"jupyterlab_engines.{package}")
        for name in names
        if within(name, "jupyterlab_engines") and not any(within(name, a) for a in allowed)
    ]
    assert guilty == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_are_pure(dialect: str) -> None:
    names = graph()[f"jupyterlab_engines.scheduler.{dialect}"]
    # Paths of scripts are values here: nothing is read or written.
    assert {name.split(".")[0] for name in names} & (IMPURE_STANDARD - {"pathlib"}) == set()
    assert names.isdisjoint(f"jupyterlab_engines.scheduler.{name}" for name in ("client", "process", "local"))


@pytest.mark.parametrize("part", sorted(SIDE_DOORS))
def test_what_is_used_without_a_server_knows_no_handlers(part: str) -> None:
    guilty = [
        (module, name)
        for module, names in graph().items()
        if within(module, f"jupyterlab_engines.{part}")
        for name in names
        if within(name, "jupyterlab_engines.handlers") or within(name, "jupyterlab_engines.clusters.manager")
    ]
    assert guilty == []
