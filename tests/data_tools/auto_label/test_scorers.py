"""Judges: the discriminator, the one without networks, and scores from a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rorem
from data_tools.auto_label.scorers import FILE, SEAM, Discriminator, FromFile, Judge, View, view_of
from data_tools.auto_label.seam_judge import SeamJudge, raw_of
from rorem import judge
from rorem.errors import BadData, BadOptions, MissingWeights, RoremError
from rorem.evaluation.samples import decode
from rorem.picture import to_rgb
from rorem.triplet import Triplet, open_set
from tests.checkpoints.discriminator import write_discriminator
from tests.checkpoints.sdxl import write_sdxl
from tests.data_tools.auto_label.rounds import picture, removal, write_csv

SAMPLES = str(Path(rorem.__file__).with_name("samples"))


def bad_ones() -> list[Triplet]:
    whole = removal(0)
    return [
        replace(whole, result=None),
        replace(whole, result=b"no picture"),
        replace(whole, result=picture(1, 14)),
        replace(whole, mask=b""),
        replace(whole, source=b"GIF89a"),
    ]


def test_the_judge_without_networks_sees_what_it_can_see() -> None:
    """The truth above a good fill, above a smear, above a grey box; an untouched photo last."""
    means: dict[str, float] = dict.fromkeys(("truth", "fill", "smear", "box"), 0.0)
    for number, triplet in enumerate(open_set(SAMPLES)):
        if isinstance(triplet, BadData) or number % 4:
            continue
        sample = decode(triplet)
        source = to_rgb(sample.picture)
        assert sample.truth is not None
        box = source.copy()
        box[sample.mask] = 128
        results = {"truth": sample.truth, "box": box}
        for name, method in (("fill", "patchmatch"), ("smear", "telea")):
            (removed, *_) = rorem.remove(triplet.source, triplet.mask, method=method, candidates=1)
            results[name] = to_rgb(removed.picture)
        for name, result in results.items():
            means[name] += raw_of(View(source, sample.mask, result)) / 3
        assert raw_of(View(source, sample.mask, source)) == 0
    assert 1 >= means["truth"] > means["fill"] > means["smear"] + 0.2 and means["smear"] > means["box"] >= 0
    assert means["truth"] > 0.9


def test_it_tells_what_it_is() -> None:
    assert "does not know what is in a picture" in SeamJudge().notes[0]


def test_one_bad_record_does_not_cost_the_others() -> None:
    good = removal(1)
    told = SeamJudge().scores([good, *bad_ones(), good])
    assert told[0] == told[-1] and isinstance(told[0], float) and 0 <= told[0] <= 1
    assert all(isinstance(one, RoremError) for one in told[1:-1])
    whole = np.full((40, 40), 255, np.uint8)
    import cv2

    everything = replace(good, mask=cv2.imencode(".png", whole)[1].tobytes())
    assert isinstance(SeamJudge().scores([everything])[0], RoremError)


def test_a_view_is_what_was_given() -> None:
    view = view_of(removal(3))
    assert view.source.shape == view.result.shape == (40, 40, 3) and view.mask.sum() == 36
    assert ((view.source != view.result).any(axis=2) <= view.mask).all()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_scores_from_a_file(tmp_path: Path, suffix: str) -> None:
    one, other, third, fourth, fifth = (removal(number) for number in range(5))
    rows = [
        {"id": one.id, "name": "", "raw": 0.25},
        {"id": "", "name": other.name, "raw": "1.5"},
        {"id": third.id, "name": "", "raw": "nan"},
        {"id": fourth.id, "name": "", "raw": 0.1},
        {"id": fourth.id, "name": "", "raw": 0.2},
    ]
    path = tmp_path / f"scores{suffix}"
    if suffix == ".csv":
        write_csv(path, rows)
    else:
        path.write_text("\n".join([*map(json.dumps, rows), "broken", "[]"]), "utf-8")
    scorer = FromFile(path)
    told = scorer.scores([one, other, third, fourth, fifth, replace(one, result=None)])
    assert told[:2] == [0.25, 1.5]
    assert ["no number" in str(told[2]), "two of them" in str(told[3])] == [True, True]
    assert "no score" in str(told[4]) and "no removal" in str(told[5])
    before = scorer.revision
    path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    assert FromFile(path).revision != before


def test_bad_lines_of_scores_are_told_and_the_others_count(tmp_path: Path) -> None:
    one, other = replace(removal(0), name="a\u2028b\u0085c"), replace(removal(1), name="two\nlines")
    path = tmp_path / "scores.csv"
    rows = [{"name": "x" * 200_000, "raw": 1}, {"name": "", "raw": 1}]
    write_csv(path, [*rows, {"name": one.name, "raw": 0.5}, {"name": other.name, "raw": 0.25}])
    scorer = FromFile(path)
    assert scorer.scores([one, other]) == [0.5, 0.25]
    assert scorer.notes[0].startswith("2 lines of the file of scores cannot be read: line 2")
    path = tmp_path / "scores.jsonl"
    lines = [json.dumps({"name": name, "raw": 1}, ensure_ascii=False) for name in (one.name, other.name)]
    path.write_text("\n".join([*lines, "broken", "[]"]), "utf-8")
    scorer = FromFile(path)
    assert scorer.scores([one, other]) == [1, 1] and scorer.notes[0].startswith("2 lines")


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", f"{'x' * 200_000},raw\n1,1\n"), ("a.csv", "name\nx\n"), ("a.csv", "raw\n1\n"), ("a.txt", "x"), ("", "")],
    ids=["long header", "no raw", "no id", "no table", "nothing"],
)
def test_what_is_no_file_of_scores(tmp_path: Path, name: str, content: str) -> None:
    if name:
        (tmp_path / name).write_text(content)
    with pytest.raises(BadData):
        Judge(FILE, str(tmp_path / (name or "nothing.csv"))).load()


def test_a_judge_that_there_is_not() -> None:
    with pytest.raises(BadOptions, match="magic"):
        Judge("magic")
    assert isinstance(Judge(SEAM).load(), SeamJudge)


def test_without_weights_the_discriminator_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingWeights, match="weights are not on this machine"):
        Judge("discriminator").load()


def test_the_discriminator_scores_as_it_does_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sdxl(tmp_path / "sdxl-inpainting")
    write_discriminator(tmp_path / "rorem-discriminator", tmp_path / "sdxl-inpainting" / "unet")
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("ROREM_DEVICE", "cpu")
    try:
        scorer = Discriminator()
        assert scorer.revision.startswith("local ") and " on " in scorer.revision
        good = [removal(1), removal(2)]
        told = scorer.scores([good[0], *bad_ones(), good[1]])
        views = [view_of(one) for one in good]
        alone = [judge.shared().score(one.source, one.mask, one.result).raw for one in views]
        assert [told[0], told[-1]] == pytest.approx(alone, abs=5e-4)
        assert all(isinstance(one, RoremError) for one in told[1:-1])
        assert tuple(scorer.notes) == judge.shared().notes
    finally:
        judge._judges.clear()
