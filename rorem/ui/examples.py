"""The photos a visitor can try. Their authors and licences are in examples/CREDITS.md, and shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class Example:
    """A photo in the package. title: what could go. credit: author and licence, as they must be named."""

    name: str
    title: str
    credit: str

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.jpg"


BERASATEGI = "Photo: Aitzol Berasategi, CC BY 4.0"

EXAMPLES: tuple[Example, ...] = (
    Example("hill", "The stone table", BERASATEGI),
    Example("mountain", "The heap of stones", BERASATEGI),
    Example("dandelions", "A dandelion", "Photo: Clemens Engelhardt, CC0"),
    Example("meadow", "The dark fir", BERASATEGI),
    Example("bowl", "The fig", 'Photo: Trevor "Freespace", CC BY 4.0'),
    Example("moose", "The moose", "Photo: Ryan Hagerty, public domain"),
)


def find(name: str) -> Example:
    """The example with this name. Raises KeyError."""
    found = next((example for example in EXAMPLES if example.name == name), None)
    if found is None:
        raise KeyError(name)
    return found
