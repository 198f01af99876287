"""Fetching a set: one shard after the other, or the folder, or the archives that were published."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_tools.fetch.checked import check_cached, fetch_file
from data_tools.publish.changing import of_archive
from data_tools.publish.converting import FOLDER, SHARDS, Converted, OnStep, add_all, to_folder, to_shards
from data_tools.publish.journal import EDITION, tally_of, told_tally
from data_tools.publish.patience import Patience
from data_tools.publish.repository import DataRepository, Tree
from data_tools.publish.unpacking import archives
from data_tools.set_folder import SetFolder
from data_tools.staging import alone, whole
from data_tools.tally import Tally
from rorem.errors import BadData, BadOptions
from rorem.files import write_whole
from rorem.labels.hub_repository import README
from rorem.triplet import open_set, open_shards
from rorem.triplet.folder import META, ROOMS
from rorem.triplet.hub import ID, MAIN, open_hub
from rorem.triplet.record import sha256
from rorem.triplet.sets import Names
from rorem.triplet.shards import check_names
from rorem.triplet.shards_writing import SHARD

SUFFIX = ".parquet"
DONE = ".fetched"  # beside the records: a note for each shard that was written, with their names there and here


def fetch(
    name: str,
    out: Path,
    to: str = SHARDS,
    environment: Mapping[str, str] = os.environ,
    on_step: OnStep = lambda done, total: None,
    patience: Patience = Patience(),  # noqa: B008
    max_bytes: int = SHARD,
) -> Converted:
    """Fetches the set "owner/name", "owner/name@revision" or "owner/name/where", as shards or as a folder.

    Every file is held to the hash that the Hub tells, every record to its own. Shards are fetched one at a time; for
    to="folder" each is deleted once its records are written. The same call goes on where another was stopped.
    on_step: told of files, of a folder's records. max_bytes: of pictures in a shard that has to be made.
    Raises BadOptions; BadData for no such set and an `out` that is taken; HubTrouble, Unavailable, OSError.
    """
    parsed = ID.fullmatch(name)
    if parsed is None:
        raise BadOptions(f"{name} is no name of a data set on the Hub.", "Such a name is owner/name.")
    if to not in (FOLDER, SHARDS):
        raise BadOptions(f"There is nothing called {to!r} to fetch as.", f"Choose {FOLDER} or {SHARDS}.")
    token, endpoint = environment.get("HF_TOKEN", ""), environment.get("HF_ENDPOINT", "")
    hub = DataRepository(parsed["repository"], token, endpoint=endpoint)
    tree = patience(lambda: hub.tree(parsed["revision"] or MAIN))
    inside = parsed["inside"].strip("/")
    files = [path for path in sorted(tree.files) if _is_in(path, inside) and _is_plain(path)]
    out = out.absolute()
    out.parent.mkdir(parents=True, exist_ok=True)
    stage = out.with_name(f".{out.name}.fetching")
    with alone(stage):
        job = _Job(hub, tree, stage, out, patience, on_step)
        if shards := [path for path in files if path.endswith(SUFFIX)]:
            check_names(shards, hub.name)
            done = job.as_shards(shards) if to == SHARDS else job.as_folder(shards)
        elif _is_folder(files, inside):
            set_ = open_hub(name, environment, lambda done, total, _: on_step(done, total))
            check_cached(hub.name, tree, iter(files), environment)
            done = to_folder(set_, out, on_step) if to == FOLDER else to_shards(set_, out, max_bytes, on_step=on_step)
        else:
            done = of_archive(job.pieces(files, inside), out, to, max_bytes, on_step)
        shutil.rmtree(stage, ignore_errors=True)
    return done


class _Job:
    def __init__(
        self, hub: DataRepository, tree: Tree, stage: Path, out: Path, patience: Patience, on_step: OnStep
    ) -> None:
        """stage: a hidden folder beside `out`; of another commit, it is emptied."""
        self.hub, self.tree, self.stage, self.out = hub, tree, stage / tree.commit, out
        self.patience, self.on_step = patience, on_step
        for old in stage.glob("*"):
            if old.is_dir() and old != self.stage:
                shutil.rmtree(old, ignore_errors=True)

    def as_shards(self, shards: Sequence[str]) -> Converted:
        """The files as they are, and the card."""
        wanted = [*([README] if README in self.tree.files else []), *shards]
        with whole(self.out, self._key(wanted)) as stage:
            for done, path in enumerate(wanted):
                self.on_step(done, len(wanted))
                fetch_file(self.hub, self.tree, path, stage, self.patience)
            self.on_step(len(wanted), len(wanted))
            done = Converted(len(open_set(str(stage))), files=len(shards))
        return done

    def as_folder(self, shards: Sequence[str]) -> Converted:
        """Their records, written one by one. A shard is deleted when it is through."""
        key, left_out, names = self._key(shards), Tally(), Names()
        with whole(self.out, key) as folder, SetFolder(folder, key) as new:
            for at, path in enumerate(shards):
                self.on_step(at, len(shards))
                note = folder / DONE / f"{at}.json"
                told = _noted(note)
                if told and new.records.keys() >= set(told["written"]):
                    for name in told["names"]:
                        names.add(name)
                else:
                    told = self._add(path, new, names)
                    write_whole(note, json.dumps(told).encode())
                    (self.stage / path).unlink()
                left_out.join(tally_of(told))
            self.on_step(len(shards), len(shards))
            if not new.records:
                raise BadData(f"{self.hub.name} holds no record that can be used.", "; ".join(left_out.lines()))
            new.finish()
            done = Converted(len(new.records), left_out)
        return done

    def pieces(self, files: Sequence[str], inside: str) -> list[Path]:
        """The archive that is meant. Raises BadData if that is not clear."""
        found = archives(files)
        if len(found) != 1:
            what = f"several archives: {', '.join(found)}" if found else "no set"
            where = f"{self.hub.name}/{inside}" if inside else self.hub.name
            fix = f"Name one: {self.hub.name}/{next(iter(found))}" if found else "Look at its page."
            raise BadData(f"{where} holds {what}.", fix)
        ((_, paths),) = found.items()
        got = []
        for done, path in enumerate(paths):
            self.on_step(done, len(paths))
            got.append(fetch_file(self.hub, self.tree, path, self.stage, self.patience))
        return got

    def _add(self, path: str, new: SetFolder, names: Names) -> dict[str, Any]:
        file = fetch_file(self.hub, self.tree, path, self.stage, self.patience)
        set_, left_out = open_shards([file], path), Tally()
        wanted = [names.add(name) for name in set_.names]
        add_all(set_, new, left_out, wanted)
        written = [name for name in wanted if name in new.records]
        return {"names": list(set_.names), "written": written, **told_tally(left_out)}

    def _key(self, paths: Sequence[str]) -> str:
        """Names what these files become."""
        told = [[path, self.tree.files[path].sha256, self.tree.files[path].blob] for path in paths]
        return sha256(json.dumps([EDITION, told]).encode())


def _noted(note: Path) -> dict[str, Any] | None:
    """Of a shard that is through. What it tells is written, as long as the records are still there."""
    return json.loads(note.read_bytes()) if note.exists() else None


def _is_in(path: str, inside: str) -> bool:
    return not inside or path == inside or path.startswith((f"{inside}/", f"{inside}-", f"{inside}."))


def _is_plain(path: str) -> bool:
    """Neither hidden nor one that leads out of a folder."""
    return not any(part.startswith(".") or not part for part in path.split("/")) and "\\" not in path


def _is_folder(files: Sequence[str], inside: str) -> bool:
    root = f"{inside}/" if inside else ""
    photos = any(path.startswith(f"{root}{ROOMS['source']}/") for path in files)
    return photos and (f"{root}{META}" in files or any(path.startswith(f"{root}{ROOMS['mask']}/") for path in files))
