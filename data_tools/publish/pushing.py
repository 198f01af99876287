"""Bringing a set to the Hub: a shard at a time, out of sight, and then all in their places with one commit."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_tools.publish.card import SPLITS, card, is_shard, shard_path
from data_tools.publish.counts import Counts
from data_tools.publish.cutting import OnStep, Shard, cut
from data_tools.publish.journal import Journal, made_with
from data_tools.publish.patience import Patience
from data_tools.publish.repository import DataRepository, Tree
from data_tools.round.manifest import MANIFEST, read_manifest
from data_tools.round.telling import sums
from data_tools.staging import alone
from data_tools.tally import Tally
from rorem.errors import BadData, BadOptions
from rorem.labels.hub_repository import README
from rorem.labels.hub_trouble import Conflict, HubTrouble, NoRepository
from rorem.triplet import TripletSet, open_set
from rorem.triplet.columns import need_pyarrow
from rorem.triplet.shards_writing import SHARD

# Where shards wait until all are there. Neither `load_dataset` nor `open_set` looks into it, and the Hub keeps files of
# this suffix by content, so that the last commit moves them without another upload.
WAITING, SUFFIX = ".incoming", ".bin"
TOKEN = "HF_TOKEN"
CONFLICTS = 6  # commits by others that the last commit gives way to
LABELS = "<!-- rorem:labels -->"  # in the card of a data set of labels

OnNews = Callable[[str], None]


@dataclass(frozen=True)
class Published:
    """What came of it. shards: in the data set now. uploaded: by this run. left_out: records that could not be used.
    changed: whether there was anything to commit at the end. commit: the last one."""

    repository: str
    counts: Counts
    shards: int
    uploaded: int
    left_out: Tally
    changed: bool
    commit: str


@dataclass(frozen=True)
class Wanted:
    """How a set is published. public: when the data set is made; one that is public already has to be meant.
    licence: of the data set, as the Hub calls it. max_bytes: of pictures in a shard.

    Raises BadOptions for a split that is none.
    """

    split: str = "train"
    public: bool = False
    licence: str = ""
    max_bytes: int = SHARD

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise BadOptions(f"There is no split called {self.split!r}.", f"Choose from {', '.join(SPLITS)}.")
        if self.max_bytes < 1:
            raise BadOptions("A shard needs room for pictures.", f"{SHARD // 10**6} MB suit the Hub.")


def publish(
    name: str,
    repository: str,
    wanted: Wanted = Wanted(),
    work: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    on_step: OnStep = lambda done, total: None,
    patience: Patience = Patience(),  # noqa: B008
) -> Published:
    """Brings the set of this name (see `open_set`) to the Hub data set owner/name.

    Shards are made one at a time in a folder under `work` (a cache folder, if not said), uploaded to `.incoming/`, and
    moved to `data/` together with the card in one commit at the end; until then `load_dataset` reads what was there
    before. A run that was killed goes on: what is in the journal and on the Hub is not made again, and what is on the
    Hub is never uploaded twice. The token comes from HF_TOKEN alone.
    Raises BadOptions; BadData for no such set, or one without a record that can be used; HubTrouble; Unavailable;
    OSError.
    """
    token = environment.get(TOKEN, "")
    hub = DataRepository(repository, token, public=wanted.public, endpoint=environment.get("HF_ENDPOINT", ""))
    if not token:
        raise BadOptions(f"{TOKEN} is not set, so nothing can be published.", "Set it to a token that may write.")
    need_pyarrow()
    set_ = open_set(name, environment)
    tree = _created(hub, wanted, patience)
    key = made_with(set_, wanted.max_bytes)
    folder = (work or cache_folder(environment)) / hashlib.sha256(f"{repository} {key}".encode()).hexdigest()[:16]
    with alone(folder):
        push = _Push(hub, set_, wanted, folder, Journal(folder, key), on_step, patience)
        patience(lambda: _readme(hub, tree, folder))
        push.upload(tree)
        if not push.made:
            raise BadData(f"{set_.name} holds no record that can be published.", "; ".join(push.left_out.lines()))
        changed, commit = push.settle(_notes(name))
    return Published(repository, push.counts, len(push.made), push.uploaded, push.left_out, changed, commit)


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where shards lie until they are on the Hub, and the journals: all of it can be made again."""
    cache = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "rorem" / "publish"


@dataclass
class _Push:
    hub: DataRepository
    set_: TripletSet
    wanted: Wanted
    folder: Path
    journal: Journal
    on_step: OnStep
    patience: Patience
    uploaded: int = 0
    counts: Counts = field(default_factory=Counts)
    left_out: Tally = field(default_factory=Tally)
    made: list[Shard] = field(default_factory=list)  # that have a file

    def upload(self, tree: Tree) -> None:
        """Has every shard's content on the Hub, out of sight or where it belongs."""
        there = {one.sha256 for one in tree.files.values()}
        waiting = {path for path in tree.files if path.startswith(f"{WAITING}/")}
        number = start = 0
        while start < len(self.set_):
            shard = self.journal.at(number)
            if shard is None or (shard.rows and not self._is_there(shard, there, waiting)):
                shard = self._make(start, number, there, waiting)
            if shard.number == len(self.journal.shards):
                self.journal.add(shard)
            self._count(shard)
            number, start = number + 1, shard.stop
            self.on_step(start, len(self.set_))

    def settle(self, notes: Sequence[str]) -> tuple[bool, str]:
        """Everything in its place, the card too, in one commit. Whether there was one, and the last one."""
        for _ in range(CONFLICTS):
            try:
                return self.patience(lambda: self._settle(notes))
            except Conflict:
                continue
        raise Conflict(f"Others write to {self.hub.name} all the time.", "Try again later; nothing is lost.")

    def _make(self, start: int, number: int, there: set[str], waiting: set[str]) -> Shard:
        before = self.journal.at(number)
        shard, path = cut(self.set_, start, number, self.folder, self.wanted.max_bytes, on_step=self.on_step)
        if before and shard.sha256 != before.sha256:  # a picture was exchanged for one of the same size
            self.journal.forget(number)
        if path is None:
            return shard
        try:
            if not self._is_there(shard, there, waiting):
                self.patience(lambda: self._bring(shard, path))
                self.uploaded += 1
        finally:
            path.unlink(missing_ok=True)
        return shard

    def _bring(self, shard: Shard, path: Path) -> None:
        """One commit with one file; none, if an earlier one came through without our hearing of it."""
        place = self._waiting(shard)
        if place not in self.hub.tree().files:
            title = f"{self.wanted.split}: shard {shard.number} on its way"
            self.hub.commit(title, {place: path}, (), parent="")

    def _is_there(self, shard: Shard, there: set[str], waiting: set[str]) -> bool:
        return shard.sha256 in there or self._waiting(shard) in waiting

    def _waiting(self, shard: Shard) -> str:
        return f"{WAITING}/{self.wanted.split}/{shard.sha256}{SUFFIX}"

    def _count(self, shard: Shard) -> None:
        self.counts.join(shard.counts)
        self.left_out.join(shard.left_out)
        if shard.rows:
            self.made.append(shard)

    def _settle(self, notes: Sequence[str]) -> tuple[bool, str]:
        tree = self.hub.tree()
        copies: dict[str, str] = {}
        places = {shard_path(self.wanted.split, at, len(self.made)): shard for at, shard in enumerate(self.made)}
        for place, shard in places.items():
            if place in tree.files and tree.files[place].sha256 == shard.sha256:
                continue
            waiting = self._waiting(shard)
            found = waiting if waiting in tree.files else tree.holding(shard.sha256)
            if found is None:
                raise HubTrouble(f"{self.hub.name} has lost what was uploaded.", "Publish it again.", refused=True)
            copies[place] = found
        old = {path for path in tree.files if is_shard(path, self.wanted.split)} - set(places)
        old |= {path for path in tree.files if path.startswith(f"{WAITING}/{self.wanted.split}/")}
        after = (set(tree.files) | set(places)) - old
        adds = self._readme(tree, after, notes)
        if not (copies or adds or old):
            return False, tree.commit
        title = f"{self.wanted.split}: {self.counts.records} records in {len(self.made)} shards"
        self.hub.rearrange(title, copies, adds, sorted(old), tree.commit)
        now = self.hub.tree()
        if any(place not in now.files or now.files[place].size != shard.bytes for place, shard in places.items()):
            raise HubTrouble(f"{self.hub.name} does not hold what was committed.")
        return True, now.commit

    def _readme(self, tree: Tree, after: set[str], notes: Sequence[str]) -> dict[str, bytes]:
        """The card, if it has to change."""
        before = _readme(self.hub, tree, self.folder)
        text = card(before, self.hub.name, self.wanted.split, after, self.counts, self.wanted.licence, notes)
        return {} if text == before else {README: text.encode()}


def _created(hub: DataRepository, wanted: Wanted, patience: Patience) -> Tree:
    """The data set, made if it is not there. Raises BadOptions for one that nothing should be pushed to."""

    def look() -> Tree:
        try:
            return hub.tree()
        except NoRepository:
            hub.create()
            return hub.tree()

    tree = patience(look)
    if not tree.private and not wanted.public:
        raise BadOptions(
            f"Everybody can see {hub.name}, and that was not asked for.", "Say --public, or choose another name."
        )
    return tree


def _readme(hub: DataRepository, tree: Tree, folder: Path) -> str:
    """Raises BadOptions where the card says that something else lies there."""
    if README not in tree.files:
        return ""
    path = hub.fetch(README, tree.commit, folder)
    text = path.read_text("utf-8", errors="replace")
    path.unlink()
    if LABELS in text:
        raise BadOptions(f"{hub.name} is a data set of labels.", "Publish the set under another name.")
    return text


def _notes(name: str) -> list[str]:
    """Lines of the manifest, where the set is a round."""
    folder = Path(name).expanduser()
    if not (folder / MANIFEST).is_file():
        return []
    try:
        return list(sums(read_manifest(folder)))
    except (BadData, KeyError, TypeError, ValueError, AttributeError):  # another's manifest, or an older one
        return []
