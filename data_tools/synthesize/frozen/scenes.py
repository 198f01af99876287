"""The twelve scenes of the frozen set. They were laid out by hand, and each was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_tools.synthesize.cutting import Shape
from data_tools.synthesize.frozen.things import BEANBAG, TRUNK
from data_tools.synthesize.placing import Kind


@dataclass(frozen=True)
class Put:
    """A thing in a scene, in px of the finished picture. x, y: its middle. height: before it is turned, by degrees."""

    cut: str
    x: int
    y: int
    height: int
    flip: bool = False
    turn: float = 0


@dataclass(frozen=True)
class Scene:
    """A pair. photo: one of frozen.photos. crop: left, top and side in px of the photo. things: all have to go.

    front: what of the photo itself stands before them, in px of the photo. in_front: what that is called.
    """

    name: str
    kind: Kind
    photo: str
    crop: tuple[int, int, int]
    things: Sequence[Put]
    front: Shape | None = None
    in_front: str = ""


SCENES = (
    Scene("moose", "structured", "aitzgorri", (900, 900, 1100), (Put("moose", 250, 330, 170),)),
    Scene(
        "figs",
        "texture",
        "bowl",
        (0, 900, 800),
        (Put("fig", 130, 140, 120, turn=20), Put("fig", 330, 130, 100, True, -35), Put("fig", 170, 330, 105, turn=160)),
    ),
    Scene("dandelion", "texture", "seeding", (2500, 700, 2280), (Put("dandelion", 330, 310, 400, True),)),
    Scene("crocodile", "texture", "life", (700, 1130, 926), (Put("crocodile", 260, 330, 110),)),
    Scene("panda", "texture", "life", (2060, 150, 1000), (Put("panda", 300, 330, 250),), TRUNK, "tree trunk"),
    Scene("coffee", "texture", "wine", (1900, 2500, 660), (Put("coffee", 270, 220, 130),)),
    Scene(
        "bottle", "structured", "sunset", (2560, 1300, 1500), (Put("bottle", 215, 160, 175), Put("mill", 310, 190, 95))
    ),
    Scene("cup", "structured", "wine", (900, 700, 1300), (Put("cup", 265, 222, 42),)),
    Scene(
        "pliers",
        "structured",
        "friends",
        (520, 1910, 520),
        (Put("pliers", 190, 270, 74, turn=-35), Put("clipper", 370, 190, 110)),
    ),
    Scene("dog", "structured", "wine", (1100, 1700, 1400), (Put("dog", 240, 225, 150),), BEANBAG, "beanbag"),
    Scene("drum", "structured", "picos", (1500, 1250, 1150), (Put("drum", 220, 330, 120),)),
    Scene("bucket", "texture", "picos", (1900, 1640, 790), (Put("bucket", 330, 190, 80),)),
)
