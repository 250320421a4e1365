"""When the end of a job is told, and as whose doing."""

from __future__ import annotations

import asyncio
import logging
import signal

import psutil
import pytest
from batchsite import BatchSite, jobs_of
from ipyparallel.cluster.launcher import LauncherError
from table import ALL

from jupyterlab_engines.terminal_run import TerminalRun
from pxengines.launch.events import read_events
from pxengines.launch.paths import RunPaths

LOG = logging.getLogger("test.ends")


@pytest.fixture
def as_in_a_terminal(site: BatchSite, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    """Let this process have the environment of the site's user; return the files of profile ``pbs``."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "PATH", "FAKEPBS_STATE"):
        monkeypatch.setenv(name, site.server._environment[name])
    return RunPaths.of_key("pbs")


@pytest.mark.parametrize("dialect", ALL)
def test_a_job_that_is_deleted_in_the_queue_was_deleted(site: BatchSite) -> None:
    site.pbs.pause()
    site.start()
    site.until(lambda c: jobs_of(c)[0].state == "queued", "the first reading")
    site.pbs.hold(site.job_id())
    site.until(lambda c: jobs_of(c)[0].state == "held", "the hold to be told")
    site.pbs.delete(site.job_id())
    failed = site.until_state("failed").failure
    assert failed is not None and failed.code == "job_deleted", failed
    site.check()


@pytest.mark.parametrize("dialect", ["slurm"])
def test_a_job_that_outlives_its_letter_c_is_not_stopped_before(site: BatchSite) -> None:
    """Slurm says completed as soon as the end begins."""
    site.pbs.set_option(kill_delay=6.0)
    try:
        site.start()
        site.until_state("ready")
        (paths, _), *_ = site.records()
        started = next(event for event in read_events(paths.events) if event["event"] == "job_started")
        job = psutil.Process(started["pid"])
        job.send_signal(signal.SIGSTOP)  # a node that is too busy to end
        site.server.stop("pbs")
        told = site.until(lambda c: jobs_of(c)[0].state == "finished", "Slurm to call it completed")
        assert told.state == "stopping"
        site.until_state("stopped")
        assert not job.is_running()
    finally:
        site.pbs.set_option(kill_delay=2.0)
    site.check()


def test_a_stop_that_the_scheduler_did_not_take_is_withdrawn(
    site: BatchSite, as_in_a_terminal: RunPaths
) -> None:
    site.pbs.pause()
    site.start()
    site.until(lambda c: jobs_of(c)[0].state == "queued", "the first reading")
    site.pbs.set_fault("qdel", "not_yours", times=1)
    with pytest.raises(LauncherError):
        asyncio.run(stopped(as_in_a_terminal))
    assert site.cluster().state == "queued"
    # What ends the job later is no stop that somebody asked for.
    site.pbs.delete(site.job_id())
    failed = site.until_state("stopped", "failed").failure
    assert failed is not None and failed.code == "job_deleted", failed
    # And one that it takes is.
    site.start()
    site.until(lambda c: jobs_of(c)[0].state == "queued", "the first reading")
    asyncio.run(stopped(as_in_a_terminal))
    assert site.until_state("stopped", "failed").failure is None
    site.check()


async def stopped(paths: RunPaths) -> None:
    """Do what ``ipcluster stop`` does."""
    run = TerminalRun(paths, LOG)
    try:
        await run.stop()
    finally:
        await run.leave()


def test_who_started_a_run_is_on_its_card(site: BatchSite, as_in_a_terminal: RunPaths) -> None:
    site.pbs.pause()
    if site.server.cluster("pbs") is not None:
        site.dismiss()
        site.server.until(lambda: not as_in_a_terminal.run_dir.exists(), "the old run's files to go")

    async def started_and_stopped() -> str:
        run = TerminalRun(as_in_a_terminal, LOG)
        try:
            origin = (await run.start(2)).origin
            await asyncio.to_thread(site.until, lambda c: c.origin == origin, "the server to show it")
            await run.stop()
        finally:
            await run.leave()
        return origin

    assert asyncio.run(started_and_stopped()) == "terminal"
    site.until_state("stopped")
    site.check()
