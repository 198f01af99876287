"""One app and one Chromium for all browser tests; every test gets visitors of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser.driver import CHROMIUM_FLAGS, Visitor, visit
from tests.server import App


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=CHROMIUM_FLAGS)
        yield started
        started.close()


@pytest.fixture
def visitor(browser: Browser, app: App) -> Iterator[Visitor]:
    with visit(browser, app.url) as one:
        yield one
        assert not one.trouble


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 600 x 400 photo-like JPEG, 4:2:0, with a red disc at (300, 200) on texture."""
    return save_photo(tmp_path_factory.mktemp("photos") / "holiday photo.jpg", 600, 400)


def save_photo(path: Path, width: int, height: int, **options: object) -> Path:
    random = np.random.default_rng(7)
    rows, columns = np.mgrid[:height, :width]
    base = 110 + 40 * np.sin(columns / 9) * np.cos(rows / 13)
    picture = np.stack([base, base * 0.9 + 20, base * 0.6], axis=2) + random.normal(0, 6, (height, width, 1))
    radius = min(width, height) / 10
    disc = (columns - width / 2) ** 2 + (rows - height / 2) ** 2 < radius**2
    picture[disc] = (200, 30, 30)
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(path, **{"quality": 88, "subsampling": 2, **options})
    return path
