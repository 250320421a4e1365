"""Cells that call ``exit()``: an engine that goes takes its MPI world with it, which nobody meant."""

from __future__ import annotations

from typing import Any, NoReturn


class EngineExitError(RuntimeError):
    """A cell has called ``exit()`` or ``quit()``; the engine goes on."""


def refuse_exit(shell: Any) -> None:
    """Let ``exit()`` and ``quit()`` raise in the cells of `shell`, where they would end the engine."""

    def ask_exit() -> NoReturn:
        raise EngineExitError(
            "exit() would end this engine, and with it the MPI world and all variables on it. To end only a "
            "cell, raise an exception; to end all engines, stop the cluster in the Engines panel or call "
            "cluster.shutdown(hub=True)"
        )

    shell.ask_exit = ask_exit
