"""Makes the README's pictures anew from the running app: `python -m tests.pictures`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.driver import CHROMIUM_FLAGS, PATIENCE, Visitor, visit
from tests.server import ROOT, start_app
from tests.tools.chromium import find_chromium

IMAGES = ROOT / "docs" / "images"
TABLE = (
    (1100, 850),
    (1160, 790),
    (1330, 748),
    (1520, 748),
    (1665, 790),
    (1710, 845),
    (1670, 905),
    (1560, 955),
    (1240, 960),
    (1140, 915),
)
FOOT = ((1255, 930), (1255, 1199), (1575, 1199), (1575, 930))


def lasso(visitor: Visitor, points: tuple[tuple[int, int], ...]) -> None:
    visitor.tool("lasso")
    visitor.paint(*points)


def compared(visitor: Visitor, file: Path) -> None:
    """A sample with truth, filled by both built-in methods."""
    visitor.page.click("#tab-compare")
    visitor.page.click("[data-sample=dandelion]")
    visitor.page.wait_for_function("document.querySelector('.cp-truth-name').textContent.startsWith('Truth: ')")
    visitor.page.click("[data-act=compare]")
    done = "document.querySelector('.cp-status').textContent.startsWith('Done')"
    visitor.page.wait_for_function(done, timeout=PATIENCE)
    visitor.page.wait_for_timeout(1500)  # the pictures come a moment later
    visitor.page.locator(".cp").screenshot(path=str(file))


def judged(visitor: Visitor, file: Path) -> None:
    """The tab Label with a removal and its four answers."""
    page = visitor.page
    page.click("#tab-label")
    page.fill(".lb-enter [name=name]", "Ada")
    page.click(".lb-start")
    page.click("[data-act=guide-close]")
    page.wait_for_selector(".lb[data-item]")
    visitor.settle()
    page.wait_for_timeout(500)
    page.locator(".lb").screenshot(path=str(file))


def outlined(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The photo with the changed place tinted."""
    changed = (before != after).any(axis=2)
    tinted = before.astype(float)
    tinted[changed] = 0.55 * tinted[changed] + 0.45 * np.array([255, 45, 85])
    return tinted.astype(np.uint8)


def main() -> None:
    chromium = find_chromium()
    assert chromium is not None, "a Chromium is needed"
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = str(Path(folder) / "made")
        run = [sys.executable, "-m", "rorem.cli", "labels", "make", "built-in", made, "--methods", "patchmatch"]
        subprocess.run(run, check=True)
        app = start_app(Path(folder) / "data", "--label-source", made)
        browser = playwright.chromium.launch(executable_path=str(chromium), args=CHROMIUM_FLAGS)
        with visit(browser, app.url, viewport={"width": 1200, "height": 900}) as visitor:
            visitor.page.click("[data-example=hill]")
            visitor.page.wait_for_function("window.rorem.photo?.token")
            visitor.settle()
            lasso(visitor, TABLE)
            lasso(visitor, FOOT)
            visitor.page.mouse.move(5, 5)
            visitor.tool("brush")
            visitor.settle()
            page = Path(folder) / "page.png"
            visitor.page.screenshot(path=str(page))
            visitor.remove()
            after = np.asarray(Image.open(visitor.download("png", Path(folder))).convert("RGB"))
        with visit(browser, app.url, viewport={"width": 1600, "height": 900}) as visitor:
            board = Path(folder) / "board.png"
            compared(visitor, board)
        with visit(browser, app.url, viewport={"width": 1200, "height": 900}) as visitor:
            asked = Path(folder) / "asked.png"
            judged(visitor, asked)
        browser.close()
        app.stop()
        before = np.asarray(Image.open(ROOT / "rorem" / "ui" / "examples" / "hill.jpg"))
        pair = np.hstack([outlined(before, after), np.full((before.shape[0], 24, 3), 255, np.uint8), after])
        picture = Image.fromarray(pair)
        picture.thumbnail((1600, 800), Image.Resampling.LANCZOS)
        picture.save(IMAGES / "before-after.jpg", quality=86, optimize=True)
        Image.open(page).convert("RGB").save(IMAGES / "page.jpg", quality=82, optimize=True)
        Image.open(board).convert("RGB").save(IMAGES / "compare.jpg", quality=82, optimize=True)
        Image.open(asked).convert("RGB").save(IMAGES / "label.jpg", quality=82, optimize=True)


if __name__ == "__main__":
    main()
