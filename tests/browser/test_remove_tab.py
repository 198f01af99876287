"""The Remove tab, used as a visitor uses it."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from playwright.sync_api import Browser

from tests.browser.conftest import save_photo
from tests.browser.driver import Visitor, visit
from tests.server import App

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DISC = [(270, 190), (300, 175), (330, 190), (330, 215), (300, 225), (270, 210), (300, 200)]  # over the red disc


def pixels(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def redness(array: np.ndarray) -> float:
    """How red the place of the disc is, against green."""
    place = array[170:230, 270:330]
    return float((place[..., 0] - place[..., 1]).mean())


def remove_disc(visitor: Visitor, photo: Path) -> None:
    visitor.open(photo)
    visitor.brush(40)
    visitor.paint(*DISC)
    visitor.remove()


def test_a_thing_goes_and_every_other_pixel_stays(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    remove_disc(visitor, photo)
    assert visitor.status.startswith("Done in")
    before, after = pixels(photo), pixels(visitor.download("png", tmp_path))
    assert redness(before) > 80
    assert redness(after) < 30
    changed = (before != after).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert columns.min() > 235 and columns.max() < 365 and rows.min() > 140 and rows.max() < 260
    assert after.shape == before.shape


@pytest.mark.soak
def test_the_jpeg_is_one_encoding_of_the_result(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    remove_disc(visitor, photo)
    exact = Image.open(visitor.download("png", tmp_path)).convert("RGB")
    file = visitor.download("source", tmp_path)
    assert file.name == "holiday photo-removed.jpg"
    source, made = JpegImageFile(photo), JpegImageFile(file)
    assert made.quantization == source.quantization
    once = BytesIO()
    exact.save(once, "JPEG", qtables=source.quantization, subsampling=2)
    assert (pixels(file) == np.asarray(Image.open(once)).astype(int)).all()
    assert b"DigitalSourceType" in file.read_bytes()
    assert f"({round(file.stat().st_size / 1e3)} kB)" in visitor.page.inner_text("[data-file=source]")


@pytest.mark.soak
def test_the_note_of_the_edit_can_be_left_out(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    remove_disc(visitor, photo)
    visitor.page.uncheck("[data-option=mark]")
    assert b"DigitalSourceType" not in visitor.download("source", tmp_path).read_bytes()


def test_undo_and_redo_go_through_strokes_and_removals(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    visitor.open(photo)
    visitor.brush(40)
    visitor.paint((100, 100), (150, 100))
    one = visitor.marked
    visitor.paint((100, 300), (150, 300))
    both = visitor.marked
    visitor.remove()
    assert visitor.marked == 0
    visitor.page.keyboard.press("Control+z")
    visitor.wait_for_state(0)
    assert visitor.marked == both
    visitor.page.keyboard.press("Control+z")
    assert visitor.marked == one
    visitor.do("undo")
    assert visitor.marked == 0
    assert visitor.page.is_disabled("[data-do=undo]")
    visitor.page.keyboard.press("Control+Shift+z")
    visitor.page.keyboard.press("Control+y")
    assert visitor.marked == both
    visitor.do("redo")
    visitor.wait_for_state(1)
    assert visitor.marked == 0
    visitor.do("undo")
    visitor.wait_for_state(0)
    visitor.do("clear")
    assert visitor.marked == 0
    visitor.do("undo")
    assert visitor.marked == both


@pytest.mark.soak
def test_another_version_keeps_the_mask_and_one_click_keeps_one(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    remove_disc(visitor, photo)
    first = pixels(visitor.download("png", tmp_path))
    visitor.remove("again")
    assert "seed 1" in visitor.status
    second = pixels(visitor.download("png", tmp_path))
    assert (first != second).any()
    visitor.remove("again")
    visitor.remove("again")
    assert visitor.page.locator(".rr-choices button").count() == 4
    assert visitor.page.is_disabled("[data-do=again]")
    visitor.page.click(".rr-choices button >> nth=0")
    visitor.wait_for_state(1)
    assert (pixels(visitor.download("png", tmp_path)) == first).all()
    visitor.do("undo")
    visitor.wait_for_state(0)
    assert not visitor.page.is_visible(".rr-result")


@pytest.mark.soak
def test_go_on_from_the_result(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    remove_disc(visitor, photo)
    visitor.paint((80, 80), (120, 80))
    visitor.remove()
    assert visitor.photo["state"] == 2
    assert redness(pixels(visitor.download("png", tmp_path))) < 30


@pytest.mark.soak
def test_stop_leaves_photo_and_marks(visitor: Visitor, tmp_path: Path) -> None:
    large = save_photo(tmp_path / "large.jpg", 3000, 2000)
    visitor.page.get_by_text("Method and settings").click()
    versions = visitor.page.locator("#versions input[type=number]")
    versions.fill("4")  # long enough for a hand to reach the button, also on a quick machine
    versions.blur()
    visitor.open(large)
    visitor.brush(300)
    visitor.paint((300, 300), (1700, 1000))
    marked = visitor.marked
    visitor.do("remove")
    visitor.page.wait_for_selector("[data-do=stop]:visible")
    visitor.do("stop")
    visitor.page.wait_for_function("!window.rorem.running")
    assert visitor.status.startswith("Stopped.")
    assert visitor.photo["state"] == 0
    assert visitor.marked == marked


@pytest.mark.soak
def test_slider_and_hold_show_the_original(visitor: Visitor, photo: Path) -> None:
    remove_disc(visitor, photo)

    def red_on_screen() -> bool:
        visitor.page.mouse.move(5, 5)
        visitor.settle()
        shot = Image.open(BytesIO(visitor.page.screenshot())).convert("RGB")
        x, y = visitor.to_page((300, 200))
        red, green, _ = np.asarray(shot)[int(y) - 6 : int(y) + 6, int(x) - 6 : int(x) + 6].reshape(-1, 3).mean(axis=0)
        return red - green > 80

    assert not red_on_screen()
    visitor.do("compare")
    split = visitor.page.locator(".rr-split")
    split.evaluate("input => { input.value = 1000; input.dispatchEvent(new Event('input')); }")
    assert red_on_screen()
    split.evaluate("input => { input.value = 0; input.dispatchEvent(new Event('input')); }")
    assert not red_on_screen()
    visitor.do("compare")
    visitor.page.keyboard.down("o")
    assert red_on_screen()
    visitor.page.keyboard.up("o")
    assert not red_on_screen()


@pytest.mark.soak
def test_photo_marks_and_removals_survive_a_reload(visitor: Visitor, photo: Path) -> None:
    remove_disc(visitor, photo)
    visitor.paint((80, 80), (120, 80))
    marked = visitor.marked
    visitor.page.wait_for_timeout(800)  # the browser keeps them a moment later
    visitor.go()
    visitor.page.wait_for_function("window.rorem.photo?.token && window.rorem.marked()")
    assert visitor.marked == marked
    assert visitor.photo["state"] == 1
    visitor.do("undo")
    visitor.wait_for_state(0)


@pytest.mark.soak
def test_marks_survive_even_when_the_server_forgot_the_photo(visitor: Visitor, photo: Path) -> None:
    visitor.open(photo)
    visitor.brush(40)
    visitor.paint(*DISC)
    marked, token = visitor.marked, visitor.photo["token"]
    visitor.page.evaluate("token => fetch(`/photo/${token}`, {method: 'DELETE'})", token)
    visitor.page.wait_for_timeout(300)
    visitor.do("remove")
    visitor.page.wait_for_function("old => window.rorem.photo?.token && window.rorem.photo.token !== old", arg=token)
    visitor.page.wait_for_function("window.rorem.marked() > 0")
    assert visitor.marked == marked
    assert "opened again" in visitor.status
    visitor.remove()
    visitor.trouble.clear()  # the browser's own line about status 410, which this test asked for


@pytest.mark.soak
def test_every_tool_marks(visitor: Visitor, photo: Path) -> None:
    visitor.open(photo)
    visitor.tool("box")
    visitor.paint((100, 100), (200, 150))
    assert abs(visitor.marked - 100 * 50) < 400
    visitor.tool("eraser")
    visitor.brush(30)
    visitor.paint((90, 125), (210, 125))
    assert abs(visitor.marked - 100 * 20) < 500
    visitor.do("clear")
    visitor.tool("lasso")
    visitor.paint((100, 100), (200, 100), (200, 200), (100, 200))
    assert abs(visitor.marked - 100 * 100) < 900
    visitor.do("clear")
    visitor.tool("avoid")
    visitor.paint((400, 100), (500, 100))
    assert visitor.marked == 0
    assert visitor.page.evaluate("window.rorem.avoided()") > 100 * 25
    visitor.do("clear")
    visitor.tool("thing")
    visitor.paint((300, 200))
    visitor.page.wait_for_function("window.rorem.marked() > 0")
    assert abs(visitor.marked - np.pi * 40**2) < 900  # the red disc
    visitor.do("clear")
    visitor.paint((240, 140), (360, 260))
    visitor.page.wait_for_function("window.rorem.marked() > 0")
    assert abs(visitor.marked - np.pi * 40**2) < 900
    visitor.page.click(".rr-more summary")
    before = visitor.marked
    visitor.do("wider")
    visitor.page.wait_for_function("before => window.rorem.marked() > before", arg=before)
    wider = visitor.marked
    visitor.do("narrower")
    visitor.page.wait_for_function("before => window.rorem.marked() < before", arg=wider)
    visitor.page.keyboard.press("Control+z")
    assert visitor.marked == wider


def test_a_mask_file_goes_in_and_out_unchanged(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    mask = np.zeros((400, 600), bool)
    mask[120:180, 200:333] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    visitor.open(photo)
    visitor.page.locator(".rr-mask-file").set_input_files(str(tmp_path / "mask.png"))
    visitor.page.wait_for_function("window.rorem.marked() > 0")
    visitor.page.click(".rr-more summary")
    with visitor.page.expect_download() as coming:
        visitor.do("mask-out")
    saved = tmp_path / "saved.png"
    coming.value.save_as(saved)
    out = Image.open(saved)
    assert out.mode == "1" and coming.value.suggested_filename == "holiday photo-mask.png"
    assert (np.asarray(out) == mask).all()


def test_zoomed_painting_lands_where_it_is_seen(visitor: Visitor, photo: Path) -> None:
    visitor.open(photo)
    visitor.page.keyboard.press("+")
    visitor.page.keyboard.press("+")
    visitor.brush(20)
    visitor.paint((290, 200), (310, 200))
    assert 20 * 20 < visitor.marked < 1.3 * (20 * 20 + np.pi * 100)
    visitor.page.keyboard.down("Space")
    visitor.paint((300, 200), (340, 230))
    visitor.page.keyboard.up("Space")
    assert visitor.marked < 1.3 * (20 * 20 + np.pi * 100)  # Space moves the photo, it does not paint
    visitor.page.keyboard.press("0")


def test_keyboard_alone_is_enough(visitor: Visitor, photo: Path) -> None:
    visitor.open(photo)
    visitor.page.focus(".rr-stage canvas")
    visitor.page.keyboard.press("Enter")
    dot = visitor.marked
    assert dot > 0
    for _ in range(6):
        visitor.page.keyboard.press("Shift+ArrowRight")
    assert visitor.marked > dot
    visitor.page.focus("[data-do=remove]")
    visitor.page.keyboard.press("Enter")
    visitor.wait_for_state(1)


def test_touch_on_a_phone(browser: Browser, app: App, photo: Path, tmp_path: Path) -> None:
    with visit(browser, app.url, **PHONE) as visitor:
        visitor.open(photo)
        visitor.brush(40)
        visitor.touch(*DISC)
        assert visitor.marked > 2000
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
        visitor.page.locator("[data-do=remove]").tap()
        visitor.wait_for_state(1)
        assert redness(pixels(visitor.download("png", tmp_path))) < 30
        assert not visitor.trouble


@pytest.mark.soak
def test_two_visitors_never_meet(browser: Browser, app: App, photo: Path, tmp_path: Path) -> None:
    other_photo = save_photo(tmp_path / "other.png", 500, 300)
    with visit(browser, app.url) as one, visit(browser, app.url) as two:
        one.open(photo)
        two.open(other_photo)
        one.brush(40)
        one.paint(*DISC)
        two.brush(30)
        two.paint((230, 150), (270, 150))
        one.do("remove")
        two.do("remove")
        one.wait_for_state(1)
        two.wait_for_state(1)
        assert one.photo["token"] != two.photo["token"]
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        first = pixels(one.download("png", tmp_path / "one"))
        second = pixels(two.download("source", tmp_path / "two"))
        assert first.shape == (400, 600, 3) and second.shape == (300, 500, 3)
        assert redness(first) < 30
        assert (second[:100] == pixels(other_photo)[:100]).all()
        assert not one.trouble and not two.trouble


@pytest.mark.soak
def test_an_example_opens_and_goes(visitor: Visitor) -> None:
    visitor.page.click("[data-example=mountain]")
    visitor.page.wait_for_function("window.rorem.photo?.token")
    assert "1800" in visitor.status
    visitor.paint((870, 960), (880, 1000))
    visitor.remove()


@pytest.mark.parametrize(
    ("name", "content"),
    [("broken.jpg", b"\xff\xd8\xff\xe0 not a photo"), ("page.html", b"<html>"), ("empty.png", b"")],
)
@pytest.mark.soak
def test_a_file_that_is_no_photo_gets_one_sentence(
    visitor: Visitor, photo: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    visitor.open(photo)
    visitor.brush(40)
    visitor.paint(*DISC)
    marked = visitor.marked
    bad = tmp_path / name
    bad.write_bytes(content)
    visitor.page.locator(".rr-file").set_input_files(str(bad))
    visitor.page.wait_for_selector(".rr-error:visible")
    assert visitor.error and "Traceback" not in visitor.error and "\n" not in visitor.error
    assert visitor.marked == marked
    visitor.remove()
    visitor.trouble.clear()  # the browser's own line about status 422


@pytest.mark.soak
def test_a_photo_dropped_or_pasted_opens(visitor: Visitor, photo: Path) -> None:
    data = list(photo.read_bytes())
    for event, target in (("drop", ".rr-drop"), ("paste", "document")):
        visitor.page.evaluate(
            """([kind, target, data]) => {
                const carried = new DataTransfer();
                carried.items.add(new File([new Uint8Array(data)], `${kind}.jpg`, {type: 'image/jpeg'}));
                const event = kind === 'drop'
                    ? new DragEvent('drop', {dataTransfer: carried, bubbles: true, cancelable: true})
                    : new ClipboardEvent('paste', {clipboardData: carried, bubbles: true});
                (target === 'document' ? document : document.querySelector(target)).dispatchEvent(event);
            }""",
            [event, target, data],
        )
        visitor.page.wait_for_function("name => window.rorem.photo?.name === name", arg=f"{event}.jpg")


@pytest.mark.soak
def test_light_and_dark(visitor: Visitor) -> None:
    def brightness() -> float:
        shot = Image.open(BytesIO(visitor.page.screenshot())).convert("L")
        return float(np.asarray(shot)[200:210, 5:15].mean())

    def text() -> float:
        colour = visitor.page.evaluate("getComputedStyle(document.querySelector('.rr-big')).color")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / 3

    visitor.go("?__theme=light")
    assert brightness() - text() > 100
    visitor.go("?__theme=dark")
    assert text() - brightness() > 100


@pytest.mark.soak
def test_a_format_that_the_browser_cannot_show(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(save_photo(tmp_path / "scan.tif", 300, 200, quality=None, subsampling=None))
    assert visitor.photo["format"] == "TIFF"
    visitor.brush(20)
    visitor.paint((150, 100), (160, 100))
    visitor.remove()
    assert not visitor.page.is_visible(".rr-exact")


@pytest.mark.soak
def test_who_comes_second_sees_the_line(browser: Browser, app: App, photo: Path, tmp_path: Path) -> None:
    large = save_photo(tmp_path / "large.jpg", 3000, 2000)
    with visit(browser, app.url) as one, visit(browser, app.url) as two:
        one.open(large)
        one.brush(300)
        one.paint((300, 300), (1700, 1000))
        two.open(photo)
        two.brush(40)
        two.paint(*DISC)
        one.do("remove")
        one.page.wait_for_function("document.querySelector('.rr-status').textContent.startsWith('Removing')")
        two.do("remove")
        two.page.wait_for_function("document.querySelector('.rr-status').textContent.includes('before you')")
        assert two.status == "1 person is before you."
        one.do("stop")
        two.wait_for_state(1)


@pytest.mark.soak
def test_the_camera_gives_a_photo(browser: Browser, app: App) -> None:
    with visit(browser, app.url, permissions=["camera"]) as visitor:
        visitor.do("camera")
        visitor.page.wait_for_function("document.querySelector('.rr-camera video').videoWidth > 0")
        visitor.do("snap")
        visitor.page.wait_for_function("window.rorem.photo?.name === 'camera.jpg'")
        assert not visitor.page.is_visible(".rr-camera")


@pytest.mark.soak
def test_the_same_failure_twice_is_told_twice(visitor: Visitor, photo: Path) -> None:
    visitor.open(photo)
    visitor.page.click("text=Method and settings")
    visitor.page.fill("#seed input", "-5")
    visitor.page.keyboard.press("Tab")
    visitor.brush(40)
    visitor.paint(*DISC)
    for _ in range(2):
        visitor.do("remove")
        visitor.page.wait_for_selector(".rr-error:visible")
        visitor.page.wait_for_function("!window.rorem.running")
        assert "negative" in visitor.error
    visitor.page.fill("#seed input", "5")
    visitor.page.keyboard.press("Tab")
    visitor.remove()
    assert "seed 5" in visitor.status


@pytest.mark.soak
def test_another_version_leaves_new_marks_alone(visitor: Visitor, photo: Path) -> None:
    remove_disc(visitor, photo)
    visitor.paint((80, 80), (120, 80))
    marked = visitor.marked
    visitor.remove("again")
    assert visitor.marked == marked


@pytest.mark.soak
def test_fast_undos_are_done_one_after_the_other(visitor: Visitor, photo: Path) -> None:
    visitor.open(photo)
    visitor.brush(40)
    visitor.paint((100, 100), (150, 100))
    visitor.paint(*DISC)
    visitor.remove()
    for _ in range(3):
        visitor.page.keyboard.press("Control+z")
    visitor.page.wait_for_function("window.rorem.photo.state === 0 && window.rorem.marked() === 0")
    for _ in range(3):
        visitor.page.keyboard.press("Control+y")
    visitor.wait_for_state(1)
    assert visitor.marked == 0


@pytest.mark.soak
def test_a_page_that_may_keep_nothing_still_works(browser: Browser, app: App, photo: Path) -> None:
    blocked = """for (const name of ['localStorage', 'sessionStorage', 'indexedDB'])
        Object.defineProperty(window, name, {get() { throw new DOMException('blocked', 'SecurityError'); }});"""
    with visit(browser, app.url) as visitor:
        visitor.page.add_init_script(blocked)
        visitor.go()
        remove_disc(visitor, photo)
        ours = [line for line in visitor.trouble if "rorem" in line or "js_on_load" in line]
        assert not ours


@pytest.mark.soak
def test_the_photo_is_seen_while_it_is_on_its_way(visitor: Visitor, photo: Path) -> None:
    visitor.page.route("**/photo?*", lambda route: visitor.page.wait_for_timeout(1500) or route.continue_())
    visitor.page.locator(".rr-file").set_input_files(str(photo))
    visitor.page.wait_for_function(
        """() => { const c = document.querySelector('.rr-stage canvas');
            const [r, g] = c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data;
            return r - g > 100; }"""  # the red disc in the middle
    )
    assert visitor.photo is None
    visitor.page.wait_for_function("window.rorem.photo?.token")


@pytest.mark.soak
def test_pinching_zooms_and_marks_nothing(browser: Browser, app: App, photo: Path) -> None:
    with visit(browser, app.url, **PHONE) as visitor:
        visitor.open(photo)
        (x, y), (x2, _) = visitor.to_page((300, 200)), visitor.to_page((400, 200))
        tools = visitor.page.context.new_cdp_session(visitor.page)
        for spread in (20, 40, 60):
            kind = "touchStart" if spread == 20 else "touchMove"
            points = [{"x": x - spread, "y": y, "id": 0}, {"x": x + spread, "y": y, "id": 1}]
            tools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        tools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        visitor.settle()
        assert visitor.marked == 0
        (after, _), (after2, _) = visitor.to_page((300, 200)), visitor.to_page((400, 200))
        assert (after2 - after) / (x2 - x) > 2


@pytest.mark.soak
def test_a_running_removal_cannot_be_run_over(visitor: Visitor, photo: Path, tmp_path: Path) -> None:
    large = save_photo(tmp_path / "large.jpg", 3000, 2000)
    visitor.open(large)
    visitor.brush(300)
    visitor.paint((300, 300), (1700, 1000))
    marked, token = visitor.marked, visitor.photo["token"]
    visitor.do("remove")
    visitor.page.locator(".rr-file").set_input_files(str(photo))
    visitor.page.wait_for_selector(".rr-error:visible")
    visitor.do("wider")
    visitor.do("close")
    visitor.paint((200, 800), (400, 800))
    assert visitor.photo["token"] == token and visitor.marked == marked
    visitor.do("stop")
    visitor.page.wait_for_function("!window.rorem.running")
    assert visitor.marked == marked
