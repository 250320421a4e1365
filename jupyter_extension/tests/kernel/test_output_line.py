"""Proving at connect that the output of all engines is heard (output_line.py); the engines are played."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest
from ipyparallel.client.futures import MessageFuture

from pxengines.output_line import unheard_engines


class Views:
    """Views of a client whose engines answer; from which try on they are heard is told by engine."""

    def __init__(self, heard_from: dict[int, int], answers: set[int] | None = None) -> None:
        self.ids = sorted(heard_from)
        self.heard_from = heard_from
        self.answers = set(self.ids) if answers is None else answers
        self.tries = 0

    def direct_view(self, engines: list[int]) -> Any:
        self.engines = engines
        return self

    def execute(self, code: str, silent: bool, block: bool) -> Any:
        assert (code, silent, block) == ("", True, False)
        self.tries += 1
        return self.asked(self.engines)

    def asked(self, engines: list[int]) -> Any:
        parts = []
        for engine in engines:
            part = MessageFuture(f"x_{engine}")
            part.output = Future()
            if engine in self.answers:
                part.set_result("ok")
            if self.tries >= self.heard_from[engine]:
                part.output.set_result(None)
            parts.append(part)
        return type("Asked", (), {"_targets": engines, "_children": parts, "wait": lambda self, s: None})()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pxengines.output_line._HEARD_SECONDS", 0.02)
    monkeypatch.setattr("pxengines.output_line.PROOF_SECONDS", 30.0)


def test_who_is_heard_at_once_is_not_asked_again() -> None:
    views = Views({0: 0, 1: 0})
    assert unheard_engines(views, views.asked([0, 1]), pytest.fail) == []
    assert views.tries == 0


def test_who_is_not_heard_is_asked_until_it_is() -> None:
    views, shown = Views({0: 0, 1: 3}), []
    assert unheard_engines(views, views.asked([0, 1]), shown.append) == []
    assert shown == [[1]] * 3


def test_who_is_never_heard_is_told_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pxengines.output_line.PROOF_SECONDS", 0.2)
    views = Views({0: 0, 1: 10**9})
    assert unheard_engines(views, views.asked([0, 1]), lambda _: None) == [1]


def test_who_is_busy_or_gone_proves_nothing() -> None:
    views = Views({0: 0, 1: 10**9}, answers={0})
    assert unheard_engines(views, views.asked([0, 1]), pytest.fail) == []
    gone = Views({0: 10**9})
    asked = gone.asked([0])
    gone.ids = []
    assert unheard_engines(gone, asked, pytest.fail) == []
