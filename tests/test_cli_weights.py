"""`rorem weights` as a person and as a script use it, and its page."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rorem import cli, cli_weights, weights
from rorem.methods import catalog
from rorem.methods.entry import Entry
from rorem.weights import ByHand, Hub, Part, Url, WeightFile, download
from tests.fake_hub import FakeHub

PAGE = (Path(__file__).parents[1] / "docs/weights.md").read_text("utf-8")
REPOSITORY = "someone/weights"
BASE = Part("base", "the base", Hub(REPOSITORY), (WeightFile("model.safetensors", 5000),))
LORA = Part("lora", "the LoRA", ByHand("https://example.org/lora"), (WeightFile("lora.safetensors"),))
HEAD = Part("head", "the head", ByHand("https://example.org/head"), (WeightFile("head.safetensors"),))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A Hub with the base, and a machine with nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "ROREM_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(download, "PAUSE", 0.0)
    with FakeHub() as hub:
        for name, value in {
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "HF_ENDPOINT": hub.url,
            "COLUMNS": "300",
            "NO_COLOR": "1",
        }.items():
            monkeypatch.setenv(name, value)
        hub.publish(REPOSITORY, {"model.safetensors": b"x" * 5000})
        yield hub


@pytest.fixture
def method(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Entry]:
    """Puts one method into the catalog that needs one of several sets of parts."""

    def listed(*ways: tuple[Part, ...]) -> Entry:
        plain = catalog.find("patchmatch")
        entry = replace(plain, traits=replace(plain.traits, id="net"), ways=ways)
        monkeypatch.setattr(catalog, "ENTRIES", (plain, entry))
        monkeypatch.setattr(cli_weights, "EXTRA_PARTS", ())
        return entry

    return listed


def run(line: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli.app, shlex.split(line))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result


def listed() -> dict[str, dict[str, object]]:
    return {row["part"]: row for row in json.loads(run("weights list --json").stdout)}


def put(path: str, data: bytes = b"data") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(data)


def test_the_list_before_and_after(method: Callable[..., Entry], hub: FakeHub, tmp_path: Path) -> None:
    method((BASE, LORA))
    assert listed()["base"] == {
        "part": "base",
        "about": "the base",
        "source": f"{REPOSITORY} at main",
        "folder": "",
        "bytes": 5000,
        "revision": "",
        "why": "",
        "methods": ["net"],
    }
    shown = run("weights list").stdout
    assert "not here." in shown and "https://example.org/lora" in shown and "net" in shown
    run("weights pull base")
    base = listed()["base"]
    commit = hub.repositories[REPOSITORY].commits[0][0]
    assert base["revision"] == commit and base["folder"] == str(weights.locate(BASE)) and base["bytes"] == 5000
    assert commit[:12] in run("weights list").stdout


def test_the_list_says_what_is_wrong(method: Callable[..., Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    method((BASE, LORA))
    monkeypatch.setenv("ROREM_WEIGHTS", "mine")
    put("mine/lora/other.safetensors")
    put("mine/base/model.safetensors", b"short")
    rows = listed()
    assert rows["lora"]["why"] == "mine/lora has no lora.safetensors." and rows["lora"]["folder"] == ""
    assert "it has 5 bytes instead of 5000" in str(rows["base"]["why"]) and rows["base"]["folder"] == "mine/base"
    assert "has no lora.safetensors" in run("weights list").stdout


def test_a_method_is_pulled_and_then_ready(method: Callable[..., Entry]) -> None:
    entry = method((BASE,))
    assert entry.state().kind == "download" and entry.state().why == "Get them with: rorem weights pull net"
    first = run(entry.state().why.partition("rorem ")[2])
    assert first.stdout.startswith("base is here: ") and "Fetching model.safetensors (0 MB)." in first.stderr
    assert entry.state().kind == "ready"
    again = run("weights pull net --json")
    (found,) = json.loads(again.stdout)
    assert set(found) == {"part", "folder", "revision"} and again.stderr == ""


def test_the_way_that_a_program_can_fetch_is_taken(method: Callable[..., Entry], hub: FakeHub) -> None:
    other = replace(BASE, name="other")
    method((BASE, LORA), (other,))
    assert run("weights pull net").stdout.startswith("other is here: ")
    put("cache/rorem/weights/lora/lora.safetensors")
    assert run("weights pull net").stdout.count("is here: ") == 2, "the first is complete and goes before"


def test_what_is_only_by_hand_is_told_before_anything_is_fetched(
    method: Callable[..., Entry], hub: FakeHub, tmp_path: Path
) -> None:
    method((BASE, LORA, HEAD))
    told = run("weights pull net", 1)
    for name in ("lora", "head"):
        assert f"https://example.org/{name}" in told.stderr
        assert str(tmp_path / f"cache/rorem/weights/{name}/{name}.safetensors") in told.stderr
    assert told.stdout == "" and "Then again: rorem weights pull net" in told.stderr and hub.log == []
    put("cache/rorem/weights/lora/lora.safetensors")
    put("cache/rorem/weights/head/head.safetensors")
    assert run("weights pull net").stdout.count("is here: ") == 3


def test_verify(method: Callable[..., Entry]) -> None:
    method((BASE,))
    assert run("weights verify").stdout == "There are no weights on this machine.\n"
    assert "no complete copy of the base" in run("weights verify base", 0 + 1).stderr
    run("weights pull net")
    assert run("weights verify").stdout.startswith("base is here: ")
    folder = weights.require(BASE)
    (folder / "model.safetensors").write_bytes(b"y" * 5000)
    wrong = run("weights verify net --json", 1)
    assert wrong.stdout == "[]\n" and f"{folder}/model.safetensors is not what the Hub sent" in wrong.stderr


def test_what_needs_nothing_and_what_is_not_known(method: Callable[..., Entry]) -> None:
    method((BASE,))
    assert run("weights pull patchmatch").stdout == "patchmatch needs no weights.\n"
    assert run("weights pull nope", 2).stderr == (
        "There is no method or part called 'nope'. Choose one of: net, base.\n"
    )


def test_failures_are_a_sentence(method: Callable[..., Entry], hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    method((replace(BASE, source=Hub("no/where")),))
    assert "There is no repository no/where" in run("weights pull net", 1).stderr
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    failed = run("weights pull net --json", 1)
    assert failed.stderr.startswith("HF_HUB_OFFLINE is set") and failed.stdout == ""


def test_ctrl_c(method: Callable[..., Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    method((BASE,))

    def stop(part: Part, on_bytes: weights.OnBytes) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "pull", stop)
    assert run("weights pull net", 130).stderr == "Stopped. The same command goes on from there.\n"


def test_parts_have_names_of_their_own() -> None:
    """Two parts of one name would share a folder."""
    seen: dict[str, Part] = {}
    for entry in catalog.ENTRIES:
        for part in (part for way in entry.ways for part in way):
            assert seen.setdefault(part.name, part) == part
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name) for name in seen)


def rows() -> dict[str, str]:
    """The table of the page by part."""
    return dict(re.findall(r"^\| `([^`]+)` (\|.*\|)$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("name", sorted(cli_weights._parts()))
def test_every_part_is_on_the_page(name: str) -> None:
    part, methods = cli_weights._parts()[name]
    assert name in rows(), f"docs/weights.md has no line for {name}."
    row = rows()[name]
    match part.source:
        case Hub(repository=repository, revision=revision):
            assert f"https://huggingface.co/{repository})" in row
            assert revision == "main" or revision[:7] in row
        case Url(address=address):
            assert address.rstrip("/").replace("/releases/download/", "/releases/tag/") in row
        case ByHand(page=page):
            assert page in row
    assert ("by hand" in row) == isinstance(part.source, ByHand)
    assert set(methods) <= set(re.findall(r"[\w-]+", row.split("|")[1])), f"{name} is for {', '.join(methods)}."


def test_every_method_is_on_the_page() -> None:
    for entry in catalog.ENTRIES:
        assert entry.id in PAGE, f"docs/weights.md does not mention {entry.id}."
