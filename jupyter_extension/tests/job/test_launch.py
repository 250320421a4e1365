"""What the server and the job agree on, without processes."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pxengines.launch import files, losses
from pxengines.launch.events import append_event, read_events
from pxengines.launch.mpiexec import find_mpiexec, library_of, mpi_environment, vendor_of
from pxengines.launch.paths import (
    RunPaths,
    cluster_key,
    profile_names,
    profile_path,
    split_key,
    valid_profile_name,
)
from pxengines.launch.process import without_secrets
from pxengines.launch.spec import JobSpec


@pytest.mark.parametrize(
    ("printed", "vendor"),
    [
        ("HYDRA build details:\n    Version:                                 4.0.2", "mpich"),
        ("mpiexec (OpenRTE) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/", "openmpi"),
        ("mpirun (Open MPI) 5.0.8", "openmpi"),
        ("prterun (PRRTE) 3.0.7", "openmpi"),
        ("Intel(R) MPI Library for Linux* OS, Version 2021.11 Build 20231005", "intel"),
        ("srun: unrecognized option", "unknown"),
        ("", "unknown"),
    ],
)
def test_vendor(printed: str, vendor: str) -> None:
    assert vendor_of(printed) == vendor


def _fake_mpi(prefix: Path, library: str, folder: str = "lib") -> Path:
    (prefix / "bin").mkdir(parents=True)
    (prefix / folder).mkdir(parents=True)
    (prefix / folder / library).touch()
    mpiexec = prefix / "bin" / "mpiexec"
    mpiexec.touch(mode=0o755)
    return mpiexec


def test_library_beside_mpiexec(tmp_path: Path) -> None:
    mpiexec = _fake_mpi(tmp_path / "mpich", "libmpi.so.12")
    assert library_of(str(mpiexec), "mpich") == str(tmp_path / "mpich/lib/libmpi.so.12")
    assert library_of(str(mpiexec), "openmpi") is None
    debian = _fake_mpi(tmp_path / "usr", "libmpi.so.40", "lib/x86_64-linux-gnu")
    assert library_of(str(debian), "openmpi") == str(tmp_path / "usr/lib/x86_64-linux-gnu/libmpi.so.40")
    link = tmp_path / "elsewhere" / "bin" / "mpiexec"
    link.parent.mkdir(parents=True)
    link.symlink_to(mpiexec)
    assert library_of(str(link), "mpich") == str(tmp_path / "mpich/lib/libmpi.so.12")


def test_the_users_choice_of_library_is_left_alone(tmp_path: Path) -> None:
    mpiexec = str(_fake_mpi(tmp_path, "libmpi.so.12"))
    assert mpi_environment(mpiexec, "mpich", {}) == {"MPI4PY_LIBMPI": str(tmp_path / "lib/libmpi.so.12")}
    assert mpi_environment(mpiexec, "mpich", {"MPI4PY_MPIABI": "openmpi"}) == {}
    assert mpi_environment(mpiexec, "mpich", {"MPI4PY_LIBMPI": "mine"}) == {}


def test_mpiexec_beside_python_comes_first(tmp_path: Path) -> None:
    beside = _fake_mpi(tmp_path / "venv", "libmpi.so.12")
    other = _fake_mpi(tmp_path / "site", "libmpi.so.12")
    assert find_mpiexec(str(tmp_path / "venv/bin/python"), str(other.parent)) == str(beside)
    assert find_mpiexec(str(tmp_path / "none/bin/python"), str(other.parent)) == str(other)
    assert find_mpiexec(str(tmp_path / "none/bin/python"), str(tmp_path)) is None


@pytest.mark.parametrize("name", ["local", "pbs", "my profile", "größe-2", "a" * 64, "x.y+z@w"])
def test_profile_names(name: str) -> None:
    assert valid_profile_name(name)


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a\\b", "a\nb", "a\0b", "../x", "-x", ".hidden", "a..b", "a" * 65, "x ", "a:b"]
)
def test_bad_profile_names(name: str) -> None:
    assert not valid_profile_name(name)
    with pytest.raises(ValueError, match="cannot be the name"):
        profile_path(name)


@pytest.mark.parametrize("key", ["", ":", "a:", ":b", "a:b:c", "a:../b", "../a:b", "a/b"])
def test_bad_cluster_keys(key: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        split_key(key)


@given(st.text())
def test_no_name_leaves_the_folder(name: str) -> None:
    if valid_profile_name(name):
        path = profile_path(name)
        assert path.parent == path.resolve().parent
        assert split_key(cluster_key(name, "")) == (name, "")
        assert split_key(cluster_key(name, "1795-ab")) == (name, "1795-ab")


def test_profiles_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "missing"))
    assert profile_names() == []
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    (tmp_path / "profile_b").mkdir()
    (tmp_path / "profile_a").mkdir()
    (tmp_path / "profile_file").touch()
    (tmp_path / "other").mkdir()
    assert profile_names() == ["a", "b"]


def test_run_paths_and_back(tmp_path: Path) -> None:
    for cluster_id in ("", "1795-ab"):
        paths = RunPaths(tmp_path / "profile_x", cluster_id)
        assert RunPaths.of_run_dir(paths.run_dir) == paths
    assert RunPaths(tmp_path / "profile_x", "").connection_file("client").name == "ipcontroller-client.json"
    assert (
        RunPaths(tmp_path / "profile_x", "q").connection_file("engine").name == "ipcontroller-q-engine.json"
    )


def test_atomic_write_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    files.write_atomic(path, b"one")
    files.write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    files.write_atomic(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_tail(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert files.read_tail(path, 10) == ("", False)
    path.write_bytes(b"a\nb\n\xffc\n")
    assert files.read_tail(path, 10) == ("a\nb\n\ufffdc", False)
    assert files.read_tail(path, 2) == ("b\n\ufffdc", True)
    assert files.read_tail(path, 10, limit_bytes=4) == ("\ufffdc", True)


def test_events_skip_what_is_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert read_events(path) == []
    append_event(path, "job_started", pid=1)
    with open(path, "ab") as handle:
        handle.write(b'not json\n[1]\n{"event": "half"')
    assert [(e["event"], e["pid"]) for e in read_events(path)] == [("job_started", 1)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_spec_round_trip(tmp_path: Path) -> None:
    spec = JobSpec(run_id="r", profile_dir="/p", cluster_id="", engines=8, python=["python"], mpi_args=["-l"])
    spec.write(tmp_path / "spec.json")
    assert JobSpec.read(tmp_path / "spec.json") == spec
    (tmp_path / "spec.json").write_text(json.dumps({"unknown": 1}))
    with pytest.raises(TypeError):
        JobSpec.read(tmp_path / "spec.json")


def test_only_secrets_are_left_out() -> None:
    kept = {"PATH": "/bin", "JUPYTER_PATH": "/x", "MY_TOKEN": "user's own", "IPYTHONDIR": "/i"}
    secret = {
        "JUPYTERHUB_API_TOKEN": "s",
        "JUPYTER_TOKEN": "s",
        "JPY_API_TOKEN": "s",
        "CONFIGPROXY_AUTH_TOKEN": "s",
    }
    assert without_secrets({**kept, **secret}) == kept


def test_the_first_note_of_a_loss_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(losses.RUN_DIR_VARIABLE, str(tmp_path))
    monkeypatch.setenv("PMI_RANK", "3")
    losses.note_loss(42, -9)
    losses.note_loss(42, None)
    monkeypatch.setenv("PMI_RANK", "1")
    losses.note_loss(40, 0)
    assert [(loss.rank, loss.pid, loss.status) for loss in losses.read_losses(tmp_path)] == [
        (3, 42, -9),
        (1, 40, 0),
    ]
    # The one that left in order is the cause only if no other was lost.
    assert losses.first_cause(losses.read_losses(tmp_path)[::-1]).rank == 3
    assert losses.first_cause(losses.read_losses(tmp_path)[1:]).rank == 1
    losses.forget_losses(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("PMI_RANK")
    losses.note_loss(42, 1)
    assert losses.read_losses(tmp_path) == []
    # Its folder is gone: that is no reason not to end in order.
    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.setenv(losses.RUN_DIR_VARIABLE, str(tmp_path / "gone"))
    losses.note_loss(42, 0)


def test_exit_status_of_a_process_that_nobody_has_reaped() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    )
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert losses.exit_status_of(child.pid) == -9
    assert child.wait() == -9
    assert losses.exit_status_of(child.pid) is None
    assert losses.exit_status_of(os.getpid()) is None
