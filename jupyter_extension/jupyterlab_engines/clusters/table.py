"""All clusters and profiles as the browsers see them, with a revision number."""

from __future__ import annotations

from collections.abc import Iterable

from ..api.models import Cluster, Delta, Profile, Snapshot


class ClusterTable:
    """Clusters by key, and what changed since the last delta was taken."""

    def __init__(self) -> None:
        self._clusters: dict[str, Cluster] = {}
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
        return bool(self._changed or self._removed or self._profiles_changed)

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
        )
        self._changed.clear()
        self._removed.clear()
        self._profiles_changed = False
        return delta

    def snapshot(self) -> Snapshot:
        """Return everything at the current revision; take the delta first."""
        return Snapshot(revision=self._revision, profiles=self.profiles(), clusters=self.clusters())
