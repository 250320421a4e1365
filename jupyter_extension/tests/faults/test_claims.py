"""Whose a run is when the server that had it cannot be seen, and clocks do not agree."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec
import pytest

from jupyterlab_engines.clusters import claims, state
from jupyterlab_engines.clusters.store import Owner, RunRecord, process_lives, write_record
from pxengines.launch.paths import RunPaths

ME = Owner.this_process()
ELSEWHERE = Owner(host="another-login-node", pid=ME.pid, started=ME.started)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RunPaths, RunRecord]:
    """A run of a server on another host that has just renewed its claim."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    paths = RunPaths.of_key("pbs")
    paths.run_dir.mkdir(parents=True)
    cluster = state.new_cluster(key="pbs", profile="pbs", cluster_id="", run_id="r", engines=2, at=0.0)
    record = RunRecord(cluster=cluster, idempotency_key="", owner=ELSEWHERE, job_pid=None, job_started=None)
    write_record(paths, record)
    assert claims.renew_claim(paths, ELSEWHERE)
    return paths, record


@pytest.mark.parametrize(
    ("age", "claimed"),
    [
        (0.0, True),
        (claims.CLAIM_SECONDS, True),
        (claims.STALE_SECONDS - 10, True),
        (claims.STALE_SECONDS + 10, False),
        (-10.0, True),
        (-7200.0, False),  # the clock was set back by two hours since
    ],
)
def test_age_of_a_claim(run: tuple[RunPaths, RunRecord], age: float, claimed: bool) -> None:
    paths, record = run
    touched = time.time() - age
    os.utime(paths.claim, (touched, touched))
    assert claims.is_claimed(paths, record, ME) == claimed
    assert list(paths.run_dir.glob(".*")) == []


def test_our_own_clock_does_not_count(
    run: tuple[RunPaths, RunRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, record = run
    monkeypatch.setattr(claims.time, "time", lambda: 0.0)
    assert claims.is_claimed(paths, record, ME)


def test_no_claim_or_our_own(run: tuple[RunPaths, RunRecord]) -> None:
    paths, record = run
    assert not claims.is_claimed(paths, msgspec.structs.replace(record, owner=ME), ME)
    paths.claim.unlink()
    assert not claims.is_claimed(paths, record, ME)


def test_a_claim_is_not_renewed_over_another_owner(run: tuple[RunPaths, RunRecord]) -> None:
    paths, _ = run
    before = paths.claim.stat().st_mtime_ns
    assert not claims.renew_claim(paths, ME)
    assert paths.claim.stat().st_mtime_ns == before


def test_a_server_of_this_host_that_is_gone_holds_nothing(run: tuple[RunPaths, RunRecord]) -> None:
    paths, record = run
    gone = Owner(host=ME.host, pid=ME.pid, started=ME.started - 1000)
    assert not process_lives(gone.pid, gone.started)
    assert not claims.is_claimed(paths, msgspec.structs.replace(record, owner=gone), ME)
