"""What holds for every metric of the catalog."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from rorem.errors import BadOptions
from rorem.metrics import Metric, SetMetric, catalog
from tests.metrics.making import look, scene
from tests.server import ROOT

EVERY = (*catalog.METRICS, *catalog.SET_METRICS)
WITHOUT_NETWORK = [one for one in catalog.METRICS if not one.parts]
IDS = """psnr_bg/raw psnr_bg/composite psnr_hole/gt psnr_full/gt ssim_full/gt lpips_full/gt@alex lpips_full/gt@vgg
    lpips_full/gt@squeeze lpips_hole/gt dino_ring clip_box remove/published remove/fixed cfd/published cfd/fixed rc_s
    cmmd seam rorem_style/psnr rorem_style/lpips rorem_style/dino rorem_style/clip"""


def test_ids_are_there_and_unique() -> None:
    ids = [one.id for one in EVERY]
    assert len(set(ids)) == len(ids)
    assert set(IDS.split()) <= set(ids)
    assert len({one.title for one in EVERY}) == len(EVERY)


@pytest.mark.parametrize("metric", EVERY, ids=lambda one: one.id)
def test_every_metric_says_what_it_is(metric: Metric | SetMetric) -> None:
    assert metric.about.endswith(".") and len(metric.about) > 40
    assert catalog.find(metric.id) is metric
    assert ("/gt" in metric.id) == metric.needs_truth or metric.id == "cmmd"
    if metric.id.startswith("rorem_style/"):
        assert metric.about.startswith("Our reading of an undefined protocol")


@pytest.mark.parametrize("metric", EVERY, ids=lambda one: one.id)
def test_a_metric_without_its_weights_says_so(metric: Metric | SetMetric) -> None:
    reason = catalog.obstacle(metric)
    assert reason == "" if not metric.parts else metric.parts[0].name in reason or "package" in reason


@pytest.mark.parametrize("metric", WITHOUT_NETWORK, ids=lambda one: one.id)
def test_a_metric_without_network_measures_any_picture_and_changes_none(metric: Metric) -> None:
    source, truth, mask = scene(90, 131)
    kept = [array.copy() for array in (source, truth, mask)]
    for array in (source, truth, mask):
        array.flags.writeable = False
    value = metric.load()(look(source, truth[::-1][::-1], mask, truth))
    assert type(value) is float and not math.isnan(value)
    assert all((array == copy).all() for array, copy in zip((source, truth, mask), kept, strict=True))
    without = metric.load()(look(source, truth, mask))
    assert math.isnan(without) == metric.needs_truth


def test_an_unknown_metric_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadOptions, match="'psnr'") as refused:
        catalog.find("psnr")
    assert "psnr_bg/raw" in refused.value.fix and "cmmd" in refused.value.fix


def test_the_list_is_light() -> None:
    code = "import sys; from rorem.metrics import catalog; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert not {"torch", "transformers", "gradio", "skimage", "scipy"} & set(done.stdout.split())


def test_metrics_without_network_work_where_torch_is_missing() -> None:
    code = """
import sys
sys.modules["torch"] = None
import numpy as np
from rorem.metrics import Seen, catalog
grey = np.zeros((32, 32, 3), np.uint8)
hole = np.zeros((32, 32), bool)
hole[8:20, 8:20] = True
print([one.load()(Seen(grey, hole, grey, hole, grey)) for one in catalog.METRICS if not one.parts])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[inf, inf, inf, inf, 1.0, 0.0, 0.0, inf]"
