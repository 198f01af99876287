"""Any set, or a published archive, as a folder or as shards: the work behind `convert`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from data_tools.publish.converting import FOLDER, SHARDS, Converted, OnStep, to_folder, to_shards
from data_tools.publish.unpacking import ARCHIVE, NOTE, open_unpacked, unpack
from data_tools.staging import alone, check_apart, check_new, clear
from data_tools.tally import Tally
from rorem.errors import BadOptions
from rorem.triplet import open_set
from rorem.triplet.folder import META
from rorem.triplet.record import sha256
from rorem.triplet.shards_writing import SHARD


def convert(
    names: Sequence[str],
    out: Path,
    to: str = SHARDS,
    max_bytes: int = SHARD,
    environment: Mapping[str, str] = os.environ,
    on_step: OnStep = lambda done, total: None,
) -> Converted:
    """Writes a set as a folder or as shards: pictures byte for byte, every field.

    names: one name as `open_set` takes it, or the pieces of an archive in their order. The same call goes on where
    another was stopped. Raises BadOptions; BadData for what cannot be read and an `out` that is taken; Unavailable;
    OSError.
    """
    if to not in (FOLDER, SHARDS):
        raise BadOptions(f"There is nothing called {to!r} to convert to.", f"Choose {FOLDER} or {SHARDS}.")
    pieces = [Path(name).expanduser() for name in names]
    if pieces and all(piece.is_file() for piece in pieces) and (len(pieces) > 1 or ARCHIVE.fullmatch(pieces[0].name)):
        return of_archive(pieces, out, to, max_bytes, on_step)
    if len(names) != 1:
        raise BadOptions("Only the pieces of one archive are converted together.", "Name one set at a time.")
    set_ = open_set(names[0], environment)
    check_apart(names[0], out)
    if to == FOLDER:
        return to_folder(set_, out, on_step)
    return to_shards(set_, out, max_bytes, on_step=on_step)


def of_archive(
    pieces: Sequence[Path],
    out: Path,
    to: str = SHARDS,
    max_bytes: int = SHARD,
    on_step: OnStep = lambda done, total: None,
) -> Converted:
    """As `convert`, of an archive. It is unpacked once, beside `out`: for a folder that is then renamed, and its files
    keep their names; for shards it is deleted when they are there."""
    out = out.absolute()
    check_new(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    workshop, left_out = out.with_name(f".{out.name}.unpacking"), Tally()
    key = sha256("\0".join(f"{piece.name} {piece.stat().st_size}" for piece in pieces).encode())
    stage = workshop / key[:16]
    with alone(workshop):
        clear(workshop, stage)
        sets = unpack(pieces, stage, left_out, on_step)
        set_ = open_unpacked(stage, sets, pieces[0].name)
        if to == SHARDS:
            made = to_shards(set_, out, max_bytes, on_step=on_step)
            left_out.join(made.left_out)
            made = replace(made, left_out=left_out)
        else:
            lists = [path for one in sets for path in sorted((stage / one).glob("meta*.json"))]
            several = len(sets) > 1 or len(lists) > 1
            notes = [f"It holds several sets: {', '.join(_names(stage, sets))}."] if several else []
            made = Converted(len(set_), left_out, notes=tuple(notes))
            if out.exists():
                out.rmdir()
            if len(sets) == 1:
                (stage / sets[0]).rename(out)
            else:
                (stage / NOTE).unlink()
                stage.rename(out)
        shutil.rmtree(workshop, ignore_errors=True)
        (out / NOTE).unlink(missing_ok=True)
    return made


def _names(stage: Path, sets: Sequence[Path]) -> list[str]:
    found = []
    for one in sets:
        lists = [path.name for path in sorted((stage / one).glob("meta*.json"))] or [META]
        found += [one.as_posix() if name == META else (one / name).as_posix() for name in lists]
    return found
