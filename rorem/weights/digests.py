"""What a file holds, in a few digits, and how that differs from what was wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rorem.weights.parts import WeightFile

BLOCK = 1 << 20  # bytes read at once
SMALL = 1 << 20  # bytes; a smaller file is read whole for a fingerprint
SAMPLES = 17  # blocks of a larger one, evenly from first to last: fine-tuned weights differ nearly everywhere
SAMPLE = 1 << 16  # bytes


@dataclass(frozen=True)
class Wanted:
    """What is known of a file before it is there. bytes: 0 = unknown. sha256, md5: first digits. git: the hash that git
    has for the content."""

    bytes: int = 0
    sha256: str = ""
    md5: str = ""
    git: str = ""

    @classmethod
    def of(cls, file: WeightFile | None) -> Wanted:
        """What the catalog knows."""
        return cls(file.bytes, file.sha256, file.md5) if file else cls()

    @property
    def certain(self) -> bool:
        """Whether a file that fits is the right one."""
        return bool(self.sha256 or self.md5 or self.git)


@dataclass(frozen=True)
class Found:
    """What a file holds. Hashes that nobody asked for are ""; sha256 is always there."""

    bytes: int
    sha256: str
    md5: str = ""
    git: str = ""


def measure(path: Path, wanted: Iterable[Wanted] = ()) -> Found:
    """Reads a whole file. wanted: which hashes are needed besides sha256. Raises OSError."""
    wanted, size = list(wanted), path.stat().st_size
    sha256 = hashlib.sha256()
    md5 = hashlib.md5(usedforsecurity=False) if any(want.md5 for want in wanted) else None
    git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False) if any(want.git for want in wanted) else None
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            for hashing in filter(None, (sha256, md5, git)):
                hashing.update(block)
    return Found(size, sha256.hexdigest(), md5.hexdigest() if md5 else "", git.hexdigest() if git else "")


def difference(found: Found, wanted: Wanted) -> str:
    """What is wrong with a file, as the end of a sentence; "" if nothing is."""
    if wanted.bytes and found.bytes != wanted.bytes:
        return f"it has {found.bytes} bytes instead of {wanted.bytes}"
    for kind in ("sha256", "md5", "git"):
        want, have = getattr(wanted, kind).lower(), getattr(found, kind)
        if want and not have.startswith(want):
            return f"its {kind} begins with {have[:12]} instead of {want[:12]}"
    return ""


def fingerprint(folder: Path, names: Iterable[str]) -> str:
    """Tells folders apart by names, sizes and content, of large files by samples of it. 64 digits. Raises OSError."""
    whole = hashlib.sha256()
    for name in sorted(names):
        size = (folder / name).stat().st_size
        whole.update(f"{name}\0{size}\0".encode())
        with (folder / name).open("rb") as file:
            if size < SMALL:
                whole.update(file.read())
                continue
            for index in range(SAMPLES):
                file.seek((size - SAMPLE) * index // (SAMPLES - 1))
                whole.update(file.read(SAMPLE))
    return whole.hexdigest()
