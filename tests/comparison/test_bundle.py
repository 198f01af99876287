"""What is downloaded of a comparison."""

from __future__ import annotations

import hashlib
import json
import weakref
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rorem.comparison import Cell, Request
from rorem.comparison.bundle import Comparison, digest, files, lossless, refuse, store, write
from rorem.errors import BadOptions, BadWeights
from rorem.picture import Picture, open_picture
from rorem.remover import Removal
from tests.comparison.scene import HIGH, WIDE, made, mark, pixels, png, truth
from tests.stubs import pictures

BOTH = Request(("patchmatch", "telea"), seed=3)


@pytest.fixture(scope="module")
def both() -> Comparison:
    one = made(BOTH)
    failed = Cell("lama", "LaMa", error=BadWeights("They are damaged.", "Fetch them."))
    return replace(one, request=replace(BOTH, methods=(*BOTH.methods, "lama")), cells=[*one.cells, failed])


def opened(data: bytes) -> np.ndarray:
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image)


def test_every_file(both: Comparison) -> None:
    avoid = np.zeros((HIGH, WIDE), bool)
    avoid[:, 80:] = True
    kept = dict(files(replace(both, avoid=avoid, truth=png(truth()))))
    assert list(kept)[-1] == "result.json"
    assert set(kept) == {
        *("sea.png", "mask.png", "avoid.png", "truth.png", "sea.patchmatch.png", "sea.telea.png", "montage.png"),
        "result.json",
    }
    assert kept["sea.png"] == png(pixels()) and kept["truth.png"] == png(truth())
    with Image.open(BytesIO(kept["mask.png"])) as image:
        assert image.mode == "1" and (np.asarray(image) == mark()).all()
    assert (opened(kept["avoid.png"]) == avoid).all()
    for cell in both.cells[:2]:
        assert cell.removal is not None
        assert (opened(kept[f"sea.{cell.method}.png"]) == cell.removal.picture.colour).all()
    assert opened(kept["montage.png"]).shape[2] == 3


def test_result_json_tells_everything(both: Comparison) -> None:
    kept = dict(files(both))
    told = json.loads(kept["result.json"])
    assert told["schema"] == 1 and told["made"]["numpy"] == np.__version__ and not told["blind"]
    assert told["request"] == {
        "methods": ["patchmatch", "telea", "lama"],
        "seed": 3,
        "protocol": "same pipeline",
        "settings": {},
        "grow": None,
        "order_seed": None,
    }
    for role in ("source", "mask"):
        assert told[role]["sha256"] == hashlib.sha256(kept[told[role]["file"]]).hexdigest()
    assert told["avoid"] is None and told["truth"] is None
    first, second, third = told["cells"]
    assert [first["method"], second["method"], third["method"]] == told["request"]["methods"]
    assert first["options"] == {"patch_size": 3, "working_size": 256}  # also what was not asked for
    assert second["file"] == "sea.telea.png" and second["size"] == [WIDE, HIGH] and second["working"] == [[WIDE, HIGH]]
    assert second["windows"][0]["right"] == WIDE and second["seconds"] >= 0 and second["network_calls"] == 0
    assert second["sha256"] == digest(open_picture(kept["sea.telea.png"]))
    assert third["error"] == {"kind": "BadWeights", "sentence": "They are damaged.", "fix": "Fetch them."}
    assert third["file"] is third["sha256"] is third["seconds"] is None


def test_the_hash_is_that_of_the_description(both: Comparison) -> None:
    """As somebody else would compute it, from the words in docs/compare.md."""
    cell = next(cell for cell in both.cells if cell.method == "telea")
    assert cell.removal is not None
    plain = f"colour rgb uint8 {HIGH} {WIDE} 3\n".encode() + cell.removal.picture.colour.tobytes()
    assert store(cell.removal).sha256 == hashlib.sha256(plain).hexdigest()


def test_the_hash_sees_every_number() -> None:
    seen = {name: digest(picture) for name, picture in pictures().items()}
    assert len(set(seen.values())) == len(seen)
    for picture in pictures().values():
        other = np.array(picture.colour)
        other.flat[-1] = not other.flat[-1] if other.dtype == np.bool_ else other.flat[-1] ^ 1
        assert digest(replace(picture, colour=other)) != digest(picture)
        assert digest(replace(picture, colour=np.asfortranarray(picture.colour))) == digest(picture)


@pytest.mark.parametrize("name", [name for name in pictures() if name != "bilevel with alpha"])
def test_every_mode_is_kept_without_loss(name: str) -> None:
    picture = pictures()[name]
    data, ending = lossless(picture)
    assert digest(open_picture(data)) == digest(picture) and ending == (".tif" if name == "cmyk" else ".png")


def test_a_photo_without_a_file_is_kept_as_it_stands(both: Comparison) -> None:
    kept = dict(files(replace(both, source=None, name="../sea side.jpg")))
    assert (opened(kept["sea_side.png"]) == pixels()).all()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mask.jpg", "mask-photo.png"),
        ("RESULT.png", "RESULT-photo.png"),
        ("../../etc/passwd", "passwd.png"),
        (".hidden", "hidden.png"),
        ("...", "photo.png"),
        ("", "photo.png"),
        ("a b\n.c?.png", "a_b_c.png"),
        ("x" * 500 + ".png", "x" * 80 + ".png"),
        ("Größe 漢.png", "Größe_漢.png"),
    ],
)
def test_no_name_can_do_harm(both: Comparison, name: str, file: str, tmp_path: Path) -> None:
    write(tmp_path / "out", replace(both, name=name, cells=both.cells[:1]))
    there = {path.name for path in (tmp_path / "out").iterdir()}
    assert file in there and "mask.png" in there and len(there) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_and_a_zip_hold_the_same(both: Comparison, tmp_path: Path) -> None:
    both = replace(both, made={})
    write(tmp_path / "new" / "out", both)
    write(tmp_path / "new" / "out.zip", both)
    folder = {path.name: path.read_bytes() for path in (tmp_path / "new" / "out").iterdir()}
    with zipfile.ZipFile(tmp_path / "new" / "out.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == folder
        assert archive.testzip() is None
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["out", "out.zip"]


def test_what_is_there_is_kept_unless_asked(both: Comparison, tmp_path: Path) -> None:
    folder, archive, file = tmp_path / "out", tmp_path / "out.zip", tmp_path / "notes"
    folder.mkdir()
    write(folder, both)  # an empty folder is free
    (folder / "mine").write_text("keep")
    for path in (archive, file):
        path.write_text("keep")
    for place in (folder, archive, file):
        with pytest.raises(BadOptions, match=r"is there already|is a file"):
            write(place, both)
    write(folder, both, overwrite=True)
    write(archive, both, overwrite=True)
    assert zipfile.is_zipfile(archive) and (folder / "mine").read_text() == "keep" == file.read_text()
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(BadOptions, match="is a folder"):
        write(tmp_path / "folder.zip", both, overwrite=True)


def test_a_zip_that_cannot_be_finished_is_not_there(both: Comparison, tmp_path: Path) -> None:
    with pytest.raises(BadOptions, match="under a seed"):
        write(tmp_path / "out.zip", replace(both, blind=True))
    assert list(tmp_path.iterdir()) == []


def test_hidden_names_are_in_no_name_and_no_picture(both: Comparison) -> None:
    request = replace(both.request, order_seed=4)
    kept = dict(files(replace(both, request=request, blind=True)))
    assert {"sea.A.png", "sea.C.png"} <= set(kept) and not any("telea" in name for name in kept)
    for name in ("sea.A.png", "sea.C.png"):
        assert b"patchmatch" not in kept[name] and b"telea" not in kept[name] and b"RORem" in kept[name]
    told = {cell["label"]: cell["method"] for cell in json.loads(kept["result.json"])["cells"]}
    assert told == {"A": "patchmatch", "B": "lama", "C": "telea"}
    shown = dict(files(replace(both, request=request)))  # the seed alone hides nothing
    assert "sea.telea.png" in shown and b"telea" in shown["sea.telea.png"]


def test_hidden_files_do_not_tell_which_is_generative(both: Comparison) -> None:
    first, *others = both.cells
    assert first.removal is not None
    request = replace(both.request, order_seed=4)
    cells = [replace(first, removal=replace(first.removal, generative=True)), *others]
    hidden = dict(files(replace(both, cells=cells, request=request, blind=True)))
    shown = dict(files(replace(both, cells=cells)))

    def told(data: bytes) -> bool:
        with Image.open(BytesIO(data)) as image:
            return "compositeWithTrainedAlgorithmicMedia" in str(image.info)

    assert told(hidden["sea.A.png"]) and told(hidden["sea.C.png"])
    assert [told(shown[f"sea.{cell.method}.png"]) for cell in cells[:2]] == [True, False]


def test_the_pixels_of_one_result_are_in_memory_at_a_time(both: Comparison) -> None:
    alive: list[weakref.ref[Removal]] = []

    def load(cell: Cell) -> Cell:
        assert not [one for one in alive if one() is not None], "the last one is still there"
        if cell.removal is None:
            return cell
        loaded = replace(cell, removal=replace(cell.removal))
        assert loaded.removal is not None
        alive.append(weakref.ref(loaded.removal))
        return loaded

    for _ in files(replace(both, load=load)):
        assert not [one for one in alive if one() is not None]
    assert len(alive) == 2


def test_whole_pictures_do_not_stay_with_the_cells() -> None:
    fresh = made(BOTH)
    removals = [cell.removal for cell in fresh.cells if cell.removal is not None]
    assert not ["picture" for one in removals if "picture" in vars(one)], "measuring them left none"
    list(files(fresh))
    assert not ["picture" for one in removals if "picture" in vars(one)], "nor did writing them"


def test_as_published_the_result_keeps_its_own_size(both: Comparison) -> None:
    (cell, *_) = both.cells
    assert isinstance(cell.removal, Removal)
    small = replace(cell.removal, patches=(), published=np.full((30, 40, 3), 9, np.uint8), protocol="as published")
    kept = dict(files(replace(both, cells=[replace(cell, removal=small)])))
    assert opened(kept[f"sea.{cell.method}.png"]).shape == (30, 40, 3)
    assert json.loads(kept["result.json"])["cells"][0]["size"] == [40, 30]


def test_infinite_values_are_sound_json(both: Comparison) -> None:
    cells = [replace(both.cells[0], metrics={"psnr": float("inf"), "mean": float("nan"), "x": 1.5})]
    text = dict(files(replace(both, cells=cells)))["result.json"].decode()
    assert "Infinity" not in text and "NaN" not in text
    assert json.loads(text)["cells"][0]["metrics"] == {"psnr": "inf", "mean": "nan", "x": 1.5}


def test_a_turned_photo_is_kept_as_its_file_was() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = BytesIO()
    Image.fromarray(pixels()).rotate(90, expand=True).save(out, "JPEG", exif=exif)
    kept = dict(files(made(Request(("telea",)), out.getvalue())))
    assert kept["sea.jpg"] == out.getvalue() and opened(kept["mask.png"]).shape == (HIGH, WIDE)
    assert isinstance(open_picture(kept["sea.telea.png"]), Picture)
    assert opened(kept["sea.telea.png"]).shape == (HIGH, WIDE, 3)


def test_a_place_that_cannot_be_written_is_refused_before_the_work() -> None:
    with pytest.raises(BadOptions, match="Nothing can be written to /proc"):
        refuse(Path("/proc/nowhere/results"), overwrite=False)
