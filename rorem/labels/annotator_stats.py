"""What can be told of each annotator, by pseudonym: pace, right answers on gold items, agreement with themselves."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from rorem.labels.current import Current
from rorem.labels.event import Event

# Whoever waits for a light needs about 0.2 s to press a key. To look at a picture, to choose among four answers and to
# press takes longer for anybody, so an answer within 0.4 s was not given to what was on the screen.
TOO_FAST = 0.4  # s
Z95 = 1.959963984540054  # of the normal distribution


@dataclass(frozen=True)
class Share:
    """So many of so many. `value` is 0 to 1, `interval` its 95 % Wilson interval; both None where whole is 0."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.part, self.whole) if self.whole else None


@dataclass(frozen=True)
class Annotator:
    """id: a pseudonym. answers: of all kinds, skips, gold items and repeats included. pace: s, the median; None without
    answers.

    yes: of yes and no. gold: right ones, of yes and no on gold items. self_agreement: the same again, of repeats where
    both answers are yes or no. too_fast: answers within 0.4 s.
    """

    id: str
    answers: int
    pace: float | None
    yes: Share
    gold: Share
    self_agreement: Share
    too_fast: Share


def annotators(state: Current, gold: Mapping[str, str]) -> list[Annotator]:
    """All who answered items of the queue, the busiest first. gold: the known answers, by item."""
    answers, checks = _by(state.answers), _by(state.gold)
    repeats: dict[str, list[tuple[Event, Event]]] = defaultdict(list)
    for first, again in state.repeats:
        repeats[again.annotator].append((first, again))
    found = [
        _annotator(id, answers[id], checks[id], repeats[id], gold)
        for id in dict.fromkeys((*answers, *checks, *repeats))
    ]
    return sorted(found, key=lambda one: (-one.answers, one.id))


def wilson(part: int, whole: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval of a share (1927): sound for few cases, and for shares near 0 and 1. whole > 0."""
    share, spread = part / whole, z * z / whole
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / whole + spread / (4 * whole)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def _by(some: tuple[Event, ...]) -> defaultdict[str, list[Event]]:
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for one in some:
        found[one.annotator].append(one)
    return found


def _annotator(
    id: str,
    answers: list[Event],
    checks: list[Event],
    repeats: list[tuple[Event, Event]],
    gold: Mapping[str, str],
) -> Annotator:
    every = [*answers, *checks, *(again for _, again in repeats)]
    seconds = [one.seconds for one in every]
    judged = [one for one in answers if one.verdict in ("yes", "no")]
    known = [one for one in checks if one.verdict in ("yes", "no") and gold.get(one.item)]
    again = [pair for pair in repeats if all(one.verdict in ("yes", "no") for one in pair)]
    return Annotator(
        id=id,
        answers=len(every),
        pace=statistics.median(seconds) if seconds else None,
        yes=Share(sum(one.verdict == "yes" for one in judged), len(judged)),
        gold=Share(sum(one.verdict == gold[one.item] for one in known), len(known)),
        self_agreement=Share(sum(first.verdict == second.verdict for first, second in again), len(again)),
        too_fast=Share(sum(value < TOO_FAST for value in seconds), len(seconds)),
    )
