"""What a cluster may leave behind: nothing but its card and its logs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psutil

from pxengines.launch.paths import RUN_ID_VARIABLE

_SECONDS = 20


def processes_in(ipython_dir: Path) -> list[psutil.Process]:
    """Return living processes that belong to a run, or a controller, or an engine below `ipython_dir`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            environ, words = process.environ(), " ".join(process.cmdline())
        except psutil.Error:
            continue
        carries = RUN_ID_VARIABLE in environ and environ.get("IPYTHONDIR") == str(ipython_dir)
        if carries or str(ipython_dir) in words:
            found.append(process)
    return found


def assert_nothing_left(ipython_dir: Path) -> None:
    """Fail if a process, a connection file or a temporary file of a cluster is left; end the processes."""
    left = processes_in(ipython_dir)
    _, alive = psutil.wait_procs(left, timeout=_SECONDS)
    told = [f"{p.pid} {' '.join(p.cmdline())}" for p in alive if p.is_running()]
    for process in alive:
        process.kill()
    files = [str(file) for file in ipython_dir.glob("profile_*/security/*.json")]
    files += [str(file) for file in ipython_dir.glob("profile_*/pxengines/*/.*")]
    assert not told, f"processes were left: {told}"
    assert not files, f"files were left: {files}"


def run_ids(ipython_dir: Path) -> list[str]:
    """Return the run ids in all orders."""
    return [json.loads(f.read_text())["run_id"] for f in ipython_dir.glob("profile_*/pxengines/*/spec.json")]


def wait_until(condition: object, what: str, seconds: float = 60) -> None:
    """Return when the callable `condition` is true; fail, naming `what`, if it never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")
