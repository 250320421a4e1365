"""What a job tells about itself: a JSON object a line, appended to ``events.jsonl``.

Only one job writes into a file, on one host, so that lines never interleave. Readers may see a
last line that is not finished: it is left for the next read.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Literal

EventName = Literal[
    "job_started",  # pid, host, run_id, role; in a batch job: job_id, nodes (host: room for engines)
    "controller_started",  # pid; in a batch cluster: address (that it listens on)
    "controller_found",  # address: the controller of another job is there, engines can start
    "engines_started",  # pid (of mpiexec), argv, mpi ("mpich", "openmpi", "intel", "unknown")
    "engines_restarting",  # asked for: the engines end, and others will start
    "cannot_start",  # code (a FailureCode), params: nothing was or stays started
    "controller_exited",  # status (as os.waitstatus_to_exitcode: negative = signal)
    "engines_exited",  # status (of mpiexec)
    "engine_lost",  # rank, pid, host, status (None: nobody could tell): the first engine that ended
    "controller_gone",  # the job of the controller has ended, told to the job of the engines
    "engines_gone",  # the job of the engines has ended, told to the job of the controller
    "stopping",  # reason: "asked" (SIGTERM), or the event that it follows
    "job_ended",  # last line of a job that ended in order; nothing of it lives
]


def append_event(path: Path, event: EventName, **fields: Any) -> None:
    """Append one event to `path`."""
    line = json.dumps({"at": time.time(), "event": event, **fields}) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return the events in `path`, oldest first; none if it is missing. Unfinished lines are left out."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    events = []
    for line in data.split(b"\n")[:-1]:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # a disk that filled up in the middle of a line
        if isinstance(event, dict) and "event" in event:
            events.append(event)
    return events


def events_of_run(path: Path, run_id: str) -> list[dict[str, Any]]:
    """Return those of the events in `path` that a job of the run `run_id` told; none before it started."""
    events = read_events(path)
    begins = [i for i, e in enumerate(events) if e["event"] == "job_started" and e.get("run_id") == run_id]
    return events[begins[-1] :] if begins else []
