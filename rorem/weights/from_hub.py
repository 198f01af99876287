"""A part whose files lie in a repository of the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rorem.errors import BadWeights
from rorem.weights.checking import remember
from rorem.weights.digests import Found, Wanted, difference, measure
from rorem.weights.download import OnBytes, fetch, kept, room_for
from rorem.weights.parts import Hub, Part, WeightFile
from rorem.weights.places import COMMIT, COMMIT_START, INDEX, hub_folder, shards

if TYPE_CHECKING:
    from huggingface_hub import HfApi

TIMEOUT = 30.0  # s for an answer
TOLD = 6  # files named in a complaint
FIX = "Perhaps it was changed or moved; docs/weights.md says how to bring the files yourself."


@dataclass(frozen=True)
class Repository:
    """commit: all 40 digits. files: by name, with what the Hub says of each."""

    source: Hub
    commit: str
    files: Mapping[str, Wanted]

    def __str__(self) -> str:
        return f"{self.source.repository} at {self.commit[:7]}"

    def has(self, name: str) -> str:
        """What there is instead of a file, from its own folder first, as the end of a complaint."""
        folder = name.rpartition("/")[0]
        names = [other for other in self.files if not other.startswith(".")]
        names.sort(key=lambda other: (other.rpartition("/")[0] != folder, other))
        others = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
        return f"it has {', '.join(names[:TOLD]) or 'no files'}{others}"


def fetch_part(
    part: Part,
    source: Hub,
    local: Path | None,
    environment: Mapping[str, str],
    endpoint: str | None,
    on_bytes: OnBytes,
) -> None:
    """Fetches what is missing into the folder `local`, with a record, or else into the Hub's cache.

    endpoint: address of the Hub if it is not the public one. Raises as `download.fetch` and `download.kept`, and
    BadWeights for a repository that does not have what the catalog expects.
    """
    repository = look_up(source, endpoint)
    place = hub_folder(source, environment)
    folder = local or place / "snapshots" / repository.commit
    wanted = dict(choose(repository, file) for file in part.files)
    found: dict[str, Found] = {}

    def target(name: str) -> Path:
        theirs = repository.files[name]  # the cache keeps content under the hash that the Hub has for it
        return local / name if local else place / "blobs" / (theirs.sha256 or theirs.git)

    def take(name: str) -> None:
        if local and target(name).exists():
            found[name] = kept(target(name), wanted[name])
        elif local or not (folder / name).exists():
            found[name] = _get(repository, name, wanted[name], target(name), endpoint, on_bytes)
        if not local:
            _link(repository, name, place.parent, endpoint)

    indices = [name for name in wanted if name.endswith(INDEX)]
    for name in indices:
        take(name)
        wanted.update(_pieces(repository, folder, name))
    missing = [name for name in wanted if name not in indices]
    room_for(((target(name), wanted[name].bytes) for name in missing if not (folder / name).exists()), folder)
    for name in missing:
        take(name)
    if local:
        remember(local, part, found, repository.commit)


def look_up(source: Hub, endpoint: str | None) -> Repository:
    """Asks the Hub what the repository has. Raises huggingface_hub's errors."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=endpoint, library_name="rorem")
    revision = _full(api, source)
    info = api.model_info(source.repository, revision=revision, files_metadata=True, timeout=TIMEOUT)
    files = {
        one.rfilename: Wanted(
            one.size or 0, sha256=one.lfs.sha256 if one.lfs else "", git="" if one.lfs else one.blob_id or ""
        )
        for one in info.siblings or []
    }
    return Repository(source, info.sha or revision, files)


def choose(repository: Repository, file: WeightFile) -> tuple[str, Wanted]:
    """The name under which the repository has a file, and all that is known of it. Raises BadWeights."""
    name = next((name for name in file.names if name in repository.files), None)
    if name is None:
        raise BadWeights(f"{repository} has no {' or '.join(file.names)}; {repository.has(file.name)}.", FIX)
    theirs = repository.files[name]
    if name != file.name:
        return name, theirs
    if file.bytes and theirs.bytes and file.bytes != theirs.bytes:
        raise BadWeights(f"{name} of {repository} has {theirs.bytes} bytes, not {file.bytes} as expected.", FIX)
    ours = file.sha256.lower()
    if theirs.sha256 and not theirs.sha256.startswith(ours):
        begins = theirs.sha256[: len(ours)]
        raise BadWeights(f"The sha256 of {name} of {repository} begins with {begins}, not {ours} as expected.", FIX)
    return name, replace(theirs, bytes=theirs.bytes or file.bytes, sha256=theirs.sha256 or ours, md5=file.md5)


def _full(api: HfApi, source: Hub) -> str:
    """The whole commit if only its first digits are known: the Hub wants whole ones, branches or tags."""
    revision = source.revision
    if COMMIT.fullmatch(revision) or not COMMIT_START.fullmatch(revision):
        return revision
    commits = [commit.commit_id for commit in api.list_repo_commits(source.repository)]
    fitting = [commit for commit in commits if commit.startswith(revision)]
    return fitting[0] if len(fitting) == 1 else revision


def _pieces(repository: Repository, folder: Path, index: str) -> Iterator[tuple[str, Wanted]]:
    """The shards that an index names."""
    try:
        names = shards(folder, index)
    except ValueError as error:
        raise BadWeights(f"{repository} has an index that cannot be understood: {error}.", FIX) from error
    for name in names:
        if name not in repository.files:
            raise BadWeights(f"{repository} has no {name}, which {index} lists; {repository.has(name)}.", FIX)
        yield name, repository.files[name]


def _get(
    repository: Repository, name: str, wanted: Wanted, target: Path, endpoint: str | None, on_bytes: OnBytes
) -> Found:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    if target.is_file():  # in the cache, left by another commit or program
        found = measure(target, [wanted])
        if not difference(found, wanted):
            return found
        target.unlink()
    url = hf_hub_url(repository.source.repository, name, revision=repository.commit, endpoint=endpoint)
    return fetch(url, target, wanted, build_hf_headers(library_name="rorem"), on_bytes, name)


def _link(repository: Repository, name: str, cache: Path, endpoint: str | None) -> None:
    """Shows a file that is in the cache under its name, as other programs expect it; huggingface_hub knows how."""
    from huggingface_hub import hf_hub_download

    source, commit = repository.source, repository.commit
    pinned = commit.startswith(source.revision)  # of a branch the cache notes where it leads
    revision = commit if pinned else source.revision
    hf_hub_download(source.repository, name, revision=revision, cache_dir=cache, endpoint=endpoint)
