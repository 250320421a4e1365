"""Parts of the reductions that need no MPI."""

from __future__ import annotations

import inspect
import os
import re
import socket
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from pxengines import mpi
from pxengines.mpi import cells, peers
from pxengines.mpi.errors import AgreementError, ranks_in_words
from pxengines.mpi.notices import Kind, Notice, Why
from pxengines.mpi.slots import SLOT_BYTES, level_of


@pytest.mark.parametrize("name", [name for name in mpi.__all__ if inspect.isfunction(getattr(mpi, name))])
def test_a_docstring_says_what_comes_out_what_is_raised_and_what_it_costs(name: str) -> None:
    function = getattr(mpi, name)
    said = inspect.getdoc(function) or ""
    if "are as of `" in said:  # pmax, of pmin
        other = said.partition("are as of `")[2].partition("`")[0]
        assert inspect.signature(function) == inspect.signature(getattr(mpi, other))
        return
    missing = [each for each in inspect.signature(function).parameters if not re.search(rf"\b{each}\b", said)]
    assert missing == []
    sections = ["Parameters", "Returns", "Raises", "Notes"] if name not in ("guard", "prepare") else []
    assert [each for each in sections if f"\n{each}\n---" not in said] == []
    if sections:
        assert re.search(r"^Cost: ", said, re.MULTILINE)
        assert "Source: " in said


def test_a_notice_arrives_as_it_was_sent() -> None:
    sent = Notice(Kind.LEFT, 5, 1 << 40, 7, (1 << 64) - 1, 3, Why.TIMEOUT, 2, "raised Error: schlägt fehl")
    assert Notice.decode(sent.encode()) == sent


def test_a_long_text_is_cut_to_the_size_of_a_notice() -> None:
    sent = Notice(Kind.RAISED, 0, 0, 0, 0, text="é" * 1000)
    data = sent.encode()
    assert len(data) == 512
    assert Notice.decode(data).text.startswith("é" * 200)


@pytest.mark.parametrize(
    ("ranks", "words"),
    [([3], "rank 3"), ([1, 0], "ranks 0-1"), ([0, 5, 1, 2], "ranks 0-2, 5"), ([4, 2], "ranks 2, 4")],
)
def test_ranks_in_words(ranks: list[int], words: str) -> None:
    assert ranks_in_words(ranks) == words


def test_the_fewer_ranks_are_the_odd_ones() -> None:
    error = AgreementError(["a", "b", "b", "c", "b"])
    assert str(error).startswith("the ranks do not agree on what to reduce: ranks 0, 3 differ (rank 0: a; ")
    assert error.by_rank == ("a", "b", "b", "c", "b")


def request(number: int, **metadata: str) -> dict[str, Any]:
    return {"header": {"session": "s", "msg_id": f"s_77_{number}"}, "metadata": metadata}


def test_requests_to_all_engines_are_one_cell() -> None:
    assert len({cells.key_of_request(request(40 + rank), rank) for rank in range(5)}) == 1


def test_another_request_is_another_cell() -> None:
    assert cells.key_of_request(request(40), 0) != cells.key_of_request(request(45), 0)


@pytest.mark.parametrize("name", ["pxengines_cell", "original_msg_id"])
def test_a_client_may_name_the_cell(name: str) -> None:
    keys = {cells.key_of_request(request(number, **{name: "mine"}), 0) for number in (1, 9)}
    assert len(keys) == 1
    assert keys != {cells.key_of_request(request(1), 0)}


def test_other_code_is_another_cell() -> None:
    codes = ({"code": "psum(1)"}, {"code": "psum(2)"}, {})
    assert len({cells.key_of_request({**request(40), "content": content}, 0) for content in codes}) == 3


def test_a_cell_is_left_behind_when_it_has_ended_or_goes_on_after_one_within_it() -> None:
    first, second, within = 101, 102, 103
    cells.begin(first)
    assert cells.straggler({first, second}) is None
    cells.end(None)
    cells.begin(second)
    assert cells.straggler({first, second}) == (first, True)
    cells.begin(within, within=True)
    assert cells.straggler({second, within}) == (second, False)
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(cells.straggler({first, second})))
    thread.start()
    thread.join()
    assert seen == [None]  # it goes on while cells come and go
    cells.end(None)
    assert cells.current == second
    assert cells.straggler({second, within}) == (within, True)
    cells.end(None)
    cells.begin(first)  # once more
    assert cells.straggler({first}) is None
    cells.end(None)


def test_slots_are_as_small_as_possible_and_not_too_large_for_many_ranks() -> None:
    assert level_of(8, 2) == 0
    assert SLOT_BYTES[level_of(8000, 2)] == 8064
    assert SLOT_BYTES[level_of(64_000, 2)] == 65408
    assert level_of(64_000, 4) == 0
    assert level_of(1 << 20, 2) == 0
    assert level_of(8, 1000) == 0


def facts_of(process: subprocess.Popen[bytes]) -> Any:
    """Return the facts that `process` would tell."""
    facts = peers.my_facts()
    facts[:2] = process.pid, peers._started(process.pid)
    return facts


def test_the_end_of_a_rank_on_this_host_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_LOOK_SECONDS", 0.0)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        elsewhere = peers.my_facts()
        elsewhere[0], elsewhere[2] = 1, 0
        known = peers.Peers(np.stack([peers.my_facts(), facts_of(process), elsewhere]), rank=0)
        assert known.find_dead() is None
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie counts as ended
        words = f"has ended (process {process.pid} on {socket.gethostname()})"
        assert known.find_dead() == (1, words)
    assert known.find_dead() == (1, words)
