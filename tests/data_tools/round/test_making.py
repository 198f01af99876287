"""A round from sets, answers and scores, through files."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_tools.round import Inputs, Made, Settings, make
from data_tools.round.choosing import BELOW, LIKE_PHOTO, NEAR, NOT_SCORED, REFUSED, SAME_PHOTO, TWICE, WORSE
from data_tools.round.settings import NEAR as BITS
from rorem.errors import BadData, BadOptions
from rorem.triplet import Triplet, open_set
from tests.data_tools.round.sets import (
    ANNA,
    BORIS,
    CLARA,
    answers,
    candidate,
    file,
    mask,
    photo,
    removal,
    rows,
    scores,
    shards,
    start,
)


def made(tmp_path: Path, inputs: Inputs, settings: Settings | None = None, out: str = "out") -> Made:
    return make(tmp_path / out, inputs, settings or Settings(), cache=tmp_path / "cache")


def read(folder: Path) -> dict[str, Triplet]:
    return {one.name: one for one in open_set(str(folder)) if isinstance(one, Triplet)}


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def out_of(made: Made) -> dict[str, int]:
    return {step["what"]: step["out"] for step in made.manifest["steps"] if step["out"]}


def test_people_and_the_judge_add_to_what_was_there(tmp_path: Path) -> None:
    first = [start(1), start(11)]
    new = [candidate(seed) for seed in range(20, 26)]
    yes, no, sure, unsure, tie, unseen = new
    said = [(yes, ANNA, "yes"), (yes, BORIS, "yes"), (yes, CLARA, "no"), (no, ANNA, "no"), (no, BORIS, "skip")]
    said += [(tie, ANNA, "yes"), (tie, BORIS, "no")]
    judged = [(yes, 0.7, False), (no, 0.99, True), (sure, 0.97, True), (unsure, 0.5, False), (tie, 0.9, True)]
    told = made(
        tmp_path,
        Inputs(
            previous=[rows(tmp_path / "start", first)],
            generated=[shards(tmp_path / "new", new)],
            answers=[answers(tmp_path / "answers.csv", said)],
            scores=[scores(tmp_path / "scores", judged)],
        ),
    )
    found = read(tmp_path / "out")
    assert list(found) == ["start 1", "start 11", yes.name, sure.name], "the order of inputs, and of records in them"
    of_people, of_judge, old = found[yes.name], found[sure.name], found["start 1"]
    assert (of_people.accepted_by, of_people.round, of_people.votes_yes, of_people.votes_no) == ("human", 1, 2, 1)
    assert of_people.p_yes == pytest.approx(2 / 3) and of_judge.p_yes == pytest.approx(0.97)
    assert (of_judge.accepted_by, of_judge.round, of_judge.votes_yes) == ("judge", 1, 0)
    assert (old.accepted_by, old.round, old.p_yes) == ("truth", 0, None)
    for one in (*first, yes, sure):
        assert (found[one.name].id, found[one.name].truth) == (one.id, one.truth), "the bytes are as they were"
    assert out_of(told) == {REFUSED: 2, NOT_SCORED: 1, BELOW: 1}, f"{tie.name} and {no.name}; {unseen.name}"
    manifest = told.manifest
    assert manifest["accepted_by"] == {"truth": 2, "human": 1, "judge": 1, "none": 0}
    assert manifest["new"] == {"truth": 0, "human": 1, "judge": 1, "none": 0}
    assert (manifest["human"]["shown"], manifest["human"]["yes"]) == (3, 1)
    assert manifest["calibrations"][0]["id"] == "cal-1" and manifest["round"] == 1
    assert manifest["agreement"]["items"] == 2
    origins = {one["name"]: one for one in lines(tmp_path / "out" / "manifest.pairs.jsonl")}
    assert origins[sure.name]["calibration"] == "cal-1" and origins[sure.name]["raw"] == pytest.approx(0.485)
    assert [one["input"] for one in origins.values()] == [0, 0, 1, 1]


def test_people_take_back_what_was_in(tmp_path: Path) -> None:
    """Of a previous set: a no puts a pair out, a yes makes it theirs."""
    before = [candidate(seed, accepted_by="judge", p_yes=0.9, round=2) for seed in (1, 2, 3)]
    said = [(before[0], ANNA, "no"), (before[1], ANNA, "yes")]
    inputs = Inputs(previous=[shards(tmp_path / "before", before)], answers=[answers(tmp_path / "a.csv", said)])
    told = made(tmp_path, inputs)
    found = read(tmp_path / "out")
    assert [(one.accepted_by, one.p_yes, one.round) for one in found.values()] == [
        ("human", 1.0, 2),
        ("judge", pytest.approx(0.9), 2),
    ]
    (gone,) = lines(tmp_path / "out" / "manifest.left-out.jsonl")
    assert (gone["record"], gone["why"]) == (before[0].name, REFUSED)
    assert told.manifest["round"] == 3


def test_a_wrong_mask_is_not_for_the_judge(tmp_path: Path) -> None:
    one, other = candidate(1), candidate(2)
    inputs = Inputs(
        generated=[shards(tmp_path / "new", [one, other])],
        answers=[answers(tmp_path / "a.csv", [(one, ANNA, "mask_wrong")])],
        scores=[scores(tmp_path / "s", [(one, 0.99, True), (other, 0.99, True)])],
    )
    assert out_of(made(tmp_path, inputs)) == {REFUSED: 1}
    assert list(read(tmp_path / "out")) == [other.name]


def test_the_better_result_of_a_sample_stays(tmp_path: Path) -> None:
    """People before the judge; then the higher p_yes, then more votes; an equal file once."""
    worse, better = candidate(1, "a"), candidate(1, "b", result=removal(1, 5))
    judged, human = candidate(2, "c"), candidate(2, "d", result=removal(2, 5))
    few, many = candidate(3, "e"), candidate(3, "f", result=removal(3, 5))
    alone, again = candidate(4, "g"), candidate(4, "h")
    every = [worse, better, judged, human, few, many, alone, again]
    said = [(human, ANNA, "yes"), (human, BORIS, "no"), (human, CLARA, "yes"), (few, ANNA, "yes")]
    said += [(many, ANNA, "yes"), (many, BORIS, "yes")]
    given = [(worse, 0.91, True), (better, 0.92, True), (judged, 1.0, True), (alone, 0.9, True)]
    inputs = Inputs(
        generated=[rows(tmp_path / "new", every)],
        answers=[answers(tmp_path / "a.csv", said)],
        scores=[scores(tmp_path / "s", given)],
    )
    told = made(tmp_path, inputs)
    assert list(read(tmp_path / "out")) == ["b", "d", "f", "g"]
    assert out_of(told) == {TWICE: 1, WORSE: 3}
    twins = {one["record"]: one["twin"] for one in lines(tmp_path / "out" / "manifest.left-out.jsonl")}
    assert twins == {"a": better.id, "c": human.id, "e": many.id, "h": alone.id}


def test_near_duplicates_go_and_two_things_in_a_photo_stay(tmp_path: Path) -> None:
    pixels = photo(1)
    one = candidate(1, "one", accepted_by="human", p_yes=0.8)
    like = candidate(1, "like", source=file(pixels, "JPEG", quality=60), accepted_by="human", p_yes=0.9)
    shifted = candidate(1, "shifted", mask=mask(9, 9), accepted_by="judge", p_yes=1.0)
    beside = candidate(1, "beside", mask=mask(30, 30), accepted_by="judge")
    other = candidate(2, "other", accepted_by="judge")
    inputs = Inputs(previous=[rows(tmp_path / "before", [one, like, shifted, beside, other])])
    assert out_of(made(tmp_path, inputs)) == {NEAR: 2}
    assert list(read(tmp_path / "out")) == ["like", "beside", "other"]
    made(tmp_path, inputs, Settings(near=None), "all")
    assert len(read(tmp_path / "all")) == 5


def test_evaluation_sets_stay_out(tmp_path: Path) -> None:
    kept = [candidate(seed, accepted_by="human") for seed in (1, 5, 9)]
    again = replace(start(5), name="again", source=file(photo(5), "JPEG", quality=70))
    inputs = Inputs(
        previous=[shards(tmp_path / "before", kept)],
        keep_out=[rows(tmp_path / "evaluation", [replace(start(1), mask=mask(30, 30)), again])],
    )
    assert out_of(made(tmp_path, inputs)) == {SAME_PHOTO: 1, LIKE_PHOTO: 1}
    assert list(read(tmp_path / "out")) == [kept[2].name]
    gone = lines(tmp_path / "out" / "manifest.left-out.jsonl")
    assert [(one["why"], one["twin"]) for one in gone] == [(SAME_PHOTO, "start 1"), (LIKE_PHOTO, "again")]


def test_an_evaluation_set_that_is_the_same_leaves_nothing(tmp_path: Path) -> None:
    before = shards(tmp_path / "before", [candidate(1), candidate(2)])
    with pytest.raises(
        BadData, match="Nothing is left of 2 accepted records: of every one, a photo of it is in an eval"
    ):
        made(tmp_path, Inputs(previous=[before], keep_out=[before]))
    assert not (tmp_path / "out").exists()


def test_names_that_meet_get_numbers(tmp_path: Path) -> None:
    one, other = candidate(1, "beach"), candidate(2, "beach")
    inputs = Inputs(previous=[shards(tmp_path / "a", [one]), rows(tmp_path / "b", [other])])
    made(tmp_path, inputs)
    found = read(tmp_path / "out")
    assert {name: told.id for name, told in found.items()} == {"beach": one.id, "beach-2": other.id}


def test_the_same_again_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """Also without the cache, and from copies that lie elsewhere; and what is there is not made again."""
    before = rows(tmp_path / "before", [candidate(seed, accepted_by="human") for seed in range(4)])
    inputs = Inputs(previous=[before])
    assert not made(tmp_path, inputs).there
    shutil.rmtree(tmp_path / "cache")
    made(tmp_path, inputs, out="again")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["data-00000-of-00001.parquet", "manifest.json", "manifest.left-out.jsonl", "manifest.pairs.jsonl"]
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    shutil.copytree(before, tmp_path / "elsewhere")
    assert made(tmp_path, Inputs(previous=[str(tmp_path / "elsewhere")])).there
    with pytest.raises(BadData, match="other sets or with other settings"):
        made(tmp_path, inputs, Settings(near=3))


def test_a_run_that_was_stopped_leaves_nothing_and_its_index(tmp_path: Path) -> None:
    inputs = Inputs(previous=[rows(tmp_path / "before", [candidate(seed) for seed in range(4)])])

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "out", inputs, cache=tmp_path / "cache", on_write=stop)
    assert not (tmp_path / "out").exists() and not [*tmp_path.glob(".out.*/*/*")]
    looked: list[int] = []
    make(tmp_path / "out", inputs, cache=tmp_path / "cache", on_look=lambda done, total: looked.append(done))
    assert looked == [4], "taken from the cache as a whole"


def test_what_a_killed_run_left_behind_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / ".out.making" / "0123456789abcdef"
    left.mkdir(parents=True)
    (left / "data-00000-of-00001.parquet").write_bytes(b"half")
    made(tmp_path, Inputs(previous=[rows(tmp_path / "before", [candidate(1)])]))
    assert not left.parent.exists() and len(read(tmp_path / "out")) == 1


def test_records_that_cannot_be_used_are_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    empty = file(np.zeros((48, 48), bool))
    every = [
        candidate(1),
        candidate(2, mask=empty),
        candidate(3, source=b"no photo"),
        candidate(4, round=2**40),
        candidate(5, category="half a sign \ud800"),
        candidate(6, result=None),
    ]
    told = made(tmp_path, Inputs(previous=[rows(tmp_path / "before", every)]))
    assert list(read(tmp_path / "out")) == ["photo 1"]
    assert dict(told.amiss.counts) == {
        "with a mask that cannot be used": 1,
        "with a picture that cannot be opened": 1,
        "that cannot be read": 2,
    }
    assert told.manifest["inputs"][0]["left_out"]["counts"] == dict(sorted(told.amiss.counts.items()))
    assert out_of(told) == {"neither a removal nor a truth": 1}


def test_a_picture_that_changed_since_it_was_looked_at_is_found(tmp_path: Path) -> None:
    """Its size is the same, so the set's fingerprint does not show it."""
    before = rows(tmp_path / "before", [candidate(1), candidate(2, result=removal(2) + b"1")])
    made(tmp_path, Inputs(previous=[before]))
    picture = next(Path(before, "GT").glob("photo 2*"))
    picture.write_bytes(picture.read_bytes()[:-1] + b"2")
    with pytest.raises(BadData, match=r"photo 2 .*has changed") as caught:
        made(tmp_path, Inputs(previous=[before]), out="again")
    assert "--look-again" in caught.value.fix
    make(tmp_path / "again", Inputs(previous=[before]), cache=tmp_path / "cache", look_again=True)
    assert len(read(tmp_path / "again")) == 2


def test_removals_with_a_truth_are_measured(tmp_path: Path) -> None:
    new = [candidate(seed, truth=file(photo(seed))) for seed in (1, 2)]
    exact = candidate(3, result=file(photo(3)), truth=file(photo(3)))
    scored = [(one, 0.9, True) for one in (*new, exact)]
    inputs = Inputs(generated=[shards(tmp_path / "new", new)], scores=[scores(tmp_path / "s", scored[:2])])
    psnr = made(tmp_path, inputs).manifest["psnr"]
    squares = [
        np.mean((photo(seed)[8:20, 8:20].astype(float) - 100) ** 2)  # inside the mask, where all is grey 100
        for seed in (1, 2)
    ]
    assert psnr["n"] == 2 and psnr["metric"] == "psnr_hole/gt"
    assert psnr["mean"] == pytest.approx(np.mean([10 * np.log10(255**2 / one) for one in squares]))
    inputs = Inputs(generated=[shards(tmp_path / "3", [*new, exact])], scores=[scores(tmp_path / "s3", scored)])
    assert made(tmp_path, inputs, out="exact").manifest["psnr"]["mean"] is None, "infinite is no number of JSON"


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({}, "no set to make a round of"),
        ({"generated": ["x"]}, "Nothing says which"),
        ({"previous": ["x"], "scores": [Path("s")]}, "Scores need the removals"),
    ],
)
def test_inputs_that_give_no_round_are_refused(inputs: dict[str, list[str]], sentence: str) -> None:
    with pytest.raises(BadOptions, match=sentence):
        Inputs(**inputs)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("settings", [{"near": -1}, {"near": 17}, {"round": -1}])
def test_settings_have_bounds(settings: dict[str, int]) -> None:
    with pytest.raises(BadOptions):
        Settings(**settings)
    assert Settings().near == BITS


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    new, others = [candidate(1), candidate(2)], [candidate(3), candidate(4)]
    generated = [shards(tmp_path / "new", new)]
    strange = scores(tmp_path / "s", [(one, 0.9, True) for one in (*new, *others)])
    with pytest.raises(BadData, match="2 of 4 scores are of removals that are not in"):
        made(tmp_path, Inputs(generated=generated, scores=[strange]))
    with pytest.raises(BadData, match="None of the answers is of a removal"):
        said = answers(tmp_path / "a.csv", [(others[0], ANNA, "yes")])
        made(tmp_path, Inputs(generated=generated, answers=[said]))
    with pytest.raises(BadData, match="None of 2 records was accepted by anybody"):
        said = answers(tmp_path / "no.csv", [(new[0], ANNA, "no")])
        made(tmp_path, Inputs(generated=generated, answers=[said]))
    assert not (tmp_path / "out").exists()


def test_numbers_that_json_does_not_have_stay_out_of_the_manifest(tmp_path: Path) -> None:
    one = candidate(1)
    generated = tmp_path / "new"
    shards(generated, [one])
    (generated / "generate.json").write_text('{"options": {"scale": Infinity}, "complete": {}}')
    judged = scores(tmp_path / "s", [(one, 0.9, True)], ece=float("nan"), bins=[1, 2])
    manifest = made(tmp_path, Inputs(generated=[str(generated)], scores=[judged])).manifest
    told = manifest["inputs"][0]["notes"]["generate.json"]["told"]
    assert told == {"options": {"scale": None}, "complete": {}}
    assert manifest["calibrations"][0]["ece"] is None and "bins" not in manifest["calibrations"][0]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    generated = [shards(tmp_path / "new", [candidate(1)])]
    with pytest.raises(BadData, match="no file of answers called"):
        made(tmp_path, Inputs(generated=generated, answers=[tmp_path / "none.csv"]))
    with pytest.raises(BadData, match="no file or folder called"):
        made(tmp_path, Inputs(previous=[str(tmp_path / "none")]))
    folder = scores(tmp_path / "s", [(candidate(1), 0.9, True)])
    for damage in (lambda: (folder / "scores.parquet").write_bytes(b"PAR1"), (folder / "calibration.json").unlink):
        damage()
        with pytest.raises(BadData, match=r"scores in .* cannot be read|has no calibration"):
            made(tmp_path, Inputs(generated=generated, scores=[folder]))


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    inputs = Inputs(previous=[rows(tmp_path / "before", [candidate(1)])])
    (tmp_path / "out").mkdir()
    made(tmp_path, inputs)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(BadData, match="is there already"):
        made(tmp_path, inputs, out="full")
    with pytest.raises(BadOptions, match="lies within the set"):
        made(tmp_path, inputs, out="before/out")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_to_is_said_so(tmp_path: Path) -> None:
    inputs = Inputs(previous=[rows(tmp_path / "before", [candidate(1)])])
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="file"):
        make(tmp_path / "file" / "out", inputs, cache=tmp_path / "cache")


def test_a_closed_cache_is_said_so(tmp_path: Path) -> None:
    inputs = Inputs(previous=[rows(tmp_path / "before", [candidate(1)])])
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(OSError, match="cache"):
        made(tmp_path, inputs)
    assert not (tmp_path / "out").exists()
