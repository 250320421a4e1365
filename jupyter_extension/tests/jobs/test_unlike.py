"""Which jobs of a reading are other objects than before."""

from __future__ import annotations

from jupyterlab_engines.jobs.unlike import unlike


def test_the_same_objects_are_left_out_and_equal_ones_are_not() -> None:
    same, equal = [1], [2]
    assert unlike({"b": [3], "a": same, "c": [2]}, {"a": same, "c": equal, "gone": [4]}) == ["b", "c"]


def test_of_a_first_reading_all_are_new() -> None:
    assert unlike({"a": 1, "b": 2}, {}) == ["a", "b"]
