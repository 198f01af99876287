"""What holds at present: all events in, the answers that count out.

An event is never changed, so its meaning follows from those after it. A chain is an answer with all that superseded it,
one after the other. Its last event is what its annotator says now; an undo at the end says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rorem.labels.event import JUDGEMENT, VOTE, Event


@dataclass(frozen=True)
class Chain:
    """Events of one annotator on one item, each superseding the one before it; at least one."""

    events: tuple[Event, ...]

    @property
    def answer(self) -> Event | None:
        """What holds, or None after an undo."""
        return None if is_undo(self.events[-1]) else self.events[-1]


@dataclass(frozen=True)
class Current:
    """All in the order of writing. answers: those that count, one for each annotator and item; skips are among them.

    The first chain of an annotator on an item is what counts, also where it was taken back and nothing came after.
    repeats: the answer that counts, and what the same annotator said when asked again unawares. gold: to items whose
    answer is known. public: visitors on their own removals. votes: which of two is better.
    """

    answers: tuple[Event, ...]
    repeats: tuple[tuple[Event, Event], ...]
    gold: tuple[Event, ...]
    public: tuple[Event, ...]
    votes: tuple[Event, ...]


def is_undo(event: Event) -> bool:
    """Whether it takes an answer back and says nothing itself."""
    return event.verdict == "skip" and not event.handout and bool(event.supersedes)


def current(events: Iterable[Event]) -> Current:
    """What holds after these events, which are in the order of writing. Reads them once."""
    counting: dict[tuple[str, str], Event | None] = {}  # None: taken back
    repeats: list[tuple[Event, Event]] = []
    live: list[Event] = []
    for chain in chains(events):
        root, answer = chain.events[0], chain.answer
        if answer is not None:
            live.append(answer)
        if root.kind != JUDGEMENT or root.source != "annotator":
            continue
        key = (root.annotator, root.item)
        if key not in counting:
            counting[key] = answer
        elif answer is not None and (first := counting[key]) is not None:
            repeats.append((first, answer))
    judged = [one for one in live if one.kind == JUDGEMENT]
    return Current(
        answers=tuple(one for one in counting.values() if one is not None),
        repeats=tuple(repeats),
        gold=tuple(one for one in judged if one.source == "gold"),
        public=tuple(one for one in judged if one.source == "public"),
        votes=tuple(one for one in live if one.kind == VOTE),
    )


def chains(events: Iterable[Event]) -> list[Chain]:
    """All chains, in the order of their first events.

    Nobody can supersede another's event, or one on another item: such an event is a chain of its own.
    """
    known = {one.event: one for one in events}
    next_of: dict[str, Event] = {}
    later: set[str] = set()
    for one in known.values():
        before = known.get(one.supersedes)
        if before is not None and _about(before) == _about(one):
            next_of[before.event] = one
            later.add(one.event)
    return [_from(one, next_of) for one in known.values() if one.event not in later]


def _about(event: Event) -> tuple[str, ...]:
    return event.annotator, event.kind, event.source, event.item, event.item_a, event.item_b


def _from(event: Event, next_of: dict[str, Event]) -> Chain:
    found = [event]
    while (after := next_of.get(found[-1].event)) is not None:
        found.append(after)
    return Chain(tuple(found))
