"""The ranks agree on what they are about to reduce, before any data moves.

MPI itself does not check: ranks that bring different types or lengths get garbage, half a result or
a hang. One exchange of a few fixed words finds out; only when it finds a difference are the
descriptions themselves exchanged, to say who differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mpi4py import MPI

_WORD = (1 << 64) - 1


class AgreementError(RuntimeError):
    """The ranks brought different things to one reduction; every rank raises this, with the same message.

    Attributes
    ----------
    by_rank : what each rank brought, in words, by rank.
    """

    def __init__(self, by_rank: Sequence[str]) -> None:
        self.by_rank = tuple(by_rank)
        super().__init__(_sentence(self.by_rank))


@dataclass(frozen=True)
class Proposal:
    """What one rank brings to a reduction.

    Attributes
    ----------
    description : in words; equal on all ranks that can reduce together.
    refusal : why this rank cannot take part at all, or None.
    magnitude : no partial result of this rank exceeds this, in absolute value; a whole number >= 0.
    has_nan : whether any of its values is not a number.
    """

    description: str
    refusal: Exception | None = None
    magnitude: int = 0
    has_nan: bool = False


@dataclass(frozen=True)
class Agreement:
    """What all ranks know after the exchange; the same on each.

    Attributes
    ----------
    magnitude : no rank's partial result exceeds this (an upper bound, maybe not the least one).
    has_nan : whether any rank has a value that is not a number.
    """

    magnitude: int
    has_nan: bool


def agree(proposal: Proposal, comm: MPI.Comm) -> Agreement:
    """Find out whether all ranks of `comm` propose the same; collective.

    Raises
    ------
    AgreementError
        On every rank, if they do not.
    Exception
        Each rank's own refusal, if all ranks refuse for the same reason.
    """
    from mpi4py import MPI

    words = proposal.description if proposal.refusal is None else f"refused: {proposal.refusal}"
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=16).digest(), "big")
    # The greatest of x and of its complement are the greatest and the least x: equal if all x are.
    mine = np.array(
        [
            digest >> 64,
            ~(digest >> 64) & _WORD,
            digest & _WORD,
            ~digest & _WORD,
            min(proposal.magnitude >> 64, _WORD),
            # Word by word, the greatest of two-word numbers is at least the greatest number.
            _WORD if proposal.magnitude >> 128 else proposal.magnitude & _WORD,
            proposal.has_nan,
        ],
        dtype=np.uint64,
    )
    most = np.empty_like(mine)
    comm.Allreduce([mine, MPI.UINT64_T], [most, MPI.UINT64_T], op=MPI.MAX)
    high, not_high, low, not_low, above, below, nan = (int(word) for word in most)
    if high != ~not_high & _WORD or low != ~not_low & _WORD:
        raise AgreementError(comm.allgather(words))
    if proposal.refusal is not None:
        raise proposal.refusal
    return Agreement(magnitude=above << 64 | below, has_nan=bool(nan))


def _sentence(by_rank: Sequence[str]) -> str:
    groups: dict[str, list[int]] = {}
    for rank, words in enumerate(by_rank):
        groups.setdefault(words, []).append(rank)
    # The largest group is taken for what was meant; of equal ones that of the lowest rank.
    usual = max(groups.values(), key=lambda ranks: (len(ranks), -ranks[0]))
    differing = [rank for rank in range(len(by_rank)) if rank not in usual]
    details = "; ".join(f"{_ranks(ranks)}: {words}" for words, ranks in groups.items())
    verb = "differs" if len(differing) == 1 else "differ"
    return f"the ranks do not agree on what to reduce: {_ranks(differing)} {verb} ({details})"


def _ranks(ranks: Sequence[int]) -> str:
    """Return sorted `ranks` in words: ``rank 3``, ``ranks 0-2, 5``."""
    runs: list[tuple[int, int]] = []
    for rank in ranks:
        if runs and rank == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], rank)
        else:
            runs.append((rank, rank))
    text = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
    return f"rank{'s' * (len(ranks) != 1)} {text}"
