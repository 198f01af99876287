"""What a judge is worth on what it was not calibrated on: each method, and each category, in turn.

A judge may favour removals like those that it learned from; the published one learned from its own family's. Then a
calibration on other methods promises too much for that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from data_tools.auto_label.bound import interval
from data_tools.auto_label.calibrating import Columns, calibrate
from data_tools.auto_label.reliability import Error, expected_error
from data_tools.auto_label.settings import Settings
from data_tools.auto_label.verdicts import Known
from rorem.metrics.intervals import wilson

LEAST = 30  # answered removals of a group: below that nothing can be said of it
MOST = 40  # groups, the largest; each is a calibration of its own
KEPT, NOT_KEPT, OPEN = "kept", "not kept", "open"


@dataclass(frozen=True)
class Left:
    """A group judged by a calibration on the others. answers: removals of it that people have judged; yes: accepted.

    predicted: the mean probability that the others' calibration gives them, None without a curve; favour: how much that
    is above the share of yes, with a 95 % interval (above 0, the judge favours the group). accepted: by the others'
    threshold; precision of these and its two-sided interval, None without any. promise: whether the wanted precision is
    kept there, not kept, or open. why: the others show no threshold; "" if they do.
    """

    group: str
    answers: int
    yes: int
    predicted: float | None = None
    favour: tuple[float, float, float] | None = None
    error: Error | None = None
    accepted: int | None = None
    precision: float | None = None
    low: float | None = None
    high: float | None = None
    promise: str = OPEN
    why: str = ""


def by_group(
    known: Sequence[Known], group: Callable[[Known], str], settings: Settings, judge: str, revision: str
) -> Iterator[Left]:
    """Each group with enough answers, by name. known: as `chosen` gives them; those without a group only help."""
    sizes = Counter(group(one) for one in known)
    large = [name for name, count in sizes.most_common() if name and count >= LEAST and count < len(known)]
    for name in sorted(large[:MOST]):
        inside = [one for one in known if group(one) == name]
        others = [one for one in known if group(one) != name]
        yield _left(name, inside, others, settings, judge, revision)


def _left(
    name: str, inside: Sequence[Known], others: Sequence[Known], settings: Settings, judge: str, revision: str
) -> Left:
    made, columns = calibrate(others, settings, judge, revision, checked=False).calibration, Columns.of(inside)
    count, yes = len(inside), int(columns.yes.sum())
    left = Left(name, count, yes)
    predicted = made.probability(columns.raw)
    if predicted is not None:
        mean = float(predicted.mean())
        low, high = wilson(yes, count)
        error = expected_error(predicted, columns.yes, columns.samples, settings.bins, settings.seed)
        left = replace(left, predicted=mean, favour=(mean - yes / count, mean - high, mean - low), error=error)
    if made.threshold is None or made.fallback:
        return replace(left, why=made.reason)
    accepted = made.accepts(columns.raw)
    n, good = int(accepted.sum()), int(columns.yes[accepted].sum())
    if not n:
        return replace(left, accepted=0)
    least, most = interval(good, n, settings.confidence)
    promise = KEPT if least >= settings.wanted else NOT_KEPT if most < settings.wanted else OPEN
    return replace(left, accepted=n, precision=good / n, low=least, high=most, promise=promise)
