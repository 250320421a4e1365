"""The commands in the voice of Slurm 22.05's Torque wrappers, and of sbatch behind ``qsub``."""

from __future__ import annotations

import os
import re

from . import core, options, submission
from .environment import stamp
from .options import clock
from .pbstext import hours
from .words import Slurm as Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .command import Context, Voice
    from .store import Job

_QSUB = "a:A:b:e:Ihj:J:l:m:M:N:o:p:P:q:r:t:v:VW:d:z"
_SBATCH = "a:A:b:e:Ihj:J:l:m:M:N:o:p:P:q:r:t:v:VW:d:S:k:u:cz"
_QSUB_USAGE = """\
Usage:
    qsub [-a start_time] [-A account] [-b y|n] [-e err_path] [-I] [-l
    resource_list] [-m mail_options] [-M user_list] [-N job_name] [-o
    out_path] [-p priority] [-pe shm task_cnt] [-P wckey] [-q destination]
    [-r y|n] [-v variable_list] [-V] [-wd workdir] [-W
    additional_attributes] [-h] [script]
"""
_QSTAT_USAGE = """\
Usage:
    qstat [-f] [-a|-i|-r] [-n [-1]] [-G|-M] [-u user_list] [-? | --help]
    [--man] [job_id...]

    qstat -Q [-f]

    qstat -q
"""
_PRIORITY = 4294901760


def _unshell(word: str) -> str:
    """Return what is left of a word after the shell: the wrapper hands on one line."""
    return " ".join(options.split_words(word))


def _command_line(argv: list[str]) -> submission.Order:
    """Parse what qsub itself understands; the script is sbatch's."""
    order = submission.Order()
    pairs, operands = options.getopt(argv, _QSUB)
    order.take([(letter, _unshell(value)) for letter, value in pairs])
    if operands:
        order.script_name = _unshell(operands[0])
    return order


def sbatch_line(argv: list[str]) -> str:
    """Return the command line that the wrapper makes of its own, as its messages show it."""
    order = _command_line([word for word in argv if word != "--sbatchline"])
    given, wanted = order.given, order.wanted
    base = given.get("N") or os.path.basename(order.script_name)
    words = ["/usr/bin/sbatch"]
    if "j" not in given:
        words.append(f"-e {given.get('e') or base + '.e%A'}")
    words.append(f"-o {given.get('o') or base + '.o%A'}")
    if wanted.keys() & {"nodes", "select", "ncpus"}:
        try:
            chunks = options.chunks(wanted)
            words += [f"-N{len(chunks)}", f"-n{sum(chunk['ncpus'] for chunk in chunks)}"]
        except ValueError:
            words.append("-N0")
    if "walltime" in wanted:
        total = options.seconds(wanted["walltime"])
        words.append(f"-t{-(-(total or 0) // 60)}")
    if "V" in given:
        words.append("--export=all")
    if "N" in given:
        words.append(f"-J {given['N']}")
    if "A" in given:
        words.append(f"-A {given['A']}")
    if "q" in given:
        words.append(f"-p {given['q']}")
    if "h" in given:
        words.append("-H")
    return " ".join([*words, order.script_name]).rstrip()


def qsub(context: Context) -> int:
    """Submit."""
    argv = context.argv
    for word in argv:
        if word.startswith("--") and word not in ("--sbatchline", "--"):
            return context.fail(2, f"Unknown option: {word[2:]}", _QSUB_USAGE)
    try:
        order = _command_line([word for word in argv if word != "--sbatchline"])
    except options.BadOption as error:
        return context.fail(2, f"Unknown option: {error.letter}", _QSUB_USAGE)
    if not order.script_name:
        return context.fail(2, _QSUB_USAGE)
    walltime = order.wanted.get("walltime")
    if walltime is not None and options.seconds(walltime) is None:
        return context.fail(255, f"Invalid time limit specified ({walltime})")
    if "--sbatchline" in argv:
        context.say(sbatch_line(argv))
        return 0
    try:
        job = _sbatch(context, order)
    except submission.Refusal as error:
        return Words.refuse(context, error.reason, error.detail)
    if context.fault("submit_then_fail") is not None:
        return Words.server_down(context)
    context.say(job["id"])
    return 0


def _read(order: submission.Order) -> None:
    """Read the script as sbatch does; its ``-o -e -j`` give way to what the wrapper always says."""
    try:
        order.script = submission.read_script(order.script_name)
    except OSError:
        raise submission.Refusal("missing_script", order.script_name) from None
    if not order.script:
        raise submission.Refusal("empty_script")
    if not order.script.startswith("#!"):
        raise submission.Refusal("no_shebang")
    if "\r\n" in order.script:
        raise submission.Refusal("crlf_script")
    for words in options.directives(order.script):
        try:
            weak, _ = options.getopt(words, _SBATCH)
        except options.BadOption as error:
            raise submission.Refusal("bad_option", error.letter) from error
        order.take([pair for pair in weak if pair[0] not in "oejk"], weak=True)


def _sbatch(context: Context, order: submission.Order) -> Job:
    named_on_command_line = order.given.get("N", "")
    _read(order)
    wanted = order.wanted
    walltime = None
    if "walltime" in wanted:
        # Recorded: a bare number is minutes in the script, seconds on the command line.
        walltime = options.seconds(wanted["walltime"], 60 if order.walltime_in_script else 1)
        if walltime is None:
            raise submission.Refusal("bad_walltime")
        walltime = -(-walltime // 60) * 60
    queue_name, queue = submission.queue_of(context, order)
    try:
        chunks = options.chunks(wanted)
    except ValueError:
        raise submission.Refusal("too_big") from None
    if len(chunks) > min(len(context.state["nodes"]), queue.get("max_nodes") or 10**6):
        raise submission.Refusal("too_big")
    if walltime is None:
        walltime = queue.get("default_walltime")
    limit = queue.get("max_walltime")
    if limit is not None and walltime is not None and walltime > limit:
        raise submission.Refusal("over_limits")
    base = submission.origin(context)
    if "v" not in order.given:
        order.given["V"] = ""
    job = submission.make_job(
        context,
        order,
        queue=queue_name,
        walltime=walltime,
        chunks=chunks,
        resources=wanted,
        scatter=len(chunks) > 1,
        variables=submission.variables(context, order, base),
        join="oe" if "j" in order.given else "n",
    )
    job["request"]["cmdline_name"] = named_on_command_line
    if not core.can_ever_run(context.state, job):
        del context.state["jobs"][job["id"]]
        context.spawn.remove(job["id"])
        context.dirty = True
        raise submission.Refusal("too_wide")
    return job


# --- looking


def letter(context: Context, job: Job) -> str:
    """Return the state as printed: held jobs show Q, and C comes with the request to end."""
    if job["letter"]:
        return str(job["letter"])
    if job["state"] == "F" or (job.get("killed_by") and context.now >= job.get("kill_at", 0)):
        return "C"
    return "Q" if job["state"] in "HW" else str(job["state"])


def _hosts(job: Job) -> str:
    return "+".join(f"{name}/{len(slots)}" for name, slots in job["exec_host"])


def _number(word: str) -> int | None:
    """Return the number that perl reads at the start of a word."""
    match = re.match(r"\s*(\d+)", word)
    return int(match[1]) if match else None


def qstat(context: Context) -> int:
    """List; 153 when nothing matched, without a word."""
    for word in context.argv:
        if word.startswith("--"):
            return context.fail(2, f"Unknown option: {word[2:]}", _QSTAT_USAGE)
    try:
        pairs, words = options.getopt(context.argv, "fainr1u:QqGMB:")
    except options.BadOption as error:
        if error.missing:
            return context.fail(2, f"Option {error.letter} requires an argument", _QSTAT_USAGE)
        return context.fail(2, f"Unknown option: {error.letter}", _QSTAT_USAGE)
    given = dict(pairs)
    if "Q" in given:
        return _queues(context, "f" in given)
    if "q" in given:
        return _queue_table(context)
    jobs = context.jobs()
    if words:
        ids = {word for word in words if word.isdigit()}
        jobs = [job for job in jobs if job["id"] in ids]
    if "u" in given:
        jobs = [job for job in jobs if job["owner"] in given["u"].split(",")]
    if "r" in given:
        jobs = [job for job in jobs if letter(context, job) in "RS"]
    if "i" in given:
        jobs = [job for job in jobs if letter(context, job) == "Q"]
    if not jobs:
        return 0 if given.keys() & set("uir") else 153
    if "f" in given:
        context.out += [_full(context, job) for job in jobs]
    elif given.keys() & set("ainru"):
        context.out.append(_wide_table(context, jobs, "n" in given, "1" in given))
    else:
        context.out.append(_plain_table(context, jobs))
    return 0


def _full(context: Context, job: Job) -> str:
    started = job["started"]
    lines = [
        f"Job Id:\t{job['id']}",
        f"Job_Name = {job['name']}",
        f"Job_Owner = {job['owner']}@localhost",
        f"job_state = {letter(context, job)}",
        f"queue = {job['queue']}",
        f"qtime = {stamp(job['queued'])}",
    ]
    begin = started if started is not None else job["ended"] or job.get("estimated")
    if begin:
        lines.append(f"mtime = {stamp(begin)}")
        lines.append(f"ctime = {stamp(job['ended'] or begin + (job['walltime'] or 0))}")
    if job["exec_host"]:
        lines.append(f"exec_host = {_hosts(job)}")
    held = job["state"] == "H"
    lines += [
        f"Priority = {0 if held else _PRIORITY - job['seq'] % 1_000_000}",
        f"euser = {job['owner']}({os.getuid() if job['owner'] == context.user else 60000})",
        f"egroup = {job['owner']}({os.getgid() if job['owner'] == context.user else 60000})",
    ]
    if job["walltime"] is not None:
        lines.append(f"Resource_List.walltime = {clock(job['walltime'])}")
    lines += [
        f"Resource_List.nodect = {core.node_count(job)}",
        f"Resource_List.ncpus = {core.cpus(job)}",
    ]
    return "\n\t".join(lines) + "\n\n"


def _plain_table(context: Context, jobs: list[Job]) -> str:
    lines = [
        "Job id              Name             Username        Time Use S Queue          ",
        "------------------- ---------------- --------------- -------- - ---------------",
    ]
    for job in jobs:
        lines.append(
            f"{job['id']:<19} {job['name'][:16]:<16} {job['owner'][:15]:<15} {_used(context, job):>8} "
            f"{letter(context, job)} {job['queue'][:15]:<15}"
        )
    return "".join(line + "\n" for line in lines)


def _used(context: Context, job: Job) -> str:
    minutes = int(core.elapsed(job, context.now)) // 60
    return f"{minutes // 1440:02}:{minutes // 60 % 24:02}:{minutes % 60:02}"


def _wide_table(context: Context, jobs: list[Job], nodes: bool, one_line: bool) -> str:
    lines = [
        "",
        "vm:",
        " " * 79 + "Req'd  Req'd   Elap ",
        "Job id               Username Queue    Name                 SessID NDS   TSK   "
        "Memory Time Use S Time ",
        "-------------------- -------- -------- -------------------- ------ ----- ----- ------ ----- - -----",
    ]
    for job in jobs:
        line = (
            f"{job['id']:<20} {job['owner'][:8]:<8} {job['queue'][:8]:<8} {job['name'][:20]:<20} {'--':<6} "
            f"{core.node_count(job):>5} {core.cpus(job):>5} {'--':>6} {hours(job['walltime']):>5} "
            f"{letter(context, job)} {hours(core.elapsed(job, context.now)):>5}"
        )
        if nodes and one_line:
            lines.append(f"{line}   {_hosts(job) or '--'}")
            continue
        lines.append(line)
        if nodes:
            lines.append(f"   {_hosts(job) or '--'}")
    return "".join(line + "\n" for line in lines)


def _queues(context: Context, in_full: bool) -> int:
    queues = context.state["queues"]
    if in_full:
        for name, queue in queues.items():
            lines = [
                f"Queue:\t{name}",
                "queue_type = Execution",
                f"resources_default.nodes = {len(context.state['nodes'])}",
                f"enabled = {'yes' if queue.get('enabled', True) else 'no'}",
                f"started = {'yes' if queue.get('started', True) else 'no'}",
            ]
            context.out.append("\n\t".join(lines) + "\n\n")
        return 0
    context.say("Queue              Max   Tot   Ena   Str   Que   Run   Hld   Wat   Trn   Ext T")
    context.say("----------------   ---   ---   ---   ---   ---   ---   ---   ---   ---   --- -")
    for name, queue in queues.items():
        flags = [("yes" if queue.get(key, True) else "no") for key in ("enabled", "started")]
        unknown = "     ?" * 6
        context.say(f"{name:<16}     ?     ? {flags[0]:>5} {flags[1]:>5}{unknown} E")
    return 0


def _queue_table(context: Context) -> int:
    """Print ``qstat -q``: right, and yet the status is always 153 (recorded)."""
    context.say("Queue            Memory CPU Time Walltime Node  Run Que Lm State")
    context.say("---------------- ------ -------- -------- ----  --- --- -- -----")
    totals = [0, 0]
    for name, queue in context.state["queues"].items():
        states = [letter(context, job) for job in context.jobs() if job["queue"] == name]
        running, waiting = states.count("R"), states.count("Q")
        totals = [totals[0] + running, totals[1] + waiting]
        limit = queue.get("max_walltime")
        wall = clock(limit) if limit is not None else "--   "
        flags = (
            ("E" if queue.get("enabled", True) else "D") + " " + ("R" if queue.get("started", True) else "S")
        )
        nodes = str(queue.get("max_nodes") or "--")
        context.say(
            f"{name:<16}   --      --    {wall:>8} {nodes:>3}  {running:>3} {waiting:>3} --  {flags} "
        )
    context.say(" " * 47 + "----- -----")
    context.say(" " * 47 + f"{totals[0]:>5} {totals[1]:>5}")
    return 153


def pbsnodes(context: Context) -> int:
    """List nodes."""
    state = context.state
    pairs, words = options.getopt(context.argv, "alo:c:r:N:d:")
    names = words or list(state["nodes"])
    for name in names:
        slots = state["nodes"].get(name)
        if slots is None:
            return context.fail(1)
        used = sum(
            len(taken)
            for job in state["jobs"].values()
            if job["state"] in ("R", "S", "E")
            for node, taken in job["exec_host"]
            if node == name
        )
        word = "job-exclusive" if used >= slots else "mixed" if used else "free"
        own = {"job-exclusive": "allocated", "mixed": "mixed", "free": "idle", "down": "down"}
        if name in state["down_nodes"]:
            word = "down"
        if "l" in dict(pairs):
            if word == "down":
                context.say(f"{name}\t\t{word}")
            continue
        context.say(name)
        context.say(f"    state = {word}")
        context.say(f"    np = {slots}")
        context.say("    ntype = cluster")
        context.say(
            f"    status = rectime={int(context.now)},state={word},slurmstate={own[word]},size=0kb:0kb,"
            f"ncpus={slots},boards=1,sockets={slots},cores=1,threads=1,availmem=2000mb,"
            "opsys=linux 6.1.0 #1 smp preempt_dynamic @0,arch=x86_64"
        )
        context.say("")
    return 0


# --- changing


def _warn(context: Context, word: str) -> None:
    if not word.isdigit():
        context.fail(
            0,
            f'Argument "{word}" isn\'t numeric in subroutine entry at '
            f"/usr/bin/{context.command} line 96, <DATA> line 604.",
        )


def qdel(context: Context) -> int:
    """Delete; silent about what it does not know."""
    if not context.argv:
        return context.fail(2, "Usage:\n    qdel job_id...\n")
    status = 0
    for word in context.argv:
        _warn(context, word)
        number = _number(word)
        if number is None:
            context.say("qdel: Kill job error on job id 0: Invalid argument")
            status = 1
            continue
        job = context.job(number)
        if job is None or job["state"] == "F":
            status = 1
        elif job["owner"] != context.user:
            status = Words.not_yours(context, str(number))
        else:
            ignored = context.fault("ignored")
            core.delete(context.state, job, context.user, context.now)
            if ignored is not None and "kill_at" in job:
                job["kill_at"] = context.now + float(ignored["seconds"])
            context.changed(job)
    return status


def _hold_or_release(context: Context) -> int:
    pairs, words = options.getopt(context.argv, "h:")
    if context.command == "qhold" and not pairs:
        for line in range(97, 101):
            text = "Use of uninitialized value $hold in string eq"
            context.fail(0, f"{text} at /usr/bin/qhold line {line}, <DATA> line 604.")
    status = 0
    for word in words:
        job = context.job(_number(word) or 0)
        if job is None or job["state"] == "F":
            status = Words.unknown_job(context, word)
        elif job["owner"] != context.user:
            status = Words.not_yours(context, word)
        else:
            (core.hold if context.command == "qhold" else core.release)(job, context.now)
            context.changed(job)
    return status


def qalter(context: Context) -> int:
    """Alter: of what other batch systems alter, only the name."""
    for word in context.argv:
        if word.startswith("-") and word[1:2] not in "Nro":
            usage = "Usage:\n    qalter [-N newname] [-r y|n] [-o output file] job_id\n"
            return context.fail(2, f"Unknown option: {word[1:2]}", usage)
    pairs, words = options.getopt(context.argv, "N:r:o:")
    for word in words:
        job = context.job(_number(word) or 0)
        if job is None:
            return 1
        job["name"] = dict(pairs).get("N", job["name"])
        context.changed(job)
    return 0


def sinfo(context: Context) -> int:
    """Tell the version, or the names of the queues, the default one with a star."""
    if context.argv == ["--noheader", "--format=%P"]:
        for name in context.state["queues"]:
            context.say(name + "*" * (name == context.state["default_queue"]))
    else:
        context.say("slurm-wlm 22.05.8")
    return 0


COMMANDS: dict[str, Voice] = {
    "sinfo": sinfo,
    "qsub": qsub,
    "qstat": qstat,
    "qdel": qdel,
    "qhold": _hold_or_release,
    "qrls": _hold_or_release,
    "qalter": qalter,
    "pbsnodes": pbsnodes,
}
