"""What can be wrong with a record of a set, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MISSING = "missing"
OUTSIDE = "outside the folder"
UNREADABLE = "unreadable"
DAMAGED = "damaged picture"
SIZE = "other size"
GREY = "mask not binary"
EMPTY = "mask empty"
FULL = "mask full"
CHANGED = "changed outside the mask"
HASH = "wrong hash"
NAME = "bad name"
SHARED = "one file, two records"
DUPLICATE = "duplicate"

# Every kind, with what becomes of such a record when a set is mended.
KINDS: Mapping[str, str] = {
    MISSING: "left out",
    OUTSIDE: "left out",
    UNREADABLE: "left out",
    DAMAGED: "left out; a truth or an effect mask alone is dropped",
    SIZE: "left out; a truth or an effect mask alone is dropped",
    GREY: "the mask is cut at half of its brightest level",
    EMPTY: "left out",
    FULL: "left out",
    CHANGED: "what lies outside the grown mask is taken from the photo",
    HASH: "the hashes are made anew",
    NAME: "it gets a name of its own",
    SHARED: "each record gets a file of its own",
    DUPLICATE: "one stays: the first in which nothing else is wrong, or else the first",
}


@dataclass(frozen=True)
class Problem:
    """record: its name. kind: one of KINDS. what: the rest of the sentence. part: the picture that is meant, or ""."""

    record: str
    kind: str
    what: str
    part: str = ""

    @property
    def line(self) -> str:
        return f"{self.record}: {self.kind}: {self.what}"
