"""How fast it is on this machine: `make bench`.

Times are wall seconds, CPU seconds beside them where work is done in this process; compare figures of one run only.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from rorem import remover
from rorem.mask_file import read_mask
from rorem.memory import peak_memory, reset_peak_memory, resident_memory
from rorem.methods import catalog
from rorem.picture import Limits
from rorem.remover import Fill, Job, Method, OnStep, no_step
from rorem.ui.preview import LONGEST, bits, preview
from rorem.ui.sessions import Sessions
from tests.server import ROOT, start_app

EXAMPLE = ROOT / "rorem" / "ui" / "examples" / "mountain.jpg"
REPEATS = 5
BENCH_FILE = ROOT / "build" / "bench.json"


@dataclass
class Timed:
    """A method that notes how long its fills take: what is left is our own share."""

    inner: remover.Remover
    wall: float = 0.0
    cpu: float = 0.0

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return self.inner.fill(job, on_step)
        finally:
            self.wall += time.perf_counter() - wall
            self.cpu += time.process_time() - cpu


def photo(width: int, height: int) -> bytes:
    """A JPEG of that size with the detail of a photo: an example enlarged, with grain."""
    small = np.asarray(Image.open(EXAMPLE).convert("RGB"))
    picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = np.random.default_rng(1).normal(0, 5, (height, width)).astype(np.int16)
    file = io.BytesIO()
    Image.fromarray((picture + grain[..., None]).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=92)
    return file.getvalue()


def blob(width: int, height: int, across: float) -> np.ndarray:
    """A round mark on the meadow of the example, `across` px wide."""
    rows, columns = np.mgrid[:height, :width]
    return (columns - width * 0.62) ** 2 + (rows - height * 0.72) ** 2 < (across / 2) ** 2


def removal(name: str, width: int, height: int, across: float, method: str) -> None:
    """The whole way of a visitor's photo through the server, step by step."""
    data, mask = photo(width, height), blob(width, height, across)
    scale = min(1.0, LONGEST / max(width, height))
    marks = bits(cv2.resize(mask.astype(np.float32), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) > 0.5)
    loaded = catalog.load(method)
    options = catalog.find(loaded.traits.id).parse({})
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        sessions = Sessions(Path(folder), Limits(), 3600, 10**10)
        idle = resident_memory() or 0
        reset_peak_memory()
        peak = 0
        for _ in range(REPEATS):
            timed = Timed(loaded.remover)
            steps: dict[str, float] = {}
            with step(steps, "open"):
                session = sessions.open_bytes(data, "a.jpg")
            with step(steps, "first view"):
                preview(session.picture, LONGEST)
            cpu = time.process_time()
            with step(steps, "click to picture"):
                read = read_mask(marks, width, height, polarity="white").mask
                method_ = Method(loaded.traits, timed)
                (made,) = remover.remove(session.picture, read, method_, options=options)
                session.add(made, again=False)
                preview(session.picture, LONGEST)
            steps["its CPU"] = time.process_time() - cpu
            peak = max(peak, (peak_memory() or 0) - idle)  # a removal resets the peak for its own report
            with step(steps, "encode"):
                session.encoded(None, mark=True, keep_gps=True)
            steps["fill"] = timed.wall
            steps["our share"] = steps["open"] + steps["click to picture"] - timed.wall + steps["encode"]
            rows.append(steps)
            sessions.delete(session.token)
        sessions.close()
    medians = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    told = "  ".join(f"{key} {value:.2f}" for key, value in medians.items())
    print(f"{name:34s} {told}  peak over idle {peak / 1e6:.0f} MB")


@contextmanager
def step(steps: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    steps[name] = time.perf_counter() - start


def import_time() -> None:
    code = "import time; t = time.perf_counter(); import rorem; print(time.perf_counter() - t)"

    def once() -> float:
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    print(f"{'import rorem':34s} {median(once):.3f}")


def start_time() -> None:
    def once() -> float:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            app = start_app(Path(folder))
            urllib.request.urlopen(f"{app.url}/").read()
            seconds = time.perf_counter() - start
            app.stop()
            return seconds

    print(f"{'app.py to the first page':34s} {median(once, 3):.2f}")


def freeze(width: int, height: int) -> None:
    """The longest time that the page did not react while a photo was opened and painted on, in a real Chromium."""
    from playwright.sync_api import sync_playwright

    from tests.browser.driver import CHROMIUM_FLAGS, visit
    from tests.tools.chromium import find_chromium

    chromium = find_chromium()
    if chromium is None:
        print("no Chromium found: the page was not measured")
        return
    watch = """() => { window.gap = 0; let last = performance.now();
        setInterval(() => {
            const now = performance.now();
            window.gap = Math.max(window.gap, now - last);
            last = now;
        }, 10); }"""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "photo.jpg"
        file.write_bytes(photo(width, height))
        app = start_app(Path(folder) / "data")
        browser = playwright.chromium.launch(executable_path=str(chromium), args=CHROMIUM_FLAGS)
        with visit(browser, app.url) as visitor:
            visitor.page.evaluate(watch)
            start = time.perf_counter()
            visitor.page.locator(".rr-file").set_input_files(str(file))
            visitor.page.wait_for_function("document.querySelector('.rr').dataset.view === 'photo'", timeout=90_000)
            visitor.page.wait_for_function("window.rorem.photo?.token", timeout=90_000)
            opened = time.perf_counter() - start
            visitor.brush(round(600 * visitor.photo["proxy"][0] / width))
            visitor.paint((visitor.photo["proxy"][0] * 0.62, visitor.photo["proxy"][1] * 0.72))
            gap = visitor.page.evaluate("window.gap")
            start = time.perf_counter()
            visitor.remove()
            seconds = time.perf_counter() - start
        browser.close()
        app.stop()
    print(
        f"{f'{width * height / 1e6:.0f} MP in Chromium':34s} opened {opened:.2f}  longest freeze {gap / 1000:.2f}  "
        f"click to picture on screen {seconds:.2f}"
    )


def networks() -> None:
    """LaMa and the diffusion road against what most people run, as a table and as build/bench.json."""
    import torch

    from rorem.nets import compute
    from tests import bench_diffusion, bench_lama

    device = compute.device()
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    rows = [{**row, "what": f"LaMa, 512 px: {row.pop('name')}", "network_calls": 1} for row in bench_lama.rows()]
    rows += bench_diffusion.rows()
    print(f"\ntorch {torch.__version__} on {where}, diffusion in {compute.dtype(device)}; seconds")
    print(f"{'':52s} {'calls':>5s} {'first':>7s} {'p50':>7s} {'p95':>7s} {'faster':>7s}  peak")
    for row in rows:
        seconds = " ".join(f"{row[name]:7.3f}" for name in ("first", "p50", "p95"))
        peak = f"{row['peak_memory'] / 1e9:.2f} GB" if row.get("peak_memory") else "-"
        print(f"{row['what']:52s} {row['network_calls']:5d} {seconds} {row['faster']:6.2f}x  {peak}")
    counts = bench_diffusion.operations()
    for row in counts:
        print(f"{row['what']:60s} {row['stock']:.2f} / {row['ours']:.2f}")
    BENCH_FILE.parent.mkdir(exist_ok=True)
    told = {"torch": torch.__version__, "device": where, "rows": rows, "counted": counts}
    BENCH_FILE.write_text(json.dumps(told, indent=2))
    print(f"The same as JSON: {BENCH_FILE.relative_to(ROOT)}")


def evaluation() -> None:
    """The metrics without networks, and what `rorem evaluate` adds to the methods' own time."""
    from tests import bench_evaluate, bench_metrics

    print("\nMetrics without networks, 512 x 512 px")
    for row in bench_metrics.rows():
        if "one thread" in row:
            print(f"{row['what']:34s} {row['one thread']:.0f} pictures/s, on two threads {row['two threads']:.0f}")
    cost = bench_evaluate.overhead()
    print(
        f"rorem evaluate, built-in pairs      {cost['whole']:.1f} s, of which removals {cost['own']:.1f}; "
        f"the rest adds {100 * cost['share']:.0f} %"
    )


def labelling() -> None:
    """The store of labels, and the page of an annotator."""
    from tests import bench_labels

    print("\nLabels; milliseconds where nothing else is said")
    for line in bench_labels.lines():
        print(line)


def data() -> None:
    """Putting a round together without its pictures, and checking a set."""
    from tests import bench_check, bench_round

    print("\nData tools")
    for line in (*bench_round.lines(), *bench_check.lines()):
        print(line)


def median(once: Callable[[], float], repeats: int = REPEATS) -> float:
    return statistics.median(once() for _ in range(repeats))


def main() -> None:
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; seconds, medians of {REPEATS}")
    import_time()
    start_time()
    ten_percent = 2 * (0.1 * 512 * 512 / np.pi) ** 0.5
    for method in ("patchmatch", "telea"):
        removal(f"{method}, 512 x 512, 10 % marked", 512, 512, ten_percent, method)
        removal(f"{method}, 12 MP, 600 px across", 4000, 3000, 600, method)
    removal("patchmatch, 50 MP, 600 px across", 8660, 5774, 600, "patchmatch")
    freeze(4000, 3000)
    freeze(8660, 5774)
    evaluation()
    labelling()
    data()
    networks()


if __name__ == "__main__":
    main()
