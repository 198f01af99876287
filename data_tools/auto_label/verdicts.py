"""Answers and scores brought together: what people, taken together, say of each removal that the judge has scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.said import counted, joined
from data_tools.auto_label.settings import ALL, AUTO, DAWID_SKENE, ENOUGH_SETTLED, MANY, THREE
from data_tools.parts import hash_of
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.labels.aggregation import posterior
from rorem.labels.event import JUDGEMENT, Event

EVEN = 1e-6  # a probability no further from one half is a tie


@dataclass(frozen=True)
class Scored:
    """A removal with the judge's score. id: hash of source, mask and result; sample: of source and mask."""

    name: str
    id: str
    sample: str
    method: str
    seed: int
    category: str
    raw: float


@dataclass(frozen=True)
class Known:
    """A scored removal with people's verdict. likely: how likely a yes is by the answers; answers: of any kind."""

    scored: Scored
    yes: bool
    likely: float
    answers: int


def known_of(scored: Sequence[Scored], answers: Iterable[Answer], how: str, tally: Tally) -> list[Known]:
    """A verdict for each scored removal that people have answered, in the order of ids.

    how: "majority", as `round` counts, or "dawid-skene". By either a tie is a no, and so is a mask that is wrong where
    nobody says more: such removals would go into the set with the others, and are no good there.
    Raises Unavailable without crowd-kit, if it is needed; BadData if the answers do not say whose they are and that
    matters, and where there are answers and none is of these removals.
    """
    pairs = joined(scored, answers, tally)
    weighed = _by_model(pairs) if how == DAWID_SKENE else None
    by_id = {one.id: one for one in scored}  # two records may be the same removal
    found = []
    for item, said in sorted(counted((item, answer.verdict) for item, answer in pairs).items()):
        likely = float(said.accepted) if weighed is None else weighed.get(item, 0.0)
        found.append(Known(by_id[item], likely > 0.5 + EVEN, likely, said.answers))
    return found


def chosen(known: Sequence[Known], use: str, one_a_photo: bool) -> tuple[list[Known], str]:
    """Those that a calibration goes by, and which they are: "three" or "all".

    Removals with three answers or more go first: where there are enough of them, no others count. one_a_photo: of
    several on one photo with its mask one is kept, drawn by a hash.
    """
    settled = [one for one in known if one.answers >= MANY]
    only = use == THREE or (use == AUTO and len(settled) >= ENOUGH_SETTLED)
    found = settled if only else list(known)
    if one_a_photo:
        by_sample: dict[str, Known] = {}
        for one in sorted(found, key=lambda one: hash_of("kept", one.scored.id)):
            by_sample.setdefault(one.scored.sample, one)
        found = sorted(by_sample.values(), key=lambda one: one.scored.id)
    return found, THREE if only else ALL


def _by_model(pairs: Sequence[tuple[str, Answer]]) -> dict[str, float]:
    if not all(answer.annotator for _, answer in pairs):
        raise BadData(
            "Not every answer says whose it is, so people cannot be weighed against each other.",
            "Take --verdicts majority.",
        )
    return dict(posterior([Event("", JUDGEMENT, answer.annotator, answer.verdict, item) for item, answer in pairs]))
