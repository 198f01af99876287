"""The line is fair, bounded for each visitor and in all, and nobody's place is lost or taken twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem.ui.line import Busy, Line, Ticket


def test_first_come_first_served() -> None:
    line = Line(places=1, per_visitor=2, longest=5)
    one, two, three = line.join("a"), line.join("b"), line.join("c")
    assert [ticket.position() for ticket in (one, two, three)] == [0, 1, 2]
    assert not two.wait(0.01)
    one.leave()
    assert two.wait(0.01)
    two.leave()
    two.leave()
    assert three.position() == 0


def test_a_visitor_and_the_line_have_limits() -> None:
    line = Line(places=1, per_visitor=2, longest=2)
    line.join("a")
    line.join("a")
    with pytest.raises(Busy, match="several removals"):
        line.join("a")
    line.join("b")
    with pytest.raises(Busy, match="Too many people"):
        line.join("c")


@given(st.integers(1, 3), st.lists(st.integers(0, 4), max_size=40))
def test_never_more_at_work_than_places(places: int, visits: list[int]) -> None:
    line = Line(places, per_visitor=3, longest=6)
    tickets: list[Ticket] = []
    for number in visits:
        if number == 4 and tickets:
            tickets.pop(0).leave()
            continue
        try:
            tickets.append(line.join(str(number)))
        except Busy:
            continue
    at_work = [ticket for ticket in tickets if ticket.position() == 0]
    assert len(at_work) == min(places, len(tickets))
    assert at_work == tickets[: len(at_work)]
