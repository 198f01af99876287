"""A comparison that was kept comes out the same again, bit for bit, or it is said what is not."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rorem.comparison import Cell, Request, compare, replay
from rorem.comparison.bundle import Comparison, write
from rorem.comparison.replay import Recorded, Verdict, read, verdict
from rorem.errors import BadData, BadPicture, MissingWeights
from rorem.picture import encode, from_rgb_array, open_picture
from rorem.remover import AS_PUBLISHED
from tests.comparison.scene import HIGH, TWO_STEPS, WIDE, by_method, made, mark, pixels, png, truth
from tests.stubs import pictures

BOTH = Request(("patchmatch", "telea"), seed=3)


def again(path: Path) -> tuple[Recorded, dict[str, Verdict]]:
    """Runs what was kept once more."""
    kept = read(path)
    cells = compare(kept.picture, kept.mask, kept.request, avoid=kept.avoid)
    return kept, {cell.method: verdict(kept, cell) for cell in cells}


@pytest.fixture(scope="module")
def both() -> Comparison:
    return made(BOTH)


@pytest.fixture
def folder(both: Comparison, tmp_path: Path) -> Path:
    write(tmp_path / "kept", both)
    return tmp_path / "kept"


def test_the_same_again_from_all_its_forms(both: Comparison, folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "kept.zip", both)
    with zipfile.ZipFile(tmp_path / "packed.zip", "w", zipfile.ZIP_DEFLATED) as archive:  # as a person packs a folder
        for path in folder.iterdir():
            archive.write(path, f"my comparison/{path.name}")
        archive.writestr("__MACOSX/my comparison/result.json", "x")
    (folder / "other name.json").write_bytes((folder / "result.json").read_bytes())
    for place in (
        folder,
        folder / "result.json",
        folder / "other name.json",
        tmp_path / "kept.zip",
        tmp_path / "packed.zip",
    ):
        kept, verdicts = again(place)
        assert verdicts == {id: Verdict(id, True, "the same, bit for bit") for id in BOTH.methods}
        assert kept.source == png(pixels()) and (kept.mask == mark()).all() and kept.avoid is kept.truth is None


def test_everything_that_was_asked_for_comes_back(tmp_path: Path) -> None:
    avoid = np.zeros((HIGH, WIDE), bool)
    avoid[:, :28] = True
    request = Request(("telea", "patchmatch"), 7, settings={"telea": {"radius": "9"}}, grow=4, order_seed=11)
    write(tmp_path / "kept", made(request, avoid=avoid, truth=png(truth()), blind=True))
    kept, verdicts = again(tmp_path / "kept")
    assert all(one.same for one in verdicts.values())
    assert (kept.request.seed, kept.request.grow, kept.request.order_seed, kept.blind) == (7, 4, 11, True)
    assert kept.request.settings["telea"] == {"radius": 9}
    assert kept.request.settings["patchmatch"] == {"patch_size": 3, "working_size": 256}  # defaults may change
    assert kept.avoid is not None and (kept.avoid == avoid).all() and kept.truth == png(truth())
    assert set(kept.request.methods) == set(request.methods)


def test_nothing_to_leave_alone_is_kept_too(tmp_path: Path) -> None:
    write(tmp_path / "kept", made(Request(("telea",)), avoid=np.zeros((HIGH, WIDE), bool)))
    kept, verdicts = again(tmp_path / "kept")
    assert kept.avoid is not None and not kept.avoid.any() and verdicts["telea"].same


def test_networks_and_one_that_fails(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two networks, the built-in methods, and damaged weights among them: the same again in all."""
    shutil.copytree(weights, tmp_path / "weights")
    for file in (tmp_path / "weights" / "migan").iterdir():
        file.write_bytes(file.read_bytes()[:500])
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path / "weights"))
    request = Request(("migan", "patchmatch", "rorem-4s", "telea", "lama"), 5, settings={"rorem-4s": TWO_STEPS})
    first = made(request)
    assert {cell.method for cell in first.cells if cell.error} == {"migan"}
    write(tmp_path / "kept.zip", first)
    _, verdicts = again(tmp_path / "kept.zip")
    assert all(one.same for one in verdicts.values()), verdicts
    assert "failed then and now" in verdicts["migan"].sentence and "damaged" in verdicts["migan"].sentence
    assert verdicts["rorem-4s"].sentence == verdicts["lama"].sentence == "the same, bit for bit"

    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))
    monkeypatch.setattr(replay, "_far", lambda *_: "")
    kept, verdicts = again(tmp_path / "kept.zip")
    assert not verdicts["migan"].same and verdicts["migan"].sentence == "failed then and works now"
    shutil.rmtree(tmp_path / "weights" / "big-lama")
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path / "weights"))
    lost = by_method(list(compare(kept.picture, kept.mask, Request(("lama",)))))["lama"]
    assert isinstance(lost.error, MissingWeights)
    told = verdict(kept, lost)
    assert not told.same and told.sentence.startswith("failed: The weights of LaMa are not on this machine.")


def test_as_published(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))
    write(tmp_path / "kept", made(Request(("lama", "telea", "migan"), protocol=AS_PUBLISHED)))
    kept, verdicts = again(tmp_path / "kept")
    assert verdicts["lama"].sentence == verdicts["migan"].sentence == "the same, bit for bit"
    assert "no published way" in verdicts["telea"].sentence and verdicts["telea"].same
    assert kept.request.protocol == AS_PUBLISHED and kept.expected[0].drift is not None


def odd(name: str) -> bytes:
    """A file of each kind of photo."""
    if name == "turned JPEG":
        exif, out = Image.Exif(), BytesIO()
        exif[0x0112] = 6
        Image.fromarray(pixels()).rotate(90, expand=True).save(out, "JPEG", exif=exif)
        return out.getvalue()
    return encode(pictures(WIDE, HIGH)[name], "TIFF" if name == "cmyk" else "PNG")


@pytest.mark.parametrize("name", [*pictures(1, 1), "turned JPEG"])
def test_photos_of_every_kind(name: str, tmp_path: Path) -> None:
    request = Request(("telea", "patchmatch"), 2)
    first = made(request, odd(name))
    assert first.picture.space == open_picture(odd(name)).space
    write(tmp_path / "kept", first)
    assert {one.sentence for one in again(tmp_path / "kept")[1].values()} == {"the same, bit for bit"}


def test_what_differs_is_told(both: Comparison, folder: Path) -> None:
    kept = read(folder)
    cell = by_method(list(both.cells))["telea"]
    assert cell.removal is not None
    other = np.array(cell.removal.picture.colour)
    other[30, 40] = np.where(other[30, 40] > 99, other[30, 40] - 7, other[30, 40] + 7)
    changed = replace(
        cell.removal, patches=(), before=from_rgb_array(other), revision="opencv 9", network_calls=3, rung="full"
    )
    told = verdict(kept, replace(cell, removal=changed))
    assert not told.same
    assert told.sentence == (
        f"differs: 1 of {HIGH * WIDE:,} pixels by up to 7 levels; weights opencv 5 then, opencv 9 now; "
        "memory none then, full now; network calls 0 then, 3 now"
    )
    (folder / "sea.telea.png").unlink()
    assert "pixels" not in verdict(kept, replace(cell, removal=changed)).sentence
    (folder / "sea.telea.png").write_bytes(png(pixels()))
    assert "the kept file is not the one" in verdict(kept, replace(cell, removal=changed)).sentence


def test_another_size_differs_too(both: Comparison, folder: Path) -> None:
    cell = by_method(list(both.cells))["telea"]
    assert cell.removal is not None
    small = replace(cell.removal, patches=(), published=np.zeros((9, 9, 3), np.uint8))
    assert verdict(read(folder), replace(cell, removal=small)) == Verdict("telea", False, "differs: other pixels")


def test_only_what_was_finished_is_repeated(both: Comparison, tmp_path: Path) -> None:
    write(tmp_path / "some", replace(both, cells=both.cells[:1]))
    assert read(tmp_path / "some").request.methods == (both.cells[0].method,)
    write(tmp_path / "none", replace(both, cells=[]))
    with pytest.raises(BadData, match="nothing to repeat"):
        read(tmp_path / "none")


def edited(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        told = json.loads((folder / "result.json").read_text())
        change(told)
        (folder / "result.json").write_text(json.dumps(told))

    return edit


def swapped(name: str, data: bytes) -> Callable[[Path], None]:
    def swap(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return swap


def linked(folder: Path) -> None:
    (folder.parent / "secret.png").write_bytes((folder / "sea.png").read_bytes())
    (folder / "sea.png").unlink()
    (folder / "sea.png").symlink_to(folder.parent / "secret.png")


def small_mask(folder: Path) -> None:
    data = png(mark()[:9])
    (folder / "mask.png").write_bytes(data)
    edited(lambda told: told.update(mask={"file": "mask.png", "sha256": hashlib.sha256(data).hexdigest()}))(folder)


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (edited(lambda told: told["source"].update(file="../secret.png")), "wrong at source.file"),  # type: ignore[index]
        (edited(lambda told: told["cells"][0].update(file="../../x.png")), "wrong at cells.0.file"),  # type: ignore[index]
        (edited(lambda told: told.update(run="rm -rf")), "wrong at run"),
        (edited(lambda told: told["cells"].append(told["cells"][0])), "stands twice"),  # type: ignore[index]
        (swapped("sea.png", png(truth())), "sea.png has changed"),
        (swapped("mask.png", png(~mark())), "mask.png has changed"),
        (swapped("result.json", b"no"), "not a sound JSON"),
        (small_mask, "mask.png is not a black and white picture of the photo's size"),
        (linked, "sea.png lies outside"),
        (lambda folder: (folder / "sea.png").unlink(), "sea.png is missing"),
        (lambda folder: (folder / "result.json").unlink(), "There is no"),
    ],
)
def test_what_was_tampered_with_is_refused(folder: Path, tamper: Callable[[Path], None], words: str) -> None:
    tamper(folder)
    with pytest.raises(BadData, match=words) as refused:
        read(folder)
    assert "\n" not in refused.value.advice


def test_files_that_are_too_large_are_not_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.make_archive(str(tmp_path / "kept"), "zip", folder)
    monkeypatch.setattr(replay, "MOST_TEXT", 100)
    for place in (folder, tmp_path / "kept.zip"):
        with pytest.raises(BadData, match="too large"):
            read(place)


def test_zips_that_are_none(folder: Path, tmp_path: Path) -> None:
    torn, several, empty = (tmp_path / f"{name}.zip" for name in ("torn", "several", "empty"))
    write_zip(several, {"a/result.json": b"{}", "b/result.json": b"{}"})
    write_zip(empty, {"x": b""})
    whole = tmp_path / "whole.zip"
    write_zip(whole, {path.name: path.read_bytes() for path in folder.iterdir()})
    data = bytearray(whole.read_bytes())
    at = data.index(b"result.json") + 40
    data[at : at + 20] = b"?" * 20
    torn.write_bytes(data)
    with pytest.raises(BadData, match=r"could not be read|not a sound JSON"):
        read(torn)
    for place in (several, empty):
        with pytest.raises(BadData, match="does not hold one comparison"):
            read(place)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole.read_bytes()[:-10])
    with pytest.raises(BadData):
        read(cut)
    lacking = tmp_path / "lacking.zip"
    write_zip(lacking, {"result.json": (folder / "result.json").read_bytes()})
    with pytest.raises(BadData, match=r"sea\.png is missing"):
        read(lacking)


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def test_a_source_that_is_no_photo(folder: Path) -> None:
    (folder / "sea.png").write_bytes(b"no")
    digest = hashlib.sha256(b"no").hexdigest()
    edited(lambda told: told.update(source={"file": "sea.png", "sha256": digest}))(folder)
    with pytest.raises(BadPicture):
        read(folder)


def test_a_method_that_is_no_more(folder: Path) -> None:
    """A later version may have dropped one: that costs only its own cell."""
    edited(lambda told: told["cells"][0].update(method="gone"))(folder)  # type: ignore[index]
    _, verdicts = again(folder)
    assert not verdicts["gone"].same and "no method called 'gone'" in verdicts["gone"].sentence
    assert verdicts["telea"].same


def test_hidden_names_are_not_told_by_causes() -> None:
    sentences = ("the same, bit for bit", "failed: LaMa is damaged.", "differs: weights opencv 5 then, 9 now")
    assert [Verdict("x", False, one).hidden for one in sentences] == ["the same, bit for bit", "failed", "differs"]


def test_a_verdict_leaves_no_whole_picture(both: Comparison, folder: Path) -> None:
    cell = by_method(list(both.cells))["telea"]
    assert cell.removal is not None
    made = replace(cell, removal=replace(cell.removal))
    assert verdict(read(folder), made).same and "picture" not in vars(made.removal)


def test_a_failure_then_says_nothing_of_now(both: Comparison, tmp_path: Path) -> None:
    failed = Cell("telea", "Smooth fill", error=MissingWeights("Gone."))
    write(tmp_path / "kept", replace(both, cells=[failed]))
    kept = read(tmp_path / "kept")
    assert verdict(kept, by_method(list(both.cells))["telea"]) == Verdict("telea", False, "failed then and works now")
    assert verdict(kept, failed) == Verdict("telea", True, "failed then and now: Gone.")
