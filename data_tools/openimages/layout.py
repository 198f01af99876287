"""Where the files of OpenImages lie: in a folder, as people keep them, and on the web."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rorem.errors import BadData

BUCKET = "https://storage.googleapis.com/openimages"  # tables and masks
PHOTOS = "https://open-images-dataset.s3.amazonaws.com"  # photos, the longer side at most 1024 px

CLASSES = ("oidv7-class-descriptions-boxable.csv", "class-descriptions-boxable.csv", "oidv7-class-descriptions.csv")
HIERARCHY = ("bbox_labels_600_hierarchy.json",)
FOLDERS = (".", "annotations", "metadata", "labels", "csv")  # where tables lie, seen from the folder that was named


@dataclass(frozen=True)
class Tables:
    """The four files that tell everything but pixels."""

    objects: Path
    photos: Path
    classes: Path
    hierarchy: Path


def find_tables(root: Path, subset: str) -> Tables:
    """Raises BadData that names what is not there."""
    if not root.is_dir():
        raise BadData(f"There is no folder called {root}.", "Check the name, or add --fetch.")
    found = []
    for names in (object_tables(subset), photo_lists(subset), CLASSES, HIERARCHY):
        path = find(root, FOLDERS, names)
        if path is None:
            raise BadData(f"{root} has no {names[0]}.", "Fetch it from OpenImages, or add --fetch.")
        found.append(path)
    return Tables(*found)


def object_tables(subset: str) -> tuple[str, ...]:
    return (f"{subset}-annotations-object-segmentation.csv",)


def photo_lists(subset: str) -> tuple[str, ...]:
    """The list of photos with boxes comes first: masks are of these, and the others are larger."""
    first = "train-images-boxable-with-rotation.csv" if subset == "train" else f"{subset}-images-with-rotation.csv"
    return first, f"oidv6-{subset}-images-with-labels-with-rotation.csv", "image_ids_and_rotation.csv"


def mask_folders(subset: str) -> tuple[str, ...]:
    return f"{subset}-masks", "masks", f"{subset}/masks", f"masks/{subset}", "labels/masks", "."


def mask_places(mask: str, subset: str) -> Iterator[str]:
    """Where a mask may lie, unpacked: all in one folder, or in one for each first sign of the photo's id."""
    first = mask[0]
    for folder in mask_folders(subset):
        for inner in ("", f"{subset}-masks-{first}/", f"{first}/", f"{first.upper()}/"):
            yield f"{folder}/{inner}{mask}"


def mask_archive(digit: str, subset: str) -> str:
    return f"{subset}-masks-{digit}.zip"


def photo_places(image: str, subset: str) -> Iterator[str]:
    """Where a photo may lie: all in one folder, or as the sixteen archives of the train set unpack."""
    for folder in (subset, f"images/{subset}", f"{subset}_{image[0]}", f"images/{subset}_{image[0]}"):
        yield f"{folder}/{image}.jpg"
    for folder in ("images", "data", f"{subset}/data", "photos", "."):
        yield f"{folder}/{image}.jpg"


def original_place(image: str) -> str:
    """Where a photo as its author published it lies; ".jpg" whatever it is."""
    return f"originals/{image}.jpg"


def remote_tables(subset: str) -> dict[str, tuple[str, ...]]:
    """Paths in the bucket, each with the names by which a folder may have the file already."""
    return {
        f"v5/{subset}-annotations-object-segmentation.csv": object_tables(subset),
        f"2018_04/{subset}/{photo_lists(subset)[0]}": photo_lists(subset),
        f"v7/{CLASSES[0]}": CLASSES,
        f"2018_04/{HIERARCHY[0]}": HIERARCHY,
    }


def remote_masks(digits: str, subset: str) -> list[str]:
    return [f"v5/{subset}-masks/{mask_archive(digit, subset)}" for digit in sorted(set(digits))]


def find(root: Path, folders: tuple[str, ...], names: tuple[str, ...]) -> Path | None:
    """The first of these files that is there."""
    places = (root / folder / name for name in names for folder in folders)
    return next((path for path in places if path.is_file()), None)
