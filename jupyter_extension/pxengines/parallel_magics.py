"""``%px`` where there is no connection yet, and where ipyparallel's own client makes one.

In a kernel that has loaded this package only; nothing of ipyparallel's is changed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class

from . import records

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

NAMES = ("px", "autopx", "pxresult", "pxconfig")
_LAZY = "pxengines.parallel_magics"
_STOCK = "ipyparallel.client.magics"


def load(shell: InteractiveShell) -> None:
    """Let the magics say what to do where there are none, and clients of our clusters have our magics."""
    manager: Any = shell.magics_manager
    for name in NAMES:
        # Not registered at once: the first client of ipyparallel's that finds no %px activates its own.
        manager.lazy_magics.setdefault(name, _LAZY)
    register = type(manager).register

    def register_ours(*magics: Any) -> None:
        register(manager, *map(_ours, magics))

    manager.register = register_ours


def unload(shell: InteractiveShell) -> None:
    """Undo that; magics that are registered stay."""
    manager: Any = shell.magics_manager
    for name in NAMES:
        if manager.lazy_magics.get(name) == _LAZY:
            del manager.lazy_magics[name]
    vars(manager).pop("register", None)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register magics that say what to do; IPython loads this when it looks for one of them in vain."""
    shell.register_magics(NoConnectionMagics)


@magics_class
class NoConnectionMagics(Magics):
    """What ``%px`` and its kin are until a view is activated: each raises `UsageError`."""

    @line_cell_magic
    def px(self, line: str, cell: str | None = None) -> NoReturn:
        """Run code on engines, once there are any: see ``%engines``."""
        _refuse()

    @line_magic
    def autopx(self, line: str) -> NoReturn:
        """Run all cells on engines, once there are any: see ``%engines``."""
        _refuse()

    @line_magic
    def pxresult(self, line: str) -> NoReturn:
        """Show a past cell on engines, once there are any: see ``%engines``."""
        _refuse()

    @line_magic
    def pxconfig(self, line: str) -> NoReturn:
        """Set options of ``%px``, once there are engines: see ``%engines``."""
        _refuse()


def _refuse() -> NoReturn:
    known = [found.key for found in records.sightings() if found.state not in records.ENDED]
    if not known:
        raise UsageError(
            "This notebook is not connected to engines, and no cluster is running. Start one in the Engines "
            "panel, then press Connect there or run: %engines connect NAME"
        )
    raise UsageError(
        "This notebook is not connected to engines. Press Connect in the Engines panel, or run: "
        + " or ".join(f"%engines connect {key}" for key in known)
    )


def _ours(magics: Any) -> Any:
    """Return our magics in place of ipyparallel's for a view of one of our clusters; else `magics`."""
    stock = sys.modules.get(_STOCK)
    if stock is None or type(magics) is not stock.ParallelMagics or not _is_of_panel(magics.view.client):
        return magics
    from .dispatch.magics import EnginesParallelMagics

    return EnginesParallelMagics(magics.shell, magics.view, magics.suffix)


def _is_of_panel(client: Any) -> bool:
    """Tell whether `client` is of a cluster of the panel: each controller has a key of its own."""
    key = client.session.key.decode(errors="replace")
    return any(
        records.read_json(found.paths.connection_file("client")).get("key") == key
        for found in records.sightings()
        if found.origin == "panel"
    )
