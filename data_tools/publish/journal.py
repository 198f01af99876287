"""Which shards of a set are made, noted so that a killed run can be taken up again. A torn line counts for nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_tools.publish.counts import counts_of
from data_tools.publish.cutting import Shard
from data_tools.tally import Tally
from rorem.triplet import TripletSet

EDITION = 2  # raised by whoever changes what the same set becomes
JOURNAL = ".shards.jsonl"


def made_with(set_: TripletSet, max_bytes: int, *more: object) -> str:
    """A hash of all that decides which bytes a set becomes. Hex, 64 digits. Raises BadData."""
    import pyarrow

    told = [EDITION, pyarrow.__version__, set_.fingerprint, max_bytes, *more]
    return hashlib.sha256(json.dumps(told, default=str).encode()).hexdigest()


class Journal:
    """The shards of one set that are done, in their order, in a folder that is made for it."""

    def __init__(self, folder: Path, made_with: str) -> None:
        """Of another set, or one cut in another way, all is forgotten. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / JOURNAL
        self._made_with = made_with
        self.shards: list[Shard] = self._read()

    @property
    def next(self) -> int:
        """Where the shard that is not there yet begins."""
        return self.shards[-1].stop if self.shards else 0

    def at(self, number: int) -> Shard | None:
        """The shard of this number, if it is done."""
        return self.shards[number] if number < len(self.shards) else None

    def forget(self, number: int) -> None:
        """This shard and all after it are not done. Raises OSError."""
        kept = self.shards[:number]
        self._path.unlink(missing_ok=True)
        self.shards = []
        for shard in kept:
            self.add(shard)

    def add(self, shard: Shard) -> None:
        """Notes a shard that is done. Raises OSError."""
        with self._path.open("ab") as file:
            file.write(json.dumps({"made_with": self._made_with, **_told(shard)}).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.shards.append(shard)

    def _read(self) -> list[Shard]:
        found: list[Shard] = []
        if not self._path.exists():
            return found
        whole = 0
        with self._path.open("rb") as file:
            for line in file:
                shard = _shard(line, self._made_with)
                if shard is None or shard.start != (found[-1].stop if found else 0) or shard.number != len(found):
                    break
                found.append(shard)
                whole += len(line)
        if whole < self._path.stat().st_size:
            os.truncate(self._path, whole)
        return found


def told_tally(tally: Tally) -> dict[str, Any]:
    """As JSON."""
    return {"counts": tally.counts, "examples": tally.examples}


def tally_of(told: Mapping[str, Any]) -> Tally:
    """Back from JSON. Raises ValueError, TypeError, KeyError for what is none."""
    return Tally(Counter(told["counts"]), {kind: list(some) for kind, some in told["examples"].items()})


def _told(shard: Shard) -> dict[str, Any]:
    plain = {name: getattr(shard, name) for name in ("number", "start", "stop", "rows", "bytes", "sha256")}
    return {**plain, "counts": shard.counts.told(), "left_out": told_tally(shard.left_out)}


def _shard(line: bytes, made_with: str) -> Shard | None:
    """None for a line that is torn, or of something else."""
    try:
        told: Mapping[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
        if told.get("made_with") != made_with:
            return None
        plain = {name: int(told[name]) for name in ("number", "start", "stop", "rows", "bytes")}
        left_out = tally_of(told["left_out"])
        return Shard(**plain, sha256=str(told["sha256"]), counts=counts_of(told["counts"]), left_out=left_out)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
