"""What the kernel sends of a cell, and what the page reads: two files, in two languages, that must agree."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from pxengines.dispatch import live, widget
from pxengines.dispatch.blocks import Block, Dropped

CONTRACT = (Path(__file__).parents[3] / "src" / "results" / "contract.ts").read_text(encoding="utf-8")


def constant(name: str) -> str:
    found = re.search(rf"{name} =\s*'([^']+)'", CONTRACT)
    assert found is not None
    return found[1]


def test_names_agree() -> None:
    assert constant("WIDGET_MODULE") == widget.MODULE
    assert "^" + constant("WIDGET_VERSION") == widget.MODULE_VERSION
    assert constant("RUN_MIME_TYPE") == live.MIME


def test_page_reads_every_trait() -> None:
    kind = widget._widget_class()
    ours = {name for name in kind.class_own_traits(sync=True) if not name.startswith("_")}
    assert {name for name in ours if f"traits.{name}" not in CONTRACT} == set()


def test_page_reads_every_field_of_a_block() -> None:
    fields = [field.name for field in msgspec.structs.fields(Block)]
    assert [name for name in fields if not re.search(rf"\bvalue\.{name}\b", CONTRACT)] == []
    fields = [field.name for field in msgspec.structs.fields(Dropped)]
    assert [name for name in fields if f"dropped.{name}" not in CONTRACT] == []
