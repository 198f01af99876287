"""Who is to blame when workers die: the part, then the record, and in the end no record at all."""

from __future__ import annotations

import pytest

from data_tools.engine.deaths import FATAL, Begun, Careful, Deaths
from data_tools.engine.on_ray import hopeless
from data_tools.generate.work import MakeWork, Work
from data_tools.parts import Part
from rorem.errors import RoremError


def run(deaths: Deaths, parts: dict[int, list[int]], deadly: set[int], careful: bool = True) -> list[int]:
    """What is left out, when one worker does the parts and dies at some records. Raises RoremError as Ray's would."""
    left_out = []
    for number, indices in parts.items():
        while True:
            begun = deaths.begin(number)
            if begun.hopeless:
                raise hopeless(Part(number, len(parts), tuple(indices)), begun)
            for index in indices:
                if careful and begun.again:
                    if index in begun.fatal:
                        left_out.append(index)
                        continue
                    deaths.trying(number, index)
                if index in deadly:
                    break
            else:
                deaths.end(number)
                break
            left_out = [index for index in left_out if index not in indices]
    return left_out


def test_what_ends_workers_is_left_out_and_nothing_else() -> None:
    parts = {number: list(range(10 * number, 10 * number + 10)) for number in range(9)}
    assert run(Deaths(8), parts, set()) == []
    assert run(Deaths(8), parts, {0, 7, 33, 89}) == [0, 7, 33, 89]


def test_a_machine_that_is_lost_is_no_records_fault() -> None:
    deaths = Deaths(20)
    assert deaths.begin(3) == Begun(False, frozenset(), 0, None, False)
    assert deaths.begin(3) == Begun(True, frozenset(), 1, None, False)
    deaths.trying(3, 31)
    for _ in range(FATAL - 1):
        assert deaths.begin(3).fatal == frozenset()
    deaths.end(3)
    assert deaths.begin(3) == Begun(False, frozenset(), 0, None, False)


@pytest.mark.parametrize(("careful", "where"), [(True, "at record "), (False, "at part 00000-of-00001")])
def test_where_workers_only_die_the_run_ends(careful: bool, where: str) -> None:
    with pytest.raises(RoremError, match="13 workers in a row have died") as raised:
        run(Deaths(12), {0: list(range(100))}, set(range(100)), careful)
    assert where in raised.value.advice and "part 00000-of-00001" in raised.value.advice


def test_removals_can_be_done_with_care() -> None:
    assert isinstance(Work.__new__(Work), Careful) and not isinstance(MakeWork.__new__(MakeWork), Careful)
