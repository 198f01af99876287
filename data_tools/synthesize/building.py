"""Building a set of pairs with exact truth, from folders of photos and cut-outs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from data_tools.plain_files import png
from data_tools.synthesize.composing import Look
from data_tools.synthesize.credits import Credit
from data_tools.synthesize.looks import look_of
from data_tools.synthesize.placing import KINDS
from data_tools.synthesize.sample import Sample, Wish, make
from data_tools.synthesize.stock import OnBad, OnStep, Stock, take_stock
from data_tools.synthesize.writing import Set
from rorem.errors import BadOptions, RoremError
from rorem.triplet.record import Triplet

# Part of what a set is made with: raised by whoever changes what the same files and settings give.
EDITION = 1
LATER = ("matched", "shadow")  # settings that are told only where they are on, as older sets know nothing of them


@dataclass(frozen=True)
class Settings:
    """How a set is made. sizes: px a side, drawn with equal chances. several, occluded: shares of samples, 0 to 1.

    several: with two or three things to remove. occluded: with something that stays in front of the thing.
    matched: scale, light, blur and grain of things as at their place. shadow: things cast one, told in an effect mask.
    Raises BadOptions for what makes no sense.
    """

    sizes: Sequence[int] = (512, 1024, 2048)
    seed: int = 0
    several: float = 0.25
    occluded: float = 0.2
    matched: bool = False
    shadow: bool = False

    def __post_init__(self) -> None:
        if not self.sizes or not all(64 <= size <= 8192 for size in self.sizes):
            raise BadOptions("Sizes go from 64 to 8192 pixels.", "Write them like this: 512,1024")
        if not (0 <= self.several <= 1 and 0 <= self.occluded <= 1):
            raise BadOptions("Shares go from 0 to 1.", "0.25 is a quarter of the samples.")
        if self.seed < 0:
            raise BadOptions("A seed is 0 or more.", "Choose another one.")


@dataclass(frozen=True)
class Summary:
    """What became of a run. made, there: names of samples, now and before. failed, bad: samples and files, and why."""

    made: Sequence[str]
    there: Sequence[str]
    failed: Sequence[tuple[str, RoremError]]
    bad: Sequence[tuple[str, RoremError]]
    photos: int
    cutouts: int


def synthesize(
    out: Path,
    photos: Sequence[Path],
    cutouts: Sequence[Path],
    count: int = 60,
    settings: Settings = Settings(),
    on_bad: OnBad = lambda name, error: None,
    on_look: OnStep = lambda done, total: None,
    on_sample: OnStep = lambda done, total: None,
    look: Look | None = None,
    chosen: bool = False,
) -> Summary:
    """Writes `count` pairs to the folder `out`, a set of triplets: source/ mask/ TRUTH/ meta.json, with ATTRIBUTION.md.

    The same files, settings and look give the same bytes. Sample n does not depend on `count`, so that a set can be
    made longer; what is there is not made again. photos, cutouts: folders, searched with all in them. chosen: they hold
    nothing but what is meant; see `take_stock`. look: another one than the settings say; it has to stay the same.
    on_bad is told of files that cannot be used, on_look of files looked at, on_sample of samples; what they raise comes
    through and leaves a set that the same call takes up again.
    Raises BadData if there is nothing to build from or a foreign set in the way, BadOptions, and OSError.
    """
    if count < 1:
        raise BadOptions("A set has at least one sample.", "Ask for more with --count.")
    bad: list[tuple[str, RoremError]] = []

    def tell(name: str, error: RoremError) -> None:
        bad.append((name, error))
        on_bad(name, error)

    stock = take_stock(photos, cutouts, tell, on_look, chosen)
    set_ = Set(out, _made_with(settings, stock))
    records = set_.records()
    there, made, failed = list(records), list[str](), list[tuple[str, RoremError]]()
    for index in range(count):
        name = f"{index:05d}_{KINDS[index % 2]}"
        if name not in records:
            try:
                sample = make(_wish(index, settings), stock, look or look_of(settings.matched, settings.shadow))
                extra = {"index": index, "synthesis_seed": settings.seed, **_asked(settings)}
                records[name] = set_.add(triplet_of(name, sample, extra))
                made.append(name)
            except RoremError as error:
                failed.append((name, error))
        on_sample(index + 1, count)
    if not records:
        raise failed[0][1]
    set_.finish(records.values(), [*stock.photos, *stock.cutouts])
    return Summary(made, there, failed, bad, len(stock.photos), len(stock.cutouts))


def joined(credits: Iterable[Credit]) -> Credit:
    """The credit of something made of several files: each author and each licence once."""
    every = list(credits)
    authors = dict.fromkeys(credit.author for credit in every)
    licences = dict.fromkeys(credit.licence for credit in every)
    return Credit("; ".join(authors), " AND ".join(licences))


def _wish(index: int, settings: Settings) -> Wish:
    return Wish(index, settings.seed, settings.sizes, settings.several, settings.occluded, settings.matched)


def triplet_of(name: str, sample: Sample, said: Mapping[str, object]) -> Triplet:
    """A sample as a record. said: what else is told of it."""
    pair, credit = sample.pair, joined(original.credit for original in sample.originals)
    extra: dict[str, object] = {
        "kind": sample.kind,
        "size": sample.size,
        "objects": len(sample.things),
        "occluded": sample.front is not None,
        "mask_share": round(pair.share, 4),
        "photo": sample.photo.key,
        "cutout": sample.things[0].key,
        "cutouts": [thing.key for thing in sample.things],
        "front": sample.front.key if sample.front else None,
        "crop": list(sample.crop),
        "margin": sample.margin,
        **said,
        "files": [[original.key, original.sha256] for original in sample.originals],
    }
    return Triplet(
        name,
        png(pair.source),
        png(pair.mask),
        truth=png(pair.truth),
        effect=None if pair.effect is None else png(pair.effect),
        category=sample.things[0].category,
        licence=credit.licence,
        author=credit.author,
        extra=extra,
    )


def _made_with(settings: Settings, stock: Stock) -> str:
    """A hash of all that decides what a sample becomes, hex."""
    files = [[[one.key, one.sha256] for one in part] for part in (stock.photos, stock.cutouts)]
    plain = {key: value for key, value in asdict(settings).items() if key not in LATER}
    told = json.dumps([EDITION, {**plain, "sizes": list(settings.sizes), **_asked(settings)}, files])
    return hashlib.sha256(told.encode()).hexdigest()


def _asked(settings: Settings) -> dict[str, bool]:
    """Those of the later settings that are on."""
    return {key: True for key in LATER if getattr(settings, key)}
