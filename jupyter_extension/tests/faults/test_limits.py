"""What an administrator allows holds for a job that is already in the queue, too."""

from __future__ import annotations

from pathlib import Path

from batchsite import BatchSite


def test_a_cluster_that_waits_gets_no_longer_walltime_than_is_allowed(tmp_path: Path) -> None:
    site = BatchSite(tmp_path, "openpbs")
    site.arguments = (*site.arguments, "--EnginesApp.max_walltime_seconds=1800")
    site.pbs.pause()
    try:
        site.begin_with_profile()
        site.start()
        site.until_state("queued")
        job_id = site.job_id()
        answer = site.server.call("POST", "jobs", job_id, "walltime", body={"walltime_seconds": 3600})
        assert answer.status_code == 403, answer.text
        assert "30 min" in answer.json()["message"], "the limit is named"
        assert site.pbs.calls("qalter") == [], "it never came to the batch system"
        answer = site.server.call("POST", "jobs", job_id, "walltime", body={"walltime_seconds": 1500})
        assert answer.status_code == 202, answer.text
        site.end()
    finally:
        site.close()
