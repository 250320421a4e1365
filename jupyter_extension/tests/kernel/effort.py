"""How much is tried in properties: little each time, more when asked."""

from __future__ import annotations

import os


def examples(usual: int) -> int:
    """Return on how many examples a property is tried; $ENGINES_TEST_EXAMPLES asks for so many times more."""
    return usual * int(os.environ.get("ENGINES_TEST_EXAMPLES", "1"))
