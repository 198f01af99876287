"""Unpacking a published archive into a folder: each file once, straight to its place, and nothing but plain files."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from data_tools.publish.converting import Chained
from data_tools.publish.journal import tally_of, told_tally
from data_tools.publish.packed_files import PIECE, Member, members
from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.files import write_whole
from rorem.triplet import TripletSet, open_folder
from rorem.triplet.folder import LARGEST, META, ROOMS, leaves
from rorem.triplet.folder_writing import TAKEN
from rorem.triplet.sets import shown

NOTE = ".unpacked.json"  # which archive, and whether all of it
LISTS = (".json", ".jsonl")
LARGEST_LIST = 4_000_000_000  # bytes; 10 million records
NUMBERED = re.compile(
    r"(?P<stem>.*?)[.-]?(?:part)?(?P<number>\d+)(?P<suffix>\.tar\.gz|\.tgz|\.tar|\.zip)", re.IGNORECASE
)
ARCHIVE = re.compile(r".*\.(tar\.gz|tgz|tar|zip)", re.IGNORECASE)

LINK, OUTSIDE, LARGE, TWICE, BADLY_NAMED = (
    "no plain file",
    "leads out of the folder",
    "larger than any picture",
    "another file of the same name came before",
    "has a name that no file can have",
)
# A name that is too long, or one of a file where a folder should be.
NAMES = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ)
OnFile = Callable[[int, int], None]


def archives(names: Sequence[str]) -> dict[str, list[str]]:
    """Files that belong together, by what they are called without number and suffix, in the order of the numbers.

    Raises BadData if one between two others is missing.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for name in sorted(names):
        if not ARCHIVE.fullmatch(name):
            continue
        numbered = NUMBERED.fullmatch(name)
        if numbered and numbered["stem"] and not name.lower().endswith(".zip"):
            found.setdefault(numbered["stem"], []).append((int(numbered["number"]), name))
        else:
            found.setdefault(re.sub(r"\.(tar\.gz|tgz|tar|zip)$", "", name, flags=re.IGNORECASE), []).append((0, name))
    for some in found.values():
        some.sort()
        for (before, name), (number, _) in pairwise(some):
            if number > before + 1:
                wanted = re.sub(rf"{before}(?=\.\w+(\.gz)?$)", str(before + 1), name)
                raise BadData(f"{wanted} is missing.", "All pieces of an archive are needed.")
    return {stem: [name for _, name in some] for stem, some in found.items()}


def unpack(
    pieces: Sequence[Path], folder: Path, left_out: Tally, on_file: OnFile = lambda done, total: None
) -> list[Path]:
    """Unpacks an archive in pieces; the folders with sets that came of it, as paths in `folder`.

    The same call goes on where another was stopped: files are there whole or not at all, and those that are there are
    passed over. What is no plain file, leads out of the folder or is larger than a picture may be is left out and
    counted; a second list of records of one name is kept under another. on_file: told of files, total 0 = not known.
    Raises BadData for what is no archive, breaks off, or holds no set, and if `folder` holds something else; OSError.
    """
    made_of = [[piece.name, piece.stat().st_size] for piece in pieces]
    there = _noted(folder, made_of, left_out)
    if there is None:
        write_whole(folder / NOTE, json.dumps({"made_of": made_of, "sets": None}).encode())
        taken: dict[str, bytes] = {}
        for done, member in enumerate(members(pieces)):
            on_file(done, 0)
            _unpack(member, folder, taken, left_out)
        there = _sets_in(folder)
        if not there:
            what = f"A set has {META}, or the folders source and mask."
            raise BadData(f"{pieces[0].name} holds no set of photos and masks.", what)
        told = {"made_of": made_of, "sets": there, "left_out": told_tally(left_out)}
        write_whole(folder / NOTE, json.dumps(told).encode())
    return [Path(one) for one in there]


def open_unpacked(folder: Path, sets: Sequence[Path], name: str) -> TripletSet:
    """Everything that was unpacked, as one set: of several, each record has its folder before its name.

    Raises BadData.
    """
    found: dict[str, TripletSet] = {}
    for one in sets:
        home = folder / one
        before = "" if one == Path(".") or len(sets) == 1 else one.as_posix()
        lists = sorted(home.glob("meta*.json"))
        for path in lists or [None]:
            where = before if path is None or path.name == META else f"{before}/{path.stem}".strip("/")
            found[where] = open_folder(home, path, name)
    return TripletSet(name, Chained(found)) if len(found) > 1 else next(iter(found.values()))


def _noted(folder: Path, made_of: object, left_out: Tally) -> list[str] | None:
    """The sets in the folder, if all is unpacked, with what was left out. Raises BadData if it holds something else."""
    note = folder / NOTE
    if not note.exists():
        if folder.exists() and any(folder.iterdir()):
            raise BadData(f"{folder} is not empty.", TAKEN)
        return None
    try:
        told: Mapping[str, Any] = json.loads(note.read_bytes())
        same, sets = told["made_of"] == made_of, told["sets"]
        before = tally_of(told["left_out"]) if sets else Tally()
    except (AttributeError, ValueError, KeyError, TypeError) as error:
        raise BadData(f"{note} is damaged.", TAKEN) from error
    if not same:
        raise BadData(f"{folder} holds another archive.", TAKEN)
    left_out.join(before)
    return [str(one) for one in sets] if sets else None


def _unpack(member: Member, folder: Path, taken: dict[str, bytes], left_out: Tally) -> None:
    """taken: digests of what this run has seen, by path."""
    name = re.sub(r"^(\./+)+", "", member.name)
    if member.kind:
        left_out.add(LINK, shown(name), member.kind)
        return
    if leaves(name) or "\\" in name:
        left_out.add(OUTSIDE, shown(name))
        return
    if any(part.startswith(".") for part in name.split("/")):  # of a system, such as ._photo.png
        return
    is_list = name.lower().endswith(LISTS)
    if member.size > (LARGEST_LIST if is_list else LARGEST):
        left_out.add(LARGE, shown(name), f"{member.size / 1e6:,.0f} MB")
        return
    if is_list and name in taken:
        name = _other(name, taken)
    path = folder / name
    try:
        if name in taken:
            if _digest(member) != taken[name]:
                left_out.add(TWICE, shown(name))
            return
        if path.is_file() and path.stat().st_size == member.size:  # by a run that was stopped
            taken[name] = _digest(member)
            return
        taken[name] = _write(member, path)
    except (ValueError, UnicodeEncodeError) as error:
        left_out.add(BADLY_NAMED, shown(name), str(error))
    except OSError as error:
        if error.errno not in NAMES:
            raise
        left_out.add(BADLY_NAMED, shown(name), (error.strerror or "").lower())


def _write(member: Member, path: Path) -> bytes:
    """The digest of what was written, whole or not at all. Raises OSError, BadData."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}.part")
    digest = hashlib.sha256()
    try:
        with part.open("wb") as file:
            while data := member.data.read(PIECE):
                digest.update(data)
                file.write(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return digest.digest()


def _digest(member: Member) -> bytes:
    digest = hashlib.sha256()
    while data := member.data.read(PIECE):
        digest.update(data)
    return digest.digest()


def _other(name: str, taken: Mapping[str, bytes]) -> str:
    """ "meta-2.json" where there is a meta.json."""
    stem, suffix = os.path.splitext(name)
    number = 2
    while f"{stem}-{number}{suffix}" in taken:
        number += 1
    return f"{stem}-{number}{suffix}"


def _sets_in(folder: Path) -> list[str]:
    """Folders with a set, as paths in this one."""
    found = []
    for where, below, files in os.walk(folder):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if META in files or {ROOMS["source"], ROOMS["mask"]} <= set(below):
            found.append(Path(where).relative_to(folder).as_posix())
            below.clear()
    return found
