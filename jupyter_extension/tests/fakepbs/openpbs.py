"""The commands in OpenPBS 23.06's voice."""

from __future__ import annotations

import re

from . import core, options, submission
from .openpbs_text import (
    VERSION,
    attributes,
    json_answer,
    json_head,
    node_attributes,
    plain_table,
    queue_attributes,
    wide_table,
)
from .pbstext import full
from .words import OpenPBS as Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .command import Context, Voice
    from .store import Job

__all__ = ["COMMANDS", "json_head"]

_QSUB = "a:A:c:C:e:fhIj:J:k:l:m:M:N:o:p:q:r:R:S:u:v:VW:XzP:"
_QSUB_USAGE = """\
usage: qsub [-a date_time] [-A account_string] [-c interval]
\t[-C directive_prefix] [-e path] [-f ] [-h ] [-I [-X]] [-j oe|eo] [-J X-Y[:Z]]
\t[-k keep] [-l resource_list] [-m mail_options] [-M user_list]
\t[-N jobname] [-o path] [-p priority] [-P project] [-q queue] [-r y|n]
\t[-R o|e|oe] [-S path] [-u user_list] [-W otherattributes=value...]
\t[-v variable_list] [-V ] [-z] [script | -- command [arg1 ...]]
       qsub --version"""
_KNOWN = {"walltime", "select", "nodes", "ncpus", "mem", "place", "mpiprocs", "cput", "vmem", "pmem"}
_NAME = re.compile(r"[A-Za-z0-9_+.-][\x21-\x7e]*$")


def qsub(context: Context) -> int:
    """Submit."""
    if context.argv == ["--version"]:
        context.say(f"pbs_version = {VERSION}")
        return 0
    try:
        order = submission.read_order(context.argv, _QSUB)
        job = _accept(context, order)
    except options.BadOption as error:
        text = "option requires an argument" if error.missing else "invalid option"
        return context.fail(2, f"qsub: {text} -- '{error.letter}'", _QSUB_USAGE)
    except submission.Refusal as error:
        if error.reason == "directive":
            # Not recorded byte by byte; said by a real server of `#PBS -t 1-1`.
            return context.fail(2, f"qsub: directive error: {error.detail} ")
        if error.reason == "bad_name":
            return context.fail(2, "qsub: illegal -N value", _QSUB_USAGE)
        return Words.refuse(context, error.reason, error.detail)
    if context.fault("submit_then_fail") is not None:
        return Words.server_down(context)
    if "z" not in order.given:
        context.say(job["id"])
    return 0


def _accept(context: Context, order: submission.Order) -> Job:
    if "\r" in order.script:
        raise submission.Refusal("crlf_script")
    name = order.given.get("N", "")
    if name and not _NAME.match(name):
        raise submission.Refusal("bad_name")
    wanted = order.wanted
    for resource in wanted:
        if resource not in _KNOWN:
            raise submission.Refusal("bad_resource", resource)
    walltime = None
    if "walltime" in wanted:
        walltime = options.seconds(wanted["walltime"])
        if walltime is None:
            raise submission.Refusal("bad_walltime")
    queue_name, queue = submission.queue_of(context, order)
    try:
        chunks = options.chunks(wanted)
    except ValueError:
        raise submission.Refusal("bad_walltime") from None
    if walltime is None:
        walltime = queue.get("default_walltime")
    limit = queue.get("max_walltime")
    if (limit is not None and walltime is not None and walltime > limit) or (
        queue.get("max_nodes") and len(chunks) > queue["max_nodes"]
    ):
        raise submission.Refusal("over_limits")
    base = [
        *submission.origin(context)[:-1],
        ("PBS_O_INTERACTIVE_AUTH_METHOD", "resvport"),
        ("PBS_O_INTERACTIVE_ENCRYPT_METHOD", ""),
        submission.origin(context)[-1],
        ("PBS_O_SYSTEM", "Linux"),
        ("PBS_O_QUEUE", queue_name),
        ("PBS_O_HOST", context.state["server"]),
    ]
    place = wanted.get("place", "")
    job = submission.make_job(
        context,
        order,
        queue=queue_name,
        walltime=walltime,
        chunks=chunks,
        resources=wanted,
        scatter="scatter" in place or "nodes" in wanted,
        variables=submission.variables(context, order, base),
        submit_args=submission.arguments(context.argv),
        project=order.given.get("P", ""),
    )
    if not order.script.strip() and not order.command:
        # Recorded: accepted, and the shell that has nothing to read ends with 127.
        job["request"]["command"] = ["/bin/sh", "-c", "exit 127"]
    if job["never"] or not core.can_ever_run(context.state, job):
        job["never"] = True
        total = sum(context.state["nodes"].values())
        cpus = max(core.cpus(job), total * 2) if core.can_ever_run(context.state, job) else core.cpus(job)
        job["comment"] = (
            f"Can Never Run: Insufficient amount of resource: ncpus (R: {cpus} A: {total} T: {total})"
        )
    return job


# --- ids


def _job(context: Context, word: str) -> tuple[Job | None, str]:
    """Return the job that a word on the command line means, and its id as the server writes it."""
    head, _, server = word.partition(".")
    full_id = word if server else f"{word}.{context.state['server']}"
    if head.isdigit() and server in ("", context.state["server"]):
        return context.job(int(head)), full_id
    return None, full_id


# --- looking


def qstat(context: Context) -> int:
    """List."""
    if context.argv == ["--version"]:
        context.say(f"pbs_version = {VERSION}")
        return 0
    try:
        pairs, words = options.getopt(context.argv, "aisrnwu:fF:D:Qq1xHtJpGMTBEW:")
    except options.BadOption as error:
        return context.fail(2, f"qstat: invalid option -- '{error.letter}'", "usage:", "qstat --version")
    given = dict(pairs)
    as_json = given.get("F") == "json"
    if "F" in given and not as_json:
        return context.fail(2, f"qstat: this fake does not know -F {given['F']}")
    if "B" in given:
        return _servers(context, "f" in given)
    if "Q" in given or "q" in given:
        return _queues(context, words, "f" in given, as_json)
    history = "x" in given or "H" in given
    status, jobs = _chosen(context, words, history)
    if status == 170:
        return status
    if "u" in given:
        users = given["u"].split(",")
        jobs = [job for job in jobs if job["owner"] in users]
    if "r" in given:
        jobs = [job for job in jobs if job["state"] in "RS"]
    if "i" in given:
        jobs = [job for job in jobs if job["state"] in "QHW"]
    if "H" in given:
        jobs = [job for job in jobs if job["state"] == "F"]
    if "f" in given and as_json:
        # Recorded: of several ids only the first is answered.
        shown = jobs[:1] if len(words) > 1 else jobs
        entries = [(job["id"], attributes(context, job)) for job in shown]
        context.out.append(json_answer(context, "Jobs", entries))
    elif "f" in given:
        wide = "w" in given
        context.out += [full(f"Job Id: {job['id']}", attributes(context, job), wide) for job in jobs]
    elif given.keys() & set("aisrnuT"):
        context.out.append(wide_table(context, jobs, "n" in given, "1" in given, "s" in given))
    else:
        context.out.append(plain_table(context, jobs))
    return status


def _chosen(context: Context, words: list[str], history: bool) -> tuple[int, list[Job]]:
    """Return the jobs asked for, and a status."""
    if not words:
        return 0, [job for job in context.jobs() if history or job["state"] != "F"]
    status = 0
    found = []
    for word in words:
        if not word[:1].isdigit():
            if word in context.state["queues"]:
                found += [job for job in context.jobs() if job["queue"] == word and job["state"] != "F"]
                continue
            return context.fail(170, f"qstat: Unknown queue destination {word}"), []
        job, full_id = _job(context, word)
        if job is None:
            status = Words.unknown_job(context, full_id)
        elif job["state"] == "F" and not history:
            text = "Job has finished, use -x or -H to obtain historical job information"
            status = context.fail(35, f"qstat: {full_id} {text}")
        else:
            found.append(job)
    return status, found


def _queues(context: Context, words: list[str], in_full: bool, as_json: bool) -> int:
    names = words or list(context.state["queues"])
    for name in names:
        if name not in context.state["queues"]:
            return context.fail(170, f"qstat: Unknown queue {name}")
    if in_full and as_json:
        entries = [(name, queue_attributes(context, name)) for name in names]
        context.out.append(json_answer(context, "Queue", entries))
    elif in_full:
        context.out += [full(f"Queue: {name}", queue_attributes(context, name)) for name in names]
    else:
        context.say("Queue              Max   Tot Ena Str   Que   Run   Hld   Wat   Trn   Ext Type")
        context.say("---------------- ----- ----- --- --- ----- ----- ----- ----- ----- ----- ----")
        for name in names:
            items = dict(queue_attributes(context, name))
            count = [int(part.split(":")[1]) for part in items["state_count"].split()]
            flags = [("yes" if items[key] == "True" else "no") for key in ("enabled", "started")]
            context.say(
                f"{name:<16} {0:>5} {items['total_jobs']:>5} {flags[0]:>3} {flags[1]:>3} {count[1]:>5} "
                f"{count[4]:>5} {count[2]:>5} {count[3]:>5} {0:>5} {count[5]:>5} Exe*"
            )
    return 0


def _servers(context: Context, in_full: bool) -> int:
    state = context.state
    jobs = context.jobs()
    count = {letter: sum(job["state"] == letter for job in jobs) for letter in "QHWRE"}
    if not in_full:
        context.say("Server             Max   Tot   Que   Run   Hld   Wat   Trn   Ext Status")
        context.say("---------------- ----- ----- ----- ----- ----- ----- ----- ----- -----------")
        context.say(
            f"{state['server']:<16} {0:>5} {len(jobs):>5} {count['Q']:>5} {count['R']:>5} {count['H']:>5} "
            f"{count['W']:>5} {0:>5} {count['E']:>5} {'Active':<10}"
        )
        return 0
    items = [
        ("server_state", "Active"),
        ("server_host", state["server"]),
        ("scheduling", "True"),
        ("total_jobs", len(jobs)),
        (
            "state_count",
            f"Transit:0 Queued:{count['Q']} Held:{count['H']} Waiting:{count['W']} "
            f"Running:{count['R']} Exiting:{count['E']} Begun:0 ",
        ),
        ("default_queue", state["default_queue"]),
        ("query_other_jobs", str(state["query_other_jobs"])),
        ("resources_default", [("ncpus", 1)]),
        ("max_array_size", 10000),
        ("pbs_version", VERSION),
        ("job_history_enable", "True"),
        ("job_history_duration", "336:00:00"),
    ]
    context.out.append(full(f"Server: {state['server']}", items))
    return 0


def qselect(context: Context) -> int:
    """List ids."""
    try:
        pairs, _ = options.getopt(context.argv, "a:A:c:Hh:Jl:N:p:P:q:r:s:t:Tu:x")
    except options.BadOption as error:
        return context.fail(2, f"qselect: invalid option -- '{error.letter}'", "usage: qselect ...")
    given = dict(pairs)
    for job in context.jobs():
        if job["state"] == "F" and not given.keys() & {"x", "H"}:
            continue
        if "u" in given and job["owner"] not in given["u"].split(","):
            continue
        if "N" in given and job["name"] != given["N"]:
            continue
        if "s" in given and job["state"] not in given["s"]:
            continue
        context.say(job["id"])
    return 0


def pbsnodes(context: Context) -> int:
    """List nodes."""
    try:
        pairs, words = options.getopt(context.argv, "avF:Sjlo:c:r:D:L")
    except options.BadOption as error:
        return context.fail(2, f"pbsnodes: invalid option -- '{error.letter}'")
    as_json = dict(pairs).get("F") == "json"
    nodes = context.state["nodes"]
    for name in words:
        if name not in nodes:
            return context.fail(1, f"Node: {name},  Error: Unknown node ")
    names = words or list(nodes)
    if as_json:
        entries = [(name, node_attributes(context, name, True)) for name in names]
        context.out.append(json_answer(context, "nodes", entries))
        return 0
    for name in names:
        text = full(name, node_attributes(context, name, False), wide=True)
        context.out.append(text.replace("\n    ", "\n     "))
    return 0


# --- changing


def _change(context: Context, words: list[str], change: str, walltime: str = "") -> int:
    """Do something to every job named; the status is the last failure's."""
    status = 0
    for word in words:
        if not re.match(r"\d+(\[\d*\])?(\.|$)", word):
            status = context.fail(1, f"{context.command}: illegally formed job identifier: {word}")
            continue
        job, full_id = _job(context, word)
        if job is None:
            status = Words.unknown_job(context, full_id)
            if change == "delete" and context.dirty and context.state["options"]["known_bugs"]:
                # Recorded, twice of twice: a known job before an unknown one kills the server.
                context.state["down"] = True
                context.err.clear()
                return 0
        elif job["owner"] != context.user:
            status = Words.not_yours(context, full_id)
        elif job["state"] == "F":
            status = context.fail(35, f"{context.command}: Job has finished {full_id}")
        else:
            status = _do(context, job, change, walltime) or status
    return status


def _do(context: Context, job: Job, change: str, walltime: str) -> int:
    running = job["state"] in ("R", "S", "E")
    if change == "delete":
        ignored = context.fault("ignored")
        by = f"{context.user}@{context.state['server']}"
        core.delete(context.state, job, by, context.now)
        if ignored is not None and "kill_at" in job:
            job["kill_at"] = context.now + float(ignored["seconds"])
        if running and job["comment"] and "terminated by" not in job["comment"]:
            job["deleting"] = True
        if not running:
            # What was never started dies with the request; only then may the known bug bite.
            context.dirty = True
    elif change == "hold":
        core.hold(job, context.now)
    elif change == "release":
        core.release(job, context.now)
    else:
        seconds = options.seconds(walltime)
        if seconds is None:
            text = "Illegal attribute or resource value Resource_List.walltime"
            return context.fail(166, f"qalter: {text} {job['id']}")
        limit = context.state["queues"][job["queue"]].get("max_walltime")
        if running and job["walltime"] is not None and seconds > job["walltime"]:
            return context.fail(159, f"qalter: Unauthorized Request  {job['id']}")
        if limit is not None and seconds > limit:
            return context.fail(188, f"qalter: Job violates queue and/or server resource limits {job['id']}")
        job["walltime"] = seconds
        job["modified"] = context.now
    context.changed(job)
    return 0


def _simple(change: str, spec: str) -> Voice:
    def command(context: Context) -> int:
        try:
            pairs, words = options.getopt(context.argv, spec)
        except options.BadOption as error:
            return context.fail(
                2, f"{context.command}: invalid option -- '{error.letter}'", f"usage: {context.command} ..."
            )
        wanted: dict[str, str] = {}
        for letter, value in pairs:
            if letter == "l":
                wanted |= options.resources(value)
        if change == "alter" and "walltime" not in wanted:
            return context.fail(2, "qalter: this fake alters the walltime only")
        return _change(context, words, change, wanted.get("walltime", ""))

    return command


COMMANDS: dict[str, Voice] = {
    "qsub": qsub,
    "qstat": qstat,
    "qselect": qselect,
    "pbsnodes": pbsnodes,
    "qdel": _simple("delete", "W:x"),
    "qhold": _simple("hold", "h:"),
    "qrls": _simple("release", "h:"),
    "qalter": _simple("alter", "a:A:c:e:h:j:k:l:m:M:N:o:p:R:r:S:u:W:P:"),
}
