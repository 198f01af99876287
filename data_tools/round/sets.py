"""The sets that a round is made of, opened: those that come in, and those that have to stay out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.auto_label.answers import Answer, read_answers
from data_tools.round.choosing import LABELLED
from data_tools.round.notes import ON_HUB, notes_of
from rorem.errors import BadData
from rorem.labels.dataset import fetch
from rorem.labels.shards import EVENTS, FOLDERS, ITEMS, shards_in
from rorem.triplet import TripletSet, open_set, open_shards
from rorem.triplet.record import sha256


@dataclass(frozen=True, eq=False)
class Opened:
    """A set of a round. where: as it was named. answers, events: of a data set of labels, and a hash of its events.
    notes: what lies beside it, see `notes_of`."""

    kind: str
    where: str
    set_: TripletSet
    answers: Sequence[Answer] = ()
    events: str = ""
    notes: Mapping[str, object] | None = None

    def told(self) -> dict[str, object]:
        """For a manifest. Raises BadData."""
        told: dict[str, object] = {
            "kind": self.kind,
            "where": self.where,
            "name": self.set_.name,
            "revision": self.set_.revision,
            "fingerprint": self.set_.fingerprint,
            "records": len(self.set_),
        }
        if self.events:
            told["events"] = self.events
        return told | {"notes": self.notes} if self.notes else told


def open_input(kind: str, where: str, revision: str = "", environment: Mapping[str, str] = os.environ) -> Opened:
    """Opens a set of this kind; revision: of one on the Hub. Raises BadData, Unavailable, HubTrouble."""
    if kind == LABELLED:
        return _labelled(where, revision, environment)
    on_hub = revision and not Path(where).expanduser().exists()
    set_ = open_set(f"{where.partition('@')[0]}@{revision}" if on_hub else where, environment)
    return Opened(kind, where, set_, notes=ON_HUB if set_.revision else notes_of(Path(where).expanduser()))


def _labelled(where: str, revision: str, environment: Mapping[str, str]) -> Opened:
    """A data set of labels: its removals as a set, and the answers to them, as `read_labelled` counts them."""
    folder = Path(where).expanduser()
    commit = ""
    if not folder.is_dir():
        folder = fetch(where, environment, revision)
        commit = folder.name if folder.parent.name == "snapshots" else ""
    files = {kind: [folder / path for path in shards_in(_inside(folder, kind), kind)] for kind in (ITEMS, EVENTS)}
    if not files[ITEMS]:
        raise BadData(f"{where} holds no removals that people judged.", "Its shards are data/items-*.parquet.")
    whole = hashlib.sha256()
    for file in files[EVENTS]:
        whole.update(sha256(file.read_bytes()).encode())
    answers, _ = read_answers(str(folder))
    set_ = open_shards(files[ITEMS], Path(where).name, commit)
    return Opened(LABELLED, where, set_, answers, whole.hexdigest(), ON_HUB if commit else notes_of(folder))


def _inside(folder: Path, kind: str) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in (folder / FOLDERS[kind]).glob("*.parquet")]
