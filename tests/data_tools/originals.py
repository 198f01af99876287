"""Photos and cut-outs that no one has to be asked for: noise, edges and blobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def photo(seed: int, width: int = 560, height: int = 480, grain: int = 20) -> np.ndarray:
    """Lively like a photograph: soft colours, grain and two straight edges. uint8 RGB (height, width, 3)."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(40, 216, (12, 14, 3), dtype=np.uint8)).resize((width, height))
    draw = ImageDraw.Draw(coarse)
    draw.rectangle((width // 3, 0, width // 3 + 60, height), fill=(30, 30, 30))
    draw.rectangle((0, height // 2, width, height // 2 + 30), fill=(230, 220, 210))
    soft = np.asarray(coarse.filter(ImageFilter.GaussianBlur(1))).astype(int)
    return np.clip(soft + rng.integers(-grain, grain + 1, soft.shape), 0, 255).astype(np.uint8)


def cutout(seed: int, width: int = 150, height: int = 130) -> np.ndarray:
    """A grainy blob with a soft edge. uint8 RGBA (height, width, 4)."""
    rng = np.random.default_rng(seed)
    rgb = photo(seed, width, height, grain=60)
    ys, xs = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    away = np.hypot(xs, ys) + 0.05 * rng.random()
    alpha = np.clip((0.95 - away) * 2000, 0, 255).astype(np.uint8)
    return np.dstack([rgb, alpha])


def write(picture: np.ndarray, file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(file)
    return file


def folders(where: Path) -> tuple[Path, Path]:
    """A folder of three photos and one of four cut-outs, with a copyright file in the first."""
    photos, cutouts = where / "photos", where / "cutouts"
    for number, name in enumerate(("hill", "lake", "road")):
        write(photo(number), photos / f"{name}.png")
    for number, name in enumerate(("red_hen", "tin-can", "bike2", "old chair")):
        write(cutout(10 + number), cutouts / f"{name}.png")
    (photos / "copyright").write_text(
        "Files: *\nCopyright: 2020 Ada Painter <ada@example.org>\nLicense: CC-BY-4.0\n\n"
        "Files: lake.png\nCopyright: 2019, Bo | Walker\nLicense: CC0-1.0\n"
    )
    return photos, cutouts
