"""What a kernel makes of the record of a batch cluster, whose jobs run where it cannot look."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from pxengines import records
from pxengines.launch.events import append_event
from pxengines.launch.files import make_private_dir
from pxengines.launch.paths import Role, RunPaths
from pxengines.records import Sighting

NOBODY = {"host": socket.gethostname(), "pid": 0, "started": 0.0}
RUN_ID = "0123456789abcdef"


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunPaths:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    found = RunPaths.of_key("pbs")
    make_private_dir(found.run_dir)
    return found


def look(paths: RunPaths, state: str, owner: dict[str, Any] = NOBODY) -> Sighting:
    cluster = {"state": state, "state_since": 1.0, "run_id": RUN_ID, "batch": {}, "engines_requested": 8}
    paths.record.write_text(json.dumps({"cluster": cluster, "owner": owner}))
    found = records.look(paths)
    assert found is not None
    return found


def this_process() -> dict[str, Any]:
    process = psutil.Process()
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": process.create_time()}


@pytest.mark.parametrize("state", ["submitting", "queued", "starting"])
def test_a_job_waits_also_without_a_server(paths: RunPaths, state: str) -> None:
    found = look(paths, state)
    assert (found.state, found.followed) == (state, False)


def test_nobody_knows_whether_it_is_still_ready(paths: RunPaths) -> None:
    # Nobody holds the lock here: the job may run on another node, whose locks are not seen.
    paths.lock.touch()
    append_event(paths.events, "job_started", run_id=RUN_ID)
    assert look(paths, "ready").state == "unknown"
    assert look(paths, "ready", this_process()).state == "ready"


@pytest.mark.parametrize("role", ["cluster", "engines"])
def test_a_job_that_said_that_it_ended(paths: RunPaths, role: Role) -> None:
    append_event(paths.events_of(role), "job_started", run_id=RUN_ID)
    append_event(paths.events_of(role), "job_ended")
    for owner in (NOBODY, this_process()):
        found = look(paths, "ready", owner)
        assert (found.state, found.reason) == ("gone", "its job has ended.")
        assert found.next_step
    # The scheduler runs it again, and the server that follows it knows.
    assert look(paths, "queued", this_process()).state == "queued"


def test_the_end_of_an_earlier_run_means_nothing(paths: RunPaths) -> None:
    append_event(paths.events, "job_started", run_id="another")
    append_event(paths.events, "job_ended")
    assert look(paths, "starting").state == "starting"


def test_the_end_of_a_controllers_job_is_not_that_of_the_engines(paths: RunPaths) -> None:
    append_event(paths.events_of("controller"), "job_started", run_id=RUN_ID)
    append_event(paths.events_of("controller"), "job_ended")
    assert look(paths, "ready", this_process()).state == "ready"


def test_a_server_on_another_host_gives_signs_of_life(paths: RunPaths) -> None:
    elsewhere = {"host": "login2.site.example", "pid": 1, "started": 1.0}
    assert not look(paths, "ready", elsewhere).followed
    paths.claim.touch()
    found = look(paths, "ready", elsewhere)
    assert (found.followed, found.state) == (True, "ready")
    old = time.time() - 1000
    os.utime(paths.claim, (old, old))
    found = look(paths, "ready", elsewhere)
    assert (found.followed, found.state) == (False, "unknown")
