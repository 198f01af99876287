"""Sets on a Hub on this machine: fetched once, whole, and opened again without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rorem.errors import Cancelled
from rorem.triplet import Triplet, open_hub, open_set, write_folder, write_shards
from tests.fake_hub import TOKEN, FakeHub
from tests.triplet.samples import bad, good, refused, same, triplets

NAME = "someone/pairs"


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub may be asked although all tests are offline, by a library that does not wait."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)


@pytest.fixture
def hub(online: None) -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def there(hub: FakeHub, tmp_path: Path) -> dict[str, str]:
    """An environment with the way to the Hub and an empty cache."""
    return {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "cache")}


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sharded(folder: Path, written: list[Triplet], stem: str = "data") -> dict[str, bytes]:
    write_shards(written, folder, stem, max_bytes=5000)
    return files_of(folder)


def laid_out(folder: Path, written: list[Triplet]) -> dict[str, bytes]:
    write_folder(written, folder)
    return files_of(folder)


def test_shards_are_fetched_once(
    hub: FakeHub, there: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    written, told = triplets(4), []
    files = sharded(tmp_path / "set", written)
    assert len(files) > 1
    commit = hub.publish(NAME, {**files, "README.md": b"hello", "big.tar.gz": b"x" * 99})
    found = open_hub(NAME, there, lambda *how_far: told.append(how_far))
    assert (found.name, found.revision) == (NAME, commit)
    assert all(same(one, other) for one, other in zip(written, found, strict=True))
    assert [(done, total) for done, total, _ in told] == [(done + 1, len(files)) for done in range(len(files))]
    assert {name for _, _, name in told} == set(files)
    asked = [one.path for one in hub.log if one.method == "GET" and "/resolve/" in one.path]
    assert len(asked) == len(files) and not any("tar.gz" in path for path in asked)
    hub.log.clear()
    assert len(good(open_set(NAME, there))) == 4
    assert not [one for one in hub.log if "/resolve/" in one.path]
    assert capfd.readouterr() == ("", "")  # the library prints nothing


def test_a_folder_is_fetched(hub: FakeHub, there: dict[str, str], tmp_path: Path) -> None:
    written = triplets(3)
    files = laid_out(tmp_path / "set", written)
    hub.publish(NAME, {**files, "raw/photo.png": b"else"})
    hub.publish("someone/nested", {f"sets/one/{name}": data for name, data in files.items()})
    for name in (NAME, "someone/nested/sets/one"):
        found = open_hub(name, there)
        assert found.name == name and len(found.revision) == 40 and bad(found) == {}
        assert all(same(one, other) for one, other in zip(written, found, strict=True))
    assert not hub.got("photo.png")


def test_revisions(hub: FakeHub, there: dict[str, str], tmp_path: Path) -> None:
    old = hub.publish(NAME, sharded(tmp_path / "old", triplets(1)))
    new = hub.publish(NAME, sharded(tmp_path / "new", triplets(2)))
    other = hub.publish(NAME, sharded(tmp_path / "other", triplets(3)), branch="refs/convert/parquet")
    assert [(len(found), found.revision) for found in (open_hub(name, there) for name in (
        NAME, f"{NAME}@main", f"{NAME}@{old}", f"{NAME}@refs/convert/parquet", f"{NAME}/data@{old}",
    ))] == [(2, new), (2, new), (1, old), (3, other), (1, old)]  # fmt: skip
    with refused(NAME, "no revision v9"):
        open_hub(f"{NAME}@v9", there)
    hub.log.clear()
    assert len(open_hub(f"{NAME}@{old}", there)) == 1
    assert hub.log == []  # a commit never changes


def test_one_of_several_splits_is_named(hub: FakeHub, there: dict[str, str], tmp_path: Path) -> None:
    train, test = sharded(tmp_path / "a", triplets(5), "train"), sharded(tmp_path / "b", triplets(2), "test")
    hub.publish(NAME, {f"data/{name}": data for name, data in {**train, **test}.items()})
    with refused("test, train", f"{NAME}/data/test"):
        open_hub(NAME, there)
    assert len(open_hub(f"{NAME}/data/test", there)) == 2
    assert not [one for one in hub.log if "train" in one.path]


def test_what_is_here_in_full_needs_no_hub(
    hub: FakeHub, there: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sharded(tmp_path / "set", triplets(4))
    hub.publish(NAME, files)
    hub.publish("someone/other", {})

    def stop(done: int, total: int, name: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        open_hub(NAME, there, stop)
    for file in (tmp_path / "cache").rglob("*.parquet"):  # at least one had come
        file.unlink()
    gone = {**there, "HF_ENDPOINT": "http://127.0.0.1:9"}
    for name in (NAME, "someone/never"):
        with refused("127.0.0.1 could not be reached", name, "not on this machine in full"):
            open_hub(name, gone)
    assert len(open_hub(NAME, there)) == 4
    assert len(good(open_hub(NAME, gone))) == 4
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert len(good(open_hub(NAME, there))) == 4
    with refused("HF_HUB_OFFLINE is set", "someone/never"):
        open_hub("someone/never", there)


@pytest.mark.parametrize("trouble", [RuntimeError("client has been closed"), AttributeError("None has no request")])
def test_a_client_that_was_closed_by_another_thread_is_no_end(
    hub: FakeHub, there: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    import huggingface_hub

    hub.publish(NAME, sharded(tmp_path / "set", triplets(1)))
    fetch, left = huggingface_hub.hf_hub_download, [trouble, trouble]

    def closed_at_first(*args: Any, **settings: Any) -> Any:
        if left:
            raise left.pop()
        return fetch(*args, **settings)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", closed_at_first)
    assert len(good(open_hub(NAME, there))) == 1
    (tmp_path / "cache").rename(tmp_path / "before")
    left.extend([trouble] * 1000)
    with refused("could not be reached"):
        open_hub(NAME, there)
    assert len(left) > 900


def test_what_is_not_given_is_said_in_one_sentence(
    hub: FakeHub, there: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sharded(tmp_path / "set", triplets(1))
    hub.publish("someone/gated", files, gated=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "login"))
    (tmp_path / "login").write_text(TOKEN)  # of whoever uses this machine; not ours to take
    with refused("someone/gated", "accept its conditions", "HF_TOKEN"):
        open_hub("someone/gated", there)
    assert len(open_hub("someone/gated", {**there, "HF_TOKEN": TOKEN})) == 1
    with refused("There is no data set someone/absent at 127.0.0.1"):
        open_hub("someone/absent", there)
    hub.publish("someone/archive", {".gitattributes": b"", **{f"part{n}.tar.gz": b"" for n in range(9)}})
    with refused("someone/archive holds neither", "part0.tar.gz", "and 5 more", "unpacked"):
        open_hub("someone/archive", there)
    hub.publish("someone/part", {"data-00000-of-00002.parquet": b"PAR1"})
    with refused("someone/part has no data-00001-of-00002.parquet"):
        open_hub("someone/part", there)
    hub.publish("someone/broken", {"x.parquet": b"none"})
    with refused("x.parquet"):
        open_hub("someone/broken", there)
    hub.publish("someone/busy", files)
    hub.fail(500, "/api/datasets/someone/busy")
    with refused("127.0.0.1 answered 500 for someone/busy"):
        open_hub("someone/busy", there)


def test_a_full_disk_is_said(hub: FakeHub, there: dict[str, str], tmp_path: Path) -> None:
    hub.publish(NAME, sharded(tmp_path / "set", triplets(1)))
    (tmp_path / "file").write_bytes(b"")
    with refused(NAME, "cannot be kept"):
        open_hub(NAME, {**there, "HF_HUB_CACHE": str(tmp_path / "file")})


@pytest.mark.parametrize("name", ["pairs", "a/b c", "../b/c", "/a/b", "a/b@", "a//b", "", "a/b/@main"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with refused("no name of a data set"):
        open_hub(name, {})


def test_a_repository_cannot_write_elsewhere(hub: FakeHub, there: dict[str, str], tmp_path: Path) -> None:
    files = laid_out(tmp_path / "set", triplets(1))
    hub.publish(NAME, {**files, "source/../../../../../evil.png": b"evil"})
    assert len(good(open_hub(NAME, there))) == 1
    assert not list(tmp_path.rglob("evil.png"))
