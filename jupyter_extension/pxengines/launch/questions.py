"""Messages that ipyparallel does not know: names of what the server asks a hub and nannies of ours."""

from __future__ import annotations

ACTIVITY = "activity_request"
"""To the hub: what engines do (`pxengines.activity`)."""
USAGE = "usage_request"
"""To a nanny: what engines of its host use (`pxengines.usage`)."""
