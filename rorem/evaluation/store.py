"""What a run has done so far, on disk: every result and every number, so that a killed run goes on where it was.

    OUT/removals/METHOD-KEY/POLICY/SEED/SAMPLE.json, .png, .hole.png, .metrics.json, .METRIC.npy

A record is written after its picture and renamed into place, so a record that is there is finished. KEY is a hash over
everything that shapes a result: a run with other settings or weights never takes up what is not its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rorem.files import write_whole

QUICK = [cv2.IMWRITE_PNG_COMPRESSION, 1]
BITS = [cv2.IMWRITE_PNG_BILEVEL, 1]


@dataclass(frozen=True)
class Place:
    """Where one removal is kept. key: of the maker. sample: hash of its content, truth and all."""

    method: str
    key: str
    policy: str
    seed: int
    sample: str


@dataclass(frozen=True)
class Record:
    """What became of one removal. error: why there is no picture. sha256: of the picture's pixels."""

    name: str
    facts: Mapping[str, float] = field(default_factory=dict)
    told: Mapping[str, object] = field(default_factory=dict)
    revision: str = ""
    options: str = "{}"
    category: str = ""
    objects: int = 1
    occluded: bool | None = None
    mask_share: float = 0.0
    sha256: str = ""
    error: str = ""


@dataclass(frozen=True)
class Number:
    """One measured value. None with a reason = it failed, and is tried again; None without = nothing to measure.
    revision: of the networks that measured it, "" without any."""

    value: float | None
    reason: str = ""
    revision: str = ""


class Store:
    """The folder of a run."""

    def __init__(self, out: Path) -> None:
        self._folder = out / "removals"

    def record(self, place: Place) -> Record | None:
        """None if it was not done yet, or if what is there is damaged."""
        told = _json(self._file(place, ".json"))
        try:
            return None if told is None else Record(**told)
        except TypeError:
            return None

    def keep(self, place: Place, record: Record, picture: np.ndarray | None, hole: np.ndarray | None) -> None:
        """Keeps a removal: its pictures first, the record last. Raises OSError."""
        if picture is not None and hole is not None:
            _picture(self._file(place, ".png"), picture[..., ::-1], QUICK)
            _picture(self._file(place, ".hole.png"), hole.astype(np.uint8) * 255, BITS)
            record = replace(record, sha256=_digest(picture))
        write_whole(self._file(place, ".json"), json.dumps(asdict(record)).encode())

    def picture(self, place: Place, record: Record) -> np.ndarray | None:
        """uint8 RGB, or None if it is not what the record says: then the removal is done again."""
        data = cv2.imread(str(self._file(place, ".png")), cv2.IMREAD_COLOR)
        if data is None:
            return None
        rgb = np.ascontiguousarray(data[..., ::-1])
        return rgb if _digest(rgb) == record.sha256 else None

    def hole(self, place: Place) -> np.ndarray | None:
        """bool (H, W)."""
        data = cv2.imread(str(self._file(place, ".hole.png")), cv2.IMREAD_GRAYSCALE)
        return None if data is None else data > 127

    def numbers(self, place: Place) -> dict[str, Number]:
        """What was measured so far, by the ids of the metrics."""
        told = _json(self._file(place, ".metrics.json")) or {}
        return {id: _read_number(one) for id, one in told.items() if isinstance(one, dict)}

    def keep_numbers(self, place: Place, numbers: Mapping[str, Number]) -> None:
        """Raises OSError."""
        told = {id: _written(one) for id, one in numbers.items()}
        write_whole(self._file(place, ".metrics.json"), json.dumps(told).encode())

    def features(self, place: Place, metric: str) -> np.ndarray | None:
        """float32 (2, D): of the result and of what it is compared with."""
        try:
            return np.load(self._file(place, f".{_safe(metric)}.npy"), allow_pickle=False)
        except (OSError, ValueError):
            return None

    def keep_features(self, place: Place, metric: str, features: np.ndarray) -> None:
        """Raises OSError."""
        file = self._file(place, f".{_safe(metric)}.npy")
        part = file.with_name(f".{file.name}.{os.getpid()}.part.npy")
        np.save(part, features.astype(np.float32), allow_pickle=False)
        part.replace(file)

    def forget(self, place: Place) -> None:
        """What was measured on a picture that is no longer the same."""
        for file in self._file(place, "").parent.glob(f"{place.sample}.*"):
            file.unlink(missing_ok=True)

    def _file(self, place: Place, ending: str) -> Path:
        folder = self._folder / f"{_safe(place.method)}-{place.key[:12]}" / _safe(place.policy) / str(place.seed)
        return folder / f"{place.sample}{ending}"


def _digest(picture: np.ndarray) -> str:
    shape = "x".join(map(str, picture.shape))
    return hashlib.sha256(shape.encode() + np.ascontiguousarray(picture).tobytes()).hexdigest()


def _picture(path: Path, pixels: np.ndarray, options: list[int]) -> None:
    """Without waiting for the disk: after a power cut the digest in the record tells."""
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels), options)
    assert done
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(data.tobytes())
    part.replace(path)


def _json(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _written(number: Number) -> dict[str, object]:
    """Infinity as a word: JSON has none."""
    endless = number.value is not None and number.value in (float("inf"), float("-inf"))
    return {
        "value": str(number.value) if endless else number.value,
        "reason": number.reason,
        "revision": number.revision,
    }


def _read_number(told: dict[str, Any]) -> Number:
    value = told.get("value")
    reason, revision = (str(told.get(name, "")) for name in ("reason", "revision"))
    return Number(None if value is None else float(str(value)), reason, revision)


def _safe(text: str) -> str:
    """A name as part of a path: a metric's id has slashes."""
    return re.sub(r"[^A-Za-z0-9._@-]+", "_", text)
