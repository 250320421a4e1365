"""jupyterlab-engines, the server side: clusters of MPI engines for JupyterLab."""

from __future__ import annotations

from typing import Any

from ._version import __version__

__all__ = ["__version__"]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyterlab-engines"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .app import EnginesApp  # late: JupyterLab asks only for the path above in its build

    return [{"module": "jupyterlab_engines.app", "app": EnginesApp}]
