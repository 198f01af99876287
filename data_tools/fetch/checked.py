"""Files from the Hub that are what the Hub says they are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from data_tools.publish.patience import Patience
from data_tools.publish.repository import DataRepository, Stored, Tree
from rorem.errors import BadData
from rorem.labels.hub_trouble import HubTrouble

PIECE = 1 << 20


def fetch_file(hub: DataRepository, tree: Tree, path: str, folder: Path, patience: Patience) -> Path:
    """A file in `folder`, under the path that it has on the Hub. What was broken off goes on; a file that is there is
    taken for whole, since only what was checked gets there. Raises HubTrouble, Unavailable, OSError."""
    place = folder / path
    if place.is_file():
        return place

    def bring() -> Path:
        part = hub.fetch(path, tree.commit, folder / ".on-its-way")
        if not is_what(part, tree.files[path]):
            part.unlink()
            raise HubTrouble(f"{path} did not arrive as it is in {hub.name}.")
        return part

    part = patience(bring)
    place.parent.mkdir(parents=True, exist_ok=True)
    part.replace(place)
    return place


def is_what(path: Path, stored: Stored) -> bool:
    """Whether a file has the content that the Hub tells of. Raises OSError."""
    size = path.stat().st_size
    if size != stored.size:
        return False
    if stored.sha256:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == stored.sha256
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)  # as git counts small files
    with path.open("rb") as file:
        while data := file.read(PIECE):
            digest.update(data)
    return digest.hexdigest() == stored.blob


def check_cached(name: str, tree: Tree, wanted: Iterator[str], environment: Mapping[str, str] = os.environ) -> None:
    """Files of the Hub's cache. Raises BadData for one that is damaged, after it was deleted; OSError."""
    from huggingface_hub import constants, try_to_load_from_cache

    cache = environment.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE
    for path in wanted:
        found = try_to_load_from_cache(name, path, cache, tree.commit, repo_type="dataset")
        if isinstance(found, str) and not is_what(Path(found).resolve(), tree.files[path]):
            Path(found).resolve().unlink()
            Path(found).unlink(missing_ok=True)
            raise BadData(f"{path} in the cache is not what {name} holds.", "The same command fetches it again.")
