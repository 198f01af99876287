"""All that a report tells of a calibration: what it is, how well it holds, and for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data_tools.auto_label.answers import Answer
from data_tools.auto_label.bound import Look
from data_tools.auto_label.calibrating import calibrate
from data_tools.auto_label.calibration import Calibration
from data_tools.auto_label.left_out import Left, by_group
from data_tools.auto_label.reliability import Bin, Error, bins, expected_error
from data_tools.auto_label.settings import DAWID_SKENE, Settings
from data_tools.auto_label.verdicts import Known, Scored, chosen, known_of
from data_tools.tally import Tally

UNLIKE = 0.001  # a p value: scores of answered removals that differ so much from the others' are told
SAME_PHOTO = (
    "Some of the answered removals are of the same photo and mask. The bound takes them as independent, which they are "
    "not quite; --one-per-photo counts one of each."
)
OTHER_SCORES = (
    "The answered removals score differently from the others (Kolmogorov-Smirnov, p = {p:.1g}). What was shown holds "
    "for removals like the answered ones."
)
WEIGHED = (
    "The threshold goes by people weighed against each other, and so does its promise. data_tools.round counts heads."
)
UNHEARD = "Of {names} no answered removal counts, so nothing is shown for {these}."


@dataclass(frozen=True)
class Group:
    """Removals of a method. scored: how many; accepted: of these; answers: with a verdict of people; yes: of these."""

    name: str
    scored: int
    accepted: int
    answers: int
    yes: int


@dataclass(frozen=True, eq=False)
class Findings:
    """looks: the tests. losses: cross-validated log loss of each kind of curve. bins, error: cross-validated, too; None
    and none without a curve. raw: float64 (N,), of all scored removals; accepted: bool (N,). use: "three" or "all".
    photos: with an answer. methods: all of them. by_method, by_category: each left out in
    turn. notes: sentences. unused: answers that do not count."""

    calibration: Calibration
    settings: Settings
    looks: Sequence[Look]
    losses: Mapping[str, float]
    bins: Sequence[Bin]
    error: Error | None
    raw: np.ndarray
    accepted: np.ndarray
    use: str
    photos: int
    methods: Sequence[Group]
    by_method: Sequence[Left]
    by_category: Sequence[Left]
    notes: Sequence[str]
    unused: Tally = field(default_factory=Tally)


def findings(
    scored: Sequence[Scored],
    answers: Iterable[Answer],
    settings: Settings,
    judge: str,
    revision: str,
    unused: Tally | None = None,
) -> Findings:
    """From scores and answers to everything that is told of them. unused: of answers; grows.

    Raises BadData, Unavailable.
    """
    unused = unused if unused is not None else Tally()
    every = known_of(scored, answers, settings.verdicts, unused)
    known, use = chosen(every, settings.use, settings.one_a_photo)
    if len(known) < len(every):
        unused.counts["removals with a verdict that other ones go before"] += len(every) - len(known)
    made = calibrate(known, settings, judge, revision)
    raw = np.array([one.raw for one in scored], np.float64)
    accepted, samples = made.calibration.accepts(raw), [one.scored.sample for one in known]
    error, several = None, []
    if made.predicted is not None:
        yes = np.array([one.yes for one in known], bool)
        several = bins(made.predicted, yes, settings.bins)
        error = expected_error(made.predicted, yes, samples, settings.bins, settings.seed)
    about = (settings, judge, revision)
    return Findings(
        calibration=made.calibration,
        settings=settings,
        looks=made.looks,
        losses=made.losses,
        bins=several,
        error=error,
        raw=raw,
        accepted=accepted,
        use=use,
        photos=len(set(samples)),
        methods=_methods(scored, accepted, known),
        by_method=list(by_group(known, lambda one: one.scored.method, *about)),
        by_category=list(by_group(known, lambda one: one.scored.category, *about)),
        notes=_notes(scored, raw, known, samples, settings),
        unused=unused,
    )


def _methods(scored: Sequence[Scored], accepted: np.ndarray, known: Sequence[Known]) -> list[Group]:
    whole = Counter(one.method for one in scored)
    taken = Counter(one.method for one, is_in in zip(scored, accepted, strict=True) if is_in)
    answered = Counter(one.scored.method for one in known)
    good = Counter(one.scored.method for one in known if one.yes)
    return [Group(name, whole[name], taken[name], answered[name], good[name]) for name in sorted(whole)]


def _notes(
    scored: Sequence[Scored], raw: np.ndarray, known: Sequence[Known], samples: Sequence[str], settings: Settings
) -> list[str]:
    found = [WEIGHED] if known and settings.verdicts == DAWID_SKENE else []
    unheard = sorted({one.method for one in scored} - {one.scored.method for one in known})
    if known and unheard:
        names = ", ".join(name or "no named method" for name in unheard)
        found.append(UNHEARD.format(names=names, these="these" if len(unheard) > 1 else "it"))
    if len(set(samples)) < len(samples):
        found.append(SAME_PHOTO)
    if len(known) < len(raw) and len(known) > 1:
        from scipy.stats import ks_2samp

        asked = np.array([one.scored.raw for one in known])
        p = float(ks_2samp(asked, raw, method="asymp").pvalue)  # pyright: ignore[reportAttributeAccessIssue]
        if p < UNLIKE:
            found.append(OTHER_SCORES.format(p=p))
    return found
