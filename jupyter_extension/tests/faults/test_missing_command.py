"""The batch system's commands vanish while the server runs: a module that was unloaded, a file server."""

from __future__ import annotations

from pathlib import Path

from batchsite import BatchSite


def test_a_start_without_qsub_fails_at_once_and_submits_nothing(tmp_path: Path) -> None:
    site = BatchSite(tmp_path, "openpbs")
    site.server._environment["PATH"] = str(site.pbs.bin)  # no other batch system of this machine
    try:
        site.begin_with_profile()
        (site.pbs.bin / "qsub").unlink()
        site.server.start(2, "pbs")
        cluster = site.server.until_state("failed", "pbs")
        assert cluster.failure is not None and cluster.failure.code == "scheduler_missing"
        assert "qsub" in cluster.failure.message
        assert site.pbs.jobs() == []
        assert site.pbs.calls("qselect") == [], "nothing can have been submitted: no job is looked for"
    finally:
        site.close()
