"""The classes of OpenImages: what they are called, what is below what, and which are left out."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rorem.errors import BadData, BadOptions

FIX = "Fetch it again, or add --fetch."
BELOW = "Subcategory", "Part"  # the lists of children in the hierarchy
_LABEL = re.compile(r"/[a-z]/\w+", re.ASCII)


@dataclass(frozen=True)
class Classes:
    """names: what people call each label, such as {"/m/0k4j": "Car"}. below: a label's children, of every kind."""

    names: Mapping[str, str]
    below: Mapping[str, frozenset[str]]

    def name(self, label: str) -> str:
        """The label itself where it has no name."""
        return self.names.get(label) or label

    @property
    def fingerprint(self) -> str:
        """Hex, 64 digits."""
        told = [sorted(self.names.items()), sorted((label, sorted(below)) for label, below in self.below.items())]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def left_out(self, leave_out: Sequence[str], keep: Sequence[str]) -> frozenset[str]:
        """Labels of the classes in `leave_out` and of all below them, but those in `keep` and all below these.

        Raises BadOptions for a class that is not there.
        """
        return self._with_children(leave_out) - self._with_children(keep)

    def _with_children(self, wanted: Iterable[str]) -> frozenset[str]:
        known = {label for children in self.below.values() for label in children} | self.below.keys()
        waiting = [label for one in wanted for label in self._labels(one, known)]
        found: set[str] = set()
        while waiting:
            label = waiting.pop()
            if label not in found:  # a class may be below several others
                found.add(label)
                waiting += self.below.get(label, ())
        return frozenset(found)

    def _labels(self, wanted: str, known: set[str]) -> list[str]:
        labels = [label for label, name in self.names.items() if name.casefold() == wanted.strip().casefold()]
        if labels := [label for label in [*labels, wanted] if label in known or label in self.names]:
            return labels
        raise BadOptions(
            f"There is no class called {wanted!r} in these files.",
            "The file of class descriptions lists them; a label such as /m/09j2d will do, too.",
        )


def read_classes(descriptions: Path, hierarchy: Path) -> Classes:
    """Reads both files as OpenImages publishes them. Raises OSError, and BadData for other files."""
    return Classes(_names(descriptions), _below(hierarchy))


def _names(path: Path) -> dict[str, str]:
    """The file comes with a head, LabelName and DisplayName, and without one: what is no label is passed over."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            rows = [row for row in csv.reader(file) if len(row) == 2 and _LABEL.fullmatch(row[0])]
        except csv.Error as error:
            raise BadData(f"{path.name} is no list of classes.", FIX) from error
    if not rows:
        raise BadData(f"{path.name} is no list of classes.", FIX)
    return {label: name.strip() for label, name in rows}


def _below(path: Path) -> dict[str, frozenset[str]]:
    try:
        waiting = [json.loads(path.read_bytes())]
    except (ValueError, RecursionError) as error:
        raise BadData(f"{path.name} is no hierarchy of classes.", FIX) from error
    below: defaultdict[str, set[str]] = defaultdict(set)
    while waiting:
        node = waiting.pop()
        children = [child for key in BELOW for child in _list(node, key, path)]
        below[_label(node, path)] |= {_label(child, path) for child in children}
        waiting += children
    return {label: frozenset(children) for label, children in below.items()}


def _list(node: object, key: str, path: Path) -> list[object]:
    children = node.get(key, []) if isinstance(node, dict) else None
    if not isinstance(children, list):
        raise BadData(f"{path.name} is no hierarchy of classes.", FIX)
    return children


def _label(node: object, path: Path) -> str:
    label = node.get("LabelName") if isinstance(node, dict) else None
    if not isinstance(label, str):
        raise BadData(f"{path.name} is no hierarchy of classes.", FIX)
    return label
