"""``jupyter engines``: the Doctor and the readers of the batch systems, in a terminal."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import msgspec

from . import __version__
from .api.names import Dialect
from .scheduler.base import Completed, Listing, NoAnswer
from .scheduler.openpbs import parse as parse_openpbs
from .scheduler.slurm_torque import SlurmTorque
from .scheduler.torque import parse as parse_torque

if TYPE_CHECKING:
    from .doctor.settings import DoctorSettings

_UNREADABLE = 1
_USAGE = 2
_MOST_BYTES = 256 << 20
_SHOWN = 400

_EPILOG = """\
examples:
  jupyter engines doctor                          a report to paste into a message to your site
  qstat -f -F json | jupyter engines parse openpbs -
  jupyter engines parse torque qstat.xml
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 0 fine, 1 it could not be read, 2 usage."""
    words = _parser().parse_args(argv)
    try:
        if words.command == "doctor":
            return _doctor(as_json=words.json, run_mpi=not words.no_mpi, seconds=words.seconds)
        if words.command == "clusters":
            return _clusters()
        return _parse(words.dialect, words.file)
    except BrokenPipeError:  # the reader, e.g. `head`, has gone
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter engines",
        description="MPI engines for JupyterLab, in a terminal: what runs, and what is wrong.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    doctor = commands.add_parser(
        "doctor",
        help="examine scheduler, MPI, profiles and folders, and print a report without secrets",
        description="Examine what starting engines depends on: versions, addresses, the batch system, its "
        "queues, MPI (two ranks are really started on this machine), profiles, folders, clusters. Prints a "
        "report that can be pasted: secrets, user names and the home folder are taken out. "
        "It needs no running Jupyter server and reads the same configuration.",
    )
    doctor.add_argument("--json", action="store_true", help="print all of it as JSON")
    doctor.add_argument(
        "--no-mpi", action="store_true", help="start no MPI ranks, where login nodes forbid that"
    )
    doctor.add_argument(
        "--seconds",
        type=_positive,
        default=30.0,
        metavar="N",
        help="time for each examination; all run at once (default: 30)",
    )
    commands.add_parser(
        "clusters",
        help="list the clusters of this user, as last recorded",
        description="Print a line for each cluster: its name, state, engines and the ids of its jobs, as the "
        "server that looks after it last recorded them, and clusters that ipcluster started.",
    )
    parse = commands.add_parser(
        "parse",
        help="print as JSON what is read in recorded output of qstat",
        description="Print as JSON what is read in recorded full output of qstat: for bug reports and tests. "
        "Names of jobs and users are printed as they are. "
        "Exit status 1: it cannot be read, and standard error says why; 2: there is no such file.",
    )
    parse.add_argument(
        "dialect", choices=get_args(Dialect), metavar="DIALECT", help=f"one of {', '.join(get_args(Dialect))}"
    )
    parse.add_argument(
        "file", metavar="FILE", help="output of qstat -f (text, JSON or XML); -: standard input"
    )
    return parser


def _positive(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of seconds from 0.1 to 3600")
    return seconds


# --- doctor


def _doctor(*, as_json: bool, run_mpi: bool, seconds: float) -> int:
    # Imported here: `parse` needs no Jupyter server, whose modules take a second.
    from .doctor import report
    from .doctor.collect import examine

    settings = _settings(run_mpi=run_mpi, seconds=seconds)
    found = asyncio.run(examine(settings))
    sys.stdout.write(f"{report.as_json(found)}\n" if as_json else report.as_text(found))
    sys.stdout.flush()
    return 0


def _settings(*, run_mpi: bool, seconds: float) -> DoctorSettings:
    """Return the settings that the Jupyter server would have; if its configuration is broken, say so."""
    from .doctor.settings import DoctorSettings
    from .terminal_run import ServerConfig

    try:
        return DoctorSettings.of(ServerConfig().engines(), run_mpi=run_mpi, seconds=seconds)
    except Exception as error:
        # A configuration file is a program: anything can go wrong in it.
        sys.stderr.write(
            f"Jupyter's configuration cannot be read, defaults are used: {type(error).__name__}: {error}\n"
        )
        return DoctorSettings(run_mpi=run_mpi, seconds=seconds)


# --- clusters


def _clusters() -> int:
    from .clusters.discovery import look
    from .clusters.store import read_record

    seen = look()
    rows = [("CLUSTER", "STATE", "ENGINES", "JOBS")]
    for key, paths in seen.runs.items():
        record = read_record(paths.record)
        if record is None:
            rows.append((key, "unreadable", "", f"see {paths.record}"))
            continue
        cluster = record.cluster
        jobs = [job.job_id or "no id yet" for job in (cluster.batch.jobs if cluster.batch else ())]
        engines = f"{cluster.engines_registered} of {cluster.engines_requested}"
        rows.append((key, cluster.state, engines, " ".join(jobs)))
    for key, terminal in seen.terminals.items():
        rows.append((key, "of a terminal", f"? of {terminal.engines or '?'}", ""))
    if len(rows) == 1:
        sys.stderr.write("There are no clusters.\n")
        return 0
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        sys.stdout.write("  ".join([*cells, row[3]]).rstrip() + "\n")
    return 0


# --- parse


def _parse(dialect: Dialect, file: str) -> int:
    try:
        output = _read(file)
    except OSError as error:
        sys.stderr.write(f"{file} cannot be read: {error.strerror or error}.\n")
        return _USAGE
    try:
        listing = read_listing(dialect, output)
    except NoAnswer as error:
        sys.stderr.write(f"This cannot be read as output of qstat of {dialect}: {error.message}\n")
        if error.output:
            shown = error.output[:_SHOWN]
            sys.stderr.write(f"It stopped at:\n{shown}{' …' if len(error.output) > _SHOWN else ''}\n")
        return _UNREADABLE
    jobs = msgspec.json.format(msgspec.json.encode(list(listing.jobs.values())), indent=2)
    sys.stdout.buffer.write(jobs + b"\n")
    sys.stdout.flush()
    return 0


def read_listing(dialect: Dialect, output: bytes) -> Listing:
    """Return the jobs in recorded full output of qstat; raises `NoAnswer` (mostly `Unreadable`)."""
    if dialect == "openpbs":
        return parse_openpbs(output)
    if dialect == "torque":
        return parse_torque(output)
    # With nothing to tell, these commands end with status 153.
    recorded = Completed(("qstat", "-f"), 0 if output.strip() else 153, output, b"")
    return SlurmTorque("", "").read_jobs(recorded, None)


def _read(file: str) -> bytes:
    """Return the bytes in a file; ``-`` is standard input."""
    if file == "-":
        output = sys.stdin.buffer.read(_MOST_BYTES + 1)
    else:
        with Path(file).open("rb") as handle:
            output = handle.read(_MOST_BYTES + 1)
    if len(output) > _MOST_BYTES:
        raise OSError(f"it has more than {_MOST_BYTES >> 20} MiB")
    return output


if __name__ == "__main__":
    sys.exit(main())
