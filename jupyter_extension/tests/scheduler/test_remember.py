"""What of a listing is read again: what changed, came or moved, and never less."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

import pytest

from jupyterlab_engines.scheduler import reread as rereading
from jupyterlab_engines.scheduler.base import Completed
from jupyterlab_engines.scheduler.remember import Remembered, jobs_in, remembered
from jupyterlab_engines.scheduler.reread import Printed, Twice, reread
from jupyterlab_engines.scheduler.slurm_torque import SlurmTorque

HEAD = re.compile(rb"<(\d+):")
VALUES = ((re.compile(b"used="), re.compile(rb"\d+(?=;)")), (re.compile(b"left="), re.compile(rb"\d+(?=;)")))


class Reader:
    """Reads ``<17:state;used=4;left=5;><18:…>`` and notes which it had to look at."""

    def __init__(self) -> None:
        self.last: Mapping[str, Remembered] = {}
        self.printed: Printed | None = None
        self.changed: list[Remembered] | None = None
        self.looked_at: list[str] = []

    def read(self, output: bytes) -> list[str]:
        """Return the ids."""
        self.looked_at = []

        def id_of(piece: bytes) -> str:
            head = HEAD.match(piece)
            assert head is not None
            return head[1].decode()

        def read_one(job_id: str, piece: bytes) -> Remembered:
            self.looked_at.append(job_id)
            return remembered(job_id, None, piece, VALUES)

        if not output:
            self.last, self.printed, self.changed = {}, None, None
        else:
            printed = Printed(output, 0, len(output) - 1, b">")
            self.last, self.printed, self.changed = reread(printed, self.last, self.printed, id_of, read_one)
        return list(self.last)


def listing(*jobs: tuple[int, str]) -> bytes:
    return b"".join(
        f"<{number}:{state};used={len(state)}{number};left=5;>".encode() for number, state in jobs
    )


def test_only_what_is_new_is_looked_at() -> None:
    reader = Reader()
    reader.read(listing((1, "Q"), (2, "Q"), (3, "R"), (4, "Q"), (5, "R")))
    assert reader.looked_at == ["1", "2", "3", "4", "5"]
    before = reader.last
    reader.read(listing((1, "Q"), (2, "Q"), (3, "R"), (4, "Q"), (5, "R")).replace(b"left=5", b"left=11"))
    assert reader.looked_at == []
    assert reader.changed == []
    assert reader.last == before
    reader.read(listing((1, "Q"), (2, "R"), (3, "R"), (4, "Q"), (5, "R")))
    assert reader.looked_at == ["2"]
    assert [one.job_id for one in reader.changed or []] == ["2"]
    reader.read(listing((3, "R"), (5, "R"), (6, "Q")))
    assert reader.looked_at == ["6"]
    assert reader.changed is None
    reader.read(listing((6, "Q"), (7, "Q"), (3, "R"), (5, "Q")))
    assert reader.looked_at == ["7", "5"]
    reader.read(listing((5, "Q"), (3, "R"), (7, "Q"), (6, "Q")))
    assert reader.looked_at == []
    with pytest.raises(Twice) as caught:
        reader.read(listing((5, "Q"), (3, "R"), (5, "Q")))
    assert caught.value.job_id == "5"


@pytest.mark.parametrize("window", [1, 3, 128])
def test_any_change_is_seen(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    luck = random.Random(11)  # noqa: S311
    monkeypatch.setattr(rereading, "_WINDOW", window)
    reader = Reader()
    for _ in range(200):
        jobs = [(number, luck.choice("QRS")) for number in luck.sample(range(12), luck.randrange(12))]
        output = listing(*jobs).replace(b"left=5", b"left=%d" % luck.randrange(5, 15))
        assert reader.read(output) == [str(number) for number, _ in jobs]
        fresh = Reader()
        fresh.read(output)
        assert reader.last == fresh.last


def test_jobs_whose_clocks_move_are_not_cut_out_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, jobs = Reader(), [(number, "R") for number in range(100, 400)]
    output = listing(*jobs)
    reader.read(output)
    cut_out: list[bytes] = []
    loose = Remembered.loose

    def noted(known: Remembered, piece: bytes) -> list[int] | None:
        cut_out.append(piece)
        return loose(known, piece)

    monkeypatch.setattr(Remembered, "loose", noted)
    reader.read(output.replace(b"left=5", b"left=6"))
    assert (reader.looked_at, cut_out) == ([], [])
    # One that has changed and become longer is cut out, and tried as what it was and as what it is.
    reader.read(output.replace(b"<250:R", b"<250:held"))
    assert reader.looked_at == ["250"]
    assert {piece[:4] for piece in cut_out} == {b"<250"}


@pytest.mark.parametrize("value", [b"", b"x", b"-5", b";"])
def test_a_value_of_another_kind_is_looked_at(value: bytes) -> None:
    reader = Reader()
    reader.read(listing((1, "R"), (2, "R")))
    reader.read(listing((1, "R"), (2, "R")).replace(b"left=5", b"left=" + value, 1))
    assert reader.looked_at == ["1"]


def test_the_priority_of_a_waiting_job() -> None:
    """Slurm raises it as the job grows older; 0 means that it is held."""
    text = (
        "Job Id:\t{0}\n\tJob_Name = x\n\tJob_Owner = a@vm\n\tjob_state = Q\n\tqueue = batch\n"
        "\tPriority = {1}\n\teuser = a(1)\n\tResource_List.walltime = 01:00:00\n\n"
    )
    dialect = SlurmTorque("22.05.8", "vm")

    def answer(*priorities: int) -> Completed:
        said = "".join(text.format(number, priority) for number, priority in enumerate(priorities))
        return Completed(("qstat", "-f"), 0, said.encode(), b"")

    first = dialect.read_jobs(answer(5, 6), "a")
    assert dialect.read_jobs(answer(70, 8), "a", first).jobs is first.jobs
    held = dialect.read_jobs(answer(7, 0), "a", first)
    assert [job.state for job in held.jobs.values()] == ["queued", "held"]
    assert held.jobs["0"] is first.jobs["0"]
    assert jobs_in(held.raw) == held.jobs
