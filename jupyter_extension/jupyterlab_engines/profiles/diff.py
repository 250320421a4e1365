"""The scripts of a plan beside those of the site's template."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..api.models import Script
from ..api.names import JobRole
from ..errors import ApiError
from ..scheduler.base import Dialect
from .catalogue import Entry
from .legacy import NotLegacy, read_legacy
from .plan import StartPlan, plan
from .validate import Limits


def against_template(
    entry: Entry,
    made: StartPlan,
    *,
    dialect: Dialect,
    run_dir: Path,
    names: Mapping[JobRole, str],
    python: Sequence[str],
) -> list[Script]:
    """Return the scripts of `made`, each with its difference to the site's settings with as many engines.

    `names` has a name for every role. Touches the disk for a legacy template.
    """
    template = _template(entry)
    originals: dict[JobRole, str] = {}
    if template is not None:
        try:
            originals = {
                script.role: script.text
                for script in plan(
                    template,
                    engines=made.engines,
                    resources=None,
                    dialect=dialect,
                    run_dir=run_dir,
                    names=names,
                    python=python,
                    limits=Limits(),
                ).scripts
            }
        except ApiError:
            template = None  # the site's own settings have no script for so many engines
    return [
        Script(
            role=script.role,
            text=script.text,
            diff=None if template is None else unified(originals.get(script.role, ""), script.text),
        )
        for script in made.scripts
    ]


def unified(original: str, text: str) -> str:
    """Return the unified difference of two scripts; empty if they are the same."""
    lines = difflib.unified_diff(
        original.splitlines(), text.splitlines(), "the site's template", "this profile", lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)


def _template(entry: Entry) -> Entry | None:
    """Return the site's profile as if it lay in the user's folder; None: there is none, or it is the same."""
    if entry.site is None or entry.origin == "site" or entry.site.problem is not None:
        return None
    if entry.site.settings is not None:
        return dataclasses.replace(entry, settings=entry.site.settings)
    try:
        legacy = read_legacy(entry.site.path)
    except NotLegacy:
        return None
    return dataclasses.replace(entry, legacy=dataclasses.replace(legacy, path=entry.path))
