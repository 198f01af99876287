"""Answers and scores brought together: what people, taken together, say of each removal that the judge has scored."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.settings import ALL, AUTO, DAWID_SKENE, ENOUGH_SETTLED, MAJORITY, MANY, OF_EACH, THREE
from data_tools.parts import hash_of
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.labels.aggregation import JUDGED, aggregate
from rorem.labels.event import JUDGEMENT, Event

OTHERS = "answers to removals that are not in this set"
SEVERAL = "answers that fit several removals of this set"
TIE = "removals on which the answers are evenly split"
WRONG_MASK = "removals of which people only say that the mask is wrong"
EVEN = 1e-6  # a probability no further from one half is a tie


@dataclass(frozen=True)
class Scored:
    """A removal with the judge's score. id: hash of source, mask and result; sample: of source and mask."""

    name: str
    id: str
    sample: str
    method: str
    category: str
    raw: float


@dataclass(frozen=True)
class Known:
    """A scored removal with people's verdict. likely: how likely a yes is by the answers; answers: of yes or no."""

    scored: Scored
    yes: bool
    likely: float
    answers: int


def known_of(scored: Sequence[Scored], answers: Iterable[Answer], how: str, tally: Tally) -> tuple[list[Known], str]:
    """A verdict for each scored removal that people agree on, in the order of ids; and by which model.

    how: "majority", "dawid-skene", or "auto": the latter where every answer says whose it is, one removal at least has
    several, and crowd-kit is there. Raises Unavailable without crowd-kit, if it is asked for; BadData if the answers do
    not say whose they are.
    """
    joined = list(_joined(scored, answers, tally))
    how = _model(how, joined)
    by_id = {one.id: one for one in scored}  # two records may be the same removal
    likely = _by_model(joined) if how == DAWID_SKENE else _by_majority(joined)
    counts = Counter(item for item, answer in joined if answer.verdict in JUDGED)
    found = []
    for item in sorted({item for item, _ in joined}):
        if item not in likely:
            tally.add(WRONG_MASK, by_id[item].name)
        elif abs(likely[item] - 0.5) <= EVEN:
            tally.add(TIE, by_id[item].name)
        else:
            found.append(Known(by_id[item], likely[item] > 0.5, likely[item], counts[item]))
    return found, how


def chosen(known: Sequence[Known], use: str, one_a_photo: bool) -> tuple[list[Known], str]:
    """Those that a calibration goes by, and which they are: "three" or "all".

    Removals with three answers or more go first: where there are enough of them, no others count. one_a_photo: of
    several on one photo with its mask one is kept, drawn by a hash.
    """
    settled = [one for one in known if one.answers >= MANY]
    good = sum(one.yes for one in settled)
    enough = len(settled) >= ENOUGH_SETTLED and min(good, len(settled) - good) >= OF_EACH
    only = use == THREE or (use == AUTO and enough)
    found = settled if only else list(known)
    if one_a_photo:
        by_sample: dict[str, Known] = {}
        for one in sorted(found, key=lambda one: hash_of("kept", one.scored.id)):
            by_sample.setdefault(one.scored.sample, one)
        found = sorted(by_sample.values(), key=lambda one: one.scored.id)
    return found, THREE if only else ALL


def _joined(scored: Sequence[Scored], answers: Iterable[Answer], tally: Tally) -> Iterable[tuple[str, Answer]]:
    """Each answer with the id of the removal that it is about."""
    ids = {one.id for one in scored}
    called: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in scored:
        for word in {one.name, one.sample}:
            called[word].add((one.id, one.method))
    for answer in answers:
        found = {answer.item} & ids if answer.item else _called(called, answer)
        if len(found) == 1:
            yield found.pop(), answer
        else:
            tally.add(SEVERAL if found else OTHERS, answer.item or answer.sample or answer.name)


def _called(called: Mapping[str, set[tuple[str, str]]], answer: Answer) -> set[str]:
    words = [word for word in (answer.sample, answer.name) if word]
    fitting = [{id for id, method in called.get(word, ()) if answer.method in ("", method)} for word in words]
    return set.intersection(*fitting) or set.union(*fitting)


def _model(how: str, joined: Sequence[tuple[str, Answer]]) -> str:
    signed = all(answer.annotator for _, answer in joined)
    if how == DAWID_SKENE and not signed:
        raise BadData(
            "Not every answer says whose it is, so people cannot be weighed against each other.",
            "Take --verdicts majority.",
        )
    if how != AUTO:
        return how
    judged = Counter(item for item, answer in joined if answer.verdict in JUDGED)
    if not signed or max(judged.values(), default=0) < 2:
        return MAJORITY  # nothing can be learnt of anybody
    try:
        import crowdkit.aggregation  # noqa: F401
    except ImportError:
        return MAJORITY
    return DAWID_SKENE


def _by_model(joined: Sequence[tuple[str, Answer]]) -> dict[str, float]:
    events = [Event("", JUDGEMENT, answer.annotator, answer.verdict, item) for item, answer in joined]
    return {item: one.p_yes for item, one in aggregate(events).items() if one.p_yes is not None}


def _by_majority(joined: Sequence[tuple[str, Answer]]) -> dict[str, float]:
    """1, 0, or one half for a tie."""
    balance: Counter[str] = Counter()
    judged = [(item, answer) for item, answer in joined if answer.verdict in JUDGED]
    for item, answer in judged:
        balance[item] += 1 if answer.verdict == "yes" else -1
    return {item: 0.5 if not balance[item] else float(balance[item] > 0) for item, _ in judged}
