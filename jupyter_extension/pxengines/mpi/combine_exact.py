"""The collective half of the exact mode: ranks add up limbs, which are whole numbers."""

from __future__ import annotations

from .channel import Channel
from .exact import Accumulator, Words
from .moving import move
from .recipe import Recipe
from .slots import pack_facts

_OFFSET = 1 << 40
"""Makes the words of an accumulator, which may be negative, facts, which may not."""


def combine_exact(channel: Channel, how: Recipe, part: Accumulator, timeout: float | None) -> Accumulator:
    """Return the exact sums over all ranks of their `part`; collective. All get the same, to the bit."""
    facts = pack_facts(*(_OFFSET + word for word in part.words()))

    def work() -> Accumulator:
        greatest = channel.agree(how.digest, facts, how.describe)
        first, second, third = (word - _OFFSET for word in greatest or ())  # these facts are never all 0
        words: Words = (first, second, third)
        wire = part.to_wire(words)
        return Accumulator.from_wire(move(channel, "sum", wire, wire.dtype, wire), words, part.shape)

    return channel.run(work, timeout)
