"""From the Hub: shards, a folder, archives; whole, and held to their hashes."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_tools.commands import OnStep
from data_tools.fetch import fetch, fetching
from data_tools.publish import Converted, Wanted, publish
from data_tools.publish.patience import Patience
from rorem.errors import BadData, BadOptions, Cancelled
from rorem.labels.hub_trouble import HubTrouble
from rorem.triplet import Triplet, open_set, write_folder, write_shards
from tests.data_tools.publish.hubs import hurried, online, way_to
from tests.data_tools.publish.test_archives import published, split, tarred
from tests.hub import Hub
from tests.triplet.samples import refused, same, triplets

NAME = "someone/pairs"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with online(monkeypatch) as hub:
        yield hub


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def get(
    hub: Hub,
    place: Path,
    to: str = "shards",
    name: str = NAME,
    patience: Patience | None = None,
    on_step: OnStep = lambda done, total: None,
) -> Converted:
    return fetch(name, place / "out", to, way_to(hub, place), on_step, patience or hurried())


def put_shards(hub: Hub, place: Path, count: int = 7) -> dict[str, bytes]:
    write_shards(triplets(count), place / "made", "train", max_bytes=6000)
    files = {f"data/{name}": data for name, data in files_of(place / "made").items()}
    hub.put(NAME, {**files, "README.md": b"# pairs\n", ".incoming/train/x.bin": b"half"})
    return files


def check_records(place: Path, written: list[Triplet]) -> None:
    found = {one.name: one for one in open_set(str(place / "out")) if isinstance(one, Triplet)}
    assert len(found) == len(written) and all(same(one, found[one.name]) for one in written)


def test_shards_come_as_they_are(hub: Hub, tmp_path: Path) -> None:
    files = put_shards(hub, tmp_path)
    done = get(hub, tmp_path)
    assert files_of(tmp_path / "out") == {**files, "README.md": b"# pairs\n"}
    assert (done.written, done.files) == (7, len(files)) and done.left_out.total == 0
    assert {path.name for path in tmp_path.iterdir()} == {"made", "out"}


def test_shards_become_a_folder_one_after_the_other(hub: Hub, tmp_path: Path) -> None:
    files = put_shards(hub, tmp_path)
    shards: list[int] = []

    def count(done: int, total: int) -> None:
        shards.append(len(list((tmp_path / ".out.fetching").rglob("*.parquet"))))

    done = get(hub, tmp_path, "folder", on_step=count)
    assert done.written == 7 and len(files) > 2 and max(shards) == 0  # between two shards there is none
    check_records(tmp_path, triplets(7))
    assert {path.name for path in tmp_path.iterdir()} == {"made", "out"}


def test_what_was_published_comes_back(hub: Hub, tmp_path: Path) -> None:
    write_folder(triplets(5), tmp_path / "set")
    publish(str(tmp_path / "set"), NAME, Wanted(max_bytes=6000), None, way_to(hub, tmp_path), patience=hurried())
    get(hub, tmp_path, "folder")
    assert files_of(tmp_path / "out") == files_of(tmp_path / "set")


@pytest.mark.parametrize("to", ["shards", "folder"])
def test_a_stopped_fetch_goes_on(hub: Hub, tmp_path: Path, to: str) -> None:
    put_shards(hub, tmp_path)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        get(hub, tmp_path, to, on_step=stop)
    assert not (tmp_path / "out").exists()
    hub.log.clear()
    get(hub, tmp_path, to)
    check_records(tmp_path, triplets(7))
    asked = {one.path for one in hub.log if one.method == "GET" and "/resolve/" in one.path and "parquet" in one.path}
    there = [name for name in hub.files(NAME) if name.endswith(".parquet")]
    assert len(asked) == len(there) - (1 if to == "shards" else 2)  # of shards, the card came first


@pytest.mark.parametrize("to", ["shards", "folder"])
def test_two_splits_that_were_stopped_are_not_mixed_up(hub: Hub, tmp_path: Path, to: str) -> None:
    """Each is to become `out`; what is there of the one says nothing of the other."""
    write_shards(triplets(6), tmp_path / "a", "train", max_bytes=6000)
    write_shards(triplets(3, first=6), tmp_path / "b", "test", max_bytes=6000)
    both = {**files_of(tmp_path / "a"), **files_of(tmp_path / "b")}
    hub.put(NAME, {f"data/{name}": data for name, data in both.items()})

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled

    for one in ("train", "test"):
        with pytest.raises(Cancelled):
            get(hub, tmp_path, to, f"{NAME}/data/{one}", on_step=stop)
    done = get(hub, tmp_path, to, f"{NAME}/data/train")
    assert done.written == 6 and done.left_out.total == 0
    check_records(tmp_path, triplets(6))
    assert not list((tmp_path / "out").glob(".*"))


def test_records_that_were_lost_are_fetched_again(hub: Hub, tmp_path: Path) -> None:
    put_shards(hub, tmp_path)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        get(hub, tmp_path, "folder", on_step=stop)
    next(tmp_path.glob(".out.making/*/source/photo 0.*")).unlink()
    get(hub, tmp_path, "folder")
    check_records(tmp_path, triplets(7))


def test_a_file_that_arrives_damaged_is_asked_for_again(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_shards(hub, tmp_path)
    bring, damaged = fetching.DataRepository.fetch, []

    def once(self: fetching.DataRepository, path: str, commit: str, folder: Path) -> Path:
        got = bring(self, path, commit, folder)
        if path.endswith(".parquet") and not damaged:
            damaged.append(path)
            data = bytearray(got.read_bytes())
            data[100] ^= 1
            got.write_bytes(data)
        return got

    monkeypatch.setattr(fetching.DataRepository, "fetch", once)
    waited: list[float] = []
    get(hub, tmp_path, patience=hurried(waited))
    assert damaged and len(waited) == 1
    check_records(tmp_path, triplets(7))


def test_small_files_are_held_to_their_hash_too(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_shards(hub, tmp_path)
    bring = fetching.DataRepository.fetch

    def always(self: fetching.DataRepository, path: str, commit: str, folder: Path) -> Path:
        got = bring(self, path, commit, folder)
        if path == "README.md":
            got.write_bytes(b"# PAIRS\n")
        return got

    monkeypatch.setattr(fetching.DataRepository, "fetch", always)
    with pytest.raises(HubTrouble, match=r"README\.md did not arrive"):
        get(hub, tmp_path, patience=hurried(tries=2))
    assert not (tmp_path / "out").exists()


def test_a_failing_hub_is_asked_again(hub: Hub, tmp_path: Path) -> None:
    put_shards(hub, tmp_path)
    hub.fail(503, "/resolve/", times=12)
    get(hub, tmp_path, "folder")
    check_records(tmp_path, triplets(7))


def test_a_published_folder_is_fetched(hub: Hub, tmp_path: Path) -> None:
    write_folder(triplets(3), tmp_path / "set")
    hub.put(NAME, files_of(tmp_path / "set"))
    get(hub, tmp_path, "folder")
    check_records(tmp_path, triplets(3))
    damaged = next(path for path in (tmp_path / "cache").rglob("blobs/*") if path.stat().st_size > 500)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    again = tmp_path / "again"
    with refused("is not what"):
        fetch(NAME, again, "shards", way_to(hub, tmp_path), patience=hurried())
    assert fetch(NAME, again, "shards", way_to(hub, tmp_path), patience=hurried()).written == 3


@pytest.mark.parametrize("to", ["shards", "folder"])
def test_published_archives_are_fetched(hub: Hub, tmp_path: Path, to: str) -> None:
    files = published(3, "set")
    parts = split(gzip.compress(tarred(files)), 3)
    archive = {f"RORem_dataset.part{n}.tar.gz": data for n, data in enumerate(parts, 1)}
    hub.put(NAME, {**archive, "Mulan_dataset.zip": b"another"})
    with refused("several archives", f"{NAME}/Mulan_dataset"):
        get(hub, tmp_path, to)
    done = get(hub, tmp_path, to, f"{NAME}/RORem_dataset")
    assert done.written == 3 and {path.name for path in tmp_path.iterdir()} == {"out"}
    if to == "folder":
        assert files_of(tmp_path / "out") == {name.removeprefix("set/"): data for name, data in files.items()}


def test_a_part_in_the_middle_that_is_missing_is_told(hub: Hub, tmp_path: Path) -> None:
    hub.put(NAME, {f"x.part{n}.tar.gz": gzip.compress(tarred(published(1))) for n in (1, 3)})
    with refused("x.part2"):
        get(hub, tmp_path)


def test_an_older_state_is_fetched(hub: Hub, tmp_path: Path) -> None:
    files = put_shards(hub, tmp_path)
    commit = hub.repositories[NAME].commits[-1][0]
    hub.put(NAME, {"data/train-00000-of-00001.parquet": b"new"})
    with pytest.raises(BadData):
        get(hub, tmp_path)
    get(hub, tmp_path, name=f"{NAME}@{commit}")
    assert len(files_of(tmp_path / "out")) == len(files) + 1


def test_what_is_no_set_or_no_place_is_told(hub: Hub, tmp_path: Path) -> None:
    hub.put(NAME, {"README.md": b"nothing"})
    with refused("no set"):
        get(hub, tmp_path)
    with pytest.raises(HubTrouble, match="no data set"):
        get(hub, tmp_path, name="someone/else")
    with pytest.raises(BadOptions, match="no name"):
        get(hub, tmp_path, name="just-a-word")
    put_shards(hub, tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    for to in ("shards", "folder"):
        with refused("there already"):
            get(hub, tmp_path, to)
    assert files_of(tmp_path / "out") == {"mine.txt": b"mine"}
