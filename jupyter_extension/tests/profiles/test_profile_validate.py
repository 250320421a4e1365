"""What is wrong with settings, told at the field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from profile_parts import DIALECTS, GIB, info, queue, resources, settings

from jupyterlab_engines.api.models import FieldProblem, NodeShape, SchedulerInfo
from jupyterlab_engines.profiles.text import duration, memory
from jupyterlab_engines.profiles.validate import Limits, problems
from jupyterlab_engines.scheduler.base import Dialect

FREE = Limits()
WALLTIME = "resources.walltime_seconds"


def found(
    engines: int = 8,
    *,
    known: SchedulerInfo | None = None,
    limits: Limits = FREE,
    of: dict[str, Any] | None = None,
    **asked: Any,
) -> list[tuple[str, str, str]]:
    return [
        (p.severity, p.field, p.message)
        for p in problems(settings(**(of or {})), engines, resources(**asked), known, limits)
    ]


def test_nothing_is_wrong_with_a_new_profile() -> None:
    assert found() == []
    assert found(known=info()) == []
    assert found(known=info([], [])) == []


@pytest.mark.parametrize(
    ("engines", "asked", "field", "words"),
    [
        (8, {"queue": "nosuch"}, "resources.queue", "no queue `nosuch`. There is: debug, default"),
        (
            8,
            {"queue": "debug", "walltime_seconds": 3600},
            WALLTIME,
            "`debug` allows 30 min; you ask for 1 h.",
        ),
        (9, {"queue": "debug"}, "engines", "`debug` allows 8 cores; you ask for 9."),
        (4, {"queue": "debug", "nodes": 2}, "resources.nodes", "`debug` allows 1 node; you ask for 2."),
        (17, {}, "engines", "No node has more than 16 cores; you ask for 17 on one: spread"),
        (32, {"engines_per_node": 32}, "resources.engines_per_node", "No node has more than 16 cores"),
        (8, {"cores_per_engine": 4}, "engines", "you ask for 32 on one"),
        (34, {"nodes": 2}, "resources.nodes", "No node has more than 16 cores; you ask for 17 on one."),
        (48, {"engines_per_node": 16}, "engines", "There are 2 nodes; you ask for 3."),
        (48, {"nodes": 3}, "resources.nodes", "There are 2 nodes; you ask for 3."),
        (
            8,
            {"memory_bytes": 65 * GIB},
            "resources.memory_bytes",
            "No node has more than 64 GiB; you ask for 65",
        ),
        (10, {"nodes": 2, "engines_per_node": 4}, "resources.engines_per_node", "hold 8; you ask for 10"),
        (2, {"nodes": 3}, "resources.nodes", "3 nodes for 2 engines"),
        (8, {"walltime_seconds": 59}, WALLTIME, "at least 1 minute"),
        (8, {"walltime_seconds": 367 * 86400}, WALLTIME, "366 days at most"),
        (8, {"memory_bytes": 1000}, "resources.memory_bytes", "between 1 MiB and"),
        (8, {"nodes": 0}, "resources.nodes", "from 1 to"),
        (8, {"nodes": -3}, "resources.nodes", "from 1 to"),
        (8, {"engines_per_node": 0}, "resources.engines_per_node", "from 1 to"),
        (8, {"cores_per_engine": 10**9}, "resources.cores_per_engine", "from 1 to"),
        (0, {}, "engines", "from 1 to"),
        (8, {"queue": ""}, "resources.queue", "cannot be written"),
        (8, {"queue": "a b"}, "resources.queue", "cannot be written"),
        (8, {"queue": "a\n#PBS -V"}, "resources.queue", "cannot be written"),
        (8, {"account": "x\ny"}, "resources.account", "cannot be written"),
    ],
)
def test_an_error_at_its_field(engines: int, asked: dict[str, Any], field: str, words: str) -> None:
    errors = [(f, m) for severity, f, m in found(engines, known=info(), **asked) if severity == "error"]
    assert [f for f, _ in errors] == [field], errors
    assert words in errors[0][1]


@pytest.mark.parametrize(
    ("engines", "asked", "field", "words"),
    [
        (32, {"engines_per_node": 16}, "engines", "1 of 2 nodes is up"),
        (
            8,
            {"nodes": 2, "engines_per_node": 8},
            "resources.nodes",
            "8 engines fit on 1 node; the job asks for 2 nodes with 4 engines each.",
        ),
        (
            8,
            {"engines_per_node": 16},
            "resources.engines_per_node",
            "16 are more than there are engines: the job asks for 1 node with 8 engines.",
        ),
        (8, {"nodes": 1, "engines_per_node": 9}, "resources.engines_per_node", "1 node with 8 engines."),
        (
            7,
            {"nodes": 2, "engines_per_node": 7},
            "resources.nodes",
            "asks for 1 node with 4 engines and 1 node with 3 engines.",
        ),
        (8, {"memory_bytes": 100 * 1024**2}, "resources.memory_bytes", "100 MiB is little for 8 engines"),
    ],
)
def test_a_warning_at_its_field(engines: int, asked: dict[str, Any], field: str, words: str) -> None:
    told = found(engines, known=info(), **asked)
    assert ("warning", field) in [t[:2] for t in told]
    assert any(words in message for _, _, message in told), told
    assert all(severity == "warning" for severity, _, _ in told)


def test_a_queue_that_is_closed_or_stopped() -> None:
    known = info([queue("shut", enabled=False), queue("idle", started=False)])
    assert found(queue="shut", known=known) == [
        ("error", "resources.queue", "The queue `shut` is closed: it takes no jobs.")
    ]
    assert found(queue="idle", known=known) == [
        ("warning", "resources.queue", "The queue `idle` takes jobs, but runs none at present.")
    ]


def test_the_default_queue_counts_when_none_is_named() -> None:
    known = info([queue("short", is_default=True, max_walltime_seconds=600)])
    assert found(known=known, walltime_seconds=601)[0][1] == WALLTIME
    assert found(known=known, walltime_seconds=600) == []


NO_DEFAULT = [
    queue("long", max_walltime_seconds=24 * 3600),
    queue("debug", max_walltime_seconds=1800),
    queue("shut", enabled=False),
]


def test_a_walltime_that_no_queue_allows_when_the_default_one_is_not_known() -> None:
    assert found(known=info(NO_DEFAULT), walltime_seconds=999 * 3600) == [
        ("warning", WALLTIME, "No queue allows 41 d 15 h: `long` allows most, 1 d.")
    ]
    assert found(known=info(NO_DEFAULT), walltime_seconds=24 * 3600) == []
    assert found(known=info(NO_DEFAULT)) == []
    free = info([*NO_DEFAULT, queue("free")])
    assert found(known=free, walltime_seconds=999 * 3600) == []
    assert found(known=info([queue("shut", enabled=False)]), walltime_seconds=999 * 3600) == []


def test_engines_that_fill_no_node_where_each_is_asked_for_the_same() -> None:
    def told(engines: int, **asked: int) -> list[tuple[str, str]]:
        asking = resources(**asked)
        alike = problems(settings(), engines, asking, None, FREE, nodes_alike=True)
        assert problems(settings(), engines, asking, None, FREE) == []
        assert all(p.severity == "warning" for p in alike)
        return [(p.field, p.message) for p in alike]

    assert told(7, nodes=2) == [
        (
            "resources.nodes",
            "This batch system's commands ask for the same on each node: 2 nodes with 4 cores each, "
            "8 in all. 1 core of them stays idle.",
        )
    ]
    ((field, message),) = told(7, engines_per_node=4, cores_per_engine=2)
    assert field == "resources.engines_per_node"
    assert "2 nodes with 8 cores each, 16 in all. 2 cores of them stay idle." in message
    assert told(8, nodes=2) == told(7) == []


@pytest.mark.parametrize(
    ("dialect", "lines"),
    [
        (DIALECTS[0], ["#PBS -l select=1:ncpus=4:mpiprocs=4+1:ncpus=3:mpiprocs=3", "#PBS -l place=scatter"]),
        (DIALECTS[1], ["#PBS -l nodes=1:ppn=4+1:ppn=3"]),
        (DIALECTS[2], ["#PBS -l select=2:ncpus=4:mpiprocs=4"]),
    ],
)
def test_seven_engines_on_two_nodes(dialect: Dialect, lines: list[str]) -> None:
    assert dialect.directives(resources(nodes=2), 7, "") == lines
    assert dialect.nodes_alike == (dialect.name == "slurm_torque")


def test_nodes_of_several_kinds() -> None:
    known = info(
        nodes=[
            NodeShape(count=10, up=10, cores=16, memory_bytes=32 * GIB),
            NodeShape(count=2, up=2, cores=64, memory_bytes=None),
        ]
    )
    assert found(64, known=known) == []
    assert found(128, known=known, engines_per_node=64) == []
    ((severity, field, message),) = found(192, known=known, engines_per_node=64)
    assert (severity, field) == ("error", "engines")
    assert "There are 2 nodes with that many cores" in message
    assert found(192, known=known, engines_per_node=16) == []
    assert found(48, known=known, engines_per_node=16, memory_bytes=33 * GIB)[0][0] == "error"


def test_without_an_answer_of_the_scheduler_only_the_settings_are_judged() -> None:
    assert found(10_000, queue="nosuch", walltime_seconds=9 * 86400) == []
    assert found(0, queue="a b") != []


def test_limits_of_the_site() -> None:
    limits = Limits(max_engines=4, max_walltime_seconds=3600)
    told = {f: m for _, f, m in found(8, limits=limits, walltime_seconds=7200)}
    assert told == {
        "engines": "At most 4 engines are allowed; you ask for 8.",
        WALLTIME: "At most 1 h is allowed here; you ask for 2 h.",
    }
    assert found(4, limits=limits, walltime_seconds=3600) == []
    assert found(4, limits=limits) == [("error", WALLTIME, "Set a walltime; 1 h is allowed here.")]
    known = info([queue("default", is_default=True, default_walltime_seconds=600)])
    assert found(4, limits=limits, known=known) == [], "the queue's default is within the limit"
    known = info([queue("default", is_default=True, default_walltime_seconds=7200)])
    assert found(4, limits=limits, known=known) != []


def test_the_tighter_limit_holds() -> None:
    assert Limits(8, None, 3).within(Limits(4, 60, None)) == Limits(4, 60, 3)


@pytest.mark.parametrize(
    ("directive", "words"),
    [
        ("#PBS -l a=b", "Leave out #PBS"),
        ("-V", "copy the server's environment"),
        ("-hV", "copy the server's environment"),
        ("-q other", "queue has a field"),
        ("-A other", "account has a field"),
        ("-N mine", "unique name"),
        ("-J 1-4", "MPI ranks of one job"),
        ("-t 1-4", "MPI ranks of one job"),
        ("-I", "interactive"),
        ("-z", "hides the job's id"),
        ("-o /tmp/x", "place in the cluster's folder"),
        ("-l nodes=2,walltime=99:00:00", "walltime has a field"),
        ("-lwalltime=99:00:00", "walltime has a field"),
        ("-W block=true", "wait until the job has ended"),
        ("-W group_list=x,block=true", "wait until the job has ended"),
        ("-l", "cannot be read"),
        ("--export=ALL", "cannot be read"),
        ("-l 'a", "cannot be read"),
        ("place=excl", "is not an option"),
        ("", "is not an option"),
        ("-l a=b script.sh", "is not an option"),
        ("-l a=b\n#PBS -V", "a line end"),
        ("-l a=b\u202e", "U+202E"),
        ("-l place=excl;nodes=2", "`;` means nothing here: no shell reads a #PBS line"),
        ("-l place=excl; touch x", "`;` means nothing"),
        ("-l place=excl && true", "`&` means nothing"),
        ("-l feature=a|b", "`|` means nothing"),
        ("-l file>4gb", "`>` means nothing"),
        ("-l a=(b)", "`(` means nothing"),
        ("-M $USER@example.org", "`$` means nothing"),
        ('-v "A=$HOME"', "`$` means nothing"),
        ("-l a=`hostname`", "A backquote means nothing"),
        ("-l place=excl # whole nodes", "A comment cannot stand behind an option"),
    ],
)
def test_further_options_that_cannot_be(directive: str, words: str) -> None:
    told = found(of={"directives": ["-m ae", directive]})
    assert ("error", "directives[1]") in [t[:2] for t in told]
    assert any(words in message for _, _, message in told), told


@pytest.mark.parametrize(
    "directive",
    [
        "-l place=excl",
        "-l place=excl -m ae",
        "-M alice@example.org",
        "-W group_list=x",
        "-r n",
        "-P p",
        "-W x='a;b|c$d'",
        '-l feature="a&b"',
    ],
)
def test_further_options_that_can_be(directive: str) -> None:
    assert found(of={"directives": [directive]}) == []


@pytest.mark.parametrize(
    ("prologue", "severity", "words"),
    [
        (["#PBS -q other"], "error", "belongs in the further options"),
        (["  # pbs -q other"], "error", "belongs in the further options"),
        (["#SBATCH -p other"], "error", "belongs in the further options"),
        (["module load mpi \\"], "error", "ends with \\"),
        (["x"] * 51, "error", "At most 50 lines"),
        (["x" * 1001], "error", "longer than 1000"),
        (["a\nb"], "error", "a line end"),
        (["exit 0"], "warning", "before the engines start"),
        (["exec bash"], "warning", "before the engines start"),
        (["echo 'oops"], "warning", "not closed"),
    ],
)
def test_a_prologue(prologue: list[str], severity: str, words: str) -> None:
    told = found(of={"prologue": prologue})
    assert any(s == severity and f.startswith("prologue") and words in m for s, f, m in told), told


def test_a_good_prologue() -> None:
    lines = [
        "module load mpi/4.1  # it's ours",
        "export A='x y'",
        "if true; then",
        "\techo a\\\\",
        "fi",
        "a \\",
        "b",
    ]
    assert found(of={"prologue": lines}) == []


@pytest.mark.parametrize(
    ("field", "value", "severity"),
    [
        ("python", ["-c"], "error"),
        ("python", [""], "error"),
        ("python", ["/sw/a=b/python"], "error"),
        ("mpiexec", ["mpi\nexec"], "error"),
        ("mpi_args", ["x"] * 65, "error"),
        ("controller_address", "a;b", "error"),
        ("controller_address", "-x", "error"),
        ("controller_address", "*", "warning"),
        ("controller_address", "::", "warning"),
    ],
)
def test_commands_and_address(field: str, value: Any, severity: str) -> None:
    assert [(s, f.partition("[")[0]) for s, f, _ in found(of={field: value})] == [(severity, field)]


@pytest.mark.parametrize("address", ["ib0", "10.0.0.1", "fe80::1%eth0", "node-1.cluster.example"])
def test_addresses(address: str) -> None:
    assert found(of={"controller_address": address}) == []


numbers = st.none() | st.integers(-(2**70), 2**70) | st.integers(0, 40)


@hypothesis_settings(derandomize=True, max_examples=200, deadline=None)
@given(st.integers(-5, 2**40), numbers, numbers, numbers, numbers, numbers)
def test_no_number_is_too_absurd(engines: int, a: Any, b: Any, c: Any, d: Any, e: Any) -> None:
    asked = resources(walltime_seconds=a, nodes=b, engines_per_node=c, cores_per_engine=d, memory_bytes=e)
    for known in (None, info()):
        for problem in problems(settings(), engines, asked, known, Limits(64, 3600, 1)):
            assert isinstance(problem, FieldProblem) and problem.message and problem.field


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1800, "30 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (2 * 86400, "2 d"),
        (61, "1 min 1 s"),
        (0, "0 s"),
    ],
)
def test_durations(seconds: int, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(GIB, "1 GiB"), (3 * GIB // 2, "1.5 GiB"), (GIB - 1, "1023.9 MiB"), (10, "10 B")]
)
def test_sizes(size: int, words: str) -> None:
    assert memory(size) == words
