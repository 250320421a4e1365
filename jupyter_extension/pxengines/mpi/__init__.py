"""Sums over all engines that keep their type: ``psum`` and ``allreduce``.

Every rank of the communicator calls the same function; each gets the same result. mpi4py is
imported when the first call needs it, so that importing this package never starts MPI.
"""

from __future__ import annotations

from .channels import guard, prepare
from .errors import AgreementError, PeerError
from .reduce import allreduce
from .sums import psum

__all__ = ["AgreementError", "PeerError", "allreduce", "guard", "prepare", "psum"]
