"""A distributed sum, as MPI programs have always written it.

Run on every engine by ``view.run('psum.py')``. Each engine adds up its own part of the array, then
``Allreduce`` adds the parts and hands the total to everyone.

The recipe trusts its caller. It tells MPI that it sends one ``MPI.DOUBLE``, and MPI believes it: an array
of integers is read as if its bytes were floating-point numbers, and the answer is nonsense without an
error. ``pxengines.mpi.psum`` is called in the same way, finds the MPI type from the array, keeps integers
integers, and checks that all engines sum the same kind of thing.
"""

import numpy as np
from mpi4py import MPI


def psum(a):
    """Return the sum of a floating-point array that is spread over all engines."""
    local = np.sum(a)
    total = np.array(0.0)
    MPI.COMM_WORLD.Allreduce([local, MPI.DOUBLE], [total, MPI.DOUBLE], op=MPI.SUM)
    return total
