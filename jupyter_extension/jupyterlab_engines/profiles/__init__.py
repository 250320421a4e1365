"""Profiles that clusters can be started from: the built-in ``local``, those in ``~/.ipython``, the site's."""

from __future__ import annotations

from .catalogue import BUILTIN, find_profile, launchers, list_profiles

__all__ = ["BUILTIN", "find_profile", "launchers", "list_profiles"]
