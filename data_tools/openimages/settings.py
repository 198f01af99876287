"""What is taken from OpenImages: one place for every limit, with the reason for its value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rorem.errors import BadOptions

# Part of what a set is made with: raised by whoever changes what the same files and settings give.
EDITION = 1
SUBSETS = ("train", "validation", "test")
EVEN, NATURAL = "even", "natural"
BALANCES = (EVEN, NATURAL)
DIGITS = "0123456789abcdef"  # the first sign of a photo's id; masks are published in one archive for each
CLOTHING, BODY = "/m/09j2d", "/m/02p0tk3"  # Clothing and Human body, as OpenImages names them
BORDER = 0.004  # of the side: 4 px of 1024. Boxes and masks of things that are cut end about there, not at 0
SAME_THING = 0.5  # of the smaller mask: instances that cover each other more are one thing that has two names


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What becomes a candidate.

    count: how many candidates; 0 = as many as `cap` allows. cap: most of one category, as RORem has it.
    balance: "even" (each category gives one, round after round) or "natural" (as often as they are in the data).
    smallest, largest: of the photo's area, 0 to 1; what is smaller shows nothing of how good a removal is, and what is
    larger leaves too little to go by. holes: most of the filled shape that may be holes in the mask, 0 to 1.
    cut: take things that are cut by the photo's border, too. iou: least predicted IoU of a mask, 0 to 1; masks for
    which none is told are taken. several: share of candidates with several objects of one photo. objects: most of them.
    leave_out, keep: classes, by name or label, with all below them in the hierarchy; `keep` wins.
    digits: only photos whose id begins with one of these. originals: photos as their authors published them.
    table_only: goes by the boxes of the table and reads no mask; for lists.
    Raises BadOptions for what makes no sense.
    """

    subset: str = SUBSETS[0]
    count: int = 0
    cap: int = 500
    balance: str = EVEN
    smallest: float = 0.01
    largest: float = 0.4
    holes: float = 0.02
    cut: bool = False
    iou: float = 0.0
    several: float = 0.0
    objects: int = 3
    leave_out: Sequence[str] = (CLOTHING, BODY)
    keep: Sequence[str] = ()
    digits: str = DIGITS
    originals: bool = False
    table_only: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (("subset", self.subset, SUBSETS), ("balance", self.balance, BALANCES)):
            if value not in known:
                raise BadOptions(f"There is no {name} called {value!r}.", f"Choose from {', '.join(known)}.")
        shares = (self.smallest, self.largest, self.holes, self.iou, self.several)
        if not all(0 <= share <= 1 for share in shares) or self.smallest >= self.largest:
            raise BadOptions(
                "Shares go from 0 to 1, and the smallest is below the largest.", "0.25 is a quarter of the photo."
            )
        if self.count < 0 or self.seed < 0 or self.cap < 1 or not 2 <= self.objects <= 16:
            raise BadOptions(
                "A count or a seed is 0 or more, a cap 1 or more, and several objects are 2 to 16.", "Choose others."
            )
        if not self.digits or set(self.digits) - set(DIGITS):
            raise BadOptions(f"Photos' ids begin with one of {DIGITS}, not {self.digits!r}.", "Write them so: 0a")

    def made_with(self, *files: str) -> str:
        """A hash of all that decides what a candidate becomes, hex. files: fingerprints of what was read.

        Without `count`: with another one the same candidates come first, so that a set can be made longer.
        """
        told = {**asdict(self), "count": None, "leave_out": sorted(self.leave_out), "keep": sorted(self.keep)}
        told["digits"] = "".join(sorted(set(self.digits)))
        return hashlib.sha256(json.dumps([EDITION, told, *files]).encode()).hexdigest()
