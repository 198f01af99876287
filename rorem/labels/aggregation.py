"""One verdict an item from the answers of several: by majority, and by Dawid and Skene's model of the annotators."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rorem.errors import Unavailable
from rorem.labels.event import Event

JUDGED = ("yes", "no")
STEPS = 100  # of the model's fit; it has converged long before


@dataclass(frozen=True)
class Verdict:
    """yes, no, mask_wrong: answers. p_yes: the posterior probability of a yes, 0 to 1; None without a yes or no.

    mask_wrong says nothing of the removal, so it is counted apart and shapes neither the majority nor p_yes.
    """

    yes: int
    no: int
    mask_wrong: int
    p_yes: float | None

    @property
    def majority(self) -> str:
        """yes or no; "" for a tie, and without either."""
        return "" if self.yes == self.no else "yes" if self.yes > self.no else "no"


def aggregate(answers: Iterable[Event]) -> dict[str, Verdict]:
    """A verdict for each item that has a yes, a no or a mask_wrong. answers: those that count. Raises Unavailable."""
    answers = tuple(answers)
    counts: dict[str, dict[str, int]] = {}
    for one in answers:
        if one.verdict != "skip":
            found = counts.setdefault(one.item, {"yes": 0, "no": 0, "mask_wrong": 0})
            found[one.verdict] += 1
    likely = posterior(answers)
    return {item: Verdict(**found, p_yes=likely.get(item)) for item, found in counts.items()}


def posterior(answers: Sequence[Event]) -> Mapping[str, float]:
    """The probability of a yes for each item, by the model of Dawid and Skene (1979): every annotator has a rate of
    right answers for good removals and one for bad removals, found together with the answers by maximum likelihood.

    Where each item has one answer nothing can be learnt of anybody, and the answer is taken as it is.
    Raises Unavailable without crowd-kit.
    """
    judged = [one for one in answers if one.verdict in JUDGED]
    if not judged:
        return {}
    try:
        import pandas
        from crowdkit.aggregation import DawidSkene
    except ImportError as error:
        fix = "pip install 'rorem[labels]' brings it."
        raise Unavailable("Weighing answers against each other needs the package crowd-kit.", fix) from error
    rows = {
        "task": [one.item for one in judged],
        "worker": [one.annotator for one in judged],
        "label": [one.verdict for one in judged],
    }
    with warnings.catch_warnings():  # of what crowd-kit will have to change for a later pandas
        warnings.simplefilter("ignore", DeprecationWarning)
        found: Any = DawidSkene(n_iter=STEPS).fit(pandas.DataFrame(rows)).probas_
    yes = found["yes"] if "yes" in found else found["no"] * 0.0  # nobody said yes
    return {str(item): min(1.0, max(0.0, float(value))) for item, value in yes.items()}
