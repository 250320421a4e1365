"""How OpenPBS 23.06 prints jobs, queues, nodes."""

from __future__ import annotations

import os
from json.encoder import encode_basestring

from . import core, pbstext
from .environment import stamp, vnodes
from .options import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .command import Context
    from .pbstext import Attributes
    from .store import Job

VERSION = "23.06.06"
_COUNTED = ("resources_used", "Resource_List", "Variable_List", "resources_available", "resources_assigned")


def host_name(context: Context) -> str:
    """Return the server's name."""
    return str(context.state["server"])


def exec_host(job: Job) -> str:
    """Return ``n2/3*4+n1/0*4``."""
    parts = []
    for name, slots in job["exec_host"]:
        parts.append(f"{name}/{slots[0] if slots else 0}" + (f"*{len(slots)}" if len(slots) > 1 else ""))
    return "+".join(parts)


def resource_list(job: Job) -> list[tuple[str, str | int]]:
    """Return ``Resource_List``: totals, and the selection as the server reads it."""
    chunks = job["chunks"]
    ranks = sum(chunk["mpiprocs"] for chunk in chunks)
    asked = job["resources"]
    found: dict[str, str | int] = {"ncpus": core.cpus(job), "nodect": len(chunks)}
    if ranks:
        found["mpiprocs"] = ranks
    if "mem" in asked:
        found["mem"] = asked["mem"]
    if "nodes" in asked:
        found["nodes"] = asked["nodes"]
    found["place"] = asked.get("place") or ("scatter" if job["scatter"] else "free")
    if "select" in asked:
        found["select"] = asked["select"]
    else:
        part = f":mpiprocs={chunks[0]['mpiprocs']}" if ranks else ""
        found["select"] = f"{len(chunks)}:ncpus={chunks[0]['ncpus']}{part}"
    if job["walltime"] is not None:
        found["walltime"] = clock(job["walltime"])
    return sorted(found.items())


def letter(job: Job) -> str:
    """Return the state as printed."""
    return str(job["letter"] or job["state"])


def _path(context: Context, job: Job, given: str, kind: str) -> str:
    path = given or f"{job['name']}.{kind}{job['seq']}"
    host, colon, rest = path.partition(":")
    if colon and "/" not in host:
        return f"{host}:{os.path.join(job['workdir'], rest)}"
    return f"{host_name(context)}:{os.path.join(job['workdir'], path)}"


def attributes(context: Context, job: Job) -> Attributes:
    """Return a job's attributes in the server's order."""
    server = host_name(context)
    ran = job["started"] is not None
    found: Attributes = [("Job_Name", job["name"]), ("Job_Owner", f"{job['owner']}@{server}")]
    if ran:
        used: list[tuple[str, Any]] = [
            ("cpupercent", 0),
            ("cput", "00:00:00"),
            ("mem", "8072kb"),
            ("ncpus", core.cpus(job)),
            ("vmem", "11640kb"),
            ("walltime", clock(core.elapsed(job, context.now))),
        ]
        found.append(("resources_used", used))
    found += [("job_state", letter(job)), ("queue", job["queue"]), ("server", server)]
    if job["account"]:
        found.append(("Account_Name", job["account"]))
    found += [
        ("Checkpoint", "u"),
        ("ctime", stamp(job["created"])),
        ("Error_Path", _path(context, job, job["error"], "e")),
    ]
    if job["exec_host"]:
        found += [("exec_host", exec_host(job)), ("exec_vnode", vnodes(job))]
    found += [
        ("Hold_Types", job["hold"] or "n"),
        ("Join_Path", job["join"]),
        ("Keep_Files", job["keep"]),
        ("Mail_Points", "a"),
        ("mtime", stamp(job["modified"])),
        ("Output_Path", _path(context, job, job["output"], "o")),
        ("Priority", 0),
        ("qtime", stamp(job["queued"])),
        ("Rerunable", str(job["rerunable"])),
        ("Resource_List", resource_list(job)),
    ]
    if ran:
        found.append(("stime", stamp(job["started"])))
    if job["ended"] and ran:
        found.append(("obittime", stamp(job["ended"])))
    if job["session"]:
        found.append(("session_id", job["session"]))
    if job["shell"]:
        found.append(("Shell_Path_List", job["shell"]))
    if ran:
        found.append(("jobdir", job["request"].get("home", "/")))
    found += [("substate", job["substate"]), ("Variable_List", job["variables"])]
    if job["comment"]:
        found.append(("comment", job["comment"]))
    if job["state"] != "H" and not (job["state"] == "F" and job["hold"]):
        found.append(("etime", stamp(job["eligible"])))
    if job["run_count"]:
        found.append(("run_count", job["run_count"]))
    if job["exit_status"] is not None:
        found += [
            ("Stageout_status", int(job.get("delivered", True))),
            ("Exit_status", job["exit_status"]),
        ]
    if job["submit_args"]:
        found.append(("Submit_arguments", job["submit_args"]))
    if job["ended"]:
        found.append(("history_timestamp", int(job["ended"])))
    if job.get("estimated"):
        found.append(("estimated", [("start_time", stamp(job["estimated"]))]))
    found += [("project", job["project"] or "_pbs_project_default"), ("Submit_Host", server)]
    return found


# --- JSON


def json_head(context: Context) -> str:
    """Return what every JSON answer begins with; no comma and no newline at its end."""
    return (
        f'{{\n\t"timestamp":\t{int(context.now)},\n\t"pbs_version":\t"{VERSION}",\n'
        f'\t"pbs_server":\t"{host_name(context)}"'
    )


def number(value: Any) -> str:
    """Return a resource as JSON: what looks like a number is one."""
    text = str(value)
    if text[:1].isalpha() or text[:1] in "/_":
        return quoted(text)
    try:
        return str(int(text))
    except ValueError:
        pass
    try:
        amount = float(text)
    except ValueError:
        return quoted(text)
    return "null" if amount in (float("inf"), float("-inf")) or amount != amount else repr(amount)


def quoted(text: str) -> str:
    """Return a JSON string; other alphabets stay as they are."""
    return str(encode_basestring(text))


def json_object(title: str, items: Attributes, depth: int) -> str:
    """Return ``"title": {…}`` with one item a line, indented by `depth` tabs."""
    indent = "\t" * depth
    lines = []
    for name, value in items:
        if isinstance(value, list):
            inner = ",\n".join(f"{indent}\t\t{quoted(str(k))}:\t{number(v)}" for k, v in value)
            body = "{\n" + (inner + "\n" if inner else "") + indent + "\t}"
        else:
            body = str(value) if isinstance(value, int) else quoted(str(value))
        lines.append(f"{indent}\t{quoted(name)}:\t{body}")
    return f"{indent}{quoted(title)}:\t{{\n" + ",\n".join(lines) + f"\n{indent}}}"


def json_answer(context: Context, group: str, entries: list[tuple[str, Attributes]]) -> str:
    """Return a whole answer; without entries there is no group at all."""
    if not entries:
        return json_head(context) + "\n}\n"
    inner = ",\n".join(json_object(title, items, 2) for title, items in entries)
    return f'{json_head(context)},\n\t"{group}":\t{{\n{inner}\n\t}}\n}}\n'


# --- tables


def cut(text: str, width: int) -> str:
    """Return the text, its end replaced by ``*`` where it is too long."""
    return text if len(text) <= width else text[: width - 1] + "*"


def plain_table(context: Context, jobs: list[Job]) -> str:
    """Return what ``qstat`` prints; nothing for no jobs."""
    if not jobs:
        return ""
    lines = [
        "Job id            Name             User              Time Use S Queue",
        "----------------  ---------------- ----------------  -------- - -----",
    ]
    for job in jobs:
        used = clock(0) if job["started"] else "0"
        lines.append(
            f"{cut(job['id'], 16):<16}  {cut(job['name'], 16):<16} {cut(job['owner'], 16):<16}  "
            f"{used:>8} {letter(job)} {job['queue']:<16}"
        )
    return "".join(line + "\n" for line in lines)


def wide_table(context: Context, jobs: list[Job], nodes: bool, one_line: bool, comment: bool = False) -> str:
    """Return what ``qstat -a``, ``-n``, ``-u`` print; nothing for no jobs."""
    if not jobs:
        return ""
    lines = [
        "",
        f"{host_name(context)}: ",
        "                                                            Req'd  Req'd   Elap",
        "Job ID          Username Queue    Jobname    SessID NDS TSK Memory Time  S Time",
        "--------------- -------- -------- ---------- ------ --- --- ------ ----- - -----",
    ]
    for job in jobs:
        session = f"{job['session']:>6}" if job["session"] else "   -- "
        elapsed = pbstext.hours(core.elapsed(job, context.now)) if job["started"] else "  -- "
        wall = pbstext.hours(job["walltime"])[:5] if job["walltime"] is not None else "  -- "
        memory = pbstext.memory(job)
        memory = "   -- " if memory == "--" else f"{memory:>6}"
        line = (
            f"{cut(job['id'], 15):<15} {cut(job['owner'], 8):<8} {cut(job['queue'], 8):<8} "
            f"{cut(job['name'], 10):<10} {session} {len(job['chunks']):>3} {core.cpus(job):>3} "
            f"{memory} {wall} {letter(job)} {elapsed}"
        )
        hosts = exec_host(job)
        if one_line and nodes:
            lines.append(f"{line} {hosts or ' -- '}")
            continue
        lines.append(line)
        if nodes:
            lines.append(f"   {hosts}" if hosts else "    -- ")
        if comment:
            lines.append(f"   {job['comment'] or ' -- '}")
    return "".join(line + "\n" for line in lines)


# --- queues and nodes


def queue_attributes(context: Context, name: str) -> Attributes:
    """Return a queue's attributes in the server's order."""
    queue = context.state["queues"][name]
    jobs = [job for job in context.jobs() if job["queue"] == name and job["state"] != "F"]
    found: Attributes = [("queue_type", "Execution")]
    if queue.get("priority"):
        found.append(("Priority", queue["priority"]))
    count = {state: sum(job["state"] == state for job in jobs) for state in "QHWRE"}
    found += [
        ("total_jobs", len(jobs)),
        (
            "state_count",
            f"Transit:0 Queued:{count['Q']} Held:{count['H']} Waiting:{count['W']} "
            f"Running:{count['R']} Exiting:{count['E']} Begun:0 ",
        ),
    ]
    limits: list[tuple[str, Any]] = []
    if queue.get("max_cores"):
        limits.append(("ncpus", queue["max_cores"]))
    if queue.get("max_nodes"):
        limits.append(("nodect", queue["max_nodes"]))
    if queue.get("max_walltime") is not None:
        limits.append(("walltime", clock(queue["max_walltime"])))
    if limits:
        found.append(("resources_max", limits))
    if queue.get("default_walltime") is not None:
        found.append(("resources_default", [("walltime", clock(queue["default_walltime"]))]))
    if queue.get("users") is not None:
        found += [("acl_user_enable", "True"), ("acl_users", ",".join(queue["users"]))]
    running = [job for job in jobs if job["state"] in "RSE"]
    if jobs or limits:
        assigned = [("ncpus", sum(map(core.cpus, running))), ("nodect", sum(map(core.node_count, running)))]
        found.append(("resources_assigned", assigned))
    found += [("enabled", str(queue.get("enabled", True))), ("started", str(queue.get("started", True)))]
    return found


def node_attributes(context: Context, name: str, as_json: bool) -> Attributes:
    """Return a node's attributes in the server's order."""
    state = context.state
    slots = state["nodes"][name]
    here = [
        (job["id"], len(taken))
        for job in state["jobs"].values()
        if job["state"] in ("R", "S", "E")
        for node, taken in job["exec_host"]
        if node == name
    ]
    used = sum(count for _, count in here)
    word = "down" if name in state["down_nodes"] else "job-busy" if used >= slots else "free"
    found: Attributes = [("Mom", name), ("ntype", "PBS"), ("state", word), ("pcpus", 2)]
    if here:
        found.append(("jobs", ", ".join(f"{job_id}/{n}" for job_id, count in here for n in range(count))))
    available = [("arch", "linux"), ("host", name), ("mem", "24684084kb"), ("ncpus", slots), ("vnode", name)]
    found += [
        ("resources_available", available),
        ("resources_assigned", [("ncpus", used)]),
        ("resv_enable", "True"),
        ("sharing", "default_shared"),
        ("license", "l"),
    ]
    when = state["created"]
    found.append(("last_state_change_time", int(when) if as_json else stamp(when)))
    return found
