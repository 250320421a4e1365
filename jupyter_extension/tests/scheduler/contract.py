"""Where the contract of `Scheduler` is tried: simulated PBS in three dialects, the rig, this machine."""

from __future__ import annotations

import asyncio
import itertools
import os
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fakepbs import FakePBS
from rigside import Rig

from jupyterlab_engines.api.jobs import Job
from jupyterlab_engines.scheduler.base import Scheduler, Submission
from jupyterlab_engines.scheduler.client import BatchScheduler
from jupyterlab_engines.scheduler.detect import detect
from jupyterlab_engines.scheduler.local import LocalScheduler
from jupyterlab_engines.scheduler.slurm_torque import SlurmTorque

T = TypeVar("T")
FAKES = ("openpbs", "torque", "slurm")
SECONDS = 60.0
_numbers = itertools.count(1)


@dataclass
class Place:
    """A scheduler with room to submit from.

    Attributes
    ----------
    waits : script lines with which a job does not start until it is released; None: nothing waits here.
    fake : what breaks it, where it is simulated.
    rig : the real one, where it is real.
    """

    scheduler: Scheduler
    folder: Path
    waits: list[str] | None = None
    fake: FakePBS | None = None
    rig: Rig | None = None
    names: list[str] = field(default_factory=list)

    def order(self, *lines: str, directives: list[str] | None = None, name: str = "") -> Submission:
        """Return a submission of a script with these lines, under a name of its own."""
        number = next(_numbers)
        name = name or f"pxt-{os.getpid() % 100000}-{number}"
        script = self.folder / f"script {number}.sh"
        script.write_text("\n".join(["#!/bin/sh", *(directives or []), *lines, ""]))
        script.chmod(0o700)
        if self.rig is not None:
            self.rig.give(script)
        self.names.append(name)
        return Submission(script, name, self.folder, self.folder / f"{name}.out")

    async def job(self, job_id: str) -> Job | None:
        """Return the job, None if the scheduler does not know it."""
        return (await self.scheduler.query([job_id])).get(job_id)

    async def until(self, job_id: str, *states: str) -> Job | None:
        """Wait until the job is in one of the states; "gone" is one too."""

        async def there() -> Job | None:
            return await self.job(job_id)

        return await eventually(there, lambda job: ("gone" if job is None else job.state) in states)

    async def until_over(self, job_id: str) -> Job | None:
        """Wait until the job has ended, or is not known any more."""
        return await self.until(job_id, "finished", "gone")

    async def clear(self) -> None:
        """End what was submitted, and wait until that is so."""
        for name in self.names:
            for job_id in await self.scheduler.find(name):
                job = await self.job(job_id)
                if job is not None and job.state != "finished":
                    await self.scheduler.delete(job_id)
                    await self.until_over(job_id)


async def eventually(ask: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """Ask until the answer is as wanted; fail with the last one when it takes too long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SECONDS
    while not wanted(answer := await ask()):
        assert loop.time() < deadline, f"waited {SECONDS} s, last: {answer}"
        await asyncio.sleep(0.1)
    return answer


async def simulated(fake: FakePBS, folder: Path) -> Place:
    """Return a simulated batch system, found as a real one is."""
    found = await detect(fake.environ)
    assert found is not None
    return Place(found, folder, waits=["#PBS -h"], fake=fake)


async def real(rig: Rig, folder: Path) -> Place:
    """Return the rig, with its commands run as its job user."""
    shims = folder / "bin"
    shims.mkdir()
    for program in ("qsub", "qstat", "qdel", "qhold", "qrls", "pbsnodes", "sinfo"):
        shim = shims / program
        line = shlex.join(rig.command([f"/usr/bin/{program}"]))
        shim.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
        shim.chmod(0o755)
    rig.give(shims)
    environ = {**rig.environment, "PATH": f"{shims}{os.pathsep}{rig.environment['PATH']}"}
    found = await detect(environ)
    assert found is not None
    assert found.dialect == "slurm_torque"
    dialect = SlurmTorque(found.version, found.server)
    return Place(BatchScheduler(dialect, environ, rig.user), folder, waits=["#PBS -h"], rig=rig)


async def local(folder: Path) -> Place:
    """Return this machine."""
    return Place(LocalScheduler(folder / "jobs", os.environ, "somebody"), folder)
