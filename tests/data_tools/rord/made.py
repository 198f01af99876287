"""Small copies of RORD, as it is published and as AI Hub hands it out: one camera, a thing that wanders."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 320, 180
SCALE = 4  # of the first recording, in whose pixels outlines are drawn


@dataclass(frozen=True)
class Shot:
    """A frame. left, top: of the thing. moved: px that the camera drifted. light: of linear light. blur: px."""

    left: int = 40
    top: int = 60
    moved: tuple[float, float] = (0, 0)
    light: tuple[float, float, float] = (1, 1, 1)
    blur: float = 0
    width: int = 60
    height: int = 70
    outlined: bool = True
    still: bool = False  # whether something that stays is outlined, too


WANDER = tuple(Shot(left) for left in (20, 90, 160, 230))


def place(seed: int, margin: int = 40) -> np.ndarray:
    """A place, larger by a margin on each side: boxes and stripes, with light between 40 and 210. uint8 RGB."""
    rng = np.random.default_rng(seed)
    rows, columns = HEIGHT + 2 * margin, WIDTH + 2 * margin
    rgb = np.full((rows, columns, 3), 110, np.uint8)
    for _ in range(160):
        left, top = rng.integers(0, columns), rng.integers(0, rows)
        rgb[top : top + rng.integers(6, 50), left : left + rng.integers(6, 60)] = rng.integers(40, 210, 3)
    return cv2.GaussianBlur(rgb, (0, 0), 0.8)


def seen(ground: np.ndarray, shot: Shot, thing: bool, margin: int = 40) -> np.ndarray:
    """What the camera shows. thing: whether it stands there."""
    right, down = shot.moved
    warp = np.array([[1, 0, right], [0, 1, down]], np.float32)
    moved = cv2.warpAffine(ground, warp, ground.shape[1::-1], flags=cv2.INTER_LANCZOS4)
    rgb = moved[margin : margin + HEIGHT, margin : margin + WIDTH].copy()
    if thing:
        rng = np.random.default_rng(5)
        part = rgb[shot.top : shot.top + shot.height, shot.left : shot.left + shot.width]
        part[...] = np.clip(rng.integers(150, 256, part.shape) * [1, 0.2, 0.2], 0, 255)
    if shot.blur:
        rgb = cv2.GaussianBlur(rgb, (0, 0), shot.blur)
    linear = (rgb / 255.0) ** 2.2 * np.array(shot.light)
    return np.round(np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)


def marked(shot: Shot, margin: int = 4) -> np.ndarray:
    """The loose mask, bool, True = the thing."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    top, left = max(0, shot.top - margin), max(0, shot.left - margin)
    mask[top : shot.top + shot.height + margin, left : shot.left + shot.width + margin] = True
    return mask


def outlines(shot: Shot) -> bytes:
    """The labels of a frame, with the keys of AI Hub's files."""

    def box(left: int, top: int, width: int, height: int) -> list[int]:
        corners = (left, top), (left + width, top), (left + width, top + height), (left, top + height)
        return [SCALE * value for corner in corners for value in corner]

    annotation = [{"Class_ID": "BO07", "segmentation": box(0, 0, WIDTH, 20)}]
    if shot.outlined:
        annotation.append({"Class_ID": "F38", "segmentation": box(shot.left, shot.top, shot.width, shot.height)})
    if shot.still:
        annotation.append({"Class_ID": "F30", "segmentation": box(280, 130, 35, 40)})
    annotation.append({"Class_ID": "F38", "segmentation": [1, 2]})
    told = {
        "Raw_Data_Info.": {"Raw_Data_ID": "MP_0001", "Resolution": f"{WIDTH * SCALE}, {HEIGHT * SCALE}"},
        "Source_Data_Info.": {"Source_Data_ID": "MP_0001_F0001"},
        "Learning_Data_Info.": {"Path": "/M/", "Json_Data_ID": "MP_0001_F0001_M", "Annotation": annotation},
    }
    return json.dumps(told, ensure_ascii=False).encode()


def published(
    folder: Path,
    shots: tuple[Shot, ...] = WANDER,
    scene: str = "MP_0001",
    split: str = "train",
    clean: Shot | None = None,
    composed: bool = False,
    white_goes: bool = False,
    seed: int = 0,
) -> Path:
    """A scene under `train/` or `val/`: img, mask, label, and gt if `composed`. Without `clean`, it is as the first."""
    home, ground = folder / split, place(seed)
    for number, shot in enumerate(shots, 1):
        stem = f"{scene}_F{number:04}"
        save(jpg(seen(ground, shot, True)), home / "img" / scene / f"{stem}.jpg")
        save(png(marked(shot) == white_goes), home / "mask" / scene / f"{stem}_M.png")
        save(outlines(shot), home / "label" / scene / f"{stem}.json")
        if composed:
            save(jpg(seen(ground, shot, False)), home / "gt" / scene / f"{stem}.jpg")
    view = clean or replace(shots[0], moved=(0, 0), light=(1, 1, 1), blur=0)
    save(jpg(seen(ground, view, False)), home / "img" / scene / f"{scene}_G0001.jpg")
    save(b"\0\5\x16\7", home / "img" / scene / f"._{scene}_F0001.jpg")  # of macOS
    return folder


def from_ai_hub(folder: Path, shots: tuple[Shot, ...] = WANDER, scene: str = "MP_0001", seed: int = 0) -> Path:
    """A scene of a part: jpg and M."""
    home, ground = folder / "1.Training" / "part 1", place(seed)
    for number, shot in enumerate(shots, 1):
        stem = f"{scene}_F{number:04}"
        rgb = cv2.resize(seen(ground, shot, True), None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
        save(jpg(rgb), home / "jpg" / scene / f"{stem}.jpg")
        save(outlines(shot), home / "M" / scene / f"{stem}_M.json")
    rgb = cv2.resize(seen(ground, shots[0], False), None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    save(jpg(rgb), home / "jpg" / scene / f"{scene}_G0001.jpg")
    return folder


def jpg(rgb: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=95)
    return file.getvalue()


def png(mask: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0))).save(file, "PNG")
    return file.getvalue()


def save(data: bytes, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
