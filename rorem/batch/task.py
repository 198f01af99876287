"""What is to be done with one photo, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rorem.errors import RoremError
from rorem.mask_file import Polarity
from rorem.methods import catalog
from rorem.picture import suffix
from rorem.remover import SAME_PIPELINE, Road

LARGEST_SEED = 2**32 - 1  # random engines keep 32 bits


class BadRequest(RoremError):
    """What was asked for does not fit the files that are there."""


@dataclass(frozen=True)
class Task:
    """One photo and one mask, and where the result goes.

    avoid: a mask of what must not be copied from. seed, method: None = the ones of the settings.
    error: why this cannot be done, where that is known beforehand.
    """

    photo: Path
    mask: Path
    output: Path
    avoid: Path | None = None
    seed: int | None = None
    method: str | None = None
    error: RoremError | None = None

    def files(self, candidates: int) -> tuple[Path, ...]:
        """The files for the results: the output itself, or NAME.1.png, NAME.2.png for several candidates."""
        if candidates == 1:
            return (self.output,)
        stem, ending = self.output.stem, self.output.suffix
        return tuple(self.output.with_name(f"{stem}.{number}{ending}") for number in range(1, candidates + 1))


@dataclass(frozen=True)
class Settings:
    """How every photo of a run is worked on.

    method, seed: for tasks that name none of their own. options: of the method, by name. candidates: results a photo.
    grow: px, None = what suits the method. protocol: the road; see `rorem.remover`.
    mark: whether the file says that it was edited. gps: whether it may say where the photo was taken. overwrite: do
    again what is there already.
    """

    method: str = catalog.DEFAULT
    seed: int = 0
    options: Mapping[str, object] = field(default_factory=dict)
    candidates: int = 1
    grow: int | None = None
    polarity: Polarity = "auto"
    protocol: Road = SAME_PIPELINE
    mark: bool = True
    gps: bool = True
    overwrite: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    files: the results; if `skipped`, they were there before. method: the one that did it, which may be a stand-in.
    seconds: wall time with reading and writing. windows: px, as {left, top, right, bottom, working, grow}.
    facts: of the first result, such as its protocol, weight revision and network calls.
    """

    task: Task
    method: str
    seed: int
    files: tuple[Path, ...] = ()
    seconds: float = 0.0
    windows: tuple[Mapping[str, object], ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    skipped: bool = False
    error: RoremError | None = None

    def record(self) -> dict[str, object]:
        """Everything as plain values for JSON."""
        return {
            "photo": str(self.task.photo),
            "mask": str(self.task.mask),
            "outputs": [str(file) for file in self.files],
            "method": self.method,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "windows": list(self.windows),
            **self.facts,
            "notes": list(self.notes),
            "skipped": self.skipped,
            "error": str(self.error) if self.error else None,
            "fix": self.error.fix if self.error else None,
        }


def is_picture(path: Path) -> bool:
    """Whether the suffix is one of a format that is read and written here."""
    try:
        return bool(suffix(path.suffix))
    except ValueError:
        return False


def check_suffix(output: Path) -> None:
    """Raises BadRequest for a suffix that cannot be written. No suffix means the photo's own format."""
    if output.suffix and not is_picture(output):
        raise BadRequest(
            f"RORem cannot write {output.suffix} files.", "Use .jpg, .png, .webp, .avif, .heic, .tif, .gif or .bmp."
        )
