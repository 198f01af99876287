"""How a round is put together: what a person can choose, and the rules that stand in every manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from data_tools.near import ALIKE_AREA, ALIKE_BOX, MOST
from rorem.errors import BadOptions

EDITION = 3  # raised by whoever changes what the same inputs and settings give
# A photo that was saved again as JPEG of quality 30, made smaller or brighter differs in 0 to 4 of the 64 bits,
# different photos in 20 and more (the twelve photos of the package).
NEAR = 6
RULE = (
    "Of several records with the same photo and mask, and of near-duplicates, one stays: exact truth before what "
    "people accepted before what a judge accepted before what nobody spoke of; then the higher p_yes, then more votes "
    "of yes over no, then the input that was named first, then the order in it. Where the judge and people disagree, "
    "people are right; a tie is a no."
)


@dataclass(frozen=True)
class Settings:
    """near: bits of 64 in which photos of near-duplicates may differ, 0 to 16; None = near-duplicates stay.
    round: the number of the round; None = one more than the highest in the previous sets.
    keep_out_near: bits in which a photo may differ from one of an evaluation set and is still taken for it, 0 to 16.

    Raises BadOptions for what is out of range.
    """

    near: int | None = NEAR
    round: int | None = None
    keep_out_near: int = NEAR

    def __post_init__(self) -> None:
        if not (self.near is None or 0 <= self.near <= MOST) or not 0 <= self.keep_out_near <= MOST:
            raise BadOptions(f"Photos that are alike differ in 0 to {MOST} bits.", f"{NEAR} suits most sets.")
        if self.round is not None and not 0 <= self.round < 2**31:
            raise BadOptions("A round has a number from 0 on.", "Leave it out to count on from the previous set.")

    def told(self) -> dict[str, object]:
        """For the manifest."""
        return {**asdict(self), "same_place": {"box_iou": ALIKE_BOX, "area_factor": ALIKE_AREA}, "rule": RULE}
