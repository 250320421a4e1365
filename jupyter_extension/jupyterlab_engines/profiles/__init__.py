"""Profiles that clusters can be started from: the built-in ``local``, those in ``~/.ipython``, the site's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..api.models import Profile
from .catalogue import BUILTIN, describe, entries, find
from .validate import Limits

__all__ = ["BUILTIN", "Limits", "find_profile", "list_profiles"]


def list_profiles(
    max_engines: int, site_dirs: Sequence[Path] = (), *, scheduler: bool = False
) -> list[Profile]:
    """Return the profiles, the built-in one first, then by name; touches the disk.

    `scheduler`: whether there is a batch system; without one, only local profiles are startable.
    """
    limits = Limits(max_engines=max_engines)
    return [describe(entry, limits, scheduler=scheduler) for entry in entries(site_dirs)]


def find_profile(
    name: str, max_engines: int, site_dirs: Sequence[Path] = (), *, scheduler: bool = False
) -> Profile:
    """Return the profile `name`; raises BadRequest or UnknownProfile; touches the disk."""
    return describe(find(name, site_dirs), Limits(max_engines=max_engines), scheduler=scheduler)
