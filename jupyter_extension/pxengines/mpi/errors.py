"""What a reduction raises when it cannot be done together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class AgreementError(RuntimeError):
    """The ranks brought different things to one reduction; every rank raises this, with the same message.

    Attributes
    ----------
    by_rank : what each rank brought, in words, by rank.
    """

    def __init__(self, by_rank: Sequence[str]) -> None:
        self.by_rank = tuple(by_rank)
        super().__init__(_sentence(self.by_rank))


class PeerError(RuntimeError):
    """Another rank cannot take part in this reduction any more: it raised, was interrupted, ended or went on.

    Attributes
    ----------
    rank : which rank it was, in the communicator of the reduction.
    what : what happened to it, in words: ``raised ValueError: bad input``.
    """

    def __init__(self, rank: int, what: str) -> None:
        self.rank, self.what = rank, what
        super().__init__(f"rank {rank} {what}, so this reduction cannot be done")


def ranks_in_words(ranks: Iterable[int]) -> str:
    """Return `ranks` in words: ``rank 3``, ``ranks 0-2, 5``."""
    runs: list[tuple[int, int]] = []
    for rank in sorted(ranks):
        if runs and rank == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], rank)
        else:
            runs.append((rank, rank))
    text = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
    one = len(runs) == 1 and runs[0][0] == runs[0][1]
    return f"rank {text}" if one else f"ranks {text}"


def _sentence(by_rank: Sequence[str]) -> str:
    groups: dict[str, list[int]] = {}
    for rank, words in enumerate(by_rank):
        groups.setdefault(words, []).append(rank)
    # The largest group is taken for what was meant; of equal ones that of the lowest rank.
    usual = max(groups.values(), key=lambda ranks: (len(ranks), -ranks[0]))
    differing = [rank for rank in range(len(by_rank)) if rank not in usual]
    details = "; ".join(f"{ranks_in_words(ranks)}: {words}" for words, ranks in groups.items())
    verb = "differs" if len(differing) == 1 else "differ"
    return f"the ranks do not agree on what to reduce: {ranks_in_words(differing)} {verb} ({details})"
