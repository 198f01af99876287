"""One record: a photo, what was to be removed, and the photo without it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, eq=False)
class Triplet:
    """A record of a set. Pictures are whole encoded files, kept byte for byte; None = not there.

    name: unique in its set, the stem of its files in a folder. result: a removal, accepted or candidate. truth: the
    photo as it would be without the thing. effect: a mask of shadows and reflections.
    method to p_yes: how the result came about and who accepted it, as the shard columns of the same names.
    extra: everything else that its source said, so that nothing is lost (an `occluded` flag, say, or a score). Only
    plain values: None, bool, int, float, str, and lists of and dicts from str to such.
    """

    name: str
    source: bytes
    mask: bytes
    result: bytes | None = None
    truth: bytes | None = None
    effect: bytes | None = None
    method: str = ""
    revision: str = ""
    options: str = "{}"
    protocol: str = ""
    seed: int = 0
    network_calls: int = 0
    category: str = ""
    round: int = 0
    accepted_by: str = "none"
    p_yes: float | None = None
    votes_yes: int = 0
    votes_no: int = 0
    licence: str = ""
    author: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """Hash of source, mask and result: hex, 64 digits."""
        none = sha256(b"")
        return sha256(":".join(digits or none for digits in self.hashes.values()).encode())

    @cached_property
    def sample(self) -> str:
        """Hash of source and mask alone: the same for every method's result. Hex, 64 digits."""
        return sha256(f"{self.hashes['sha256_source']}:{self.hashes['sha256_mask']}".encode())

    @cached_property
    def hashes(self) -> Mapping[str, str | None]:
        """Of source, mask and result, under the names of their columns: hex, 64 digits, None for what is not there."""
        parts = {"sha256_source": self.source, "sha256_mask": self.mask, "sha256_result": self.result}
        return {name: None if part is None else sha256(part) for name, part in parts.items()}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
