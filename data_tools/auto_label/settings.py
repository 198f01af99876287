"""What a person can choose of a calibration, and the few numbers that everything rests on."""

from __future__ import annotations

from dataclasses import dataclass

from rorem.errors import BadOptions

AUTO = "auto"
PLATT, ISOTONIC, NONE = "platt", "isotonic", "none"
KINDS = (AUTO, PLATT, ISOTONIC)
THREE, ALL = "three", "all"
USES = (AUTO, THREE, ALL)
DAWID_SKENE, MAJORITY = "dawid-skene", "majority"
VERDICTS = (MAJORITY, DAWID_SKENE)

MANY = 3  # answers to one removal, by which its verdict is taken for settled
# With so many settled removals the others are left aside: one person's slip would count as the judge's.
ENOUGH_SETTLED = 300
OF_EACH = 10  # good and bad removals, at least, for a curve: two numbers cannot be fitted to less
# Below that a step function follows chance; scikit-learn's own guide says the same.
ISOTONIC_FROM = 1000


@dataclass(frozen=True)
class Settings:
    """wanted: the share of accepted removals that people would accept, too. confidence: of its one-sided lower bound.

    kind: of the curve from raw scores to probabilities. use: which removals count, those with three answers or all.
    verdicts: how several answers become one; `round` goes by the majority. one_a_photo: of each photo with its mask
    only one removal counts. bins: of the reliability curve. seed: of the folds and the bootstrap.
    Raises BadOptions for what is out of range.
    """

    wanted: float = 0.95
    confidence: float = 0.95
    kind: str = AUTO
    use: str = AUTO
    verdicts: str = MAJORITY
    one_a_photo: bool = False
    bins: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("precision", self.wanted), ("confidence", self.confidence)):
            if not 0.5 <= value <= 0.999:
                raise BadOptions(f"The {name} has to lie between 0.5 and 0.999.", "0.95 is what most people take.")
        for value, known in ((self.kind, KINDS), (self.use, USES), (self.verdicts, VERDICTS)):
            if value not in known:
                raise BadOptions(f"{value!r} is none of {', '.join(known)}.", "Choose one of these.")
        if not 2 <= self.bins <= 100:
            raise BadOptions("There are 2 to 100 bins.", "10 suits most rounds.")
