"""A small folder like that of OpenImages V7: the real names, columns and nesting, with photos and masks drawn here."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

CAR, DOG, SHIRT, HAND, HANDBAG, HELMET, MAN = (
    "/m/0k4j",
    "/m/0bt9lr",
    "/m/01n4qj",
    "/m/0k65p",
    "/m/080hkjn",
    "/m/0zvk5",
    "/m/04yx4",
)
NAMES = {
    "/m/09j2d": "Clothing",
    "/m/01g317": "Person",
    "/m/02p0tk3": "Human body",
    "/m/0hf58v5": "Luggage and bags",
    CAR: "Car",
    DOG: "Dog",
    SHIRT: "Shirt",
    HAND: "Human hand",
    HANDBAG: "Handbag",
    HELMET: "Helmet",
    MAN: "Man",
}
# As bbox_labels_600_hierarchy.json nests them: a helmet is both clothing and sports equipment.
HIERARCHY = {
    "LabelName": "/m/0bl9f",
    "Subcategory": [
        {
            "LabelName": "/m/01g317",
            "Part": [{"LabelName": "/m/02p0tk3", "Part": [{"LabelName": HAND}]}],
            "Subcategory": [{"LabelName": MAN}],
        },
        {
            "LabelName": "/m/09j2d",
            "Subcategory": [
                {"LabelName": SHIRT},
                {"LabelName": "/m/0hf58v5", "Subcategory": [{"LabelName": HANDBAG}]},
                {"LabelName": HELMET},
            ],
        },
        {"LabelName": "/m/05y5lj", "Subcategory": [{"LabelName": HELMET}]},
        {"LabelName": "/m/07yv9", "Subcategory": [{"LabelName": CAR}]},
        {"LabelName": "/m/0jbk", "Subcategory": [{"LabelName": DOG}]},
    ],
}
OBJECT_COLUMNS = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks"
PHOTO_COLUMNS = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,"
    "OriginalSize,OriginalMD5,Thumbnail300KURL,Rotation"
)
OBJECTS, PHOTOS = tuple(OBJECT_COLUMNS.split(",")), tuple(PHOTO_COLUMNS.split(","))
LICENCE = "https://creativecommons.org/licenses/by/2.0/"
SIZE = 96, 64  # width and height of photos, px
GOOD = (0.3, 0.6, 0.3, 0.6)  # left, right, top, bottom: 9 % of the photo


@dataclass
class Made:
    """What goes into the folder; `write` puts it there."""

    objects: list[list[str]] = field(default_factory=list)
    photos: list[list[str]] = field(default_factory=list)
    masks: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def photo(
        self,
        number: int,
        rotation: str = "0.0",
        size: tuple[int, int] = SIZE,
        title: str = "A title",
        author: str = "Zoë, “Ω”",
        orientation: int = 1,
        url: str = "",
    ) -> str:
        """Adds a photo and returns its id, whose first digit is that of the number in hexadecimal."""
        image = f"{number % 16:x}{number:015x}"
        self.files[image] = jpeg(number, size, orientation)
        digest = base64.b64encode(hashlib.md5(self.files[image]).digest()).decode()
        row = [image, "train", url or f"https://farm1.staticflickr.com/{number}_o.jpg"]
        row += [f"https://www.flickr.com/photos/x/{number}", LICENCE, "https://www.flickr.com/people/x/", author]
        self.photos.append(
            [*row, title, str(len(self.files[image])), digest, "https://c1.staticflickr.com/x_z.jpg", rotation]
        )
        return image

    def object(
        self,
        image: str,
        label: str = CAR,
        box: tuple[float, float, float, float] = GOOD,
        iou: str = "0.86864",
        size: tuple[int, int] = SIZE,
        mask: np.ndarray | None = None,
    ) -> str:
        """Adds an object, a filled box if no mask is given, and returns its mask's name."""
        box_id = hashlib.sha256(f"{len(self.objects)}".encode()).hexdigest()[:8]
        name = f"{image}_{label.replace('/', '')}_{box_id}.png"
        clicks = "0.95498 0.65197 1;0.89370 0.56579 1"
        self.objects.append([name, image, label, box_id, *map(str, box), iou, clicks])
        self.masks[name] = png(boxed(size, box) if mask is None else mask)
        return name

    def write(self, root: Path, zipped: bool = True, headed: bool = True) -> Path:
        root.mkdir(parents=True, exist_ok=True)
        (root / "bbox_labels_600_hierarchy.json").write_text(json.dumps(HIERARCHY, indent=4))
        head = [("LabelName", "DisplayName")] if headed else []
        name = "oidv7-class-descriptions-boxable.csv" if headed else "class-descriptions-boxable.csv"
        (root / name).write_bytes(table([*head, *NAMES.items()]))
        (root / "train-annotations-object-segmentation.csv").write_bytes(table([OBJECTS, *self.objects]))
        (root / "train-images-boxable-with-rotation.csv").write_bytes(table([PHOTOS, *self.photos]))
        for image, data in self.files.items():
            put(root / "train" / f"{image}.jpg", data)
        if zipped:
            self.write_archives(root)
        else:
            for mask, data in self.masks.items():
                put(root / "masks" / mask[0].upper() / mask, data)
        return root

    def write_archives(self, root: Path) -> None:
        for digit in {mask[0] for mask in self.masks}:
            path = root / "train-masks" / f"train-masks-{digit}.zip"
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for mask, data in sorted(self.masks.items()):
                    if mask[0] == digit:
                        archive.writestr(zipfile.ZipInfo(mask), data)


def town(photos: int = 12) -> Made:
    """Photos with a car each, a dog in every second one and a shirt in every third."""
    made = Made()
    for number in range(photos):
        image = made.photo(number)
        made.object(image)
        if number % 2:
            made.object(image, DOG, (0.65, 0.9, 0.3, 0.6))
        if number % 3 == 0:
            made.object(image, SHIRT)
    return made


def table(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def boxed(size: tuple[int, int], box: tuple[float, float, float, float]) -> np.ndarray:
    width, height = size
    mask = np.zeros((height, width), bool)
    left, right, top, bottom = box
    mask[round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = True
    return mask


def png(mask: np.ndarray) -> bytes:
    """As masks are published: one bit a pixel."""
    data = io.BytesIO()
    Image.fromarray(mask).save(data, "PNG")
    return data.getvalue()


def jpeg(number: int, size: tuple[int, int], orientation: int = 1) -> bytes:
    """Smooth, and another one for each number; brighter to the right and to the bottom."""
    width, height = size
    across, down = np.meshgrid(np.linspace(0, 120, width), np.linspace(0, 100, height))
    grey = (across + down + number % 30).astype(np.uint8)
    image = Image.fromarray(np.stack([grey, across.astype(np.uint8), down.astype(np.uint8)], 2))
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    data = io.BytesIO()
    image.save(data, "JPEG", quality=95, subsampling=0, exif=exif)
    return data.getvalue()
