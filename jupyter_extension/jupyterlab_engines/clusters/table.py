"""All that the browsers see, clusters, profiles, jobs and the scheduler's state, with a revision number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..api.models import Cluster, ClusterActivity, Delta, Job, Profile, SchedulerStatus, Snapshot
from ..jobs.unlike import unlike
from .activity_book import ActivityBook


class ClusterTable:
    """Clusters by key, jobs by id, and what changed since the last delta was taken."""

    def __init__(self, scheduler: SchedulerStatus) -> None:
        self._scheduler = scheduler
        self._scheduler_changed = False
        self._jobs: dict[str, Job] = {}
        self._jobs_changed: set[str] = set()
        self._jobs_removed: set[str] = set()
        self._clusters: dict[str, Cluster] = {}
        self._activity: dict[str, ActivityBook] = {}
        self._profiles: list[Profile] = []
        self._changed: set[str] = set()
        self._removed: set[str] = set()
        self._profiles_changed = False
        self._revision = 0

    @property
    def revision(self) -> int:
        """Number of the last delta taken."""
        return self._revision

    @property
    def dirty(self) -> bool:
        """Whether there is something for a delta."""
        return bool(
            self._changed
            or self._removed
            or self._profiles_changed
            or self._scheduler_changed
            or self._jobs_changed
            or self._jobs_removed
            or any(book.dirty for book in self._activity.values())
        )

    def clusters(self) -> list[Cluster]:
        """Return all clusters, oldest first, so that cards keep their places."""
        return sorted(self._clusters.values(), key=lambda c: (c.created_at, c.key))

    def profiles(self) -> list[Profile]:
        """Return the profiles."""
        return list(self._profiles)

    def get(self, key: str) -> Cluster | None:
        """Return the cluster `key`, or None."""
        return self._clusters.get(key)

    def put(self, cluster: Cluster) -> bool:
        """Add or replace a cluster; tell whether that changed anything."""
        if self._clusters.get(cluster.key) == cluster:
            return False
        self._clusters[cluster.key] = cluster
        self._changed.add(cluster.key)
        self._removed.discard(cluster.key)
        return True

    def remove(self, key: str) -> bool:
        """Remove a cluster; tell whether it was there."""
        if self._clusters.pop(key, None) is None:
            return False
        self._activity.pop(key, None)
        self._changed.discard(key)
        self._removed.add(key)
        return True

    def put_profiles(self, profiles: Iterable[Profile]) -> bool:
        """Replace the list of profiles; tell whether it changed."""
        new = list(profiles)
        if new == self._profiles:
            return False
        self._profiles = new
        self._profiles_changed = True
        return True

    @property
    def scheduler(self) -> SchedulerStatus:
        """The batch system's state."""
        return self._scheduler

    def put_scheduler(self, status: SchedulerStatus) -> bool:
        """Replace the batch system's state; tell whether it changed."""
        if status == self._scheduler:
            return False
        self._scheduler = status
        self._scheduler_changed = True
        return True

    def jobs(self) -> list[Job]:
        """Return the jobs in the order of their reading."""
        return list(self._jobs.values())

    def job(self, job_id: str) -> Job | None:
        """Return the job `job_id`, or None."""
        return self._jobs.get(job_id)

    def put_jobs(self, jobs: Mapping[str, Job]) -> bool:
        """Replace all jobs; tell whether that changed anything.

        A job that is the same object as before costs no comparison: the parsers hand on what did not change.
        """
        old = self._jobs
        changed = {job_id for job_id in unlike(jobs, old) if jobs[job_id] != old.get(job_id)}
        # Made of the keys only where there is one to find: that is as slow as all of the above.
        is_fewer = len(jobs) < len(old) or any(job_id not in old for job_id in changed)
        removed = old.keys() - jobs.keys() if is_fewer else set()
        self._jobs = dict(jobs)
        self._jobs_changed -= removed
        self._jobs_changed |= changed
        self._jobs_removed -= changed
        self._jobs_removed |= removed
        return bool(changed or removed)

    def put_activity(self, activity: ClusterActivity) -> None:
        """Take note of what engines of a cluster do now; nothing, if there is no such cluster."""
        if activity.key not in self._clusters:
            return
        book = self._activity.get(activity.key)
        if book is None or book.run_id != activity.run_id:
            book = self._activity[activity.key] = ActivityBook(activity.key, activity.run_id)
        book.put(activity)

    def take_delta(self) -> Delta | None:
        """Return what changed since the last call, under a new revision; None if nothing did."""
        if not self.dirty:
            return None
        base, self._revision = self._revision, self._revision + 1
        delta = Delta(
            base=base,
            revision=self._revision,
            changed=[self._clusters[key] for key in sorted(self._changed)],
            removed=sorted(self._removed),
            profiles=self.profiles() if self._profiles_changed else None,
            scheduler=self._scheduler if self._scheduler_changed else None,
            jobs_changed=[self._jobs[job_id] for job_id in sorted(self._jobs_changed)],
            jobs_removed=sorted(self._jobs_removed),
            activity=[book.take() for book in self._activity.values() if book.dirty],
        )
        self._changed.clear()
        self._removed.clear()
        self._profiles_changed = False
        self._scheduler_changed = False
        self._jobs_changed.clear()
        self._jobs_removed.clear()
        return delta

    def snapshot(self) -> Snapshot:
        """Return everything at the current revision; take the delta first."""
        return Snapshot(
            revision=self._revision,
            profiles=self.profiles(),
            clusters=self.clusters(),
            scheduler=self._scheduler,
            jobs=self.jobs(),
            activity=[book.whole() for book in self._activity.values()],
        )
