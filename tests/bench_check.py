"""What checking a set costs beside decoding its pictures: `python -m tests.bench_check`."""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from data_tools.check import check
from rorem.triplet import Triplet, open_set, write_folder, write_shards
from rorem.triplet.folder import KEYS

REPEATS = 5
LISTED = 200_000  # records of the list whose memory is measured


def overhead(count: int = 12, size: int = 1024, shards: bool = False, repeats: int = REPEATS) -> dict[str, float]:
    """Checking a set against decoding the same files into arrays with Pillow, in turns in the same run.

    Sets have photos as JPEG, masks and results as PNG, of `size` x `size` px. Returns medians: `check` and `decode` in
    seconds, and of each turn's ratio: `ratio`, and `cpu`, by the seconds that this process had a core.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "set"
        some = [_triplet(number, size) for number in range(count)]
        write_folder(some, home)
        name = home
        if shards:
            name = Path(folder) / "shards"
            write_shards(some, name)
        took: list[np.ndarray] = []
        for _ in range(repeats):
            decode = _timed(lambda: _decode_all(home))
            took.append(np.array([_timed(lambda: _check(name)), decode]))
    (check_, _), (decode, _) = np.median(took, 0)
    ratio, cpu = np.median([one / other for one, other in took], 0)
    return {"check": check_, "decode": decode, "ratio": ratio, "cpu": cpu}


def held(count: int = LISTED) -> dict[str, float]:
    """Bytes a record that opening a list takes, while it is read (`peak`) and then (`open`)."""
    import tracemalloc

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "meta.json"
        with path.open("w") as file:
            for at in range(count):
                record = {key: f"{key}/{at:08}.png" for key in (KEYS["source"], KEYS["mask"], KEYS["result"])}
                file.write(json.dumps(record) + "\n")
        tracemalloc.start()
        set_ = open_set(str(path))
        now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return {"open": now / len(set_), "peak": peak / len(set_)}


def lines() -> Iterator[str]:
    """All of it, for people to read."""
    runs = {
        "1024 px, a folder": lambda: overhead(),
        "1024 px, shards": lambda: overhead(shards=True),
        "512 px, a folder": lambda: overhead(count=40, size=512),
    }
    for what, run in runs.items():
        told = run()
        yield (
            f"check, {what:18s} {told['ratio']:.2f} x decoding alone, {told['cpu']:.2f} x by processor time"
            f" ({told['check']:.2f} s and {told['decode']:.2f} s)"
        )
    told = held()
    yield f"open list of {LISTED:,}   {told['open']:.0f} bytes a record, {told['peak']:.0f} while it is read"


def _triplet(number: int, size: int) -> Triplet:
    rng = np.random.default_rng(number)
    ground = cv2.GaussianBlur(rng.integers(0, 256, (size, size, 3), np.uint8), (0, 0), 4)
    ground = cv2.add(cv2.normalize(ground, None, 0, 240, cv2.NORM_MINMAX), rng.integers(0, 6, ground.shape, np.uint8))  # pyright: ignore
    data = _encoded(ground, "JPEG")
    with Image.open(io.BytesIO(data)) as opened:
        photo = np.array(opened)
    mask = np.zeros((size, size), np.uint8)
    cv2.circle(mask, (size // 2, size // 2), size // 6, 255, -1)
    result = np.where(mask[..., None] > 0, 255 - photo, photo)
    return Triplet(f"{number}", data, _encoded(mask, "PNG"), _encoded(result, "PNG"))


def _encoded(picture: np.ndarray, format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format)
    return file.getvalue()


def _check(name: Path) -> None:
    checked = check(str(name))
    assert not checked.counts and checked.records


def _decode_all(folder: Path) -> None:
    for record in json.loads((folder / "meta.json").read_text("utf-8")):
        for part in ("source", "mask", "result"):
            with Image.open(folder / record[KEYS[part]]) as opened:
                assert np.asarray(opened).size


def _timed(call: Callable[[], None]) -> tuple[float, float]:
    """In seconds: by the clock, and of this process's own."""
    started, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - started, time.process_time() - cpu


def main() -> None:
    for line in lines():
        print(line)


if __name__ == "__main__":
    main()
