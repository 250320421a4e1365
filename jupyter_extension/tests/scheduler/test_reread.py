"""Remembering earlier readings changes nothing in what is read, whatever happens between them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from pbs_recordings import ran

from jupyterlab_engines.scheduler.base import EMPTY, Completed, Listing, Unreadable
from jupyterlab_engines.scheduler.openpbs_jobs import read_json
from jupyterlab_engines.scheduler.slurm_torque import SlurmTorque
from jupyterlab_engines.scheduler.torque_jobs import read_xml

Reader = Callable[[bytes, str | None, Listing], Listing]
SLURM_JOB = (
    "{0}\n\tJob_Name = x\n\tJob_Owner = a@vm\n\tjob_state = Q\n\tqueue = batch\n"
    "\tPriority = 1{0}0\n\teuser = a(1)\n\tResource_List.walltime = 01:00:00"
)
SLURM_BETWEEN = b"\n\nJob Id:\t"
SLURM = b"Job Id:\t" + SLURM_BETWEEN.join(SLURM_JOB.format(n).encode() for n in range(1, 9)) + b"\n\n"


def read_slurm(output: bytes, user: str | None, last: Listing) -> Listing:
    return SlurmTorque("22.05.8", "vm").read_jobs(Completed(("qstat", "-f"), 0, output, b""), user, last)


def attempt(reader: Reader, output: bytes, last: Listing) -> Listing | None:
    try:
        return reader(output, None, last)
    except Unreadable:
        return None


def spoiled(output: bytes, times: int, luck: random.Random) -> bytes:
    """Replace digits by others, as clocks do, and now and then any byte."""
    changed = bytearray(output)
    for _ in range(times):
        place = luck.randrange(len(changed))
        if luck.random() < 0.7:
            digits = [
                at for at in range(place, min(place + 300, len(changed))) if changed[at] in b"0123456789"
            ]
            if digits:
                changed[digits[0]] = luck.choice(b"0123456789")
        else:
            changed[place] = luck.choice(b'"}{<>\n\t 0a,')
    return bytes(changed)


@pytest.mark.parametrize(
    ("reader", "output", "between"),
    [
        (read_json, ran("openpbs", "qstat_ftJ_json").stdout, b"\n\t\t},"),
        (read_xml, ran("torque", "qstat_xt").stdout, b"</Job>"),
        (read_slurm, SLURM, SLURM_BETWEEN),
    ],
    ids=["openpbs", "torque", "slurm"],
)
def test_a_long_memory_changes_nothing(reader: Reader, output: bytes, between: bytes) -> None:
    luck = random.Random(3)  # noqa: S311
    last, now, readable = EMPTY, output.split(between), 0
    for _ in range(400):
        if luck.random() < 0.05:
            now = output.split(between)
        jobs = list(now)
        here, there, what = luck.randrange(len(jobs)), luck.randrange(len(jobs)), luck.random()
        if what < 0.2 and here < len(jobs) - 1:
            del jobs[here]
        elif what < 0.3:
            jobs[here], jobs[there] = jobs[there], jobs[here]
        elif what < 0.35:
            jobs.insert(here, jobs[there])
        printed = spoiled(between.join(jobs), luck.choice([0, 0, 1, 1, 2, 6]), luck)
        fresh, remembering = attempt(reader, printed, EMPTY), attempt(reader, printed, last)
        assert remembering == fresh
        if remembering is not None:
            assert fresh is not None and list(remembering.jobs) == list(fresh.jobs)
            last, readable = remembering, readable + 1
            now = printed.split(between)
    assert readable > 100
