"""Every method of the catalog through the library and the command line, with tiny checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import rorem
from rorem import cli
from rorem.methods import catalog
from rorem.methods.entry import Entry
from rorem.remover import AS_PUBLISHED, Published

SIZE = (260, 200)
OF_A_PAPER = [entry for entry in catalog.ENTRIES if entry.ways]


@pytest.fixture(autouse=True)
def every_method_is_ready(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))


def scene() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    picture = random.normal(128, 12, (SIZE[1], SIZE[0], 3)).clip(0, 255).astype(np.uint8)
    mask = np.zeros((SIZE[1], SIZE[0]), bool)
    mask[80:120, 100:150] = True
    picture[mask] = (250, 0, 250)
    return picture, mask


def few(entry: Entry) -> dict[str, object]:
    return {"steps": 2} if "steps" in entry.options.model_fields else {}


@pytest.mark.parametrize("entry", catalog.ENTRIES, ids=lambda entry: entry.id)
def test_through_the_library(entry: Entry) -> None:
    picture, mask = scene()
    (removal,) = rorem.remove(picture, mask, entry.id, options=few(entry), seed=1)
    made = removal.picture.colour
    assert not (made != picture).any(axis=2)[~removal.hole].any()
    assert (np.abs(made[mask].astype(int) - (250, 0, 250)).max(axis=1) > 60).all()
    assert removal.method == entry.id and removal.protocol == "same pipeline"
    steps = 2 if few(entry) else 1  # the schedules of these checkpoints make one call a step
    assert removal.network_calls == (steps if entry.ways else 0)
    assert removal.generative == bool(entry.ways)


@pytest.mark.parametrize("entry", catalog.ENTRIES, ids=lambda entry: entry.id)
def test_through_the_command_line(entry: Entry, tmp_path: Path) -> None:
    picture, mask = scene()
    Image.fromarray(picture).save(tmp_path / "photo.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    settings = [f"--set={name}={value}" for name, value in few(entry).items()]
    files = [str(tmp_path / name) for name in ("photo.png", "mask.png", "out.png")]
    told = CliRunner().invoke(
        cli.app, ["remove", *files[:2], "-o", files[2], "--method", entry.id, "--json", *settings]
    )
    assert told.exit_code == 0, told.output
    record = json.loads(told.stdout)
    assert record["method"] == entry.id and record["protocol"] == "same pipeline" and record["error"] is None
    assert ("local" in record["revision"]) == bool(entry.ways)
    assert (np.asarray(Image.open(files[2])) != picture).any()


@pytest.mark.parametrize("entry", OF_A_PAPER, ids=lambda entry: entry.id)
def test_as_published_is_said_and_tells_its_drift(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = entry.load().remover
    assert isinstance(loaded, Published)
    if hasattr(loaded, "_published"):  # a paper's 50 steps at 1024 px take minutes even on these networks
        from dataclasses import replace

        quick = replace(loaded._published, steps=2, side=64)  # type: ignore[attr-defined]
        monkeypatch.setattr(loaded, "_published", quick)
    picture, mask = scene()
    (removal,) = rorem.remove(picture, mask, entry.id, protocol=AS_PUBLISHED)
    assert removal.protocol == AS_PUBLISHED and removal.drift is not None and removal.patches == ()
    assert removal.published is not None and removal.picture.size == removal.published.shape[1::-1]
    assert (removal.drift > 0) == (entry.id not in ("lama", "migan"))  # those two paste their fill into the photo


@pytest.mark.parametrize("id", ["patchmatch", "telea"])
def test_what_has_no_paper_of_its_own_has_no_published_way(id: str) -> None:
    with pytest.raises(rorem.BadOptions, match="no published way"):
        rorem.remove(*scene(), id, protocol=AS_PUBLISHED)


def test_as_published_there_is_nothing_to_set() -> None:
    with pytest.raises(rorem.BadOptions, match="takes no settings"):
        rorem.remove(*scene(), "rorem", options={"steps": 3}, protocol=AS_PUBLISHED)
