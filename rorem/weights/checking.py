"""Whether files are what was published, or at least what they were when they came."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rorem.errors import BadWeights
from rorem.weights import record
from rorem.weights.digests import Found, Wanted, difference, fingerprint, measure
from rorem.weights.parts import ByHand, Hub, Part, Url, WeightFile
from rorem.weights.places import commit_of, names, require
from rorem.weights.record import Content, Record


def verify(
    part: Part,
    folder: Path | None = None,
    deep: bool = True,
    environment: Mapping[str, str] = os.environ,
    on_file: Callable[[str], None] = lambda name: None,
) -> Path:
    """Checks every file of a part against the catalog, the record beside it and the Hub's cache. Returns the folder.

    folder: where it lies, if that is known already. deep: reads all of every file; otherwise only sizes are compared.
    on_file: takes the name of each before it is read. What has no record gets one here, if the folder can be written
    to, so that later changes are seen. Raises MissingWeights, and BadWeights naming the file.
    """
    folder = folder or require(part, environment)
    before = record.read(folder)
    found: dict[str, Found] = {}
    try:
        for name, file in names(folder, part):
            on_file(name)
            wanted = list(_known(folder, name, file, before))
            whole = measure(folder / name, (want for want, _ in wanted)) if deep else _weighed(folder / name)
            for want, by_whom in wanted:
                if wrong := difference(whole, want if deep else Wanted(want.bytes)):
                    raise BadWeights(f"{folder / name} is not {by_whom}: {wrong}.")
            found[name] = whole
    except ValueError as error:
        raise BadWeights(f"{folder} has an index that cannot be understood: {error}.") from error
    except OSError as error:
        raise BadWeights(
            f"{error.filename or folder} cannot be read: {(error.strerror or str(error)).lower()}."
        ) from error
    if deep and before is None and not commit_of(folder):
        with suppress(OSError):  # a folder that is shared and closed; it is checked against the catalog alone
            remember(folder, part, found)
    return folder


def remember(folder: Path, part: Part, found: Mapping[str, Found], revision: str = "") -> None:
    """Writes the record beside the files. Raises OSError."""
    match part.source:
        case Hub(repository=source) | Url(address=source) | ByHand(page=source):
            contents = {name: Content(bytes=one.bytes, sha256=one.sha256) for name, one in found.items()}
    now = datetime.now(UTC).replace(microsecond=0)
    marks = fingerprint(folder, contents)
    record.write(folder, Record(source=source, revision=revision, when=now, files=contents, fingerprint=marks))


def _known(folder: Path, name: str, file: WeightFile | None, before: Record | None) -> Iterator[tuple[Wanted, str]]:
    """What a file has to be, and who says so."""
    yield Wanted.of(file), "the file that was published"
    if before and name in before.files:
        content = before.files[name]
        yield Wanted(content.bytes, content.sha256), f"what it was on {before.when:%Y-%m-%d}"
    if commit_of(folder) and (folder / name).is_symlink():  # to a blob, which is named after what it has to hold
        digits = os.path.basename(os.readlink(folder / name))
        yield (
            Wanted(sha256=digits if len(digits) == 64 else "", git=digits if len(digits) == 40 else ""),
            "what the Hub sent",
        )


def _weighed(path: Path) -> Found:
    return Found(path.stat().st_size, "")
