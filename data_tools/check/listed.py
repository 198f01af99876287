"""What a list of records says twice: a name, or one file as the result of two different removals.

Held in memory are eight bytes for each file and each name, never the list.
"""

from __future__ import annotations

import posixpath
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_tools.check.problem import NAME, SHARED, Problem
from data_tools.parts import hash_of
from rorem.triplet import TripletSet
from rorem.triplet.folder import KEYS, META
from rorem.triplet.folder import NAME as NAME_KEY
from rorem.triplet.json_records import scan
from rorem.triplet.opening import LISTS
from rorem.triplet.sets import shown


def list_of(name: str) -> Path | None:
    """The list of records behind a set on this machine; None for shards, a bare folder, and the Hub."""
    try:
        path = Path(name).expanduser()
        path = path / META if path.is_dir() else path
        return path if path.suffix.lower() in LISTS and path.is_file() else None
    except (OSError, RuntimeError):
        return None


def said_twice(path: Path, set_: TripletSet) -> Iterator[tuple[int, Problem]]:
    """With the record's number. path: the list of this very set. Raises OSError, BadData."""
    names, results, pairs = array("Q"), array("Q"), array("Q")
    for entry in scan(path):
        told = entry.value if isinstance(entry.value, dict) else {}
        names.append(_hash(told.get(NAME_KEY)))
        results.append(_hash(_file(told.get(KEYS["result"]))))
        pairs.append(hash_of(*(str(_file(told.get(KEYS[part]))) for part in ("source", "mask"))))
    for index, first in repeats(np.frombuffer(names, np.uint64)):
        what = f"record {first + 1} of the list has this name, too"
        yield index, Problem(set_.names[index], NAME, what)
    for index, first in repeats(np.frombuffer(results, np.uint64)):
        if pairs[index] != pairs[first]:  # else it is the same record again, which its content tells
            what = f"its result is the file of record {shown(set_.names[first])}, whose photo or mask is another"
            yield index, Problem(set_.names[index], SHARED, what, "result")


def repeats(keys: np.ndarray) -> Iterator[tuple[int, int]]:
    """The places of keys that were there before, in order, each with its first place. A key of zeros is none.

    keys: uint64 (n,) or (n, m). Needs about 40 bytes for each besides.
    """
    keys = keys[:, None] if keys.ndim == 1 else keys
    order = np.lexsort(keys.T)  # stable: of equal ones the first place comes first
    ordered = keys[order]
    again = np.zeros(len(keys), bool)
    again[1:] = (ordered[1:] == ordered[:-1]).all(1) & ordered[1:].any(1)
    starts = np.maximum.accumulate(np.where(again, 0, np.arange(len(keys)))) if len(keys) else order
    places, firsts = order[again], order[starts[again]]
    for at in np.argsort(places):
        yield int(places[at]), int(firsts[at])


def _hash(text: object) -> int:
    """Never 0 for a text that is there."""
    return (hash_of(text) or 1) if isinstance(text, str) and text else 0


def _file(path: object) -> str:
    return posixpath.normpath(path) if isinstance(path, str) and path else ""
