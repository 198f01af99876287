"""Finding the frames of the data set RORD and what goes with each, in the ways in which it is passed on.

The set as it is published: `train/` and `val/`, each with

    img/SCENE/FRAME.jpg      frames with the thing; the clean one among them is called ...G0001.jpg
    gt/SCENE/FRAME.jpg       the same frame without it, put together from frame and clean frame
    mask/SCENE/FRAME_M.png   what goes, drawn loosely, black on white
    label/SCENE/FRAME.json   outlines, in pixels of the first recording

The set as AI Hub hands it out: parts with `jpg/SCENE/FRAME.jpg`, where the last frame of a scene is the clean one and
ends in _G0001.jpg, and `M/SCENE/FRAME_M.json` with the outlines. And `img/ gt/ mask/` without scenes, as RORD's own
preparation writes it: there a frame's name up to its last number is its scene. Any of the folders but the first may be
missing, and any folder above them is fine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.plain_files import files_below
from data_tools.tally import Tally
from rorem.errors import BadData

PHOTOS = ("img", "images", "jpg")  # folders of frames, as they are called
TRUTHS, MASKS, LABELS = ("gt",), ("mask", "masks"), ("label", "labels", "M")
PICTURES = (".jpg", ".jpeg", ".png")
OUTLINES = (".json",)
MARK = "_M"  # at the end of the names of masks and outlines
_CLEAN = re.compile(r"(?:^|_|(?<=[a-z0-9]))G\d{3,}$")  # the name of a clean frame
_NUMBER = re.compile(r"[-_ ]?[A-Za-z]?\d+$")

NO_MASK = "without a mask or outlines"
NO_TRUTH = "without the same picture without the thing"
ELSEWHERE = "links that lead out of the folder"
NO_FILE = "names without a file behind them"
TWICE = "second files for a frame that has one"


@dataclass(frozen=True)
class Frame:
    """A frame with the thing and the files that go with it. name: unique, its path below the set without the suffix.

    composed: the frame without the thing, as the set puts it together; it repeats the frame around the thing.
    """

    name: str
    photo: Path
    composed: Path | None
    mask: Path | None
    outlines: Path | None


@dataclass(frozen=True)
class Scene:
    """Frames of one camera, in the order of their names. clean: its frame without the thing."""

    name: str
    frames: tuple[Frame, ...]
    clean: Path | None


def scenes_in(folder: Path, tally: Tally) -> list[Scene]:
    """All scenes of a set, in the order of their names. What lacks a part is counted in `tally` and left out.

    Hidden files are passed over (the archive has some of macOS). Raises BadData if there is no folder or no frame, and
    OSError for a folder that cannot be read.
    """
    if not folder.is_dir():
        raise BadData(f"There is no folder called {folder}.", "Check the name.")
    rooms = sorted(_rooms(folder))
    scenes = [scene for room in rooms for scene in _scenes(folder, room, tally)]
    if not any(scene.frames for scene in scenes):
        fix = "docs/data/rord.md tells what the data set looks like."
        raise BadData(f"There are no frames of RORD in {folder}.{_because(tally)}", fix)
    return sorted(scenes, key=lambda scene: scene.name)


def is_clean(stem: str) -> bool:
    """Whether a file's name says that it shows the scene without the thing."""
    return bool(_CLEAN.search(stem))


def _because(tally: Tally) -> str:
    return "".join(f" {line}." for line in tally.lines())


def _rooms(folder: Path) -> Iterator[Path]:
    """Folders of frames that stand at or below a folder. Raises OSError."""

    def give_up(error: OSError) -> None:
        raise error

    for where, below, _ in os.walk(folder, onerror=give_up):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if found := next((name for name in PHOTOS if name in below), None):
            yield Path(where, found)
            below.clear()


def _scenes(folder: Path, room: Path, tally: Tally) -> Iterator[Scene]:
    """The scenes of one part of the set. room: its folder of frames."""
    files = _files(folder, [room], PICTURES, "", tally)
    others = {
        kind: _files(folder, [room.parent / name for name in names], suffixes, MARK, tally)
        for kind, (names, suffixes) in {
            "gt": (TRUTHS, PICTURES),
            "mask": (MASKS, PICTURES),
            "outlines": (LABELS, OUTLINES),
        }.items()
    }
    part = "" if room.parent == folder else f"{room.parent.relative_to(folder).as_posix()}/"
    by_scene: dict[str, list[str]] = {}
    for key in sorted(files):
        by_scene.setdefault(_scene_of(key), []).append(key)
    spares: dict[str, Path] = {}
    for key, path in others["gt"].items():
        if is_clean(_stem(key)):
            spares.setdefault(_scene_of(key), path)
    for scene, keys in by_scene.items():
        clean = next((key for key in reversed(keys) if is_clean(_stem(key))), None)
        spare = others["gt"].get(scene) or spares.get(scene)
        frames = []
        for key in keys:
            if is_clean(_stem(key)):
                continue
            name = f"{part}{key}"
            composed, mask, outlines = (others[kind].get(key) for kind in ("gt", "mask", "outlines"))
            if mask is None and outlines is None:
                tally.add(NO_MASK, name)
            elif clean is None and spare is None and composed is None:
                tally.add(NO_TRUTH, name)
            else:
                frames.append(Frame(name, files[key], composed, mask, outlines))
        yield Scene(f"{part}{scene}", tuple(frames), files[clean] if clean else spare)


def _files(folder: Path, rooms: Sequence[Path], suffixes: tuple[str, ...], mark: str, tally: Tally) -> dict[str, Path]:
    """What lies in folders and in folders in them, by the path there without suffix and mark; the first of one name."""
    found: dict[str, Path] = {}
    home = folder.resolve()
    for room in rooms:
        for path in files_below(room) if room.is_dir() else ():
            if path.suffix.lower() not in suffixes:
                continue
            name = path.relative_to(folder).as_posix()
            key = path.relative_to(room).with_suffix("").as_posix().removesuffix(mark)
            if not os.path.isfile(path):  # unlike Path's, it raises nothing
                tally.add(NO_FILE, name)
            elif not path.resolve().is_relative_to(home):
                tally.add(ELSEWHERE, name)
            elif key in found:
                tally.add(TWICE, name)
            else:
                found[key] = path
    return found


def _scene_of(key: str) -> str:
    """Its folder; where there is none, its name without the number at the end."""
    scene, _, stem = key.rpartition("/")
    return scene or _NUMBER.sub("", stem) or stem


def _stem(key: str) -> str:
    return key.rpartition("/")[2]
