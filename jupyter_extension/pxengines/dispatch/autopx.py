"""``%autopx``: whether it is on, its end, and which cells it leaves in the notebook's kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_CELL_MAGIC = re.compile(r"\s*%%px")
_LINE_MAGIC = re.compile(
    r"^[ \t]*(?:[\w., ]+=\s*)?%(?:px|engines\b|psum\b|load_ext\s+pxengines\b)", re.MULTILINE
)


def is_on(shell: InteractiveShell | None) -> bool:
    """Tell whether each cell of `shell` goes to engines. Never raises."""
    magics = _magics(shell, "")
    return bool(getattr(magics, "_autopx", False))


def end(shell: InteractiveShell, suffix: str) -> None:
    """End it for the view that had these magics before, which would stay in `shell` unseen."""
    magics = _magics(shell, suffix)
    if getattr(magics, "_autopx", False):
        magics._disable_autopx()


def stays_here(cell: str) -> bool:
    """Tell whether `cell` speaks of engines itself: they do not know its magics."""
    return _CELL_MAGIC.match(cell) is not None or _LINE_MAGIC.search(cell) is not None


def _magics(shell: InteractiveShell | None, suffix: str) -> Any:
    if shell is None:
        return None
    return getattr(shell.magics_manager.magics["line"].get(f"autopx{suffix}"), "__self__", None)
