"""The units in which schedulers print."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pbs_contract import asked

from jupyterlab_engines.scheduler import qstat
from jupyterlab_engines.scheduler.base import Completed, NoAnswer, Refused, UnknownJob
from jupyterlab_engines.scheduler.directives import engines_over_nodes
from jupyterlab_engines.scheduler.nodes import Node, shapes
from jupyterlab_engines.scheduler.refusals import refusal

fuzz = settings(max_examples=100, derandomize=True, deadline=None, database=None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:00:05", 5),
        ("01:39:00", 5940),
        ("123:45:00", 445500),
        ("2:00:00:00", 172800),
        ("1-02:03:04", 93784),
        ("05:00", 300),
        ("30", 30),
        ("30.5", 30),
        (" 30 ", 30),
        ("", None),
        (None, None),
        ("-5", None),
        ("unlimited", None),
        ("1:2:3:4:5", None),
        ("9" * 50, None),
    ],
)
def test_durations(text: str | None, seconds: int | None) -> None:
    assert qstat.duration_seconds(text) == seconds


@fuzz
@given(st.integers(0, 10**9))
def test_a_duration_that_we_write_is_read(seconds: int) -> None:
    assert qstat.duration_seconds(qstat.duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4gb", 4 << 30),
        ("100mb", 100 << 20),
        ("24684084kb", 24684084 << 10),
        ("512b", 512),
        ("10mw", 80 << 20),
        ("4G", 4 << 30),
        ("1.5gb", 3 << 29),
        ("0", 0),
        ("gb", None),
        ("-1kb", None),
        ("4 apples", None),
        (None, None),
    ],
)
def test_sizes(text: str | None, size: int | None) -> None:
    assert qstat.size_bytes(text) == size


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_dates_are_of_this_hosts_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    qstat.date_seconds.cache_clear()
    try:
        for moment in (0, 1795330758, 1782000000):
            wanted = float(moment) if moment else None
            assert qstat.date_seconds(str(moment)) == wanted
            if moment:
                assert qstat.date_seconds(time.ctime(moment)) == wanted
    finally:
        monkeypatch.undo()
        time.tzset()
        qstat.date_seconds.cache_clear()


@pytest.mark.parametrize(
    "text", ["", None, "now", "Sun Now 22 06:33:21 2026", "Sun Nov 99 06:33:21 2026", "9" * 30, "²"]
)
def test_no_dates(text: str | None) -> None:
    assert qstat.date_seconds(text) is None


@pytest.mark.parametrize(
    ("read", "text", "hosts"),
    [
        (qstat.openpbs_hosts, "pbsnode2/3*4+pbshead/0*4", [("pbsnode2", 4), ("pbshead", 4)]),
        (qstat.openpbs_hosts, "pbshead/4", [("pbshead", 1)]),
        (qstat.openpbs_hosts, "n1/0*4+n2/0*2+n1/1*4", [("n1", 8), ("n2", 2)]),
        (qstat.torque_hosts, "vm/0-7", [("vm", 8)]),
        (qstat.torque_hosts, "vm/0,2-3,12+n2/5", [("vm", 4), ("n2", 1)]),
        (qstat.torque_hosts, "vm/0+vm/1+n2/0", [("vm", 2), ("n2", 1)]),
        (qstat.slurm_hosts, "n1/4+n2/4", [("n1", 4), ("n2", 4)]),
        (qstat.openpbs_hosts, "n1/x*y+n2", [("n1", None), ("n2", None)]),
        (qstat.torque_hosts, "n1/a", [("n1", None)]),
        (qstat.torque_hosts, None, []),
        (qstat.openpbs_hosts, "++", []),
    ],
)
def test_hosts(
    read: Callable[[str | None], list[qstat.JobHost]], text: str | None, hosts: list[tuple[str, int | None]]
) -> None:
    assert [(host.name, host.cores) for host in read(text)] == hosts


@fuzz
@given(st.text(max_size=60))
def test_nothing_raises(text: str) -> None:
    for read in (
        qstat.duration_seconds,
        qstat.size_bytes,
        qstat.date_seconds,
        qstat.integer,
        qstat.openpbs_hosts,
        qstat.torque_hosts,
        qstat.slurm_hosts,
    ):
        read(text)


# --- what the dialects share


@fuzz
@given(
    engines=st.integers(1, 300),
    nodes=st.one_of(st.none(), st.integers(1, 40)),
    per_node=st.one_of(st.none(), st.integers(1, 64)),
)
def test_every_engine_has_its_place(engines: int, nodes: int | None, per_node: int | None) -> None:
    try:
        layout = engines_over_nodes(engines, asked(nodes=nodes, engines_per_node=per_node))
    except ValueError as error:
        assert str(error).startswith("resources.")
        assert nodes is not None
        assert nodes > engines or (per_node is not None and nodes * per_node < engines)
        return
    assert sum(count * ranks for count, ranks in layout) == engines
    assert nodes is None or sum(count for count, _ in layout) == nodes
    assert all(0 < ranks <= (per_node or engines) for _, ranks in layout)
    assert [ranks for _, ranks in layout] == sorted({ranks for _, ranks in layout}, reverse=True)


def test_the_parts_of_a_host_are_one_node() -> None:
    parts = [
        Node("big", "free", 0, None),
        Node("big", "free", 16, 64),
        Node("big", "job-busy", 16, 64),
        Node("small", "free", 8, 32),
        Node("other", "state-unknown,down", 8, 32),
    ]
    found = [(shape.count, shape.up, shape.cores, shape.memory_bytes) for shape in shapes(parts)]
    assert found == [(1, 1, 32, 128), (2, 1, 8, 32)]


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        (b"qdel: Server could not connect to MOM 1004.s", NoAnswer),
        (b"qstat: End of File", NoAnswer),
        (b"", NoAnswer),
        (b"qdel: Unknown Job Id 1.s", UnknownJob),
        (b"qdel: something new", Refused),
        (b"qsub: would exceed queue default's per-user limit", Refused),
        (b"qsub: Invalid account", Refused),
    ],
)
def test_other_words(stderr: bytes, kind: type[Exception]) -> None:
    assert type(refusal(Completed(("qdel", "1.s"), 1, b"", stderr), "delete job 1.s", "1.s")) is kind
