"""The commands in TORQUE 6.1's voice."""

from __future__ import annotations

from . import core, options, pbstext, submission
from .torque_text import (
    COMMIT,
    VERSION,
    attributes,
    escaped,
    full_text,
    job_xml,
    node_items,
    plain_table,
    queue_attributes,
    wide_table,
)
from .words import Torque as Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .command import Context, Voice
    from .store import Job

__all__ = ["COMMANDS", "attributes"]

_QSUB = "a:A:b:c:C:d:D:e:EfF:hi:Ij:J:k:K:l:L:m:M:nN:o:p:P:q:r:S:t:T:u:v:Vw:W:xXz"
_QSUB_USAGE = """
usage: qsub [-a date_time] [-A account_string] [-b secs]
    [-c [ none | { enabled | periodic | shutdown |
    depth=<int> | dir=<path> | interval=<minutes>}... ]
    [-C directive_prefix] [-d path] [-D path]
    [-e path] [-h] [-I] [-j oe|eo|n] [-k {oe}] [-K <kill delay seconds>] 
    [-l resource_list] [-m n|{abe}] [-M user_list] [-N jobname] [-o path] 
    [-p priority] [-P proxy_user [-J <jobid]] [-q queue] [-r y|n] 
    [-S path] [-t number_to_submit] [-T type]  [-u user_list] [-w] path
    [-W additional_attributes] [-v variable_list] [-V ] [-x] [-X] [-z] [script]
"""  # noqa: W291  # blanks at line ends are in the recording
_KNOWN = {"walltime", "nodes", "ncpus", "mem", "pmem", "vmem", "pvmem", "select", "procs", "cput", "nodect"}


def qsub(context: Context) -> int:
    """Submit."""
    if context.argv == ["--version"]:
        context.say(f"Version: {VERSION}")
        context.say(f"Commit: {COMMIT}")
        return 0
    try:
        order = submission.read_order(context.argv, _QSUB)
        job = _accept(context, order)
    except options.BadOption as error:
        return context.fail(2, f"qsub: invalid option -- '{error.letter}'", _QSUB_USAGE)
    except submission.Refusal as error:
        if error.reason == "directive":
            return context.fail(2, f"qsub: directive error: {error.detail} ", _QSUB_USAGE)
        if error.reason == "bad_name":
            return context.fail(2, "[qsub: illegal -N value]", _QSUB_USAGE)
        return Words.refuse(context, error.reason, error.detail)
    if context.fault("submit_then_fail") is not None:
        return Words.server_down(context)
    if "z" not in order.given:
        context.say(job["id"])
    return 0


def _accept(context: Context, order: submission.Order) -> Job:
    if " " in order.given.get("N", ""):
        raise submission.Refusal("bad_name")
    if "t" in order.given:
        # The fake has no arrays.
        raise submission.Refusal("array")
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
        # Recorded: a select is taken and has no effect.
        chunks = options.chunks({name: value for name, value in wanted.items() if name != "select"})
    except ValueError:
        raise submission.Refusal("bad_nodes") from None
    if walltime is None:
        walltime = queue.get("default_walltime")
    limit = queue.get("max_walltime")
    if limit is not None and walltime is not None and walltime > limit:
        raise submission.Refusal("over_limits")
    base = [("PBS_O_QUEUE", queue_name), *submission.origin(context)]
    base += [("PBS_O_HOST", context.state["server"]), ("PBS_O_SERVER", context.state["server"])]
    job = submission.make_job(
        context,
        order,
        queue=queue_name,
        walltime=walltime,
        chunks=chunks,
        resources=wanted,
        scatter="nodes" in wanted,
        variables=submission.variables(context, order, base),
        submit_args=submission.arguments(context.argv),
    )
    if not core.can_ever_run(context.state, job):
        del context.state["jobs"][job["id"]]
        context.spawn.remove(job["id"])
        context.dirty = True
        raise submission.Refusal("too_big")
    if job["never"]:
        job["comment"] = "Not Running: Not enough of the right type of nodes are available"
    elif not order.script:
        # Recorded, twice of twice: an id, and no job.
        del context.state["jobs"][job["id"]]
        context.spawn.remove(job["id"])
        context.dirty = True
    return job


# --- ids


def _job(context: Context, word: str) -> tuple[Job | None, str]:
    """Return the job that a word on the command line means, and its id as the server writes it."""
    head, _, server = word.partition(".")
    full_id = word if server else f"{word}.{context.state['server']}"
    if head.isdigit() and server in ("", context.state["server"]):
        return context.job(int(head)), full_id
    return None, full_id


def _visible(context: Context, job: Job) -> bool:
    return context.state["query_other_jobs"] or job["owner"] == context.user


# --- looking


def qstat(context: Context) -> int:
    """List."""
    if context.argv == ["--version"]:
        context.say(f"Version: {VERSION}")
        context.say(f"Commit: {COMMIT}")
        return 0
    try:
        pairs, words = options.getopt(context.argv, "acC1eE:fiGlMnpqQrRstu:W:xB")
    except options.BadOption as error:
        return context.fail(2, f"qstat: invalid option -- '{error.letter}'", "usage: ", "qstat [-f [-1]] ...")
    given = dict(pairs)
    if "Q" in given or "q" in given:
        return _queues(context, words, "f" in given)
    if "B" in given:
        return _server(context)
    status, jobs = _chosen(context, words)
    if status == 172:
        return status
    if "u" in given:
        jobs = [job for job in jobs if job["owner"] in given["u"].split(",")]
    if "r" in given:
        jobs = [job for job in jobs if job["state"] in "RS"]
    if "i" in given:
        jobs = [job for job in jobs if job["state"] in "QHW"]
    if "x" in given:
        if jobs or not status:
            inner = "".join(job_xml(context, job) for job in jobs)
            context.out.append(f'<?xml version="1.0"?>\n<Data>{inner}</Data>\n')
    elif "f" in given:
        context.out += [full_text(context, job, "1" in given) for job in jobs]
    elif given.keys() & set("ainrsuGMR"):
        context.out.append(wide_table(context, jobs, "n" in given, "1" in given, "s" in given))
    else:
        context.out.append(plain_table(jobs))
    return status


def _chosen(context: Context, words: list[str]) -> tuple[int, list[Job]]:
    if not words:
        return 0, [job for job in context.jobs() if _visible(context, job)]
    status = 0
    found: list[Job] = []
    for word in words:
        if not word[:1].isdigit():
            if word in context.state["queues"]:
                found += [job for job in context.jobs() if job["queue"] == word and _visible(context, job)]
                continue
            return context.fail(172, f"qstat: Unknown queue destination {word}"), []
        job, full_id = _job(context, word)
        if job is None:
            status = Words.unknown_job(context, full_id)
        elif not _visible(context, job):
            status = Words.not_yours(context, full_id)
        else:
            found.append(job)
    return status, found


def _queues(context: Context, words: list[str], in_full: bool) -> int:
    names = words or list(context.state["queues"])
    for name in names:
        if name not in context.state["queues"]:
            return context.fail(172, f"qstat: Unknown queue MSG=cannot locate queue {name} ")
    if in_full:
        context.out += [pbstext.full(f"Queue: {name}", queue_attributes(context, name)) for name in names]
        return 0
    context.say("Queue              Max    Tot   Ena   Str   Que   Run   Hld   Wat   Trn   Ext T   Cpt")
    context.say("----------------   ---   ----    --    --   ---   ---   ---   ---   ---   --- -   ---")
    for name in names:
        items = dict(queue_attributes(context, name))
        count = [int(part.split(":")[1]) for part in items["state_count"].split()]
        flags = [("yes" if items[key] == "True" else "no") for key in ("enabled", "started")]
        context.say(
            f"{name:<16} {0:>5} {items['total_jobs']:>6} {flags[0]:>5} {flags[1]:>5} {count[1]:>5} "
            f"{count[4]:>5} {count[2]:>5} {count[3]:>5} {0:>5} {count[5]:>5} E {count[6]:>5}"
        )
    return 0


def _server(context: Context) -> int:
    state = context.state
    jobs = context.jobs()
    count = {letter: sum(job["state"] == letter for job in jobs) for letter in "QHWREF"}
    items: list[tuple[str, object]] = [
        ("server_state", "Active"),
        ("scheduling", "True"),
        ("total_jobs", len(jobs)),
        (
            "state_count",
            f"Transit:0 Queued:{count['Q']} Held:{count['H']} Waiting:{count['W']} "
            f"Running:{count['R']} Exiting:{count['E']} Complete:{count['F']} ",
        ),
        ("default_queue", state["default_queue"]),
        ("query_other_jobs", str(state["query_other_jobs"])),
        ("pbs_version", VERSION),
        ("keep_completed", int(state["options"]["keep_finished"])),
        ("next_job_number", state["next"]),
        ("max_job_array_size", 5000),
    ]
    context.out.append(pbstext.full(f"Server: {state['server']}", items))
    return 0


def qselect(context: Context) -> int:
    """List ids."""
    try:
        pairs, _ = options.getopt(context.argv, "a:A:c:eh:l:N:p:q:r:s:u:")
    except options.BadOption as error:
        return context.fail(2, f"qselect: invalid option -- '{error.letter}'", "usage: qselect ...")
    given = dict(pairs)
    for job in context.jobs():
        shown = "C" if job["state"] == "F" else job["state"]
        if not _visible(context, job) or shown not in given.get("s", shown):
            continue
        if "u" in given and job["owner"] not in given["u"].split(","):
            continue
        if "N" in given and job["name"] != given["N"]:
            continue
        context.say(job["id"])
    return 0


def pbsnodes(context: Context) -> int:
    """List nodes."""
    try:
        pairs, words = options.getopt(context.argv, "acdlN:noqrsx")
    except options.BadOption as error:
        return context.fail(2, f"pbsnodes: invalid option -- '{error.letter}'")
    nodes = context.state["nodes"]
    for name in words:
        if name not in nodes:
            return context.fail(1, "pbsnodes: Unknown node  MSG=cannot locate specified node")
    names = words or list(nodes)
    if "x" in dict(pairs):
        # Recorded: no XML header here.
        inner = ""
        for name in names:
            items = "".join(f"<{key}>{escaped(value)}</{key}>" for key, value in node_items(context, name))
            inner += f"<Node><name>{name}</name>{items}</Node>"
        context.say(f"<Data>{inner}</Data>")
        return 0
    for name in names:
        lines = "".join(f"     {key} = {value}\n" for key, value in node_items(context, name))
        context.out.append(f"{name}\n{lines}\n")
    return 0


# --- changing


def _change(context: Context, words: list[str], change: str, walltime: str = "") -> int:
    status = 0
    for word in words:
        if not word[:1].isdigit():
            status = context.fail(1, f"{context.command}: illegally formed job identifier: {word}")
            continue
        job, full_id = _job(context, word)
        if job is None:
            status = Words.unknown_job(context, word if change == "delete" else full_id)
        elif job["owner"] != context.user:
            status = Words.not_yours(context, full_id)
        elif job["state"] == "F":
            text = "Request invalid for state of job MSG=invalid state for job - COMPLETE"
            status = context.fail(170, f"{context.command}: {text} {full_id}")
        else:
            status = _do(context, job, change, walltime) or status
    return status


def _do(context: Context, job: Job, change: str, walltime: str) -> int:
    running = job["state"] in ("R", "S", "E")
    if change == "delete":
        ignored = context.fault("ignored")
        core.delete(context.state, job, context.user, context.now)
        if ignored is not None and "kill_at" in job:
            job["kill_at"] = context.now + float(ignored["seconds"])
    elif change == "hold":
        core.hold(job, context.now)
    elif change == "release":
        core.release(job, context.now)
    else:
        seconds = options.seconds(walltime)
        if seconds is None:
            return context.fail(168, f"qalter: Illegal attribute or resource value for {job['id']}")
        if running and job["walltime"] is not None and seconds > job["walltime"]:
            return context.fail(159, f"qalter: Unauthorized Request  {job['id']}")
        limit = context.state["queues"][job["queue"]].get("max_walltime")
        if limit is not None and seconds > limit:
            text = "Job exceeds queue resource limits MSG=cannot satisfy queue max walltime requirement"
            return context.fail(190, f"qalter: {text} {job['id']}")
        job["walltime"] = seconds
        job["modified"] = context.now
        context.hang_after = running and bool(context.state["options"]["known_bugs"])
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
        if not words:
            return context.fail(
                2, f"usage: {context.command} [{{ -a | -c | -p | -t | -W delay | -m message}}] ..."
            )
        if change == "alter" and "walltime" not in wanted:
            return context.fail(2, "qalter: this fake alters the walltime only")
        return _change(context, words, change, wanted.get("walltime", ""))

    return command


COMMANDS: dict[str, Voice] = {
    "qsub": qsub,
    "qstat": qstat,
    "qselect": qselect,
    "pbsnodes": pbsnodes,
    "qdel": _simple("delete", "ab:cm:pt:W:"),
    "qhold": _simple("hold", "h:t:"),
    "qrls": _simple("release", "h:t:"),
    "qalter": _simple("alter", "a:A:c:e:h:j:k:l:m:M:N:o:p:q:r:S:t:u:v:W:x:"),
}
