"""Who may import whom (ARCHITECTURE.md, "Parts"), read from the sources themselves."""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
SOURCES = REPO / "jupyter_extension"
TYPESCRIPT = REPO / "src"

# Modules that neither look at the clock nor at a process, file or environment, and what they may use.
PURE = {f"jupyterlab_engines.clusters.{name}" for name in ("state", "postmortem", "world", "words")}
PURE |= {
    f"jupyterlab_engines.profiles.{name}"
    for name in ("text", "strings", "layout", "validate", "template", "fit")
}
PURE |= {f"jupyterlab_engines.scheduler.{name}" for name in ("directives", "outcome", "jobids", "refusals")}
PURE_MAY_USE = PURE | {"msgspec"}
PURE_MAY_USE |= {
    f"jupyterlab_engines.api.{name}" for name in ("models", "activity", "names", "jobs", "profiles")
}
PURE_MAY_USE |= {f"jupyterlab_engines.scheduler.{name}" for name in ("base", "answer")}
IMPURE_STANDARD = {
    "asyncio", "ctypes", "datetime", "glob", "io", "logging", "multiprocessing", "os", "pathlib", "random",
    "resource", "shutil", "socket", "subprocess", "tempfile", "threading", "time", "uuid",
}  # fmt: skip


def module_name(path: Path) -> str:
    """Return the dotted name of the module in `path`."""
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    """Tell whether one of our own modules has this name."""
    path = SOURCES.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def imported_by(path: Path) -> Iterator[str]:
    """Yield the full name of every module that the file in `path` imports, wherever in the file it does."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                # `from . import state` names a module, `from .state import State` does not.
                yield f"{source}.{alias.name}" if is_module(f"{source}.{alias.name}") else source


@functools.cache
def graph() -> dict[str, set[str]]:
    """Return what each module imports; only where it is asked for, since all sources are read."""
    return {
        module_name(path): set(imported_by(path))
        for package in ("jupyterlab_engines", "pxengines")
        for path in sorted((SOURCES / package).rglob("*.py"))
    }


def within(name: str, package: str) -> bool:
    """Tell whether the module `name` is `package` or lies in it."""
    return name == package or name.startswith(f"{package}.")


def test_graph_is_whole() -> None:
    assert PURE <= set(graph())
    assert {"jupyterlab_engines.api.models", "pxengines.launch.paths"} <= set(graph())
    assert any(within(name, "pxengines.launch") for name in graph()["jupyterlab_engines.clusters.manager"])


@pytest.mark.parametrize("forbidden", ["jupyterlab_engines", "jupyter_server", "jupyterlab", "tornado"])
def test_kernel_side_needs_no_server(forbidden: str) -> None:
    guilty = {
        module: imports
        for module, names in graph().items()
        if within(module, "pxengines") and (imports := {n for n in names if within(n, forbidden)})
    }
    assert guilty == {}


def test_server_uses_only_file_names_of_the_kernel_side() -> None:
    allowed = ("pxengines.launch", "pxengines.profiles")
    guilty = {
        module: imports
        for module, names in graph().items()
        if within(module, "jupyterlab_engines")
        and (imports := {n for n in names if within(n, "pxengines") and not n.startswith(allowed)})
    }
    assert guilty == {}


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_stay_pure(module: str) -> None:
    foreign = {name for name in graph()[module] if name.split(".")[0] not in sys.stdlib_module_names}
    assert foreign <= PURE_MAY_USE
    assert {name.split(".")[0] for name in graph()[module]} & IMPURE_STANDARD == set()


def test_wire_types_depend_on_nothing() -> None:
    parts = {f"jupyterlab_engines.api.{name}" for name in ("activity", "names", "jobs", "profiles")}
    for module in {"jupyterlab_engines.api.models", *parts}:
        assert graph()[module] <= {"__future__", "typing", "msgspec"} | parts


def test_layers_of_the_server() -> None:
    """Routes know handlers, handlers know the manager, and never the other way round."""
    lower = {
        "jupyterlab_engines.api": ("clusters", "handlers", "routes", "app", "errors", "profiles"),
        "jupyterlab_engines.clusters": ("handlers", "routes", "app"),
        "jupyterlab_engines.handlers": ("routes", "app"),
        "jupyterlab_engines.doctor": ("handlers", "routes"),
        "jupyterlab_engines.scheduler": ("clusters", "jobs", "profiles", "handlers", "routes", "app"),
        "jupyterlab_engines.jobs": ("clusters", "profiles", "handlers", "routes", "app"),
        "jupyterlab_engines.profiles": ("clusters", "jobs", "handlers", "routes", "app"),
    }
    guilty = [
        (module, name)
        for package, above in lower.items()
        for module, names in graph().items()
        if within(module, package)
        for name in names
        if any(within(name, f"jupyterlab_engines.{layer}") for layer in above)
    ]
    assert guilty == []


_IMPORT = re.compile(
    r"""(?:^|\s)(?:import|export)\s[^;'"]*?\sfrom\s*['"]([^'"]+)['"]|(?:^|\s)import\s*\(?\s*['"]([^'"]+)['"]"""
)


def browser_graph() -> dict[str, set[str]]:
    """Return file → imported files and packages; our own files relative to ``src``, without suffix."""
    graph: dict[str, set[str]] = {}
    for path in sorted(TYPESCRIPT.rglob("*.ts*")):
        name = path.relative_to(TYPESCRIPT).as_posix()
        if name.startswith("__tests__/") or name.endswith(".d.ts"):
            continue
        found = [a or b for a, b in _IMPORT.findall(path.read_text(encoding="utf-8"))]
        graph[name] = {
            (path.parent / target).resolve().relative_to(REPO).as_posix().removeprefix("src/")
            if target.startswith(".")
            else target
            for target in found
        }
    return graph


BROWSER = browser_graph()
DOMAINS = "clusters/|jobs/|profiles/|kernels/"


def guilty_of(importers: str, targets: str) -> list[tuple[str, str]]:
    """Return the imports from files that match one pattern to files that match the other."""
    return [
        (file, target)
        for file, imported in BROWSER.items()
        if re.search(importers, file)
        for target in imported
        if re.search(targets, target)
    ]


def test_browser_graph_is_whole() -> None:
    assert {"index.ts", "tokens.ts", "api/client.ts", "api/stream.ts", "clusters/model.ts"} <= set(BROWSER)
    assert "api/client" in BROWSER["clusters/model.ts"]


@pytest.mark.parametrize(
    ("importers", "targets"),
    [
        pytest.param(r"\.tsx$", r"^api/(client|stream)$", id="components do not talk to the server"),
        pytest.param(
            r"^api/",
            r"^(clusters/|jobs/|profiles/|kernels/|plugins/|tokens|commands|icons)",
            id="api is below",
        ),
        pytest.param(r"^clusters/", r"^(kernels|jobs|plugins|index)\b", id="clusters know no jobs"),
        pytest.param(r"^jobs/", r"^(kernels|plugins|index)\b", id="jobs know no kernels"),
        pytest.param(
            r"^profiles/", r"^(kernels|clusters|jobs|plugins|index)\b", id="profiles know no other domain"
        ),
        pytest.param(
            r"^kernels/", r"^(clusters|jobs|profiles|plugins|index)\b", id="kernels know no clusters"
        ),
        pytest.param(
            r"^cells/",
            r"^(clusters|jobs|profiles|plugins|index)\b|^kernels/(?!code)|^results/(?!contract|ranks)",
            id="cells know what a run is",
        ),
        pytest.param(r"^plugins/", r"^(plugins|index)\b", id="plugins know each other by tokens"),
        pytest.param(
            r"^tokens\.ts$",
            r"^(clusters/|jobs/|profiles/|kernels/|plugins/|api/(client|stream))",
            id="tokens",
        ),
        pytest.param(r"^index\.ts$", r"^(clusters|jobs|profiles|kernels|api)\b", id="index lists plugins"),
    ],
)
def test_browser_imports(importers: str, targets: str) -> None:
    assert guilty_of(importers, targets) == []
