"""Reading and writing files as all tools do it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rorem.errors import BadData, BadPicture
from rorem.triplet.folder import LARGEST

AGAIN = "Delete it, or choose another folder."


def png(picture: np.ndarray) -> bytes:
    """A picture, uint8 RGB (H, W, 3), or a mask, bool (H, W), as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, "PNG")
    return file.getvalue()


def files_below(folder: Path) -> Iterator[Path]:
    """All files at any depth, in a fixed order, without hidden ones and hidden folders. Raises OSError.

    Links are among them, those that lead nowhere, too: opening one says what is wrong with it.
    """

    def give_up(error: OSError) -> None:
        raise error

    for where, below, files in os.walk(folder, onerror=give_up):
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(files) if not name.startswith("."))


def read_bounded(path: Path, most: int = LARGEST) -> bytes:
    """The whole file. Raises BadPicture for one of more bytes than a picture may have, OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1) if size <= most else b""  # it sets aside as much memory as it is asked for
        if len(data) > size:  # it grew, or is no plain file
            data += file.read(most + 1 - len(data))
    if max(size, len(data)) > most:
        raise BadPicture(f"{path.name} is too large a file.", f"A picture may have {most // 1_000_000} MB.")
    return data


def journal_lines(path: Path) -> Iterator[dict]:
    """The JSON objects of a journal, one a line, none where there is no such file.

    A last line that a kill tore off is cut away, so that the next one starts anew. Raises BadData for a damaged line,
    OSError.
    """
    if not path.exists():
        return
    whole = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            try:
                told = json.loads(line)
            except ValueError as error:
                raise BadData(f"{path} is damaged.", AGAIN) from error
            if not isinstance(told, dict):
                raise BadData(f"{path} is damaged.", AGAIN)
            whole += len(line)
            yield told
    if whole < path.stat().st_size:
        os.truncate(path, whole)
