"""What the kernel keeps of cells: so many, and so many bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from playedcluster import Cluster

from pxengines.dispatch.kept import Kept

pytestmark = pytest.mark.apart


@dataclass
class Thing:
    """Something with a size."""

    name: str
    size: int = 0


def names(kept: Kept[Thing]) -> str:
    return "".join(thing.name for thing in kept)


def test_so_many_are_kept() -> None:
    kept: Kept[Thing] = Kept(3)
    for name in "abcde":
        kept.add(Thing(name))
    assert (names(kept), len(kept), kept[-1].name) == ("cde", 3, "e")


def test_so_many_bytes_are_kept_and_the_last_whatever_it_holds() -> None:
    gone: list[Thing] = []
    kept: Kept[Thing] = Kept(10, 100, drop=gone.append)
    for name in "abc":
        kept.add(Thing(name, 40))
    assert names(kept) == "abc"
    kept.add(Thing("d", 1_000))
    assert (names(kept), [thing.name for thing in gone]) == ("bcd", ["a"])
    kept.add(Thing("e"))
    assert names(kept) == "e"


def test_what_grows_after_it_was_added_counts() -> None:
    kept: Kept[Thing] = Kept(10, 100)
    first = Thing("a")
    kept.add(first)
    first.size = 1_000
    assert names(kept) == "a"
    kept.add(Thing("b"))
    assert names(kept) == "b"


def test_what_must_not_go_stays() -> None:
    kept: Kept[Thing] = Kept(2, 100, may_go=lambda thing: thing.name != "a")
    for name in "abcd":
        kept.add(Thing(name))
    assert names(kept) == "ad"


class Engine:
    """A played engine of a cell: ipyparallel's record is written as ipyparallel does before it tells us."""

    def __init__(self) -> None:
        self.cluster = Cluster(1).begin()
        self.record = self.cluster.parts[0].output.metadata

    def says(self, kind: str, **content: Any) -> None:
        if kind == "stream":
            self.record[content["name"]] += content["text"]
        elif kind == "display_data":
            self.record["outputs"].append(content)
        elif kind == "execute_result":
            self.record["execute_result"] = content
        for callback in self.cluster.parts[0].iopub_callbacks:
            callback({"header": {"msg_type": kind}, "content": content})

    def shows(self, text: str, kind: str = "display_data") -> None:
        self.says(kind, data={"text/plain": text})

    @property
    def displays(self) -> list[str]:
        return [output["data"]["text/plain"] for output in self.record["outputs"]]


def test_the_size_of_a_result_is_that_of_all_that_is_kept_of_it() -> None:
    engine = Engine()
    assert engine.cluster.result.size == 0
    for step in (
        lambda: engine.says("stream", name="stdout", text="x" * 10_000),
        lambda: engine.shows("x" * 10_000),
        lambda: engine.shows("x" * 10_000, "execute_result"),
    ):
        before = engine.cluster.result.size
        step()
        assert engine.cluster.result.size == before + 20_000  # in ipyparallel's record, and to be shown
    engine.says("clear_output", wait=False)
    assert engine.cluster.result.size == 30_000  # the text is the user's, as `status.stdout`


def test_displays_are_bounded_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pxengines.dispatch.feed._TEXT_OF_AN_ENGINE", (100, 100))
    engine = Engine()
    for number in range(50):
        engine.shows(f"{number:030}")
    assert [int(text) for text in engine.displays] == [47, 48, 49]
    engine.shows("x" * 1_000)
    assert engine.displays == ["x" * 1_000]
    engine.shows("small")
    assert engine.displays == ["small"]


def test_displays_go_when_they_are_cleared() -> None:
    engine = Engine()
    engine.shows("a")
    engine.says("clear_output", wait=False)
    assert engine.displays == []
    for frame in "bcd":
        engine.shows(frame)
        engine.says("clear_output", wait=True)
        assert engine.displays == [frame]
    engine.shows("e", "update_display_data")  # of another display: ipyparallel keeps none of these
    engine.says("stream", name="stdout", text="x")
    assert engine.displays == []
