"""The documents for users and administrators, taken apart: fenced blocks, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
USERS = "docs/from-the-clusters-tab.md"
ADMINS = "docs/admins.md"
TYPED = "docs/typed-allreduce.md"
README = "README.md"
DOCUMENTS = (README, USERS, ADMINS, TYPED)

_FENCE = re.compile(r"^```([\w+-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes
    ----------
    language : as written after the fence; may be empty.
    before : the paragraph that introduces it.
    line : where it begins, counted from 1.
    """

    document: str
    language: str
    text: str
    before: str
    line: int

    @property
    def where(self) -> str:
        """File and line, for messages."""
        return f"{self.document}:{self.line}"

    @property
    def is_configuration(self) -> bool:
        """Whether it is meant for ``jupyter_server_config.py``, and not for a notebook."""
        return self.language == "python" and self.text.startswith("c.")


def text_of(document: str) -> str:
    """Return the text of a document."""
    return (REPO / document).read_text(encoding="utf-8")


def blocks(document: str, language: str | None = None) -> list[Block]:
    """Return the fenced blocks of a document, or those in one language."""
    text = text_of(document)
    found = []
    for match in _FENCE.finditer(text):
        before = text[: match.start()].rstrip().rpartition("\n\n")[2]
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(document, match[1], match[2], before, line))
    return [block for block in found if language is None or block.language == language]


def block(document: str, language: str, word: str) -> Block:
    """Return the one block in this language whose introduction has this word."""
    [found] = [b for b in blocks(document, language) if word in b.before]
    return found


def shell_lines(block: Block) -> list[str]:
    """Return the commands of a block, without what stands behind ``#``."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in block.text.splitlines())
    return [line for line in lines if line]


def rows(document: str, first_head: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table whose first column has this head."""
    inside = False
    for line in text_of(document).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[0] == first_head:
            inside = True
        elif inside and not set(line) <= set("|- "):
            yield cells


def links(document: str) -> list[str]:
    """Return what the document's links and pictures lead to, other than web addresses."""
    return re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text_of(document))
