"""Every method of the catalog removes a thing on the page, with tiny checkpoints in the published layouts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from rorem.methods import catalog
from tests.browser.driver import Visitor, visit
from tests.server import App, start_app

pytestmark = [pytest.mark.browser, pytest.mark.soak]
DISC = (300, 200)
REACH = 80  # px that marks and growth may reach from the disc's middle


@pytest.fixture(scope="module")
def full(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app where every method has its weights."""
    running = start_app(tmp_path_factory.mktemp("full"), environment={"ROREM_WEIGHTS": str(weights)})
    yield running
    assert running.stop() == 0, "".join(running.log)
    assert "Traceback" not in "".join(running.log), "".join(running.log)


def choose(visitor: Visitor, method: str) -> None:
    """Opens the settings and picks a method; where it takes steps, only two, as these networks know nothing anyway."""
    page = visitor.page
    if not page.is_visible("#method"):
        page.get_by_text("Method and settings").click()
    page.locator(f"#method input[value='{method}']").check()
    entry = catalog.find(method)
    if "steps" in entry.options.model_fields:
        steps = page.locator(f"#{method}-steps input[type=number]")
        steps.fill("2")
        steps.blur()


@pytest.mark.parametrize("entry", catalog.ENTRIES, ids=lambda entry: entry.id)
def test_it_removes_a_thing_and_leaves_the_rest(
    entry: catalog.Entry, browser: Browser, full: App, photo: Path, tmp_path: Path
) -> None:
    with visit(browser, full.url) as visitor:
        choose(visitor, entry.id)
        visitor.open(photo)
        visitor.brush(100)
        visitor.paint(DISC)
        visitor.remove()
        assert visitor.status.startswith("Done in") and entry.title in visitor.status
        after = np.asarray(Image.open(visitor.download("png", tmp_path)).convert("RGB")).astype(int)
        before = np.asarray(Image.open(photo).convert("RGB")).astype(int)
        rows, columns = np.nonzero((before != after).any(axis=2))
        assert np.abs(columns - DISC[0]).max() < REACH and np.abs(rows - DISC[1]).max() < REACH
        middle = after[180:220, 280:320]
        assert (middle[..., 0] - middle[..., 1]).mean() < 60  # the disc was red by 170
        assert not visitor.trouble


def test_a_method_without_weights_says_how_to_get_them(visitor: Visitor, photo: Path) -> None:
    choose(visitor, "rorem-4s")
    visitor.open(photo)
    visitor.brush(100)
    visitor.paint(DISC)
    visitor.do("remove")
    visitor.page.wait_for_selector(".rr-error", state="visible")
    assert "rorem weights pull rorem-4s" in visitor.error
    assert visitor.marked > 0
    assert "not here yet" in visitor.page.inner_text("#method")
    assert "rorem weights pull rorem-4s" in visitor.page.inner_text("#about-method")
