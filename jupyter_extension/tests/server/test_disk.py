"""Disks that are full or read-only, folders that are missing, records that are damaged."""

# ruff: noqa: ASYNC110, ASYNC240 - tests look at files and wait for conditions
from __future__ import annotations

import asyncio
import errno
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from leftovers import processes_in, run_ids
from wire import Api, Refused

from jupyterlab_engines.clusters.store import Journal, read_record
from pxengines.launch.paths import RunPaths

pytestmark = pytest.mark.apart


def full(descriptor: int) -> None:
    """Stand in for os.fsync on a disk without room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_full_disk_at_the_start(api: Api, ipython_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Refused) as refused:
            await api.start(2)
    assert (refused.value.status, refused.value.error.code) == (507, "disk_full")
    assert str(ipython_dir) in refused.value.error.message
    assert refused.value.error.next_step
    assert "No space left" in (refused.value.error.detail or "")
    assert not ipython_dir.exists(), "what was made for the start is removed again"
    assert processes_in(ipython_dir) == []
    assert (await api.clusters()).clusters == []
    await api.ready()


async def test_a_full_disk_keeps_the_last_run(
    api: Api, ipython_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = await api.ready()
    await api.stop()
    await api.until_state("stopped")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(Refused):
            await api.start(2)
    assert (await api.cluster()).run_id == last.run_id
    record = read_record(RunPaths.of_key("local").record)
    assert record is not None and record.cluster.run_id == last.run_id
    assert (await api.log(source="engines")).text


async def test_a_disk_that_fills_up_later_ends_no_cluster(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    record = RunPaths.of_key("local").record
    with monkeypatch.context() as patched:
        # The order and the record of the start have room, later records have not.
        await api.start(2)
        patched.setattr(os, "fsync", full)
        await api.until_state("ready")
        on_disk = read_record(record)
        assert on_disk is not None and on_disk.cluster.state != "ready"
        assert "trying again until it works" in caplog.text
    async with asyncio.timeout(30) if hasattr(asyncio, "timeout") else _no_limit():
        while (found := read_record(record)) is None or found.cluster.state != "ready":
            await asyncio.sleep(0.05)


class _no_limit:  # Python 3.10
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], check=False, capture_output=True).returncode:
        pytest.skip(
            "only root can mount a small disk; the same is tested above with a disk that says it is full"
        )
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


class TestARealSmallDisk:
    @pytest.fixture
    def ipython_dir(self, tiny_disk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("IPYTHONDIR", str(tiny_disk / "ipython"))
        return tiny_disk / "ipython"

    async def test_that_is_full(self, api: Api, ipython_dir: Path) -> None:
        ballast = ipython_dir.parent / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(b"x" * 200_000)
        with pytest.raises(Refused) as refused:
            await api.start(2)
        assert (refused.value.status, refused.value.error.code) == (507, "disk_full")
        assert sorted(path.name for path in ipython_dir.parent.iterdir()) == ["ballast"]


def unwritable(tmp_path: Path) -> Path:
    """Return a folder that nobody may write, root included."""
    if os.geteuid() == 0:
        return Path("/sys/jupyterlab-engines-test")
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    return folder / "ipython"


class TestAnIpythonFolderThatCannotBeWritten:
    @pytest.fixture
    def ipython_dir(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = unwritable(tmp_path)
        monkeypatch.setenv("IPYTHONDIR", str(folder))
        return folder

    async def test_is_named_with_the_way_out(self, api: Api, ipython_dir: Path) -> None:
        assert [profile.name for profile in (await api.profiles()).profiles] == ["local"]
        with pytest.raises(Refused) as refused:
            await api.start(2)
        assert (refused.value.status, refused.value.error.code) == (409, "not_writable")
        assert str(ipython_dir) in refused.value.error.message
        assert "IPYTHONDIR" in refused.value.error.next_step
        assert not ipython_dir.exists()
        assert (await api.clusters()).clusters == []


class TestAnIpythonFolderThatIsAFile:
    @pytest.fixture
    def ipython_dir(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "file").write_text("not a folder")
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "file"))
        return tmp_path / "file"

    async def test_is_named(self, api: Api, ipython_dir: Path) -> None:
        with pytest.raises(Refused) as refused:
            await api.start(2)
        assert (refused.value.status, refused.value.error.code) == (409, "not_writable")
        assert str(ipython_dir) in refused.value.error.message


async def test_the_journal_is_private_and_has_the_cluster(api: Api, ipython_dir: Path) -> None:
    ready = await api.ready()
    paths = RunPaths.of_key("local")
    assert run_ids(ipython_dir) == [ready.run_id]
    assert paths.run_dir.stat().st_mode & 0o777 == 0o700
    for file in paths.run_dir.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    while (record := read_record(paths.record)) is None or record.cluster != ready:
        await asyncio.sleep(0.05)  # it is written in the background
    assert record.owner.pid == os.getpid()


async def test_a_record_that_cannot_be_written_at_the_end_is_said(
    tmp_path: Path,
    ipython_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    api: Api,
) -> None:
    await api.ready()
    await api.stop()
    await api.until_state("stopped")
    paths = RunPaths.of_key("local")
    while (record := read_record(paths.record)) is None or record.cluster.state != "stopped":
        await asyncio.sleep(0.05)  # the server's own journal writes it in the background
    journal = Journal(paths, logging.getLogger("journal"))
    monkeypatch.setattr(os, "fsync", full)
    journal.put(record)
    await journal.close(timeout=0.2)
    assert "could not be written" in caplog.text
    assert read_record(paths.record) == record
