"""Which texts may go into a batch script. Pure.

The rule is one: a text stays within its line and its option. Nothing that a user types can start a line of
its own, add an option that nobody sees, or take one away.
"""

from __future__ import annotations

import getopt
import re
import shlex
from collections.abc import Callable, Iterator, Sequence

from ..api.profiles import FieldProblem, ProfileSettings, Resources
from ..scheduler.directives import safe_account, safe_queue
from .text import code_point, unseen

MOST_LINES = 50
MOST_LINE_CHARACTERS = 1000
MOST_ARGUMENTS = 64

_ADDRESS = re.compile(r"[A-Za-z0-9_*:%][A-Za-z0-9_.:%-]{0,252}")
_OPTION_LINE = re.compile(r"\s*#\s*(PBS|SBATCH)", re.IGNORECASE)
_ENDS = re.compile(r"\s*(exec|exit|return|logout)\b")

# Those of qsub in OpenPBS, Torque and Slurm's Torque commands; with a colon: takes a value.
_OPTIONS = "a:A:b:c:C:d:D:e:fF:hIj:J:k:K:l:L:m:M:nN:o:O:p:P:q:Q:R:r:S:t:T:u:v:VwW:xXz"
_REFUSED = {
    "-A": "the account has a field of its own",
    "-q": "the queue has a field of its own",
    "-N": "jobs get a unique name, by which they are found again",
    "-J": "engines are the MPI ranks of one job, not an array of jobs",
    "-t": "engines are the MPI ranks of one job, not an array of jobs",
    "-V": "it would copy the server's environment into the job, where others can read it",
    "-I": "an interactive job cannot be submitted",
    "-X": "an interactive job cannot be submitted",
    "-x": "an interactive job cannot be submitted",
    "-C": "it changes what an option looks like",
    "-z": "it hides the job's id",
    "-F": "the script takes no arguments",
    "-o": "the output has its place in the cluster's folder",
    "-e": "the output has its place in the cluster's folder",
    "-j": "the output has its place in the cluster's folder",
    "-k": "the output has its place in the cluster's folder",
    "-d": "jobs run where the server says",
    "-D": "jobs run where the server says",
    "-w": "jobs run where the server says",
}
_RESOURCE_FIELDS = {
    "walltime": "the walltime",
    "nodes": "the number of nodes",
    "select": "the number of nodes",
    "ncpus": "the number of cores",
    "mem": "the memory",
}


def string_problems(settings: ProfileSettings, resources: Resources) -> Iterator[FieldProblem]:
    """Yield what is wrong with the texts of settings, and of what a start asks for."""
    yield from _name("resources.queue", resources.queue, safe_queue)
    yield from _name("resources.account", resources.account, safe_account)
    yield from _lines("prologue", settings.prologue)
    yield from _prologue(settings.prologue)
    yield from _lines("directives", settings.directives)
    for index, directive in enumerate(settings.directives):
        if unseen(directive) is None:
            yield from _directive(f"directives[{index}]", directive)
    yield from _arguments("python", settings.python)
    yield from _arguments("mpiexec", settings.mpiexec)
    yield from _arguments("mpi_args", settings.mpi_args)
    address = settings.controller_address
    if address and _ADDRESS.fullmatch(address) is None:
        yield error("controller_address", f"{address[:100]!r} cannot be an address or interface.")
    if address in ("*", "0.0.0.0", "::"):  # noqa: S104 - what is warned of
        yield warning(
            "controller_address",
            "The controller would listen on all networks of its node. Name one address or interface.",
        )


def error(field: str, message: str) -> FieldProblem:
    """Return a problem that keeps the job from being submitted."""
    return FieldProblem(field=field, message=message, severity="error")


def warning(field: str, message: str) -> FieldProblem:
    """Return a problem that lets the job be submitted."""
    return FieldProblem(field=field, message=message, severity="warning")


def _name(field: str, text: str | None, safe: Callable[[str], str]) -> Iterator[FieldProblem]:
    try:
        if text is not None:
            safe(text)
    except ValueError as refusal:
        yield error(field, str(refusal).removeprefix(f"{field}: "))


def _lines(field: str, lines: Sequence[str]) -> Iterator[FieldProblem]:
    if len(lines) > MOST_LINES:
        yield error(field, f"At most {MOST_LINES} lines are allowed, not {len(lines)}.")
    for index, line in enumerate(lines):
        bad = unseen(line, tab=field == "prologue")
        if bad is not None:
            yield error(f"{field}[{index}]", f"A line cannot contain {code_point(bad)}.")
        if len(line) > MOST_LINE_CHARACTERS:
            yield error(f"{field}[{index}]", f"It is longer than {MOST_LINE_CHARACTERS} characters.")


def _prologue(lines: Sequence[str]) -> Iterator[FieldProblem]:
    for index, line in enumerate(lines):
        if _OPTION_LINE.match(line):
            yield error(
                f"prologue[{index}]", "An option of the job belongs in the further options, without #PBS."
            )
        if _ENDS.match(line):
            yield warning(f"prologue[{index}]", "The script would end here, before the engines start.")
    if lines and (len(lines[-1]) - len(lines[-1].rstrip("\\"))) % 2:
        yield error(f"prologue[{len(lines) - 1}]", "The last line cannot go on in the next: it ends with \\.")
    try:
        shlex.split("\n".join(lines), comments=True)
    except ValueError:
        yield warning("prologue", "A quotation is not closed: the engines may never start.")


def _directive(field: str, directive: str) -> Iterator[FieldProblem]:
    if directive.lstrip().upper().startswith("#PBS"):
        yield error(field, "Leave out #PBS: it is put before each option.")
        return
    acts = _for_a_shell(directive)
    if acts is not None:
        acts = "A backquote" if acts == "`" else f"`{acts}`"
        yield error(
            field,
            f"{acts} means nothing here: no shell reads a #PBS line. Leave it out, or quote it with '.",
        )
        return
    try:
        options, rest = getopt.getopt(shlex.split(directive), _OPTIONS)
    except (ValueError, getopt.GetoptError) as problem:
        yield error(field, f"{directive!r} cannot be read as options of qsub: {problem}.")
        return
    if rest and rest[0].startswith("#"):
        yield error(field, "A comment cannot stand behind an option.")
    elif rest or not options:
        yield error(field, f"{directive!r} is not an option of qsub, e.g. -l place=excl.")
    for option, value in options:
        if option in _REFUSED:
            yield error(field, f"{option} cannot be used: {_REFUSED[option]}.")
        elif option == "-W" and re.search(r"(^|,)\s*(block|interactive)\b", value, re.IGNORECASE):
            yield error(field, "-W block cannot be used: qsub would wait until the job has ended.")
        elif option == "-l":
            yield from _resource(field, value)


def _for_a_shell(directive: str) -> str | None:
    """Return the first character that a shell would act upon, outside quotes; None: there is none.

    Between double quotes it would still put in variables and commands.
    """
    quote = ""
    for character in directive:
        if quote:
            if character == quote:
                quote = ""
            elif quote == '"' and character in "$`":
                return character
        elif character in "'\"":
            quote = character
        elif character in ";&|<>()$`":
            return character
    return None


def _resource(field: str, value: str) -> Iterator[FieldProblem]:
    for part in re.split(r"[,:+]", value):
        name = part.partition("=")[0].strip().lower()
        if name == "walltime":
            yield error(field, "The walltime has a field of its own.")
        elif name in _RESOURCE_FIELDS:
            yield warning(
                field, f"-l {name}: {_RESOURCE_FIELDS[name]} has a field of its own; the two may contradict."
            )


def _arguments(field: str, words: Sequence[str]) -> Iterator[FieldProblem]:
    if len(words) > MOST_ARGUMENTS:
        yield error(field, f"At most {MOST_ARGUMENTS} arguments are allowed, not {len(words)}.")
    for index, word in enumerate(words):
        bad = unseen(word)
        if bad is not None:
            yield error(f"{field}[{index}]", f"An argument cannot contain {code_point(bad)}.")
        if len(word) > 4096:
            yield error(f"{field}[{index}]", "It is longer than 4096 characters.")
    if words and field != "mpi_args" and (not words[0].strip() or words[0].startswith("-")):
        yield error(f"{field}[0]", f"{words[0]!r} cannot be a program.")
    elif words and field == "python" and "=" in words[0]:
        yield error("python[0]", "The path of a Python cannot contain =: env would take it for a variable.")
