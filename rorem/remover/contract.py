"""The contract every removal method keeps.

A method fills one crop and knows nothing else. Everything around it (masks, windows, stitching, native pixels) happens
once for all methods, in `rorem.remover.road`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict

# The two roads: ours, the same for every method; and each method as its paper's own program runs it.
Road = Literal["same pipeline", "as published"]
SAME_PIPELINE: Road = "same pipeline"
AS_PUBLISHED: Road = "as published"
OnStep = Callable[[int, int], None]


def no_step(done: int, total: int) -> None:
    """An `OnStep` that does nothing."""


class Options(BaseModel):
    """Settings of a method. Each method has its own subclass; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, eq=False)
class Job:
    """One crop to fill.

    crop: uint8 RGB (h, w, 3); what lies under the hole is still the thing to be removed.
    hole: bool (h, w), True = fill. Never empty, never everything.
    avoid: bool (h, w), True = not to be copied from (other marked things, people); never filled. May overlap the hole.
    seed: non-negative; the same job gives the same pixels.
    """

    crop: np.ndarray
    hole: np.ndarray
    avoid: np.ndarray
    seed: int
    options: Options


@dataclass(frozen=True, eq=False)
class Fill:
    """What a method made of a `Job`.

    crop: uint8 RGB (h, w, 3), the same size as the job's; pixels outside the hole only serve to measure a tone shift.
    network_calls: forward passes of the denoiser or generator really made; 0 for methods without a network.
    working: width and height in px that the method worked at, where it shrank the crop itself.
    notes: plain sentences for the person, when something was not done as asked.
    rung: of the memory ladder, "" for methods without one. options: those that were heeded, None = the job's.
    """

    crop: np.ndarray
    network_calls: int = 0
    working: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    rung: str = ""
    options: Options | None = None


class Remover(Protocol):
    """A loaded method."""

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        """Fill `job.hole`. Calls `on_step(done, total)` as it goes; an exception raised there stops it."""
        ...


@runtime_checkable
class Published(Protocol):
    """A loaded method that also knows how its paper's own program runs it."""

    def fill_published(
        self, picture: np.ndarray, mask: np.ndarray, seed: int, options: Options, on_step: OnStep = no_step
    ) -> Fill:
        """The whole photo, uint8 RGB (H, W, 3), without what the mask, bool (H, W), marks. The fill has the size that
        the program gives it, and options that the program leaves no choice of are not heeded."""
        ...


@dataclass(frozen=True)
class Traits:
    """What the road must know of a method before it plans a window.

    native: sides in px that the method was made for; () when it takes any crop at full resolution.
    multiple: both sides of a crop must be multiples of this.
    grow: how far the hole reaches beyond the mark, as a share of the crop's longer side.
    seeded: another seed gives another fill.
    generative: the method invents pixels with a trained network; the file's metadata then says so.
    """

    id: str
    revision: str
    native: tuple[int, ...] = ()
    multiple: int = 1
    grow: float = 0.02
    seeded: bool = True
    generative: bool = False


@dataclass(frozen=True)
class Method:
    """A method ready to run: its traits, the loaded remover, and what a person should know (a fallback, say)."""

    traits: Traits
    remover: Remover
    notes: tuple[str, ...] = ()
