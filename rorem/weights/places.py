"""Where the files of a part lie on this machine. Nothing here needs the network, and nothing is written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from rorem.errors import MissingWeights
from rorem.weights.parts import Hub, Part, WeightFile

LOCAL = "ROREM_WEIGHTS"  # a folder with a folder for each part; looked at before all other places
INDEX = ".index.json"  # how the name of a file ends that says which shards a large file was cut into
COMMIT = re.compile(r"[0-9a-f]{40}")
COMMIT_START = re.compile(r"[0-9a-f]{7,40}")  # as short as git and the Hub write them


def locate(part: Part, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The folder with all files of the part, or None. Nothing is fetched; what cannot be read counts as missing."""
    return next((folder for folder in folders(part, environment) if complete(folder, part)), None)


def require(part: Part, environment: Mapping[str, str] = os.environ) -> Path:
    """As `locate`. Raises MissingWeights with what is in the way and how to get it."""
    folder = locate(part, environment)
    if folder is None:
        sentence = f"There is no complete copy of {part.about} on this machine. {obstacle(part, environment)}".strip()
        raise MissingWeights(sentence, f"Get it with: rorem weights pull {part.name}")
    return folder


def complete(folder: Path, part: Part) -> bool:
    """Whether every file of the part, or one that does as well, lies in the folder."""
    try:
        return all(_present(folder, file) for file in part.files)
    except OSError:
        return False


def names(folder: Path, part: Part) -> Iterator[tuple[str, WeightFile | None]]:
    """The files of a part that lie in a folder, shards too: the name, and what the catalog knows of this very file.

    Raises OSError and, for an index that cannot be understood, ValueError.
    """
    for file in part.files:
        name = next((name for name in file.names if (folder / name).is_file()), None)
        if name is None:
            continue
        yield name, file if name == file.name else None
        if name.endswith(INDEX):
            yield from ((shard, None) for shard in shards(folder, name))


def shards(folder: Path, index: str) -> list[str]:
    """The files that an index lists, as paths inside the folder. Raises OSError; ValueError if it is no index."""
    try:
        listed = set(json.loads((folder / index).read_bytes())["weight_map"].values())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{index} does not list files") from error
    if not listed or not all(isinstance(name, str) and re.fullmatch(r"\w[\w.-]*", name) for name in listed):
        raise ValueError(f"{index} lists names that are none")
    return [str(PurePosixPath(index).with_name(name)) for name in sorted(listed)]


def obstacle(part: Part, environment: Mapping[str, str] = os.environ) -> str:
    """Why the folder of the part that is there does not do, as a sentence; "" if no folder is there, or one that does.

    Never raises.
    """
    local = environment.get(LOCAL)
    if local and not os.path.exists(os.path.expanduser(local)):
        return f"{LOCAL} is set to {local}, which is not there."
    for folder in folders(part, environment):
        try:
            if not list(folder.iterdir()):
                continue
            missing = [file.name for file in part.files if not _present(folder, file)]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return f"{folder} cannot be read: {(error.strerror or str(error)).lower()}."
        if not missing:
            return ""
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        return f"{folder} has no {missing[0]}{others}."
    return ""


def folders(part: Part, environment: Mapping[str, str]) -> Iterator[Path]:
    """Where a part may lie, in the order of preference."""
    if local := local_home(part, environment):
        yield local
    if isinstance(part.source, Hub):
        yield from _snapshots(hub_folder(part.source, environment), part.source.revision)
    else:
        yield store(environment) / part.name


def local_home(part: Part, environment: Mapping[str, str]) -> Path | None:
    """The part's folder under ROREM_WEIGHTS, there or not; None if that is not set."""
    local = environment.get(LOCAL)
    return Path(local).expanduser() / part.name if local else None


def store(environment: Mapping[str, str]) -> Path:
    """Our own folder for what is not on the Hub, one folder a part.

    In the cache, as all of it can be fetched again and no backup needs it; beside the Hub's, where people look for
    large files first.
    """
    return _cache(environment) / "rorem" / "weights"


def hub_cache(environment: Mapping[str, str]) -> Path:
    """The cache of huggingface_hub, found as that library finds it but without importing it."""
    home = environment.get("HF_HOME") or str(_cache(environment) / "huggingface")
    cache = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE") or os.path.join(home, "hub")
    return Path(os.path.expandvars(os.path.expanduser(cache)))


def hub_folder(source: Hub, environment: Mapping[str, str]) -> Path:
    """Where that cache keeps a repository: `blobs`, `refs` and `snapshots`."""
    return hub_cache(environment) / f"models--{source.repository.replace('/', '--')}"


def commit_of(folder: Path) -> str:
    """The commit of a snapshot in the Hub's cache, "" for other folders."""
    return folder.name if folder.parent.name == "snapshots" and COMMIT.fullmatch(folder.name) else ""


def _present(folder: Path, file: WeightFile) -> bool:
    """Whether the file is there, with all shards if it is an index. Raises OSError."""
    return any((folder / name).is_file() and _whole(folder, name) for name in file.names)


def _whole(folder: Path, name: str) -> bool:
    if not name.endswith(INDEX):
        return True
    try:
        return all((folder / shard).is_file() for shard in shards(folder, name))
    except ValueError:
        return False


def _snapshots(repository: Path, revision: str) -> Iterator[Path]:
    """Folders of the Hub's cache with this revision: of a branch the one it last pointed to, of a commit's first digits
    each that fits."""
    try:
        yield repository / "snapshots" / (repository / "refs" / revision).read_text("utf-8").strip()
    except (OSError, ValueError):
        if not COMMIT_START.fullmatch(revision):
            return
        try:
            yield from sorted((repository / "snapshots").glob(f"{revision}*"))
        except OSError:
            return


def _cache(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
