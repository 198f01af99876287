"""What may be chosen when pairs are made of RORD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rorem.errors import BadOptions

Policy = Literal["correct", "drop", "keep"]
POLICIES: tuple[Policy, ...] = ("correct", "drop", "keep")
Truth = Literal["clean", "composed"]
TRUTHS: tuple[Truth, ...] = ("clean", "composed")
Masks = Literal["tight", "loose"]
MASKS: tuple[Masks, ...] = ("tight", "loose")


@dataclass(frozen=True)
class Settings:
    """How pairs are made. Raises BadOptions for what makes no sense.

    per_scene: most pairs of a scene. least_difference: how unlike they have to be, 0 to 1, see `apart`.
    least_sharpness: share of the scene's median. truth: the clean frame, or what the set put together of it and the
    frame; the other one where that is missing. masks: tight ones by outlines, or the loose ones that are drawn.
    drift, exposure: whether the clean frame is corrected, the frame dropped, or nothing done. most_drift: px, and
    most_exposure: share, from which a frame is dropped by "drop". most_changed: share of the surroundings that may look
    different; shadows and reflections do.
    """

    per_scene: int = 5
    least_difference: float = 0.04
    least_sharpness: float = 0.6
    truth: Truth = "clean"
    masks: Masks = "tight"
    drift: Policy = "correct"
    exposure: Policy = "correct"
    most_drift: float = 0.5
    most_exposure: float = 0.03
    most_changed: float = 0.1

    def __post_init__(self) -> None:
        if self.per_scene < 1:
            raise BadOptions("A scene gives at least one pair.", "Ask for more with --per-scene.")
        for name, choices in {"truth": TRUTHS, "masks": MASKS, "drift": POLICIES, "exposure": POLICIES}.items():
            if getattr(self, name) not in choices:
                raise BadOptions(f"--{name} cannot be {getattr(self, name)!r}.", f"Choose from {', '.join(choices)}.")
        for name in ("least_difference", "least_sharpness", "most_exposure", "most_changed"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadOptions(f"--{name.replace('_', '-')} goes from 0 to 1.", "0.25 is a quarter.")
        if not 0 <= self.most_drift <= 1000:
            raise BadOptions("--most-drift goes from 0 to 1000 pixels.", "0.5 is half a pixel.")
