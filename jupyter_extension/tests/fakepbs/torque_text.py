"""How TORQUE 6.1 prints jobs, queues, nodes."""

from __future__ import annotations

import os

from . import core, pbstext
from .environment import stamp
from .options import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .command import Context
    from .pbstext import Attributes
    from .store import Job

VERSION = "6.1.3.h5"
COMMIT = "4decc716daa73044648b5578ef68d89713d2f6a2"
_TIMES = {"ctime", "mtime", "qtime", "etime", "start_time", "comp_time"}


def letter(job: Job) -> str:
    """Return the state as printed: a job that ended is C here."""
    return str(job["letter"] or ("C" if job["state"] == "F" else job["state"]))


def exec_host(job: Job) -> str:
    """Return ``vm/0-7``, several nodes joined by ``+``."""
    return "+".join(f"{name}/{pbstext.ranges(slots) or '0'}" for name, slots in job["exec_host"])


def _path(context: Context, job: Job, given: str, kind: str) -> str:
    path = given or f"{job['name']}.{kind}{job['seq']}"
    host, colon, rest = path.partition(":")
    if colon and "/" not in host:
        path = rest
    return f"{context.state['server']}:{os.path.join(job['workdir'], path)}"


def attributes(context: Context, job: Job) -> Attributes:
    """Return a job's attributes in the server's order; times are seconds since 1970."""
    ran = job["started"] is not None
    asked = job["resources"]
    found: Attributes = [("Job_Name", job["name"]), ("Job_Owner", f"{job['owner']}@localhost")]
    if ran:
        used = [
            ("cput", "00:00:00"),
            ("energy_used", 0),
            ("mem", "8044kb"),
            ("vmem", "11640kb"),
            ("walltime", clock(core.elapsed(job, context.now))),
        ]
        found.append(("resources_used", used))
    found += [("job_state", letter(job)), ("queue", job["queue"]), ("server", context.state["server"])]
    if job["account"]:
        found.append(("Account_Name", job["account"]))
    found += [
        ("Checkpoint", "u"),
        ("ctime", int(job["created"])),
        ("Error_Path", _path(context, job, job["error"], "e")),
    ]
    if job["exec_host"]:
        found.append(("exec_host", exec_host(job)))
    resources: list[tuple[str, Any]] = [("nodes", asked.get("nodes", "1"))]
    resources += [(name, asked[name]) for name in ("mem", "select") if name in asked]
    if job["walltime"] is not None:
        resources.append(("walltime", clock(job["walltime"])))
    resources.append(("nodect", core.node_count(job)))
    found += [
        ("Hold_Types", job["hold"] or "n"),
        ("Join_Path", job["join"]),
        ("Keep_Files", job["keep"]),
        ("Mail_Points", "a"),
        ("mtime", int(job["modified"])),
        ("Output_Path", _path(context, job, job["output"], "o")),
        ("Priority", 0),
        ("qtime", int(job["queued"])),
        ("Rerunable", str(job["rerunable"])),
        ("Resource_List", resources),
    ]
    if job["session"]:
        found.append(("session_id", job["session"]))
    if job["shell"]:
        found.append(("Shell_Path_List", job["shell"]))
    found += [
        ("Variable_List", job["variables"]),
        ("euser", job["owner"]),
        ("egroup", job["owner"]),
        ("queue_type", "E"),
    ]
    if job["comment"]:
        found.append(("comment", job["comment"]))
    if job["state"] not in ("H", "W"):
        found.append(("etime", int(job["eligible"])))
    if job["exit_status"] is not None:
        found.append(("exit_status", job["exit_status"]))
    if job["submit_args"]:
        found.append(("submit_args", job["submit_args"]))
    if ran:
        found.append(("start_time", int(job["started"])))
        if job["state"] == "R" and job["walltime"] is not None:
            left = int(job["walltime"] - core.elapsed(job, context.now))
            found.append(("Walltime", [("Remaining", left)]))
        found.append(("start_count", job["run_count"]))
    found.append(("fault_tolerant", "False"))
    if job["ended"] and ran:
        found.append(("comp_time", int(job["ended"])))
    found.append(("job_radix", 0))
    if job["ended"] and ran:
        found.append(("total_runtime", f"{job['ended'] - job['started']:.6f}"))
    found += [
        ("submit_host", context.state["server"]),
        ("init_work_dir", job["workdir"]),
        ("request_version", 1),
    ]
    return found


def full_text(context: Context, job: Job, wide: bool) -> str:
    """Return the job's entry in ``qstat -f``; a newline in a variable is printed as one (recorded)."""
    items: Attributes = []
    for name, value in attributes(context, job):
        if name in _TIMES:
            items.append((name, stamp(value)))
        elif name == "Variable_List":
            items.append((name, [[key, word.replace("\n", "\\\n")] for key, word in value]))
        else:
            items.append((name, value))
    return pbstext.full(f"Job Id: {job['id']}", items, wide)


def escaped(value: object) -> str:
    """Return text for XML."""
    text = str(value)
    for letter, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&apos;"), ('"', "&quot;")):
        text = text.replace(letter, entity)
    return text


def job_xml(context: Context, job: Job) -> str:
    """Return the job's entry in ``qstat -x``."""
    parts = [f"<Job><Job_Id>{job['id']}</Job_Id>"]
    for name, value in attributes(context, job):
        if name == "Variable_List":
            body = escaped(",".join(f"{key}={word}" for key, word in value))
        elif isinstance(value, list):
            body = "".join(f"<{key}>{escaped(word)}</{key}>" for key, word in value)
        else:
            body = escaped(value)
        parts.append(f"<{name}>{body}</{name}>")
    return "".join(parts) + "</Job>"


def plain_table(jobs: list[Job]) -> str:
    """Return what ``qstat`` prints: the rows begin one column to the right of the header (recorded)."""
    if not jobs:
        return ""
    lines = [
        "Job ID                    Name             User            Time Use S Queue",
        "------------------------- ---------------- --------------- -------- - -----",
    ]
    for job in jobs:
        name = job["name"] if len(job["name"]) <= 16 else "..." + job["name"][-13:]
        used = clock(0) if job["started"] is not None else "0"
        lines.append(
            f"{job['id']:<25}  {name:<16} {job['owner'][:15]:<15} {used:>8} {letter(job)} {job['queue']:<15}"
        )
    return "".join(line + "\n" for line in lines)


def wide_table(context: Context, jobs: list[Job], nodes: bool, one_line: bool, comment: bool) -> str:
    """Return what ``qstat -a``, ``-n``, ``-u`` print."""
    if not jobs:
        return ""
    lines = [
        "",
        f"{context.state['server']}: ",
        " " * 82 + "Req'd       Req'd       Elap",
        "Job ID                  Username    Queue    Jobname          SessID  NDS   TSK   "
        "Memory      Time    S   Time",
        "----------------------- ----------- -------- ---------------- ------ ----- ------ "
        "--------- --------- - ---------",
    ]
    for job in jobs:
        session = f"{job['session']:>6}" if job["session"] else "   -- "
        running = job["started"] is not None and job["state"] != "F"
        elapsed = clock(core.elapsed(job, context.now)) if running else "      -- "
        wall = clock(job["walltime"]) if job["walltime"] is not None else "      -- "
        memory = pbstext.memory(job)
        memory = "      -- " if memory == "--" else f"{memory:>9}"
        line = (
            f"{job['id']:<23} {job['owner'][:11]:<11} {job['queue'][:8]:<8} {job['name'][:16]:<16} {session} "
            f"{core.node_count(job):>5} {core.cpus(job):>6} {memory} {wall:>9} {letter(job)} {elapsed:>9}"
        )
        hosts = exec_host(job)
        if nodes and one_line:
            lines.append(f"{line}    {hosts or ' -- '}")
            continue
        lines.append(line)
        if nodes:
            lines.append(f"   {hosts}" if hosts else "    -- ")
        if comment:
            lines.append(f"   {job['comment']}" if job["comment"] else "    -- ")
    return "".join(line + "\n" for line in lines)


def queue_attributes(context: Context, name: str) -> Attributes:
    """Return a queue's attributes in the server's order."""
    queue = context.state["queues"][name]
    jobs = [job for job in context.jobs() if job["queue"] == name]
    count = {state: sum(job["state"] == state for job in jobs) for state in "QHWREF"}
    found: Attributes = [("queue_type", "Execution")]
    if queue.get("priority"):
        found.append(("Priority", queue["priority"]))
    found += [
        ("total_jobs", len(jobs)),
        (
            "state_count",
            f"Transit:0 Queued:{count['Q']} Held:{count['H']} Waiting:{count['W']} "
            f"Running:{count['R']} Exiting:{count['E']} Complete:{count['F']} ",
        ),
    ]
    limits: list[tuple[str, Any]] = []
    if queue.get("max_walltime") is not None:
        limits.append(("walltime", clock(queue["max_walltime"])))
    if queue.get("max_nodes"):
        limits.append(("nodect", queue["max_nodes"]))
    if queue.get("max_cores"):
        limits.append(("ncpus", queue["max_cores"]))
    if limits:
        found.append(("resources_max", limits))
    defaults: list[tuple[str, Any]] = []
    if queue.get("default_walltime") is not None:
        defaults.append(("walltime", clock(queue["default_walltime"])))
    found.append(("resources_default", [*defaults, ("nodes", 1)]))
    if queue.get("users") is not None:
        found += [("acl_user_enable", "True"), ("acl_users", ",".join(queue["users"]))]
    running = [job for job in jobs if job["state"] in "RSE"]
    found += [
        ("mtime", int(context.state["created"])),
        ("resources_assigned", [("nodect", sum(map(core.node_count, running)))]),
        ("enabled", str(queue.get("enabled", True))),
        ("started", str(queue.get("started", True))),
    ]
    return found


def node_items(context: Context, name: str) -> list[tuple[str, str]]:
    """Return a node's attributes in the server's order."""
    state = context.state
    slots = state["nodes"][name]
    here = [
        (job["id"], taken)
        for job in state["jobs"].values()
        if job["state"] in ("R", "S", "E")
        for node, taken in job["exec_host"]
        if node == name
    ]
    used = sum(len(taken) for _, taken in here)
    word = "down" if name in state["down_nodes"] else "job-exclusive" if used >= slots else "free"
    found = [("state", word), ("power_state", "Running"), ("np", str(slots)), ("ntype", "cluster")]
    if here:
        found.append(("jobs", ",".join(f"{pbstext.ranges(taken)}/{job_id}" for job_id, taken in here)))
    found += [
        (
            "status",
            f"opsys=linux,uname=Linux {name} 6.1.0 #1 SMP x86_64,nsessions=1,nusers=1,idletime=100,"
            f"totmem=24684084kb,availmem=21043552kb,physmem=24684084kb,ncpus={slots},loadave=0.10,gres=,"
            f"netload=117236945,state=free,varattr= ,cpuclock=Fixed,version={VERSION},"
            f"rectime={int(context.now)},"
            f"jobs={' '.join(job_id for job_id, _ in here)}",
        ),
        ("mom_service_port", "15002"),
        ("mom_manager_port", "15003"),
    ]
    return found
