"""Published files against a Hub on this machine: found, fetched, taken up again, refused and checked."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from rorem import weights
from rorem.errors import BadWeights, Cancelled, MissingWeights, RoremError
from rorem.weights import ByHand, Hub, Part, Url, WeightFile, checking, download, places
from rorem.weights.digests import fingerprint
from tests.fake_hub import FakeHub

BIG = bytes(range(256)) * 4000  # 1 MB
CONFIG = b'{"a": 1}'
REPOSITORY = "someone/weights"
FILES = (WeightFile("config.json"), WeightFile("unet/model.safetensors"))
PART = Part("it", "the thing", Hub(REPOSITORY), FILES)
CONTENT = {"config.json": CONFIG, "unet/model.safetensors": BIG, "README.md": b"hello", "unused.bin": b"x" * 99}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub that may be asked although all tests are offline, by a library that does not wait."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(download, "PAUSE", 0.0)
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment in which all caches are empty."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def there(hub: FakeHub, home: dict[str, str]) -> dict[str, str]:
    """The same, with the way to the Hub."""
    return {**home, "HF_ENDPOINT": hub.url}


@pytest.fixture
def mine(there: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The same, with a folder of one's own."""
    return {**there, "ROREM_WEIGHTS": str(tmp_path / "mine")}


def put(folder: Path, content: dict[str, bytes] = CONTENT) -> Path:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def digits(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files(folder: Path) -> set[str]:
    """All that have a final name."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not any(part.startswith(".") for part in name.split("/"))}


def trouble(part: Part, environment: dict[str, str]) -> RoremError:
    with pytest.raises((MissingWeights, BadWeights)) as raised:
        weights.pull(part, environment=environment)
    text = raised.value.advice
    assert "\n" not in text and "Traceback" not in text and not text.startswith(" ")
    return raised.value


# Looking.


def test_it_is_looked_for_here_before_the_caches(home: dict[str, str], tmp_path: Path) -> None:
    part, by_hand = PART, replace(PART, source=ByHand("https://example.org"))
    assert weights.locate(part, home) is None and weights.locate(by_hand, home) is None
    stored = put(places.store(home) / "it")
    assert weights.locate(by_hand, home) == stored and weights.locate(part, home) is None
    commit = "a1" * 20
    cached = put(tmp_path / f"cache/huggingface/hub/models--someone--weights/snapshots/{commit}")
    put(cached.parents[1], {"refs/main": commit.encode()})
    assert weights.locate(part, home) == cached
    local = put(tmp_path / "mine/it")
    both = {**home, "ROREM_WEIGHTS": str(tmp_path / "mine")}
    assert weights.locate(part, both) == weights.locate(by_hand, both) == local
    (local / "config.json").unlink()
    assert weights.locate(part, both) == cached and "has no config.json" in weights.obstacle(part, both)


@pytest.mark.parametrize("revision", ["a1a1a1a", "a1" * 20, "main", "v1"])
def test_a_snapshot_is_found_by_its_revision(revision: str, home: dict[str, str], tmp_path: Path) -> None:
    snapshots = tmp_path / "cache/huggingface/hub/models--someone--weights/snapshots"
    other, wanted = put(snapshots / ("b2" * 20)), put(snapshots / ("a1" * 20))
    put(snapshots.parent, {"refs/main": b"a1" * 20, "refs/v1": b"a1" * 20})
    assert weights.locate(replace(PART, source=Hub(REPOSITORY, revision)), home) == wanted
    shutil.rmtree(wanted)
    assert weights.locate(replace(PART, source=Hub(REPOSITORY, revision)), home) is None and other.is_dir()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"HF_HOME": "/x/home"},
        {"HF_HUB_CACHE": "/x/cache", "HF_HOME": "/x/home"},
        {"HUGGINGFACE_HUB_CACHE": "/x/old"},
        {"XDG_CACHE_HOME": "/x/xdg"},
        {"HF_HOME": "~/somewhere"},
        {"HF_HOME": "$HOME/else"},
    ],
    ids=str,
)
def test_the_hubs_cache_is_where_the_library_has_it(settings: dict[str, str]) -> None:
    names = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in names} | settings
    code = "import os; from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    asked = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert str(places.hub_cache(environment)) == asked.stdout.strip()


def test_alternatives_and_shards(tmp_path: Path) -> None:
    file = WeightFile("a.safetensors", alternatives=("a.fp16.safetensors", "sub/a.safetensors.index.json"))
    part = replace(PART, files=(file,))
    assert not weights.complete(tmp_path, part)
    index = json.dumps({"weight_map": {"x": "a-1.safetensors", "y": "a-2.safetensors", "z": "a-1.safetensors"}})
    put(tmp_path, {"sub/a.safetensors.index.json": index.encode(), "sub/a-1.safetensors": b"1"})
    assert not weights.complete(tmp_path, part)
    put(tmp_path, {"sub/a-2.safetensors": b"2"})
    assert weights.complete(tmp_path, part)
    found = [name for name, _ in weights.names(tmp_path, part)]
    assert found == ["sub/a.safetensors.index.json", "sub/a-1.safetensors", "sub/a-2.safetensors"]
    put(tmp_path, {"a.fp16.safetensors": b"1"})
    assert [name for name, _ in weights.names(tmp_path, part)] == ["a.fp16.safetensors"]


@pytest.mark.parametrize(
    "index",
    [b"", b"[]", b"\xff", b'{"weight_map": {}}', b'{"weight_map": {"x": "../../x"}}', b'{"weight_map": {"x": 1}}'],
)
def test_an_index_that_is_none(index: bytes, tmp_path: Path) -> None:
    part = replace(PART, files=(WeightFile("a.index.json"),))
    put(tmp_path, {"a.index.json": index})
    assert not weights.complete(tmp_path, part)
    with pytest.raises(BadWeights, match=r"an index that cannot be understood: a.index.json lists? |does not list"):
        weights.verify(part, tmp_path)


def test_a_folder_that_cannot_be_read(home: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, who can read everything, so the refusal is played."""
    environment = {**home, "ROREM_WEIGHTS": str(tmp_path / "mine")}
    folder = put(tmp_path / "mine/it")

    def refuse(path: Path, *rest: object, **more: object) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    for name in ("is_file", "iterdir", "open", "stat"):
        monkeypatch.setattr(Path, name, refuse)
    assert weights.locate(PART, environment) is None
    assert weights.obstacle(PART, environment) == f"{folder} cannot be read: permission denied."
    with pytest.raises(MissingWeights, match="cannot be read: permission denied"):
        weights.require(PART, environment)
    with pytest.raises(BadWeights, match="cannot be read: permission denied"):
        weights.verify(PART, folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_folder_that_really_cannot_be_read(home: dict[str, str], tmp_path: Path) -> None:
    folder = put(tmp_path / "mine/it")
    folder.chmod(0)
    try:
        environment = {**home, "ROREM_WEIGHTS": str(tmp_path / "mine")}
        assert weights.locate(PART, environment) is None and "permission denied" in weights.obstacle(PART, environment)
    finally:
        folder.chmod(0o700)


def test_looking_is_light() -> None:
    code = (
        "import sys, rorem.weights; print(sorted({'torch', 'huggingface_hub', 'httpx2', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Fetching from the Hub.


def test_only_what_is_needed_comes_into_the_hubs_cache(hub: FakeHub, there: dict[str, str]) -> None:
    from huggingface_hub import hf_hub_download

    commit = hub.publish(REPOSITORY, CONTENT)
    told: list[tuple[int, int | None, str]] = []
    folder = weights.pull(PART, lambda *told_now: told.append(told_now), there)
    assert folder == weights.locate(PART, there) and folder.name == commit
    assert files(folder) == {"config.json", "unet/model.safetensors"}
    assert (folder / "unet/model.safetensors").read_bytes() == BIG and (folder / "config.json").read_bytes() == CONFIG
    assert told[0] == (0, len(CONFIG), "config.json") and told[-1] == (len(BIG), len(BIG), "unet/model.safetensors")
    assert weights.revision_of(PART, there) == weights.revision_of(folder) == commit
    before = len(hub.log)
    assert weights.pull(PART, environment=there) == weights.verify(PART, environment=there) == folder
    cache = places.hub_cache(there)  # the library itself finds it there, without the network
    again = hf_hub_download(REPOSITORY, "config.json", cache_dir=cache, local_files_only=True)
    assert Path(again) == folder / "config.json" and len(hub.log) == before


def test_a_folder_of_ones_own_has_a_record(hub: FakeHub, mine: dict[str, str], tmp_path: Path) -> None:
    commit = hub.publish(REPOSITORY, CONTENT)
    folder = weights.pull(PART, environment=mine)
    assert folder == tmp_path / "mine/it" and not (tmp_path / "cache").exists()
    noted = json.loads((folder / ".rorem.json").read_text())
    assert noted["source"] == REPOSITORY and noted["revision"] == commit and noted["when"]
    assert noted["files"]["unet/model.safetensors"] == {"bytes": len(BIG), "sha256": digits(BIG)}
    assert weights.revision_of(folder) == commit and files(folder) == {"config.json", "unet/model.safetensors"}


@pytest.mark.parametrize("own", [False, True])
def test_a_download_that_was_killed_goes_on(hub: FakeHub, mine: dict[str, str], own: bool) -> None:
    environment = mine if own else {name: value for name, value in mine.items() if name != "ROREM_WEIGHTS"}
    hub.publish(REPOSITORY, CONTENT)
    hub.cut(500_000, "model.safetensors")
    hub.cut(0, "model.safetensors", times=download.TRIES - 1)
    assert "could not be reached" in str(trouble(PART, environment))
    first = [one.start for one in hub.got("unet/model.safetensors")]
    assert (
        len(first) == download.TRIES
        and first[0] == 0
        and 0 < first[1] <= 500_000
        and weights.locate(PART, environment) is None
    )
    folder = weights.pull(PART, environment=environment)
    resumed = hub.got("unet/model.safetensors")[len(first) :]
    assert [(one.start, one.status) for one in resumed] == [(first[1], 206)]
    assert (folder / "unet/model.safetensors").read_bytes() == BIG and not list(folder.rglob("*.part"))


def test_a_line_that_breaks_often_but_brings_something(hub: FakeHub, there: dict[str, str]) -> None:
    hub.publish(REPOSITORY, CONTENT)
    hub.cut(130_000, "model.safetensors", times=6)
    folder = weights.pull(PART, environment=there)
    starts = [one.start for one in hub.got("unet/model.safetensors")]
    assert (
        len(starts) == 7 and starts == sorted(set(starts)) and (folder / "unet/model.safetensors").read_bytes() == BIG
    )


def test_a_person_can_stop_and_go_on(hub: FakeHub, there: dict[str, str]) -> None:
    hub.publish(REPOSITORY, CONTENT)

    def stop(done: int, total: int | None, name: str) -> None:
        if done > 300_000:
            raise Cancelled

    with pytest.raises(Cancelled):
        weights.pull(PART, stop, there)
    assert weights.locate(PART, there) is None
    weights.pull(PART, environment=there)
    assert hub.got("unet/model.safetensors")[-1].start > 0


def test_a_process_that_was_killed_is_taken_up(hub: FakeHub, there: dict[str, str]) -> None:
    hub.publish(REPOSITORY, CONTENT)
    code = f"""
import os, signal
from rorem.weights import Hub, Part, WeightFile, pull
die = lambda done, total, name: done > 300_000 and os.kill(os.getpid(), signal.SIGKILL)
pull({PART!r}, die)"""
    environment = {**os.environ, **there, "HF_HUB_OFFLINE": "0"}
    del environment["ROREM_WEIGHTS"], environment["HF_HOME"]
    killed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert weights.locate(PART, there) is None
    folder = weights.pull(PART, environment=there)
    assert hub.got("unet/model.safetensors")[-1].start > 0 and (folder / "unet/model.safetensors").read_bytes() == BIG


def test_two_at_once_fetch_it_once(hub: FakeHub, there: dict[str, str]) -> None:
    hub.publish(REPOSITORY, CONTENT)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: weights.pull(PART, environment=there), range(2))
    assert first == second and len(hub.got("unet/model.safetensors")) == 1


def test_a_spoilt_start_is_thrown_away(hub: FakeHub, mine: dict[str, str], tmp_path: Path) -> None:
    hub.publish(REPOSITORY, CONTENT)
    for spoilt in (b"?" * 1000, b"?" * len(BIG), b"?" * (len(BIG) + 5)):
        put(tmp_path / "mine/it", {"unet/.model.safetensors.part": spoilt})
        folder = weights.pull(PART, environment=mine)
        assert (folder / "unet/model.safetensors").read_bytes() == BIG
        shutil.rmtree(folder)


@pytest.mark.parametrize("digits", [7, 40])
def test_the_first_digits_of_a_commit(digits: int, hub: FakeHub, there: dict[str, str]) -> None:
    commit = hub.publish(REPOSITORY, CONTENT)
    hub.publish(REPOSITORY, {"config.json": b"newer"})
    part = replace(PART, source=Hub(REPOSITORY, commit[:digits]))
    folder = weights.pull(part, environment=there)
    assert folder.name == commit == weights.revision_of(part, there)
    assert (folder / "config.json").read_bytes() == CONFIG and weights.locate(part, there) == folder


def test_a_branch_that_went_on_is_still_what_was_fetched(hub: FakeHub, there: dict[str, str]) -> None:
    commit = hub.publish(REPOSITORY, CONTENT)
    weights.pull(PART, environment=there)
    hub.publish(REPOSITORY, {**CONTENT, "config.json": b"newer"})
    assert weights.pull(PART, environment=there).name == commit


@pytest.mark.parametrize("own", [False, True])
def test_another_name_does_as_well_and_an_index_brings_its_shards(
    own: bool, hub: FakeHub, mine: dict[str, str]
) -> None:
    environment = mine if own else {name: value for name, value in mine.items() if name != "ROREM_WEIGHTS"}
    index = json.dumps({"weight_map": {"x": "m-1.safetensors", "y": "m-2.safetensors"}}).encode()
    shards = {"unet/m-1.safetensors": BIG, "unet/m-2.safetensors": BIG[:-1]}
    hub.publish(REPOSITORY, {"c.fp16.bin": b"c", "unet/m.index.json": index, **shards, "other.bin": b"no"})
    wanted = (
        WeightFile("c.bin", bytes=7, sha256="ff", alternatives=("c.fp16.bin",)),
        WeightFile("unet/m.safetensors", alternatives=("unet/m.index.json",)),
    )
    part = replace(PART, files=wanted)
    folder = weights.pull(part, environment=environment)
    assert files(folder) == {"c.fp16.bin", "unet/m.index.json", *shards}
    assert weights.verify(part, environment=environment) == folder


def test_files_that_lie_there_already_are_used_or_refused(hub: FakeHub, mine: dict[str, str], tmp_path: Path) -> None:
    hub.publish(REPOSITORY, CONTENT)
    put(tmp_path / "mine/it", {"unet/model.safetensors": BIG})
    folder = weights.pull(PART, environment=mine)
    assert not hub.got("unet/model.safetensors") and "unet/model.safetensors" in (folder / ".rorem.json").read_text()
    shutil.rmtree(folder)
    put(folder, {"unet/model.safetensors": b"of my own"})
    error = trouble(PART, mine)
    assert f"{folder}/unet/model.safetensors is not the file that was published" in str(error)
    assert (folder / "unet/model.safetensors").read_bytes() == b"of my own"


# Fetching from elsewhere.


def web(hub: FakeHub, sha256: str = "", md5: str = hashlib.md5(BIG).hexdigest()) -> Part:
    hub.web["models/model.pt"] = BIG
    file = WeightFile("model.pt", len(BIG), sha256, md5)
    return Part("net", "the net", Url(f"{hub.url}/web/models/"), (file,))


def test_a_file_from_the_web_is_kept_in_our_store_and_goes_on(hub: FakeHub, home: dict[str, str]) -> None:
    part = web(hub)
    hub.cut(400_000)
    hub.cut(0, times=download.TRIES - 1)
    assert "127.0.0.1 could not be reached." in str(trouble(part, home))
    folder = weights.pull(part, environment=home)
    assert folder == places.store(home) / "net" and (folder / "model.pt").read_bytes() == BIG
    assert hub.log[-1].start > 0 and weights.verify(part, environment=home) == folder
    assert weights.revision_of(folder).startswith("local ") and len(weights.revision_of(folder)) == 18


def test_without_a_checksum_nothing_is_pieced_together(hub: FakeHub, home: dict[str, str]) -> None:
    part = web(hub, md5="")
    hub.cut(400_000)
    folder = weights.pull(part, environment=home)
    assert [one.start for one in hub.log] == [0, 0] and (folder / "model.pt").read_bytes() == BIG


def test_a_server_that_ignores_the_range(hub: FakeHub, home: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    part = web(hub)
    put(places.store(home) / "net", {".model.pt.part": BIG[:1000]})
    monkeypatch.setattr("tests.fake_hub.RANGES", False)
    folder = weights.pull(part, environment=home)
    assert (folder / "model.pt").read_bytes() == BIG


@pytest.mark.parametrize(
    ("more", "words"),
    [({"md5": "0123"}, "its md5 begins with"), ({"sha256": "0123"}, "its sha256 begins with")],
)
def test_a_file_with_another_checksum(more: dict[str, str], words: str, hub: FakeHub, home: dict[str, str]) -> None:
    part = web(hub, **more)
    error = trouble(part, home)
    assert isinstance(error, BadWeights) and "model.pt did not arrive as it was published" in str(error)
    assert words in str(error) and "instead of 0123" in str(error) and not any(places.store(home).rglob("*.p*"))


def test_a_file_that_is_too_short(hub: FakeHub, home: dict[str, str]) -> None:
    part = web(hub)
    hub.web["models/model.pt"] = BIG[:-1]
    assert f"it has {len(BIG) - 1} bytes instead of {len(BIG)}" in str(trouble(part, home))


def test_what_a_person_has_to_download(home: dict[str, str], tmp_path: Path) -> None:
    part = Part("lora", "the LoRA", ByHand("https://example.org/page"), (WeightFile("x/lora.safetensors", 3),))
    error = trouble(part, home)
    assert str(error) == "The LoRA can only be downloaded by hand."
    target = places.store(home) / "lora/x/lora.safetensors"
    assert error.fix == f"Download it from https://example.org/page and save it as {target}."
    mine = {**home, "ROREM_WEIGHTS": str(tmp_path / "mine")}
    assert str(tmp_path / "mine/lora/x/lora.safetensors") in trouble(part, mine).fix
    put(tmp_path / "mine/lora", {"x/lora.safetensors": b"yes"})
    assert weights.pull(part, environment=mine) == tmp_path / "mine/lora"
    put(tmp_path / "mine/lora", {"x/lora.safetensors": b"cut off"})
    assert "it has 7 bytes instead of 3" in str(trouble(part, mine))


# What can go wrong.


def test_offline(there: dict[str, str], hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    hub.publish(REPOSITORY, CONTENT)
    for part in (PART, web(hub)):
        assert str(trouble(part, there)) == f"HF_HUB_OFFLINE is set, so {part.about} was not fetched."
    assert hub.log == []


def test_no_network(hub: FakeHub, home: dict[str, str]) -> None:
    environment = {**home, "HF_ENDPOINT": "http://127.0.0.1:9"}
    error = trouble(PART, environment)
    assert str(error) == "127.0.0.1 could not be reached." and error.fix.startswith("Check the connection")
    assert "127.0.0.1 could not" in str(trouble(replace(PART, source=Url("http://127.0.0.1:9/x")), home))


def test_what_the_hub_refuses(hub: FakeHub, there: dict[str, str]) -> None:
    assert str(trouble(PART, there)) == f"There is no repository {REPOSITORY} at 127.0.0.1 that you may read."
    commit = hub.publish(REPOSITORY, CONTENT, gated=True)
    gated = trouble(PART, there)
    assert "only given to those who accept its conditions" in str(gated) and f"{hub.url}/{REPOSITORY}" in gated.fix
    for revision in ("nope", "abcdef0", "ab" * 20):
        part = replace(PART, source=Hub(REPOSITORY, revision))
        assert str(trouble(part, there)) == f"{REPOSITORY} has no revision {revision}."
    for status, words in ((403, "does not let you read"), (500, "answered 500")):
        hub.fail(status, "/api/models")
        assert words in str(trouble(PART, there)), commit
    assert weights.locate(PART, there) is None


def test_what_the_web_refuses(hub: FakeHub, home: dict[str, str]) -> None:
    part = replace(web(hub), files=(WeightFile("gone.pt"),))
    error = trouble(part, home)
    assert str(error) == f"127.0.0.1 does not give the net: it answered 404 for {hub.url}/web/models/gone.pt."
    either = replace(part, files=(WeightFile("gone.pt", alternatives=("model.pt",)),))
    assert files(weights.pull(either, environment=home)) == {"model.pt"}


def test_a_server_that_is_busy_is_asked_again(hub: FakeHub, there: dict[str, str]) -> None:
    hub.publish(REPOSITORY, CONTENT)
    hub.fail(503, "model.safetensors", times=download.TRIES - 1)
    assert weights.pull(PART, environment=there)


def test_a_repository_with_another_layout(hub: FakeHub, there: dict[str, str]) -> None:
    hub.publish(REPOSITORY, {"config.json": CONFIG, **{f"{x}.bin": b"" for x in "abcdefg"}, "unet/x": b""})
    error = trouble(PART, there)
    assert isinstance(error, BadWeights)
    assert "has no unet/model.safetensors; it has unet/x, a.bin, b.bin, c.bin, config.json, d.bin and 3 more." in str(
        error
    )
    index = replace(PART, files=(WeightFile("m.index.json"),))
    hub.publish(REPOSITORY, {"m.index.json": b'{"weight_map": {"x": "m-1.bin"}}'})
    assert "has no m-1.bin, which m.index.json lists" in str(trouble(index, there))
    hub.publish(REPOSITORY, {"m.index.json": b"{}"})
    assert "has an index that cannot be understood" in str(trouble(index, there))
    assert not any("safetensors" in one.path for one in hub.log)


def test_the_hub_has_another_file_than_the_catalog_means(hub: FakeHub, there: dict[str, str]) -> None:
    hub.publish(REPOSITORY, CONTENT)
    for file, words in (
        (WeightFile("unused.bin", bytes=98), "has 99 bytes, not 98 as expected"),
        (WeightFile("unused.bin", bytes=99, sha256="00aa"), "not 00aa as expected"),
        (WeightFile("config.json", sha256="00aa"), "its sha256 begins with"),
        (WeightFile("unused.bin", md5="00aa"), "its md5 begins with"),
    ):
        part = replace(PART, files=(file,))
        assert words in str(trouble(part, there)) and weights.locate(part, there) is None


def test_bytes_that_were_changed_on_the_way(hub: FakeHub, there: dict[str, str]) -> None:
    commit = hub.publish(REPOSITORY, CONTENT)
    hub.spoil(f"/{REPOSITORY}/resolve/{commit}/unet/model.safetensors", BIG[::-1])
    assert "unet/model.safetensors did not arrive as it was published: its sha256" in str(trouble(PART, there))
    assert weights.locate(PART, there) is None
    assert "model.safetensors" not in str(list(places.hub_cache(there).rglob("*")))


def test_a_full_disk(hub: FakeHub, there: dict[str, str]) -> None:
    hub.publish(REPOSITORY, CONTENT)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        error = trouble(PART, there)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(error).startswith("There is no room left for the thing in ") and weights.locate(PART, there) is None
    assert weights.pull(PART, environment=there) and hub.got("unet/model.safetensors")[-1].start > 0


def test_a_disk_that_will_be_full(hub: FakeHub, mine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.publish(REPOSITORY, CONTENT)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=len(BIG)))
    assert "no room left" in str(trouble(PART, mine)) and not hub.got("unet/model.safetensors"), commit
    put(Path(mine["ROREM_WEIGHTS"]) / "it", {"unet/.model.safetensors.part": BIG[:100]})
    assert weights.pull(PART, environment=mine)


def test_a_place_that_may_not_be_written_to(
    hub: FakeHub, mine: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub.publish(REPOSITORY, CONTENT)

    def refuse(path: Path, *rest: object, **more: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        error = trouble(PART, mine)
    assert "The thing cannot be kept: " in str(error) and "may not be written to." in str(error)
    (tmp_path / "mine").write_text("a file")
    assert "could not be written" in str(trouble(PART, mine)) or "not a directory" in str(trouble(PART, mine))


# Checking.


def test_what_changed_since_it_came_is_named(hub: FakeHub, mine: dict[str, str]) -> None:
    commit = hub.publish(REPOSITORY, CONTENT)
    folder = weights.pull(PART, environment=mine)
    model = folder / "unet/model.safetensors"
    assert weights.verify(PART, folder) == folder
    model.write_bytes(BIG[:-1])
    with pytest.raises(BadWeights, match=rf"{model} is not what it was on 20.*it has {len(BIG) - 1} bytes instead of"):
        weights.verify(PART, folder, deep=False)
    assert "model.safetensors is not what it was" in str(trouble(PART, mine))
    model.write_bytes(b"?" + BIG[1:])
    assert weights.verify(PART, folder, deep=False) == folder
    with pytest.raises(BadWeights, match="its sha256 begins with"):
        weights.verify(PART, folder)
    assert weights.revision_of(folder).startswith("local ")
    model.write_bytes(BIG)
    assert weights.revision_of(folder) == commit


def test_what_the_cache_holds_is_checked_by_its_own_names(hub: FakeHub, there: dict[str, str]) -> None:
    hub.publish(REPOSITORY, CONTENT)
    folder = weights.pull(PART, environment=there)
    for name in ("config.json", "unet/model.safetensors"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(b"?" + whole[1:])  # through the link
        with pytest.raises(BadWeights, match=rf"{name} is not what the Hub sent"):
            weights.verify(PART, environment=there)
        (folder / name).unlink()  # as the sentence says, and then again
        assert weights.pull(PART, environment=there) == folder
        assert (folder / name).read_bytes() == whole


def test_what_came_by_hand_is_noted_when_it_is_first_checked(home: dict[str, str]) -> None:
    part = replace(PART, source=ByHand("https://example.org"))
    folder = put(places.store(home) / "it")
    seen: list[str] = []
    assert weights.verify(part, environment=home, on_file=seen.append) == folder and len(seen) == 2
    assert json.loads((folder / ".rorem.json").read_text())["source"] == "https://example.org"
    (folder / "config.json").write_bytes(b'{"a": 2}')
    with pytest.raises(BadWeights, match=r"config.json is not what it was"):
        weights.verify(part, environment=home)
    (folder / ".rorem.json").write_text("{")
    assert weights.verify(part, environment=home)


def test_the_catalogs_checksums_are_held_against_files_of_ones_own(tmp_path: Path) -> None:
    put(tmp_path)
    for file in (
        WeightFile("config.json", bytes=7),
        WeightFile("config.json", sha256="00"),
        WeightFile("config.json", md5="00"),
    ):
        with pytest.raises(BadWeights, match=r"config.json is not the file that was published: "):
            weights.verify(replace(PART, files=(file,)), tmp_path)
    right = WeightFile("config.json", len(CONFIG), digits(CONFIG)[:9].upper(), hashlib.md5(CONFIG).hexdigest())
    assert weights.verify(replace(PART, files=(right,)), tmp_path) == tmp_path


def test_a_record_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*rest: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(checking, "remember", refuse)
    assert weights.verify(PART, put(tmp_path)) == tmp_path


def test_a_revision_tells_weights_of_one_size_apart(tmp_path: Path) -> None:
    large = bytes(5_000_000)
    put(tmp_path, {"config.json": CONFIG, "m.safetensors": large})
    first = weights.revision_of(tmp_path)
    put(tmp_path, {".hidden": b"x"})
    assert weights.revision_of(tmp_path) == first
    put(tmp_path, {"m.safetensors": large[:-1] + b"?"})
    second = weights.revision_of(tmp_path)
    put(tmp_path, {"m.safetensors": large, "config.json": b'{"a": 2}'})
    third = weights.revision_of(tmp_path)
    assert len({first, second, third}) == 3
    (tmp_path / "sub").symlink_to(tmp_path)
    assert weights.revision_of(tmp_path)
    with pytest.raises(BadWeights, match="cannot be read: no such file"):
        weights.revision_of(tmp_path / "nothing")
    with pytest.raises(MissingWeights, match="no complete copy of the thing"):
        weights.revision_of(PART, {"XDG_CACHE_HOME": str(tmp_path)})


def test_a_fingerprint_knows_names(tmp_path: Path) -> None:
    put(tmp_path, {"a": b"bc", "ab": b"c"})
    assert fingerprint(tmp_path, ["a"]) != fingerprint(tmp_path, ["ab"])
