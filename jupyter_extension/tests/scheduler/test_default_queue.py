"""Which queue a job without one gets, as real servers told it."""

from __future__ import annotations

import pytest
from recordings import recorded

from jupyterlab_engines.scheduler.base import Command, Completed, Dialect, NoAnswer, Unreadable
from jupyterlab_engines.scheduler.client import BatchScheduler
from jupyterlab_engines.scheduler.openpbs import OpenPbs
from jupyterlab_engines.scheduler.slurm_torque import SlurmTorque
from jupyterlab_engines.scheduler.torque import Torque

PBS: list[tuple[Dialect, str, str]] = [
    (OpenPbs("", ""), "openpbs", "Qf_json"),
    (Torque("", ""), "torque", "Qf"),
]
DOWN = {"openpbs": "down_qstat", "torque": "serverdown_qstat"}
SLURM = SlurmTorque("", "")


def printed(stdout: str, status: int = 0) -> Completed:
    return Completed(("qstat",), status, stdout.encode(), b"")


@pytest.mark.parametrize(("dialect", "folder", "_"), PBS)
def test_the_server_tells(dialect: Dialect, folder: str, _: str) -> None:
    assert dialect.default_queue().argv == ("qstat", "-B", "-f")
    done = recorded(folder, "qstat_Bf")
    assert dialect.read_default_queue(done) == "default"
    without = done.stdout.replace(b"default_queue = default", b"")
    assert dialect.read_default_queue(printed(without.decode())) is None


@pytest.mark.parametrize(("dialect", "folder", "_"), PBS)
def test_silence_is_no_answer(dialect: Dialect, folder: str, _: str) -> None:
    with pytest.raises(NoAnswer):
        dialect.read_default_queue(recorded(folder, DOWN[folder]))
    with pytest.raises(Unreadable):
        dialect.read_default_queue(printed("garbage"))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("batch*\ndebug\n", "batch"),
        ("debug\nbatch*\n", "batch"),
        ("debug\nbatch\n", None),
        ("a-very-long-name-of-it*\n", "a-very-long-name"),
        ("", None),
    ],
)
def test_slurm_marks_it_with_a_star(said: str, name: str | None) -> None:
    assert SLURM.read_default_queue(printed(said)) == name


def test_slurm_is_down() -> None:
    with pytest.raises(NoAnswer):
        SLURM.read_default_queue(Completed(("qstat",), 1, b"", b"slurm_load_partitions: Unable to contact"))


@pytest.mark.asyncio
@pytest.mark.parametrize(("dialect", "folder", "name"), PBS)
@pytest.mark.parametrize("tells", [True, False])
async def test_it_is_one_of_the_queues(
    monkeypatch: pytest.MonkeyPatch, dialect: Dialect, folder: str, name: str, tells: bool
) -> None:
    scheduler = BatchScheduler(dialect, {}, "alice")
    answers: dict[tuple[str, ...], Completed] = {
        dialect.queues().argv: recorded(folder, f"qstat_{name}"),
        dialect.default_queue().argv: recorded(folder, "qstat_Bf" if tells else DOWN[folder]),
    }
    asked: list[tuple[str, ...]] = []

    async def answer(command: Command) -> Completed:
        asked.append(command.argv)
        return answers[command.argv]

    monkeypatch.setattr(scheduler, "_ask", answer)
    queues = await scheduler.queues()
    assert len(queues) > 1
    assert [queue.name for queue in queues if queue.is_default] == (["default"] if tells else [])
    assert asked == list(answers), "two commands, each once"
