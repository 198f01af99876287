"""Removals of a whole set: the same bytes whatever the order, what is done is not done again, what fails is named."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_tools.engine.deaths import Care
from data_tools.generate import Settings, generate, work
from data_tools.generate.work import DEADLY, MakeWork
from data_tools.parts import parts_of, seed_of
from rorem.errors import BadData, BadOptions, MissingWeights, RoremError, Unavailable
from rorem.evaluation.makers import Maker
from rorem.mask_file import read_mask
from rorem.picture import open_picture, to_rgb
from rorem.triplet import Triplet, open_set, write_shards
from tests.data_tools.generate.made import QUICK, notes, photos, removals, shards
from tests.evaluation.sets import folder, png, scene

Removal = Callable[[Maker, Triplet, int], Triplet]


def test_every_candidate_has_a_removal(tmp_path: Path) -> None:
    name, out = photos(tmp_path), tmp_path / "out"
    told: list[tuple[int, int]] = []
    summary = generate(name, out, QUICK, on_step=lambda done, total: told.append((done, total)))
    assert (summary.made, summary.there, summary.left_out.total, summary.waiting) == (8, 0, 0, 0)
    assert told[-1] == (8, 8) and [done for done, _ in told] == sorted(done for done, _ in told)
    made = removals(out)
    assert set(made) == set(open_set(name).names)
    for one in made.values():
        assert (one.method, one.protocol, one.accepted_by, one.seed) == (
            "telea",
            "same pipeline",
            "none",
            seed_of(one.sample, 0),
        )
        assert one.revision == "opencv 5" and json.loads(one.options) == {"radius": 5} and one.result
        assert one.extra["windows"] and "removal_seconds" not in one.extra and one.category.startswith("thing")
        source, result = (to_rgb(open_picture(data)) for data in (one.source, one.result))
        marked = read_mask(one.mask, 96, 96).mask
        changed = (source != result).any(axis=2)
        assert changed[marked].mean() > 0.9 and changed.sum() < 2 * marked.sum()
    about = json.loads((out / "generate.json").read_bytes())
    assert about["complete"]["removals"] == about["candidates"] == 8 and about["complete"]["failed"] == 0
    assert about["input"] == "photos" and about["input_fingerprint"] == open_set(name).fingerprint
    assert {"method", "revision", "options", "protocol", "seed", "edition"} <= set(about)
    assert sum(len(note["seconds"]) for note in notes(out)) == 8
    assert not (out / ".working").exists()


def test_order_and_machines_change_nothing(tmp_path: Path) -> None:
    name = photos(tmp_path)
    generate(name, tmp_path / "one", QUICK)
    for machine in (2, 0):
        summary = generate(name, tmp_path / "three", QUICK, machine=machine, machines=3)
        assert summary.waiting and "complete" not in json.loads((tmp_path / "three" / "generate.json").read_bytes())
        with pytest.raises(BadData, match="not finished"):
            removals(tmp_path / "three")
    assert 0 < len(open_set(str(tmp_path / "three" / "data"))) < 8  # whoever wants to see what is there already
    assert not generate(name, tmp_path / "three", QUICK, machine=1, machines=3).waiting
    assert shards(tmp_path / "one") == shards(tmp_path / "three")
    assert len([file for file in shards(tmp_path / "one") if file.endswith(".parquet")]) == len(
        parts_of(open_set(name).names, 3)
    )


def test_a_record_has_the_same_removal_in_any_set_and_another_with_another_seed(tmp_path: Path) -> None:
    settings = Settings("patchmatch", {"working_size": 128}, size=2)
    for count in (2, 3):
        generate(str(folder(tmp_path / str(count), count)), tmp_path / f"out{count}", settings)
    few, more = removals(tmp_path / "out2"), removals(tmp_path / "out3")
    assert {name: few[name].result for name in few} == {name: more[name].result for name in few}
    generate(str(tmp_path / "2"), tmp_path / "again", replace(settings, seed=1))
    assert all(one.result != few[name].result for name, one in removals(tmp_path / "again").items())


def test_objects_of_one_photo_keep_their_removals_in_another_order(tmp_path: Path) -> None:
    made = []
    for number in range(2):
        path = folder(tmp_path / str(number), 3)
        listed = json.loads((path / "meta.json").read_text())
        for record in listed:
            record.update(source=listed[0]["source"])  # their names are made of it: scene00, scene00-2 and scene00-3
            record.pop("name", None)
        (path / "meta.json").write_text(json.dumps(listed[::-1] if number else listed))
        generate(str(path), tmp_path / f"out{number}", Settings("patchmatch", {"working_size": 128}))
        made.append({one.mask: (one.seed, one.result) for one in removals(tmp_path / f"out{number}").values()})
    assert len(made[0]) == 3 and made[0] == made[1]


def test_results_that_are_there_are_not_looked_at(tmp_path: Path) -> None:
    source, mask, truth = scene(1)
    given = Triplet("one", png(source), png(mask), result=b"broken", truth=png(truth), accepted_by="human", votes_yes=3)
    write_shards([given], tmp_path / "given")
    generate(str(tmp_path / "given"), tmp_path / "out", replace(QUICK, seconds=True))
    (made,) = removals(tmp_path / "out").values()
    assert made.result != b"broken" and made.truth == png(truth)
    assert (made.accepted_by, made.votes_yes) == ("none", 0) and made.extra["removal_seconds"]


def test_what_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    name, out = Path(photos(tmp_path, 9)), tmp_path / "out"
    (name / "source" / "scene01.png").write_bytes(b"no photo")
    (name / "mask" / "scene02.png").write_bytes(png(np.ones((96, 96), bool)))
    (name / "source" / "scene03.png").unlink()
    records = json.loads((name / "meta.json").read_text())
    records[4]["source"] = "../secret.png"
    records[5]["round"] = 2**40
    (name / "meta.json").write_text(json.dumps(records))
    summary = generate(str(name), out, replace(QUICK, size=1))
    assert summary.made == 4 and summary.left_out.total == 5
    assert summary.left_out.counts["photos that cannot be opened"] == 1
    assert summary.left_out.counts["masks that cannot be used"] == 1
    assert summary.left_out.counts["records that cannot be read or written"] == 3
    assert set(removals(out)) == {"scene00", *(f"scene0{number}" for number in range(6, 9))}
    failed = [failure for note in notes(out) for failure in note["failed"]]
    assert sorted(failure["name"] for failure in failed) == [
        *(f"scene0{number}" for number in (1, 2, 3, 5)),
        "secret",
    ]
    assert all(failure["why"] and "\n" not in failure["why"] for failure in failed)
    empty = [note for note in notes(out) if not note["made"]]
    assert all(not note["sha256"] for note in empty)  # parts of which nothing came: the set opens all the same
    again = generate(str(name), out, replace(QUICK, size=1))
    assert (again.made, again.there, again.left_out.counts) == (0, 4, summary.left_out.counts)


def test_a_part_of_which_nothing_comes_leaves_no_file(tmp_path: Path) -> None:
    name = Path(photos(tmp_path, 6))
    parts = parts_of(open_set(str(name)).names, 2)
    for index in parts[0].indices:
        (name / "source" / f"scene0{index}.png").write_bytes(b"no photo")
    generate(str(name), tmp_path / "out", QUICK)
    assert [file.name for file in (tmp_path / "out" / "data").iterdir()] == ["part-00001.parquet"]
    assert len(removals(tmp_path / "out")) == len(parts[1].indices)


class Failing:
    """Removes, but for some records, of which it says why. Counts what it was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception | None, *names: str) -> None:
        self.asked: list[str] = []
        self.error, self._names, self._real = error, names, work.removal
        monkeypatch.setattr(work, "removal", self)

    def __call__(self, maker: Maker, triplet: Triplet, seed: int) -> Triplet:
        self.asked.append(triplet.name)
        if self.error and triplet.name in self._names:
            raise self.error
        return self._real(maker, triplet, seed)


@pytest.mark.parametrize("error", [RoremError("It went wrong."), MemoryError(), ZeroDivisionError("division")])
def test_retry_tries_again_what_failed_and_nothing_else(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = photos(tmp_path)
    generate(name, tmp_path / "clean", QUICK)
    failing = Failing(monkeypatch, error, "scene00", "scene01")
    assert generate(name, tmp_path / "out", QUICK).left_out.total == 2
    assert generate(name, tmp_path / "out", QUICK).left_out.total == 2 and len(failing.asked) == 8
    failing.error = None
    summary = generate(name, tmp_path / "out", QUICK, retry=True)
    assert (summary.made, summary.there, summary.left_out.total) == (2, 6, 0)
    assert sorted(failing.asked[8:]) == ["scene00", "scene01"]
    assert shards(tmp_path / "out") == shards(tmp_path / "clean")
    assert all(len(note["seconds"]) == note["made"] for note in notes(tmp_path / "out"))


@pytest.mark.parametrize("error", [MissingWeights("They are gone."), Unavailable("No GPU."), KeyboardInterrupt()])
def test_what_would_befall_every_record_ends_the_run_and_it_is_taken_up_again(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = photos(tmp_path)
    generate(name, tmp_path / "clean", QUICK)
    last = parts_of(open_set(name).names, 3)[-1]
    failing = Failing(monkeypatch, error, open_set(name).names[last.indices[-1]])
    with pytest.raises(type(error)):
        generate(name, tmp_path / "out", QUICK)
    failing.error = None
    failing.asked.clear()
    assert generate(name, tmp_path / "out", QUICK).there == 8 - len(last.indices)
    assert len(failing.asked) == len(last.indices)
    assert shards(tmp_path / "out") == shards(tmp_path / "clean")


def test_a_file_that_is_not_whole_is_made_again(tmp_path: Path) -> None:
    name, out = photos(tmp_path), tmp_path / "out"
    generate(name, out, QUICK)
    before = shards(out)
    first, second = sorted((out / "data").iterdir())[:2]
    first.write_bytes(first.read_bytes()[:-9])
    second.unlink()
    (out / ".working" / "left by a kill").mkdir(parents=True)
    assert generate(name, out, QUICK).made > 0
    assert shards(out) == before and not (out / ".working").exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (replace(QUICK, seed=1), "seed was 0 and is 1"),
        (replace(QUICK, method="patchmatch"), 'method was "telea" and is "patchmatch"'),
        (replace(QUICK, options={"radius": 9}), 'options was {"radius": 5}'),
        (replace(QUICK, grow=2), "grow was null and is 2"),
        (replace(QUICK, size=4), "part size was 3 and is 4"),
    ],
)
def test_other_settings_are_refused(settings: Settings, words: str, tmp_path: Path) -> None:
    name = photos(tmp_path, 2)
    generate(name, tmp_path / "out", QUICK)
    before = shards(tmp_path / "out")
    with pytest.raises(BadData, match="in another way") as raised:
        generate(name, tmp_path / "out", settings)
    assert words in str(raised.value) and shards(tmp_path / "out") == before


def test_a_set_that_lies_elsewhere_now_is_the_same(tmp_path: Path) -> None:
    name, out = photos(tmp_path, 4), tmp_path / "out"
    generate(name, out, QUICK, machine=1, machines=2)
    there = Path(name).rename(tmp_path / "moved")
    before = json.loads((out / "generate.json").read_bytes())
    assert not generate(str(there), out, QUICK).waiting
    after = json.loads((out / "generate.json").read_bytes())
    assert before["input"] == "photos" and after.pop("complete") and after == before


def test_a_run_whose_failures_are_tried_again_is_not_complete_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, out = photos(tmp_path, 4), tmp_path / "out"
    failing = Failing(monkeypatch, RoremError("It went wrong."), "scene00")
    generate(name, out, QUICK)
    assert len(removals(out)) == 3
    failing.error = KeyboardInterrupt()  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(KeyboardInterrupt):
        generate(name, out, QUICK, retry=True)
    with pytest.raises(BadData, match="not finished"):
        removals(out)
    failing.error = None
    generate(name, out, QUICK, retry=True)
    assert len(removals(out)) == 4


def test_another_set_is_refused(tmp_path: Path) -> None:
    name = photos(tmp_path, 2)
    generate(name, tmp_path / "out", QUICK)
    folder(tmp_path / "photos", 3)
    with pytest.raises(BadData, match="other records"):
        generate(name, tmp_path / "out", QUICK)
    with pytest.raises(BadData, match="holds another set"):
        generate(name, folder(tmp_path / "there", 1), QUICK)
    with pytest.raises(BadOptions, match="within the set"):
        generate(name, Path(name) / "out", QUICK)
    (tmp_path / "out" / "generate.json").write_text("{")
    with pytest.raises(BadData, match="cannot be read"):
        generate(name, tmp_path / "out", QUICK)


def test_what_makes_no_sense_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    name, out = photos(tmp_path, 1), tmp_path / "out"
    with pytest.raises(BadOptions):
        generate(name, out, QUICK, machine=2, machines=2)
    with pytest.raises(BadOptions):
        generate(name, out, QUICK, workers=0)
    with pytest.raises(BadOptions):
        generate(name, out, QUICK, engine="steam")
    with pytest.raises(BadOptions):
        generate(name, out, replace(QUICK, options={"radius": 99}))
    with pytest.raises((MissingWeights, Unavailable)):
        generate(name, out, Settings("lama"))
    with pytest.raises(Unavailable):
        generate(name, out, Settings("magic"))
    with pytest.raises(BadData):
        generate(str(tmp_path / "nothing"), out, QUICK)
    for wrong in ({"protocol": "by hand"}, {"seed": -1}, {"size": 0}, {"grow": -1}):
        with pytest.raises(BadOptions):
            replace(QUICK, **wrong)
    assert not (out / "data").exists()


def test_what_ends_every_worker_is_left_out_and_named(tmp_path: Path) -> None:
    name, out = photos(tmp_path, 4), tmp_path / "out"
    set_ = open_set(name)
    tried: list[int] = []
    (part,) = parts_of(set_.names)
    done = MakeWork(name, out, QUICK, QUICK.told(set_, QUICK.maker()))().carefully(
        part, Care(frozenset({2, 9}), tried.append)
    )
    assert done.made == 3 and tried == [0, 1, 3]
    assert [(one.name, one.kind) for one in done.failed] == [(set_.names[2], DEADLY)]


def test_a_worker_elsewhere_must_find_the_same_set(tmp_path: Path) -> None:
    name, out = photos(tmp_path, 3), tmp_path / "out"
    set_ = open_set(name)
    told = QUICK.told(set_, QUICK.maker())
    make_work = MakeWork(name, out, QUICK, told, here=set_, on_record=lambda: None)
    there = pickle.loads(pickle.dumps(make_work))
    assert there == make_work and there.here is None and there.on_record is None
    (part,) = parts_of(set_.names)
    assert there()(part).made == 3
    pinned = replace(make_work, told={**told, "input": "somebody/photos"})  # workers open somebody/photos@0123...
    assert pinned()(part).made == 3
    folder(tmp_path / "photos", 4)
    with pytest.raises(BadData, match="not like the others"):
        there()
