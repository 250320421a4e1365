"""How the compiled kernel gets into a wheel and into the tree; without a compiler all works in Python."""

from __future__ import annotations

import importlib.util
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.sdist import SdistBuilder

REPO = Path(__file__).resolve().parents[2]


class App:
    """What hatchling gives a hook to speak with."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def display_warning(self, text: str) -> None:
        """See hatchling."""
        self.warnings.append(text)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that compiles the kernel; its tree is a copy."""
    spec = importlib.util.spec_from_file_location(
        "build_kernel", REPO / "jupyter_extension" / "dev" / "build_kernel.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LIBRARY", tmp_path / "tree" / module.LIBRARY.name)
    module.LIBRARY.parent.mkdir()
    monkeypatch.delenv("PXENGINES_PURE", raising=False)
    return module


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There is nothing on PATH, and CC names nothing."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("CC", raising=False)


@pytest.fixture
def compiler(build: Any) -> None:
    """Skip without a C compiler."""
    if build.find_compiler() is None:
        pytest.skip("there is no C compiler")


class Hook:
    """The hook as hatchling runs it for one wheel."""

    def __init__(self, build: Any, tmp_path: Path) -> None:
        self.app = App()
        self.data: dict[str, Any] = {"force_include": {}, "pure_python": True, "tag": None}
        self.hook = build.CustomBuildHook(str(REPO), {}, None, None, str(tmp_path), "wheel", self.app)

    def run(self, version: str) -> Path | None:
        """Prepare a wheel; return the file that goes into it."""
        self.hook.initialize(version, self.data)
        (source, target), *more = [*self.data["force_include"].items(), ("", "")]
        assert not more[1:] and target in ("", "pxengines/mpi/libkernel.so")
        return Path(source) if source else None


@pytest.fixture
def hook(build: Any, tmp_path: Path) -> Iterator[Hook]:
    hook = Hook(build, tmp_path)
    yield hook
    hook.hook.finalize("standard", hook.data, "")


@pytest.mark.usefixtures("compiler")
def test_a_wheel_with_the_kernel_is_of_one_platform(build: Any, hook: Hook) -> None:
    library = hook.run("standard")
    assert library is not None and library.stat().st_size > 0
    assert not hook.data["pure_python"]
    assert hook.data["tag"] == f"py3-none-{build.platform_tag()}"
    assert hook.app.warnings == [] and not build.LIBRARY.exists()
    hook.hook.finalize("standard", hook.data, "")
    assert not library.exists()


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_the_wheel_is_pure(hook: Hook) -> None:
    assert hook.run("standard") is None
    assert hook.data["pure_python"] and hook.data["tag"] is None
    (note,) = hook.app.warnings
    assert "small reductions will run in Python" in note and "no C compiler" in note


def test_a_pure_wheel_can_be_asked_for(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PXENGINES_PURE", "1")
    assert hook.run("standard") is None
    assert hook.data["pure_python"] and "PXENGINES_PURE" in hook.app.warnings[0]


@pytest.mark.usefixtures("compiler")
def test_an_editable_installation_has_it_in_the_tree(build: Any, hook: Hook) -> None:
    assert hook.run("editable") is None
    assert hook.data["pure_python"] and build.LIBRARY.exists()
    assert [path.name for path in build.LIBRARY.parent.iterdir()] == [build.LIBRARY.name]


def test_what_is_of_no_use_any_more_is_removed(
    build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("no_compiler")
    build.LIBRARY.write_bytes(b"old")
    assert "no C compiler" in build.compile_kernel(build.LIBRARY)
    assert list(build.LIBRARY.parent.iterdir()) == []
    monkeypatch.setenv("CC", str(tmp_path / "missing-cc"))
    assert "missing-cc cannot be run" in build.compile_kernel(build.LIBRARY)


@pytest.mark.usefixtures("compiler")
def test_what_the_compiler_says_is_told(build: Any, tmp_path: Path) -> None:
    source = tmp_path / "wrong.c"
    source.write_text("#error this is told\n", encoding="utf-8")
    build.LIBRARY.write_bytes(b"old")
    assert "this is told" in build.compile_kernel(build.LIBRARY, [source])
    assert list(build.LIBRARY.parent.iterdir()) == []


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("flag", ["-ffast-math", "-Ofast"])
def test_fast_arithmetic_is_refused(build: Any, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    monkeypatch.setattr(build, "FLAGS", [flag, "-fPIC", "-shared"])
    assert "without -ffast-math" in build.compile_kernel(build.LIBRARY)


@pytest.mark.usefixtures("compiler")
def test_the_source_has_no_warnings(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "FLAGS", [*build.FLAGS, "-Wall", "-Wextra", "-Wconversion", "-Werror"])
    assert build.compile_kernel(build.LIBRARY) is None


def test_the_source_distribution_can_build_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKIP_JUPYTER_BUILDER", "1")
    assert shutil.which("git") is not None
    (built,) = SdistBuilder(str(REPO)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(built) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {
        "jupyter_extension/pxengines/mpi/exact_kernel.c",
        "jupyter_extension/pxengines/mpi/lane_kernel.c",
        "jupyter_extension/dev/build_kernel.py",
    } <= names
    assert not [name for name in names if name.endswith(".so")]
