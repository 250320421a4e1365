"""The batch system itself, before it has a voice: places jobs, and changes them on request."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .store import Job, State


SUBSTATE = {"Q": 10, "W": 30, "H": 20, "R": 42, "S": 43, "E": 51}


def new_job(state: State, owner: str, now: float, **fields: Any) -> Job:
    """Return a job with the next number; the caller puts it into the state."""
    sequence = state["next"]
    state["next"] = sequence + 1
    job: Job = {
        "seq": sequence,
        "id": job_id_of(state, sequence),
        "owner": owner,
        "name": "STDIN",
        "queue": "",
        "state": "Q",
        "hold": "",
        "created": now,
        "modified": now,
        "queued": now,
        "eligible": now,
        "ready_at": now + state["options"]["queue_delay"],
        "started": None,
        "ended": None,
        "walltime": None,
        "chunks": [{"ncpus": 1, "mpiprocs": 0}],
        "scatter": False,
        "resources": {},
        "variables": [],
        "exec_host": [],
        "comment": "",
        "exit_status": None,
        "substate": 10,
        "run_count": 0,
        "session": None,
        "runner": None,
        "used": None,
        "letter": "",
        "submit_args": "",
        "account": "",
        "project": "",
        "join": "n",
        "keep": "n",
        "output": "",
        "error": "",
        "workdir": "/",
        "rerunable": True,
        "shell": "",
        "never": False,
        "request": {},
    }
    job.update(fields)
    return job


def job_id_of(state: State, sequence: int) -> str:
    """Return a job's id as this server writes it."""
    return f"{sequence}.{state['server']}" if state["dialect"] != "slurm" else str(sequence)


def cpus(job: Job) -> int:
    """Return how many cpus the job asks for."""
    return sum(int(chunk["ncpus"]) for chunk in job["chunks"])


def ranks(job: Job) -> int:
    """Return how many lines the job's node file has."""
    return sum(int(chunk["mpiprocs"]) or 1 for chunk in job["chunks"])


def node_count(job: Job) -> int:
    """Return how many chunks the job asks for."""
    return len(job["chunks"])


def up_nodes(state: State) -> dict[str, int]:
    """Return the slots of the nodes that work."""
    return {name: slots for name, slots in state["nodes"].items() if name not in state["down_nodes"]}


def can_ever_run(state: State, job: Job) -> bool:
    """Tell whether the job would fit on an empty machine."""
    return _place({name: [] for name in state["nodes"]}, state["nodes"], job) is not None


def place(state: State, job: Job) -> list[tuple[str, list[int]]] | None:
    """Return (node, slots) for every chunk of the job, None if there is no room now."""
    nodes = up_nodes(state)
    used: dict[str, list[int]] = {name: [] for name in nodes}
    for other in state["jobs"].values():
        if other["state"] in ("R", "S", "E"):
            for name, slots in other["exec_host"]:
                if name in used:
                    used[name] += slots
    return _place(used, nodes, job)


def _place(used: dict[str, list[int]], nodes: dict[str, int], job: Job) -> list[tuple[str, list[int]]] | None:
    free = {name: [n for n in range(slots) if n not in used[name]] for name, slots in nodes.items()}
    placed: list[tuple[str, list[int]]] = []
    for chunk in job["chunks"]:
        taken = {name for name, _ in placed} if job["scatter"] else set()
        # Spread when asked, else fill the first node that has room.
        room = [name for name in nodes if name not in taken and len(free[name]) >= chunk["ncpus"]]
        if not room:
            return None
        name = room[0]
        placed.append((name, free[name][: chunk["ncpus"]]))
        free[name] = free[name][chunk["ncpus"] :]
    return placed


def may_start(state: State, job: Job, now: float) -> bool:
    """Tell whether nothing but room keeps the job from running."""
    queue = state["queues"].get(job["queue"], {})
    return (
        job["state"] == "Q"
        and not job["never"]
        and now >= job["ready_at"]
        and bool(queue.get("started", True))
        and not state["paused"]
    )


def touch(job: Job, letter: str, now: float) -> None:
    """Bring the job into a state."""
    job["state"] = letter
    job["modified"] = now
    job["substate"] = SUBSTATE.get(letter, job["substate"])


def finish(job: Job, now: float, exit_status: int | None, substate: int, comment: str = "") -> None:
    """End the job."""
    job["state"] = "F"
    job["modified"] = job["ended"] = now
    job["exit_status"] = exit_status
    job["substate"] = substate
    if comment:
        job["comment"] = comment


def delete(state: State, job: Job, by: str, now: float | None = None) -> None:
    """Ask for the job's end: at once if it waits, by its runner if it runs."""
    now = time.time() if now is None else now
    if job["state"] in ("R", "S", "E") and job["runner"]:
        job.setdefault("kill_at", now + state["options"]["delete_delay"])
        job["killed_by"] = by
        job["modified"] = now
    else:
        finish(job, now, None, 91)


def hold(job: Job, now: float) -> None:
    """Hold the job; a running one goes on."""
    job["hold"] = "u"
    if job["state"] in ("Q", "W"):
        touch(job, "H", now)


def release(job: Job, now: float) -> None:
    """Release the job."""
    job["hold"] = ""
    if job["state"] == "H":
        touch(job, "Q", now)
        job["eligible"] = now
        job["ready_at"] = min(job["ready_at"], now)


def elapsed(job: Job, now: float) -> float:
    """Return how long the job runs or ran, in seconds."""
    if job["used"] is not None:
        return float(job["used"])
    if job["started"] is None:
        return 0.0
    return float((job["ended"] or now) - job["started"])
