"""One label: what it may hold, and its way through JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem.errors import BadData
from rorem.labels.event import (
    JUDGEMENT,
    LONGEST,
    REASONS,
    SOURCES,
    VERDICTS,
    VOTE,
    Event,
    check,
    from_record,
    new_id,
)
from tests.labels.samples import ANNA, hash_of

GOOD = Event(new_id(), JUDGEMENT, ANNA, "no", item=hash_of("x"), reasons=("shadow",), seconds=1.5, handout=new_id())
ids = st.uuids().map(lambda one: one.hex)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)


@st.composite
def labels(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from((JUDGEMENT, VOTE)))
    verdict = draw(st.sampled_from(VERDICTS[kind]))
    about: dict[str, Any] = (
        {"item": draw(hashes)} if kind == JUDGEMENT else {"item_a": draw(hashes), "item_b": draw(hashes)}
    )
    reasons = tuple(draw(st.permutations(REASONS))[: draw(st.integers(0, 5))]) if verdict == "no" else ()
    return Event(
        event=draw(ids),
        kind=kind,
        annotator=draw(ids),
        verdict=verdict,
        **about,
        reasons=reasons,
        seconds=draw(st.floats(0, LONGEST)),
        order_seed=draw(st.integers(-(2**63), 2**63 - 1)),
        handout=draw(st.just("") | ids),
        source=draw(st.sampled_from(SOURCES)),
        supersedes=draw(st.just("") | ids),
        at=draw(st.integers(0, 2**63 - 1)),
    )


@given(labels())
def test_a_label_comes_back_from_json_as_it_was(label: Event) -> None:
    told = json.loads(json.dumps(asdict(check(label))))
    assert from_record(told) == label and from_record(asdict(label)) == label


@given(labels(), st.data())
def test_a_broken_field_is_refused_with_a_sentence(label: Event, data: st.DataObject) -> None:
    told = asdict(label)
    name = data.draw(st.sampled_from(sorted(told)))
    told[name] = data.draw(st.sampled_from([None, True, [1], {}, "\0", "../../etc/passwd", 2**70, -1.5, [["no"]]]))
    try:
        again = from_record(told)
    except BadData as error:
        assert str(error).endswith(".") and len(str(error)) < 200 and error.fix
        return
    assert check(again) == again  # -1.5 and the like are nowhere allowed; what is left fits


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "x"},
        {"event": GOOD.event.upper() + "\n"},
        {"annotator": ""},
        {"annotator": ANNA + "\n"},
        {"kind": "opinion"},
        {"kind": VOTE},
        {"verdict": "left"},
        {"verdict": "perhaps"},
        {"verdict": "yes"},
        {"item": "../" + hash_of("x")[3:]},
        {"item": ""},
        {"item_a": hash_of("y")},
        {"reasons": ("shadow", "shadow")},
        {"reasons": ("ugly",)},
        {"reasons": ("x" * 10_000_000,)},
        {"reasons": "shadow"},
        {"reasons": (["shadow"],)},
        {"reasons": ["shadow"]},
        {"seconds": float("nan")},
        {"seconds": -0.1},
        {"seconds": 3600.5},
        {"seconds": 1},
        {"seconds": None},
        {"order_seed": 2**63},
        {"order_seed": True},
        {"at": -1},
        {"at": 2**63},
        {"handout": "../x"},
        {"source": "robot"},
        {"supersedes": "1"},
        {"supersedes": GOOD.event},
        {"schema": 0},
        {"schema": 2},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_a_label_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadData) as caught:
        check(replace(GOOD, **changes))
    assert len(caught.value.advice) < 200


@pytest.mark.parametrize("told", [{}, {"event": 1}, {"seconds": 1e999}, {"seconds": 10**400}], ids=range(4))
def test_a_record_that_lacks_what_it_needs_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(BadData):
        from_record(told)


@pytest.mark.parametrize("seconds", [float("inf"), 10**400])
def test_seconds_without_end_are_refused(seconds: float) -> None:
    with pytest.raises(BadData):
        from_record({**asdict(GOOD), "seconds": seconds})


def test_an_unknown_field_is_refused_and_a_whole_number_of_seconds_is_not() -> None:
    told = asdict(GOOD)
    with pytest.raises(BadData, match="no field called 'name'"):
        from_record({**told, "name": "Anna"})
    assert from_record({**told, "seconds": 2}).seconds == 2.0
    with pytest.raises(BadData, match="newer"):
        from_record({**told, "schema": 2})
