"""What was left out, told in a few lines."""

from __future__ import annotations

from data_tools.tally import EXAMPLES, Tally


def test_kinds_are_counted_and_the_first_are_named() -> None:
    tally = Tally()
    for number in range(1200):
        tally.add("cut by the border", f"{number}.png")
    tally.add("unreadable", "x.png", "it is empty")
    tally.add("duplicate")
    lines = list(tally.lines())
    assert lines[0].startswith("1,200 cut by the border: 0.png, 1.png") and lines[0].endswith("4.png, ...")
    assert lines[1:] == ["1 duplicate", "1 unreadable: x.png (it is empty)"]
    assert tally.total == 1202


def test_what_others_counted_is_added() -> None:
    mine, other = Tally(), Tally()
    for number in range(EXAMPLES + 1):
        mine.add("odd", f"a{number}")
        other.add("odd", f"b{number}")
    other.add("new", "n")
    mine.join(other)
    assert mine.counts == {"odd": 2 * EXAMPLES + 2, "new": 1}
    assert mine.examples == {"odd": [f"a{number}" for number in range(EXAMPLES)], "new": ["n"]}
