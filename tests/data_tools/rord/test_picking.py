"""Sharp frames, and each unlike the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data_tools.rord.layout import Frame
from data_tools.rord.picking import ALIKE, MORE, Glance, apart, sharp_enough, unlike, usual_sharpness


def looked(name: str, sharp: float = 1, at: int = 0) -> Glance:
    """A frame whose thing stands in a column of eight."""
    thumb, goes = np.zeros((4, 8), np.float32), np.zeros((4, 8), bool)
    thumb[:, at], goes[:, at] = 255, True
    return Glance(Frame(name, Path(name), None, None, None), sharp, thumb, goes)


def used(glances: list[Glance], most: int = 9, least: float = 0.1, bad: tuple[str, ...] = ()) -> tuple[list[str], dict]:
    names: list[str] = []

    def use(one: Glance) -> bool:
        if one.frame.name not in bad:
            names.append(one.frame.name)
        return one.frame.name not in bad

    return names, {one.frame.name: reason.kind for one, reason in unlike(glances, most, least, use)}


def test_how_far_frames_are_apart() -> None:
    assert apart(looked("a"), looked("b")) == 0 and apart(looked("a"), looked("b", at=3)) == 1


def test_the_sharpest_of_those_alike_is_used() -> None:
    names, passed = used([looked("a", 1), looked("b", 3), looked("c", 2), looked("d", 1, at=4)])
    assert names == ["b", "d"] and passed == {"a": ALIKE, "c": ALIKE}


def test_no_more_than_are_asked_for() -> None:
    names, passed = used([looked(str(at), 9 - at, at) for at in range(6)], most=2)
    assert names == ["0", "1"] and set(passed.values()) == {MORE} and len(passed) == 4


def test_what_makes_no_pair_takes_no_place() -> None:
    names, passed = used([looked("a", 3), looked("b", 2), looked("c", 1)], bad=("a",))
    assert names == ["b"] and passed == {"c": ALIKE}


@given(st.lists(st.tuples(st.floats(0.1, 10), st.integers(0, 7)), max_size=12), st.integers(1, 5))
def test_every_frame_is_used_or_told(drawn: list[tuple[float, int]], most: int) -> None:
    glances = [looked(f"{number:02}", *one) for number, one in enumerate(drawn)]
    names, passed = used(glances, most)
    assert sorted([*names, *passed]) == [one.frame.name for one in glances]
    assert len(names) == min(most, len({at for _, at in drawn}))
    assert used(list(reversed(glances)), most)[0] == names


def test_blurred_frames_are_told() -> None:
    glances = [looked("a", 10), looked("b", 9), looked("c", 2)]
    kept, blurred = sharp_enough(glances, usual_sharpness(glances), 0.6)
    assert [one.frame.name for one in kept] == ["a", "b"]
    (((one, reason)),) = blurred
    assert one.frame.name == "c" and reason.why == "22% of the usual sharpness"
    assert (
        sharp_enough([], usual_sharpness([]), 0.6) == ([], []) and len(sharp_enough([looked("a", 0)], 0, 0.6)[0]) == 1
    )
    assert usual_sharpness([looked("a", 1), looked("b", 4)]) == 2.5
