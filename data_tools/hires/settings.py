"""What may be chosen when pairs are made in high resolution."""

from __future__ import annotations

from dataclasses import dataclass

from rorem.errors import BadOptions

STEP = 64  # px; sides are multiples of it, as networks want them
MOST = 8192  # px


@dataclass(frozen=True)
class Settings:
    """How pairs are made. least, largest: px of a pair's side. several, occluded: shares of pairs, 0 to 1.

    several: with two or three things to remove. occluded: with something that stays in front of the thing.
    matched: scale, light, blur and grain of things as at their place. shadow: things cast one, told in an effect mask.
    Raises BadOptions for what makes no sense.
    """

    least: int = 1024
    largest: int = 2048
    per_photo: int = 1
    seed: int = 0
    several: float = 0.25
    occluded: float = 0.2
    matched: bool = True
    shadow: bool = True

    def __post_init__(self) -> None:
        if not STEP <= self.least <= self.largest <= MOST:
            raise BadOptions(f"Sides go from {STEP} to {MOST} pixels.", "--least is not more than --largest.")
        if self.largest // STEP < -(-self.least // STEP):
            raise BadOptions(f"No multiple of {STEP} lies from {self.least} to {self.largest}.", "Ask for more room.")
        if not (0 <= self.several <= 1 and 0 <= self.occluded <= 1):
            raise BadOptions("Shares go from 0 to 1.", "0.25 is a quarter of the pairs.")
        if self.per_photo < 1 or self.seed < 0:
            raise BadOptions("A photo gives at least one pair, and a seed is 0 or more.", "Choose other numbers.")

    def side_for(self, shorter: int) -> int:
        """The side of a pair that is cut out of a photo with this shorter side, px; 0 if the photo is too small."""
        side = min(shorter, self.largest) // STEP * STEP
        return side if side >= self.least else 0
