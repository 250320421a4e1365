"""Promises about the repository itself: what is in its files, and that its documents are true."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
HARD_LIMIT_LINES = 500
GENERATED = {"src/api/generated.ts"}
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md")
TOP_LEVEL = {
    "examples", "jupyter_extension", "schema", "src", "style", "ui-tests", "docs", ".ci",
    "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE",
    # Tools look for these only here.
    ".gitignore", ".npmrc", ".pre-commit-config.yaml", ".prettierignore", "babel.config.js",
    "eslint.config.mjs", "jest.config.js", "package-lock.json", "package.json", "pyproject.toml",
    "stylelint.config.mjs", "tsconfig.json", "tsconfig.test.json",
}  # fmt: skip


def committed() -> list[str]:
    """Return the files that are in git, or would be by `git add`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, check=True)
    names = done.stdout.decode().split("\0")
    return sorted(name for name in names if name and (REPO / name).is_file())


def text_of(name: str) -> str | None:
    """Return the text in a file of the repository, None if it is binary."""
    try:
        return (REPO / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


FILES = committed()
PACKAGE = json.loads((REPO / "package.json").read_text(encoding="utf-8"))


def test_top_level_is_as_agreed() -> None:
    assert {name.split("/")[0] for name in FILES} <= TOP_LEVEL


# Written in two parts, so that this file is not its own finding.
_REGISTRIES = [
    "registry." + "npmjs", "registry." + "yarnpkg", "pypi" + ".org", "python" + "hosted", "deb." + "debian",
    "artifact" + "-registry",
]  # fmt: skip
_MACHINE_PATH = re.compile(r"(?<![\w.~:/\\-])/(?:work|root|home/(?!user\b)\w+|Users)/\w")


def test_no_registry_address_and_no_path_of_a_machine() -> None:
    guilty = []
    for name in FILES:
        for number, line in enumerate((text_of(name) or "").splitlines(), 1):
            if any(registry in line for registry in _REGISTRIES) or _MACHINE_PATH.search(line):
                guilty.append(f"{name}:{number}: {line.strip()[:120]}")
    assert guilty == []


def test_no_file_is_too_long() -> None:
    source = re.compile(r"\.(py|ts|tsx|js|mjs|css)$")
    lengths = {
        name: len((text_of(name) or "").splitlines())
        for name in FILES
        if source.search(name) and name not in GENERATED
    }
    assert len(lengths) > 50
    assert {name: lines for name, lines in lengths.items() if lines > HARD_LIMIT_LINES} == {}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_commands_exist(document: str) -> None:
    text = (REPO / document).read_text(encoding="utf-8")
    named = set(re.findall(r"\bnpm run ([a-z][\w:-]*)", text))
    named |= set(re.findall(r"\bnpm (start|test)\b", text))
    assert named <= set(PACKAGE["scripts"])
    if document in ("README.md", "CONTRIBUTING.md"):
        assert {"start", "test"} <= named


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files(document: str) -> None:
    text = (REPO / document).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    assert [target for target in targets if not (REPO / target).exists()] == []


def test_changelog_tells_of_this_version() -> None:
    text = (REPO / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(PACKAGE['version'])}\b", text, re.MULTILINE)


@pytest.mark.parametrize("folder", [".", "ui-tests"])
def test_npm_lock_fits(folder: str) -> None:
    manifest = json.loads((REPO / folder / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((REPO / folder / "package-lock.json").read_text(encoding="utf-8"))
    for kind in ("dependencies", "devDependencies"):
        assert lock["packages"][""].get(kind, {}) == manifest.get(kind, {})
    assert lock["version"] == manifest["version"]
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []


def test_python_lock_pins_every_dependency() -> None:
    lock = (REPO / "jupyter_extension" / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in lock.splitlines() if line and not line.startswith("#")]
    pattern = re.compile(r"([a-z0-9._-]+)==[^ ;]+( ; .+)?")
    assert [line for line in lines if not pattern.fullmatch(line)] == []
    pinned = {line.split("==")[0] for line in lines}
    # tomllib is missing from Python 3.10; what comes before the tools' own tables is lists of strings.
    text = (REPO / "pyproject.toml").read_text(encoding="utf-8").split("[tool.")[0]
    named = re.findall(r'^  "([A-Za-z0-9_.-]+)(?:\[[^"]*\])?(?:[<>=~!][^"]*)?",$', text, re.MULTILINE)
    wanted = {re.sub(r"[-_.]+", "-", name).lower() for name in named} - {"jupyterlab-engines"}
    assert {"ipyparallel", "msgspec", "jupyterlab", "pytest"} <= wanted | pinned
    assert wanted - pinned == set()
