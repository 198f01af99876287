"""Reading the data set of labels: removals with the answers that hold, as whoever trains a discriminator needs them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rorem.errors import BadData, Unavailable
from rorem.labels.current import current
from rorem.labels.event import JUDGEMENT, Event
from rorem.labels.hub_trouble import in_sentences
from rorem.labels.shards import EVENTS, FOLDERS, ITEMS, need_pyarrow, read_events, told_by
from rorem.triplet import Triplet, open_shards

PATTERNS = tuple(f"{folder}/{kind}-*.parquet" for kind, folder in FOLDERS.items())


@dataclass(frozen=True)
class Votes:
    """How many people say yes and no to a removal, each counted once."""

    yes: int
    no: int

    @property
    def share(self) -> float:
        return self.yes / (self.yes + self.no)


def read_labelled(
    where: str | Path,
    environment: Mapping[str, str] = os.environ,
    *,
    revision: str = "",
    public: bool = False,
) -> Iterator[Triplet]:
    """Every removal that somebody said yes or no to, once, with `votes_yes`, `votes_no`, `p_yes` and `accepted_by` as
    the events have it now: superseded answers, hidden repeats and answers to gold items are out.

    where: a folder with data/ and events/, or the name of a data set on the Hub, owner/name (or that of a folder, which
    goes first). revision: a branch, a tag or a commit. public: what visitors say of their own removals counts, too.
    p_yes: the share of yes. The pictures of one removal at a time are in memory.
    Raises BadData, Unavailable, HubTrouble.
    """
    need_pyarrow()
    folder = Path(where)
    if not folder.is_dir():
        folder = fetch(str(where), environment, revision)
    votes = votes_in(_shards(folder, EVENTS), public)
    seen: set[str] = set()
    if not (files := _shards(folder, ITEMS)):
        raise BadData(f"{where} holds no removals.", "Its shards are data/items-*.parquet.")
    for triplet in open_shards(files, str(where)):
        if isinstance(triplet, BadData):
            raise triplet
        if triplet.id in votes and triplet.id not in seen:  # two writers may have pushed the same one
            seen.add(triplet.id)
            told = votes[triplet.id]
            by = "human" if told.yes > told.no else "none"
            yield replace(triplet, votes_yes=told.yes, votes_no=told.no, p_yes=told.share, accepted_by=by)


def votes_in(files: Sequence[Path], public: bool = False) -> dict[str, Votes]:
    """The answers that hold, by item; items without a yes or no are left out. Raises BadData, Unavailable, OSError."""
    by_item: dict[str, dict[str, Event]] = {}
    for file in files:
        for event in read_events(file):
            if event.kind == JUDGEMENT and event.source != "gold":
                by_item.setdefault(event.item, {})[event.event] = event
    found = {}
    for item, some in by_item.items():
        told = current(sorted(some.values(), key=lambda one: one.at))
        verdicts = [one.verdict for one in (*told.answers, *(told.public if public else ()))]
        if yes_or_no := verdicts.count("yes") + verdicts.count("no"):
            found[item] = Votes(verdicts.count("yes"), yes_or_no - verdicts.count("yes"))
    return found


def fetch(name: str, environment: Mapping[str, str] = os.environ, revision: str = "") -> Path:
    """Brings the shards of a data set on the Hub to this machine, and returns the folder that they are in.

    HF_ENDPOINT, HF_HUB_CACHE and HF_TOKEN are heeded; what is here is not fetched again.
    Raises Unavailable without huggingface_hub, HubTrouble.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        fix = "pip install 'rorem[labels]' brings it."
        raise Unavailable("Data sets from the Hub need the package huggingface_hub.", fix) from error
    token = environment.get("HF_TOKEN", "")
    with in_sentences(name, token):
        return Path(
            snapshot_download(
                name,
                repo_type="dataset",
                revision=revision or None,
                allow_patterns=list(PATTERNS),
                endpoint=environment.get("HF_ENDPOINT", "").rstrip("/") or None,
                cache_dir=environment.get("HF_HUB_CACHE") or None,
                token=token or False,
                library_name="rorem",
            )
        )


def _shards(folder: Path, kind: str) -> list[Path]:
    """Of a folder; others' files beside them are no concern."""
    inside = (folder / FOLDERS[kind]).glob(f"{kind}-*.parquet")
    return sorted(path for path in inside if told_by(f"{FOLDERS[kind]}/{path.name}"))
