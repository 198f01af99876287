"""A part whose files lie in a folder on the web."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from rorem.weights.checking import remember
from rorem.weights.digests import Found, Wanted
from rorem.weights.download import OnBytes, fetch, kept, room_for
from rorem.weights.parts import Part, Url, WeightFile


def fetch_part(part: Part, source: Url, folder: Path, on_bytes: OnBytes) -> None:
    """Fetches what the folder lacks. Raises as `download.fetch` and `download.kept`."""
    room_for(((folder / file.name, file.bytes) for file in part.files if not (folder / file.name).exists()), folder)
    found = dict(_one(source, folder, file, on_bytes) for file in part.files)
    remember(folder, part, found)


def _one(source: Url, folder: Path, file: WeightFile, on_bytes: OnBytes) -> tuple[str, Found]:
    """The first of a file's names that is here or there, and what it holds."""
    from huggingface_hub.errors import HfHubHTTPError

    for name in file.names:
        if (folder / name).exists():
            return name, kept(folder / name, _wanted(file, name))
    for name in file.names:
        url = f"{source.address.rstrip('/')}/{quote(name)}"
        try:
            return name, fetch(url, folder / name, _wanted(file, name), {}, on_bytes, name)
        except HfHubHTTPError as error:
            if error.response.status_code != 404 or name == file.names[-1]:
                raise
    raise AssertionError("a file has a name")


def _wanted(file: WeightFile, name: str) -> Wanted:
    return Wanted.of(file if name == file.name else None)
