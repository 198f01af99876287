"""Nicknames, the pass phrase, and those who guess it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem.errors import BadOptions
from rorem.labels.identity import LONGEST_NAME, NotAllowed
from rorem.ui.label_entry import TRIES, WAIT, Gate, TooMany, nickname


@given(st.text(max_size=200))
def test_a_nickname_is_plain_or_refused(told: str) -> None:
    try:
        name = nickname(told)
    except BadOptions:
        return
    assert 0 < len(name) <= LONGEST_NAME and nickname(name) == name
    assert not set(name) & set('<>&"=+@;,/\\`|\n\r\t\0') and name[0].isalnum()


@pytest.mark.parametrize("name", ["Anna", "anna-2", "O'Brien", "李雷", "Zoë K.", "أحمد", "नमस्ते"])
def test_names_of_people(name: str) -> None:
    assert nickname(name)


def test_guessing_is_slowed_down_for_one_address_alone() -> None:
    now = [0.0]
    gate = Gate("right", lambda: now[0])
    for _ in range(TRIES):
        with pytest.raises(NotAllowed):
            gate.check("wrong", "1.2.3.4")
    with pytest.raises(TooMany):
        gate.check("right", "1.2.3.4")
    gate.check("right", "5.6.7.8")
    now[0] = WAIT + 1
    gate.check(" right ", "1.2.3.4")
    for told in (None, 7, "", "rightright", "\ud800"):
        with pytest.raises(NotAllowed):
            gate.check(told, "9.9.9.9")


def test_without_a_phrase_nobody_is_asked() -> None:
    assert not Gate("").asks and not Gate("  ").asks
    for _ in range(2 * TRIES):
        Gate("").check(None, "1.2.3.4")
