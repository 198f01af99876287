"""Every metric of the catalog goes through a run, with tiny networks in the published layouts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rorem import judge
from rorem.evaluation.plan import Plan
from rorem.evaluation.running import Finished, evaluate
from rorem.metrics import catalog, networks
from tests.checkpoints.discriminator import write_discriminator
from tests.checkpoints.metrics import write_metric_weights
from tests.checkpoints.sdxl import write_sdxl
from tests.evaluation.sets import in_memory, triplet


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("weights")
    write_metric_weights(folder)
    write_sdxl(folder / "sdxl-inpainting")
    write_discriminator(folder / "rorem-discriminator", folder / "sdxl-inpainting" / "unet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROREM_WEIGHTS", str(folder))
        samples = in_memory(triplet(0, category="disc"), triplet(1, category="disc"))
        found = evaluate(samples, Plan(("telea",)), tmp_path_factory.mktemp("run") / "out")
        assert found is not None
        yield found
        networks.clear()
        judge._judges.clear()


def test_nothing_is_left_out_and_nothing_fails(finished: Finished) -> None:
    assert finished.left_out == {} and finished.failures == ()
    assert [row for row in finished.rows if row.reason] == []


def test_every_metric_has_a_number_for_every_sample(finished: Finished) -> None:
    found = {(row.metric, row.name) for row in finished.rows if row.value is not None}
    for metric in catalog.METRICS:
        assert {(metric.id, "scene00"), (metric.id, "scene01")} <= found, metric.id
    assert ("success_judge", "scene00") in found and ("judge_raw", "scene01") in found


def test_a_metric_of_the_set_says_how_many_pictures_it_saw(finished: Finished) -> None:
    (row,) = [row for row in finished.rows if row.metric == "cmmd"]
    assert (row.sample, row.n) == ("", 2) and row.value is not None and row.value >= 0
