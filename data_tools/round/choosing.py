"""Which records make up a round: a pure function of what is known of them. No picture is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from data_tools.near import alike, near_pairs, nearest
from data_tools.round.item import Item
from data_tools.round.judged import Score
from data_tools.round.people import Said
from data_tools.round.settings import NEAR as NEARBY
from rorem.errors import BadData
from rorem.triplet.sets import Names

PREVIOUS, GENERATED, LABELLED = "previous", "generated", "labelled"
HUMAN, JUDGE, TRUTH, NONE = "human", "judge", "truth", "none"  # accepted_by
ORDER = (TRUTH, HUMAN, JUDGE, NONE)  # the better ones first

REFUSED = "people said no"
EMPTY = "neither a removal nor a truth"
NOT_SCORED, BELOW = "nobody judged it", "the judge did not accept it"
SAME_PHOTO, LIKE_PHOTO = "a photo of it is in an evaluation set", "a photo of it looks like one of an evaluation set"
TWICE = "the same removal is there already"
WORSE = "another result of the same photo and mask is better"
NEAR = "a near-duplicate is there already"
FIX = "Check that these are the sets, answers and scores that were meant."


@dataclass(frozen=True, eq=False)
class Found:
    """What is known of a set. kind: previous, generated or labelled."""

    kind: str
    items: Sequence[Item]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A record that was accepted. input: the number of its set. The rest goes into the record; see `Triplet`.

    raw, calibration: what the judge gave it before calibration, and the id of that; None and "" without a judge.
    """

    input: int
    item: Item
    name: str
    round: int
    accepted_by: str
    p_yes: float | None
    votes_yes: int
    votes_no: int
    raw: float | None = None
    calibration: str = ""


@dataclass(frozen=True, eq=False)
class LeftOut:
    """A record that was accepted and yet did not stay, or was in a previous set and did not. twin: the id of the one
    that stands for it, or the name of the photo that it is too much like; "" for none."""

    pair: Pair
    why: str
    twin: str = ""


@dataclass(frozen=True)
class Step:
    """How many records were left out for a reason, and how many stayed."""

    what: str
    out: int
    left: int


@dataclass(frozen=True, eq=False)
class Photos:
    """Of evaluation sets: photos, truths and results, as what is a truth here is the photo of another record there.
    files: hash of each one's file. looks: perceptual hashes. names: of the records; all by position.
    near: bits in which a photo that looks like one of them may differ.
    """

    files: Sequence[str] = ()
    looks: Sequence[int] = ()
    names: Sequence[str] = ()
    near: int = NEARBY


@dataclass(frozen=True, eq=False)
class Chosen:
    """pairs: in the order of inputs and of records in them, with names unlike each other."""

    pairs: list[Pair]
    left_out: list[LeftOut]
    steps: list[Step]


@dataclass
class _Choosing:
    """The pairs that are left, best first, and why others went."""

    pairs: list[Pair]
    left_out: list[LeftOut] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def drop(self, why: str, find: Callable[[list[Pair]], Mapping[int, str]]) -> None:
        """find: which of the pairs go, by position, each with its twin. Raises BadData if nothing is left."""
        gone = find(self.pairs)
        self.left_out += [LeftOut(self.pairs[at], why, twin) for at, twin in gone.items()]
        self.pairs = [pair for at, pair in enumerate(self.pairs) if at not in gone]
        self.steps.append(Step(why, len(gone), len(self.pairs)))
        if not self.pairs:
            raise BadData(f"Nothing is left of {len(gone):,} accepted records: of every one, {why}.", FIX)


def choose(
    found: Sequence[Found],
    said: Mapping[str, Said],
    scores: Mapping[str, Score],
    keep_out: Photos,
    near: int | None,
    round: int,
) -> Chosen:
    """Chooses the records of a round; see `settings.RULE` for which one of several stays.

    found: the sets in the order in which they were named. said, scores: by the id of the removal. keep_out: what may be
    in no record, as its photo, its result or its truth. near: bits in which photos of near-duplicates differ, None =
    only what is equal counts. round: of what is new.
    Raises BadData if nothing is left.
    """
    accepted, refused, steps = _accepted(found, said, scores, round)
    if not accepted:
        raise BadData(f"None of {steps[0].left:,} records was accepted by anybody.", FIX)
    choosing = _Choosing(sorted(accepted, key=_precedence), refused, steps)
    choosing.drop(SAME_PHOTO, lambda pairs: _same_photos(pairs, keep_out))
    choosing.drop(LIKE_PHOTO, lambda pairs: _like_photos(pairs, keep_out))
    choosing.drop(TWICE, lambda pairs: _repeated(pairs, [pair.item.id for pair in pairs]))
    choosing.drop(WORSE, lambda pairs: _repeated(pairs, [pair.item.sample for pair in pairs]))
    if near is not None:
        choosing.drop(NEAR, lambda pairs: _near(pairs, near))
    ordered = sorted(choosing.pairs, key=_place)
    return Chosen(list(_named(ordered)), sorted(choosing.left_out, key=lambda one: _place(one.pair)), choosing.steps)


def _accepted(
    found: Sequence[Found], said: Mapping[str, Said], scores: Mapping[str, Score], round: int
) -> tuple[list[Pair], list[LeftOut], list[Step]]:
    """What somebody accepted; what was in a previous set and people refused; and how many were read and left."""
    accepted: list[Pair] = []
    refused: list[LeftOut] = []
    why_not: dict[str, int] = dict.fromkeys((EMPTY, REFUSED, NOT_SCORED, BELOW), 0)
    for number, one in enumerate(found):
        for item in one.items:
            pair, why = _judged(number, one.kind, item, said.get(item.id, Said()), scores.get(item.id), round)
            if not why:
                accepted.append(pair)
                continue
            why_not[why] += 1
            if one.kind == PREVIOUS:
                refused.append(LeftOut(pair, why))
    left = sum(len(one.items) for one in found)
    steps = [Step("read", 0, left)]
    for why, count in why_not.items():
        left -= count
        steps.append(Step(why, count, left))
    return accepted, refused, steps


def _judged(number: int, kind: str, item: Item, said: Said, score: Score | None, round: int) -> tuple[Pair, str]:
    """The record as it goes into the set, and why it does not; "" if it does."""
    old = kind == PREVIOUS
    by, p_yes, raw, calibration, why = (_by(item), item.p_yes, None, "", "") if old else (NONE, None, None, "", "")
    if not item.result and not (old and item.truth):
        why = EMPTY
    elif said.refused:
        why = REFUSED
    elif said.accepted and by != TRUTH:
        by, p_yes = HUMAN, said.share
    elif not old and score is None:
        why = NOT_SCORED
    elif not old and score is not None:
        by, p_yes, raw, calibration = JUDGE, score.probability, score.raw, score.calibration
        why = "" if score.accepted else BELOW
    yes, no = (said.yes, said.no) if said.judged else (item.votes_yes, item.votes_no) if old else (0, 0)
    pair = Pair(number, item, item.name, item.round if old else round, by, p_yes, yes, no, raw, calibration)
    return pair, why


def _by(item: Item) -> str:
    """Who or what accepted a record of a previous set. Where nobody says it, a truth speaks for itself."""
    if item.accepted_by == NONE and item.truth and not item.result:
        return TRUTH
    return item.accepted_by if item.accepted_by in ORDER else NONE


def _precedence(pair: Pair) -> tuple[float, ...]:
    p_yes = -1.0 if pair.p_yes is None else pair.p_yes
    return (ORDER.index(pair.accepted_by), -p_yes, pair.votes_no - pair.votes_yes, *_place(pair))


def _place(pair: Pair) -> tuple[int, int]:
    return pair.input, pair.item.at


def _named(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """With names unlike each other: the second "beach" is "beach-2"."""
    names = Names()
    for pair in pairs:
        name = names.add(pair.name)
        yield pair if name == pair.name else replace(pair, name=name)


def _same_photos(pairs: Sequence[Pair], photos: Photos) -> dict[int, str]:
    names = dict(zip(photos.files, photos.names, strict=True))
    met = ((at, digits) for at, pair in enumerate(pairs) for digits, _ in pair.item.pictures if digits in names)
    gone: dict[int, str] = {}
    for at, digits in met:
        gone.setdefault(at, names[digits])
    return gone


def _like_photos(pairs: Sequence[Pair], photos: Photos) -> dict[int, str]:
    told = [(at, look) for at, pair in enumerate(pairs) for _, look in pair.item.pictures]
    looks, which = np.unique(np.array([look for _, look in told], np.uint64), return_inverse=True)
    others, first = np.unique(np.array(photos.looks, np.uint64), return_index=True)
    found = nearest(looks, others, photos.near)[which]
    gone: dict[int, str] = {}
    for one in np.flatnonzero(found >= 0).tolist():
        gone.setdefault(told[one][0], photos.names[int(first[found[one]])])
    return gone


def _repeated(pairs: Sequence[Pair], keys: Sequence[str]) -> dict[int, str]:
    """Those whose key was there before."""
    first: dict[str, str] = {}
    gone: dict[int, str] = {}
    for at, (pair, key) in enumerate(zip(pairs, keys, strict=True)):
        if key in first:
            gone[at] = first[key]
        else:
            first[key] = pair.item.id
    return gone


def _near(pairs: Sequence[Pair], distance: int) -> dict[int, str]:
    """Those whose photo and mask are like those of a better one that stays: so no chain of likenesses is followed."""
    looks, which = np.unique(np.array([pair.item.look for pair in pairs], np.uint64), return_inverse=True)
    places = np.array([(i.left, i.top, i.right, i.bottom, i.share) for i in (pair.item for pair in pairs)])
    others: dict[int, list[int]] = {}
    for one, other in near_pairs(looks, distance).tolist():
        others.setdefault(one, []).append(other)
        others.setdefault(other, []).append(one)
    alone = np.bincount(which) == 1
    kept: dict[int, list[int]] = {}  # positions of what stays, by look
    gone: dict[int, str] = {}
    for at, look in enumerate(which.tolist()):
        if alone[look] and look not in others:
            continue
        rivals = [rival for near in (look, *others.get(look, ())) for rival in kept.get(near, ())]
        like = np.flatnonzero(alike(places[at], places[rivals])) if rivals else np.zeros(0, np.int64)
        if like.size:
            gone[at] = pairs[min(rivals[one] for one in like.tolist())].item.id
        else:
            kept.setdefault(look, []).append(at)
    return gone
