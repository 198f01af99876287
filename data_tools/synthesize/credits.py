"""Whose a file is: read from the copyright file of a Debian package, or one in the same format beside the files.

The format is https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

UNKNOWN = "unknown"
BESIDE = "copyright"  # a file of this name in a folder of one's own
MOST_NAMES = 3  # of the authors of one file; packages that list everybody have dozens

_YEARS = re.compile(r"^(?:\(c\)|©)?\s*(?:\d{4}(?:\s*[-–]\s*\d{4})?[\s,.]+)+(?:by\s+)?", re.IGNORECASE)
_LAST_YEARS = re.compile(r"[\s,]+\d{4}(?:\s*[-–]\s*\d{4})?$")
_ADDRESS = re.compile(r"\s*<[^>]*>\W*$")


@dataclass(frozen=True)
class Credit:
    """author: as the file has to be credited. licence: the short name that the copyright file uses. source: where this
    was said, and where the file comes from."""

    author: str = UNKNOWN
    licence: str = UNKNOWN
    source: str = ""


NOBODY = Credit()


@dataclass(frozen=True)
class Notice:
    """What a copyright file says about some files. patterns: of their paths in the package's source."""

    patterns: Sequence[str]
    credit: Credit


def notices_of(folder: Path) -> list[Notice]:
    """What is said in a folder that a Debian package was unpacked to, or by the file `copyright` in any folder.

    Raises OSError. A file that is not in the format says nothing.
    """
    files = sorted(folder.glob("usr/share/doc/*/copyright")) or [file for file in [folder / BESIDE] if file.is_file()]
    found: list[Notice] = []
    for file in files:
        package = file.parent.name if file.parent.parent.name == "doc" else ""
        source = f"Debian package {package}" if package else ""
        found += parse(file.read_text("utf-8", errors="replace"), source)
    return found


def parse(text: str, source: str = "") -> list[Notice]:
    """The notices of a copyright file, in its order."""
    found = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields = _fields(paragraph)
        if patterns := " ".join(fields.get("files", ())).split():
            authors = _authors(fields.get("copyright", ()))
            licence = (fields.get("license") or [UNKNOWN])[0]
            where = [line for line in fields.get("comment", ()) if re.match(r"https?://\S+$", line)]
            told = ", ".join([*where, source]) if source else ", ".join(where)
            found.append(Notice(patterns, Credit(authors or UNKNOWN, licence or UNKNOWN, told)))
    return found


def credit_of(path: str, notices: Sequence[Notice]) -> Credit:
    """Who made the file at this path, relative to its folder and with "/".

    Packages install files elsewhere than their source has them and change formats, so what fits best counts: the path
    or its end; the same without the suffix; the file's name alone, if only one notice has it; and at last what is said
    of all files. Of notices that fit equally well the last counts, as the format wants it.
    """
    for fits in (_whole, _without_suffix):
        for notice in reversed(notices):
            if any(pattern != "*" and fits(path, pattern) for pattern in notice.patterns):
                return notice.credit
    named = [notice for notice in notices if any(_name_alone(path, pattern) for pattern in notice.patterns)]
    if len(named) == 1:
        return named[0].credit
    return next((notice.credit for notice in reversed(notices) if "*" in notice.patterns), NOBODY)


def _whole(path: str, pattern: str) -> bool:
    return any(fnmatchcase(end, pattern) for end in _ends(path))


def _without_suffix(path: str, pattern: str) -> bool:
    bare = str(PurePosixPath(pattern).with_suffix(""))
    return "*" not in pattern and str(PurePosixPath(path).with_suffix("")).endswith(f"/{bare}")


def _name_alone(path: str, pattern: str) -> bool:
    return "*" not in pattern and PurePosixPath(pattern).name == PurePosixPath(path).name


def _ends(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[first:]) for first in range(len(parts))]


def _fields(paragraph: str) -> dict[str, list[str]]:
    """Lines of each field, with names in lower case."""
    fields: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in paragraph.splitlines():
        if found := re.match(r"([A-Za-z-]+):(.*)", line):
            lines = fields.setdefault(found[1].lower(), [])
            lines.append(found[2].strip())
        elif line.strip():
            lines.append(line.strip())
    return fields


def _authors(lines: Sequence[str]) -> str:
    cleaners: Sequence[Callable[[str], str]] = (
        lambda line: _ADDRESS.sub("", line),
        lambda line: _YEARS.sub("", line),
        lambda line: _LAST_YEARS.sub("", line),
    )
    names = []
    for line in lines:
        for clean in cleaners:
            line = clean(line.strip(" ,"))
        names.append(line.strip(" ,"))
    names = [name for name in dict.fromkeys(names) if name]
    return ", ".join(names[:MOST_NAMES]) + (" and others" if len(names) > MOST_NAMES else "")
