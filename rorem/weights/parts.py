"""What a method needs: files that lie in one folder, and where they are published."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WeightFile:
    """A file of a part.

    name: its path inside the part's folder, with slashes. alternatives: other names that do as well (another precision,
    a sharded index). bytes: 0 = not published. sha256: its first digits, as many as are known; "" = not published.
    md5: likewise, for files of which only that is known. All three speak of `name`, not of the alternatives.
    """

    name: str
    bytes: int = 0
    sha256: str = ""
    md5: str = ""
    alternatives: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Those that do, the wanted one first."""
        return (self.name, *self.alternatives)


@dataclass(frozen=True)
class Hub:
    """A repository of the Hugging Face Hub at a revision (a commit, or its first digits, or a branch)."""

    repository: str
    revision: str = "main"


@dataclass(frozen=True)
class Url:
    """A folder on the web; a file lies at `address`/NAME."""

    address: str


@dataclass(frozen=True)
class ByHand:
    """A page where a person can download what no program can."""

    page: str


@dataclass(frozen=True)
class Part:
    """Files that lie in one folder, such as a diffusers folder or one LoRA.

    name: of the folder under ROREM_WEIGHTS. about: what it is, as the object of a sentence ("the LaMa generator").
    roughly: bytes of all files together, for people, where the sizes of the files are not published one by one.
    """

    name: str
    about: str
    source: Hub | Url | ByHand
    files: tuple[WeightFile, ...]
    roughly: int = 0

    @property
    def bytes(self) -> int:
        """Of all files, about; 0 where nothing is published."""
        return self.roughly or sum(file.bytes for file in self.files)
