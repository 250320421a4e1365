"""Sums over all engines that keep their type: ``psum``, ``allreduce`` and their kin.

Every rank of the communicator calls the same function; each gets the same result. mpi4py is
imported when the first call needs it, so that importing this package never starts MPI.
"""

from __future__ import annotations

from .channels import guard, prepare
from .errors import AgreementError, PeerError
from .extremes import Location, pargmax, pargmin, pmax, pmin
from .reduce import allreduce
from .sums import pdot, pmean, psum
from .world import World, check

__all__ = [
    "AgreementError",
    "Location",
    "PeerError",
    "World",
    "allreduce",
    "check",
    "guard",
    "pargmax",
    "pargmin",
    "pdot",
    "pmax",
    "pmean",
    "pmin",
    "prepare",
    "psum",
]
