"""The command, and all of it against a web server that looks like the public bucket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from data_tools.openimages import Settings, histogram, make_list, make_set
from data_tools.openimages.__main__ import app
from rorem.errors import BadOptions
from rorem.triplet import Triplet, open_set
from tests.data_tools.openimages.made import CAR, LICENCE, Made, put, town
from tests.data_tools.openimages.web import Web, serving
from tests.tools.imports import ROOT


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture(autouse=True)
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histogram, "picture", lambda some, cap: b"a picture")


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def publish(web: Web, files: Made, folder: Path) -> None:
    """Puts the files where OpenImages has them."""
    files.write(folder)
    tables = {
        "/v5/train-annotations-object-segmentation.csv": "train-annotations-object-segmentation.csv",
        "/2018_04/train/train-images-boxable-with-rotation.csv": "train-images-boxable-with-rotation.csv",
        "/v7/oidv7-class-descriptions-boxable.csv": "oidv7-class-descriptions-boxable.csv",
        "/2018_04/bbox_labels_600_hierarchy.json": "bbox_labels_600_hierarchy.json",
    }
    for path, name in tables.items():
        web.files[path] = (folder / name).read_bytes()
    for archive in (folder / "train-masks").iterdir():
        web.files[f"/v5/train-masks/{archive.name}"] = archive.read_bytes()
    for image, data in files.files.items():
        web.files[f"/photos/train/{image}.jpg"] = data


def test_a_set_from_a_folder(tmp_path: Path) -> None:
    town(4).write(tmp_path / "oi")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "set", "--count", 3, "--cap", 2)
    assert said.exit_code == 0, said.output
    assert "3 candidates made, in 2 categories" in said.output
    assert "2 objects of classes that are left out" in said.output
    again = call("--root", tmp_path / "oi", "--out", tmp_path / "set", "--count", 3, "--cap", 2)
    assert "0 candidates made, 3 there already" in again.output
    assert len(open_set(str(tmp_path / "set"))) == 3


def test_all_from_the_bucket(tmp_path: Path, web: Web) -> None:
    files = town(32)
    publish(web, files, tmp_path / "published")
    web.breaks["/v5/train-masks/train-masks-1.zip"] = 2
    where = ("--fetch", "--bucket", web.address, "--photos", f"{web.address}/photos", "--digits", "013")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where)
    assert said.exit_code == 0, said.output
    assert "Fetching train-annotations-object-segmentation.csv." in said.output
    found = [one for one in open_set(str(tmp_path / "set")) if isinstance(one, Triplet)]
    assert len(found) == 10 and {str(one.extra["image"])[0] for one in found} == {"0", "1", "3"}
    asked = web.paths()
    assert not [path for path in asked if path.endswith("train-masks-2.zip")], "only what is needed is fetched"
    photos = [path for path in asked if path.startswith("/photos/")]
    assert len(photos) == len(set(photos)) == 6, "a photo with two candidates is fetched once"
    make_set(tmp_path / "published", tmp_path / "at-home", Settings(digits="013"))
    assert {one.id for one in found} == {
        one.id for one in open_set(str(tmp_path / "at-home")) if isinstance(one, Triplet)
    }
    web.asked.clear()
    again = call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where)
    assert again.exit_code == 0 and web.asked == [], "what is there is not fetched again"


def test_photos_that_are_gone_are_told_and_others_take_their_turn(tmp_path: Path, web: Web) -> None:
    files = town(6)
    publish(web, files, tmp_path / "published")
    gone = files.photos[1][0]
    web.answers[f"/photos/train/{gone}.jpg"] = 403
    where = ("--fetch", "--bucket", web.address, "--photos", f"{web.address}/photos")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where, "--digits", "012345")
    assert said.exit_code == 1 and "2 photos that are not there" in said.output and gone in said.output
    assert len(open_set(str(tmp_path / "set"))) == 7


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_tools.openimages.fetching.PAUSE", 0)


@pytest.mark.parametrize("status", [400, 401, 451, 500])
def test_a_photo_that_cannot_be_fetched_is_told_and_the_rest_goes_on(
    tmp_path: Path, web: Web, hasty: None, status: int
) -> None:
    files = town(6)
    publish(web, files, tmp_path / "published")
    bad = files.photos[1][0]
    web.answers[f"/photos/train/{bad}.jpg"] = status
    where = ("--fetch", "--bucket", web.address, "--photos", f"{web.address}/photos", "--digits", "012345")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where)
    assert said.exit_code == 1 and f"2 photos that could not be fetched: {bad}" in said.output
    assert len(open_set(str(tmp_path / "set"))) == 7
    del web.answers[f"/photos/train/{bad}.jpg"]
    again = call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where)
    assert again.exit_code == 0 and "2 candidates made, 7 there already" in again.output


def test_without_network_it_says_so_and_goes_on_later(tmp_path: Path, web: Web, hasty: None) -> None:
    files = town(16)
    publish(web, files, tmp_path / "published")
    for row in files.photos:
        web.answers[f"/photos/train/{row[0]}.jpg"] = 503
    where = ("--fetch", "--bucket", web.address, "--photos", f"{web.address}/photos")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where)
    assert said.exit_code == 2 and "the same command goes on" in said.output
    assert not (tmp_path / "set" / "meta.json").exists()
    web.answers.clear()
    assert call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where).exit_code == 0
    assert len(open_set(str(tmp_path / "set"))) == 24


def test_dead_originals_do_not_stop_it_however_many_they_are(tmp_path: Path, web: Web, hasty: None) -> None:
    """Pages that are gone, hosts that are, and what never was an address, with one good photo among them all."""
    files = Made()
    dead = [
        "http://127.0.0.1:9/a.jpg",
        "http://127.0.0.1:9/é.jpg",
        "http://[x/a",
        f"http://{'a' * 99}.com/a",
        "http://a:b/x",
    ]
    urls = [f"{web.address}/gone/{number} é.jpg" for number in range(12)] + dead + [f"{web.address}/fine.jpg"]
    for number, url in enumerate(urls):
        files.object(files.photo(number % 2 + 16 * number, url=url))
    web.files["/fine.jpg"] = files.files[files.photos[-1][0]]
    publish(web, files, tmp_path / "published")
    where = ("--originals", "--fetch", "--bucket", web.address, "--digits", "01")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where)
    assert said.exit_code == 1, said.output
    assert "12 photos that are not there" in said.output
    assert "3 photos that are not the listed file" in said.output
    assert "2 photos that could not be fetched" in said.output
    assert len(open_set(str(tmp_path / "set"))) == 1


def test_an_original_of_any_size_is_not_fetched(
    tmp_path: Path, web: Web, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Made()
    for number in range(2):
        files.object(files.photo(number, url=f"{web.address}/{number}.jpg"))
        files.photos[number][8:10] = ["", ""]  # neither size nor MD5 are told
    web.files |= {"/0.jpg": bytes(100_000), "/1.jpg": files.files[files.photos[1][0]]}
    publish(web, files, tmp_path / "published")
    monkeypatch.setattr("data_tools.openimages.bucket.LARGEST", 50_000)
    where = ("--originals", "--fetch", "--bucket", web.address, "--digits", "01")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where)
    assert said.exit_code == 1 and "more than" in said.output
    assert [path.name for path in (tmp_path / "oi" / "originals").iterdir()] == [f"{files.photos[1][0]}.jpg"]


def test_originals_are_checked_against_the_list(tmp_path: Path, web: Web) -> None:
    files = Made()
    for number in range(4):
        image = files.photo(number, url=f"{web.address}/flickr/{number}_o.jpg")
        files.object(image)
        web.files[f"/flickr/{number}_o.jpg"] = files.files[image]
    publish(web, files, tmp_path / "published")
    web.files["/flickr/1_o.jpg"] += b"edited since"
    web.files["/flickr/2_o.jpg"] = web.files["/flickr/2_o.jpg"][:-1] + b"\x00"  # of the same size
    files.photos[3][2] = "file:///etc/passwd"
    files.write(tmp_path / "oi")
    for photo in (tmp_path / "oi" / "train").iterdir():
        photo.unlink()
    where = ("--originals", "--fetch", "--bucket", web.address, "--digits", "0123")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "set", *where)
    assert said.exit_code == 1 and "3 photos that are not the listed file" in said.output
    (found,) = open_set(str(tmp_path / "set"))
    assert isinstance(found, Triplet) and found.source == files.files[files.photos[0][0]]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_a_list_has_what_the_set_would_have(tmp_path: Path) -> None:
    files = town(8)
    files.write(tmp_path / "oi")
    settings = Settings(count=6, several=0.5)
    make_set(tmp_path / "oi", tmp_path / "set", settings)
    for photo in (tmp_path / "oi" / "train").iterdir():
        photo.unlink()  # a list needs none
    said = call("--root", tmp_path / "oi", "--list", tmp_path / "c.jsonl", "--count", 6, "--several", 0.5)
    assert said.exit_code == 0, said.output
    listed = {line["name"]: line for line in lines(tmp_path / "c.jsonl")}
    found = [one for one in open_set(str(tmp_path / "set")) if isinstance(one, Triplet)]
    assert listed.keys() == {one.name for one in found}
    for one in found:
        line = listed[one.name]
        assert {key: line[key] for key in one.extra if key != "mask_share"} == {
            key: value for key, value in one.extra.items() if key != "mask_share"
        }
        assert line["mask_share"] == pytest.approx(one.extra["mask_share"], abs=1e-6)
        assert (line["category"], line["licence"], line["author"]) == (one.category, LICENCE, one.author)
    assert (tmp_path / "c.categories.png").exists() and (tmp_path / "c.categories.csv").exists()


def test_a_list_from_the_table_alone(tmp_path: Path) -> None:
    files = town(8)
    files.object(files.photo(9), box=(0.05, 0.95, 0.05, 0.95))
    files.write(tmp_path / "oi")
    for archive in (tmp_path / "oi" / "train-masks").iterdir():
        archive.unlink()
    summary = make_list(tmp_path / "oi", tmp_path / "c.jsonl", Settings(table_only=True, several=0.5))
    listed = lines(tmp_path / "c.jsonl")
    assert summary.made == len(listed) > 6 and summary.left.counts["objects larger than wanted"] == 1
    single = next(line for line in listed if line["objects"] == 1)
    assert "mask_share" not in single and single["box_share"] == pytest.approx(0.09)
    assert single["boxes"] == [[0.3, 0.6, 0.3, 0.6]]


def test_a_list_is_whole_or_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    town(4).write(tmp_path / "oi")
    make_list(tmp_path / "oi", tmp_path / "c.jsonl", Settings())
    before = (tmp_path / "c.jsonl").read_bytes()

    def stop(some: object, cap: int) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(histogram, "picture", stop)
    with pytest.raises(KeyboardInterrupt):
        make_list(tmp_path / "oi", tmp_path / "c.jsonl", Settings(seed=5))
    assert (tmp_path / "c.jsonl").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_what_a_killed_run_left_of_a_list_is_gone(tmp_path: Path) -> None:
    town(4).write(tmp_path / "oi")
    (tmp_path / ".c.jsonl.4711.part").write_text("half a line")
    make_list(tmp_path / "oi", tmp_path / "c.jsonl", Settings())
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_wrong_calls_are_told(tmp_path: Path) -> None:
    town(2).write(tmp_path / "oi")
    for wrong, sentence in (
        ([], "Say where the candidates go"),
        (["--out", tmp_path / "a", "--list", tmp_path / "b"], "Say where the candidates go"),
        (["--out", tmp_path / "a", "--table-only"], "A set needs masks"),
        (["--out", tmp_path / "a", "--leave-out", "Dragon"], "no class called 'Dragon'"),
        (["--out", tmp_path / "a", "--subset", "dev"], "no subset called 'dev'"),
        (["--out", tmp_path / "a", "--smallest", "0.9"], "Shares go from 0 to 1"),
    ):
        said = call("--root", tmp_path / "oi", *wrong)
        assert said.exit_code == 2 and sentence in said.output, said.output
        assert "Traceback" not in said.output
    with pytest.raises(BadOptions):
        make_set(tmp_path / "oi", tmp_path / "a", Settings(table_only=True))
    every = call("--root", tmp_path / "oi", "--out", tmp_path / "a", "--leave-out", "")
    assert every.exit_code == 0 and "Left out" not in every.output


def test_no_candidate_is_left(tmp_path: Path) -> None:
    files = Made()
    files.object(files.photo(1))
    files.masks[files.objects[0][0]] = b"none"
    files.write(tmp_path / "oi")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "set")
    assert said.exit_code == 1 and "No candidate is left" in said.output


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    town(2).write(tmp_path / "oi")
    put(tmp_path / "taken", b"a file")
    said = call("--root", tmp_path / "oi", "--out", tmp_path / "taken" / "set")
    assert said.exit_code == 1 and "Traceback" not in said.output and "taken" in said.output


@pytest.mark.soak
def test_a_run_that_is_killed_is_taken_up(tmp_path: Path) -> None:
    """kill -9 at some moment, again and again, until it is through; the set is that of a run nobody killed."""
    files = town(40)
    files.write(tmp_path / "oi")
    command = [sys.executable, "-m", "data_tools.openimages", "--root", str(tmp_path / "oi"), "--out"]
    for attempt in range(3):
        process = subprocess.Popen([*command, str(tmp_path / "set")], cwd=ROOT, stderr=subprocess.DEVNULL)
        journal, wanted = tmp_path / "set" / ".journal.jsonl", 8 * (attempt + 1)
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            if journal.exists() and journal.read_bytes().count(b"\n") >= wanted:
                os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.002)
        process.wait()
    assert subprocess.run([*command, str(tmp_path / "set")], cwd=ROOT, capture_output=True).returncode == 0
    make_set(tmp_path / "oi", tmp_path / "whole", Settings())
    killed, whole = ((tmp_path / name / "meta.json").read_bytes() for name in ("set", "whole"))
    assert killed == whole
    assert not list((tmp_path / "set").rglob("*.part"))


@pytest.mark.soak
def test_a_table_of_a_million_objects_fits_into_little_memory(tmp_path: Path) -> None:
    """100 bytes an object at most, all in all, where Python objects would take 1,500."""
    files = Made()
    files.object(files.photo(1))
    files.write(tmp_path / "oi")
    with (tmp_path / "oi" / "train-annotations-object-segmentation.csv").open("a") as table:
        for number in range(1_000_000):
            name = f"{number:016x}"
            table.write(f"{name}_m0k4j_{number:08x}.png,{name},{CAR},{number:08x},0.3,0.6,0.3,0.6,0.8,0.1 0.1 1\n")
    code = (
        "import resource, sys; from pathlib import Path; from data_tools.openimages import *;"
        "histogram = __import__('data_tools.openimages.histogram', fromlist=['x']); histogram.need_matplotlib();"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "make_list(Path(sys.argv[1]), Path(sys.argv[2]), Settings(table_only=True, count=1, several=0.1));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "oi"), str(tmp_path / "c.jsonl")]
    grown = int(subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert grown * 1024 < 100 * 1_000_000
