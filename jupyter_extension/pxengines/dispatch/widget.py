"""The model of a live view, where there is ipywidgets; the labextension has the view (`src/results/`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

MODULE = "jupyterlab-engines"
MODULE_VERSION = "^0.1.0"

OnMessage = Callable[[dict[str, Any]], None]


def available() -> bool:
    """Tell whether this kernel can have widgets."""
    return find_spec("ipywidgets") is not None


def new_widget(state: dict[str, Any], on_message: OnMessage) -> Any:
    """Return a new model, already known to the frontend.

    Parameters
    ----------
    state : values of all its traits.
    on_message : gets what the view sends, in the thread that runs cells or in that of a subshell.
    """
    widget = _widget_class()(**state)
    widget.on_msg(lambda _, content, buffers: on_message(content))
    return widget


@lru_cache(maxsize=1)
def _widget_class() -> Any:
    # Importing ipywidgets takes 0.1 s: only once something is to be shown.
    from ipywidgets import Widget
    from traitlets import Bool, Enum, Float, Int, List, Unicode

    class CellRunWidget(Widget):  # type: ignore[misc] # ipywidgets has no types
        """A cell on engines, as the frontend sees it; without a layout, which would be one more message."""

        _model_module = Unicode(MODULE).tag(sync=True)
        _model_module_version = Unicode(MODULE_VERSION).tag(sync=True)
        _model_name = Unicode("CellRunModel").tag(sync=True)
        _view_module = Unicode(MODULE).tag(sync=True)
        _view_module_version = Unicode(MODULE_VERSION).tag(sync=True)
        _view_name = Unicode("CellRunView").tag(sync=True)

        label = Unicode().tag(sync=True)
        cluster = Unicode().tag(sync=True)
        ranks = List(Int()).tag(sync=True)
        states = Unicode().tag(sync=True)
        state = Enum(["running", "done", "failed", "interrupted", "timeout"], "running").tag(sync=True)
        started_at = Float().tag(sync=True)
        ended_at = Float(None, allow_none=True).tag(sync=True)
        now = Float().tag(sync=True)
        # The trait has no trait for its items: they are checked by being made, and are many.
        blocks: Any = List().tag(sync=True)
        dropped_blocks = Int().tag(sync=True)
        blocking = Bool().tag(sync=True)
        notice = Unicode().tag(sync=True)

        def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
            """Return the state; for a page that is loaded while nothing happens, with the time it is now."""
            state: dict[str, Any] = super().get_state(key, drop_defaults)
            if "now" in state and self.state == "running":
                state["now"] = time.time()
            return state

    return CellRunWidget
