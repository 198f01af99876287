"""Fetches a part: only the files that are needed, each checked, into the place where `locate` will look."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rorem.errors import BadWeights, MissingWeights
from rorem.weights import from_hub, from_web
from rorem.weights.checking import verify
from rorem.weights.download import OnBytes
from rorem.weights.parts import ByHand, Hub, Part
from rorem.weights.places import hub_cache, hub_folder, local_home, locate, obstacle, store
from rorem.weights.troubles import in_sentences


def pull(
    part: Part,
    on_bytes: OnBytes = lambda done, total, name: None,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """The folder of a part, fetched where it is not on this machine yet. What was broken off goes on.

    It goes to ROREM_WEIGHTS if that is set, else to the Hub's cache or to our own store. on_bytes: told of each file's
    bytes as they come; it may raise, to stop. Raises MissingWeights with what is in the way, and BadWeights for a file
    or a repository that is not what it should be. What is not whole and right never has its final name.
    """
    if found := locate(part, environment):
        return verify(part, found, deep=False)
    local = local_home(part, environment)
    home = local or store(environment) / part.name
    if isinstance(part.source, ByHand):
        raise _by_hand(part, part.source, home, obstacle(part, environment))
    cached = isinstance(part.source, Hub) and not local
    place = hub_folder(part.source, environment) if isinstance(part.source, Hub) and cached else home
    lock = hub_cache(environment) / ".locks" / place.name if cached else place.parent / ".locks" / place.name
    endpoint = environment.get("HF_ENDPOINT", "").rstrip("/") or None
    with in_sentences(part, place, endpoint), _alone(lock / "rorem.lock"):
        if found := locate(part, environment):  # somebody else fetched it while we waited
            return verify(part, found, deep=False)
        if isinstance(part.source, Hub):
            from_hub.fetch_part(part, part.source, local, environment, endpoint, on_bytes)
        else:
            from_web.fetch_part(part, part.source, place, on_bytes)
    folder = locate(part, environment)
    if folder is None:
        raise BadWeights(f"Not all of {part.about} arrived. {obstacle(part, environment)}")
    return folder


def _by_hand(part: Part, source: ByHand, home: Path, why: str) -> MissingWeights:
    files = " and ".join(str(home / file.name) for file in part.files)
    sentence = f"{part.about[0].upper()}{part.about[1:]} can only be downloaded by hand. {why}".strip()
    return MissingWeights(sentence, f"Download it from {source.page} and save it as {files}.")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Waits until no other process fetches the same. Raises OSError."""
    from huggingface_hub.utils import WeakFileLock

    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        yield
