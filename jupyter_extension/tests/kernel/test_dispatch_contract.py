"""What the kernel sends of a cell, and what the page reads: two files, in two languages, that must agree."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from pxengines.dispatch import live, where, widget
from pxengines.dispatch.blocks import Block, Dropped
from pxengines.dispatch.run import CellRun

SOURCE = Path(__file__).parents[3] / "src"
CONTRACT = (SOURCE / "results" / "contract.ts").read_text(encoding="utf-8")
PLACES = (SOURCE / "cells" / "where.ts").read_text(encoding="utf-8")


def constant(name: str, text: str = CONTRACT) -> str:
    found = re.search(rf"{name} =\s*'([^']+)'", text)
    assert found is not None
    return found[1]


def test_names_agree() -> None:
    assert constant("WIDGET_MODULE") == widget.MODULE
    assert "^" + constant("WIDGET_VERSION") == widget.MODULE_VERSION
    assert constant("RUN_MIME_TYPE") == live.MIME
    assert constant("PAYLOAD_SOURCE", PLACES) == where.SOURCE


def test_page_reads_where_a_cell_ran() -> None:
    run = CellRun(run_id="r", code="", ranks=[0, 1], started_at=0.0)
    assert [name for name in where.where(run) if f"field(value, '{name}')" not in PLACES] == []


def test_page_reads_every_trait() -> None:
    kind = widget._widget_class()
    ours = {name for name in kind.class_own_traits(sync=True) if not name.startswith("_")}
    assert {name for name in ours if f"traits.{name}" not in CONTRACT} == set()


def test_page_reads_every_field_of_a_block() -> None:
    fields = [field.name for field in msgspec.structs.fields(Block)]
    assert [name for name in fields if not re.search(rf"\bvalue\.{name}\b", CONTRACT)] == []
    fields = [field.name for field in msgspec.structs.fields(Dropped)]
    assert [name for name in fields if f"dropped.{name}" not in CONTRACT] == []
