"""How fast the metrics without networks are: `python -m tests.bench_metrics`.

All that are in the catalog, on pictures of 512 px with a hole of a tenth, for two kinds of results. "Same pipeline":
only the hole differs from the truth. "As published": every pixel does, which is the worst case. Milliseconds of one
thread for each metric; pictures a second for all of them together.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from rorem.metrics import Seen, catalog

SIDE = 512  # px
SHARE = 0.1  # of the picture is hole
PICTURES = 24
REPEATS = 5


def cases(published: bool, count: int = PICTURES) -> list[Seen]:
    """Photos of clouds with grain, each with a round hole at another place."""
    random = np.random.default_rng(1)
    made = []
    for _ in range(count):
        coarse = random.normal(128, 60, (18, 18, 3)).astype(np.float32)
        soft = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        truth = np.clip(soft + random.normal(0, 4, soft.shape), 0, 255).astype(np.uint8)
        rows, columns = np.mgrid[:SIDE, :SIDE]
        y, x = random.integers(100, SIDE - 100, 2)
        hole = (rows - y) ** 2 + (columns - x) ** 2 < SHARE * SIDE * SIDE / np.pi
        source = np.where(hole[..., None], 255 - truth, truth)
        fill = cv2.GaussianBlur(truth, (0, 0), 2)
        made.append(Seen(source, hole, fill if published else np.where(hole[..., None], fill, truth), hole, truth))
    return made


def rows(repeats: int = REPEATS) -> list[dict[str, str | float]]:
    """One row a kind of result and metric: what; wall and CPU ms of one thread, medians over the pictures. The last row
    of a kind is all metrics together; it has pictures a second, too, on one and on two threads, medians of the
    repeats."""
    measures = {one.id: one.load() for one in catalog.METRICS if not one.parts}

    def every(one: Seen) -> None:
        for measure in measures.values():
            measure(one)

    told: list[dict[str, str | float]] = []
    for kind in ("same pipeline", "as published"):
        seen = cases(kind == "as published")
        for name, measure in {**measures, "all of them": every}.items():
            wall, cpu = zip(*(timed(measure, one) for one in seen), strict=True)
            told.append({"what": f"{kind}: {name}", "ms": statistics.median(wall), "cpu": statistics.median(cpu)})
        for name, threads in (("one thread", 1), ("two threads", 2)):
            told[-1][name] = statistics.median(speed(every, seen, threads) for _ in range(repeats))
    return told


def timed(work: Callable[[Seen], object], one: Seen) -> tuple[float, float]:
    """Wall and CPU ms."""
    wall, cpu = time.perf_counter(), time.process_time()
    work(one)
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def speed(work: Callable[[Seen], object], seen: list[Seen], threads: int) -> float:
    """Pictures a second."""
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        list(pool.map(work, seen))
        return len(seen) / (time.perf_counter() - start)


def main() -> None:
    print(f"Metrics without networks, {SIDE} x {SIDE} px, {os.cpu_count()} cores")
    for row in rows():
        speeds = "  ".join(f"{name} {row[name]:.0f}/s" for name in ("one thread", "two threads") if name in row)
        print(f"{row['what']:36s} {row['ms']:7.2f} ms  {row['cpu']:7.2f} ms CPU  {speeds}")


if __name__ == "__main__":
    main()
