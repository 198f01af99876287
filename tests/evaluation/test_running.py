"""A run does everything once, says what failed, and goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from rorem.errors import BadData, BadOptions, BadPicture, Unavailable
from rorem.evaluation import measuring, rows
from rorem.evaluation.facts import FACTS
from rorem.evaluation.gathering import FAILED
from rorem.evaluation.makers import ByMethod, Made, Maker
from rorem.evaluation.measuring import Gauge
from rorem.evaluation.plan import Plan
from rorem.evaluation.processes import Processes
from rorem.evaluation.rows import Row
from rorem.evaluation.running import REMOVING, Finished, evaluate
from rorem.evaluation.samples import Sample
from rorem.metrics import Metric, Seen, SetMetric
from rorem.picture import to_rgb
from rorem.remover import OnStep
from rorem.triplet.record import Triplet
from rorem.triplet.sets import TripletSet
from tests.evaluation.sets import in_memory, png, scene, triplet

METRICS = ("psnr_hole/gt", "psnr_bg/raw", "seam")
TIMED = {fact.id for fact in FACTS if fact.id != "network_calls"}


def run(samples: TripletSet, plan: Plan, out: Path, **more: object) -> Finished:
    finished = evaluate(samples, plan, out, **more)  # type: ignore[arg-type]
    assert finished is not None
    return finished


def lasting(found: Sequence[Row]) -> list[Row]:
    """Without what is another number each time."""
    return sorted(row for row in found if row.metric not in TIMED)


class Counted:
    """Fills with one grey level for each seed, counts, and fails or stops where it is told to."""

    protocol = "test"
    revision = "1"
    options = "{}"
    seeded = masked = True
    key = "k"

    def __init__(self, id: str = "counted", fails_on: str = "", before: Callable[[], None] = lambda: None) -> None:
        self.id = id
        self.made: list[tuple[str, int, int]] = []
        self._fails_on = fails_on
        self._before = before

    def make(self, sample: Sample, mask: np.ndarray, seed: int, on_step: OnStep) -> Made:
        self._before()
        self.made.append((sample.name, seed, int(mask.sum())))
        if sample.name == self._fails_on:
            raise BadPicture("It could not be done.", "Try another.")
        picture = to_rgb(sample.picture).copy()
        picture[mask] = 100 + seed
        return Made(picture, mask, {"latency": 0.5, "network_calls": 2.0})

    def release(self) -> None:
        self.released = True


def test_every_method_sample_and_seed_has_rows(tmp_path: Path) -> None:
    plan = Plan(("patchmatch", "telea"), seeds=(0, 1), metrics=METRICS)
    finished = run(in_memory(triplet(0), triplet(1)), plan, tmp_path / "out")
    assert not finished.failures and not finished.left_out
    found = {(row.method, row.name, row.seed, row.metric): row.value for row in finished.rows}
    for metric in (*METRICS, "latency", "network_calls"):
        assert {key[:3] for key in found if key[3] == metric} == {
            ("patchmatch", "scene00", 0),
            ("patchmatch", "scene00", 1),
            ("patchmatch", "scene01", 0),
            ("patchmatch", "scene01", 1),
            ("telea", "scene00", 0),  # the seed changes nothing for it
            ("telea", "scene01", 0),
        }
    assert found["telea", "scene00", 0, "psnr_bg/raw"] == float("inf")
    assert 10 < (found["patchmatch", "scene00", 0, "psnr_hole/gt"] or 0) < 60
    assert rows.read(tmp_path / "out" / rows.FILE) == sorted(finished.rows, key=lambda row: rows._key(row))


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    samples, plan = in_memory(triplet(0), triplet(1)), Plan(seeds=(0, 1), metrics=METRICS)
    first, again, more = Counted(), Counted(), Counted()
    one = run(samples, plan, tmp_path, makers=[first])
    other = run(samples, plan, tmp_path, makers=[again])
    assert len(first.made) == 4 and again.made == []
    assert one.rows == other.rows, "the times of the first run are kept"
    run(in_memory(triplet(0), triplet(1), triplet(2)), replace(plan, seeds=(0, 1, 2)), tmp_path, makers=[more])
    assert sorted(more.made)[0][:2] == ("scene00", 2) and len(more.made) == 5


def test_a_metric_that_is_added_is_measured_on_the_old_pictures(tmp_path: Path) -> None:
    samples, maker = in_memory(triplet(0)), Counted()
    run(samples, Plan(metrics=("seam",)), tmp_path, makers=[maker])
    finished = run(samples, Plan(metrics=METRICS), tmp_path, makers=[maker])
    assert len(maker.made) == 1
    assert {row.metric for row in finished.rows} >= set(METRICS)


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    samples, plan = in_memory(*map(triplet, range(4))), Plan(seeds=(0, 1), metrics=METRICS)
    calls = iter(range(100))

    def stop_at_the_fourth() -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(samples, plan, tmp_path / "one", makers=[Counted(before=stop_at_the_fourth)])
    rest = Counted()
    stopped = run(samples, plan, tmp_path / "one", makers=[rest])
    whole = run(samples, plan, tmp_path / "other", makers=[Counted()])
    assert len(rest.made) == 5
    assert lasting(stopped.rows) == lasting(whole.rows)


def test_a_bad_sample_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    samples = in_memory(
        triplet(0),
        replace(triplet(1), source=b"no picture"),
        BadData("Record broken2: its source is missing."),
        triplet(3),
    )
    finished = run(samples, Plan(("telea",), metrics=METRICS), tmp_path)
    assert len(finished.failures) == 2
    assert (finished.failures[0].method, finished.failures[0].name) == ("telea", "scene01")
    assert "its source is missing" in finished.failures[1].reason
    good = {row.name for row in finished.rows if row.metric == "seam"}
    assert good == {"scene00", "scene03"}
    failed = [row for row in finished.rows if row.metric == FAILED]
    assert {row.name for row in failed} == {"scene01", "broken2"} and all(row.value is None for row in failed)


def test_a_failure_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    samples, plan = in_memory(triplet(0), triplet(1)), Plan(metrics=METRICS)
    assert len(run(samples, plan, tmp_path, makers=[Counted(fails_on="scene01")]).failures) == 1
    mended = Counted()
    finished = run(samples, plan, tmp_path, makers=[mended])
    assert not finished.failures and [name for name, *_ in mended.made] == ["scene01"]


def test_a_method_that_cannot_run_fails_on_its_own(tmp_path: Path) -> None:
    finished = run(in_memory(triplet(0)), Plan(("lama", "telea"), metrics=METRICS), tmp_path)
    assert [one.method for one in finished.failures] == ["lama"]
    assert "weights" in finished.failures[0].reason
    assert {row.method for row in finished.rows if row.metric == "seam"} == {"telea"}


def test_no_method_is_replaced_by_its_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rorem.methods import patchmatch

    def broken(self: object) -> None:
        raise Unavailable("The quick fill is not installed on this machine.")

    monkeypatch.setattr(patchmatch.PatchMatch, "__init__", broken)
    finished = run(in_memory(triplet(0)), Plan(("patchmatch",), metrics=METRICS), tmp_path)
    assert len(finished.failures) == 1


def test_a_picture_that_was_damaged_is_made_again(tmp_path: Path) -> None:
    samples, plan, maker = in_memory(triplet(0)), Plan(metrics=("seam",)), Counted()
    run(samples, plan, tmp_path, makers=[maker])
    (kept,) = [file for file in tmp_path.rglob("*.png") if "hole" not in file.name]
    kept.write_bytes(kept.read_bytes()[:100])
    finished = run(samples, Plan(metrics=METRICS), tmp_path, makers=[maker])
    assert len(maker.made) == 2
    assert {row.metric for row in finished.rows} >= set(METRICS)


def test_masks_are_changed_for_the_method_and_not_for_the_metrics(tmp_path: Path) -> None:
    maker = Counted()
    plan = Plan(policies=("as given", "dilated"), metrics=METRICS)
    finished = run(in_memory(triplet(0)), plan, tmp_path, makers=[maker])
    (_, _, given), (_, _, wide) = maker.made
    assert wide > given
    values = {(row.policy, row.metric): row.value for row in finished.rows}
    same = values["as given", "psnr_hole/gt"], values["dilated", "psnr_hole/gt"]
    assert same[0] == same[1], "the same grey in the same place"


def test_without_truth_what_needs_it_is_not_there(tmp_path: Path) -> None:
    finished = run(in_memory(replace(triplet(0), truth=None)), Plan(metrics=METRICS), tmp_path, makers=[Counted()])
    measured = {row.metric for row in finished.rows}
    assert "seam" in measured and "psnr_hole/gt" not in measured
    assert not finished.failures


def test_metrics_without_weights_are_left_out_with_the_reason(tmp_path: Path) -> None:
    finished = run(in_memory(triplet(0)), Plan(), tmp_path, makers=[Counted()])
    assert "rorem weights pull" in finished.left_out["lpips_full/gt@alex"]
    assert "success_judge" in finished.left_out
    assert not any(row.metric in finished.left_out for row in finished.rows)


def test_results_from_elsewhere_and_of_the_set_are_measured(tmp_path: Path) -> None:
    one, other = triplet(0), triplet(1)
    made = tmp_path / "made"
    made.mkdir()
    (made / "scene00.png").write_bytes(png(cv2.resize(scene(0)[0], (48, 48))))
    samples = in_memory(replace(one, result=one.truth), replace(other, result=png(np.zeros((96, 96, 3), np.uint8))))
    plan = Plan(("given",), metrics=METRICS, results={"theirs": made})
    finished = run(samples, plan, tmp_path / "out")
    found = {(row.method, row.name, row.metric): row.value for row in finished.rows}
    assert found["given", "scene00", "psnr_hole/gt"] == float("inf")
    assert (found["given", "scene01", "psnr_hole/gt"] or 99) < 20
    assert (found["theirs", "scene00", "psnr_bg/raw"] or 0) < 60, "it was resized"
    assert [(one.method, one.name) for one in finished.failures] == [("theirs", "scene01")]


def test_a_set_that_has_changed_is_measured_anew(tmp_path: Path) -> None:
    """Another truth, another given result, another category: none of the old numbers stands for them."""
    one = triplet(0, category="disc")
    plan = Plan(("given",), metrics=METRICS)

    def values(record: Triplet) -> dict[str, float | None]:
        return {row.metric: row.value for row in run(in_memory(record), plan, tmp_path / "out").rows}

    assert "psnr_hole/gt" not in values(replace(one, truth=None, result=one.truth))
    assert values(replace(one, result=one.truth))["psnr_hole/gt"] == float("inf")
    assert (values(replace(one, result=one.source))["psnr_hole/gt"] or 99) < 30
    rows_now = run(in_memory(replace(one, result=one.source, category="circle")), plan, tmp_path / "out").rows
    assert {row.category for row in rows_now} == {"circle"}


def test_pictures_from_elsewhere_are_found_by_their_whole_name(tmp_path: Path) -> None:
    made = tmp_path / "made"
    (made / "a").mkdir(parents=True)
    (made / "a/x.png").write_bytes(png(scene(0)[2]))
    samples = in_memory(replace(triplet(0), name="a/x"), replace(triplet(1), name="b/x"))
    finished = run(samples, Plan(metrics=METRICS, results={"theirs": made}), tmp_path / "out")
    assert [(one.name, "no result of this name" in one.reason) for one in finished.failures] == [("b/x", True)]
    (made / "a/x.jpg").write_bytes(b"")
    with pytest.raises(BadOptions, match="two pictures called a/x"):
        run(samples, Plan(metrics=METRICS, results={"theirs": made}), tmp_path / "out")


def test_what_was_made_elsewhere_stands_under_no_other_mask(tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    answers.write_text("sample,method,verdict\nscene00,telea,yes\n")
    plan = Plan(("given", "telea"), policies=("as given", "dilated"), metrics=METRICS, answers=answers)
    finished = run(in_memory(replace(triplet(0), result=triplet(0).truth)), plan, tmp_path / "out")
    assert {row.policy for row in finished.rows if row.method == "given"} == {"as given"}
    assert {row.policy for row in finished.rows if row.method == "telea"} == {"as given", "dilated"}
    assert [row.policy for row in finished.rows if row.metric == "success_human"] == ["as given"]


def test_other_weights_of_a_metric_measure_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    revisions = {"seam": "one"}
    asked: list[str] = []
    real = measuring.gauges

    def gauges(metrics: Sequence[Metric | SetMetric], judged: bool) -> list[Gauge]:
        def counted() -> Callable[[Seen], Sequence[float]]:
            asked.append(revisions["seam"])
            return lambda view: (1.0,)

        return [replace(one, load=counted, revision=revisions["seam"]) for one in real(metrics, judged)]

    monkeypatch.setattr("rorem.evaluation.running.gauges", gauges)
    samples, plan = in_memory(triplet(0)), Plan(metrics=("seam",))
    for _ in range(2):
        run(samples, plan, tmp_path, makers=[Counted()])
    revisions["seam"] = "two"
    finished = run(samples, plan, tmp_path, makers=[Counted()])
    assert asked == ["one", "two"] and finished.networks == ("two",)


def test_people_are_heard(tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    answers.write_text("sample,method,verdict\nscene00,counted,yes\nscene01,counted,no\n")
    plan = Plan(metrics=("seam",), answers=answers)
    finished = run(in_memory(triplet(0), triplet(1)), plan, tmp_path / "out", makers=[Counted()])
    said = {row.name: row.value for row in finished.rows if row.metric == "success_human"}
    assert said == {"scene00": 1.0, "scene01": 0.0}


def test_two_records_of_the_same_content_count_once(tmp_path: Path) -> None:
    finished = run(
        in_memory(triplet(0), replace(triplet(0), name="again")), Plan(metrics=METRICS), tmp_path, makers=[Counted()]
    )
    assert finished.twice == ("again",)
    assert len([row for row in finished.rows if row.metric == "seam"]) == 1


def test_processes_share_the_samples(tmp_path: Path) -> None:
    samples, plan = in_memory(*map(triplet, range(5))), Plan(metrics=METRICS)
    waits: list[int] = []
    makers = [Counted(), Counted()]
    for index in (1, 0):
        processes = Processes(index, 2, lambda: waits.append(1))
        finished = evaluate(samples, plan, tmp_path / "two", processes, makers=[makers[index]])
    assert {name for name, *_ in makers[0].made} == {"scene00", "scene02", "scene04"}
    assert {name for name, *_ in makers[1].made} == {"scene01", "scene03"}
    assert finished is not None and len(waits) == 4
    alone = run(samples, plan, tmp_path / "one", makers=[Counted()])
    assert lasting(finished.rows) == lasting(alone.rows)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int, str]] = []
    run(
        in_memory(triplet(0), triplet(1)),
        Plan(metrics=METRICS),
        tmp_path,
        makers=[Counted()],
        on_progress=lambda *one: told.append(one),
    )
    assert told[0] == (REMOVING, 0, 2, "counted, scene00")
    assert [one[1] for one in told if one[0] == REMOVING] == [0, 1, 2]
    assert told[-1][1] == told[-1][2] > 0


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (Plan(), "No method"),
        (Plan(("telea", "telea")), "named twice"),
        (Plan(("telea",), seeds=()), "Seeds"),
        (Plan(("telea",), seeds=(-1,)), "Seeds"),
        (Plan(("telea",), policies=("loose",)), "mask policy"),
        (Plan(("telea",), settings={"lama": {}}), "settings for lama"),
        (Plan(("telea",), metrics=("beauty",)), "no metric"),
        (Plan(("telea",), settings={"telea": {"steps": 3}}), "no setting"),
        (Plan(("telea",), results={"x": Path("nowhere")}), "no folder"),
    ],
)
def test_a_wrong_plan_is_refused_before_anything_is_done(plan: Plan, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(BadOptions, match=sentence):
        evaluate(in_memory(triplet(0)), plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(BadOptions, match="something else"):
        evaluate(in_memory(triplet(0)), Plan(("telea",)), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_another_setting_is_another_result() -> None:
    makers: list[Maker] = [
        ByMethod("patchmatch", {}),
        ByMethod("patchmatch", {"patch_size": 4}),
        ByMethod("patchmatch", {}, grow=3),
    ]
    assert len({maker.key for maker in makers}) == 3
