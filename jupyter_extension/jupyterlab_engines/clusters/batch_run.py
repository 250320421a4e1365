"""One run of one cluster under a batch system, from Start or adoption to the end of its last job.

What the run is, is on disk before anything is asked of the scheduler; what the scheduler says moves it on.
A reading that fails moves nothing. It ends only when the scheduler knows none of its jobs as alive.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from pxengines.launch.files import read_tail
from pxengines.launch.paths import RunPaths

from ..api.models import Batch, Cluster, ClusterJob, Failure, Job, JobRole
from ..jobs.follow import Present, Sighting, Unknown
from ..jobs.watch import JobWatch
from ..scheduler.base import Scheduler, Submission
from ..waiting import set_within
from . import state
from .batch_asking import Asking, Unheard
from .batch_end import why_batch_ended
from .batch_jobs import ACTIVE, WAITING, RunJobs, started_anew, with_reading
from .batch_signs import HUB_SILENT, Pulse, Signs
from .care import Changed, RunCare, RunSettings, read_run_events
from .claims import CLAIM_SECONDS, renew_claim
from .controller import LocalController
from .processes import JobProcess, end_run, list_for_terminals, remove_traces
from .roster import MPI_FACTS, Roster
from .store import BatchOrder, RunRecord
from .words import failure

_JOURNAL_SECONDS = 10.0
_EVENTS_SECONDS = 2.0
_SOON_SECONDS = 1.0
"""An answer within this time was no silence: the number of seconds would say nothing."""


def script_path(paths: RunPaths, role: JobRole) -> Path:
    """Return the batch script of a role."""
    return paths.run_dir / f"{role}.sh"


class BatchRun(RunCare):
    """Looks after one run whose jobs a scheduler runs.

    Parameters
    ----------
    watch : follows the run's jobs.
    scheduler : submits and deletes them.
    """

    look_seconds = 0.25

    def __init__(
        self,
        paths: RunPaths,
        record: RunRecord,
        settings: RunSettings,
        changed: Changed,
        *,
        watch: JobWatch,
        scheduler: Scheduler,
    ) -> None:
        super().__init__(paths, record, settings, changed)
        self.taken_over = False
        """Whether another server looks after the run now."""
        self._watch_jobs = watch
        self._jobs = RunJobs(watch, paths, self._saw)
        self._news = asyncio.Event()
        self._awaits_controller = False
        self._signs = Signs()
        self._pulse = Pulse(watch.pace.fast, self._tell_pulse)
        self._started_at: float | None = None
        self._restarted = False
        self._runs_again = False
        self._asking = Asking(
            scheduler,
            retry_seconds=watch.pace.retry,
            silent=lambda since, why: self._put_batch(unknown_since=since, unknown_why=why),
            refused=lambda words: self._put_batch(reason=words),
            log=settings.log,
        )
        self._controller = LocalController(
            record.cluster.run_id,
            settings.environment,
            settings.stop_grace_seconds,
            self._news.set,
            settings.log,
        )
        if self._order.legacy:
            self._facts = MPI_FACTS
            self._ids_are_ranks = False

    def begin(self) -> None:
        """Submit, or look after what an earlier server submitted."""
        self._life = asyncio.get_running_loop().create_task(self._live())

    def ask_stop(self) -> Cluster:
        """Ask for the end; asking again changes nothing."""
        cluster = super().ask_stop()
        self._news.set()
        return cluster

    # --- what is on record

    @property
    def _order(self) -> BatchOrder:
        if self._record.batch is None:
            raise RuntimeError(f"{self._paths.key} is not a run of a batch system")
        return self._record.batch

    @property
    def _batch(self) -> Batch:
        if self.cluster.batch is None:
            raise RuntimeError(f"{self._paths.key} is not a cluster of a batch system")
        return self.cluster.batch

    @property
    def _main(self) -> JobRole:
        """The role whose job runs the engines."""
        return "engines" if "engines" in self._order.roles else "cluster"

    def _job(self, role: JobRole) -> ClusterJob:
        return next(job for job in self._batch.jobs if job.role == role)

    def _put_job(self, role: JobRole, **changes: object) -> None:
        jobs = [msgspec.structs.replace(j, **changes) if j.role == role else j for j in self._batch.jobs]
        self._put_batch(jobs=jobs)

    def _put_batch(self, **changes: object) -> None:
        batch = msgspec.structs.replace(self._batch, **changes)
        if batch != self._batch:
            self._advance(state.BatchChanged(time.time(), batch))

    # --- life

    async def _live(self) -> None:
        beat = asyncio.create_task(self._keep_claim())
        try:
            verdict = self._record.verdict
            if verdict is None:
                verdict = await self._work_safely()
            while True:
                try:
                    await self._close(verdict)
                    return
                except Exception:
                    self._log.exception("Ending cluster %s failed; trying again", self._paths.key)
                    await asyncio.sleep(self._watch_jobs.pace.retry)
        finally:
            beat.cancel()
            self._controller.let_go()
            self._jobs.close()

    async def _keep_claim(self) -> None:
        """Tell servers on other hosts that this run is looked after; leave it to one that took it over."""
        while True:
            if not await asyncio.to_thread(renew_claim, self._paths, self._settings.owner):
                self._log.warning("Cluster %s is looked after by another server now", self._paths.key)
                self.taken_over = True
                if self._life is not None:
                    self._life.cancel()
                return
            await asyncio.sleep(CLAIM_SECONDS)

    async def _work_safely(self) -> Failure | None:
        try:
            return await self._work()
        except Exception as error:
            self._log.exception("Looking after cluster %s failed", self._paths.key)
            return failure("internal", {"detail": f"{type(error).__name__}: {error}"})

    async def _work(self) -> Failure | None:
        """Submit and follow the jobs; return why it ended, None if somebody asked for it."""
        if not self._order.began:
            if self._stop.is_set():
                return None
            await asyncio.to_thread(remove_traces, self._paths, None)
        if self._order.controller:
            await self._begin_controller()
        follow: asyncio.Task[Failure | None] | None = None
        try:
            while not self._stop.is_set():
                self._news.clear()
                verdict = await self._place() or self._judge()
                if verdict is not None:
                    return await self._reconsider(verdict)
                if self._runs() and follow is None:
                    if self._order.legacy:  # jobs of ours do it themselves
                        await asyncio.to_thread(list_for_terminals, self._paths, self._log)
                    follow = asyncio.create_task(self._follow())
                    follow.add_done_callback(lambda _: self._news.set())
                elif not self._runs() and follow is not None:
                    await _cancel(follow)
                    follow = None
                    if not self._runs_again:  # else it has removed them itself, and may have made new ones
                        await asyncio.to_thread(remove_traces, self._paths, None)
                if follow is not None and follow.done():
                    return follow.result()
                await self._wait_for_news()
            return None
        finally:
            if follow is not None:
                await _cancel(follow)

    async def _begin_controller(self) -> None:
        """Start the controller beside Jupyter, or take over the one of an earlier server."""
        record = self._record
        if record.job_pid is not None:
            self._controller.take_over(JobProcess(record.job_pid, record.job_started, child=False))
            return
        # A server that was killed in this very moment may have started one and not noted it.
        await asyncio.to_thread(end_run, self.cluster.run_id, 2.0)
        source = "controller" if self._order.legacy else "job-controller"
        process = await self._controller.start(self._order.controller, self._paths.log(source))
        self._record = msgspec.structs.replace(record, job_pid=process.pid, job_started=process.started)
        self._journal.put(self._record)

    def _runs(self) -> bool:
        return self.cluster.state in ("starting", "ready", "degraded")

    async def _wait_for_news(self) -> None:
        """Wait for the scheduler, the hub or somebody; meanwhile hear what the job itself tells."""
        if self.cluster.state == "ready" and self._signs.calm:
            self._jobs.calm()
        if self._awaits_controller:
            await set_within(self._news, _EVENTS_SECONDS)
            return
        if not self._runs():
            await self._news.wait()
            return
        if not await set_within(self._news, _EVENTS_SECONDS):
            await self._hurry_for_a_reason()

    async def _hurry_for_a_reason(self) -> None:
        """Ask the scheduler more often, once for each sign that the job is about to end or began anew."""
        events = await asyncio.to_thread(read_run_events, self._paths)
        asked = await asyncio.to_thread(self._paths.stop_request.exists)
        ends_at = self._batch.ends_at
        if self._signs.new(
            events,
            asked=asked,
            degraded=self.cluster.state == "degraded",
            time_over=ends_at is not None and time.time() > ends_at,
            silent=self._pulse.missed,
        ):
            self._jobs.hurry()

    async def _keep_up(self, roster: Roster) -> Failure | None:
        pulse = asyncio.create_task(self._pulse.feel(roster))
        try:
            return await super()._keep_up(roster)
        finally:
            pulse.cancel()
            await asyncio.wait({pulse})

    def _heard(self, answered: bool) -> None:
        self._pulse.heard(answered)

    @property
    def _notice(self) -> str | None:
        """What is to be told of a cluster whose engines nobody can reach: its scheduler may not know yet."""
        return HUB_SILENT if self._pulse.lost and self.cluster.state in ("ready", "degraded") else None

    def _tell_pulse(self) -> None:
        if self.cluster.state in ("ready", "degraded"):
            self._put_batch(reason=self._notice)

    # --- submitting

    async def _place(self) -> Failure | None:
        """Submit each job whose turn it is."""
        self._awaits_controller = False
        for role in self._order.roles:
            if self._job(role).job_id is None:
                if role == "engines" and self._order.legacy and not await self._controller_is_up():
                    # ipengine waits ten seconds for the connection file, and no longer.
                    self._awaits_controller = True
                    return None
                began = role in self._order.began
                verdict = await (self._recover(role, None) if began else self._submit(role))
                if verdict is not None or self._stop.is_set():
                    return verdict
            self._follow_job(role)
            if role == "controller" and self._job(role).state not in ACTIVE:
                return None  # engines that wait for a queued controller would burn their walltime
        return None

    async def _controller_is_up(self) -> bool:
        return await asyncio.to_thread(self._paths.connection_file("engine").exists)

    async def _submit(self, role: JobRole) -> Failure | None:
        order = self._order
        name = self._job(role).name
        before = order.before
        if order.legacy:
            before = {**before, role: await self._asking.find(name)}
            if self._stop.is_set():
                return None
        self._put_order(began={**order.began, role: time.time()}, before=before)
        if not await self._journal.flushed(_JOURNAL_SECONDS):
            self._put_order(began=order.began)
            params = {"path": str(self._paths.record), "detail": "it could not be written in time"}
            return failure("profile_unwritable", params)
        submission = Submission(
            script=script_path(self._paths, role),
            name="" if order.legacy else name,
            work_dir=Path(self._settings.work_dir),
            output=self._paths.job_log(role),
        )
        answer = await self._asking.submit(submission, self._batch.resources.queue or "")
        if isinstance(answer, Unheard):
            self._log.warning("qsub for cluster %s did not answer: %s", self._paths.key, answer.words)
            return await self._recover(role, answer.seconds, answer.words)
        if isinstance(answer, Failure):
            self._put_order(began=order.began)  # nothing was submitted
            return answer
        self._submitted(role, answer)
        return None

    async def _recover(self, role: JobRole, seconds: float | None, output: str = "") -> Failure | None:
        """Look for the job of a qsub whose answer was never heard; return a failure if there is none."""
        before = self._order.before.get(role, [])
        job_id = await self._asking.recover(self._job(role).name, script_path(self._paths, role), before)
        if job_id is not None:
            self._submitted(role, job_id)
            return None
        self._put_order(began={r: at for r, at in self._order.began.items() if r != role})
        waited = "" if seconds is None or seconds < _SOON_SECONDS else f"{seconds:.0f}"
        return failure("submit_unknown", {"seconds": waited}, output)

    def _put_order(self, **changes: object) -> None:
        self._record = msgspec.structs.replace(
            self._record, batch=msgspec.structs.replace(self._order, **changes)
        )
        self._journal.put(self._record)

    def _submitted(self, role: JobRole, job_id: str) -> None:
        self._put_job(role, job_id=job_id, state="queued", since=time.time())
        self._advance(state.JobQueued(time.time()))
        self._watch_jobs.refresh()

    # --- following

    def _follow_job(self, role: JobRole) -> None:
        job_id = self._job(role).job_id
        if job_id is not None:
            self._jobs.follow(role, job_id)

    def _saw(self, role: JobRole, seen: Sighting) -> None:
        if isinstance(seen, Present):
            self._saw_job(role, seen.job)
            self._put_batch(unknown_since=None, unknown_why=None)
        elif isinstance(seen, Unknown):
            self._put_batch(unknown_since=seen.since, unknown_why=seen.why)
        else:
            self._put_batch(unknown_since=None, unknown_why=None)
        self._news.set()

    def _saw_job(self, role: JobRole, job: Job) -> None:
        main = role == self._main
        anew = main and started_anew(self._started_at, job)
        if main and job.state == "running" and job.started_at is not None:
            self._started_at = job.started_at
        self._restarted |= anew
        at = time.time()
        batch = with_reading(self._batch, role, job, main=main, anew=anew, notice=self._notice, at=at)
        if batch != self._batch:
            self._advance(state.BatchChanged(at, batch))

    def _judge(self) -> Failure | None:
        """Move on by what was seen last; return why the run is over, if it is."""
        if self._controller.gone:
            return failure("controller_exited", {"status": ""})
        for role in self._order.roles:
            seen = self._jobs.seen(role)
            if self._jobs.over(role):
                return failure("job_lost", {"job_id": self._job(role).job_id or ""})
            if isinstance(seen, Present) and seen.job.never_runs:
                params = {"job_id": seen.job.job_id, "comment": seen.job.comment or ""}
                return failure("job_never_runs", params)
        seen = self._jobs.seen(self._main)
        if isinstance(seen, Present):
            if (seen.job.state in WAITING or self._restarted) and self.cluster.state != "queued":
                # It went through the queue, seen or not; if it runs again, the next look says so.
                self._restarted, self._runs_again = False, seen.job.state in ACTIVE
                self._advance(state.JobQueued(time.time()))
                self._news.set()
            elif seen.job.state in ACTIVE and self.cluster.state in ("submitting", "queued"):
                self._restarted = False  # seen in the queue
                self._advance(state.JobStarted(time.time()))
        return None

    async def _reconsider(self, verdict: Failure) -> Failure | None:
        """Return the true reason of an end, now that everything about it can be read; None: asked for."""
        if await asyncio.to_thread(self._paths.stop_request.exists):
            return None
        if verdict.code == "controller_exited":
            log, _ = await asyncio.to_thread(read_tail, self._paths.log("controller"), 200)
            return failure("controller_exited", verdict.params, log)
        if verdict.code != "job_lost":
            return verdict
        for role in self._order.roles:  # what they told last is not written before
            if self._jobs.over(role):
                await self._jobs.ended(role)
        return await asyncio.to_thread(
            why_batch_ended,
            self._paths,
            self._record,
            python=self._settings.python[0],
            registered_most=self._most,
            now=time.time(),
        )

    # --- ending

    async def _close(self, verdict: Failure | None) -> None:
        """End what is left of the jobs, and only then say how the run ended."""
        if verdict != self._record.verdict:
            self._record = msgspec.structs.replace(self._record, verdict=verdict)
            self._journal.put(self._record)
        left = [role for role in self._order.roles if role in self._order.began and not self._jobs.over(role)]
        if self.cluster.state != "stopping" and (left or verdict is None):
            self._advance(state.StopAsked(time.time()))
        for role in reversed(left):
            await self._end(role)
        for role in self._order.roles:
            await self._jobs.ended(role)
        if self._order.controller:
            pids = await self._controller.end()
            if pids:
                params = {"pids": ", ".join(map(str, pids)), "host": self._settings.owner.host}
                verdict = failure("stop_incomplete", params)
        await asyncio.to_thread(remove_traces, self._paths, None)
        self._put_batch(unknown_since=None, unknown_why=None, reason=None, estimated_start_at=None)
        at = time.time()
        self._advance(state.Ended(at) if verdict is None else state.Failed(at, verdict))

    async def _end(self, role: JobRole) -> None:
        """Delete a job until the scheduler says that it is over."""
        if self._job(role).job_id is None:
            await self._recover(role, None)
        job_id = self._job(role).job_id
        if job_id is None:
            return
        self._follow_job(role)
        tries, again_at = 0, 0.0
        while not self._jobs.over(role):
            self._news.clear()
            if time.monotonic() >= again_at:
                again_at = time.monotonic() + await self._asking.delete(job_id, tries)
                tries += 1
                self._jobs.hurry()
            await set_within(self._news, max(0.1, again_at - time.monotonic()))


async def _cancel(task: asyncio.Task[Failure | None]) -> None:
    task.cancel()
    await asyncio.wait({task})
