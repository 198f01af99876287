"""What metrics are shown of a removal, and what becomes of those that cannot be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rorem.comparison import Request, compare, seeing
from rorem.comparison.seeing import measures, read_truth, seen
from rorem.errors import BadPicture, BadWeights
from rorem.metrics import Metric, Seen, catalog
from rorem.picture import to_rgb
from rorem.remover import AS_PUBLISHED, Removal
from rorem.weights import Hub, Part, WeightFile
from tests.comparison.scene import HIGH, WIDE, mark, photo, pixels, png, truth


def removal() -> Removal:
    (cell,) = compare(photo(), mark(), Request(("telea",)))
    assert cell.removal is not None
    return cell.removal


def published(high: int, wide: int) -> Removal:
    made = np.full((high, wide, 3), 90, np.uint8)
    return replace(removal(), patches=(), published=made, protocol=AS_PUBLISHED)


def test_a_removal_as_metrics_see_it() -> None:
    one = seen(removal(), mark(), truth())
    assert (one.source == pixels()).all() and (one.mask == mark()).all() and one.truth is not None
    assert (one.truth == truth()).all()
    assert one.result.shape == (HIGH, WIDE, 3) and (one.result[~one.hole] == one.source[~one.hole]).all()
    assert (one.hole & mark() == mark()).all() and one.hole.sum() > mark().sum() and one.raw is None


@pytest.mark.parametrize("size", [(HIGH, WIDE), (HIGH * 2, WIDE * 2), (20, 30)])
def test_as_published_it_is_brought_to_the_photos_size(size: tuple[int, int]) -> None:
    one = seen(published(*size), mark())
    assert one.result.shape == (HIGH, WIDE, 3) and (one.result == 90).all()
    assert (one.raw is None) == (size == (HIGH, WIDE)) and (one.raw is None or one.raw.shape == (*size, 3))
    assert (one.hole == mark()).all() and one.truth is None


def test_the_truth_is_read_and_must_fit() -> None:
    assert (read_truth(png(truth()), photo()) == truth()).all()
    with pytest.raises(BadPicture, match=f"The truth is {WIDE} x 9 pixels and the photo {WIDE} x {HIGH}"):
        read_truth(png(truth()[:9]), photo())


def metric(id: str, needs_truth: bool = False, **more: object) -> Metric:
    def load() -> object:
        loaded.append(id)
        return lambda one: float(to_level(one))

    return Metric(id, id, "A mean.", "", load, needs_truth=needs_truth, **more)  # type: ignore[arg-type]


def to_level(one: Seen) -> float:
    return one.result.mean()


loaded: list[str] = []


def broken(error: Exception) -> object:
    def load() -> object:
        raise error

    return load


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded.clear()
    absent = Part("no-such", "a network", Hub("no/such"), (WeightFile("x"),))
    monkeypatch.setattr(
        catalog,
        "METRICS",
        (
            metric("seam"),
            metric("psnr_bg/raw"),
            metric("other"),
            metric("psnr_full/gt", needs_truth=True),
            metric("lpips_full/gt", needs_truth=True, parts=(absent,)),
            metric("strange", needs_truth=True, packages=("no_such_package",)),
            replace(metric("torn", needs_truth=True), load=broken(BadWeights("It is torn.", "Mend it."))),
            replace(metric("wrong", needs_truth=True), load=broken(ZeroDivisionError("oh"))),
            replace(metric("large", needs_truth=True), load=broken(MemoryError())),
        ),
    )


@pytest.mark.usefixtures("metrics")
def test_without_truth_only_what_needs_none() -> None:
    (cell,) = compare(photo(), mark(), Request(("telea",)))
    assert cell.removal is not None and set(cell.metrics) == {"seam", "psnr_bg/raw"} and cell.left_out == {}
    assert cell.metrics["seam"] == pytest.approx(to_rgb(cell.removal.picture).mean())


@pytest.mark.usefixtures("metrics")
def test_with_truth_what_can_be_measured_and_a_reason_for_the_rest() -> None:
    cells = list(compare(photo(), mark(), Request(("telea", "patchmatch")), truth=truth()))
    for cell in cells:
        assert set(cell.metrics) == {"seam", "psnr_bg/raw", "psnr_full/gt"}
        assert "rorem weights pull no-such" in cell.left_out["lpips_full/gt"]
        assert "no_such_package" in cell.left_out["strange"]
        assert cell.left_out["torn"] == "It is torn. Mend it."
        assert "not foreseen" in cell.left_out["wrong"] and "memory" in cell.left_out["large"]
    assert loaded == ["seam", "psnr_bg/raw", "psnr_full/gt"]  # once for both cells


@pytest.mark.usefixtures("metrics")
def test_one_without_room_to_be_looked_at_keeps_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Seen:
        raise MemoryError

    monkeypatch.setattr(seeing, "seen", full)
    (cell,) = compare(photo(), mark(), Request(("telea",)))
    assert cell.removal is not None and cell.metrics == {} and set(cell.left_out) == {"seam", "psnr_bg/raw"}


def test_the_metrics_of_the_catalog_run_on_a_comparison() -> None:
    """Whatever is in the catalog and needs no weights is measured, and the result of a good fill is a number."""
    values, left_out = measures(with_truth=True).of(removal(), mark(), truth())
    wanted = {one.id for one in catalog.METRICS if one.needs_truth or one.id in seeing.ALWAYS}
    assert set(values) | set(left_out) == wanted
    assert {one.id for one in catalog.METRICS if one.id in wanted and not catalog.obstacle(one)} == set(values)
    assert not any(np.isnan(value) for value in values.values())
