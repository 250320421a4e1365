"""A simulated batch system for tests: ``qsub qstat qdel qhold qrls qalter qselect pbsnodes`` over a folder.

It speaks as OpenPBS 23.06, Torque 6.1 or Slurm's Torque commands do (compared with recordings in
``scheduler/test_fakepbs.py``), really runs the job scripts, and does on demand what a healthy scheduler never
does. Tests use `FakePBS`; everything else is what the commands are made of. The commands start a bare
interpreter for every call, so modules here import little.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def __getattr__(name: str) -> Any:
    """Import `FakePBS` only when a test asks for it: the commands do without."""
    if name in ("FakePBS", "FakeJob"):
        from . import control

        return getattr(control, name)
    raise AttributeError(name)
