"""Fixtures of the kernel side: an IPython folder of its own, real kernels, real clusters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kernelside import Kernel, PanelCluster


@pytest.fixture(scope="module")
def ipython_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make an IPython folder for the tests of one file, and for all processes that they start."""
    folder = tmp_path_factory.mktemp("ipython")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(folder))
        yield folder


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """Return an empty folder, for a file of each rank that has begun a cell; see `mark_of`."""
    folder = tmp_path / "begun"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def shared_kernel(ipython_dir: Path) -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


@pytest.fixture
def kernel(shared_kernel: Kernel) -> Iterator[Kernel]:
    """Return a kernel with the extension loaded and nothing connected."""
    loaded = shared_kernel.run("%reset -f\n%reload_ext pxengines\nimport pxengines")
    assert loaded.status == "ok", loaded.texts
    yield shared_kernel
    shared_kernel.run("if 'cluster' in globals(): cluster.close(linger=0)")


@pytest.fixture(scope="module")
def shared_cluster(ipython_dir: Path) -> Iterator[PanelCluster]:
    cluster = PanelCluster("shared")
    cluster.start()
    yield cluster
    cluster.end_job()


@pytest.fixture
def ready(shared_cluster: PanelCluster) -> PanelCluster:
    """Return a ready cluster of two engines; tests may write into its record, but leave its job alone."""
    shared_cluster.record(state="ready", engines_registered=2)
    return shared_cluster


@pytest.fixture
def local(ipython_dir: Path) -> Iterator[PanelCluster]:
    """Return the cluster `local` of two engines, of which nothing exists yet."""
    cluster = PanelCluster("local")
    yield cluster
    cluster.end_job()
    for path in cluster.paths.run_dir.glob("*"):
        path.unlink()
