"""The commands: what they say, and their exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from data_tools.fetch.__main__ import app as fetch_app
from data_tools.publish.__main__ import app
from rorem.triplet import open_set, write_folder, write_shards
from tests.data_tools.publish.hubs import online, way_to
from tests.hub import TOKEN, Hub
from tests.triplet.samples import triplets


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with online(monkeypatch) as hub:
        for name, value in way_to(hub, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield hub


def ran(*words: object, fetch: bool = False) -> Result:
    result = CliRunner().invoke(fetch_app if fetch else app, list(map(str, words)))
    assert "Traceback" not in result.output and TOKEN not in result.output
    return result


def test_there_and_back(hub: Hub, tmp_path: Path) -> None:
    write_folder(triplets(4), tmp_path / "set")
    pushed = ran("push", tmp_path / "set", "someone/pairs")
    assert pushed.exit_code == 0 and "4 records in 1 shard in someone/pairs: 1 uploaded now." in pushed.output
    assert "categories: boat 4" in pushed.output
    assert "all of it was there already" in ran("push", tmp_path / "set", "someone/pairs").output
    got = ran("someone/pairs", "--out", tmp_path / "back", "--to", "folder", fetch=True)
    assert got.exit_code == 0 and f"4 records are in {tmp_path / 'back'}" in got.output
    assert (tmp_path / "back/meta.json").read_bytes() == (tmp_path / "set/meta.json").read_bytes()


def test_exit_codes(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(triplets(4), tmp_path / "set")
    (tmp_path / "set/mask/photo 2.png").unlink()
    bad = ran("convert", tmp_path / "set", "--out", tmp_path / "out")
    assert bad.exit_code == 1 and "1 could not be read: photo 2" in bad.output and "3 records" in bad.output
    assert ran("push", tmp_path / "set", "someone/pairs").exit_code == 1
    assert ran("push", tmp_path / "gone", "someone/pairs").exit_code == 2
    assert ran("push", tmp_path / "set", "no-owner").exit_code == 2
    assert ran("push", tmp_path / "set", "someone/pairs", "--split", "all").exit_code == 2
    assert ran("nobody/nothing", "--out", tmp_path / "none", fetch=True).exit_code == 2
    monkeypatch.delenv("HF_TOKEN")
    refused = ran("push", tmp_path / "set", "someone/pairs")
    assert refused.exit_code == 2 and "HF_TOKEN is not set" in refused.output


def test_another_set_into_the_place_of_a_stopped_run(tmp_path: Path) -> None:
    write_shards(triplets(3), tmp_path / "one")
    write_shards(triplets(2), tmp_path / "two")
    left = tmp_path / ".out.making/0123/source"
    left.mkdir(parents=True)
    assert ran("convert", tmp_path / "two", "--out", tmp_path / "out", "--to", "folder").exit_code == 0
    assert len(open_set(str(tmp_path / "out"))) == 2 and not left.exists()
    again = ran("convert", tmp_path / "one", "--out", tmp_path / "out", "--to", "folder")
    assert again.exit_code == 2 and "is there already" in again.output
